//! `GET /prj`: the whole list, or what the query asks of it.

use http::header::LINK;

use super::{Answer, Call};
use crate::error::Error;
use crate::list::Query;
use crate::store::Source;

pub(super) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let query = Query::parse(&call.parameters())?;
    let page = call.store.list(&query, &call.session, call.cost).await?;
    let answer = Answer { etag: Some(page.etag), ..Answer::json(page.body) };
    Ok(match page.next {
        Some(cursor) => answer.with_header(LINK, &call.next_link("cursor", &cursor)),
        None => answer,
    })
}
