//! The live channel: tickets, sockets, and changes that a client waits for.

use bytes::Bytes;
use http::header::{ORIGIN, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use ripple_core::http::edge::session_of;
use ripple_core::http::upgrade::Upgrade;
use ripple_core::http::{Operation, Target, prefer, upgrade};
use ripple_core::replica::stored::{self, Outcome, Sockets, Table};
use ripple_core::service::changes::Cursor;
use ripple_core::store::{Capacity, Keys as _};
use ripple_core::{Api, RequestContext};
use ripple_platform::clock::{self, Clock};
use ripple_platform::store::ReadOnly;
use ripple_platform::{exchange, random};
use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::read::{KEYS, Key, current};
use crate::settings::Settings;
use crate::sql::Storage;
use crate::{Host, open, thrown};

/// The headers of a request that the live channel uses, beside those of each request.
const HEADERS: [HeaderName; 5] = [
    ORIGIN,
    UPGRADE,
    SEC_WEBSOCKET_PROTOCOL,
    HeaderName::from_static("ripple-author"),
    HeaderName::from_static("prefer"),
];
/// The header by which the edge says that a request has a body.
const BODY: &str = "ripple-body";

/// The header by which the object is told for how many milliseconds it may hold an answer.
const WAIT: HeaderName = HeaderName::from_static("ripple-wait");

type Replica = Table<Storage, ReadOnly, Clock>;

/// Reports whether a request is one of the live channel.
pub(crate) fn is_asked_for(raw: &web_sys::Request) -> bool {
    let Some(request) = exchange::request(raw) else { return false };
    [Operation::Changes, Operation::Ticket, Operation::Live].into_iter().any(|operation| is_of(&request, operation))
}

fn is_of(request: &Request<Bytes>, operation: Operation) -> bool {
    let route = Target::find(request.uri().path()).and_then(|target| target.route(request.method()));
    route.is_some_and(|route| route.operation == operation)
}

pub(crate) async fn answer(
    table: Replica,
    settings: &Settings,
    raw: &web_sys::Request,
    host: &Host,
    failed: bool,
) -> Result<Option<web_sys::Response>, JsError> {
    let standing = table.standing().map_err(thrown)?;
    let Some(request) = request(raw).filter(|_| standing.confirmed.is_some()) else { return Ok(None) };
    let is_of_changes = is_of(&request, Operation::Changes);
    if is_of_changes {
        // What the client is told is everything until the copy was confirmed.
        let session = session_of(request.headers(), &table.resource().name);
        let is_current = current(&table, settings, host, true, failed).await?.is_some();
        if !is_current || table.read_what_was_written(&session, &mut Capacity::default()).await.is_err() {
            return Ok(None);
        }
    }
    let key = Key::of(raw);
    if let Some(hash) = &key.hash {
        table.meet_key(&key.id, hash).map_err(thrown)?;
    }
    let context = RequestContext { now: clock::now(), random: random::bytes(), caller: key.caller() };
    let api = Api::new(table).with_live(settings.live.clone()).with_origins(settings.origins.clone());
    let mut response = if upgrade::is_asked_for(&request) {
        match api.upgrade_near(&request, context).await {
            // Nothing is awaited from here on until the socket is accepted.
            Ok(upgrade) => return accept(api.store(), upgrade, host).map(Some),
            Err(refused) => refused,
        }
    } else {
        match api.authorize(&request, context).await {
            Ok(authorized) => api.answer_near(&request, authorized).await,
            Err(answered) => answered,
        }
    };
    if is_of_changes && response.status() == StatusCode::OK {
        hold(api.store(), &request, &mut response)?;
    }
    response.headers_mut().insert(KEYS, HeaderValue::from(standing.keys));
    exchange::response(&response).map(Some).map_err(|_| JsError::new("no response"))
}

/// Says in a response with changes whether the object may hold the request, and for how long.
fn hold(table: &Replica, request: &Request<Bytes>, response: &mut Response<Bytes>) -> Result<(), JsError> {
    let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let since = query.into_owned().find(|(name, _)| name == "since");
    let since = since.and_then(|(_, since)| Cursor::parse(&since, &table.resource().name));
    let (Some(wait), Some(since)) = (prefer::wait(request.headers()), since) else { return Ok(()) };
    let is_news = table.has_news_since(&since).map_err(thrown)?;
    let headers = response.headers_mut();
    let applied = HeaderValue::from_str(&format!("wait={}", wait.as_secs()));
    headers.insert(prefer::APPLIED, applied.expect("digits and letters"));
    if !is_news {
        headers.insert(WAIT, HeaderValue::from(wait.as_millis() as u64));
    }
    Ok(())
}

fn accept(table: &Replica, upgrade: Upgrade, host: &Host) -> Result<web_sys::Response, JsError> {
    let Upgrade { reader, since, .. } = upgrade;
    let (outcome, key_id) = match &reader {
        Ok(reader) => {
            let open = host.count() as usize;
            (table.open_socket(reader, since.as_deref(), open).map_err(thrown)?, &*reader.key_id)
        }
        Err(close) => (Outcome::refused(*close), ""),
    };
    host.accept(&json(&outcome), key_id).map_err(|_| JsError::new("the socket was not accepted"))
}

/// Returns a request with the headers of the live channel.
fn request(raw: &web_sys::Request) -> Option<Request<Bytes>> {
    let mut request = exchange::request(raw)?;
    let sent = |name: &str| raw.headers().get(name).ok().flatten();
    for name in HEADERS {
        if let Some(value) = sent(name.as_str()) {
            let value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
            request.headers_mut().insert(name, value);
        }
    }
    if sent(BODY).is_some() {
        *request.body_mut() = Bytes::from_static(b"a body");
    }
    // The runtime has checked them, and passes them to no script.
    request.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    request.headers_mut().insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("checked"));
    Some(request)
}

