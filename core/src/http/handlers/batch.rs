//! `POST /prj/_batch`: several operations in one request, in their order. The body is JSON, or a sheet of records as CSV,
//! where each row is an operation.

mod operation;
mod reading;

use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Answer, Call};
use crate::http::contract::{self, Body, Contract, Field, Kind, Object, Refusal, Shape, Success, TEXT};
use crate::http::{Error, Fault, problem, receipt};
use crate::limits;
use crate::record::RecordId;
use crate::record::outcome::OutcomeKind;
use crate::service::Saved;
use crate::service::batch::{BatchError, Requested, begin, preview, save_all, save_at};
use crate::store::Store;

use operation::Operation;

const ID: Shape = Shape::Text { least: 1, most: Some(limits::STORED_ID), pattern: None };

const OPERATION: Object = Object {
    name: "{Of}Operation",
    about: "An operation on one record: what the request of that name does to it.",
    members: &[
        Field::new(
            "op",
            Shape::Text { least: 1, most: None, pattern: Some("^(create|replace|patch|edit|delete|restore)$") },
            "`replace` is PUT. `edit` is PATCH with the values that its author saw.",
        )
        .required(),
        Field::new("id", ID, "The record's id, as it is. Not for `create`, whose body may have one."),
        Field::new("to", contract::NATURAL, "Only for `restore`: the version to bring back."),
        Field::new(
            "body",
            Shape::Object(&Object {
                name: "Members",
                about: "Members of a record.",
                members: &[],
                content: None,
                open: true,
            }),
            "The body of that request. `delete` and `restore` may have none.",
        ),
    ],
    content: None,
    open: false,
};

const BATCH: Object = Object {
    name: "{Of}Batch",
    about: "Operations, which are made in this order.",
    members: &[
        Field::new("operations", Shape::List(&Shape::Object(&OPERATION)), "At most 100.").required(),
        Field::new(
            "atomic",
            Shape::Boolean,
            "All operations are made, or none. They are of different records and fit into one transaction of DynamoDB: \
             100 items and 4 MB.",
        ),
        Field::new(
            "dry_run",
            Shape::Boolean,
            "Nothing is changed. The results tell what each operation alone would do.",
        ),
    ],
    content: None,
    open: false,
};

const RESULT: Object = Object {
    name: "{Of}Result",
    about: "The result of an operation: a receipt or a problem.",
    members: &[
        Field::new("line", contract::NATURAL, "Of a row of CSV: the line where it begins."),
        Field::new("op", TEXT, "The operation's name.").required(),
        Field::new("id", TEXT, "The record's id."),
        Field::new("status", contract::NATURAL, "The status that the operation alone would have had.").required(),
        Field::new("version", contract::NUMBER, "The record's version now."),
        Field::new("receipt", TEXT, "The `Ripple-Receipt` that the operation alone would have had."),
        Field::new("problem", Shape::Object(&contract::PROBLEM), "Why it was not made, without `current`."),
    ],
    content: None,
    open: false,
};

const RESULTS: Object = Object {
    name: "{Of}Results",
    about: "The results of a batch.",
    members: &[
        Field::new("results", Shape::List(&Shape::Object(&RESULT)), "The results, in the order of the operations.")
            .required(),
        Field::new("dry_run", Shape::Boolean, "`true` if nothing was changed."),
    ],
    content: None,
    open: false,
};

pub(crate) const CONTRACT: Contract = Contract {
    query: &[
        Field::new("atomic", reading::FLAG, "As the member of that name. Only with a body of CSV."),
        Field::new("dry_run", reading::FLAG, "As the member of that name. Only with a body of CSV."),
    ],
    body: Some(Body { content: &[("application/json", Shape::Object(&BATCH)), ("text/csv", TEXT)], required: true }),
    refusals: &[
        Refusal {
            kind: &Kind::BATCH_TOO_LARGE,
            when: "There are more than 100 operations, or `atomic` ones are more than one transaction takes.",
        },
        contract::ABSENT,
        contract::GONE,
        contract::DELETED,
        contract::STALE,
        contract::NO_SUCH_VERSION,
        Refusal { kind: &Kind::EXISTS, when: "There is {a} with this id already; nothing was changed." },
        Refusal { kind: &Kind::PRECONDITION_FAILED, when: "The record is at another version than a deletion names." },
        contract::TOO_LARGE,
    ],
    ..Contract::of(Success::json("What became of each operation.", Shape::Object(&RESULTS)))
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    if let Some(header) = call.preconditions.header() {
        let fault = Fault::header(header, "is not taken here: an operation names the version that its author saw");
        return Err(Error::InvalidRequest(vec![fault]));
    }
    let reading::Batch { operations, atomic, dry_run } = reading::read(call)?;
    let results = match (dry_run, atomic) {
        (true, _) => previewed(call, operations).await,
        (false, true) => made_as_a_whole(call, operations).await?,
        (false, false) => made_one_by_one(call, operations).await?,
    };
    let body = serde_json::to_vec(&Results { results, dry_run }).expect("strings, numbers and JSON serialise");
    Ok(Answer::json(body))
}

