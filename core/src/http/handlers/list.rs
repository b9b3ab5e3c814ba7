//! `GET /prj`: the whole list, or the part that the query selects.

use http::header::LINK;

use super::{Answer, Call};
use crate::http::contract::{Contract, Field, LIMIT, LISTED, NATURAL, SEEN, Shape, Success, TEXT};
use crate::http::{Error, Fault};
use crate::limits;
use crate::query::{self, ListPage, Query};
use crate::record::schema::{PARAMETERS, Resource};
use crate::store::Source;

/// The parameter that a `Link` sets.
const CURSOR: &str = "cursor";
/// The parameter that chooses the form of the page. A header `Accept` would do too, but every cache and the edge's fastest
/// path would have to look at it, and a link could not have it.
pub(super) const FORMAT_NAME: &str = "format";
/// The number of declared members that an error lists.
const MOST_NAMED: usize = 32;

/// Up to 8 names that are not empty: the rule of `query/parameters.rs` as a regular expression of ECMA-262.
const SORT: Shape = names(r"^(?!-(,|$))[^,]+(,(?!-(,|$))[^,]+){0,7}$");
/// Up to 64 names that are not empty.
const FIELDS: Shape = names(r"^(?!-(,|$))[^,]+(,(?!-(,|$))[^,]+){0,63}$");

const FORMAT: Shape = Shape::Text { least: 1, most: None, pattern: Some("^(json|csv)$") };

const fn names(pattern: &'static str) -> Shape {
    Shape::Text { least: 1, most: None, pattern: Some(pattern) }
}

/// `true` or `false`.
const FLAG: Shape = Shape::Boolean;

pub(crate) const CONTRACT: Contract = Contract {
    query: &[
        Field::new("q", TEXT, "Words, each of which occurs in some string of the record, whatever its case."),
        Field::new("sort", SORT, "Up to 8 names of members between commas, `-` before one for descending."),
        Field::new("fields", FIELDS, "Up to 64 names of members between commas: only these, and `{key}`."),
        LIMIT,
        Field::new("cursor", TEXT, "From a `Link`; only with the same `q`, `sort`, `fields` and conditions."),
        Field::new("count", FLAG, "`true`: the answer has `Ripple-Count`, whatever page it is."),
        Field::new("{deleted}", FLAG, "`true`: the deleted {many} that can still be restored, in place of the others."),
        Field::new("format", FORMAT, "`csv`: the page is a sheet, with the version of each record."),
    ],
    filters: true,
    sheet: true,
    headers: &[SEEN],
    ..Contract::of(Success {
        tagged: true,
        headers: &[LINKS, COUNTED],
        ..Success::json("The records, ordered by `sort` and then `{key}`.", Shape::List(&Shape::Object(&LISTED)))
    })
};

const LINKS: Field = Field::new(
    "Link",
    TEXT,
    "`<…>; rel=\"next\"`: where it goes on, relative to this request's URL. Without it this is the end. Beyond the first \
     page also `rel=\"prev\"` and `rel=\"first\"`.",
);
const COUNTED: Field = Field::new(
    "Ripple-Count",
    NATURAL,
    "The number of all matches, on any page: with `count=true`, and where the first page is the last.",
);

pub(crate) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let mut parameters = call.parameters();
    let all = parameters.len();
    parameters.retain(|(name, format)| name != FORMAT_NAME || format != "json");
    if all - parameters.len() > 1 || parameters.iter().any(|(name, _)| name == FORMAT_NAME) {
        return Err(Error::InvalidRequest(vec![Fault::parameter(FORMAT_NAME, "must be json or csv, once")]));
    }
    let (query, page) = page(call, &parameters).await?;
    let answer = Answer { etag: Some(page.etag.clone()), ..Answer::json(page.body.clone()) };
    Ok(linked(call, &query, &page, answer))
}

/// Returns the page of a list that these parameters select.
pub(super) async fn page<S: Source>(
    call: &mut Call<'_, S>,
    parameters: &[(String, String)],
) -> Result<(Query, ListPage), Error> {
    let query = Query::parse(parameters, call.store.resource())?.at(call.now);
    let page = call.store.list(&query, &call.session, call.now, &mut call.metrics.capacity).await?;
    if !page.unknown.is_empty() {
        let known = known(call.store.resource());
        let fault = |fault: &query::Fault| Fault::parameter(&fault.parameter, format!("{}; {known}", fault.detail));
        return Err(Error::InvalidRequest(page.unknown.iter().map(fault).collect()));
    }
    Ok((query, page))
}

/// Adds the number of matches and the links of a page to its answer.
pub(super) fn linked<S: Source>(call: &Call<'_, S>, query: &Query, page: &ListPage, mut answer: Answer) -> Answer {
    if query.counts() || !query.has_cursor() && page.next.is_none() {
        answer = answer.with_count(page.count);
    }
    let link = |relation, cursor: Option<&String>| call.link(relation, CURSOR, cursor.map(String::as_str));
    let mut links = page.next.as_ref().map(|next| link("next", Some(next))).unwrap_or_default();
    let mut add = |other: String| {
        // Proxies limit the length of headers, and a list can be read to its end without these links.
        if links.len() + other.len() <= limits::LINK {
            links += if links.is_empty() { "" } else { ", " };
            links += &other;
        }
    };
    if page.previous.is_some() {
        add(link("prev", page.previous.as_ref()));
    }
    if query.has_cursor() {
        add(link("first", None));
    }
    if links.is_empty() { answer } else { answer.with_header(LINK, &links) }
}

/// Returns what a parameter can be. Without iterators and `format!`, which would add to the edge worker's bundle.
fn known(resource: &Resource) -> String {
    let names = &resource.names;
    let mut text = String::from("the parameters are ");
    for name in PARAMETERS {
        text = text + name + ", ";
    }
    text = text + &names.deleted + ", and the members are " + &names.key;
    for (place, name) in resource.declared().into_iter().enumerate() {
        if place == MOST_NAMED {
            return text + ", …";
        }
        if name != &*names.key {
            text = text + ", " + name;
        }
    }
    text
}
