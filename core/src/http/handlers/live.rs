//! `GET /prj/_live` without an upgrade. The host opens the sockets, after [`Api::upgrade`](crate::Api::upgrade).

use super::ticket::NO_LIVE;
use super::{Answer, Call};
use crate::http::Error;
use crate::http::contract::{Contract, Field, Kind, Refusal, Success, TEXT};
use crate::store::Source;

pub(crate) const CONTRACT: Contract = Contract {
    query: &[Field::new(
        "since",
        TEXT,
        "Where the client was: `<cursor>~<epoch>.<seq>`, or a `cursor` of `_changes`. Without it: only what comes.",
    )],
    headers: &[Field::new(
        "sec-websocket-protocol",
        TEXT,
        "`ripple.v1`, and `ripple.ticket.<ticket>` where there is no `x-api-key`.",
    )],
    refusals: &[
        NO_LIVE,
        Refusal { kind: &Kind::ORIGIN_NOT_ALLOWED, when: "The host has a list of origins, and `Origin` is not in it." },
        Refusal { kind: &Kind::UPGRADE_REQUIRED, when: "The request is not one for a WebSocket (RFC 6455)." },
    ],
    ..Contract::of(Success {
        status: 101,
        about: "A WebSocket with the subprotocol `ripple.v1`.",
        body: None,
        tagged: false,
        headers: &[],
    })
};

pub(crate) fn run<S: Source>(call: &mut Call<'_, S>) -> Result<Answer, Error> {
    call.tickets.ok_or(Error::NoLive)?;
    Err(Error::UpgradeRequired)
}
