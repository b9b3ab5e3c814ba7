//! `POST /prj/{prjid}/versions/{version}`: a state of the history becomes the record's newest one.
//!
//! A body may say `{"version": 8}`: what was changed since that version is then merged, and not undone.

use http::StatusCode;

use super::{Answer, Call};
use crate::body::{self, RECORD};
use crate::contract::{
    ABSENT, Body, CONDITION_FAILED, CONDITIONS, Contract, Field, GONE, NATURAL, NO_SUCH_VERSION, Object, STALE, Shape,
    Success, TOO_LARGE,
};
use crate::error::{Error, Fault};
use crate::record::{VERSION, base_version};
use crate::save::{Intent, save};
use crate::store::Store;

const BASE: Object = Object {
    name: "RestoreBase",
    about: "On what the restoring was decided.",
    members: &[Field::new(VERSION, NATURAL, "What was changed since this version is merged, and not undone.")],
    open: false,
};

pub(super) const CONTRACT: Contract = Contract {
    headers: CONDITIONS,
    body: Some(Body { media_types: RECORD.types, shape: Shape::Object(&BASE), required: false }),
    refusals: &[ABSENT, NO_SUCH_VERSION, GONE, STALE, CONDITION_FAILED, TOO_LARGE],
    ..Contract::of(Success::record(200, "The record as it is now."))
};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.project_id()?;
    let version = call.version()?;
    call.no_parameters()?;
    let base = if call.request.body().is_empty() {
        None
    } else {
        let mut members = body::object(call.request, RECORD)?;
        let base = base_version(&mut members)?;
        let faults: Vec<Fault> = members.keys().map(|name| Fault::member(name, "is not taken here")).collect();
        if !faults.is_empty() {
            return Err(Error::InvalidBody(faults));
        }
        base
    };
    save(call, &id, &Intent::Restore(version, base), StatusCode::OK).await
}
