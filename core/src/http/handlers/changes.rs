//! `GET /prj/_changes?since=`: the changes since a cursor. Without a cursor it returns every record.

use http::header::{LINK, VARY};

use super::{Answer, Call};
use crate::http::contract::{CURSOR_EXPIRED, Contract, Field, LIMIT, NEXT, Object, RECORD, Shape, Success, TEXT};
use crate::http::prefer;
use crate::http::{Error, Fault};
use crate::query::parse_limit;
use crate::service::changes::{ChangesPage, Cursor, Reading, changes};
use crate::store::Source;

const SINCE: &str = "since";

const CHANGES: Object = Object {
    name: "{Of}Changes",
    about: "What has changed. A change is told at least once: records are applied by `{key}` and `{version}`.",
    members: &[
        Field::new("changed", Shape::List(&Shape::Object(&RECORD)), "Records as they are now.").required(),
        Field::new("deleted", Shape::List(&TEXT), "Ids of {many} that were deleted.").required(),
        Field::new("cursor", TEXT, "From where to ask on, as `since`.").required(),
    ],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract {
    query: &[Field::new(SINCE, TEXT, "A `cursor`. Without it: everything, from the beginning."), LIMIT],
    headers: &[Field::new(
        prefer::PREFER,
        TEXT,
        "`wait=25` (RFC 7240): where the host can, it holds the answer until there is a change, at most 25 seconds.",
    )],
    refusals: &[CURSOR_EXPIRED],
    ..Contract::of(Success {
        headers: &[
            NEXT,
            Field::new(prefer::APPLIED, TEXT, "`wait=25` if the host holds answers. Without it: ask again later."),
        ],
        ..Success::json("What has changed since then.", Shape::Object(&CHANGES))
    })
};

pub(crate) async fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let (since, limit) = parse(&call.parameters(), &call.store.resource().name)?;
    let Call { store, session, now, metrics, .. } = call;
    let mut reading = Reading { store: *store, session, now: *now, cost: &mut metrics.capacity };
    let ChangesPage { changed, deleted, cursor, more } = changes(&mut reading, since, limit).await?;
    let cursor = cursor.to_token(&call.store.resource().name);
    let deleted = serde_json::to_vec(&deleted).expect("strings serialise");
    let parts: [&[u8]; 7] =
        [br#"{"changed":"#, &changed, br#","deleted":"#, &deleted, br#","cursor":""#, cursor.as_bytes(), br#""}"#];
    let answer = Answer::json(parts.concat()).with_header(VARY, "prefer");
    Ok(if more { answer.with_header(LINK, &call.next_link(SINCE, &cursor)) } else { answer })
}

fn parse(parameters: &[(String, String)], resource: &str) -> Result<(Option<Cursor>, Option<usize>), Error> {
    let (mut since, mut limit, mut faults) = (None, None, Vec::new());
    for (index, (name, value)) in parameters.iter().enumerate() {
        if parameters[..index].iter().any(|(earlier, _)| earlier == name) {
            faults.push(Fault::parameter(name, "occurs more than once"));
            continue;
        }
        match name.as_str() {
            SINCE => match Cursor::parse(value, resource) {
                Some(cursor) => since = Some(cursor),
                None => faults.push(Fault::parameter(name, "is no cursor of changes")),
            },
            "limit" => match parse_limit(value) {
                Ok(parsed) => limit = Some(parsed),
                Err(detail) => faults.push(Fault::parameter(name, detail)),
            },
            _ => faults.push(Fault::parameter(name, "is not a parameter here")),
        }
    }
    if faults.is_empty() { Ok((since, limit)) } else { Err(Error::InvalidRequest(faults)) }
}
