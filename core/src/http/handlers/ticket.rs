//! `POST /prj/_ticket`: a ticket, with which a browser opens a socket of the live channel without the key.

use serde::Serialize;

use super::{Answer, Call};
use crate::http::author::author;
use crate::http::contract::{Contract, Field, Kind, NATURAL, Object, Refusal, Shape, Success, TEXT};
use crate::http::{Error, Fault};
use crate::live::{TICKET_LIFE, Ticket};
use crate::store::Source;

/// Where the socket is, relative to this request's URL.
const URL: &str = "_live";

const TICKET: Object = Object {
    name: "LiveTicket",
    about: "A ticket for the live channel, for one use.",
    members: &[
        Field::new("ticket", TEXT, "Sent along as the subprotocol `ripple.ticket.<ticket>`.").required(),
        Field::new("expires_in", NATURAL, "For how many seconds it is valid.").required(),
        Field::new("url", TEXT, "Where the socket is, relative to this request's URL.").required(),
        Field::new("resume", Shape::Boolean, "Whether a reader can go on where it was.").required(),
    ],
    content: None,
    open: true,
};

/// The host has no live channel.
pub(super) const NO_LIVE: Refusal = Refusal { kind: &Kind::NO_LIVE, when: "This host has no live channel." };

pub(crate) const CONTRACT: Contract = Contract {
    headers: &[Field::new(
        "ripple-author",
        TEXT,
        "Who has the page open: a String or Display String of RFC 9651, which may have the parameter `id`.",
    )],
    refusals: &[
        NO_LIVE,
        Refusal { kind: &Kind::INVALID_BODY, when: "There is a body." },
        Refusal { kind: &Kind::AUTHOR_NOT_ALLOWED, when: "`Ripple-Author` is another one than the key may name." },
    ],
    ..Contract::of(Success::json("A ticket.", Shape::Object(&TICKET)))
};

#[derive(Serialize)]
struct Body<'a> {
    ticket: &'a str,
    expires_in: u64,
    url: &'a str,
    resume: bool,
}

pub(crate) fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    let secrets = call.tickets.ok_or(Error::NoLive)?;
    call.no_parameters()?;
    if !call.request.body().is_empty() {
        return Err(Error::InvalidBody(vec![Fault::at(&[], "is not taken here")]));
    }
    let person = author(call.request.headers(), call.caller)?;
    let ticket = Ticket::issue(&call.store.resource().name, &call.caller.key_id, person, call.now, call.random.bytes());
    let ticket = &*ticket.sign(secrets);
    let body = Body { ticket, expires_in: TICKET_LIFE.as_secs(), url: URL, resume: true };
    Ok(Answer::json(serde_json::to_vec(&body).expect("strings and numbers serialise")))
}
