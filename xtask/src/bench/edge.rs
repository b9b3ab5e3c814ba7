//! The edge worker, compared with an equivalent worker made with Hono and with an empty worker. Each is bundled as for
//! a deployment, and runs in its own `workerd`. All run at once, and get one request after another.
//!
//! Both workers check the key by its SHA-256 and answer with the same list from memory. Neither logs. ripple's worker
//! gets its list from a real `ripple dev`, keeps it fresh and counts the key's rate. Hono's worker sends the list that
//! ripple's worker sent first. `replica` has the same for the edge in front of a replica.

mod http;
mod replica;
mod workers;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use self::http::{Answer, Client};
use self::workers::{Running, Worker};
use super::figure::{self, Figure};
use super::list::records;
use super::measure::{Cost, OneCpu, Variant, compare, cpu_time, memory};
use crate::server::{self, Server};
use crate::workspace;
use crate::{edge, process};

/// The number of records of the list: 40 KB of JSON.
const RECORDS: usize = 100;
/// The number of records of the search.
const MANY: usize = 10_000;
/// The number of rounds, and of requests of each variant in a round.
const ROUNDS: usize = 21;
const REQUESTS: u32 = 400;
const SEARCHES: u32 = 20;
/// The limit of V8's heap of an isolate that reads its table ten times, in MB.
const HEAP: u32 = 16;
/// The number of full reads.
const FILLS: usize = 10;
/// The number of starts of each worker.
const STARTS: usize = 21;

const BARE: &str = "xtask/src/bench/edge/bare.js";
const HONO: &str = "xtask/src/bench/edge/hono.js";
const NEAR: &str = "edge/near/worker.js";
const LATER: &str = "xtask/src/bench/edge/later.js";

/// The benchmark `edge`.
pub(super) fn run() -> Result<()> {
    edge::build()?;
    edge::build_near()?;
    edge::build_replica()?;
    workspace::build(&["--bin", "ripple"])?;
    let _one_cpu = OneCpu::take()?;
    let server = Server::start()?;
    let folder = workspace::target()?.join("xtask").join(format!("bench-edge-{}", std::process::id()));
    let figures = measure(&server, &folder)?;
    fs::remove_dir_all(&folder)?;
    server.stop()?;
    figure::print(&figures, "other");
    Ok(())
}

fn measure(server: &Server, folder: &Path) -> Result<Vec<Figure>> {
    let bare = Worker::bundle(Some(BARE), &folder.join("bare"))?;
    let ripple = Worker::bundle(None, &folder.join("ripple"))?.told(variables(server));
    let near = Worker::bundle(Some(NEAR), &folder.join("near"))?.told(variables(server)).bound("REPLICA");
    let hono = Worker::bundle(Some(HONO), &folder.join("hono"))?;
    let mut figures = starts(&bare, &ripple, &near, &hono)?;

    let key = format!("x-api-key: {}\r\n", server.key());
    import(server, folder, RECORDS)?;
    let running = ripple.start()?;
    let list = listed(&running, &key, RECORDS)?;
    let hono = hono.told(vec![("KEY", server.key().to_owned()), ("LIST", list)]).start()?;
    figures.extend(lists(&bare.start()?, &running, &hono, &key)?);
    drop((running, hono));

    import(server, folder, MANY)?;
    figures.extend(search(&bare.start()?, &ripple.start()?, &key)?);
    let later = Worker::bundle(Some(LATER), &folder.join("later"))?.told(variables(server)).within(HEAP);
    figures.extend(fills(&bare.start()?, &later.start()?, &key)?);
    figures.extend(replica::measure(server, folder, &bare)?);
    Ok(figures)
}

