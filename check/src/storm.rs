//! One run: a record, its writers, what befalls them, and the judgement.

use std::rc::Rc;

use ripple_core::store::{Capacity, Consistency};
use ripple_core::value::Members;
use ripple_core::{Record, RecordId};

use crate::choice::Choices;
use crate::heard::{Heard, members};
use crate::judge::{Evidence, SETUP, State, judge};
use crate::scenario::Scenario;
use crate::script::{Ask, FOREIGN, Foreign, Script, Step, new_record};
use crate::table::{Table, look};
use crate::world::{Conditions, Order, Task, World};
use crate::writer::{What, Writer};

/// How much likelier an operation goes well than one of its faults.
const LUCK: usize = 60;

/// Saves of a writer, at most.
const SAVES: usize = 5;

/// What there is when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    /// A record that was created through ripple.
    Created,
    /// One of another writer.
    Foreign,
    /// Nothing.
    Absent,
}

/// How a storm is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storm {
    /// So many writers; by default two to four.
    pub writers: Option<usize>,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Run {
    /// Why it was not as it must be.
    pub verdict: Result<(), String>,
    /// Whether it was given up because others of its choices come to the same.
    pub redundant: bool,
    /// What happened, step by step.
    pub schedule: Vec<String>,
    /// What was chosen.
    pub choices: Choices,
    /// Saves that were asked for.
    pub saves: usize,
    /// The record's versions at the end.
    pub versions: usize,
    /// Saves that were refused because others were always quicker.
    pub contended: usize,
    /// For each save that was answered, how often it came to the table with a write.
    pub tries: Vec<u32>,
    /// For each of them, what it read there.
    pub reads: Vec<u32>,
    /// For each of them, what it says that it cost.
    pub capacity: Vec<String>,
}

impl Run {
    /// What there is to tell of any.
    fn of(world: Rc<World>) -> Run {
        let (choices, schedule) = World::end(world);
        Run {
            verdict: Ok(()),
            redundant: false,
            schedule,
            choices,
            saves: 0,
            versions: 0,
            contended: 0,
            tries: Vec::new(),
            reads: Vec::new(),
            capacity: Vec::new(),
        }
    }

    fn redundant(world: Rc<World>) -> Run {
        Run { redundant: true, ..Run::of(world) }
    }
}

/// A run under way.
struct Running<S> {
    world: Rc<World>,
    store: S,
    id: RecordId,
}

impl<S: Table> Running<S> {
    fn new(store: S, id: &str, choices: Choices, conditions: Conditions) -> Running<S> {
        let id = RecordId::parse(id).expect("letters and digits");
        Running { world: Rc::new(World::new(choices, conditions)), store, id }
    }

    fn writer(&self, name: String) -> Writer<S> {
        Writer { world: Rc::clone(&self.world), store: self.store.clone(), id: self.id.clone(), name }
    }

    /// What there is at first.
    async fn set_up(&self, setup: Setup) -> Option<Members> {
        self.world.states.borrow_mut().push(None);
        match setup {
            Setup::Absent => return None,
            Setup::Foreign => self.writer(FOREIGN[0].to_owned()).put(Foreign::Anew).await,
            Setup::Created => {
                let (what, step) = (What::Create(new_record(SETUP)), Step::asking(Ask::Create, &[]));
                self.writer(SETUP.to_owned()).save(SETUP.to_owned(), &step, None, what, None).await;
            }
        }
        look(&self.world, &self.store, &self.id).await;
        let found = self.store.get(&self.id, Consistency::Strong, &mut Capacity::default()).await.ok().flatten();
        found.and_then(|project| members(&project.to_json()))
    }

    fn tasks(&self, scripts: &[Script], view: Option<&Members>) -> Vec<Task> {
        let task = |(number, script): (usize, &Script)| -> Task {
            let name = match script {
                Script::Writer(_) => format!("w{}", number + 1),
                Script::Foreign(..) => FOREIGN[1].to_owned(),
            };
            Box::pin(self.writer(name).play(script.clone(), view.cloned()))
        };
        scripts.iter().enumerate().map(task).collect()
    }

