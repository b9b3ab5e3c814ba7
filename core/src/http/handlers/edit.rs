//! What `PUT` and `PATCH` have in common.

use super::{Answer, Call};
use crate::http::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, DELETED, GONE, STALE, Shape, Success, TOO_LARGE,
};
use crate::http::{Error, Fault};
use crate::record::change::Edit;
use crate::record::decide::Change;
use crate::record::{check_sent, take_own};
use crate::store::Store;
use crate::value::{Members, Value};

/// What `PUT` and `PATCH` take and answer.
pub(super) const fn contract(content: &'static [(&'static str, Shape)]) -> Contract {
    Contract {
        headers: CONDITIONS,
        body: Some(Body { content, required: true }),
        refusals: &[ABSENT, GONE, DELETED, STALE, CONDITION_FAILED, TOO_LARGE],
        ..Contract::of(Success::record(200, "The record as it is now."))
    }
}

/// `PUT` and `PATCH`: the members sent, as `edit` understands them.
pub(super) async fn run<S: Store>(
    call: &mut Call<'_, S>,
    mut sent: Members,
    edit: fn(Members) -> Edit,
) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let names = call.store.names();
    if sent.get(&*names.key).is_some_and(|sent| *sent != Value::from(id.as_str())) {
        return Err(Error::InvalidBody(vec![Fault::member(&names.key, "is not the one in the path")]));
    }
    let own = take_own(&mut sent, names)?;
    check_sent(&sent)?;
    call.save(&id, &Change::Edit { edit: edit(sent), base: own.base, revive: own.revive }).await
}
