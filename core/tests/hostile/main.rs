//! Tests with hostile clients: requests of any bytes, and keys that are no longer valid.

// Shared with the fuzz targets, where they are public.
#[expect(unreachable_pub, reason = "public in ripple-fuzz")]
mod answer;
mod memory;
mod request;
mod revocation;
mod strangers;
#[expect(unreachable_pub, reason = "public in ripple-fuzz")]
mod world;