    /// Looks at all there is to know, and judges.
    async fn end(self) -> Run {
        let (rows, history) = self.writer("judge".to_owned()).history().await;
        let states = self.states(&history).await;
        let verdict = states.and_then(|states| {
            judge(&Evidence {
                states: &states,
                sent: &self.world.sent.borrow(),
                seen: &self.world.seen.borrow(),
                rows: &rows,
                history: &history,
                faulty: self.world.is_faulty(),
            })
        });
        let sent = self.world.sent.take();
        let mut run = Run { verdict, saves: sent.len(), versions: rows.len(), ..Run::of(self.world) };
        for (heard, asked) in sent.iter().flat_map(|sent| sent.heard.iter().zip(&sent.asked)) {
            if let Heard::Answer { capacity, .. } = heard {
                run.contended += usize::from(heard.is_contended());
                run.tries.push(asked.commits.get());
                run.reads.push(asked.reads.get());
                run.capacity.push(capacity.clone());
            }
        }
        run
    }

    /// The record's states, one after another; where the table could not be looked at meanwhile, by its history.
    async fn states(&self, history: &[(u64, Heard)]) -> Result<Vec<State>, String> {
        let mut cost = Capacity::default();
        let now = self.store.get(&self.id, Consistency::Strong, &mut cost).await;
        let now = now.map_err(|error| error.to_string())?;
        let mut states = self.world.states.borrow().clone();
        if !S::AT_ONCE {
            for (number, _) in history.iter().rev() {
                let state = self.store.version(&self.id, *number, &mut cost).await;
                states.push(state.map_err(|error| error.to_string())?);
            }
        }
        let last = State::of(states.last().and_then(Option::as_ref));
        if last.shown() != State::of(now.as_ref()).shown() {
            return Err("the record is not what its history says".to_owned());
        }
        Ok(states.iter().map(|state: &Option<Record>| State::of(state.as_ref())).collect())
    }
}

impl Storm {
    /// Who does what, and how it begins.
    fn parts(self, world: &World, foreign: bool) -> (Setup, Vec<Script>) {
        let setup = match world.below(8) {
            0..5 => Setup::Created,
            5 | 6 if foreign => Setup::Foreign,
            5 | 6 => Setup::Created,
            _ => Setup::Absent,
        };
        let writers = self.writers.unwrap_or_else(|| 2 + world.below(3));
        let script = |_| {
            let mut steps = Vec::new();
            if setup == Setup::Absent && world.below(2) == 0 {
                steps.push(Step::asking(Ask::Create, &[]));
            }
            // Asked before each, so that one can be left out with all that is chosen for it.
            while steps.len() < SAVES && world.below(4) > 0 {
                steps.push(Step::some(world));
            }
            Script::Writer(steps)
        };
        let mut scripts: Vec<Script> = (0..writers).map(script).collect();
        if foreign && world.below(6) == 5 {
            let what = [Foreign::Anew, Foreign::Edited][world.below(2)];
            scripts.push(Script::Foreign(1 + world.below(2), what));
        }
        (setup, scripts)
    }

    fn conditions(choices: &mut Choices) -> Conditions {
        Conditions { faults: choices.below(8), luck: LUCK, order: Order::Any }
    }

    /// Lets it rage on a table whose operations are done at once: the choices decide everything.
    pub fn run<S: Table>(self, store: S, mut choices: Choices) -> Run {
        let conditions = Self::conditions(&mut choices);
        let running = Running::new(store, "p", choices, conditions);
        let (setup, scripts) = self.parts(&running.world, true);
        running.play(setup, &scripts)
    }

    /// Lets it rage on any table: how its operations meet is the table's own doing.
    pub async fn run_freely<S: Table>(self, store: S, id: &str, mut choices: Choices) -> Run {
        let conditions = Self::conditions(&mut choices);
        let running = Running::new(store, id, choices, conditions);
        let (setup, scripts) = self.parts(&running.world, false);
        let view = running.set_up(setup).await;
        running.world.let_faults_befall();
        running.world.run_freely(running.tasks(&scripts, view.as_ref())).await;
        running.end().await
    }
}

