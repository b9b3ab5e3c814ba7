//! The Lambda host.