pub(crate) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("strings and numbers serialise")
}

/// The position of the log, if there is a copy. It differs after a commit with changes.
#[wasm_bindgen]
pub fn position(storage: Storage) -> Result<Option<String>, JsError> {
    stored::position(&storage).map_err(thrown)
}

/// Takes a text of a socket. Returns what to do with the socket.
#[wasm_bindgen]
pub fn received(
    storage: Storage,
    env: Env,
    resource: String,
    kept: String,
    rooms: String,
    text: String,
) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.receive(Sockets { kept: &[kept], rooms: &rooms }, &text).map(|outcome| json(&outcome)).map_err(thrown)
}

/// Notes that a socket is closed.
#[wasm_bindgen]
pub fn socket_closed(
    storage: Storage,
    env: Env,
    resource: String,
    kept: String,
    rooms: String,
) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.socket_closed(Sockets { kept: &[kept], rooms: &rooms }).map(|outcome| json(&outcome)).map_err(thrown)
}

/// Tells some sockets what was committed. Returns what to do with them.
#[wasm_bindgen]
pub fn tell(storage: Storage, env: Env, resource: String, kept: Vec<String>, rooms: String) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.tell(Sockets { kept: &kept, rooms: &rooms }).map(|outcome| json(&outcome)).map_err(thrown)
}

/// Closes those of some sockets that are too slow.
#[wasm_bindgen]
pub fn close_slow(
    storage: Storage,
    env: Env,
    resource: String,
    kept: Vec<String>,
    rooms: String,
) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.close_slow_sockets(Sockets { kept: &kept, rooms: &rooms }).map(|outcome| json(&outcome)).map_err(thrown)
}

/// Returns the places, among some sockets, of the readers of records whose readers have changed.
#[wasm_bindgen]
pub fn readers(
    storage: Storage,
    env: Env,
    resource: String,
    kept: Vec<String>,
    rooms: String,
) -> Result<Vec<u32>, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.readers(Sockets { kept: &kept, rooms: &rooms }).map_err(thrown)
}

/// Tells all readers of each other's presence.
#[wasm_bindgen]
pub fn look_after(
    storage: Storage,
    env: Env,
    resource: String,
    kept: Vec<String>,
    rooms: String,
) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.look_after_sockets(Sockets { kept: &kept, rooms: &rooms }).map(|outcome| json(&outcome)).map_err(thrown)
}

/// Looks up the keys of open sockets. Returns the sockets to close.
#[wasm_bindgen]
pub async fn look_up_keys(storage: Storage, env: Env, resource: String, ids: Vec<String>) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    table.look_up_keys(&ids, &mut Capacity::default()).await.map(|closings| json(&closings)).map_err(thrown)
}
