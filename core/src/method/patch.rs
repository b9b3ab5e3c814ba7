//! `PATCH /prj/{prjid}`: a merge patch (RFC 7396).

use super::{Answer, Call};
use crate::body::{self, MERGE_PATCH};
use crate::error::Error;
use crate::merge;
use crate::save;
use crate::store::Store;

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let members = body::object(call.request, MERGE_PATCH)?;
    save::edit(call, members, merge::patch).await
}
