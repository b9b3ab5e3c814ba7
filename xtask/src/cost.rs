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
    /// Milliseconds of CPU of the worker. That of an object is in its GB-seconds.
    pub(super) const WORKER_CPU: Metered = Metered { included: 30e6, million: 0.02 };
    /// Durable Objects: requests and GB-seconds in millions, and rows in SQLite, each over what the plan includes:
    /// <https://developers.cloudflare.com/durable-objects/platform/pricing/>
    pub(super) const OBJECT_REQUESTS: Metered = Metered { included: 1e6, million: 0.15 };
    pub(super) const OBJECT_GB_SECONDS: Metered = Metered { included: 400e3, million: 12.50 };
    pub(super) const ROWS_READ: Metered = Metered { included: 25e9, million: 0.001 };
    pub(super) const ROWS_WRITTEN: Metered = Metered { included: 50e6, million: 1.00 };
    /// A month of a GB in SQLite, over what the plan includes.
    pub(super) const GB_STORED: f64 = 0.20;
    pub(super) const GB_STORED_INCLUDED: f64 = 5.0;
    /// The messages to an object that count as one request. Those from it are free.
    pub(super) const MESSAGES: f64 = 20.0;

    /// A price beyond what the plan includes. Each begun million is billed.
    pub(super) struct Metered {
        included: f64,
        million: f64,
    }

    impl Metered {
        pub(super) fn of(&self, count: f64) -> f64 {
            ((count - self.included).max(0.0) / 1e6).ceil() * self.million
        }
    }
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
/// between two full reads, without and with the feed.
const FRESH: f64 = 5.0;
const FULL: f64 = 600.0;
const FULL_WITH_THE_FEED: f64 = 86_400.0;
/// The seconds for which a key lookup is trusted.
const KEY: f64 = 5.0;

/// A larger table, at a replica: the number of records, and the parts of reads that are searches by `q` and that sort by
/// a declared member. The others are pages.
const MANY: f64 = 100_000.0;
const SEARCHES: f64 = 0.05;
const SORTS: f64 = 0.05;
/// The rows of a page of the larger table: 50 records in one table, and the state.
const PAGE: f64 = 60.0;
/// The rows of SQLite: written for a record of the first full read, written for an edit, and read for each record of the
/// table by a sort. `cargo xtask bench scale` measures them.
const FILL_ROWS: f64 = 3.0;
const EDIT_ROWS: f64 = 4.0;
const SORT_ROWS: f64 = 1.0;
/// The read units for an edit that the edge tells the replica: a strong read of the record.
const TOLD_READ: f64 = 1.0;
/// The bytes in SQLite for a record of the table (assumed: three times its JSON).
const STORED: f64 = 2_000.0;
/// The milliseconds of CPU of the worker for a request (assumed; most take less than one).
const WORKER_CPU: f64 = 3.0;
/// Pages with a socket, or clients that hold a request of changes, in office hours. A page opens its socket twice an hour,
/// for which it asks for a ticket, and tells once a minute what is open on it (assumed). It sends a ping every 30 seconds,
/// and acknowledges every 64 events. After each edit it reads a page of the list.
const LIVE: f64 = 100.0;
const OPENS: f64 = 2.0 / 3_600.0;
const MESSAGES: f64 = 1.0 / 60.0 + 1.0 / 30.0;
const ACKNOWLEDGED: f64 = 64.0;
/// The seconds for which a request of changes is held.
const HELD: f64 = 25.0;
/// The memory that is billed for an object, in GB, and the seconds that it works for a read (assumed).
const OBJECT_MEMORY: f64 = 0.128;
const OBJECT_SECONDS: f64 = 0.005;
/// The seconds that an object waits for DynamoDB when it looks a key up (assumed).
const LOOKUP_SECONDS: f64 = 0.02;

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
    object: Object,
}

/// How the pages learn of edits, beside the reads.
#[derive(Clone, Copy, PartialEq)]
enum Pages {
    Asking,
    Live,
    Waiting,
}