fn variables(server: &Server) -> Vec<(&'static str, String)> {
    [
        ("RIPPLE_ORIGIN", server.url()),
        ("AWS_ENDPOINT_URL_DYNAMODB", server.dynamodb_endpoint()),
        ("AWS_REGION", "us-east-1"),
        // An emulator accepts any credentials.
        ("AWS_ACCESS_KEY_ID", "bench"),
        ("AWS_SECRET_ACCESS_KEY", "bench"),
        ("RIPPLE_RATE_LIMIT", "1000000"),
        ("RIPPLE_ADDRESS_LIMIT", "0"),
        ("RIPPLE_LOG", "warn"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into()
}

fn import(server: &Server, folder: &Path, count: usize) -> Result<()> {
    let file = folder.join("projects.jsonl");
    fs::write(&file, records(count)?)?;
    process::run(server::ripple()?.arg("import").arg(file).args(["--endpoint-url", server.dynamodb_endpoint()]))
}

/// Returns the current list. Fails if it does not have `count` records.
fn listed(ripple: &Running, key: &str, count: usize) -> Result<String> {
    let answer = ripple.connect()?.get("/prj", &format!("{key}cache-control: no-cache\r\n"))?;
    ensure!(answer.status == 200, "ripple answers {}", answer.status);
    let records: Vec<Value> = serde_json::from_slice(&answer.body)?;
    ensure!(records.len() == count, "ripple lists {} records instead of {count}", records.len());
    println!("a list of {count} records, {:.1} KB", answer.body.len() as f64 / 1e3);
    Ok(String::from_utf8(answer.body)?)
}

/// Measures the milliseconds from the start of `workerd` to the first response, which needs no DynamoDB.
fn starts(bare: &Worker, ripple: &Worker, near: &Worker, hono: &Worker) -> Result<Vec<Figure>> {
    let time = |worker: &Worker| {
        let begun = Instant::now();
        let running = worker.start()?;
        let answer = running.connect()?.get("/health", "")?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(!answer.body.is_empty(), "an empty response");
        Ok(took)
    };
    let costs = compare(
        STARTS,
        &mut [
            Variant { name: "start, bare", run: Box::new(|| time(bare)) },
            Variant { name: "start, ripple", run: Box::new(|| time(ripple)) },
            Variant { name: "start, ripple in front of a replica", run: Box::new(|| time(near)) },
            Variant { name: "start, Hono", run: Box::new(|| time(hono)) },
        ],
    )?;
    show(&costs);
    Ok(vec![
        Figure::difference("start above a bare worker's, ms", costs[0].median, costs[1].median, 20.0),
        Figure::ratio("start in front of a replica to a bare worker's, ms", &costs[0], &costs[2], 1.6),
    ])
}

/// Measures the microseconds of CPU of a request, by its form.
fn lists(bare: &Running, ripple: &Running, hono: &Running, key: &str) -> Result<Vec<Figure>> {
    let gzip = format!("{key}accept-encoding: gzip\r\n");
    let (mut of_ripple, mut of_hono) = (ripple.connect()?, hono.connect()?);
    // The encoded form is made after a response.
    while of_ripple.get("/prj", &gzip)?.header("content-encoding").is_none() {}
    let (of_ripple, of_hono) = (of_ripple.get("/prj", key)?, of_hono.get("/prj", key)?);
    ensure!(of_ripple.body == of_hono.body, "the lists differ");
    let unchanged = |answer: &Answer| {
        let tag = answer.header("etag").context("no entity tag")?;
        Ok::<_, anyhow::Error>(format!("{key}if-none-match: {tag}\r\n"))
    };
    let (ripple_has, hono_has) = (unchanged(&of_ripple)?, unchanged(&of_hono)?);
    let record = format!("/prj/{}", first_id(&of_ripple)?);
    let costs = compare(
        ROUNDS,
        &mut [
            variant("list, Hono", hono, "/prj", key, 200)?,
            variant("list, ripple", ripple, "/prj", key, 200)?,
            variant("list, ripple, gzip", ripple, "/prj", &gzip, 200)?,
            variant("304, ripple", ripple, "/prj", &ripple_has, 304)?,
            variant("304, Hono", hono, "/prj", &hono_has, 304)?,
            variant("record, ripple", ripple, &record, key, 200)?,
            variant("nothing, bare", bare, "/", "", 200)?,
        ],
    )?;
    show(&costs);
    Ok(vec![
        Figure::ratio("CPU of a list, µs", &costs[0], &costs[1], 0.95),
        Figure::ratio("CPU of a list in gzip, µs", &costs[0], &costs[2], 0.75),
        Figure::ratio("CPU of a 304 for that list, µs", &costs[0], &costs[3], 0.60),
    ])
}

/// Returns a variant that sends one kind of request over its own connection.
fn variant<'a>(
    name: &'static str,
    running: &'a Running,
    path: &'a str,
    headers: &'a str,
    status: u16,
) -> Result<Variant<'a>> {
    let mut client = running.connect()?;
    Ok(Variant { name, run: Box::new(move || cost(running, &mut client, REQUESTS, path, headers, status)) })
}

