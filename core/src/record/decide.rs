//! Decides the effect of a change on a record.
//!
//! [`decide`] is pure. It takes the change, the current record and the base, and returns the next state and its
//! outcome. The state gets its number, time and rows when it is written.

use super::change::Edit;
use super::fault::{Error, Fault};
use super::merge::{Known, Rules, give_ids};
use super::outcome::{Base, Outcome, OutcomeKind};
use super::schema::Schema;
use super::{Record, RecordId, check_edit, check_new};
use crate::limits;
use crate::value::Members;

/// A change that a client requests.
#[derive(Clone, Debug)]
pub enum Change {
    /// Creates a record with these attributes. No record may exist.
    Create(Members),
    /// Imports a record from a backup. No record may exist, and nothing in it counts as new.
    Import(Members),
    /// Changes an existing record.
    Edit {
        /// The edit.
        edit: Edit,
        /// The version that the author had seen.
        base: Option<i64>,
        /// Whether a deleted record is to be restored.
        revive: bool,
        /// Whether the schema refuses what is sent, unless the record has the same faults already.
        faulty: bool,
    },
    /// Restores the record as it was at a version.
    Restore {
        /// The version.
        version: u64,
        /// The version on which the author decided. Later changes by others are merged.
        base: Option<i64>,
    },
    /// Deletes the record.
    Delete,
}

impl Change {
    /// Returns the change that makes an edit. What the edit sends is checked here, so that a valid edit is checked once.
    #[must_use]
    pub fn edit(edit: Edit, base: Option<i64>, revive: bool, schema: &Schema) -> Change {
        let faulty = check_edit(&edit, schema, &[]).is_err();
        Change::Edit { edit, base, revive, faulty }
    }

    /// Reports whether the change requires that no record exists.
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

/// A condition on the record, beside those of the change itself.
///
/// ```
/// use ripple_core::record::decide::{KnownBase, Precondition};
///
/// // A client without a condition overwrites what there is. A row of a sheet requires its base.
/// assert!(().allows(None) && !().requires_base());
/// assert!(KnownBase.allows(None) && KnownBase.requires_base());
/// ```
pub trait Precondition {
    /// Reports whether the record may be overwritten. `None` means that there is none, or that it is deleted.
    fn allows(&self, current: Option<&Record>) -> bool;
    /// Reports whether the precondition names one state, so that its author has seen that state.
    fn names_current(&self) -> bool;
    /// Reports whether an edit must not change a record if the history no longer has its base. Otherwise each value that
    /// it sends replaces the current one.
    fn requires_base(&self) -> bool {
        false
    }
}

/// The precondition of a row of a sheet, or of another file that was made from records: the history has its base.
#[derive(Clone, Copy, Debug)]
pub struct KnownBase;

impl Precondition for KnownBase {
    fn allows(&self, _: Option<&Record>) -> bool {
        true
    }

    fn names_current(&self) -> bool {
        false
    }

    fn requires_base(&self) -> bool {
        true
    }
}

/// A precondition that always holds.
impl Precondition for () {
    fn allows(&self, _: Option<&Record>) -> bool {
        true
    }

    fn names_current(&self) -> bool {
        false
    }
}

/// The state that the author of an edit had seen, if the history has it.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// The edit names no state.
    Unstated,
    /// The current record.
    Current,
    /// An earlier state.
    Earlier(&'a Record),
    /// A state that the history no longer has.
    Missing,
    /// A state that the record has never had.
    Never,
}

/// The states that were looked up in the history.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The base of the edit.
    pub seen: Seen<'a>,
    /// The state to restore.
    pub restored: Option<&'a Record>,
}

/// The effect of a change on a record.
#[derive(Debug)]
pub enum Decision {
    /// The record already shows everything that was requested.
    Unchanged(Outcome),
    /// The record's new attributes, or `None` if it is deleted.
    Write(Option<Members>, Outcome),
}

impl Decision {
    /// Reports whether the history no longer has the base of the edit.
    fn lacks_base(&self) -> bool {
        let (Decision::Unchanged(outcome) | Decision::Write(_, outcome)) = self;
        outcome.base.is_some_and(|base| base.missing)
    }
}

