//! `GET /prj/{prjid}`

use super::{Answer, Call};
use crate::error::Error;
use crate::read;
use crate::store::Store;

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.project_id()?;
    call.no_parameters()?;
    let project = read::project(call.store, &id, &call.session, &mut call.cost).await?;
    read::live(project, &id).map(|project| Answer::project(&project))
}
