//! Small scripts that run in every order.

mod feed;
mod lists;
mod other_programs;
mod ripple;
mod time;

use std::time::Duration;

use crate::model::record::{Edit, Id};
use crate::model::script::Setup;
use crate::model::script::{External, Part, Phase, Script, Step};

/// Writers, and the script of each.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// A short description.
    pub name: &'static str,
    pub(crate) setup: Setup,
    pub(crate) phases: Vec<Phase>,
    /// The number of faults, each tried at every place.
    pub(crate) faults: usize,
}

const ADD: Edit = Edit::Add(9, Id::Ripple);
const GOAL: Edit = Edit::Set("goal");
const ISSUE: Edit = Edit::Set("issue");
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The scenarios that saving does not satisfy yet.
const PENDING: &[&str] = &[];

/// Returns the scenarios that saving satisfies. Those with the most schedules come last.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut satisfied = all();
    satisfied.retain(|scenario| !PENDING.contains(&scenario.name));
    satisfied.sort_by_key(|scenario| ripple::GREATEST.iter().position(|name| *name == scenario.name));
    satisfied
}

/// Returns the scenarios that saving does not satisfy yet.
#[must_use]
pub fn pending_scenarios() -> Vec<Scenario> {
    let mut pending = all();
    pending.retain(|scenario| PENDING.contains(&scenario.name));
    pending
}

fn all() -> Vec<Scenario> {
    [ripple::scenarios(), lists::scenarios(), time::scenarios(), other_programs::scenarios(), feed::scenarios()]
        .concat()
}

/// Returns writers `w1`, `w2`, …, each with its own API key.
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

    /// Adds another program to the last phase.
    fn with_program(mut self, operations: &[External]) -> Scenario {
        self.phases.last_mut().expect("a phase").scripts.push(Script::External(operations.to_vec()));
        self
    }

    /// Adds the feed to the last phase. It reads the stream this many times, and at the end.
    fn with_feed(mut self, times: usize) -> Scenario {
        self.phases.last_mut().expect("a phase").scripts.push(Script::Feed(times));
        self
    }

    /// Adds a phase after some time. Its writers are those of the earlier phases.
    fn then<const N: usize>(mut self, after: Duration, steps: [&[Step]; N]) -> Scenario {
        self.phases.push(Phase { after, scripts: writers(steps) });
        self
    }

    /// Gives all writers the same API key.
    fn with_one_api_key(mut self) -> Scenario {
        for script in self.phases.iter_mut().flat_map(|phase| &mut phase.scripts) {
            if let Script::Writer(part) = script {
                "team".clone_into(&mut part.api_key);
            }
        }
        self
    }
}
