//! The answer to a read of the edge.

use std::time::Duration;

use http::HeaderValue;
use http::header::HeaderName;
use ripple_core::auth::{Caller, KeyHash, Scope};
use ripple_core::http::edge::{session_of, wants_newer};
use ripple_core::replica::Prepared;
use ripple_core::replica::refresh::Freshness;
use ripple_core::replica::stored::need::Need;
use ripple_core::replica::stored::{Standing, Table};
use ripple_core::store::{Capacity, Keys as _};
use ripple_core::{Api, RequestContext};
use ripple_platform::clock::{self, Clock};
use ripple_platform::store::ReadOnly;
use ripple_platform::{exchange, random};
use wasm_bindgen::JsError;
use wasm_bindgen_futures::JsFuture;

use crate::Host;
use crate::settings::Settings;
use crate::sql::Storage;
use crate::thrown;

/// The header by which the edge names the client's key, which it has checked.
const KEY_ID: &str = "ripple-key-id";
/// The header by which the edge is told how often keys lost rights.
pub(crate) const KEYS: HeaderName = HeaderName::from_static("ripple-keys");

/// A key that the edge has checked.
pub(crate) struct Key {
    pub(crate) id: String,
    /// The hash of the key, and the only author that it may name, if the edge has checked the key.
    pub(crate) hash: Option<KeyHash>,
    author: Option<String>,
}

impl Key {
    pub(crate) fn of(raw: &web_sys::Request) -> Key {
        let sent = raw.headers().get(KEY_ID).ok().flatten().unwrap_or_default();
        let mut parts = sent.split(' ').map(str::to_owned);
        let id = parts.next().unwrap_or_default();
        let hash = parts.next().and_then(|hash| KeyHash::from_hex(&hash));
        Key { id, hash, author: parts.next().filter(|author| !author.is_empty()) }
    }

    /// Returns the client. It may read, which the edge has checked. A client with a ticket has no key.
    pub(crate) fn caller(&self) -> Option<Caller> {
        let author = self.author.clone();
        let caller = || Caller { scopes: vec![Scope::Read].into(), author, ..Caller::checked_by_gateway(&self.id) };
        (!self.id.is_empty()).then(caller)
    }
}

pub(crate) async fn answer(
    table: Table<Storage, ReadOnly, Clock>,
    settings: &Settings,
    raw: &web_sys::Request,
    host: &Host,
    failed: bool,
) -> Result<Option<web_sys::Response>, JsError> {
    let Some(request) = exchange::request(raw) else { return Ok(None) };
    let newer = wants_newer(request.headers());
    let Some(current) = current(&table, settings, host, newer, failed).await? else { return Ok(None) };
    let Current { standing, freshness, fetched } = current;
    let mut cost = Capacity::default();
    let session = session_of(request.headers(), &table.resource().name);
    // A strongly consistent read of the whole table is the origin's: it would keep the object from all other readers.
    if standing.confirmed.is_some_and(|confirmed| session.outruns(confirmed)) {
        return Ok(None);
    }
    // What a session wrote and DynamoDB does not tell is missing from the answer. The edge knows another way.
    let Ok(read) = table.read_what_was_written(&session, &mut cost).await else { return Ok(None) };
    let age = standing.confirmed.map(|confirmed| Duration::from_millis(clock::now().0.saturating_sub(confirmed.0)));
    let prepared = age.map(|age| Prepared { freshness, age, fetched: fetched || read, missed: false });
    let caller = Key::of(raw).caller();
    let context = RequestContext { now: clock::now(), random: random::bytes(), caller };
    let api = Api::new(table);
    let mut response = match api.authorize(&request, context).await {
        Ok(authorized) => api.read_prepared(&request, authorized, prepared, settings.ages.fresh).await,
        Err(answered) => answered,
    };
    response.headers_mut().insert(KEYS, HeaderValue::from(standing.keys));
    exchange::response(&response).map(Some).map_err(|_| JsError::new("no response"))
}

/// A copy that is new enough for a read.
pub(crate) struct Current {
    pub(crate) standing: Standing,
    freshness: Freshness,
    fetched: bool,
}

/// Refreshes the copy as far as a read needs it. Returns `None` if the copy cannot answer.
pub(crate) async fn current(
    table: &Table<Storage, ReadOnly, Clock>,
    settings: &Settings,
    host: &Host,
    newer: bool,
    mut failed: bool,
) -> Result<Option<Current>, JsError> {
    let (asked, mut fetched) = (clock::now(), false);
    loop {
        let standing = table.standing().map_err(thrown)?;
        match settings.ages.need(standing.confirmed, clock::now(), asked, newer, failed) {
            Need::Serve(freshness) => return Ok(Some(Current { standing, freshness, fetched })),
            Need::ServeAndRefresh => {
                let _ = begin(host);
                return Ok(Some(Current { standing, freshness: Freshness::Stale, fetched }));
            }
            Need::Refresh => {
                // One that began before this read may be what another read waits for. Then the loop begins one more.
                failed = match begin(host) {
                    Some(done) => JsFuture::from(done).await.is_err(),
                    None => true,
                };
                fetched |= !failed;
            }
            Need::Nothing => return Ok(None),
        }
    }
}

fn begin(host: &Host) -> Option<js_sys::Promise> {
    host.refresh().ok()
}
