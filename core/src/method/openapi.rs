//! `GET /openapi.json`: the document that is made of the route table and committed (deploy/).

use super::{Answer, Call};
use crate::contract::{Contract, Shape, Success};
use crate::error::Error;
use crate::store::Store;

pub(super) const CONTRACT: Contract = Contract::of(Success::json("OpenAPI 3.1.", Shape::Any));

pub(super) async fn run<S: Store>(_call: &mut Call<'_, S>) -> Result<Answer, Error> {
    Ok(Answer::json(&include_bytes!("../../../deploy/openapi.json")[..]))
}
