//! `POST /prj/{prjid}/versions/{version}`: a state of the history becomes the record's newest one.
//!
//! A body may be `{"version": 8}`. Changes since that version are then merged, and not undone.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, Field, GONE, NO_SUCH_VERSION, NUMBER, Object, STALE, Shape,
    Success, TOO_LARGE,
};
use crate::record::decide::Change;
use crate::store::Store;

const BASE: Object = Object {
    name: "RestoreBase",
    about: "On what the restoring was decided.",
    members: &[Field::new("{version}", NUMBER, "What was changed since this version is merged, and not undone.")],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract {
    headers: CONDITIONS,
    body: Some(Body { content: &[("application/json", Shape::Object(&BASE))], required: false }),
    refusals: &[ABSENT, NO_SUCH_VERSION, GONE, STALE, CONDITION_FAILED, TOO_LARGE],
    ..Contract::of(Success::record(200, "The record as it is now."))
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    let version = call.version()?;
    call.no_parameters()?;
    let base = call.stated_version()?;
    call.save(&id, &Change::Restore { version, base }).await
}
