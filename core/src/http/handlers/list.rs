//! `GET /prj`: the whole list, or the part that the query selects.

use http::header::LINK;

use super::{Answer, Call};
use crate::http::contract::{Contract, Field, LIMIT, LISTED, NEXT, SEEN, Shape, Success, TEXT};
use crate::http::{Error, Fault};
use crate::query::{ListPage, Query};
use crate::store::Source;

/// The parameter that chooses the form of the page. A header `Accept` would do too, but every cache and the edge's fastest
/// path would have to look at it, and a link could not have it.
pub(super) const FORMAT_NAME: &str = "format";

/// Up to 8 names that are not empty: the rule of `query/parameters.rs` as a regular expression of ECMA-262.
const SORT: Shape = names(r"^(?!-(,|$))[^,]+(,(?!-(,|$))[^,]+){0,7}$");
/// Up to 64 names that are not empty.
const FIELDS: Shape = names(r"^(?!-(,|$))[^,]+(,(?!-(,|$))[^,]+){0,63}$");

const FORMAT: Shape = Shape::Text { least: 1, most: None, pattern: Some("^(json|csv)$") };

const fn names(pattern: &'static str) -> Shape {
    Shape::Text { least: 1, most: None, pattern: Some(pattern) }
}

pub(crate) const CONTRACT: Contract = Contract {
    query: &[
        Field::new("q", TEXT, "Words, each of which occurs in some string of the record, whatever its case."),
        Field::new("sort", SORT, "Up to 8 attribute names between commas, `-` before one for descending."),
        Field::new("fields", FIELDS, "Up to 64 attribute names between commas: only these, and `{key}`."),
        LIMIT,
        Field::new("cursor", TEXT, "From a `Link`; only with the same `q`, `sort`, `fields` and filters."),
        Field::new("format", FORMAT, "`csv`: the page is a sheet, with the version of each record."),
    ],
    filters: true,
    sheet: true,
    headers: &[SEEN],
    ..Contract::of(Success {
        tagged: true,
        headers: &[NEXT],
        ..Success::json("The records, ordered by `sort` and then `{key}`.", Shape::List(&Shape::Object(&LISTED)))
    })
};

pub(crate) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let mut parameters = call.parameters();
    let formats = parameters.extract_if(.., |(name, _)| name == FORMAT_NAME).map(|(_, format)| format);
    match formats.collect::<Vec<String>>().as_slice() {
        [] => {}
        [format] if format == "json" => {}
        [_] => return Err(Error::InvalidRequest(vec![Fault::parameter(FORMAT_NAME, "must be json or csv")])),
        _ => return Err(Error::InvalidRequest(vec![Fault::parameter(FORMAT_NAME, "occurs more than once")])),
    }
    let page = page(call, &parameters).await?;
    let answer = Answer { etag: Some(page.etag), ..Answer::json(page.body) };
    Ok(match page.next {
        Some(cursor) => answer.with_header(LINK, &call.next_link("cursor", &cursor)),
        None => answer,
    })
}

/// Returns the page of a list that these parameters select.
pub(super) async fn page<S: Source>(
    call: &mut Call<'_, S>,
    parameters: &[(String, String)],
) -> Result<ListPage, Error> {
    let query = Query::parse(parameters, call.store.resource())?;
    let page = call.store.list(&query, &call.session, call.now, &mut call.metrics.capacity).await?;
    if !page.unknown.is_empty() {
        let fault = |name: &String| Fault::parameter(name, "is no parameter, and no record has a member of that name");
        return Err(Error::InvalidRequest(page.unknown.iter().map(fault).collect()));
    }
    Ok(page)
}
