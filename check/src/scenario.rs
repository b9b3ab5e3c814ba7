//! Small scripts of which every schedule is tried.

mod lists;
mod other_programs;
mod ripple;
mod time;

use std::time::Duration;

use crate::model::record::{Edit, Id};
use crate::model::script::Setup;
use crate::model::script::{External, Part, Phase, Script, Step};

/// Writers and what each does.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What is tried, in a few words.
    pub name: &'static str,
    pub(crate) setup: Setup,
    pub(crate) phases: Vec<Phase>,
    /// Faults that may befall it, each at every place.
    pub(crate) faults: usize,
}

const ADD: Edit = Edit::Add(9, Id::Ripple);
const GOAL: Edit = Edit::Set("goal");
const ISSUE: Edit = Edit::Set("issue");
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The scenarios that saving does not yet satisfy.
const PENDING: &[&str] = &[];

/// Returns all scenarios that saving satisfies, those with the most schedules last.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut satisfied = all();
    satisfied.retain(|scenario| !PENDING.contains(&scenario.name));
    satisfied.sort_by_key(|scenario| ripple::GREATEST.iter().position(|name| *name == scenario.name));
    satisfied
}

/// Returns the scenarios that saving does not yet satisfy.
#[must_use]
pub fn pending_scenarios() -> Vec<Scenario> {
    let mut pending = all();
    pending.retain(|scenario| PENDING.contains(&scenario.name));
    pending
}

fn all() -> Vec<Scenario> {
    [ripple::scenarios(), lists::scenarios(), time::scenarios(), other_programs::scenarios()].concat()
}

/// Writers `w1`, `w2`, …, each with an API key of its own.
fn writers<const N: usize>(steps: [&[Step]; N]) -> Vec<Script> {
    let part = |(number, steps): (usize, &[Step])| {
        let name = format!("w{}", number + 1);
        Script::Writer(Part { api_key: name.clone(), name, steps: steps.to_vec() })
    };
    steps.into_iter().enumerate().map(part).collect()
}

fn scenario<const N: usize>(name: &'static str, setup: Setup, steps: [&[Step]; N]) -> Scenario {
    let phase = Phase { after: Duration::ZERO, scripts: writers(steps) };
    Scenario { name, setup, phases: vec![phase], faults: 0 }
}

impl Scenario {
    fn with_a_fault(self) -> Scenario {
        Scenario { faults: 1, ..self }
    }

    /// Adds a program beside ripple to the last phase.
    fn beside(mut self, operations: &[External]) -> Scenario {
        self.phases.last_mut().expect("a phase").scripts.push(Script::External(operations.to_vec()));
        self
    }

    /// Adds a phase after some time. Its writers are those of the phases before.
    fn then<const N: usize>(mut self, after: Duration, steps: [&[Step]; N]) -> Scenario {
        self.phases.push(Phase { after, scripts: writers(steps) });
        self
    }

    /// All writers have one API key.
    fn with_one_api_key(mut self) -> Scenario {
        for script in self.phases.iter_mut().flat_map(|phase| &mut phase.scripts) {
            if let Script::Writer(part) = script {
                "team".clone_into(&mut part.api_key);
            }
        }
        self
    }
}
