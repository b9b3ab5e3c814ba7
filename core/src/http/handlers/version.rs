//! `GET /prj/{prjid}/versions/{version}`: the record as it was at a version.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, GONE, NO_SUCH_VERSION, Success};
use crate::service;
use crate::store::Store;

pub(crate) const CONTRACT: Contract = Contract {
    refusals: &[NO_SUCH_VERSION, GONE],
    ..Contract::of(Success::record(200, "The record as it was after that version."))
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    let version = call.version()?;
    call.no_parameters()?;
    let state = service::state(call.store, &id, version, &mut call.metrics.capacity).await?;
    Ok(Answer::record(&state, call.store.names()))
}
