//! `GET /openapi.json`: the committed document, which `deploy/` generates from the route table.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, Shape, Success};

pub(crate) const CONTRACT: Contract = Contract::of(Success::json("OpenAPI 3.1.", Shape::Any));

pub(crate) fn run<S>(call: &Call<'_, S>) -> Result<Answer, Error> {
    let documents = call.documents.ok_or(Error::NoSuchResource)?;
    Ok(Answer::json(documents.openapi))
}
