//! Storms: writers, other programs, time and faults, chosen by a seed.

use std::time::Duration;

use super::choices::Choices;
use super::faults::{FAULT_ODDS, FaultPlan};
use super::run::{Run, Running};
use super::scheduler::{Order, Scheduler};
use super::store::Table;
use crate::model::record::{Edit, Id};
use crate::model::script::{Ask, External, Key, Part, Phase, Script, Setup, Step};

/// The largest number of saves of a writer, if there is one phase.
const SAVES: usize = 5;
/// The largest number of saves of a writer in each of several phases.
const SAVES_OF_SEVERAL: usize = 2;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The settings of a storm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storm {
    /// The number of writers. The default is two to four, chosen by the seed.
    pub writers: Option<usize>,
    /// The breadth of the storm.
    pub breadth: Breadth,
}

/// What a storm includes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breadth {
    /// Writers who save through ripple, and faults.
    #[default]
    Ripple,
    /// Also lists of every kind, shared API keys, other programs, and time.
    Everything,
    /// The same, with the feed, and other programs in every phase.
    Feed,
}

impl Storm {
    /// Chooses the participants, their scripts and the setup.
    fn parts(self, scheduler: &Scheduler) -> (Setup, Vec<Phase>) {
        let feed = self.breadth == Breadth::Feed;
        let full = feed || self.breadth == Breadth::Everything;
        let setup = match scheduler.below(8) {
            0..3 if full => Setup::Lists,
            0..5 => Setup::Created,
            5 | 6 if full => Setup::External,
            5 | 6 => Setup::Created,
            _ => Setup::Absent,
        };
        let writers = self.writers.unwrap_or_else(|| 2 + scheduler.below(3));
        // Two of three writers share an API key.
        let shared = full && scheduler.below(2) == 1;
        let phases = if full { 1 + scheduler.below(3) } else { 1 };
        let most = if phases == 1 { SAVES } else { SAVES_OF_SEVERAL };
        let phase = |number: usize| {
            let script = |writer: usize| {
                let mut steps = Vec::new();
                if setup == Setup::Absent && number == 0 && scheduler.below(2) == 0 {
                    steps.push(Step::asking(Ask::Create, &[]));
                }
                // The loop asks before each save, so shrinking can leave out one save with all its choices.
                while steps.len() < most && scheduler.below(4) > 0 {
                    steps.push(any_save(scheduler, full));
                }
                let name = format!("w{}", writer + 1);
                let api_key = if shared && writer % 3 < 2 { "team".to_owned() } else { name.clone() };
                Script::Writer(Part { name, api_key, steps })
            };
            let mut scripts: Vec<Script> = (0..writers).map(script).collect();
            if feed || full && scheduler.below(2) == 1 {
                let most = if feed { 5 } else { 3 };
                let mut operations = Vec::new();
                while operations.len() < most && scheduler.below(most) > 0 {
                    operations.push(any_operation(scheduler));
                }
                scripts.push(Script::External(operations));
            }
            if feed {
                scripts.push(Script::Feed(scheduler.below(6)));
            }
            let days = if number == 0 { 0 } else { [0, 1, 40, 95][scheduler.below(4)] };
            let after = DAY * days + if number == 0 { Duration::ZERO } else { Duration::from_secs(3600) };
            Phase { after, scripts }
        };
        (setup, (0..phases).map(phase).collect())
    }

    fn faults(choices: &mut Choices) -> FaultPlan {
        FaultPlan::new(choices.below(8), FAULT_ODDS)
    }

    /// Runs on a table that completes each operation at once. The choices determine the run.
    pub fn run<S: Table>(self, store: S, mut choices: Choices) -> Run {
        let faults = Self::faults(&mut choices);
        let fickle = self.breadth == Breadth::Feed;
        let mut running = Running::new(store, "p", choices, Order::Any, faults);
        running.fickle = fickle;
        let (setup, phases) = self.parts(&running.sim.scheduler);
        running.play(setup, &phases)
    }

    /// Runs on any table. The table decides how operations interleave, and no other program writes to it.
    pub async fn run_freely<S: Table>(self, store: S, id: &str, mut choices: Choices) -> Run {
        let faults = Self::faults(&mut choices);
        let running = Running::new(store, id, choices, Order::Any, faults);
        let (setup, phases) = Storm { breadth: Breadth::Ripple, ..self }.parts(&running.sim.scheduler);
        let first = running.set_up(setup).await;
        running.sim.faults.allow();
        for phase in &phases {
            running.sim.scheduler.run_freely(running.tasks(&phase.scripts, &first)).await;
        }
        running.probe().await;
        running.end(false).await
    }
}

/// Chooses any save. `full` allows every kind of edit.
fn any_save(scheduler: &Scheduler, full: bool) -> Step {
    let edits = 1 + scheduler.below(3);
    Step {
        reads: scheduler.below(3) < 2,
        ask: match scheduler.below(if full { 24 } else { 20 }) {
            0..11 => Ask::Put,
            11..15 => Ask::Patch,
            15..17 => Ask::Restore(scheduler.below(3) as i64),
            17 => Ask::Delete,
            18 => Ask::Create,
            19 => Ask::Revive,
            20..23 => Ask::Edit,
            _ => Ask::MergePatch,
        },
        edits: (0..edits).map(|_| any_edit(scheduler, full)).collect(),
        based: scheduler.below(6) < 5,
        key: if scheduler.below(2) == 1 { Key::Own } else { Key::None },
        again: scheduler.below(3),
        twice: scheduler.below(12) == 11,
        ahead: false,
    }
}

/// Chooses any operation.
fn any_operation(scheduler: &Scheduler) -> External {
    const ALL: [External; 11] = [
        External::Set("goal"),
        External::PutEdited,
        External::PutNew,
        External::Set("remark"),
        External::SetAgreed,
        External::Keep,
        External::PutKept,
        External::PutKeptEdited,
        External::AddLabel,
        External::PutNamesakes,
        External::Delete,
    ];
    ALL[scheduler.below(ALL.len())]
}

/// Chooses any edit. `full` allows every kind of field.
fn any_edit(scheduler: &Scheduler, full: bool) -> Edit {
    let place = || scheduler.below(4);
    match scheduler.below(if full { 24 } else { 14 }) {
        0..4 => Edit::Add(place(), if scheduler.below(4) == 3 { Id::Writer } else { Id::Ripple }),
        4 => Edit::Set("goal"),
        5 => Edit::Set("note"),
        6 => Edit::Drop,
        7 => Edit::Change(place(), "text"),
        8 => Edit::Change(place(), "state"),
        9..11 => Edit::Remove(place()),
        11 => Edit::Tag(if scheduler.below(2) == 0 { "tags" } else { "labels" }),
        12 => Edit::Untag(if scheduler.below(2) == 0 { "tags" } else { "labels" }, place()),
        13 => Edit::Link(if scheduler.below(2) == 0 { "home" } else { "docs" }),
        14 | 15 => Edit::Flip("done", place()),
        16 => Edit::Flip("boxes", place()),
        17 => Edit::Count(place()),
        18 => Edit::Place("at", place()),
        19 => Edit::Place("grid", place()),
        20 => Edit::Hours,
        21 => Edit::Copy(place()),
        22 => Edit::Line(place()),
        _ => Edit::Agree,
    }
}
