//! # ripple-core
//!
//! Record records that a whole team edits at once: what a request means, what becomes of the record, and what is
//! asked of DynamoDB for it. A host takes bytes off its platform and passes them in with the time and random bytes;
//! the answer that comes back is the same on every host.
//!
//! ```text
//!  host: request, time, random bytes          host: response, its log
//!        │                                         ▲
//!        ▼                                         │
//!   api ── key ── route ── method ──────────── problem
//!                            │
//!              read, save, merge, list
//!                            │
//!                   store (a trait): DynamoDB, memory
//! ```
//!
//! In scope: records and their limits, methods, keys, sessions, lists, DynamoDB operations.
//! Out of scope: sockets, clocks, randomness, the environment, logging, an executor. Those are the host's.
//!
//! ```
//! use ripple_core::{Api, Moment, Timestamp, store::memory::Memory};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let api = Api::new(Memory::new());
//! let request = http::Request::get("/health").body(bytes::Bytes::new()).unwrap();
//! let moment = Moment { now: Timestamp(1_700_000_000_000), random: [7; 32], caller: None };
//! let response = api.answer(request, moment).await;
//! assert_eq!(response.body(), &br#"{"status":"ok"}"#[..]);
//! # });
//! ```

mod api;
mod body;
mod conditional;
pub mod contract;
pub mod edge;
mod error;
pub mod idempotency;
pub mod key;
pub mod limits;
pub mod list;
mod method;
pub mod origin_secret;
mod problem;
pub mod rate;
mod read;
mod receipt;
pub mod record;
mod refusal;
pub mod replica;
pub mod route;
pub mod service;
pub mod session;
pub mod snapshot;
pub mod store;
pub mod time;
pub mod trace;
pub mod value;

pub use api::{Admitted, Api, Moment, Report};
pub use error::{Error, Fault, Place};
pub use record::{Record, RecordId};
pub use refusal::Refusal;
pub use time::Timestamp;
