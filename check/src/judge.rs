//! What must hold after a run, by what its writers and readers heard and what the table and its history show.
//!
//! The judge compares values: states, rows, status codes, problem codes, and receipts parsed as RFC 9651. It knows no
//! sentence of ripple's.

mod answers;
mod field;
mod history;
mod law;
mod lists;
mod numbers;
mod sides;
mod steps;

use std::fmt;

use crate::model::transcript::{Probe, Read, Save, State};

/// Everything that is known of a run.
pub(crate) struct Evidence<'a> {
    /// The record's states, each after the one before.
    pub(crate) states: &'a [State],
    pub(crate) saves: &'a [Save],
    pub(crate) reads: &'a [Read],
    pub(crate) probes: &'a [Probe],
    /// Whether there were faults.
    pub(crate) faulty: bool,
    /// Whether the table was looked at between any two operations. Otherwise the states are those of the history.
    pub(crate) observed: bool,
}

/// A law that does not hold, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The law.
    pub law: Law,
    /// What is not as it must be.
    pub why: String,
}

/// The laws that are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// A save makes of the state that it meets what both edits ask for.
    Merge,
    /// A save writes over nothing that it has not read.
    Write,
    /// The same request, sent again, changes nothing.
    Repeat,
    /// What ripple does not know, it keeps with its type.
    Keep,
    /// Every entry of a list is in it once, and no id twice.
    Once,
    /// Every state that a save replaced can be read for 90 days after that, and the history tells the truth.
    History,
    /// Version numbers only go up, and one number names one content.
    Number,
    /// A reader is shown what there was.
    Read,
    /// A save is answered as it went.
    Answer,
    /// A save is answered `unchanged` only if everything that it asked for is there to stay.
    Unchanged,
    /// The receipt names what gave way.
    Receipt,
    /// TTL deletes only what ripple has deleted.
    Expiry,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { law, why } = self;
        write!(f, "{law:?}: {why}")
    }
}

impl Law {
    /// Returns that this law is broken.
    fn broken(self, why: impl Into<String>) -> Broken {
        Broken { law: self, why: why.into() }
    }
}

/// Checks every law.
///
/// # Errors
/// Returns the first that is broken.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Result<(), Broken> {
    let (numbers, in_order) = evidence.numbers();
    evidence.check_steps(&numbers)?;
    evidence.check_history()?;
    in_order?;
    evidence.check_answers(&numbers)?;
    evidence.check_reads()
}
