//! The edge in front of a replica with 60,000 records: the first answer of a new isolate, the memory of the object, and
//! the long way of a read through worker and object, compared with the same made with Hono.
//!
//! ```text
//!  first answer:  [workerd: remote.js, ripple-near] ──HTTP──▶ [workerd: bridge.js ─▶ ripple-replica]
//!  long way:      [workerd: ripple-near ─▶ ripple-replica]    [workerd: hono-object.js ─▶ its object]
//! ```
//!
//! V8's heap is limited, so that an object that has just read its table has little garbage. The resident memory includes
//! compiled code, SQLite's cache and what the runtime's allocator keeps. An object that begins again has less of that.
//!
//! Each page and each search has another address, so that no isolate keeps its answer. The object keeps the answers of
//! searches, as Hono's does, and of 200 pages at most: the pages take turns with more.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::Request;
use ripple_core::auth::Caller;
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Value};
use ripple_core::{Api, RecordId, RequestContext, Timestamp};
use serde_json::{Value as Json, json};

use super::http::{Answer, Client};
use super::workers::{Running, Worker};
use super::{NEAR, ROUNDS, STARTS, megabytes, show, variables};
use crate::bench::figure::Figure;
use crate::bench::list::records;
use crate::bench::measure::{Variant, compare, cpu_time};
use crate::server::Server;

const RECORDS: usize = 60_000;
/// The most records of a BatchWriteItem.
const BATCH: usize = 25;
/// The number of pages that take turns, more than an object keeps.
const PAGES: usize = 300;
/// The number of requests of each variant in a round.
const REQUESTS: usize = 200;
/// The limit of V8's heap of an object, in MB.
const HEAP: u32 = 32;
/// The time limit for the fill of the object.
const FILL_LIMIT: Duration = Duration::from_secs(300);

const REPLICA: &str = "replica/worker.js";
const REMOTE: &str = "xtask/src/bench/edge/remote.js";
const BRIDGE: &str = "xtask/src/bench/edge/bridge.js";
const HONO: &str = "xtask/src/bench/edge/hono-object.js";

/// Returns the figures of the replica. `bare` is the empty worker.
pub(super) fn measure(server: &Server, folder: &Path, bare: &Worker) -> Result<Vec<Figure>> {
    write_all(server)?;
    let mut settings = variables(server);
    // No refresh within a measurement.
    settings.push(("RIPPLE_FRESH_SECONDS", "3600".to_owned()));
    let key = format!("x-api-key: {}\r\n", server.key());
    let bundle = |script, name: &str| Worker::bundle(Some(script), &folder.join(name));
    let replica = bundle(REPLICA, "replica")?.told(settings.clone()).with_class("Replica");
    let bridge = bundle(BRIDGE, "bridge")?.with_objects_of("REPLICA", &replica).within(HEAP);
    let remote = bundle(REMOTE, "remote")?.told(settings.clone());

    let running = bridge.start()?;
    let isolate = remote.clone().beside("OBJECTS", &running).start()?;
    await_fill(&isolate, &key)?;
    let of_bare = {
        let bare = bare.start()?;
        bare.connect()?.get("/", "")?;
        megabytes(&bare)?
    };
    let mut figures = vec![Figure::difference(
        "memory of an object after its fill, above bare, MB",
        of_bare,
        megabytes(&running)?,
        48.0,
    )];
    let read = read_all(&isolate, &key)?;
    let largest = largest_memory(&running)?;
    drop((isolate, running));

    // An object that begins again has its table on disk.
    let running = bridge.start()?;
    let remote = remote.beside("OBJECTS", &running);
    read_in_all_ways(&remote.start()?, &key)?;
    figures.extend([
        Figure::difference("memory of an object that began again, above bare, MB", of_bare, megabytes(&running)?, 48.0),
        Figure::alone("memory of an object's WebAssembly, MB", largest / 1e6, 32.0),
    ]);
    figures.push(first_answer(bare, &remote, &key)?);
    drop(running);

    let near = bundle(NEAR, "near")?.told(settings).with_objects_of("REPLICA", &replica).start()?;
    let hono = bundle(HONO, "hono-object")?.told(vec![("KEY", server.key().to_owned())]);
    let hono = hono.with_class("Records").with_own_objects("RECORDS").start()?;
    load(&hono, &key, &read.bodies)?;
    figures.extend(long_way(&bare.start()?, &near, &hono, &key, &read.ids)?);
    Ok(figures)
}

