//! `PUT /prj/{prjid}`: a whole record. What it does not mention is left alone.

use super::{Answer, Call};
use crate::body::{self, RECORD};
use crate::contract::{Contract, EDIT, Shape};
use crate::error::Error;
use crate::record::change::Edit;
use crate::store::Store;

pub(super) const CONTRACT: Contract = super::edit_contract(&[("application/json", Shape::Object(&EDIT))]);

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let members = body::object(call.request, RECORD)?;
    super::edit(call, members, Edit::Replace).await
}
