//! `GET /health`: whether this host answers. It does not use storage.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, Field, Object, Shape, Success, TEXT};
use crate::store::Source;

const HEALTH: Object = Object {
    name: "Health",
    about: "Whether this host answers.",
    members: &[Field::new("status", TEXT, "`ok`.").required()],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract::of(Success::json("It does.", Shape::Object(&HEALTH)));

pub(crate) fn run<S: Source>(_call: &mut Call<'_, S>) -> Result<Answer, Error> {
    Ok(answer())
}

pub(crate) fn answer() -> Answer {
    Answer::json(br#"{"status":"ok"}"#.to_vec())
}
