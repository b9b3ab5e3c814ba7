//! The log: one line of JSON for each request, for CloudWatch. It has no secret, no body and no query.

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

/// Starts writing logs to standard error. `filter` is the value of `RIPPLE_LOG`: `info`, or `warn,ripple=debug`. A
/// filter that cannot be parsed counts as `info`, and a line of the log says so.
pub fn start(filter: Option<&str>) {
    let filter = filter.unwrap_or("info");
    // A word alone is a level. tracing would take any other word as a target's name, and log nothing else.
    let known = |part: &str| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok();
    let parsed = filter.parse::<Targets>().ok().filter(|_| filter.split(',').all(known));
    let unreadable = parsed.is_none();
    let targets = parsed.unwrap_or_else(|| Targets::new().with_default(Level::INFO));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true);
    // A line of ripple's has the invocation and the trace, which the runtime's span would repeat.
    let lines = lines.with_current_span(false).with_span_list(false);
    // Without the hint, each disabled line of the libraries is looked at.
    let permitted = filter_fn(may_be_logged).with_max_level_hint(LevelFilter::TRACE);
    let lines = lines.with_writer(io::stderr).with_filter(targets.and(permitted));
    // An existing subscriber stays.
    let _ = tracing_subscriber::registry().with(lines).try_init();
    if unreadable {
        tracing::warn!(target: "ripple", filter, "RIPPLE_LOG cannot be read; logging at info");
    }
}

/// Reports whether a line may be logged, whatever the filter. Traces of other crates contain whole events and answers,
/// including keys and records. The runtime's line about a function's error only repeats ripple's own.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let own = target.starts_with("ripple");
    let is_permitted = own || *metadata.level() <= Level::DEBUG;
    is_permitted && metadata.is_event() && target != "lambda_runtime::layers::panic"
}

/// Logs an event that is not a request.
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

/// Logs an answered request, as a warning if ripple or its storage failed.
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
                resource = report.resource,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disabled_lines_are_disabled_for_the_whole_process() {
        start(None);
        assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    }
}
