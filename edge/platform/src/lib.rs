//! # ripple-platform
//!
//! The platform of a Cloudflare Worker, as the edge and the replica use it: time, randomness, requests and responses,
//! `fetch`, and DynamoDB over it.
//!
//! ```text
//!  edge ──┐                ┌ exchange  requests and responses
//!         ├─▶ platform ────┤ clock, random
//!  replica ┘               └ store ─▶ client ─▶ fetch ─▶ DynamoDB
//! ```
//!
//! In scope: what the runtime of Workers offers, in the terms of `ripple-core`. Out of scope: what a Worker does with it.

// The platform is JavaScript. On other platforms the crate has no use.
#![cfg(target_arch = "wasm32")]

mod client;
pub mod clock;
pub mod exchange;
pub mod fetch;
pub mod random;
pub mod store;
