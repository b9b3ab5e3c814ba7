//! `GET /prj/{prjid}/versions/{version}`: the record as it was.

use super::{Answer, Call};
use crate::contract::{Contract, GONE, NO_SUCH_VERSION, Success};
use crate::error::Error;
use crate::record::fault;
use crate::store::Store;

pub(super) const CONTRACT: Contract = Contract {
    refusals: &[NO_SUCH_VERSION, GONE],
    ..Contract::of(Success::record(200, "The record as it was after that version."))
};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    let version = call.version()?;
    call.no_parameters()?;
    let found = call.store.state(&id, version, &mut call.metrics.capacity).await?;
    let version = version.cast_signed();
    match found {
        None => Err(fault::Error::NoSuchVersion { id, version }.into()),
        Some(state) if state.is_deleted() => Err(fault::Error::Gone { id, version }.into()),
        Some(state) => Ok(Answer::record(&state)),
    }
}
