//! What a change makes of a record.
//!
//! [`decide`] is pure: the change, the record as it is and the base go in; the next state and its outcome come out.
//! Numbers, times and rows are given to the state when it is written.

use super::change::Edit;
use super::fault::{Error, Fault};
use super::merge::{Known, give_ids};
use super::outcome::{Base, Outcome, OutcomeKind};
use super::{Record, RecordId, check_new};
use crate::limits;
use crate::value::Members;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub enum Change {
    /// The record is not there, and these are its attributes.
    Create(Members),
    /// The record comes from a backup: it is not there, and nothing in it is new.
    Import(Members),
    /// The record is there and is to be changed.
    Edit {
        /// How.
        edit: Edit,
        /// The version that the author had seen.
        base: Option<i64>,
        /// Whether a deleted record is to come back.
        revive: bool,
    },
    /// The record is to be as it was at a version.
    Restore {
        /// The version.
        version: u64,
        /// The version on which that was decided. Later changes of others are merged.
        base: Option<i64>,
    },
    /// The record is to be gone.
    Delete,
}

impl Change {
    /// Reports whether the change is of a record that is not there.
    pub(crate) fn creates(&self) -> bool {
        matches!(self, Change::Create(_) | Change::Import(_))
    }

    /// Returns the version that the author had seen, if the change names one.
    pub(crate) fn base(&self) -> Option<i64> {
        match self {
            Change::Edit { base, .. } | Change::Restore { base, .. } => *base,
            _ => None,
        }
    }
}

/// What must hold of the record, beside what the change itself needs.
pub trait Precondition {
    /// Reports whether the record may be written over. `None`: there is none, or it is deleted.
    fn allows(&self, current: Option<&Record>) -> bool;
    /// Reports whether the precondition names one state, so that its author has seen that.
    fn names_current(&self) -> bool;
}

/// The precondition that always holds.
impl Precondition for () {
    fn allows(&self, _: Option<&Record>) -> bool {
        true
    }

    fn names_current(&self) -> bool {
        false
    }
}

/// The state that the author of an edit had seen, as far as the history has it.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The edit names none.
    Unstated,
    /// The record as it is.
    Current,
    /// An earlier state.
    Earlier(&'a Record),
    /// A state that the history no longer has.
    Missing,
    /// A state that the record has never had.
    Never,
}

/// What the history was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The base of the edit.
    pub seen: Seen<'a>,
    /// The state to restore.
    pub restored: Option<&'a Record>,
}

/// What a change makes of a record.
#[derive(Debug)]
pub enum Decision {
    /// The record shows everything that was asked for.
    Unchanged(Outcome),
    /// The record becomes this: its attributes, or `None` if it is deleted.
    Write(Option<Members>, Outcome),
}

