//! The rules for a record's members.

use super::decide::Change;
use super::fault::{Error, Fault};
use super::{Names, PREFIX, RecordId};
use crate::limits;
use crate::value::{Members, Value};

/// The members that a new record must have, as in the legacy function.
const REQUIRED: [(&str, Kind); 7] = [
    ("name", Kind::Text),
    ("goal", Kind::Text),
    ("issue", Kind::Text),
    ("description", Kind::Text),
    ("term", Kind::Natural),
    ("term_unit", Kind::ShortText),
    ("create_date", Kind::ShortText),
];

/// Reports whether a new record must have this member.
pub(crate) fn is_required(name: &str) -> bool {
    REQUIRED.iter().any(|(required, _)| *required == name)
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    ShortText,
    Natural,
}

impl Kind {
    fn fault(self, value: &Value) -> Option<String> {
        let fits = match (self, value) {
            (Kind::Text, Value::String(_)) => true,
            (Kind::ShortText, Value::String(text)) => (1..=limits::SHORT_TEXT).contains(&text.chars().count()),
            (Kind::Natural, Value::Number(number)) => number.is_natural(),
            (Kind::Natural, Value::String(text)) => {
                !text.is_empty() && text.len() <= 38 && text.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        (!fits).then(|| self.rule())
    }

    fn rule(self) -> String {
        match self {
            Kind::Text => "must be a string".to_owned(),
            Kind::ShortText => format!("must be a string of 1 to {} characters", limits::SHORT_TEXT),
            Kind::Natural => "must be a whole number, at least 0, or a string of one".to_owned(),
        }
    }
}

/// Checks a new record: it has the required members, and every member is valid.
///
/// # Errors
/// Every fault, all at once.
pub(crate) fn check_new(members: &Members) -> Result<(), Error> {
    let missing = REQUIRED.iter().filter(|(name, _)| !members.contains_key(*name));
    let missing = missing.map(|(name, _)| Fault::member(name, "is required"));
    refuse(faults(members).chain(missing).collect())
}

/// Returns the id and the change that create a record with these members. A record copied from another one has members
/// that have no meaning here. The id is `None` if the members have none.
///
/// # Errors
/// Every fault, all at once.
pub fn creation(mut members: Members, names: &Names) -> Result<(Option<RecordId>, Change), Error> {
    let fault = |detail: String| Error::Invalid(vec![Fault::member(&names.key, detail)]);
    let id = match members.get(&*names.key) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(RecordId::parse(text).map_err(|why| fault(why.to_string()))?),
        Some(_) => return Err(fault("must be a string".to_owned())),
    };
    take_own(&mut members, names)?;
    check_new(&members)?;
    members.retain(|_, value| *value != Value::Null);
    Ok((id, Change::Create(members)))
}

/// Checks only the members that an edit sends, so an old record that lacks a member can still be saved.
///
/// # Errors
/// Every fault, all at once.
pub(crate) fn check_sent(members: &Members) -> Result<(), Error> {
    refuse(faults(members).collect())
}

fn faults(members: &Members) -> impl Iterator<Item = Fault> {
    let invalid = REQUIRED.iter().filter_map(|(name, kind)| match members.get(*name)? {
        Value::Null => Some(Fault::member(name, "is required and cannot be removed")),
        value => kind.fault(value).map(|rule| Fault::member(name, rule)),
    });
    let own = members.keys().filter(|name| name.starts_with(PREFIX));
    invalid.chain(own.map(|name| Fault::member(name, "names that begin with rpl_ are ripple's own")))
}

fn refuse(faults: Vec<Fault>) -> Result<(), Error> {
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

/// The values of a body's members with ripple's own names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    /// The version that the author had seen.
    pub(crate) base: Option<i64>,
    /// Whether a deleted record is to be restored.
    pub(crate) revive: bool,
}

/// Takes ripple's own members out of a body. Every client that read the record sends the key, `updated_at` and
/// `updated_by` back, and they are ignored.
///
/// # Errors
/// If `version` is not a whole number, or `deleted` is not `false`.
pub(crate) fn take_own(members: &mut Members, names: &Names) -> Result<Own, Error> {
    for name in [&names.key, &names.updated_at, &names.updated_by] {
        members.remove(&**name);
    }
    let base = match members.remove(&*names.version) {
        None | Some(Value::Null) => None,
        Some(Value::Number(number)) if !number.as_str().contains('.') => {
            // A number beyond 64 bits is a version that no record has reached.
            Some(number.as_i64().unwrap_or(if number.is_natural() { i64::MAX } else { i64::MIN }))
        }
        Some(_) => return Err(Error::Invalid(vec![Fault::member(&names.version, "must be a whole number")])),
    };
    match members.remove(&*names.deleted) {
        None => Ok(Own { base, revive: false }),
        Some(Value::Bool(false)) => Ok(Own { base, revive: true }),
        Some(_) => {
            Err(Error::Invalid(vec![Fault::member(&names.deleted, "can only be false; DELETE deletes a record")]))
        }
    }
}
