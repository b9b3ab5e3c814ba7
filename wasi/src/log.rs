//! The log: one line of JSON for each request on standard error, with the members of the function's log. It has no
//! secret, no body and no query.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use ripple_core::AccessLog;
use ripple_core::http::trace::Trace;
use serde_json::json;

use crate::config::ConfigError;

/// Logs an answered request, as a warning if ripple or its storage failed.
pub(crate) fn answered(response: &Response<Bytes>, trace: Trace, took: Duration) {
    let Some(report) = response.extensions().get::<AccessLog>() else { return };
    let mut line = json!({
        "level": if response.status().is_server_error() { "WARN" } else { "INFO" },
        "message": "answered",
        "request_id": report.request_id,
        "trace_id": trace.id.to_string(),
        "method": report.method,
        "resource": report.resource,
        "status": response.status().as_u16(),
        "key_id": report.key_id,
        "duration_ms": took.as_secs_f64() * 1e3,
        "capacity_read": report.metrics.capacity.read,
        "capacity_write": report.metrics.capacity.write,
        "tries": (report.metrics.tries > 0).then_some(report.metrics.tries),
        "error": report.error,
    });
    if let Some(members) = line.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    eprintln!("{line}");
}

/// Logs an error in the environment, for the request that revealed it.
pub(crate) fn misconfigured(error: &ConfigError, id: &str, trace: Trace) {
    let line = json!({
        "level": "ERROR",
        "message": "ripple cannot start",
        "request_id": id,
        "trace_id": trace.id.to_string(),
        "error": error.to_string(),
    });
    eprintln!("{line}");
}
