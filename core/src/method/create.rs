//! `POST /prj`. The usual case is one transaction and no read; a tombstone fails it and is handed back.

use super::{Answer, Call};
use crate::body::{self, NEW_RECORD};
use crate::contract::{Body, Contract, Field, Kind, NEW_PROJECT, Refusal, Shape, Success, TEXT, TOO_LARGE};
use crate::error::{Error, Fault};
use crate::record::decide::Change;
use crate::record::{PRJ_ID, RecordId, check_new, take_own};
use crate::store::Store;
use crate::value::{Members, Value};

pub(super) const CONTRACT: Contract = Contract {
    body: Some(Body { media_types: NEW_RECORD.types, shape: Shape::Object(&NEW_PROJECT), required: true }),
    refusals: &[
        Refusal { kind: &Kind::EXISTS, when: "There is a project with this id already; nothing was changed." },
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

pub(super) async fn run<S: Store>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    call.no_parameters()?;
    let mut members = body::object(call.request, NEW_RECORD)?;
    let id = match sent_id(&members)? {
        Some(id) => id,
        None => RecordId::generate(call.now, call.random.bytes()),
    };
    take_own(&mut members)?; // a record copied from another brings its version along; it means nothing here
    check_new(&members)?;
    members.retain(|_, value| *value != Value::Null);

    call.save(&id, &Change::Create(members)).await
}

fn sent_id(members: &Members) -> Result<Option<RecordId>, Error> {
    let fault = |detail: String| Error::InvalidBody(vec![Fault::member(PRJ_ID, detail)]);
    match members.get(PRJ_ID) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => RecordId::parse(text).map(Some).map_err(|why| fault(why.to_string())),
        Some(_) => Err(fault("must be a string".to_owned())),
    }
}
