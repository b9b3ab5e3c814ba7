//! Metrics for CloudWatch, in its embedded metric format: one line of JSON a request, from which CloudWatch makes them.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Their only dimension is the site: each further one multiplies what they cost. By method or key, CloudWatch Logs
//! Insights tells them from the log.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use ripple_core::AccessLog;

const NAMESPACE: &str = "ripple";

const REQUESTS: &str = "Requests";
/// Answers with a status from 500 on: ripple's fault or its storage's.
const FAULTS: &str = "Faults";
const LATENCY: &str = "Latency";
/// How often a write was tried.
const TRIES: &str = "Tries";
/// Tries that met a newer state than they had read.
const CONFLICTS: &str = "Conflicts";
const READ: &str = "CapacityRead";
const WRITE: &str = "CapacityWrite";

/// Where metrics are gathered until they are written. Without one they are counted by nobody.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Collector);

impl Metrics {
    /// Gathers from now on; `None` when this process does so already.
    #[must_use]
    pub fn start(site: &str) -> Option<Metrics> {
        let collector = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("site", site.to_owned()).init();
        for name in [REQUESTS, FAULTS, CONFLICTS] {
            describe_counter!(name, Unit::Count, "");
        }
        for name in [TRIES, READ, WRITE] {
            describe_histogram!(name, Unit::Count, "");
        }
        describe_histogram!(LATENCY, Unit::Milliseconds, "");
        collector.ok().map(Metrics)
    }

    /// Writes what was gathered since the last time, in this invocation: the log's line of the same has the rest.
    pub fn write(self, invocation: &str) {
        self.0.set_property("invocation", invocation);
        // Where standard output is gone, so is whoever would read it.
        let _ = self.0.flush(io::stdout());
    }
}

/// Counts an answered request.
pub(crate) fn answered(response: &Response<Bytes>, took: Duration) {
    let Some(report) = response.extensions().get::<AccessLog>() else { return };
    counter!(REQUESTS).increment(1);
    if response.status().is_server_error() {
        counter!(FAULTS).increment(1);
    }
    histogram!(LATENCY).record(took.as_secs_f64() * 1e3);
    histogram!(READ).record(report.metrics.capacity.read);
    histogram!(WRITE).record(report.metrics.capacity.write);
    if report.metrics.tries > 0 {
        histogram!(TRIES).record(f64::from(report.metrics.tries));
        counter!(CONFLICTS).increment(u64::from(report.metrics.tries - 1));
    }
}
