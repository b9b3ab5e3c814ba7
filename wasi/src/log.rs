//! One line of JSON a request, on standard error. No secret, no body, no query.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use ripple_core::Report;
use serde_json::json;

use crate::config::ConfigError;

/// Writes the line of an answered request.
pub(crate) fn answered(response: &Response<Bytes>, took: Duration) {
    let Some(report) = response.extensions().get::<Report>() else { return };
    let line = json!({
        "message": "answered",
        "request_id": report.request_id,
        "method": report.method,
        "status": response.status().as_u16(),
        "key_id": report.key_id,
        "duration_ms": took.as_secs_f64() * 1e3,
        "capacity_read": report.capacity.read,
        "capacity_write": report.capacity.write,
        "tries": report.tries,
        "error": report.error,
    });
    eprintln!("{line}");
}

/// Writes what is wrong with the environment.
pub(crate) fn misconfigured(error: &ConfigError) {
    let line = json!({ "message": "ripple cannot start", "error": error.to_string() });
    eprintln!("{line}");
}
