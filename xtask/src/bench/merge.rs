//! The costs of concurrent saving: the merge itself, the tries of a save on a busy record, and a save without conflict.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::Request;
use ripple_check::{Contest, Run};
use ripple_core::auth::Caller;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp, limits};

use super::figure::{self, Figure};
use super::measure::cpu_time;
use crate::process::{output, run};
use crate::workspace::{self, cargo};

/// The number of merges of a hundred entries: about a second of CPU.
const TIMES: u32 = 20_000;
/// The number of merges under valgrind, which is fifty times slower.
const COUNTED: u32 = 200;
const ROUNDS: usize = 5;
/// The instructions of merging 100 entries at commit 6348b2f, before lists were merged by their kind.
const EARLIER: f64 = 1_739_600.0;

/// The number of writers on one record, of saves by each writer, and of contests.
const WRITERS: usize = 16;
const SAVES: usize = 20;
const CONTESTS: u64 = 50;

/// The benchmark `merge`.
pub(super) fn run_benchmark() -> Result<()> {
    run(cargo("build").args(["--release", "--package", "ripple-check", "--example", "merge"]))?;
    let mut figures = Vec::new();

    let mut rounds = (0..ROUNDS).map(|_| microseconds(100)).collect::<Result<Vec<f64>>>()?;
    rounds.sort_by(f64::total_cmp);
    println!("CPU of merging 100 entries: {:.1} µs", rounds[ROUNDS / 2]);

    if output(Command::new("valgrind").arg("--version")).is_ok() {
        let (hundred, thousand) = (instructions(100)?, instructions(1_000)?);
        println!("instructions of a merge: {hundred:.0} of 100 entries, {thousand:.0} of 1,000");
        figures.push(Figure::alone("instructions, 100 entries ÷ those of 6348b2f", hundred / EARLIER, 1.1));
        figures.push(Figure::alone("instructions, 1,000 entries ÷ 100", thousand / hundred, 12.0));
    } else {
        println!("valgrind is not installed, so instructions are not counted: install the package `valgrind`");
        let thousand = microseconds(1_000)?;
        figures.push(Figure::alone("CPU, 1,000 entries ÷ 100", thousand / rounds[ROUNDS / 2], 12.0));
    }

    let contest = Contest { writers: WRITERS, saves: SAVES };
    let runs = (0..CONTESTS).map(|seed| held(contest.run(Memory::new(), seed))).collect::<Result<Vec<Run>>>()?;
    let tries: Vec<u32> = runs.iter().flat_map(|run| run.tries.iter().copied().filter(|tries| *tries > 0)).collect();
    let mut shares = vec![0; limits::SAVE_TRIES as usize + 1];
    tries.iter().for_each(|tries| shares[*tries as usize] += 1);
    println!("{} saves by {WRITERS} writers on one record; of 1, 2, … tries: {:?}", tries.len(), &shares[1..]);
    let mean = f64::from(tries.iter().sum::<u32>()) / tries.len() as f64;
    figures.push(Figure::alone("tries per save, 16 writers on one record", mean, 2.6));
    let beyond: usize = runs.iter().map(|run| run.contended).sum();
    figures.push(Figure::alone("saves past the budget of tries", beyond as f64, 0.0));

    let alone = held(Contest { writers: 1, saves: SAVES }.run(Memory::new(), 0))?;
    println!("a save without conflict: {}", alone.capacity.last().context("the save has a response")?);
    let most = |counts: &[u32]| f64::from(counts.iter().copied().max().unwrap_or(0));
    // The creation reads the history's newest row, and each later save reads the record.
    figures.push(Figure::alone("reads of a save without conflict", most(&alone.reads), 1.0));
    figures.push(Figure::alone("transactions of a save without conflict", most(&alone.tries), 1.0));
    for (what, bytes, goal) in [
        ("write units of one word in 1 KB", 1_000, 9.0),
        ("write units of one word in 10 KB", 10_000, 36.0),
        ("write units of one word in 50 KB", 50_000, 160.0),
        ("write units of one word in 200 KB", 200_000, 620.0),
    ] {
        figures.push(Figure::alone(what, write_units(bytes)?, goal));
    }
    figure::print(&figures, "");
    Ok(())
}

