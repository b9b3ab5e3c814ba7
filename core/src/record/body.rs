//! Reads the body of a request: ripple's own members in it, and the check of the others by the schema.

use std::borrow::Cow;

use super::change::Edit;
use super::decide::Change;
use super::fault::{Error, Fault};
use super::key::KeyType;
use super::schema::{self, EditForm, Resource, Schema};
use super::{Names, RecordId};
use crate::value::{Members, Value};

/// Checks a new record: it has the required members, and every member is valid.
///
/// # Errors
/// The faults, all at once.
pub(crate) fn check_new(members: &Members, schema: &Schema) -> Result<(), Error> {
    schema.check_new(members).map_err(invalid)
}

/// Returns the id and the change that create a record with these members. A record copied from another one has members
/// that have no meaning here. The id is `None` if the members have none.
///
/// ```
/// use ripple_core::record::creation;
/// use ripple_core::record::fault::Error;
/// use ripple_core::record::schema::Resource;
/// use ripple_core::value::Members;
///
/// let body = Members::from([("prj_id".to_owned(), "a".into()), ("name".to_owned(), "Garden".into())]);
/// let Err(Error::Invalid(faults)) = creation(body, &Resource::built_in()) else { panic!("it lacks members") };
/// assert_eq!((&*faults[0].pointer, &*faults[0].detail), ("/goal", "is required"));
/// ```
///
/// # Errors
/// The faults, all at once.
pub fn creation(mut members: Members, resource: &Resource) -> Result<(Option<RecordId>, Change), Error> {
    let names = &resource.names;
    let id = if names.has_plain_key() { plain_id(&members, names)? } else { Some(typed_id(&members, names)?) };
    take_own(&mut members, names)?;
    check_new(&members, &resource.schema)?;
    members.retain(|_, value| *value != Value::Null);
    Ok((id, Change::Create(members)))
}

/// Returns the change that an edit makes. Ripple's own members among those that were sent state its base.
///
/// ```
/// use ripple_core::record::change::Edit;
/// use ripple_core::record::decide::Change;
/// use ripple_core::record::edit;
/// use ripple_core::record::schema::Resource;
/// use ripple_core::value::Members;
///
/// let body = Members::from([("version".to_owned(), 3.into()), ("goal".to_owned(), "Peas".into())]);
/// let change = edit(body, Edit::Patch, &Resource::built_in()).unwrap();
/// assert!(matches!(change, Change::Edit { base: Some(3), edit: Edit::Patch(sent), .. } if sent.len() == 1));
/// ```
///
/// # Errors
/// If one of ripple's own members is not valid.
pub fn edit(mut members: Members, kind: fn(Members) -> Edit, resource: &Resource) -> Result<Change, Error> {
    let own = take_own(&mut members, &resource.names)?;
    Ok(Change::edit(kind(members), own.base, own.revive, &resource.schema))
}

/// Returns the id in the members of a new record. Returns `None` if there is none.
fn plain_id(members: &Members, names: &Names) -> Result<Option<RecordId>, Error> {
    let fault = |detail: String| Error::Invalid(vec![Fault::member(&names.key, detail)]);
    match members.get(&*names.key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => RecordId::parse(text).map(Some).map_err(|why| fault(why.to_string())),
        Some(_) => Err(fault("must be a string".to_owned())),
    }
}

/// Returns the id in the members of a new record whose key is a number, or has two parts.
fn typed_id(members: &Members, names: &Names) -> Result<RecordId, Error> {
    let mut faults = Vec::new();
    let mut key = Vec::new();
    for (name, kind) in names.keys() {
        let value = members.get(name).filter(|value| **value != Value::Null);
        let detail = match (kind, value) {
            (_, None) => "is required".to_owned(),
            (KeyType::Number, Some(Value::Number(_))) => String::new(),
            (KeyType::Number, _) => "must be a number".to_owned(),
            (KeyType::String, Some(Value::String(text))) => {
                RecordId::parse(text).map_or_else(|why| why.to_string(), |_| String::new())
            }
            (KeyType::String, _) => "must be a string".to_owned(),
        };
        if !detail.is_empty() {
            faults.push(Fault::member(name, detail));
        }
        key.extend(value.cloned());
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let too_long = || Error::Invalid(vec![Fault::member(&names.key, "is too long")]);
    names.id_of(&key).ok_or_else(too_long)
}

/// Checks what an edit sends. `states` are the stored record and the state of the history that the author saw. A fault that
/// one of them has too is not one of the edit. What an edit says about its base itself does not count.
///
/// # Errors
/// The faults, all at once.
pub(crate) fn check_edit(edit: &Edit, schema: &Schema, states: &[&Members]) -> Result<(), Error> {
    let (form, sent) = match edit {
        Edit::Replace(sent) => (EditForm::Replace, Cow::Borrowed(sent)),
        Edit::Patch(sent) | Edit::MergePatch(sent) => (EditForm::Patch, Cow::Borrowed(sent)),
        Edit::Seen { set, remove, .. } => {
            let removals = remove.iter().map(|name| (name.clone(), Value::Null));
            let set = set.iter().map(|(name, value)| (name.clone(), value.clone()));
            (EditForm::Replace, Cow::Owned(set.chain(removals).collect()))
        }
        Edit::Restore(_) => return Ok(()),
    };
    schema.check_edit(form, &sent, states).map_err(invalid)
}

fn invalid(faults: Vec<schema::Fault>) -> Error {
    Error::Invalid(faults.into_iter().map(Fault::from).collect())
}

/// The values of a body's members with ripple's own names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    /// The version that the author had seen.
    pub(crate) base: Option<i64>,
    /// Whether a deleted record is to be restored.
    pub(crate) revive: bool,
}

/// Takes ripple's own members out of a body. Every client that read the record sends the key and what is told of the
/// last write back, and they are ignored.
///
/// # Errors
/// If `version` is not a whole number, or `deleted` is not `false`.
pub(crate) fn take_own(members: &mut Members, names: &Names) -> Result<Own, Error> {
    for (name, _) in names.keys() {
        members.remove(name);
    }
    for name in [&names.updated_at, &names.updated_by, &names.updated_author] {
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
