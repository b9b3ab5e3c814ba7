//! The common part of `PUT` and `PATCH`.

use super::{Answer, Call};
use crate::http::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, DELETED, GONE, STALE, Shape, Success, TOO_LARGE,
};
use crate::http::{Error, Fault};
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::take_own;
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
    mut sent: Members,
    edit: fn(Members) -> Edit,
) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let names = call.store.names();
    for (name, value) in names.key_of(&id) {
        if sent.get(name).is_some_and(|sent| *sent != value) {
            return Err(Error::InvalidBody(vec![Fault::member(name, "is not the one in the path")]));
        }
    }
    let own = take_own(&mut sent, names)?;
    call.save(&id, &Change::edit(edit(sent), own.base, own.revive, &call.store.resource().schema)).await
}
