//! `cargo xtask cost`: the monthly cost of ripple, with and without the edge.
//!
//! The consumption of requests is measured on the embedded DynamoDB. Prices and the use in a month are constants here.
//! Free tiers are not included.

mod ask;
mod measure;

use anyhow::Result;

use measure::Measured;

/// Prices in us-east-1, in dollars. Read in November 2026.
mod price {
    /// A million request units: <https://aws.amazon.com/dynamodb/pricing/on-demand/>
    pub(super) const READ: f64 = 0.125;
    pub(super) const WRITE: f64 = 0.625;
    /// A million requests of a REST API: <https://aws.amazon.com/api-gateway/pricing/>
    pub(super) const GATEWAY: f64 = 3.50;
    /// A million invocations, and a GB-second on arm64: <https://aws.amazon.com/lambda/pricing/>
    pub(super) const INVOCATIONS: f64 = 0.20;
    pub(super) const GB_SECOND: f64 = 0.000_013_333_4;
    /// A GB out of AWS: <https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer>
    pub(super) const GB_OUT: f64 = 0.09;
    /// A month of Workers, and each million requests over ten:
    /// <https://developers.cloudflare.com/workers/platform/pricing/>
    pub(super) const WORKERS: f64 = 5.0;
    pub(super) const WORKERS_INCLUDED: f64 = 10e6;
    pub(super) const WORKER_REQUESTS: f64 = 0.30;
}

/// The use in a month: reads of the list, edits, and places of Cloudflare's network.
const READS: f64 = 1e6;
const EDITS: f64 = 1e4;
const COLOS: f64 = 100.0;
/// The number of records in the table.
const RECORDS: usize = 1000;
/// The seconds in which people read: around the clock, or in office hours.
const PATTERNS: [(&str, f64); 2] = [("around the clock", 30.0 * 86_400.0), ("in office hours", 22.0 * 8.0 * 3_600.0)];

/// The edge's refresh policy, as in core/src/replica/refresh.rs: the seconds for which a list is fresh, and the seconds
/// between two full reads.
const FRESH: f64 = 5.0;
const FULL: f64 = 600.0;

/// The Lambda use of an invocation: GB of memory (the template's), seconds of a list and of an edit. The seconds are
/// assumed, not measured. The log of a deployment has `duration_ms`.
const MEMORY: f64 = 0.25;
const LIST_SECONDS: f64 = 0.2;
const EDIT_SECONDS: f64 = 0.05;

/// The consumption of a month.
#[derive(Default)]
struct Month {
    read_units: f64,
    write_units: f64,
    gateway_requests: f64,
    gb_seconds: f64,
    bytes_out: f64,
    worker_requests: Option<f64>,
}

/// Measures, and prints the table.
pub(crate) fn run() -> Result<()> {
    let measured = measure::run(RECORDS)?;
    let Measured { list, full, idle, changed, edit, key, .. } = &measured;
    println!("Measured on the embedded DynamoDB with {RECORDS} records:\n");
    println!("| | read units | write units | bytes out of AWS |");
    println!("|---|---|---|---|");
    for (what, cost) in [
        ("the list, at the function", list),
        ("the edge's full read", full),
        ("the edge's refresh, nothing changed", idle),
        ("the edge's refresh, one record changed", changed),
        ("an edit", edit),
        ("a key lookup", key),
    ] {
        println!("| {what} | {} | {} | {} |", cost.read, cost.write, cost.bytes);
    }

    println!(
        "\nA month of {READS:e} reads of the whole list and {EDITS:e} edits, with readers in {COLOS} data centres, in dollars:\n"
    );
    println!("| | DynamoDB | API Gateway | Lambda | data out of AWS | Workers | total |");
    println!("|---|---|---|---|---|---|---|");
    print("without the edge", &without_the_edge(&measured));
    for (pattern, seconds) in PATTERNS {
        print(&format!("with the edge, read {pattern}"), &with_the_edge(&measured, seconds));
    }
    println!(
        "\nEvery read transfers the whole list. A reader that sends the entity tag gets no body while nothing has changed.\n\
         The edge is computed with one isolate per data centre. Each further isolate refreshes separately."
    );
    Ok(())
}

fn without_the_edge(measured: &Measured) -> Month {
    let edits = edits(measured);
    Month {
        read_units: READS * measured.list.read + edits.read_units,
        gateway_requests: READS + EDITS,
        gb_seconds: READS * LIST_SECONDS * MEMORY + edits.gb_seconds,
        bytes_out: READS * measured.list.bytes as f64 + edits.bytes_out,
        ..edits
    }
}

/// Assumes reads spread evenly over the places and the time. A read refreshes a list that is no longer fresh. It reads
/// the whole list if the last full read is too old.
fn with_the_edge(measured: &Measured, seconds: f64) -> Month {
    let reads = READS / COLOS;
    let refreshes = reads.min(seconds / FRESH);
    let full = refreshes.min(seconds / FULL);
    let partial = refreshes - full;
    // Each place sees an edit in one of its refreshes (and reads it again in the minute after that).
    let with_change = partial.min(EDITS);
    let Measured { full: whole, idle, changed, key, .. } = measured;
    let units = full * whole.read
        + (partial - with_change) * idle.read
        + with_change * changed.read
        + refreshes.min(seconds / 60.0) * key.read;
    let bytes =
        full * whole.bytes as f64 + (partial - with_change) * idle.bytes as f64 + with_change * changed.bytes as f64;
    let edits = edits(measured);
    Month {
        read_units: COLOS * units + edits.read_units,
        bytes_out: COLOS * bytes + edits.bytes_out,
        worker_requests: Some(READS + EDITS),
        ..edits
    }
}

/// The function makes the edits in both cases.
fn edits(measured: &Measured) -> Month {
    Month {
        read_units: EDITS * measured.edit.read,
        write_units: EDITS * measured.edit.write,
        gateway_requests: EDITS,
        gb_seconds: EDITS * EDIT_SECONDS * MEMORY,
        bytes_out: EDITS * measured.edit.bytes as f64,
        worker_requests: None,
    }
}

fn print(what: &str, month: &Month) {
    let millions = |count: f64| count / 1e6;
    let dynamodb = millions(month.read_units) * price::READ + millions(month.write_units) * price::WRITE;
    let gateway = millions(month.gateway_requests) * price::GATEWAY;
    let lambda = millions(month.gateway_requests) * price::INVOCATIONS + month.gb_seconds * price::GB_SECOND;
    let out = month.bytes_out / 1e9 * price::GB_OUT;
    let workers = month.worker_requests.map_or(0.0, |requests| {
        price::WORKERS + millions((requests - price::WORKERS_INCLUDED).max(0.0)) * price::WORKER_REQUESTS
    });
    let together = dynamodb + gateway + lambda + out + workers;
    println!("| {what} | {dynamodb:.2} | {gateway:.2} | {lambda:.2} | {out:.2} | {workers:.2} | {together:.2} |");
}