/// Writes the records as ripple does, except for their histories: an import of as many would take minutes.
fn write_all(server: &Server) -> Result<()> {
    let memory = Memory::new();
    let api = Api::new(memory.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let address = server.dynamodb_endpoint().trim_start_matches("http://").parse()?;
    let mut dynamodb = Client::connect(address)?;
    // An emulator accepts any signature.
    let headers = "content-type: application/x-amz-json-1.0\r\nx-amz-target: DynamoDB_20120810.BatchWriteItem\r\n\
                   authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, \
                   SignedHeaders=host, Signature=0\r\nx-amz-date: 20260101T000000Z\r\n";
    let records = records(RECORDS)?;
    let mut requests = Vec::new();
    for (number, body) in records.lines().enumerate() {
        let request =
            Request::post("/prj").header("content-type", "application/json").body(Bytes::from(body.to_owned()))?;
        let mut random = [0; 32];
        random[..8].copy_from_slice(&number.to_le_bytes());
        let caller = Some(Caller::checked_by_gateway("bench"));
        let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64);
        let response = runtime.block_on(api.answer(request, RequestContext { now, random, caller }));
        ensure!(response.status().is_success(), "{response:?}");
        let id: Json = serde_json::from_str(body)?;
        let id = id["prj_id"].as_str().context("a record without an id")?;
        let item = memory.item(&RecordId::stored(id.to_owned())).context("the record is not there")?;
        requests.push(json!({ "PutRequest": { "Item": typed(&item)? } }));
        if requests.len() == BATCH || number + 1 == RECORDS {
            let batch = json!({ "RequestItems": { "ripple_prj": requests } });
            let answer = dynamodb.post("/", headers, &serde_json::to_vec(&batch)?)?;
            ensure!(answer.status == 200, "{}", String::from_utf8_lossy(&answer.body));
            requests.clear();
        }
    }
    Ok(())
}

/// Returns members as DynamoDB's JSON.
fn typed(members: &Members) -> Result<Json> {
    members.iter().map(|(name, value)| Ok((name.clone(), typed_value(value)?))).collect()
}

fn typed_value(value: &Value) -> Result<Json> {
    Ok(match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(bool) => json!({ "BOOL": bool }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::List(list) => json!({ "L": list.iter().map(typed_value).collect::<Result<Vec<_>>>()? }),
        Value::Map(members) => json!({ "M": typed(members)? }),
        other => bail!("{other:?} is not in the sample"),
    })
}

/// What was read through the object.
struct Read {
    /// Arrays of all records, in order.
    bodies: Vec<Vec<u8>>,
    /// The id of every fiftieth record.
    ids: Vec<String>,
}

