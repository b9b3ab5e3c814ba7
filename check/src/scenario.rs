//! Small scripts of which every schedule is tried.

mod lists;
mod other_programs;
mod ripple;
mod time;

use std::time::Duration;

use crate::model::record::{Edit, Id};
use crate::model::script::{External, Part, Phase, Script, Step};
use crate::sim::run::Setup;

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
const PENDING: &[&str] = &[
    "two tick two boxes of one list",
    "two tick two boxes of a list inside an object, one by a patch",
    "two score at two places",
    "two tick boxes of one list, one of them the same",
    "two set the same place of a pair, one of them both places",
    "two set places of a list of lists",
    "two add equal entries without an id",
    "two with one API key and two Idempotency-Keys add equal entries without an id",
    "two copy one entry with its id",
    "an entry is copied with its id while another moves it, and the request arrives twice",
    "two move entries, one of them removes one, and the request arrives twice",
    "an entry without an id that holds a set and a binary is edited",
    "a set is emptied, and a program adds to it",
    "a set gets one text twice, and a program adds to it",
    "two change lines that do not touch",
    "a merge patch without a base removes from a list",
    "a record gets 120 members and is restored without them",
    "an edit and its revert wait in a queue, each with what its author saw",
    "an entry is added and removed again in a queue while another adds one",
    "a record rests for 95 days, then two save other fields",
    "a record rests for 95 days, then two edit one list",
    "a record rests for 95 days, is deleted, and is restored",
    "two rows have expired when a program puts the item, and then it is saved",
    "the rows have expired when a program deletes the item, and then it is created anew",
    "a request comes with its Idempotency-Key again after 30 hours",
    "another request comes with an Idempotency-Key that was used 30 hours ago",
    "TTL deletes rows while a record that has rested is saved",
    "a record of another program, saved by two while that program puts it again",
    "a record that another program puts while two save it",
    "a record of another program, saved by two while that program edits it",
    "a record of another program is deleted and created anew while that program puts it again",
    "two external states one after the other, a client on each",
    "a program counts versions of its own",
    "a program has attributes that are named like ripple's",
    "a program sets one field; two read that and save other fields",
    "a program sets one field while two save",
    "a save asks for what a program has set, and the program puts another item",
    "two ask for what a program has set while it sets another field",
    "a program puts the item back that it has read, edited, while two save",
    "a record that was copied with ripple's attributes is saved by two",
    "a record is deleted, and a program sets a field of the tombstone",
];

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
