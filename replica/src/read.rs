//! The answer to a read of the edge.

use std::time::Duration;

use http::HeaderValue;
use http::header::HeaderName;
use ripple_core::auth::{Caller, Scope};
use ripple_core::http::edge::{session_of, wants_newer};
use ripple_core::replica::Prepared;
use ripple_core::replica::refresh::Freshness;
use ripple_core::replica::stored::Table;
use ripple_core::replica::stored::need::Need;
use ripple_core::store::{Capacity, Source as _};
use ripple_core::{Api, RequestContext};
use ripple_edge::clock::{self, Clock};
use ripple_edge::store::ReadOnly;
use ripple_edge::{exchange, random};
use wasm_bindgen::{JsCast as _, JsError};
use wasm_bindgen_futures::JsFuture;

use crate::settings::Settings;
use crate::sql::Storage;
use crate::thrown;

/// The header by which the edge names the client's key, which it has checked.
const KEY_ID: &str = "ripple-key-id";
/// The header by which the edge is told how often keys lost rights.
const KEYS: HeaderName = HeaderName::from_static("ripple-keys");

pub(crate) async fn answer(
    table: Table<Storage, ReadOnly, Clock>,
    settings: &Settings,
    raw: &web_sys::Request,
    refresh: &js_sys::Function,
    mut failed: bool,
) -> Result<Option<web_sys::Response>, JsError> {
    let asked = clock::now();
    let Some(request) = exchange::request(raw) else { return Ok(None) };
    let newer = wants_newer(request.headers());
    let (mut fetched, mut cost) = (false, Capacity::default());
    let (freshness, standing) = loop {
        let standing = table.standing().map_err(thrown)?;
        match settings.ages.need(standing.confirmed, clock::now(), asked, newer, failed) {
            Need::Serve(freshness) => break (freshness, standing),
            Need::ServeAndRefresh => {
                let _ = begin(refresh);
                break (Freshness::Stale, standing);
            }
            Need::Refresh => {
                fetched = true;
                // One that began before this read may be what another read waits for. Then the loop begins one more.
                failed = match begin(refresh) {
                    Some(done) => JsFuture::from(done).await.is_err(),
                    None => true,
                };
            }
            Need::Nothing => return Ok(None),
        }
    };
    let session = session_of(request.headers(), &table.resource().name);
    // What a session wrote and DynamoDB does not tell is missing from the answer. The edge knows another way.
    let Ok(read) = table.read_what_was_written(&session, &mut cost).await else { return Ok(None) };
    let age = standing.confirmed.map(|confirmed| Duration::from_millis(clock::now().0.saturating_sub(confirmed.0)));
    let prepared = age.map(|age| Prepared { freshness, age, fetched: fetched || read, missed: false });
    let key_id = raw.headers().get(KEY_ID).ok().flatten().unwrap_or_default();
    let caller = Caller { scopes: vec![Scope::Read].into(), ..Caller::checked_by_gateway(&key_id) };
    let context = RequestContext { now: clock::now(), random: random::bytes(), caller: Some(caller) };
    let api = Api::new(table);
    let mut response = match api.authorize(&request, context).await {
        Ok(authorized) => api.read_prepared(&request, authorized, prepared, settings.ages.fresh).await,
        Err(answered) => answered,
    };
    response.headers_mut().insert(KEYS, HeaderValue::from(standing.keys));
    exchange::response(&response).map(Some).map_err(|_| JsError::new("no response"))
}

fn begin(refresh: &js_sys::Function) -> Option<js_sys::Promise> {
    refresh.call0(&wasm_bindgen::JsValue::UNDEFINED).ok()?.dyn_into().ok()
}