/// Decides the effect of `change` on the record `id`, whose resource has this schema. `seed` distinguishes the new
/// entries of one request from those of another.
///
/// ```
/// use ripple_core::record::decide::{Change, Decision, Past, Seen, decide};
/// use ripple_core::record::schema::Schema;
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let (id, schema) = (RecordId::parse("a").unwrap(), Schema::default());
/// let record = Record::new(id.clone(), Members::new()).written(None, 1, Timestamp(5), "Ann");
/// let past = Past { seen: Seen::Unstated, restored: None };
/// let deletion = |current| decide(&id, &Change::Delete, current, past, &(), "", &schema);
/// assert!(matches!(deletion(Some(&record)), Ok(Decision::Write(None, _))));
/// assert!(deletion(None).is_err());
/// ```
///
/// # Errors
/// If nothing is to be written, with the reason.
pub fn decide(
    id: &RecordId,
    change: &Change,
    current: Option<&Record>,
    past: Past<'_>,
    expected: &impl Precondition,
    seed: &str,
    schema: &Schema,
) -> Result<Decision, Error> {
    let rules = Rules::of(schema);
    let live = current.filter(|record| !record.is_deleted());
    let allowed =
        |record: Option<&Record>| if expected.allows(record) { Ok(()) } else { Err(Error::PreconditionFailed) };
    let existing = || current.ok_or_else(|| Error::NotFound(id.clone()));
    let decision = match change {
        Change::Create(_) | Change::Import(_) if live.is_some() => Err(Error::Exists(id.clone())),
        Change::Create(attributes) => {
            allowed(None)?;
            let mut attributes = attributes.clone();
            give_ids(&mut attributes, Known::Base(&Members::new()), seed, rules)?;
            Ok(written(attributes, OutcomeKind::Created))
        }
        Change::Import(attributes) => {
            allowed(None)?;
            Ok(written(attributes.clone(), OutcomeKind::Created))
        }
        Change::Edit { edit, faulty: true, .. } if let Err(faults) = check_known(edit, schema, live, past.seen) => {
            return Err(faults);
        }
        Change::Edit { edit, base, revive, .. } => match (existing()?, live) {
            (theirs, Some(_)) => {
                allowed(Some(theirs))?;
                let decision = merged(theirs, edit, past.seen, *base, seed, rules)?;
                match (&decision, base) {
                    (Decision::Write(..), Some(version)) if expected.requires_base() && decision.lacks_base() => {
                        Err(Error::NoSuchVersion { id: id.clone(), version: *version })
                    }
                    _ => Ok(decision),
                }
            }
            (tombstone, None) => {
                let attributes = revived(tombstone, edit, *base, *revive, seed, schema)?;
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
            // Without a base, the author decided on the current record.
            let seen = if base.is_none() { Seen::Current } else { past.seen };
            match merged(theirs, &Edit::Restore(state.clone()), seen, *base, seed, rules)? {
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

/// Checks an edit whose faults the record may have already: the stored one, or the one that the author saw.
fn check_known(edit: &Edit, schema: &Schema, live: Option<&Record>, seen: Seen<'_>) -> Result<(), Error> {
    // Only states that a table had: an edit that carries its base could claim any.
    let base = match seen {
        Seen::Earlier(record) => Some(&record.attributes),
        _ => None,
    };
    let states: Vec<&Members> = live.map(|record| &record.attributes).into_iter().chain(base).collect();
    check_edit(edit, schema, &states)
}

/// Decides an edit of an existing record.
fn merged(
    theirs: &Record,
    edit: &Edit,
    seen: Seen<'_>,
    base: Option<i64>,
    seed: &str,
    rules: Rules<'_>,
) -> Result<Decision, Error> {
    let state = match seen {
        Seen::Unstated | Seen::Missing => None,
        Seen::Current => Some(&theirs.attributes),
        Seen::Earlier(record) => Some(&record.attributes),
        Seen::Never => {
            let base = base.unwrap_or_default();
            return Err(Error::Stale { base, current: Box::new(theirs.clone()) });
        }
    };
    // An edit that carries its base needs no history.
    let missing = matches!(seen, Seen::Missing) && !matches!(edit, Edit::Seen { .. });
    let (attributes, fields) = edit.merge_into(&theirs.attributes, state, seed, rules)?;
    let version = base.or(matches!(seen, Seen::Current).then_some(theirs.version));
    let base = version.map(|version| Base { version, missing });
    let outcome = Outcome { base, replaced: theirs.version, fields, ..Outcome::of(OutcomeKind::Saved) };
    Ok(if attributes == theirs.attributes {
        Decision::Unchanged(Outcome { kind: OutcomeKind::Unchanged, ..outcome })
    } else {
        Decision::Write(Some(attributes), outcome)
    })
}

/// Decides an edit of a deleted record. If the author had not seen the deletion, the error says so. If the author had
/// seen it, the edit must say that the record is to be restored, and send all of it.
fn revived(
    tombstone: &Record,
    edit: &Edit,
    base: Option<i64>,
    revive: bool,
    seed: &str,
    schema: &Schema,
) -> Result<Members, Error> {
    let Record { id, version, .. } = tombstone.clone();
    if base != Some(version) {
        return Err(Error::Gone { id, version });
    }
    if !revive {
        return Err(Error::Deleted { id, version });
    }
    let nothing = Members::new();
    let (attributes, _) = edit.merge_into(&nothing, Some(&nothing), seed, Rules::of(schema))?;
    check_new(&attributes, schema)?;
    Ok(attributes)
}

/// A body within every limit can nest too deeply once one of its entries gets an `id`.
fn check_depth(attributes: &Members) -> Result<(), Error> {
    match attributes.iter().find(|(_, value)| value.depth() > limits::NESTING) {
        None => Ok(()),
        Some((name, _)) => {
            let detail = format!("nested deeper than {} levels, the ids of its entries counted", limits::NESTING);
            Err(Error::Invalid(vec![Fault::member(name, detail)]))
        }
    }
}
