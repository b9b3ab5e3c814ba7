//! Metrics for CloudWatch in its embedded metric format: one line of JSON for each request, from which CloudWatch
//! derives them.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! Their only dimension is the site, since each further one multiplies the cost. CloudWatch Logs Insights shows them by
//! method or key from the log.

use std::io::{self, Write as _};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use ripple_core::AccessLog;

/// Bytes of a line of metrics, rounded up.
const LINE: usize = 1024;

const NAMESPACE: &str = "ripple";

const REQUESTS: &str = "Requests";
/// Answers with a status of 500 or more: faults of ripple or of its storage.
const FAULTS: &str = "Faults";
const LATENCY: &str = "Latency";
/// The tries of a write.
const TRIES: &str = "Tries";
/// Tries that found a newer state than they had read.
const CONFLICTS: &str = "Conflicts";
/// Messages of the feed that a receiver accepted.
const FEED_SENT: &str = "FeedSent";
/// Messages of the feed that were dropped.
const FEED_DROPPED: &str = "FeedDropped";
const READ: &str = "CapacityRead";
const WRITE: &str = "CapacityWrite";

/// The collector of metrics. Metrics that are counted before it starts are lost.
#[derive(Clone, Copy)]
pub struct Metrics(&'static Collector);

impl Metrics {
    /// Starts to collect. Returns `None` if this process does so already.
    #[must_use]
    pub fn start(site: &str) -> Option<Metrics> {
        let collector = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("site", site.to_owned()).init();
        for name in [REQUESTS, FAULTS, CONFLICTS, FEED_SENT, FEED_DROPPED] {
            describe_counter!(name, Unit::Count, "");
        }
        for name in [TRIES, READ, WRITE] {
            describe_histogram!(name, Unit::Count, "");
        }
        describe_histogram!(LATENCY, Unit::Milliseconds, "");
        collector.ok().map(Metrics)
    }

    /// Writes the metrics collected since the last call, with the id of this invocation. The log's line with the same
    /// id has the rest.
    pub fn write(self, invocation: &str) {
        self.0.set_property("invocation", invocation);
        let mut line = Vec::with_capacity(LINE);
        // A vector takes everything. If standard output is closed, no reader is left.
        let _ = self.0.flush(&mut line).and_then(|()| io::stdout().write_all(&line));
    }
}

/// Counts the messages of a batch of the feed.
pub(crate) fn delivered(sent: usize, dropped: usize) {
    for (name, count) in [(FEED_SENT, sent), (FEED_DROPPED, dropped)].into_iter().filter(|(_, count)| *count > 0) {
        counter!(name).increment(count as u64);
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
