//! # ripple-gate
//!
//! What the edge workers have in common. Both check keys and rate limits, forward to the origin, hear the feed and log.
//! They differ in how they answer reads: `ripple-edge` from what its isolates keep, `ripple-near` from the replica.
//!
//! ```text
//!            ┌ gate ───────────────────────────┐
//!  request ─▶│ read ─▶ hear ─▶ authorize ──────│──▶ the worker's reads
//!            │                     └─▶ forward │──▶ API Gateway
//!            └─────────────────────────────────┘
//! ```

// A Worker's platform is JavaScript. On other platforms only the parts without JavaScript are built, for tests.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

pub mod config;
pub mod log;

#[cfg(target_arch = "wasm32")]
pub mod feed;
#[cfg(target_arch = "wasm32")]
pub mod gate;
#[cfg(target_arch = "wasm32")]
mod origin;
