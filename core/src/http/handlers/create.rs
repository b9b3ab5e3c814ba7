//! `POST /prj`. It reads only the newest row of the history, where numbers continue. If a tombstone exists, the
//! condition of the write fails and returns it.

use super::{Answer, Call};
use crate::http::Error;
use crate::http::body::{self, NEW_RECORD};
use crate::http::contract::{Body, Contract, Field, Kind, NEW, Refusal, Shape, Success, TEXT, TOO_LARGE};
use crate::record::{RecordId, creation};
use crate::store::Store;

pub(crate) const CONTRACT: Contract = Contract {
    body: Some(Body { content: &[("application/json", Shape::Object(&NEW))], required: true }),
    refusals: &[
        Refusal { kind: &Kind::EXISTS, when: "There is {a} with this id already; nothing was changed." },
        Refusal {
            kind: &Kind::PRECONDITION_FAILED,
            when: "There is an `If-Match`: no state is there that it could name.",
        },
        TOO_LARGE,
    ],
    ..Contract::of(Success {
        headers: &[Field::new("Location", TEXT, "The record's URL, relative to this one.").required()],
        ..Success::record(201, "The record as it was created.")
    })
};

pub(crate) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    call.no_parameters()?;
    let (id, change) = creation(body::object(call.request, NEW_RECORD)?, call.store.resource())?;
    let id = id.unwrap_or_else(|| RecordId::generate(call.now, call.random.bytes()));
    call.save(&id, &change).await
}
