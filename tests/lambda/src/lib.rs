//! # ripple-runtime-api
//!
//! Lambda's Runtime API on a loopback port, and a function run under it: what Lambda does for a custom runtime, as far
//! as a function can tell.
//!
//! ```text
//!  test or benchmark ──event──▶ RuntimeApi ◀──GET …/invocation/next───────────── process
//!                    ◀─outcome─            ◀──POST …/response | …/error | init/error──
//! ```
//!
//! In scope: one function, one event at a time, in any language; its log.
//! Out of scope: freezing, time limits that kill, streamed answers, extensions.
//!
//! The protocol: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

mod function;
mod http;
mod runtime_api;

pub use function::{Ended, Function};
pub use runtime_api::{Invocation, Outcome, RuntimeApi};