/// The consumption of a Durable Object in a month.
#[derive(Default)]
struct Object {
    requests: f64,
    gb_seconds: f64,
    rows_read: f64,
    rows_written: f64,
    gb_stored: f64,
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
    println!("| | DynamoDB | API Gateway | Lambda | data out of AWS | Workers | replica | together |");
    println!("|---|---|---|---|---|---|---|---|");
    print("without the edge", &without_the_edge(&measured));
    for (pattern, seconds) in PATTERNS {
        print(&format!("with the edge, read {pattern}"), &with_the_edge(&measured, seconds, FULL));
    }
    let [(_, clock), _] = PATTERNS;
    print("with the edge and the feed, read around the clock", &with_the_edge(&measured, clock, FULL_WITH_THE_FEED));
    let few = RECORDS as f64;
    for (what, records, replicas, idle, pages) in [
        ("with a replica", few, 1.0, 0.0, Pages::Asking),
        ("with a replica that is billed while it idles", few, 1.0, clock, Pages::Asking),
        ("with a replica of 100,000 records, 5 % searches, 5 % sorts", MANY, 1.0, 0.0, Pages::Asking),
        ("the same, and 100 live pages in office hours", MANY, 1.0, 0.0, Pages::Live),
        ("the same, and 100 clients that wait for changes instead", MANY, 1.0, 0.0, Pages::Waiting),
        ("with three replicas of 100,000 records", MANY, 3.0, 0.0, Pages::Asking),
        ("with three replicas that are billed while they idle", few, 3.0, clock, Pages::Asking),
    ] {
        let month = with_replicas(&measured, records, replicas, clock, idle);
        print(what, &with_pages(month, pages));
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
fn with_the_edge(measured: &Measured, seconds: f64, pause: f64) -> Month {
    let reads = READS / COLOS;
    let refreshes = reads.min(seconds / FRESH);
    let full = refreshes.min(seconds / pause);
    let partial = refreshes - full;
    // Each place sees an edit in one of its refreshes (and reads it again in the minute after that).
    let with_change = partial.min(EDITS);
    let Measured { full: whole, idle, changed, key, .. } = measured;
    let units = full * whole.read
        + (partial - with_change) * idle.read
        + with_change * changed.read
        + reads.min(seconds / KEY) * key.read;
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

/// Assumes reads spread evenly over the replicas, the places and the time. Isolates ask one object, which refreshes while
/// it is read, and reads the whole table once a day. `idle`: the seconds that are billed although an object does nothing.
fn with_replicas(measured: &Measured, records: f64, replicas: f64, seconds: f64, idle: f64) -> Month {
    let Measured { full, idle: unchanged, changed, key, .. } = measured;
    let refreshes = READS.min(replicas * seconds / FRESH);
    let with_change = refreshes.min(replicas * EDITS);
    let scale = records / RECORDS as f64;
    let full_reads = replicas * seconds / FULL_WITH_THE_FEED * scale;
    let lookups = COLOS * (READS / COLOS).min(seconds / KEY);
    let is_many = records > RECORDS as f64;
    let rows = if is_many {
        (1.0 - SEARCHES - SORTS) * PAGE + SEARCHES * records + SORTS * SORT_ROWS * records
    } else {
        records
    };
    let edits = edits(measured);
    Month {
        read_units: full_reads * full.read
            + (refreshes - with_change) * unchanged.read
            + with_change * changed.read
            + lookups * key.read
            + replicas * EDITS * TOLD_READ
            + edits.read_units,
        bytes_out: full_reads * full.bytes as f64
            + (refreshes - with_change) * unchanged.bytes as f64
            + with_change * changed.bytes as f64
            + edits.bytes_out,
        worker_requests: Some(READS + EDITS),
        object: Object {
            // Each is told of an edit by the feed, and by the isolate that forwarded it. Keys are looked up there.
            requests: READS + lookups + 2.0 * replicas * EDITS,
            gb_seconds: (replicas * idle + READS * OBJECT_SECONDS + lookups * LOOKUP_SECONDS) * OBJECT_MEMORY,
            rows_read: READS * rows,
            rows_written: replicas * (records * FILL_ROWS + EDITS * EDIT_ROWS),
            gb_stored: replicas * records * STORED / 1e9,
        },
        ..edits
    }
}

/// Adds what pages consume that hear of each edit.
fn with_pages(mut month: Month, pages: Pages) -> Month {
    let [_, (_, seconds)] = PATTERNS;
    let (requests, messages, gb_seconds) = match pages {
        Pages::Asking => return month,
        Pages::Live => (2.0 * LIVE * seconds * OPENS, LIVE * (seconds * MESSAGES + EDITS / ACKNOWLEDGED), 0.0),
        // A held request keeps the object from hibernating.
        Pages::Waiting => (LIVE * (seconds / HELD + EDITS), 0.0, seconds * OBJECT_MEMORY),
    };
    let reads = LIVE * EDITS;
    month.worker_requests = month.worker_requests.map(|others| others + requests + reads);
    month.object.requests += requests + reads + messages / price::MESSAGES;
    month.object.gb_seconds += gb_seconds + reads * OBJECT_SECONDS * OBJECT_MEMORY;
    month.object.rows_read += reads * PAGE;
    month
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
        object: Object::default(),
    }
}

fn print(what: &str, month: &Month) {
    let millions = |count: f64| count / 1e6;
    let dynamodb = millions(month.read_units) * price::READ + millions(month.write_units) * price::WRITE;
    let gateway = millions(month.gateway_requests) * price::GATEWAY;
    let lambda = millions(month.gateway_requests) * price::INVOCATIONS + month.gb_seconds * price::GB_SECOND;
    let out = month.bytes_out / 1e9 * price::GB_OUT;
    let workers = month.worker_requests.map_or(0.0, |requests| {
        price::WORKERS
            + millions((requests - price::WORKERS_INCLUDED).max(0.0)) * price::WORKER_REQUESTS
            + price::WORKER_CPU.of(requests * WORKER_CPU)
    });
    let Object { requests, gb_seconds, rows_read, rows_written, gb_stored } = &month.object;
    let object = price::OBJECT_REQUESTS.of(*requests)
        + price::OBJECT_GB_SECONDS.of(*gb_seconds)
        + price::ROWS_READ.of(*rows_read)
        + price::ROWS_WRITTEN.of(*rows_written)
        + (gb_stored - price::GB_STORED_INCLUDED).max(0.0) * price::GB_STORED;
    let together = dynamodb + gateway + lambda + out + workers + object;
    println!(
        "| {what} | {dynamodb:.2} | {gateway:.2} | {lambda:.2} | {out:.2} | {workers:.2} | {object:.2} | {together:.2} |"
    );
}
