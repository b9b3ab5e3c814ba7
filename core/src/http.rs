//! Requests and responses: the only floor that knows HTTP.
//!
//! ```text
//!  api        dispatch, respond                       authorized  the path, key and scope of a request
//!  routes     the table of operations, and the dispatch
//!  handlers/  one file an operation: its contract, and how it maps to a use case
//!  request    what a handler asks of its request         answer     what it gives back
//!  response   the headers of every response, and what the host's log is told
//!  error, problem   what went wrong, and how clients are told (RFC 9457)
//!  edge       what an API over a replica does beside: answers near the readers, with their age
//!  upgrade    a request for a socket of the live channel      prefer   how long a client waits for changes
//!  origins    the pages that may open a socket
//! ```
//!
//! **Invariant:** status codes, header fields and media types occur here and on no other floor.

mod address;
mod answer;
mod api;
mod author;
mod authorized;
mod body;
mod conditional;
pub mod contract;
pub mod edge;
mod error;
mod handlers;
mod headers;
mod idempotency;
pub mod origin_secret;
pub mod origins;
pub mod prefer;
mod problem;
mod receipt;
mod refusal;
mod request;
mod response;
mod router;
mod routes;
pub mod trace;
pub mod upgrade;

pub use answer::Documents;
pub use api::Api;
pub use authorized::{Authorized, RequestContext};
pub use error::{Error, Fault, Place};
pub use headers::is_request_id;
pub use receipt::header as receipt_header;
pub use refusal::Refusal;
pub use response::{AccessLog, chain};
pub use routes::{Operation, ROUTES, Route, Served, Target};
