//! One line of JSON a request, for CloudWatch. No secret, no body, no query.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use ripple_core::AccessLog;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::Invocation;
use crate::event::EventError;

/// Writes logs to standard error from now on. `filter` is what `RIPPLE_LOG` holds: `info`, or `warn,ripple=debug`.
/// A filter that cannot be read counts as `info`, and says so.
pub fn start(filter: Option<&str>) {
    let filter = filter.unwrap_or("info");
    // A word alone is a level; tracing would take any other for a target's name, and log nothing else.
    let known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    let parsed = filter.parse::<Targets>().ok().filter(|_| filter.split(',').all(known));
    let unreadable = parsed.is_none();
    let targets = parsed.unwrap_or_else(|| Targets::new().with_default(Level::INFO));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let lines = lines.with_filter(targets.and(filter_fn(may_be_logged)));
    // Somebody else's subscriber, if there is one, stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    if unreadable {
        tracing::warn!(target: "ripple", filter, "RIPPLE_LOG cannot be read; logging at info");
    }
}

/// Whatever the filter asks for: the traces of others hold events and answers whole, keys and records included. And
/// the runtime's word of a function's error only repeats the line that ripple has for it.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let own = target.starts_with("ripple");
    (own || *metadata.level() <= Level::DEBUG) && target != "lambda_runtime::layers::panic"
}

/// The line of an event that is no request.
pub(crate) fn refused(error: &EventError, invocation: Invocation<'_>) {
    let trace_id = invocation.trace().id;
    tracing::warn!(
        target: "ripple",
        invocation = invocation.id,
        trace = invocation.trace,
        %trace_id,
        %error,
        "refused"
    );
}

/// The line of an answered request: a warning when ripple or its storage failed.
pub(crate) fn answered(response: &Response<Bytes>, invocation: Invocation<'_>, took: Duration) {
    let Some(report) = response.extensions().get::<AccessLog>() else { return };
    let status = response.status().as_u16();
    let trace_id = report.trace.map(|trace| trace.id);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                target: "ripple",
                request_id = report.request_id,
                invocation = invocation.id,
                trace = invocation.trace,
                trace_id = trace_id.map(tracing::field::display),
                method = report.method,
                status,
                key_id = report.key_id,
                duration_ms = took.as_secs_f64() * 1e3,
                capacity_read = report.metrics.capacity.read,
                capacity_write = report.metrics.capacity.write,
                tries = (report.metrics.tries > 0).then_some(report.metrics.tries),
                error = report.error,
                "answered"
            )
        };
    }
    if response.status().is_server_error() { line!(warn) } else { line!(info) }
}
