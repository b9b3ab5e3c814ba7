//! `DELETE /prj/{prjid}`: a tombstone replaces the record, so that caches see the deletion. The history stays.

use super::{Answer, Call};
use crate::http::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, Field, GONE, NUMBER, Object, Shape, Success,
};
use crate::http::{Error, body};
use crate::record::decide::Change;
use crate::store::Store;

const EXPECTED: Object = Object {
    name: "DeletionBase",
    about: "The version that is to be deleted.",
    members: &[
        Field::new("{version}", NUMBER, "If the record is at another version, it is not deleted: 412.").required()
    ],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract {
    headers: CONDITIONS,
    body: Some(Body { content: &[("application/json", Shape::Object(&EXPECTED))], required: false }),
    refusals: &[ABSENT, GONE, CONDITION_FAILED],
    ..Contract::of(Success { status: 204, about: "It is deleted.", body: None, tagged: false, headers: &[] })
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    call.preconditions.version = call.stated_version()?;
    body::need_version(call.preconditions.version, !call.request.body().is_empty(), call.store.names())?;
    call.save(&id, &Change::Delete).await
}
