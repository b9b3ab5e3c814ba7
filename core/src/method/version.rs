//! `GET /prj/{prjid}/versions/{version}`: the record as it was.

use super::{Answer, Call};
use crate::contract::{Contract, GONE, NO_SUCH_VERSION, Success};
use crate::error::Error;
use crate::store::Store;

pub(super) const CONTRACT: Contract = Contract {
    refusals: &[NO_SUCH_VERSION, GONE],
    ..Contract::of(Success::record(200, "The record as it was after that version."))
};

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.project_id()?;
    let version = call.version()?;
    call.no_parameters()?;
    match call.store.version(&id, version, call.cost).await? {
        None => Err(Error::NoSuchVersion { id, version }),
        Some(project) if project.is_deleted() => Err(Error::Gone { id, version }),
        Some(project) => Ok(Answer::project(&project)),
    }
}
