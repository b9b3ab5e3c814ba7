//! `GET /health`: whether this host answers. It touches no storage.

use super::{Answer, Call};
use crate::error::Error;
use crate::store::Source;

pub(super) async fn run<S: Source>(_call: &mut Call<'_, S>) -> Result<Answer, Error> {
    Ok(Answer::json(br#"{"status":"ok"}"#.to_vec()))
}
