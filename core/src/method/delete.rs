//! `DELETE /prj/{prjid}`: a tombstone takes the record's place, so that caches learn of it. The history stays.

use http::StatusCode;

use super::{Answer, Call};
use crate::contract::{ABSENT, CONDITION_FAILED, CONDITIONS, Contract, GONE, Success};
use crate::error::Error;
use crate::save::{Intent, save};
use crate::store::Store;

pub(super) const CONTRACT: Contract = Contract {
    headers: CONDITIONS,
    refusals: &[ABSENT, GONE, CONDITION_FAILED],
    ..Contract::of(Success { status: 204, about: "It is deleted.", body: None, tagged: false, headers: &[] })
};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.project_id()?;
    call.no_parameters()?;
    save(call, &id, &Intent::Delete, StatusCode::NO_CONTENT).await
}
