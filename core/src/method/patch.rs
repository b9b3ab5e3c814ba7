//! `PATCH /prj/{prjid}`: a merge patch (RFC 7396).

use super::{Answer, Call};
use crate::body::{self, MERGE_PATCH};
use crate::contract::Contract;
use crate::error::Error;
use crate::record::change::Edit;
use crate::store::Store;

pub(super) const CONTRACT: Contract = super::edit_contract(MERGE_PATCH.types);

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let members = body::object(call.request, MERGE_PATCH)?;
    super::edit(call, members, Edit::Patch).await
}