/// Measures the memory of many records, and the CPU of a search among them.
fn search(bare: &Running, ripple: &Running, key: &str) -> Result<Vec<Figure>> {
    listed(ripple, key, MANY)?;
    bare.connect()?.get("/", "")?;
    let mut client = ripple.connect()?;
    let found: Vec<Value> = serde_json::from_slice(&client.get("/prj?q=python", key)?.body)?;
    println!("{} records mention python", found.len());
    let gzip = format!("{key}accept-encoding: gzip\r\n");
    for headers in [key, &gzip, &gzip, &gzip] {
        client.get("/prj", headers)?; // every form of it is in memory
    }
    let (of_bare, of_ripple) = (megabytes(bare)?, megabytes(ripple)?);
    let took = compare(
        ROUNDS,
        &mut [Variant {
            name: "search",
            run: Box::new(|| Ok(cost(ripple, &mut client, SEARCHES, "/prj?q=python", key, 200)? / 1e3)),
        }],
    )?;
    Ok(vec![
        Figure::absolute("CPU of a search in 10,000 records, ms", took[0].median, 0.0, 10.0),
        Figure::difference("memory above a bare worker's, MB", of_bare, of_ripple, 128.0),
    ])
}

/// Measures the memory of an isolate after its tenth full read. The resident memory includes what the runtime's allocator
/// keeps of the bodies that it has received.
fn fills(bare: &Running, later: &Running, key: &str) -> Result<[Figure; 2]> {
    bare.connect()?.get("/", "")?;
    let mut client = later.connect()?;
    let mut size = 0.0;
    for _ in 0..FILLS {
        let answer = client.get("/prj?limit=50", &format!("{key}cache-control: no-cache\r\n"))?;
        let capacity = answer.header("ripple-capacity").unwrap_or_default();
        let units = capacity.strip_prefix("read=").and_then(|rest| rest.split(',').next()?.parse::<f64>().ok());
        ensure!(units.is_some_and(|units| units * 100.0 > MANY as f64), "not a full read: {capacity}");
        size = String::from_utf8(client.get("/later", "")?.body)?.parse()?;
    }
    let (of_bare, of_later) = (megabytes(bare)?, megabytes(later)?);
    Ok([
        Figure::difference("memory at the tenth full read, above bare, MB", of_bare, of_later, 64.0),
        Figure::alone("WebAssembly's memory at the tenth full read, MB", size / 1e6, 64.0),
    ])
}

/// Returns the resident memory of a process.
fn megabytes(running: &Running) -> Result<f64> {
    Ok(memory(running.id())?.resident as f64 / 1e6)
}

/// Measures the microseconds of CPU of a request.
fn cost(running: &Running, client: &mut Client, requests: u32, path: &str, headers: &str, status: u16) -> Result<f64> {
    let before = cpu_time(running.id())?;
    for _ in 0..requests {
        let answer = client.get(path, headers)?;
        ensure!(answer.status == status, "{path} is answered with {}", answer.status);
    }
    Ok((cpu_time(running.id())? - before).as_secs_f64() * 1e6 / f64::from(requests))
}

fn first_id(list: &Answer) -> Result<String> {
    let list: Vec<Value> = serde_json::from_slice(&list.body)?;
    let id = list.first().and_then(|record| record["prj_id"].as_str());
    id.map(str::to_owned).context("an empty list")
}

fn show(costs: &[Cost]) {
    for cost in costs {
        println!("{cost}");
    }
}
