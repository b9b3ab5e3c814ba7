//! # ripple-runtime-api
//!
//! Lambda's Runtime API on a loopback port, and a function that runs under it. For a function it looks like Lambda's
//! custom runtime.
//!
//! ```text
//!  test or benchmark ──event──▶ RuntimeApi ◀──GET …/invocation/next───────────── process
//!                    ◀─outcome─            ◀──POST …/response | …/error | init/error──
//! ```
//!
//! In scope: one function in any language, one event at a time; its log. Out of scope: freezing, time limits that kill,
//! streamed responses, extensions.
//!
//! The protocol: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.

mod function;
mod http;
mod runtime_api;

pub use function::{Ended, Function};
pub use runtime_api::{Invocation, Outcome, RuntimeApi};
