//! `GET /prj/{prjid}/versions`: the history. For each write it has the author, the time, the changed fields and their
//! previous values, newest first.

use http::header::LINK;

use super::{Answer, Call};
use crate::http::contract::{
    ABSENT, Contract, Field, LIMIT, NATURAL, NEXT, NUMBER, Object, PERSON, Shape, Success, TEXT,
};
use crate::http::{Error, Fault};
use crate::limits;
use crate::query::{parse_limit, weight};
use crate::record::fault;
use crate::store::{Consistency, Store};
use crate::token;

const CURSOR: &str = "cursor";
/// The format of a history's cursor.
const FORMAT: u8 = 1;

const CHANGE: Object = Object {
    name: "Change",
    about: "A field that a write changed, or an entry of a list.",
    members: &[
        Field::new("field", TEXT, "A JSON Pointer into the record (RFC 6901).").required(),
        Field::new("entry", Shape::Any, "Of a list: the entry's `id`, or itself."),
        Field::new("replaced", Shape::Any, "What was there before."),
        Field::new("removed", Shape::Boolean, "`true`: nothing is there any more."),
    ],
    content: None,
    open: false,
};

const LOST: Object = Object {
    name: "Lost",
    about: "A value of somebody else that a write replaced, although its author had not seen it.",
    members: &[
        Field::new("field", TEXT, "A JSON Pointer into the record (RFC 6901).").required(),
        Field::new(
            "author",
            TEXT,
            "The id of the person on whose behalf the value was written, if the client said so.",
        ),
        Field::new("version", NATURAL, "The version in which it was written.").required(),
    ],
    content: None,
    open: false,
};

const VERSION: Object = Object {
    name: "Version",
    about: "A write, and what it changed.",
    members: &[
        Field::new("version", NATURAL, "The version that it made.").required(),
        Field::new("changes", Shape::List(&Shape::Object(&CHANGE)), "What it changed.").required(),
        Field::new("updated_at", NATURAL, "When, in milliseconds since 1970 UTC."),
        Field::new("updated_by", TEXT, "By whose key."),
        Field::new("updated_author", Shape::Object(&PERSON), "On whose behalf, if the client said so."),
        Field::new("lost", Shape::List(&Shape::Object(&LOST)), "Values that it replaced, and its author had not seen."),
        Field::new("base", NUMBER, "The version that its author had in front of them."),
        Field::new("deleted", Shape::Boolean, "`true`: it deleted the record."),
        Field::new("external", Shape::Boolean, "`true`: another program left this state, and ripple numbered it."),
    ],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract {
    query: &[LIMIT, Field::new(CURSOR, TEXT, "From a `Link`.")],
    refusals: &[ABSENT],
    ..Contract::of(Success {
        headers: &[NEXT],
        ..Success::json("The writes, newest first.", Shape::List(&Shape::Object(&VERSION)))
    })
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let id = call.record_id()?;
    let Page { limit, before } = Page::parse(&call.parameters())?;
    // One version beyond the limit shows whether there are more.
    let cost = &mut call.metrics.capacity;
    let versions = call.store.entries(&id, before, limit + 1, cost).await?;
    if versions.is_empty() && before.is_none() {
        // A record of another writer has no history. An id that never had a record is not found.
        let found = call.store.get(&id, Consistency::Strong, cost).await?;
        found.ok_or(fault::Error::NotFound(id))?;
    }

    let mut json = vec![b'['];
    let mut taken = 0;
    let mut page_weight = 0;
    for version in versions.iter().take(limit) {
        let element = version.to_json();
        page_weight += weight(&element);
        if taken > 0 && page_weight > limits::PAGE {
            break;
        }
        if taken > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&element);
        taken += 1;
    }
    json.push(b']');
    let answer = Answer::json(json);
    match versions.get(taken).and(versions[..taken].last()) {
        Some(last) => {
            let cursor = token::encode(FORMAT, &last.number);
            Ok(answer.with_header(LINK, &call.next_link(CURSOR, &cursor)))
        }
        None => Ok(answer),
    }
}

struct Page {
    limit: usize,
    /// Only versions below this one.
    before: Option<u64>,
}

impl Page {
    fn parse(parameters: &[(String, String)]) -> Result<Page, Error> {
        let mut page = Page { limit: limits::HISTORY_PAGE, before: None };
        let mut faults = Vec::new();
        for (index, (name, value)) in parameters.iter().enumerate() {
            if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
                faults.push(Fault::parameter(name, "occurs more than once"));
                continue;
            }
            match name.as_str() {
                CURSOR => match token::decode(FORMAT, value) {
                    Some(version) => page.before = Some(version),
                    None => faults.push(Fault::parameter(name, "is no cursor of a history")),
                },
                "limit" => match parse_limit(value) {
                    // DynamoDB reads whole rows, each with its record, so the number in one answer is limited.
                    Ok(limit) => page.limit = limit.min(limits::HISTORY_PAGE),
                    Err(detail) => faults.push(Fault::parameter(name, detail)),
                },
                _ => faults.push(Fault::parameter(name, "is not a parameter here")),
            }
        }
        if faults.is_empty() { Ok(page) } else { Err(Error::InvalidRequest(faults)) }
    }
}
