//! The laws of a run, checked against what clients received and what the table and its history show.
//!
//! The judge compares values: states, rows, status codes, problem codes, and receipts parsed as RFC 9651. It does not
//! depend on the wording of any message.

mod answers;
mod feed;
mod field;
mod history;
mod law;
mod lists;
mod numbers;
mod sides;
mod steps;

use std::fmt;

use crate::model::transcript::{Probe, Read, Save, State};

/// Everything that is known about a run.
pub(crate) struct Evidence<'a> {
    /// The record's states in order.
    pub(crate) states: &'a [State],
    pub(crate) saves: &'a [Save],
    pub(crate) reads: &'a [Read],
    pub(crate) probes: &'a [Probe],
    /// Whether the run had faults.
    pub(crate) faulty: bool,
    /// Whether the table was read between every two operations. Otherwise the states come from the history.
    pub(crate) observed: bool,
    /// Whether the feed had read the whole stream before each probe.
    pub(crate) followed: bool,
}

/// A law that a run breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The law.
    pub law: Law,
    /// How the run breaks the law.
    pub why: String,
}

/// The laws that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A save turns the state that it finds into the state that holds both edits.
    Merge,
    /// A save does not overwrite a state that it has not read.
    Write,
    /// A repeated request changes nothing.
    Repeat,
    /// ripple keeps attributes that it does not know, with their types.
    Keep,
    /// A list holds every entry once, and no id twice.
    Once,
    /// Every replaced state can be read for 90 days after its replacement, and the history is true.
    History,
    /// Version numbers only go up, and one number names one content.
    Number,
    /// A reader is shown a state that existed.
    Read,
    /// The response to a save states what the save did.
    Answer,
    /// The response to a save is `unchanged` only if everything that the save asked for is in the record to stay.
    Unchanged,
    /// The receipt names the replaced values, and no others.
    Receipt,
    /// TTL deletes no record that ripple has saved.
    Expiry,
    /// After the feed, every state that was in the table has a row, and the item is a version that ripple wrote.
    Feed,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { law, why } = self;
        write!(f, "{law:?}: {why}")
    }
}

impl Law {
    /// Returns this law as broken.
    fn broken(self, why: impl Into<String>) -> Broken {
        Broken { law: self, why: why.into() }
    }
}

/// Checks every law.
///
/// # Errors
/// Returns the first law that is broken.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let (numbers, in_order) = evidence.numbers();
    evidence.check_steps(&numbers)?;
    evidence.check_history()?;
    in_order?;
    evidence.check_feed()?;
    evidence.check_answers(&numbers)?;
    evidence.check_reads()
}
