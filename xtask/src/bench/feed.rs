//! The feed: how soon ripple shows what another program wrote, how soon it refuses a revoked key, and what an adoption
//! and a backfill cost.
//!
//! The other program is `xtask/src/bench/feed/program.py`, with boto3. `ripple dev` reads the streams of its embedded
//! engine four times a second, as Lambda reads each shard.

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use ripple_core::auth::Caller;
use ripple_core::feed::{Decision, StreamRecord, decide};
use ripple_core::random::Random;
use ripple_core::service::Metrics;
use ripple_core::service::adopt::Adopter;
use ripple_core::store::Source as _;
use ripple_core::store::memory::Memory;
use ripple_core::value::Members;
use ripple_core::{Api, RecordId, RequestContext, Timestamp};
use serde_json::Value;

use super::figure::{self, Figure};
use super::measure::memory;
use super::program::measured;
use crate::edge;
use crate::server::{self, Server};
use crate::workspace::{self, root};

/// The number of external writes, of revocations, and of records of the backfill.
const WRITES: usize = 200;
const REVOCATIONS: usize = 20;
const RECORDS: usize = 60_000;
const PROGRAM: &str = "xtask/src/bench/feed/program.py";

/// The benchmark `feed`.
pub(super) fn run_benchmark() -> Result<()> {
    workspace::build(&["--bin", "ripple"])?;
    edge::build_all()?;
    let program = |server: &Server, arguments: &[String]| -> Result<Value> {
        measured(PROGRAM, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), Some(server))
    };
    let number = |answer: &Value, name: &str| answer[name].as_f64().with_context(|| format!("no {name}: {answer}"));

    let mut figures = vec![
        Figure::alone("write units of an adoption, 1 KB", adoption(700)?, 6.0),
        Figure::alone("write units for ripple's own write", own_write()?, 0.0),
    ];
    let server = Server::start_with_feed()?;
    let seen = program(&server, &["writes".to_owned(), WRITES.to_string()])?;
    figures.push(Figure::alone("external write to version in GET, p50, s", number(&seen, "p50")?, 0.6));
    figures.push(Figure::alone("external write to version in GET, p99, s", number(&seen, "p99")?, 0.6));
    let refused = program(&server, &["revocations".to_owned(), REVOCATIONS.to_string()])?;
    figures.push(Figure::alone("revocation to refusal, longest, s", number(&refused, "longest")?, 6.0));
    let at_edge = program(&server, &["edge".to_owned(), WRITES.to_string()])?;
    figures.push(Figure::alone("external write to version at the edge, p50, s", number(&at_edge, "p50")?, 1.5));
    figures.push(Figure::alone("external write to version at the edge, p99, s", number(&at_edge, "p99")?, 1.5));
    figures.push(Figure::alone("revocation to refusal at the edge, longest, s", number(&at_edge, "longest")?, 6.0));
    server.stop()?;

    let server = Server::start()?;
    println!("writing {RECORDS} records");
    program(&server, &["fill".to_owned(), RECORDS.to_string()])?;
    let peak = backfill(&server)?;
    figures.push(Figure::alone("memory of a backfill of 60,000, MB", peak / 1e6, 64.0));
    server.stop()?;
    figure::print(&figures, "");
    Ok(())
}

/// Runs a backfill, which prints its write units before and after. Returns its peak of memory in bytes.
fn backfill(server: &Server) -> Result<f64> {
    let endpoint = server.dynamodb_endpoint();
    let mut process =
        server::ripple()?.current_dir(root()).args(["table", "backfill", "--endpoint-url", endpoint]).spawn()?;
    let mut peak = 0;
    loop {
        // The figures of a process are gone once it is waited for.
        if let Ok(memory) = memory(process.id()) {
            peak = peak.max(memory.peak);
        }
        if let Some(status) = process.try_wait()? {
            ensure!(status.success(), "the backfill ended with {status}");
            return Ok(peak as f64);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Returns the write units of the adoption of an item with text of this many bytes.
fn adoption(bytes: usize) -> Result<f64> {
    let text: String = include_str!("../../../DESIGN.md").chars().filter(char::is_ascii).take(bytes).collect();
    let members = [("prj_id", "p"), ("name", "Garden"), ("description", &text)];
    let item: Members = members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let memory = Memory::new();
    memory.put_item(&RecordId::stored("p".to_owned()), item.clone());
    follow(&memory, &StreamRecord { old: None, new: Some(item), at: Timestamp(0), expired: false })
}

/// Returns the write units that the feed spends on a creation by ripple. Only the history shows that it is one.
fn own_write() -> Result<f64> {
    let memory = Memory::new();
    let body = r#"{"prj_id":"p","name":"n","goal":"g","issue":"i","description":"d","term":1,"term_unit":"month","create_date":"2026-03-01"}"#;
    let request = Request::post("/prj").header("content-type", "application/json").body(Bytes::from(body))?;
    let caller = Some(Caller::checked_by_gateway("bench"));
    let context = RequestContext { now: Timestamp(1), random: [1; 32], caller };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let response = runtime.block_on(Api::new(memory.clone()).answer(request, context));
    ensure!(response.status().is_success(), "{response:?}");
    let new = memory.item(&RecordId::stored("p".to_owned()));
    follow(&memory, &StreamRecord { old: None, new, at: Timestamp(0), expired: false })
}

fn follow(store: &Memory, change: &StreamRecord) -> Result<f64> {
    let Decision::External(external) = decide(change, store.names())? else { return Ok(0.0) };
    let (mut metrics, random) = (Metrics::default(), &mut Random::new([7; 32]));
    let mut adopter = Adopter { store, writer: None, now: Timestamp(1_000), random, metrics: &mut metrics };
    tokio::runtime::Builder::new_current_thread().build()?.block_on(adopter.adopt(&external))?;
    Ok(metrics.capacity.write)
}
