//! `GET /openapi.json`: the document that the host hands in. `deploy/` generates it from the route table and the resources.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, Shape, Success};

pub(crate) const CONTRACT: Contract = Contract::of(Success::json("OpenAPI 3.1.", Shape::Any));

pub(crate) fn run<S>(call: &Call<'_, S>) -> Result<Answer, Error> {
    let documents = call.documents.ok_or(Error::NoSuchResource)?;
    Ok(Answer::json(documents.openapi.clone()))
}
