//! The consumption of ripple's requests, and of the edge's queries to DynamoDB.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::ask;
use crate::server::{self, Server};
use crate::workspace::{self, root};

/// The consumption of one request or query.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) read: f64,
    pub(super) write: f64,
    pub(super) bytes: usize,
}

/// The measured consumption.
pub(super) struct Measured {
    /// The whole list, from the function.
    pub(super) list: Cost,
    /// The edge's full read.
    pub(super) full: Cost,
    /// The edge's refresh if nothing has changed.
    pub(super) idle: Cost,
    /// The edge's refresh if one record has changed.
    pub(super) changed: Cost,
    /// A save on the current version.
    pub(super) edit: Cost,
    /// The look-up of a key that is not remembered.
    pub(super) key: Cost,
}

/// The consumption that DynamoDB states.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Consumed {
    consumed_capacity: Capacity,
    last_evaluated_key: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Capacity {
    capacity_units: f64,
}

/// Fills an empty ripple with this many records, and measures its requests.
pub(super) fn run(records: usize) -> Result<Measured> {
    workspace::build(&["--bin", "ripple"])?;
    let server = Server::start()?;
    import(&server, records)?;
    let (url, key) = (server.url(), server.key());
    let api = |method: &str, path: &str, body: &str| -> Result<(Cost, Vec<u8>)> {
        let headers = [("x-api-key", key), ("content-type", "application/json")];
        let answer = ask(url, method, path, &headers, body)?;
        let capacity = answer.header("ripple-capacity").context("the response has no Ripple-Capacity")?;
        let (read, write) = units(capacity).with_context(|| format!("{capacity:?} is not a capacity"))?;
        Ok((Cost { read, write, bytes: answer.body.len() }, answer.body))
    };
    // The first request of a key looks it up. Later requests measure the request alone.
    let (first, _) = api("GET", "/prj?limit=1", "")?;
    let (again, _) = api("GET", "/prj?limit=1", "")?;
    let key = Cost { read: first.read - again.read, ..Cost::default() };

    let (list, records_shown) = api("GET", "/prj", "")?;
    let shown: Vec<Value> = serde_json::from_slice(&records_shown)?;
    ensure!(shown.len() == records, "the list has {} records instead of {records}", shown.len());
    let dynamodb = server.dynamodb_endpoint();
    let full = full_read(dynamodb)?;
    let newest =
        shown.iter().filter_map(|record| record["updated_at"].as_u64()).max().context("no record has a time")?;
    let idle = refresh(dynamodb, newest + 1)?;
    let record = shown.first().context("the list is empty")?;
    let edited = json!({ "version": record["version"], "goal": "another goal of about the same length" }).to_string();
    let id = record["prj_id"].as_str().context("a record has no id")?;
    let (edit, _) = api("PATCH", &format!("/prj/{id}"), &edited)?;
    let (told, fetched) = (refresh(dynamodb, newest + 1)?, fetch(dynamodb, id)?);
    let changed = Cost { read: told.read + fetched.read, write: 0.0, bytes: told.bytes + fetched.bytes };
    server.stop()?;
    Ok(Measured { list, full, idle, changed, edit, key })
}

/// Imports the example projects, repeated under other ids if there are too few.
fn import(server: &Server, records: usize) -> Result<()> {
    let examples = fs::read_to_string(root().join("tests/data/projects-100.jsonl"))?;
    let lines = examples.lines().cycle().take(records).enumerate();
    let named = lines.map(|(number, line)| line.replacen("\"prj-", &format!("\"prj-{number}-"), 1) + "\n");
    let folder = workspace::target()?.join("xtask");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("cost-{}.jsonl", std::process::id()));
    fs::write(&file, named.collect::<String>())?;
    let mut import = server::ripple()?;
    import.arg("import").arg(&file).args(["--endpoint-url", server.dynamodb_endpoint()]);
    let imported = crate::process::output(&mut import);
    fs::remove_file(&file)?;
    imported.map(drop)
}

/// Reads as `scan` in core/src/store/dynamodb.rs does.
fn full_read(dynamodb: &str) -> Result<Cost> {
    let mut cost = Cost::default();
    let mut start = None;
    loop {
        let mut question = json!({ "TableName": "ripple_prj", "ReturnConsumedCapacity": "TOTAL" });
        if let Some(start) = start {
            question["ExclusiveStartKey"] = start;
        }
        let (page, bytes) = operation(dynamodb, "Scan", &question)?;
        cost.read += page.consumed_capacity.capacity_units;
        cost.bytes += bytes;
        match page.last_evaluated_key {
            Some(next) => start = Some(next),
            None => return Ok(cost),
        }
    }
}

/// Reads as `changes` there does.
fn refresh(dynamodb: &str, since: u64) -> Result<Cost> {
    let question = json!({
        "TableName": "ripple_prj",
        "IndexName": "by_update",
        "KeyConditionExpression": "#shard = :shard AND #at >= :since",
        "ExpressionAttributeNames": { "#shard": "rpl_shard", "#at": "rpl_at" },
        "ExpressionAttributeValues": { ":shard": { "S": "0" }, ":since": { "N": since.to_string() } },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let (page, bytes) = operation(dynamodb, "Query", &question)?;
    Ok(Cost { read: page.consumed_capacity.capacity_units, write: 0.0, bytes })
}

/// Reads a record that a refresh lacks. One of a BatchGetItem consumes as much.
fn fetch(dynamodb: &str, id: &str) -> Result<Cost> {
    let key = json!({ "prj_id": { "S": id } });
    let question = json!({ "TableName": "ripple_prj", "Key": key, "ReturnConsumedCapacity": "TOTAL" });
    let (record, bytes) = operation(dynamodb, "GetItem", &question)?;
    Ok(Cost { read: record.consumed_capacity.capacity_units, write: 0.0, bytes })
}

fn operation(dynamodb: &str, name: &str, question: &Value) -> Result<(Consumed, usize)> {
    let target = format!("DynamoDB_20120810.{name}");
    let headers = [
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.0"),
        // The engine requires a signature and accepts any.
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=cost/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        ),
        ("x-amz-date", "20260101T000000Z"),
    ];
    let answer = ask(dynamodb, "POST", "/", &headers, &question.to_string())?;
    Ok((
        serde_json::from_slice(&answer.body).context("DynamoDB does not return its consumed capacity")?,
        answer.body.len(),
    ))
}

/// `read=0.5, write=4`
fn units(capacity: &str) -> Option<(f64, f64)> {
    let (read, write) = capacity.strip_prefix("read=")?.split_once(", write=")?;
    Some((read.parse().ok()?, write.parse().ok()?))
}
