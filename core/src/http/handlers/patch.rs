//! `PATCH /prj/{prjid}`: a merge patch (RFC 7396), or an edit that carries its base.

use std::collections::BTreeSet;

use super::{Answer, Call, edit};
use crate::http::body::{self, MERGE_PATCH, PATCH, SEEN_EDIT};
use crate::http::contract::{self, Contract, EDIT, Shape};
use crate::http::{Error, Fault};
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::fault::Error as Refused;
use crate::record::schema::Resource;
use crate::record::{check_edit, take_own};
use crate::store::Store;
use crate::value::{Members, Value};

pub(crate) const CONTRACT: Contract = edit::contract(&[
    (MERGE_PATCH, Shape::Object(&EDIT)),
    ("application/json", Shape::Object(&EDIT)),
    (SEEN_EDIT, Shape::Object(&contract::SEEN_EDIT)),
]);

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let members = body::object(call.request, PATCH)?;
    if body::is_of_type(call.request, SEEN_EDIT) {
        return seen_edit(call, members).await;
    }
    let kind = if body::is_of_type(call.request, MERGE_PATCH) { Edit::MergePatch } else { Edit::Patch };
    edit::run(call, members, kind).await
}

/// Runs an edit of the form `{"version": 8, "seen": {…}, "set": {…}, "remove": […]}`. The members in `set` and `remove`
/// are merged with their values in `seen` as the base. A member that `seen` does not name did not exist for the author.
/// The version is for the receipt, and to detect an edit of a record that was deleted since.
async fn seen_edit<S: Store>(call: &mut Call<'_, S>, body: Members) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let change = seen_change(body, call.store.resource())?;
    call.save(&id, &change).await.map_err(within_set)
}

/// Returns the change of an edit that carries its base.
pub(super) fn seen_change(mut body: Members, resource: &Resource) -> Result<Change, Error> {
    let names = &resource.names;
    let mut faults = Vec::new();
    let mut object = |name: &str| match body.remove(name) {
        None => Members::new(),
        Some(Value::Map(members)) => members,
        Some(_) => {
            faults.push(Fault::member(name, "must be an object"));
            Members::new()
        }
    };
    let (seen, set) = (object("seen"), object("set"));
    let remove = match body.remove("remove") {
        None => Vec::new(),
        Some(Value::List(names)) => names,
        Some(_) => {
            faults.push(Fault::member("remove", "must be an array of names"));
            Vec::new()
        }
    };
    let mut removed = BTreeSet::new();
    for (place, name) in remove.into_iter().enumerate() {
        let mut fault = |detail: &str| faults.push(Fault::at(&["remove", &place.to_string()], detail));
        match name {
            Value::String(name) if set.contains_key(&name) => fault("is in set too"),
            Value::String(name) if names.are_fixed(&name) => fault("is ripple's own"),
            Value::String(name) => drop(removed.insert(name)),
            _ => fault("must be a string"),
        }
    }
    let others = body.keys().filter(|name| **name != names.version);
    faults.extend(others.map(|name| Fault::member(name, "is not taken here")));
    body.retain(|name, _| *name == names.version);
    let base = take_own(&mut body, names)?.base;
    for name in seen.keys().filter(|name| !set.contains_key(*name) && !removed.contains(*name)) {
        faults.push(Fault::at(&["seen", name], "is in neither set nor remove"));
    }
    faults.extend(
        set.keys().filter(|name| names.are_fixed(name)).map(|name| Fault::at(&["set", name], "is ripple's own")),
    );
    let edit = Edit::Seen { seen, set, remove: removed };
    let schema = &resource.schema;
    if !faults.is_empty() {
        if let Err(Refused::Invalid(invalid)) = check_edit(&edit, schema, &[]) {
            faults.extend(invalid.into_iter().map(|fault| Fault::from(fault).within("set")));
        }
        return Err(Error::InvalidBody(faults));
    }
    Ok(Change::edit(edit, base, false, schema))
}

/// Returns the error of an edit whose members are in `set`.
pub(super) fn within_set(error: Error) -> Error {
    match error {
        Error::InvalidBody(faults) => Error::InvalidBody(faults.into_iter().map(|fault| fault.within("set")).collect()),
        error => error,
    }
}
