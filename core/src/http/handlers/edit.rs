//! The common part of `PUT` and `PATCH`.

use super::{Answer, Call};
use crate::http::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, DELETED, GONE, STALE, Shape, Success, TOO_LARGE,
};
use crate::http::{Error, Fault};
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::schema::Resource;
use crate::record::{self, RecordId};
use crate::store::Store;
use crate::value::Members;

/// Returns the contract of `PUT` and `PATCH`.
pub(super) const fn contract(content: &'static [(&'static str, Shape)]) -> Contract {
    Contract {
        headers: CONDITIONS,
        body: Some(Body { content, required: true }),
        refusals: &[ABSENT, GONE, DELETED, STALE, CONDITION_FAILED, TOO_LARGE],
        ..Contract::of(Success::record(200, "The record as it is now."))
    }
}

/// Runs `PUT` or `PATCH`: `edit` interprets the members that the client sent.
pub(super) async fn run<S: Store>(
    call: &mut Call<'_, S>,
    sent: Members,
    edit: fn(Members) -> Edit,
) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let change = change(&id, sent, edit, call.store.resource())?;
    call.save(&id, &change).await
}

/// Returns the change that `edit` makes of the members that the client sent.
pub(super) fn change(
    id: &RecordId,
    sent: Members,
    edit: fn(Members) -> Edit,
    resource: &Resource,
) -> Result<Change, Error> {
    let names = &resource.names;
    for (name, value) in names.key_of(id) {
        if sent.get(name).is_some_and(|sent| *sent != value) {
            return Err(Error::InvalidBody(vec![Fault::member(name, "is not the one in the path")]));
        }
    }
    Ok(record::edit(sent, edit, resource)?)
}