/// Waits until the object has the whole table.
fn await_fill(near: &Running, key: &str) -> Result<()> {
    let mut client = near.connect()?;
    let begun = Instant::now();
    while by_object(&client.get("/prj/absent", key)?).is_err() {
        ensure!(begun.elapsed() < FILL_LIMIT, "the object does not answer after {FILL_LIMIT:?}");
        thread::sleep(Duration::from_millis(100));
    }
    println!("the object is filled after {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Reads the whole table in pages.
fn read_all(near: &Running, key: &str) -> Result<Read> {
    let mut client = near.connect()?;
    let mut read = Read { bodies: Vec::new(), ids: Vec::new() };
    let mut next = Some("/prj?limit=5000".to_owned());
    while let Some(path) = next {
        let answer = client.get(&path, key)?;
        by_object(&answer)?;
        let records: Vec<Json> = serde_json::from_slice(&answer.body)?;
        read.ids.extend(records.iter().step_by(50).filter_map(|record| Some(record["prj_id"].as_str()?.to_owned())));
        next = link(&answer);
        read.bodies.push(answer.body);
    }
    ensure!(read.ids.len() == RECORDS / 50, "{} pages of 50 records", read.ids.len());
    Ok(read)
}

/// Returns the path of the next page.
fn link(answer: &Answer) -> Option<String> {
    let (path, _) = answer.header("link")?.split_once(">; rel=\"next\"")?;
    Some(format!("/{}", path.rsplit_once('<')?.1.trim_start_matches('/')))
}

/// Fails if the object has not given the answer.
fn by_object(answer: &Answer) -> Result<()> {
    let status = answer.header("cache-status").unwrap_or_default();
    ensure!(matches!(answer.status, 200 | 404) && status.starts_with("ripple; hit"), "{}: {status}", answer.status);
    Ok(())
}

/// Reads pages of each order, and searches.
fn read_in_all_ways(near: &Running, key: &str) -> Result<()> {
    let mut client = near.connect()?;
    for number in 0..PAGES {
        by_object(&client.get(&format!("/prj?limit=50&_={number}"), key)?)?;
    }
    for query in ["sort=-name", "sort=-updated_at", "q=python", "q=zugzwang"] {
        by_object(&client.get(&format!("/prj?limit=50&{query}"), key)?).context(query)?;
    }
    Ok(())
}

/// Returns the largest size of WebAssembly's memory that an object has logged, in bytes.
fn largest_memory(running: &Running) -> Result<f64> {
    let log = running.log()?;
    let sizes = log.split("\"memory\":").skip(1).filter_map(|rest| rest.split([',', '}']).next()?.parse().ok());
    sizes.reduce(f64::max).context("the object logs no memory")
}

/// Measures the milliseconds from the start of `workerd` to the first page, which a warm object gives.
fn first_answer(bare: &Worker, remote: &Worker, key: &str) -> Result<Figure> {
    let time = |worker: &Worker, path: &str| {
        let begun = Instant::now();
        let running = worker.start()?;
        let answer = running.connect()?.get(path, key)?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        ensure!(answer.status == 200, "{path} is answered with {}", answer.status);
        if path != "/" {
            by_object(&answer)?;
        }
        Ok(took)
    };
    let costs = compare(
        STARTS,
        &mut [
            Variant { name: "first answer, bare", run: Box::new(|| time(bare, "/")) },
            Variant { name: "first page of a warm object", run: Box::new(|| time(remote, "/prj?limit=50")) },
        ],
    )?;
    show(&costs);
    Ok(Figure::absolute("first page of a new isolate, ms", costs[1].median, costs[0].median, 100.0))
}

/// Puts records into Hono's object.
fn load(hono: &Running, key: &str, bodies: &[Vec<u8>]) -> Result<()> {
    let mut client = hono.connect()?;
    for body in bodies {
        let answer = client.post("/prj/load", key, body)?;
        ensure!(answer.status == 200, "Hono answers {}", answer.status);
    }
    Ok(())
}

/// Measures the microseconds of CPU of reads that cross worker and object.
fn long_way(bare: &Running, near: &Running, hono: &Running, key: &str, ids: &[String]) -> Result<Vec<Figure>> {
    let records: Vec<String> = ids.iter().map(|id| format!("/prj/{id}")).collect();
    let hono_pages: Vec<String> = ids.iter().take(PAGES).map(|id| format!("/prj?limit=50&after={id}")).collect();
    let near_pages = pages(near, key)?;
    let searches: Vec<String> = (0..PAGES).map(|number| format!("/prj?q=python&limit=50&_={number}")).collect();

    let (mut of_near, mut of_hono) = (near.connect()?, hono.connect()?);
    let same = |one: &Answer, other: &Answer| {
        let [one, other] = [one, other].map(|answer| serde_json::from_slice::<Json>(&answer.body));
        Ok::<_, anyhow::Error>(one? == other?)
    };
    for path in ["/prj?limit=50", &records[7], &searches[0]] {
        let (one, other) = (of_near.get(path, key)?, of_hono.get(path, key)?);
        by_object(&one)?;
        ensure!(one.status == 200 && same(&one, &other)?, "{path} is answered differently");
    }
    let bare_path = ["/".to_owned()];
    let costs = compare(
        ROUNDS,
        &mut [
            turns("nothing, bare", bare, &bare_path, key)?,
            turns("record, ripple", near, &records, key)?,
            turns("record, Hono", hono, &records, key)?,
            turns("page, ripple", near, &near_pages, key)?,
            turns("page, Hono", hono, &hono_pages, key)?,
            turns("hot search, ripple", near, &searches, key)?,
            turns("hot search, Hono", hono, &searches, key)?,
        ],
    )?;
    show(&costs);
    let above =
        |what, ripple: usize, hono: usize| Figure::ratio_above(what, &costs[0], &costs[hono], &costs[ripple], 1.2);
    Ok(vec![
        above("CPU of a record by worker and object, above bare, µs", 1, 2),
        above("CPU of a page of 50 by worker and object, above bare, µs", 3, 4),
        above("CPU of a hot search by worker and object, above bare, µs", 5, 6),
    ])
}

/// Returns the paths of pages that follow each other.
fn pages(near: &Running, key: &str) -> Result<Vec<String>> {
    let mut client = near.connect()?;
    let mut pages = Vec::new();
    let mut path = "/prj?limit=50".to_owned();
    while pages.len() < PAGES {
        let Some(next) = link(&client.get(&path, key)?) else { bail!("{path} has no next page") };
        pages.push(next.clone());
        path = next;
    }
    Ok(pages)
}

/// Returns a variant whose requests take turns with paths, over its own connection.
fn turns<'a>(name: &'static str, running: &'a Running, paths: &'a [String], key: &'a str) -> Result<Variant<'a>> {
    let mut client = running.connect()?;
    let mut paths = paths.iter().cycle();
    Ok(Variant { name, run: Box::new(move || cost(running, &mut client, &mut paths, key)) })
}

fn cost<'a>(
    running: &Running,
    client: &mut Client,
    paths: &mut impl Iterator<Item = &'a String>,
    key: &str,
) -> Result<f64> {
    let before = cpu_time(running.id())?;
    for path in paths.take(REQUESTS) {
        let answer = client.get(path, key)?;
        ensure!(answer.status == 200, "{path} is answered with {}", answer.status);
    }
    Ok((cpu_time(running.id())? - before).as_secs_f64() * 1e6 / REQUESTS as f64)
}
