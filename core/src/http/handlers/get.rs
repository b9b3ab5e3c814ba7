//! `GET /prj/{prjid}`: a record.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{ABSENT, Contract, GONE, SEEN, Success};
use crate::service;
use crate::store::Source;

pub(crate) const CONTRACT: Contract =
    Contract { headers: &[SEEN], refusals: &[ABSENT, GONE], ..Contract::of(Success::record(200, "The record.")) };

pub(crate) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let record = service::read(call.store, &id, &call.session, call.now, &mut call.metrics.capacity).await?;
    Ok(Answer::record(&record, call.store.names()))
}
