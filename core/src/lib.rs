//! # ripple-core
//!
//! Records that a whole team edits at once: what a request means, what becomes of the record, and what DynamoDB is asked
//! for it. A host takes bytes off its platform and passes them in with the time and random bytes. The answer is the same
//! on every host.
//!
//! ```text
//!  host: request, time, random bytes           host: response, its access log
//!        │                                          ▲
//!        ▼                                          │
//!  4  http      routes, handlers, problem details ──┘
//!  3  service   save, read, changes, adopt             replica   a table's list near its readers
//!     feed      what a record of a stream tells            live      what open pages hear of it
//!  2  store     a trait: DynamoDB, memory
//!  1  record    schema, merge, decide, history         query · session · sheet · auth
//!  0  value     numbers, JSON, CBOR                    limits · time · random · token
//! ```
//!
//! A file imports from lower floors, or from its own folder. Each floor has an invariant:
//!
//! * **0** knows nothing of ripple.
//! * **1** is synchronous, and knows neither HTTP nor DynamoDB.
//! * **2** knows no status codes. Only its folder `dynamodb` knows the SDK.
//! * **3** takes values and returns values. It knows no HTTP.
//! * **4** maps requests to use cases, and their results to responses. Only here are there status codes.
//!
//! In this documentation, the modules `documents::architecture` and `documents::design` describe the code as a whole and
//! give its reasons.
//!
//! In scope: records and their limits, operations, keys, sessions, lists, DynamoDB operations.
//! Out of scope: sockets, clocks, randomness, the environment, logging, an executor. Those are the host's.
//!
//! ```
//! use ripple_core::{Api, RequestContext, Timestamp, store::memory::Memory};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let api = Api::new(Memory::new());
//! let request = http::Request::get("/health").body(bytes::Bytes::new()).unwrap();
//! let moment = RequestContext { now: Timestamp(1_700_000_000_000), random: [7; 32], caller: None };
//! let response = api.answer(request, moment).await;
//! assert_eq!(response.body(), &br#"{"status":"ok"}"#[..]);
//! # });
//! ```

/// Documents of the project, for readers of this documentation. Their links to files are those of the repository.
#[cfg(all(doc, not(doctest)))]
pub mod documents {
    #[doc = include_str!("../../docs/ARCHITECTURE.md")]
    pub mod architecture {}
    #[doc = include_str!("../../DESIGN.md")]
    pub mod design {}
}

pub mod auth;
pub mod feed;
pub mod http;
pub mod limits;
pub mod live;
pub mod query;
pub mod random;
pub mod record;
pub mod replica;
pub mod service;
pub mod session;
pub mod sheet;
pub mod store;
pub mod time;
mod token;
pub mod value;

pub use self::http::{AccessLog, Api, Authorized, Documents, Error, Fault, Place, Refusal, RequestContext};
pub use record::{Record, RecordId};
pub use time::Timestamp;
