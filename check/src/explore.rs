//! Every schedule of a scenario; storms by their seeds; and of one that broke a law, the plainest that does.

use std::fmt;

use crate::choice::{Choices, shrink};
use crate::scenario::Scenario;
use crate::storm::{Run, Storm};
use crate::table::Table;

/// A schedule that breaks a law.
#[derive(Clone, Debug)]
pub struct Losing {
    /// What happened, step by step.
    pub schedule: Vec<String>,
    /// What is not as it must be.
    pub why: String,
}

impl fmt::Display for Losing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.schedule.iter().enumerate() {
            writeln!(f, "{:4}. {line}", number + 1)?;
        }
        write!(f, "      {}", self.why)
    }
}

/// Runs a scenario in every order, each on a table of its own, and tells how many there are; `each` is told of every
/// one. Orders that differ only in steps that are the same either way (two reads) count as one.
///
/// # Errors
/// The plainest that breaks a law.
pub fn every_schedule<S: Table>(
    scenario: &Scenario,
    table: impl Fn() -> S,
    mut each: impl FnMut(),
) -> Result<u64, Box<Losing>> {
    let mut count = 0;
    let mut next = Some(Choices::given(Vec::new()));
    while let Some(choices) = next {
        let run = scenario.run(table(), choices);
        if run.verdict.is_err() {
            return Err(plainest(run, |choices| scenario.run(table(), choices)));
        }
        if !run.redundant {
            count += 1;
            each();
        }
        next = run.choices.next();
    }
    Ok(count)
}

/// Lets the storm of a seed rage on a table of its own.
///
/// # Errors
/// The plainest with the same writers that breaks a law.
pub fn storm<S: Table>(storm: Storm, seed: u64, table: impl Fn() -> S) -> Result<Run, Box<Losing>> {
    let run = storm.run(table(), Choices::seeded(seed));
    if run.verdict.is_err() {
        return Err(plainest(run, |choices| storm.run(table(), choices)));
    }
    Ok(run)
}

fn plainest(run: Run, again: impl Fn(Choices) -> Run) -> Box<Losing> {
    let fails = |choices: &[usize]| {
        let run = again(Choices::given(choices.to_vec()));
        run.verdict.is_err().then(|| run.choices.taken())
    };
    let run = again(Choices::given(shrink(run.choices.taken(), fails)));
    Box::new(Losing { schedule: run.schedule, why: run.verdict.err().unwrap_or_default() })
}
