//! The log: one line of JSON for each request, for Workers Logs. It has no secret, no body and no query.

use ripple_core::http::edge::TOO_LARGE;
#[cfg(target_arch = "wasm32")]
use ripple_core::http::trace::Trace;
#[cfg(target_arch = "wasm32")]
use ripple_core::store::{Capacity, StoreError};
use serde::Serialize;

/// The level from which lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is logged.
    Off,
    /// Errors of the Worker itself.
    Error,
    /// Failures of the storage or the origin, too.
    Warn,
    /// Every answer.
    Info,
}

impl Level {
    /// Parses the value of `RIPPLE_LOG`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Level> {
        match text {
            "off" => Some(Level::Off),
            "error" => Some(Level::Error),
            "warn" => Some(Level::Warn),
            "info" => Some(Level::Info),
            _ => None,
        }
    }
}

/// The line of an answered request.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) message: &'static str,
    pub(crate) request_id: &'a str,
    /// 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trace_id: Option<String>,
    /// The name of the operation: search, get, create, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource: Option<&'a str>,
    pub(crate) status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<&'a str>,
    /// The source of the answer: the edge itself, or the origin.
    pub(crate) by: &'static str,
    pub(crate) duration_ms: u64,
    /// The fields of [`Cached`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age: Option<u64>,
    pub(crate) capacity_read: f64,
    pub(crate) capacity_write: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
}

/// The headers that describe the snapshot of an answer.
#[derive(Debug)]
pub struct Cached {
    /// `Cache-Status` (RFC 9211).
    pub status: String,
    /// `Age`, in seconds.
    pub age: Option<u64>,
}

impl Line<'_> {
    /// Returns a warning if ripple, its storage or its origin failed, or the table is too large for an isolate.
    pub(crate) fn level(&self) -> Level {
        let is_too_large = self.cache_status.is_some_and(|status| status.ends_with(TOO_LARGE));
        if self.status >= 500 || is_too_large { Level::Warn } else { Level::Info }
    }

    /// Returns the line as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers serialise")
    }
}

/// Writes a line if its level is enabled.
#[cfg(target_arch = "wasm32")]
pub(crate) fn write(line: &Line<'_>, wanted: Level) {
    let level = line.level();
    if level > wanted {
        return;
    }
    let text = line.to_json().into();
    match level {
        Level::Warn => web_sys::console::warn_1(&text),
        _ => web_sys::console::log_1(&text),
    }
}

/// A line that does not describe an answer.
#[cfg(target_arch = "wasm32")]
#[derive(Default, Serialize)]
struct Event<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_read: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[cfg(target_arch = "wasm32")]
impl Event<'_> {
    fn to_json(&self) -> wasm_bindgen::JsValue {
        serde_json::to_string(self).expect("strings and numbers serialise").into()
    }
}

/// Logs the cost of a refresh that no reader waited for, or why it failed, with the trace of the request that caused
/// it.
#[cfg(target_arch = "wasm32")]
pub fn refreshed(outcome: Result<Capacity, StoreError>, trace: Option<Trace>, wanted: Level) {
    let trace_id = trace.map(|trace| trace.id.to_string());
    match outcome {
        Ok(cost) if wanted >= Level::Info => {
            let capacity_read = Some(cost.read);
            let line = Event { message: "refreshed", trace_id, capacity_read, ..Event::default() };
            web_sys::console::log_1(&line.to_json());
        }
        Err(error) if wanted >= Level::Warn => {
            let error = Some(error.to_string());
            let line = Event { message: "refresh failed", trace_id, error, ..Event::default() };
            web_sys::console::warn_1(&line.to_json());
        }
        _ => {}
    }
}

/// Logs an error of the Worker itself, for the request that revealed it.
#[cfg(target_arch = "wasm32")]
pub(crate) fn error(error: &dyn std::error::Error, id: &str, trace: Trace) {
    let (trace_id, error) = (Some(trace.id.to_string()), Some(error.to_string()));
    let line = Event { message: "ripple cannot start", request_id: Some(id), trace_id, error, ..Event::default() };
    web_sys::console::error_1(&line.to_json());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_a_warning() {
        let line = |status| Line { status, ..Line::default() };
        assert_eq!(line(200).level(), Level::Info);
        assert_eq!(line(404).level(), Level::Info);
        assert_eq!(line(502).level(), Level::Warn);
        let passed = Line { cache_status: Some("ripple; fwd=bypass; detail=too-large"), ..line(200) };
        assert_eq!(passed.level(), Level::Warn);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let line = Line { message: "answered", request_id: "r", status: 200, by: "edge", ..Line::default() };
        let json = r#"{"message":"answered","request_id":"r","status":200,"by":"edge","duration_ms":0,"capacity_read":0.0,"capacity_write":0.0}"#;
        assert_eq!(line.to_json(), json);
    }
}
