//! Every schedule of a scenario, storms by their seeds, and the simplest schedule that breaks a law.

use std::fmt;

use crate::judge::Broken;
use crate::scenario::Scenario;
use crate::sim::choices::{Choices, shrink};
use crate::sim::run::Run;
use crate::sim::store::Table;
use crate::sim::storm::Storm;

/// A schedule that breaks a law.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The steps of the run.
    pub schedule: Vec<String>,
    /// The law, and how the run breaks it.
    pub broken: Broken,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.schedule.iter().enumerate() {
            writeln!(f, "{:4}. {line}", number + 1)?;
        }
        write!(f, "      {}", self.broken)
    }
}

/// Runs a scenario in every order, each on a new table, and calls `each` after every run. Returns the number of orders.
/// Two orders count as one if they differ only in steps that commute, such as two reads.
///
/// # Errors
/// Returns the simplest schedule that breaks a law.
pub fn every_schedule<S: Table>(
    scenario: &Scenario,
    table: impl Fn() -> S,
    mut each: impl FnMut(),
) -> Result<u64, Box<Counterexample>> {
    let mut count = 0;
    let mut next = Some(Choices::given(Vec::new()));
    while let Some(choices) = next {
        let run = scenario.run(table(), choices);
        if let Err(broken) = &run.verdict {
            return Err(plainest(&run, broken, |choices| scenario.run(table(), choices)));
        }
        if !run.redundant {
            count += 1;
            each();
        }
        next = run.choices.next();
    }
    Ok(count)
}

/// Runs the storm of a seed on a new table.
///
/// # Errors
/// Returns the simplest schedule of the same storm that breaks a law.
pub fn storm<S: Table>(storm: Storm, seed: u64, table: impl Fn() -> S) -> Result<Run, Box<Counterexample>> {
    let run = storm.run(table(), Choices::seeded(seed));
    match &run.verdict {
        Ok(()) => Ok(run),
        Err(broken) => Err(plainest(&run, broken, |choices| storm.run(table(), choices))),
    }
}

/// Shrinks the choices of a run for as long as they break the same law.
fn plainest(run: &Run, broken: &Broken, again: impl Fn(Choices) -> Run) -> Box<Counterexample> {
    let breaks = |run: &Run| run.verdict.as_ref().is_err_and(|other| other.law == broken.law);
    let fails = |choices: &[usize]| {
        let run = again(Choices::given(choices.to_vec()));
        breaks(&run).then(|| run.choices.taken())
    };
    let shrunk = again(Choices::given(shrink(run.choices.taken(), fails)));
    let Run { schedule, verdict, .. } = if breaks(&shrunk) { shrunk } else { run.clone() };
    Box::new(Counterexample { schedule, broken: verdict.err().unwrap_or_else(|| broken.clone()) })
}
