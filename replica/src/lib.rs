//! # ripple-replica
//!
//! A resource's whole table in a Durable Object with SQLite: it answers the reads of the edge, so that isolates need not
//! read DynamoDB.
//!
//! ```text
//!  edge ── fetch ──▶ ┌ Durable Object ─────────────────────────────────┐
//!                    │ worker.js ─▶ read ─▶ ripple-core ─▶ sql         │
//!  alarm ──────────▶ │          ─▶ tend, refresh ─▶ ripple-core ─▶ sql │
//!                    └───────────────────│─────────────────────────────┘
//!                                    DynamoDB
//! ```
//!
//! In scope: SQL and DynamoDB as the core asks for them. Out of scope: what a request means, what a copy is, and when it
//! is current: that is `ripple-core`'s. `worker.js` has the object's events, its alarm and the one refresh at a time.
//!
//! Objects may share an isolate, and with it this module's memory. So nothing here belongs to one object: each call is
//! given the object's storage.

// A Worker's platform is JavaScript. On other platforms the crate has no use.
#![cfg(target_arch = "wasm32")]

mod read;
mod settings;
pub mod sql;

use std::sync::Arc;

use ripple_core::feed::message::Message;
use ripple_core::http::chain;
use ripple_core::replica::stored::{self, Table};
use ripple_core::store::{Capacity, StoreError};
use ripple_edge::clock::Clock;
use ripple_edge::store::ReadOnly;
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
    Ok(stored::resource(&storage).map_err(thrown)?.map(|(name, _)| name))
}

/// When the alarm is to run, in milliseconds, or undefined.
#[wasm_bindgen]
pub fn wish_of(storage: Storage) -> Result<Option<f64>, JsError> {
    Ok(stored::resource(&storage).map_err(thrown)?.and_then(|(_, wish)| wish).map(|wish| wish.0 as f64))
}

/// Answers a read. Returns undefined if the copy cannot answer. `refresh` begins the object's refresh, or returns the one
/// under way. `failed`: one has failed a moment ago.
#[wasm_bindgen]
pub async fn answer(
    storage: Storage,
    env: Env,
    resource: String,
    request: web_sys::Request,
    refresh: js_sys::Function,
    failed: bool,
) -> Result<Option<web_sys::Response>, JsError> {
    let settings = Settings::of(&env, &resource)?;
    let table = open(storage, &settings)?;
    read::answer(table, &settings, &request, &refresh, failed).await
}

/// Reads what was written since the copy was confirmed.
#[wasm_bindgen]
pub async fn refresh(storage: Storage, env: Env, resource: String) -> Result<f64, JsError> {
    let mut cost = Capacity::default();
    open(storage, &Settings::of(&env, &resource)?)?.refresh(&mut cost).await.map_err(thrown)?;
    Ok(cost.read)
}

/// Reads on in the full read under way, and returns the read units that it took.
#[wasm_bindgen]
pub async fn tend(storage: Storage, env: Env, resource: String) -> Result<f64, JsError> {
    let mut cost = Capacity::default();
    open(storage, &Settings::of(&env, &resource)?)?.tend(&mut cost).await.map_err(thrown)?;
    Ok(cost.read)
}

/// Applies a message of the feed, which the edge has verified.
#[wasm_bindgen]
pub async fn hear(storage: Storage, env: Env, resource: String, body: Vec<u8>) -> Result<(), JsError> {
    let settings = Settings::of(&env, &resource)?;
    let table = open(storage, &settings)?;
    let of = |name: &str| Some(&settings.resource).filter(|resource| resource.name == name);
    match Message::read(&body, of)? {
        Message::States { states, .. } => {
            let (told, missing): (Vec<_>, Vec<_>) = states.into_iter().partition(|state| state.record.is_some());
            let told = told.into_iter().filter_map(|state| state.record).collect();
            let missing = missing.into_iter().map(|state| state.id).collect();
            table.hear(told, missing, &mut Capacity::default()).await.map_err(thrown)
        }
        Message::Keys(_) => table.keys_changed().map_err(thrown),
    }
}

fn open(storage: Storage, settings: &Settings) -> Result<Table<Storage, ReadOnly, Clock>, JsError> {
    let Settings { access, layout, resource, .. } = settings;
    Table::open(storage, ReadOnly::new(access, layout, Arc::clone(resource)), Clock).map_err(thrown)
}

/// Returns what JavaScript is thrown: an error with its causes.
fn thrown(error: StoreError) -> JsError {
    JsError::new(&chain(&error))
}

/// The size of this module's memory, in bytes.
#[wasm_bindgen]
pub fn memory_size() -> f64 {
    (core::arch::wasm32::memory_size::<0>() * 65_536) as f64
}
