//! `DELETE /prj/{prjid}`: a tombstone takes the record's place, so that caches learn of it.

use http::StatusCode;

use super::{Answer, Call};
use crate::error::Error;
use crate::save;
use crate::store::Store;

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.project_id()?;
    call.no_parameters()?;
    let now = call.now;
    save::commit(call, &id, |theirs| Ok(theirs.deleted(now))).await?;
    Ok(Answer::json(Vec::new()).with_status(StatusCode::NO_CONTENT))
}