/// Makes the operations one after another. A refused one stops no other. If the store fails, or the time is over, the
/// rest is not tried: the client sends the batch again.
async fn made_one_by_one<S: Store>(
    call: &mut Call<'_, S>,
    operations: Vec<Operation<'_>>,
) -> Result<Vec<Outcome>, Error> {
    let begun = begin(&mut call.context().0).await?;
    let ends = call.now.after(limits::BATCH_TIME);
    let mut stopped = None;
    let mut results = Vec::with_capacity(operations.len());
    for (place, operation) in operations.into_iter().enumerate() {
        if stopped.is_none() && call.store.time() > ends {
            stopped = Some("the time for one request is over");
        }
        let tag = operation.tag();
        let made = match stopped {
            Some(why) => Err(Error::NotTried(why)),
            None => match operation.requested(call) {
                Ok(requested) => {
                    let (mut context, _) = call.context();
                    let saved = save_at(&mut context, place, begun, &requested).await;
                    saved.map_err(|error| tag.located(error.into()))
                }
                Err(error) => Err(error),
            },
        };
        let result = Outcome::of(tag, made, call);
        if stopped.is_none() && result.status >= 500 {
            stopped = Some("an operation before this one failed");
        }
        results.push(result);
    }
    Ok(results)
}

/// Makes all operations, or none.
async fn made_as_a_whole<S: Store>(
    call: &mut Call<'_, S>,
    operations: Vec<Operation<'_>>,
) -> Result<Vec<Outcome>, Error> {
    let tags: Vec<operation::Tag> = operations.iter().map(Operation::tag).collect();
    let mut requested = Vec::with_capacity(tags.len());
    for (tag, operation) in tags.iter().zip(operations) {
        requested.push(operation.requested(call).map_err(|error| tag.in_batch(error))?);
    }
    let saved = save_all(&mut call.context().0, &requested).await.map_err(|error| match error {
        BatchError::At(place, error) => tags[place].in_batch(tags[place].located(error.into())),
        BatchError::TooLarge(place) => Error::BatchTooLarge(format!(
            "an atomic batch is one transaction of at most {} items and 4 MB, which {} exceeds: each operation takes two \
             items, and three with an Idempotency-Key",
            limits::TRANSACTION_ITEMS,
            tags[place].pointer()
        )),
        BatchError::Again(place) => {
            let detail = "is of a record that an earlier operation of this atomic batch changes";
            Error::InvalidBody(vec![tags[place].fault(detail)])
        }
        BatchError::Whole(error) => error.into(),
    })?;
    Ok(tags.into_iter().zip(saved).map(|(tag, saved)| Outcome::of(tag, Ok(saved), call)).collect())
}

/// Tells what each operation alone would do.
async fn previewed<S: Store>(call: &mut Call<'_, S>, operations: Vec<Operation<'_>>) -> Vec<Outcome> {
    let mut results = Vec::with_capacity(operations.len());
    for operation in operations {
        let tag = operation.tag();
        let made = match operation.requested(call) {
            Ok(requested) => {
                let (mut context, _) = call.context();
                preview(&mut context, &requested).await.map_err(|error| tag.located(error.into()))
            }
            Err(error) => Err(error),
        };
        results.push(Outcome::of(tag, made, call));
    }
    results
}

/// The body of the answer.
#[derive(Serialize)]
struct Results {
    results: Vec<Outcome>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
}

/// The result of an operation.
#[derive(Serialize)]
struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    op: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Box<RawValue>>,
}

impl Outcome {
    fn of<S: Store>(tag: operation::Tag, made: Result<Saved, Error>, call: &Call<'_, S>) -> Outcome {
        let (line, op, id) = (tag.line(), tag.op(), tag.id.as_ref().map(RecordId::to_string));
        match made {
            Ok(Saved { record, outcome }) => {
                let status = match outcome.kind {
                    OutcomeKind::Created => StatusCode::CREATED,
                    OutcomeKind::Deleted => StatusCode::NO_CONTENT,
                    _ => StatusCode::OK,
                };
                let receipt = Some(receipt::header(&outcome, record.version));
                let (id, version) = (Some(record.id.to_string()), Some(record.version));
                Outcome { line, op, id, status: status.as_u16(), version, receipt, problem: None }
            }
            Err(error) => {
                let (status, problem) = problem::in_batch(&error, call.store.resource());
                let problem = Some(problem);
                Outcome { line, op, id, status: status.as_u16(), version: None, receipt: None, problem }
            }
        }
    }
}
