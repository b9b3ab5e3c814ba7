//! A list of 10,000 records: the cost of ripple's function, compared with the cost of reading them with boto3.
//!
//! ripple reads, decodes, orders and renders the list, and passes 5 MB to the Runtime API. For boto3, only the
//! paginated `Table.scan()` into Python items counts. The cost of a Python function that also renders them is shown
//! too.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use ripple_runtime_api::Function;
use serde_json::Value;

use super::figure::{self, Figure};
use super::measure::{Cost, Variant, compare, cpu_time};
use super::room::{Room, answer};
use crate::workspace;

const RECORDS: usize = 10_000;
const ROUNDS: usize = 7;
/// Real records. The benchmark uses those that leave space for 10,000 in one response.
const SAMPLE: &str = "tests/data/projects-100.jsonl";
const LONGEST: usize = 450;

const SEARCH: &str = r#"{"method":"search"}"#;

/// The benchmark `list`.
pub(super) fn run() -> Result<()> {
    let records = records(RECORDS)?;
    let room = Room::open()?;
    println!("importing {RECORDS} records");
    room.import(&records)?;

    let (count, list, ripple) = (room.python("count")?, room.python("handler")?, room.ripple()?);
    ensure!(answer(&count, SEARCH)? == RECORDS.to_string(), "boto3 does not find {RECORDS} records");
    let listed = answer(&ripple, SEARCH)?;
    let listed: Vec<Value> = serde_json::from_str(&listed)?;
    ensure!(listed.len() == RECORDS, "ripple lists {} records", listed.len());

    let cost = |function: &Function| {
        let before = cpu_time(function.id())?;
        answer(function, SEARCH)?;
        Ok((cpu_time(function.id())? - before).as_secs_f64() * 1e3)
    };
    let costs: Vec<Cost> = compare(
        ROUNDS,
        &mut [
            Variant { name: "boto3, scan", run: Box::new(|| cost(&count)) },
            Variant { name: "ripple, the list", run: Box::new(|| cost(&ripple)) },
            Variant { name: "boto3, the list", run: Box::new(|| cost(&list)) },
        ],
    )?;
    drop((count, list, ripple));
    room.close()?;

    for cost in &costs {
        println!("{cost}");
    }
    figure::print(&[Figure::ratio("CPU of a list of 10,000, ms", &costs[0], &costs[1], 1.0 / 10.0)], "boto3");
    Ok(())
}

/// Returns the sample repeatedly, each time under other ids.
pub(super) fn records(count: usize) -> Result<String> {
    let sample = fs::read_to_string(workspace::root().join(SAMPLE)).with_context(|| SAMPLE)?;
    let sample: Vec<Value> =
        sample.lines().filter(|line| line.len() <= LONGEST).map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut lines = String::new();
    for (number, record) in (0..count).zip(sample.iter().cycle()) {
        let mut record = record.clone();
        record["prj_id"] = Value::from(format!("prj{number:05}"));
        lines.push_str(&record.to_string());
        lines.push('\n');
    }
    Ok(lines)
}
