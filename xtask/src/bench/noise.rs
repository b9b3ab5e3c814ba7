//! A comparison of two equal programs. A difference that is no larger than theirs is not significant.

use std::io::Read as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::measure::{Variant, compare, cpu_time, memory};

const ROUNDS: usize = 30;

/// Counts for a while, prints a line, and waits until its input ends.
const PROGRAM: &str = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; echo; read -r _";

/// Returns a cost of a process.
type Question = fn(u32) -> Result<f64>;

const QUESTIONS: &[(&str, Question)] = &[
    ("CPU, milliseconds", |process| Ok(cpu_time(process)?.as_secs_f64() * 1e3)),
    ("resident, kB", |process| Ok(memory(process)?.resident as f64 / 1e3)),
    ("resident at most, kB", |process| Ok(memory(process)?.peak as f64 / 1e3)),
];

/// The benchmark `noise`.
pub(super) fn run() -> Result<()> {
    for (what, question) in QUESTIONS {
        println!("{what} of a counting shell, {ROUNDS} rounds");
        let mut variants = ["one", "the same again"].map(|name| Variant { name, run: Box::new(|| count(*question)) });
        for cost in compare(ROUNDS, &mut variants)? {
            println!("{cost}");
        }
    }
    Ok(())
}

fn count(question: Question) -> Result<f64> {
    let mut shell = Command::new("sh").args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let said = shell.stdout.as_mut().context("the shell's output is piped")?.read(&mut [0])?;
    ensure!(said == 1, "the shell ended early");
    let cost = question(shell.id())?;
    drop(shell.stdin.take());
    shell.wait()?;
    Ok(cost)
}
