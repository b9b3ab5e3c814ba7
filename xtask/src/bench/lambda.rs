//! ripple's Lambda function compared with the legacy function in Python. Both get the same events, the same DynamoDB
//! over TLS and the same Runtime API, and take turns.

use std::time::Instant;

use anyhow::{Result, ensure};
use ripple_runtime_api::Function;

use super::figure::{self, Figure};
use super::measure::{Cost, Memory, Variant, compare, cpu_time, memory};
use super::room::{Room, answer};

/// The number of starts of each function.
const STARTS: usize = 15;
/// The number of starts with one resource, and of those with [`MANY`]. They differ less than the two functions.
const RESOURCE_STARTS: usize = 40;
const MANY: usize = 10;
/// The number of rounds of warm events, and of events in each.
const ROUNDS: usize = 15;
const EVENTS: u32 = 200;
/// The number of events before memory is measured.
const WARM: u32 = 1000;

const PROJECT: &str = r#"{"prj_id":"prj0001","name":"Garden","goal":"Beans by June","issue":"Snails",
    "description":"Raised beds behind the house","term":3,"term_unit":"month","create_date":"2026-03-01"}"#;
/// The event of the legacy function, which both functions accept.
const GET: &str = r#"{"method":"get","prj_id":"prj0001"}"#;

/// The benchmark `lambda`.
pub(super) fn run() -> Result<()> {
    let room = Room::open()?;
    room.import(&PROJECT.replace('\n', " "))?;

    let starts = starts(&room)?;
    let by_resources = starts_by_resources(&room)?;
    let (ripple, python) = (room.ripple()?, room.python("handler")?);
    let [of_ripple, of_python] = [&ripple, &python].map(after_warm_events);
    let (of_ripple, of_python) = (of_ripple?, of_python?);
    let gets = warm_gets(&ripple, &python)?;
    drop((ripple, python));
    room.close()?;

    for cost in starts.iter().chain(&by_resources).chain(&gets) {
        println!("{cost}");
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    figure::print(
        &[
            Figure::absolute(
                "resident after 1,000 gets, MB",
                megabytes(of_ripple.resident),
                megabytes(of_python.resident),
                10.0,
            ),
            Figure::absolute("resident at most, MB", megabytes(of_ripple.peak), megabytes(of_python.peak), 10.0),
            Figure::ratio("process start to first answer, ms", &starts[0], &starts[1], 1.0 / 50.0),
            Figure::ratio("the same, ten resources to one, ms", &by_resources[0], &by_resources[1], 1.05),
            Figure::ratio("CPU of a warm get, ms", &gets[0], &gets[1], 0.18),
        ],
        "Python",
    );
    Ok(())
}

/// Measures the milliseconds from the start of a process to its first response.
fn start(function: impl FnOnce() -> Result<Function>) -> Result<f64> {
    let begun = Instant::now();
    get(&function()?)?;
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}

/// Measures the start of each function.
fn starts(room: &Room) -> Result<Vec<Cost>> {
    compare(
        STARTS,
        &mut [
            Variant { name: "start, Python", run: Box::new(|| start(|| room.python("handler"))) },
            Variant { name: "start, ripple", run: Box::new(|| start(|| room.ripple())) },
        ],
    )
}

/// Measures the start of ripple's function with the file of one resource, and with those of ten.
fn starts_by_resources(room: &Room) -> Result<Vec<Cost>> {
    let (one, many) = (room.resources(1)?, room.resources(MANY)?);
    compare(
        RESOURCE_STARTS,
        &mut [
            Variant { name: "start, 1 resource", run: Box::new(|| start(|| room.ripple_with(&one))) },
            Variant { name: "start, 10 resources", run: Box::new(|| start(|| room.ripple_with(&many))) },
        ],
    )
}

/// Measures the milliseconds of CPU of an event in a warm process.
fn warm_gets(ripple: &Function, python: &Function) -> Result<Vec<Cost>> {
    let cost = |function: &Function| {
        let before = cpu_time(function.id())?;
        for _ in 0..EVENTS {
            get(function)?;
        }
        Ok((cpu_time(function.id())? - before).as_secs_f64() * 1e3 / f64::from(EVENTS))
    };
    compare(
        ROUNDS,
        &mut [
            Variant { name: "warm get, Python", run: Box::new(|| cost(python)) },
            Variant { name: "warm get, ripple", run: Box::new(|| cost(ripple)) },
        ],
    )
}

fn after_warm_events(function: &Function) -> Result<Memory> {
    for _ in 0..WARM {
        get(function)?;
    }
    memory(function.id())
}

fn get(function: &Function) -> Result<()> {
    let answer = answer(function, GET)?;
    ensure!(answer.contains("Beans by June"), "this is not the project: {answer}");
    Ok(())
}
