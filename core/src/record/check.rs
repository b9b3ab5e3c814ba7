//! What a record's members may be.

use super::{DELETED, EXPIRES_AT, LIST_SHARD, PRJ_ID, UPDATED_AT, UPDATED_BY, VERSION};
use crate::error::{Error, Fault};
use crate::limits;
use crate::value::{Members, Value};

/// What the article's function requires of a new record, and of what kind.
const REQUIRED: [(&str, Kind); 7] = [
    ("name", Kind::Text),
    ("goal", Kind::Text),
    ("issue", Kind::Text),
    ("description", Kind::Text),
    ("term", Kind::Natural),
    ("term_unit", Kind::ShortText),
    ("create_date", Kind::ShortText),
];

/// What no caller sets.
const RESERVED: [&str; 3] = [DELETED, EXPIRES_AT, LIST_SHARD];

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

/// Checks a new record: everything required is there, everything sent fits.
///
/// # Errors
/// Every fault at once.
pub(crate) fn check_new(members: &Members) -> Result<(), Error> {
    let mut faults: Vec<Fault> = sent_faults(members).chain(reserved_faults(members)).collect();
    for (name, _) in REQUIRED {
        if !members.contains_key(name) {
            faults.push(Fault::member(name, "is required"));
        }
    }
    refuse(faults)
}

/// Checks what an edit sends: only that, so that an old record which lacks a field can still be saved.
///
/// # Errors
/// Every fault at once.
pub(crate) fn check_sent(members: &Members) -> Result<(), Error> {
    let mut faults: Vec<Fault> = sent_faults(members).collect();
    if !faults.is_empty() {
        // Alone, they may be another writer's attributes coming back: `check_reserved` decides.
        faults.extend(reserved_faults(members));
    }
    refuse(faults)
}

fn reserved_faults(members: &Members) -> impl Iterator<Item = Fault> {
    RESERVED.into_iter().filter(|name| members.contains_key(*name)).map(reserved)
}

fn reserved(name: &str) -> Fault {
    Fault::member(name, "is reserved")
}

fn sent_faults(members: &Members) -> impl Iterator<Item = Fault> {
    REQUIRED.iter().filter_map(|(name, kind)| match members.get(*name)? {
        Value::Null => Some(Fault::member(name, "is required and cannot be removed")),
        value => kind.fault(value).map(|rule| Fault::member(name, rule)),
    })
}

/// Refuses members that are ripple's own, but for `"deleted": false` of what is not deleted. Where another writer's record has an attribute of such a name, it may
/// come back as it is, and is taken out of what was sent.
///
/// # Errors
/// For those that differ from `stored`.
pub(crate) fn check_reserved(members: &mut Members, stored: &Members) -> Result<(), Error> {
    let mut faults = Vec::new();
    for name in RESERVED {
        match (members.remove(name), stored.get(name)) {
            (Some(sent), Some(known)) if sent.clone().shaped_like(known) == *known => {}
            (Some(Value::Bool(false)), None) if name == DELETED => {}
            (Some(_), _) => faults.push(reserved(name)),
            (None, _) => {}
        }
    }
    refuse(faults)
}

fn refuse(faults: Vec<Fault>) -> Result<(), Error> {
    if faults.is_empty() { Ok(()) } else { Err(Error::InvalidBody(faults)) }
}

/// Takes what is not an attribute out of an edit and gives the version it was made on: `version` is the
/// base, `updated_at` and `updated_by` come back from whoever read the record, `prj_id` is in the path.
///
/// # Errors
/// When `version` is no whole number.
pub(crate) fn base_version(members: &mut Members) -> Result<Option<u64>, Error> {
    for name in [PRJ_ID, UPDATED_AT, UPDATED_BY] {
        members.remove(name);
    }
    match members.remove(VERSION) {
        None => Ok(None),
        // Past 64 bits it is one more that no record has come to.
        Some(Value::Number(number)) if number.is_natural() => Ok(Some(number.as_u64().unwrap_or(u64::MAX))),
        Some(_) => Err(Error::InvalidBody(vec![Fault::member(VERSION, "must be a whole number, at least 0")])),
    }
}