fn held(run: Run) -> Result<Run> {
    ensure!(run.verdict.is_ok(), "a law is broken: {:?}", run.verdict);
    Ok(run)
}

fn example(entries: u32, times: u32) -> Result<Command> {
    let mut example = Command::new(workspace::target()?.join("release").join("examples").join("merge"));
    example.args([entries.to_string(), times.to_string()]);
    Ok(example)
}

/// Measures the CPU of one merge. It subtracts a run from a run with twice as many merges, so the cost of a start does
/// not count.
fn microseconds(entries: u32) -> Result<f64> {
    let times = TIMES * 100 / entries;
    let spent = |times: u32| {
        let mut merging = example(entries, times)?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(merging.stdout.take().context("its output is piped")?).read_line(&mut said)?;
        ensure!(said == "done\n", "the merge process ended early");
        let spent = cpu_time(merging.id())?;
        drop(merging.stdin.take());
        merging.wait()?;
        Ok(spent.as_secs_f64() * 1e6)
    };
    Ok((spent(2 * times)? - spent(times)?) / f64::from(times))
}

/// Counts the instructions of one merge in the same way.
fn instructions(entries: u32) -> Result<f64> {
    let counted = |times: u32| {
        let example = example(entries, times)?;
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(example.get_program());
        let ended = valgrind.args(example.get_args()).stdin(Stdio::null()).output().context("valgrind")?;
        let said = String::from_utf8_lossy(&ended.stderr);
        let collected = said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, count)| count.trim());
        let collected = collected.with_context(|| format!("valgrind counted nothing: {said}"))?;
        collected.parse::<f64>().with_context(|| format!("{collected} is not a count"))
    };
    Ok((counted(2 * COUNTED)? - counted(COUNTED)?) / f64::from(COUNTED))
}

/// Prose, as in real records.
const PROSE: &str = concat!(
    include_str!("../../../DESIGN.md"),
    include_str!("../../../docs/API.md"),
    include_str!("../../../docs/OPERATING.md"),
    include_str!("../../../docs/DEPLOYING.md"),
    include_str!("../../../docs/ARCHITECTURE.md"),
    include_str!("../../../SECURITY.md"),
);

/// Returns the write units for one changed word in a record of this many bytes.
fn write_units(bytes: usize) -> Result<f64> {
    let api = Api::new(Memory::new());
    let text: String = PROSE.chars().filter(char::is_ascii).cycle().take(bytes - 250).collect();
    let record = serde_json::json!({
        "prj_id": "p", "name": "Garden", "goal": "Beans by June", "issue": "Snails", "description": text,
        "term": 3, "term_unit": "month", "create_date": "2026-03-01",
    });
    let send = |method: &str, path: &str, body: serde_json::Value, now: u64| {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let request = request.body(Bytes::from(body.to_string())).context("a request")?;
        let caller = Some(Caller::checked_by_gateway("bench"));
        let moment = RequestContext { now: Timestamp(now), random: [u8::try_from(now)?; 32], caller };
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let response = runtime.block_on(api.answer(request, moment));
        ensure!(response.status().is_success(), "{response:?}");
        let capacity = response.headers().get("ripple-capacity").and_then(|told| told.to_str().ok());
        let units = capacity.and_then(|told| told.rsplit('=').next()).context("the response has its capacity")?;
        Ok(units.parse::<f64>()?)
    };
    send("POST", "/prj", record, 1)?;
    send("PATCH", "/prj/p", serde_json::json!({ "version": 1, "goal": "Beans by May" }), 2)
}
