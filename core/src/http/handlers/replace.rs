//! `PUT /prj/{prjid}`: a whole record. Members that it omits stay.

use super::{Answer, Call, edit};
use crate::http::Error;
use crate::http::body::{self, RECORD};
use crate::http::contract::{Contract, EDIT, Shape};
use crate::record::change::Edit;
use crate::store::Store;

pub(crate) const CONTRACT: Contract = edit::contract(&[("application/json", Shape::Object(&EDIT))]);

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let members = body::object(call.request, RECORD)?;
    edit::run(call, members, Edit::Replace).await
}
