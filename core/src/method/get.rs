//! `GET /prj/{prjid}`

use super::{Answer, Call};
use crate::contract::{ABSENT, Contract, GONE, SEEN, Success};
use crate::error::Error;
use crate::read;
use crate::store::Source;

pub(super) const CONTRACT: Contract =
    Contract { headers: &[SEEN], refusals: &[ABSENT, GONE], ..Contract::of(Success::record(200, "The record.")) };

pub(super) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    call.no_parameters()?;
    let record = read::record(call.store, &id, &call.session, call.now, &mut call.metrics.capacity).await?;
    read::live(record, &id).map(|record| Answer::record(&record))
}