/// Decides what `change` makes of the record `id`. `seed` tells the new entries of one request from those of another.
///
/// # Errors
/// Why nothing is to be written.
pub fn decide(
    id: &RecordId,
    change: &Change,
    current: Option<&Record>,
    past: Past<'_>,
    expected: &impl Precondition,
    seed: &str,
) -> Result<Decision, Error> {
    let live = current.filter(|record| !record.is_deleted());
    let allowed =
        |record: Option<&Record>| if expected.allows(record) { Ok(()) } else { Err(Error::PreconditionFailed) };
    let existing = || current.ok_or_else(|| Error::NotFound(id.clone()));
    let decision = match change {
        Change::Create(_) | Change::Import(_) if live.is_some() => Err(Error::Exists(id.clone())),
        Change::Create(attributes) => {
            allowed(None)?;
            let mut attributes = attributes.clone();
            give_ids(&mut attributes, Known::Base(&Members::new()), seed)?;
            Ok(written(attributes, OutcomeKind::Created))
        }
        Change::Import(attributes) => {
            allowed(None)?;
            Ok(written(attributes.clone(), OutcomeKind::Created))
        }
        Change::Edit { edit, base, revive } => match (existing()?, live) {
            (theirs, Some(_)) => {
                allowed(Some(theirs))?;
                merged(theirs, edit, past.seen, *base, seed)
            }
            (tombstone, None) => {
                let attributes = revived(tombstone, edit, *base, *revive, seed)?;
                allowed(None)?;
                let base = Some(Base { version: tombstone.version, missing: false });
                let outcome = Outcome { base, replaced: tombstone.version, ..Outcome::of(OutcomeKind::Restored) };
                Ok(Decision::Write(Some(attributes), outcome))
            }
        },
        Change::Restore { version, base } => {
            let theirs = existing()?;
            let version = version.cast_signed();
            let state = match past.restored {
                None => return Err(Error::NoSuchVersion { id: id.clone(), version }),
                Some(state) if state.is_deleted() => return Err(Error::Gone { id: id.clone(), version }),
                Some(state) => &state.attributes,
            };
            if live.is_none() {
                allowed(None)?;
                return Ok(written(state.clone(), OutcomeKind::Restored));
            }
            allowed(Some(theirs))?;
            // Whoever names no base decided on the record as it is.
            let seen = if base.is_none() { Seen::Current } else { past.seen };
            match merged(theirs, &Edit::Restore(state.clone()), seen, *base, seed)? {
                Decision::Write(attributes, outcome) => {
                    Ok(Decision::Write(attributes, Outcome { kind: OutcomeKind::Restored, ..outcome }))
                }
                unchanged @ Decision::Unchanged(_) => Ok(unchanged),
            }
        }
        Change::Delete => match (existing()?, live) {
            (theirs, Some(_)) => {
                allowed(Some(theirs))?;
                let outcome = Outcome { replaced: theirs.version, ..Outcome::of(OutcomeKind::Deleted) };
                Ok(Decision::Write(None, outcome))
            }
            (tombstone, None) => Err(Error::Gone { id: id.clone(), version: tombstone.version }),
        },
    }?;
    if let Decision::Write(Some(attributes), _) = &decision {
        check_depth(attributes)?;
    }
    Ok(decision)
}

fn written(attributes: Members, kind: OutcomeKind) -> Decision {
    Decision::Write(Some(attributes), Outcome::of(kind))
}

/// An edit of a record that is there.
fn merged(theirs: &Record, edit: &Edit, seen: Seen<'_>, base: Option<i64>, seed: &str) -> Result<Decision, Error> {
    let state = match seen {
        Seen::Unstated | Seen::Missing => None,
        Seen::Current => Some(&theirs.attributes),
        Seen::Earlier(record) => Some(&record.attributes),
        Seen::Never => {
            let base = base.unwrap_or_default();
            return Err(Error::Stale { base, current: Box::new(theirs.clone()) });
        }
    };
    // An edit that brings what its author saw needs no history.
    let missing = matches!(seen, Seen::Missing) && !matches!(edit, Edit::Seen { .. });
    let (attributes, fields) = edit.merge_into(&theirs.attributes, state, seed)?;
    let version = base.or(matches!(seen, Seen::Current).then_some(theirs.version));
    let base = version.map(|version| Base { version, missing });
    let outcome = Outcome { base, replaced: theirs.version, fields, ..Outcome::of(OutcomeKind::Saved) };
    Ok(if attributes == theirs.attributes {
        Decision::Unchanged(Outcome { kind: OutcomeKind::Unchanged, ..outcome })
    } else {
        Decision::Write(Some(attributes), outcome)
    })
}

/// An edit of a record that was deleted. An author who had not seen that is told so. One who had seen it must say that
/// the record is to come back, and send all of it.
fn revived(tombstone: &Record, edit: &Edit, base: Option<i64>, revive: bool, seed: &str) -> Result<Members, Error> {
    let Record { id, version, .. } = tombstone.clone();
    if base != Some(version) {
        return Err(Error::Gone { id, version });
    }
    if !revive {
        return Err(Error::Deleted { id, version });
    }
    let nothing = Members::new();
    let (attributes, _) = edit.merge_into(&nothing, Some(&nothing), seed)?;
    check_new(&attributes)?;
    Ok(attributes)
}

/// A body within every limit can nest too deeply once an entry of it has got an `id`.
fn check_depth(attributes: &Members) -> Result<(), Error> {
    match attributes.iter().find(|(_, value)| value.depth() > limits::NESTING) {
        None => Ok(()),
        Some((name, _)) => {
            let detail = format!("nested deeper than {} levels, the ids of its entries counted", limits::NESTING);
            Err(Error::Invalid(vec![Fault::member(name, detail)]))
        }
    }
}
