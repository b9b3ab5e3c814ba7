//! `GET /prj?format=csv`: a page of the list as a sheet. Only hosts where records are written answer it.

use http::Uri;
use http::header::CONTENT_TYPE;

use super::list::{FORMAT_NAME, linked, page};
use super::{Answer, Call};
use crate::http::Error;
use crate::limits;
use crate::query::weight;
use crate::sheet;
use crate::store::Source;

/// The parameter that names the columns.
const FIELDS: &str = "fields";

/// Reports whether a list is to be a sheet.
pub(crate) fn is_asked_for(target: &Uri) -> bool {
    let query = form_urlencoded::parse(target.query().unwrap_or_default().as_bytes());
    let mut formats = query.filter(|(name, _)| name == FORMAT_NAME);
    formats.next().is_some_and(|(_, format)| format == "csv") && formats.next().is_none()
}

pub(crate) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let mut parameters = call.parameters();
    parameters.retain(|(name, _)| name != FORMAT_NAME);
    let version = &call.store.names().version;
    let mut fields = None;
    for (_, value) in parameters.iter_mut().filter(|(name, _)| name == FIELDS) {
        fields = Some(value.split(',').map(str::to_owned).collect::<Vec<String>>());
        // Without its version, a row could not come back.
        if !value.split(',').any(|name| name == version) {
            value.push(',');
            value.push_str(version);
        }
    }
    let (mut query, mut list) = page(call, &parameters).await?;
    let resource = call.store.resource();
    let made = sheet::page(&list.body, fields.as_deref(), resource, limits::PAGE, weight);
    let records: Vec<&serde_json::value::RawValue> = serde_json::from_slice(&list.body).unwrap_or_default();
    if made.records < records.len() {
        // The sheet is larger than the list, and the rest is on the next page.
        parameters.retain(|(name, _)| name != "limit");
        parameters.push(("limit".to_owned(), made.records.to_string()));
        (query, list) = page(call, &parameters).await?;
    }
    let etag = Some(format!("{}-csv", list.etag));
    let answer = Answer { etag, ..Answer::json(made.body) }.with_header(CONTENT_TYPE, sheet::MEDIA_TYPE);
    Ok(linked(call, &query, &list, answer))
}