impl<S: Table> Running<S> {
    fn play(self, setup: Setup, scripts: &[Script]) -> Run {
        let world = Rc::clone(&self.world);
        let view = world.at_once(self.set_up(setup));
        world.let_faults_befall();
        let whole = world.run(self.tasks(scripts, view.as_ref()));
        if whole { world.at_once(self.end()) } else { Run::redundant(world) }
    }
}

impl Scenario {
    /// One of its schedules.
    pub fn run<S: Table>(&self, store: S, choices: Choices) -> Run {
        let conditions = Conditions { faults: self.faults, luck: 0, order: Order::Reduced };
        Running::new(store, "p", choices, conditions).play(self.setup, &self.scripts)
    }
}

/// Writers that save one record over and over, in a virtual time in which each operation takes some milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Contest {
    /// How many.
    pub writers: usize,
    /// How often each.
    pub saves: usize,
}

impl Contest {
    /// Lets them.
    pub fn run<S: Table>(self, store: S, seed: u64) -> Run {
        let conditions = Conditions { faults: 0, luck: 0, order: Order::Timed };
        let step = Step::put(&[crate::script::Edit::Add(9, crate::script::Id::Ripple)]).anew();
        let scripts = vec![Script::Writer(vec![step; self.saves]); self.writers];
        Running::new(store, "p", Choices::seeded(seed), conditions).play(Setup::Created, &scripts)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ripple_core::store::memory::Memory;
    use ripple_core::value::Value;

    use super::*;
    use crate::scenario::scenarios;

    /// Who made which version of what goal and timeline. (The numbers in texts tell who was first to edit, which nobody
    /// else sees.)
    fn outcomes(scenario: &Scenario, order: Order) -> (BTreeSet<String>, usize) {
        let (mut outcomes, mut orders) = (BTreeSet::new(), 0);
        let mut next = Some(Choices::given(Vec::new()));
        while let Some(choices) = next {
            let conditions = Conditions { faults: scenario.faults, luck: 0, order };
            let running = Running::new(Memory::new(), "p", choices, conditions);
            let world = Rc::clone(&running.world);
            let view = world.at_once(running.set_up(scenario.setup));
            world.let_faults_befall();
            if world.run(running.tasks(&scenario.scripts, view.as_ref())) {
                orders += 1;
                let shown = |text: &Value| match text {
                    Value::String(text) => text.split(" #").next().unwrap_or_default().to_owned(),
                    other => format!("{other:?}"),
                };
                let mark = |entry: &Value| match entry {
                    Value::Map(entry) => format!("{}: {}", shown(&entry["mark"]), shown(&entry["text"])),
                    other => shown(other),
                };
                let state = |project: &Option<Record>| {
                    let project = project.as_ref()?;
                    let timeline = match project.attributes.get("timeline") {
                        Some(Value::List(list)) => list.iter().map(mark).collect(),
                        _ => Vec::new(),
                    };
                    Some((
                        project.version,
                        project.updated_by.clone(),
                        project.attributes.get("goal").map(shown),
                        timeline,
                    ))
                };
                outcomes.insert(format!("{:?}", world.states.borrow().iter().map(state).collect::<Vec<_>>()));
            }
            drop(running);
            next = World::end(world).0.next();
        }
        (outcomes, orders)
    }

    #[test]
    fn orders_are_left_out_only_where_another_comes_to_the_same() {
        for scenario in &scenarios()[1..3] {
            let ((all, every), (reduced, fewer)) = (outcomes(scenario, Order::Any), outcomes(scenario, Order::Reduced));
            assert!(fewer < every, "{}: {fewer} of {every}", scenario.name);
            assert_eq!(reduced, all, "{}", scenario.name);
        }
    }
}
