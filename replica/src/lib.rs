//! # ripple-replica
//!
//! A resource's whole table in a Durable Object with SQLite: it answers the reads of the edge, so that isolates need not
//! read DynamoDB.
//!
//! ```text
//!  edge ── fetch ──▶ ┌ Durable Object ─────────────────────────────────┐
//!                    │ worker.js ─▶ read ─▶ ripple-core ─▶ sql         │
//!  alarm ──────────▶ │          ─▶ tend, refresh ─▶ ripple-core ─▶ sql │
//!  socket ◀────────▶ │          ─▶ live ─▶ ripple-core ─▶ sql          │
//!                    └───────────────────│─────────────────────────────┘
//!                                    DynamoDB
//! ```
//!
//! In scope: SQL and DynamoDB as the core asks for them. Out of scope: what a request means, what a copy is, and when it
//! is current: that is `ripple-core`'s. `worker.js` has the object's events, its alarm, its
//! sockets and the one refresh at a time.
//!
//! Objects may share an isolate, and with it this module's memory. So nothing here belongs to one object: each call is
//! given the object's storage.

// A Worker's platform is JavaScript. On other platforms the crate has no use.
#![cfg(target_arch = "wasm32")]

pub mod live;
mod read;
mod settings;
pub mod sql;

use std::sync::Arc;

use ripple_core::auth::KeyHash;
use ripple_core::feed::message::Message;
use ripple_core::http::chain;
use ripple_core::replica::stored::{self, Table};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Keys as _, StoreError};
use ripple_platform::clock::{self, Clock};
use ripple_platform::store::ReadOnly;
use wasm_bindgen::prelude::*;
use worker::Env;

use settings::Settings;
use sql::Storage;

/// worker.js calls this before the first event.
#[wasm_bindgen]
pub fn set_resources(summaries: String) {
    settings::set_resources(summaries);
}

/// The name of the resource that an object has, or undefined.
#[wasm_bindgen]
pub fn resource_of(storage: Storage) -> Result<Option<String>, JsError> {
    stored::resource(&storage).map_err(thrown)
}

/// When the alarm is to run, in milliseconds, or undefined. `live`: sockets are open.
#[wasm_bindgen]
pub fn alarm_of(storage: Storage, live: bool) -> Result<Option<f64>, JsError> {
    let alarm = stored::alarm(&storage, live, clock::now()).map_err(thrown)?;
    Ok(alarm.map(|at| at.0 as f64))
}

#[wasm_bindgen]
extern "C" {
    /// The object, which has its refresh and its sockets.
    pub type Host;
    /// Begins the object's refresh, or returns the one under way.
    #[wasm_bindgen(method, catch)]
    fn refresh(this: &Host) -> Result<js_sys::Promise, JsValue>;
    /// Accepts a socket, carries out an outcome with it, and returns the response.
    #[wasm_bindgen(method, catch)]
    fn accept(this: &Host, outcome: &str, key_id: &str) -> Result<web_sys::Response, JsValue>;
    /// The number of open sockets.
    #[wasm_bindgen(method)]
    fn count(this: &Host) -> u32;
}

/// Answers a request of the edge. Returns undefined if the copy cannot answer. `failed`: a refresh has failed a moment
/// ago.
#[wasm_bindgen]
pub async fn answer(
    storage: Storage,
    env: Env,
    resource: String,
    request: web_sys::Request,
    host: Host,
    failed: bool,
) -> Result<Option<web_sys::Response>, JsError> {
    let settings = Settings::of(&env, &resource)?;
    let table = open(storage, &settings)?;
    if live::is_asked_for(&request) {
        return live::answer(table, &settings, &request, &host, failed).await;
    }
    read::answer(table, &settings, &request, &host, failed).await
}

/// Reads what was written since the copy was confirmed.
#[wasm_bindgen]
pub async fn refresh(storage: Storage, env: Env, resource: String) -> Result<f64, JsError> {
    let mut cost = Capacity::default();
    open(storage, &Settings::of(&env, &resource)?)?.refresh(&mut cost).await.map_err(thrown)?;
    Ok(cost.read)
}

/// Reads the records that the session of a write names, as far as the copy lacks them.
#[wasm_bindgen]
pub async fn read_written(storage: Storage, env: Env, resource: String, session: String) -> Result<(), JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    let Some(session) = Session::parse(&session, &resource) else { return Ok(()) };
    // An unfinished copy answers nothing.
    if table.standing().map_err(thrown)?.confirmed.is_some() {
        table.read_what_was_written(&session, &mut Capacity::default()).await.map_err(thrown)?;
    }
    Ok(())
}

/// Looks a key up by its hash. Returns its record and the read units as JSON.
#[wasm_bindgen]
pub async fn find_key(storage: Storage, env: Env, resource: String, hash: String) -> Result<String, JsError> {
    let table = open(storage, &Settings::of(&env, &resource)?)?;
    let hash = KeyHash::from_hex(&hash).ok_or_else(|| JsError::new("no hash"))?;
    let mut cost = Capacity::default();
    let record = table.key(&hash, &mut cost).await.map_err(thrown)?;
    Ok(serde_json::to_string(&(record, cost.read))?)
}

/// Reads on in the full read under way, and returns the read units that it took.
#[wasm_bindgen]
pub async fn tend(storage: Storage, env: Env, resource: String) -> Result<f64, JsError> {
    let mut cost = Capacity::default();
    open(storage, &Settings::of(&env, &resource)?)?.tend(&mut cost).await.map_err(thrown)?;
    Ok(cost.read)
}

/// Returns since when the feed does not tell of changes, in milliseconds, or undefined.
#[wasm_bindgen]
pub fn silent_since(storage: Storage) -> Result<Option<f64>, JsError> {
    Ok(stored::silent_since(&storage, clock::now()).map_err(thrown)?.map(|at| at.0 as f64))
}

/// Applies a message of the feed, which the edge has verified. Returns the sockets to close.
#[wasm_bindgen]
pub async fn hear(storage: Storage, env: Env, resource: String, body: Vec<u8>) -> Result<String, JsError> {
    let settings = Settings::of(&env, &resource)?;
    let table = open(storage, &settings)?;
    let of = |name: &str| Some(&settings.resource).filter(|resource| resource.name == name);
    match Message::read(&body, of)? {
        Message::States { states, .. } => {
            let (told, missing): (Vec<_>, Vec<_>) = states.into_iter().partition(|state| state.record.is_some());
            let told = told.into_iter().filter_map(|state| state.record).collect();
            let missing = missing.into_iter().map(|state| state.id).collect();
            table.hear(told, missing, &mut Capacity::default()).await.map_err(thrown)?;
            Ok("[]".to_owned())
        }
        Message::Keys(keys) => Ok(live::json(&table.hear_of_keys(&keys).map_err(thrown)?)),
    }
}

fn open(storage: Storage, settings: &Settings) -> Result<Table<Storage, ReadOnly, Clock>, JsError> {
    let Settings { access, table_names, resource, .. } = settings;
    Table::open(storage, ReadOnly::new(access, table_names, Arc::clone(resource)), Clock).map_err(thrown)
}

/// Returns what JavaScript is thrown: an error with its causes.
fn thrown(error: StoreError) -> JsError {
    JsError::new(&chain(&error))
}

/// The rows that an object has read and written since the last call.
#[wasm_bindgen]
pub fn rows_of(storage: Storage) -> js_sys::Array {
    storage.rows()
}

/// The size of this module's memory, in bytes.
#[wasm_bindgen]
pub fn memory_size() -> f64 {
    (core::arch::wasm32::memory_size::<0>() * 65_536) as f64
}
