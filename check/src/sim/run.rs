//! One run: a record, its writers, their faults, and the verdict.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::RecordId;
use ripple_core::store::Capacity;

use super::Sim;
use super::choices::Choices;
use super::client::{Client, Screen};
use super::external::Program;
use super::faults::FaultPlan;
use super::feed::Feed;
use super::scheduler::{Order, Scheduler, Task, at_once};
use super::store::{Table, read_item};
use crate::judge::{Broken, Evidence, judge};
use crate::model::item;
use crate::model::record::{Edit, Id, new_record, with_lists};
use crate::model::script::{Ask, External, Part, Phase, SETUP, Script, Setup, Step};
use crate::model::transcript::{Actor, Face, State, Transcript, What};
use crate::scenario::Scenario;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The law that was broken, if any.
    pub verdict: Result<(), Broken>,
    /// Whether the run was abandoned, because other choices give the same order.
    pub redundant: bool,
    /// The steps of the run.
    pub schedule: Vec<String>,
    /// The choices of the run.
    pub choices: Choices,
    /// The number of requested saves.
    pub saves: usize,
    /// The number of the record's versions at the end.
    pub versions: usize,
    /// The number of saves that lost every try to other writers.
    pub contended: usize,
    /// For each answered save, the number of writes that it tried.
    pub tries: Vec<u32>,
    /// For each answered save, the number of its reads.
    pub reads: Vec<u32>,
    /// For each answered save, the cost that its response states.
    pub capacity: Vec<String>,
}

impl Run {
    /// Returns what is known of any run.
    fn of(sim: &Sim) -> Run {
        Run {
            verdict: Ok(()),
            redundant: false,
            schedule: sim.transcript.schedule(),
            choices: sim.scheduler.choices(),
            saves: 0,
            versions: 0,
            contended: 0,
            tries: Vec::new(),
            reads: Vec::new(),
            capacity: Vec::new(),
        }
    }
}

/// A run in progress.
pub(super) struct Running<S> {
    pub(super) sim: Rc<Sim>,
    store: S,
    id: RecordId,
    /// The screens of the persons, by name.
    screens: RefCell<BTreeMap<String, Rc<RefCell<Screen>>>>,
    /// The number of records of the stream that the feed has read.
    read: Rc<Cell<usize>>,
    /// Whether the feed's records come again.
    pub(super) fickle: bool,
}

impl<S: Table> Running<S> {
    pub(super) fn new(store: S, id: &str, choices: Choices, order: Order, faults: FaultPlan) -> Running<S> {
        let id = RecordId::parse(id).expect("letters and digits");
        let (scheduler, transcript) = (Scheduler::new(choices, order), Transcript::default());
        let sim = Rc::new(Sim { scheduler, faults, transcript });
        Running { sim, store, id, screens: RefCell::default(), read: Rc::default(), fickle: false }
    }

    fn client(&self, name: &str, api_key: &str) -> Client<S> {
        let (name, api_key) = (name.to_owned(), api_key.to_owned());
        Client { sim: Rc::clone(&self.sim), store: self.store.clone(), id: self.id.clone(), name, api_key }
    }

    fn program(&self, name: &'static str) -> Program<S> {
        let other = RecordId::parse("q").expect("a letter");
        let (sim, kept) = (Rc::clone(&self.sim), Rc::default());
        Program { sim, store: self.store.clone(), id: self.id.clone(), other, name, kept }
    }

    fn feed(&self) -> Feed<S> {
        let (sim, store, id) = (Rc::clone(&self.sim), self.store.clone(), self.id.clone());
        Feed { sim, store, id, read: Rc::clone(&self.read), fickle: self.fickle }
    }

    /// Prepares the table. Returns the screen that every writer starts with.
    pub(super) async fn set_up(&self, setup: Setup) -> Screen {
        let at = self.sim.scheduler.now();
        self.sim.transcript.keep(State { at, by: Actor::Initial, now: Rc::default(), write: None });
        let create = async |record| {
            let step = Step::asking(Ask::Create, &[]);
            self.client(SETUP, SETUP).save(SETUP.to_owned(), &step, None, What::Create(record), None).await
        };
        let heard = match setup {
            Setup::Absent => return Screen::default(),
            Setup::External => {
                self.program("another").act(External::PutNew);
                None
            }
            Setup::Copied => {
                self.make_other().await;
                self.program("another").act(External::Copy);
                None
            }
            Setup::Created => Some(create(new_record(SETUP)).await),
            Setup::Lists => Some(create(with_lists(new_record(SETUP))).await),
        };
        let item = read_item(&self.store, &self.id);
        let shown = item.and_then(|item| item::shown(&self.id, &item));
        Screen::showing(shown.or_else(|| heard?.body().cloned()))
    }

    /// Creates another record through ripple, with three versions. The transcript does not contain it.
    async fn make_other(&self) {
        let sim = Rc::new(Sim {
            scheduler: Scheduler::new(Choices::given(Vec::new()), Order::Any),
            faults: FaultPlan::new(0, 0),
            transcript: Transcript::default(),
        });
        let id = self.program("another").other;
        let (name, api_key) = (SETUP.to_owned(), SETUP.to_owned());
        let client = Client { sim, store: self.store.clone(), id, name, api_key };
        let steps =
            vec![Step::asking(Ask::Create, &[]), Step::put(&[Edit::Set("goal")]), Step::put(&[Edit::Set("note")])];
        client.play(steps, Rc::default()).await;
    }

    pub(super) fn tasks(&self, scripts: &[Script], first: &Screen) -> Vec<Task> {
        let task = |script: &Script| -> Task {
            match script {
                Script::Writer(Part { name, api_key, steps }) => {
                    let mut screens = self.screens.borrow_mut();
                    let screen = screens.entry(name.clone()).or_insert_with(|| Rc::new(RefCell::new(first.clone())));
                    Box::pin(self.client(name, api_key).play(steps.clone(), Rc::clone(screen)))
                }
                Script::Feed(times) => Box::pin(self.feed().play(*times)),
                Script::External(operations) => Box::pin(self.program("the program").play(operations.clone())),
            }
        };
        scripts.iter().map(task).collect()
    }

    /// Lets time pass, with or without TTL.
    fn wait(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        self.sim.scheduler.advance(duration);
        self.sim.transcript.tell(format_args!("{} pass", in_words(duration)));
        if self.sim.scheduler.below(2) == 0 {
            self.program("TTL").act(External::Expire);
        }
    }

    pub(super) async fn probe(&self) {
        let probe = self.client("judge", "judge").probe().await;
        self.sim.transcript.probes.borrow_mut().push(probe);
    }

    /// Runs all phases on a table that completes each operation at once.
    pub(super) fn play(self, setup: Setup, phases: &[Phase]) -> Run {
        let first = at_once(self.set_up(setup));
        self.sim.faults.allow();
        let followed = phases.iter().flat_map(|phase| &phase.scripts).any(|script| matches!(script, Script::Feed(_)));
        for phase in phases {
            self.wait(phase.after);
            let rest: Vec<Task> = if followed { vec![Box::pin(self.feed().finish())] } else { Vec::new() };
            let scripts = self.tasks(&phase.scripts, &first);
            if !self.sim.scheduler.run(scripts) || !self.sim.scheduler.run(rest) {
                return Run { redundant: true, ..Run::of(&self.sim) };
            }
            at_once(self.probe());
        }
        at_once(self.end(followed))
    }

    /// Collects the evidence and judges it. `followed` says that the feed has read the whole stream.
    pub(super) async fn end(self, followed: bool) -> Run {
        let states = if S::AT_ONCE { self.sim.transcript.states.take() } else { self.states().await };
        let (saves, reads, probes) =
            (self.sim.transcript.saves.take(), self.sim.transcript.reads.take(), self.sim.transcript.probes.take());
        let verdict = judge(&Evidence {
            states: &states,
            saves: &saves,
            reads: &reads,
            probes: &probes,
            faulty: self.sim.faults.has_occurred(),
            observed: S::AT_ONCE,
            followed,
        });
        let versions = probes.last().map_or(0, |probe| probe.rows.len());
        let mut run = Run { verdict, saves: saves.len(), versions, ..Run::of(&self.sim) };
        for reply in saves.iter().flat_map(|save| &save.heard) {
            if let Some(answer) = reply.heard.answer() {
                run.contended += usize::from(answer.contended);
                run.tries.push(reply.asked.commits.get());
                run.reads.push(reply.asked.reads.get());
                run.capacity.push(answer.capacity.clone());
            }
        }
        run
    }

    /// Returns the record's states from its history, for a table that cannot be read during the run.
    async fn states(&self) -> Vec<State> {
        let numbers: Vec<u64> = match self.sim.transcript.probes.borrow().last() {
            Some(probe) => probe.rows.iter().rev().filter_map(|(number, ..)| u64::try_from(*number).ok()).collect(),
            None => Vec::new(),
        };
        let mut states = self.sim.transcript.states.borrow().clone();
        for number in numbers {
            let found = self.store.state(&self.id, number, &mut Capacity::default()).await.ok().flatten();
            let Some(record) = found else { continue };
            let by = Actor::Ripple(record.updated_by.clone().unwrap_or_default());
            let now = Rc::new(Face::of(&self.id, Some(item::of(&record))));
            let read = states.last().map(|last| Rc::clone(&last.now)).unwrap_or_default();
            let at = record.updated_at.unwrap_or_default();
            states.push(State { at, by, write: Some((read, Rc::clone(&now))), now });
        }
        states
    }
}

fn in_words(duration: Duration) -> String {
    match (duration.as_secs() / DAY.as_secs(), duration.as_secs() / 60) {
        (0, minutes) if minutes < 120 => format!("{minutes} minutes"),
        (0 | 1, minutes) => format!("{} hours", minutes / 60),
        (days, _) => format!("{days} days"),
    }
}

impl Scenario {
    /// Runs one schedule of the scenario.
    pub fn run<S: Table>(&self, store: S, choices: Choices) -> Run {
        let faults = FaultPlan::new(self.faults, 0);
        Running::new(store, "p", choices, Order::Reduced, faults).play(self.setup, &self.phases)
    }
}

/// Writers that save one record repeatedly, in a virtual time in which each operation takes some milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Contest {
    /// The number of writers.
    pub writers: usize,
    /// The number of saves of each writer.
    pub saves: usize,
}

impl Contest {
    /// Runs the contest.
    pub fn run<S: Table>(self, store: S, seed: u64) -> Run {
        let step = Step::put(&[Edit::Add(9, Id::Ripple)]).after_reading();
        let script = |writer: usize| {
            let name = format!("w{}", writer + 1);
            Script::Writer(Part { api_key: name.clone(), name, steps: vec![step.clone(); self.saves] })
        };
        let phase = Phase { after: Duration::ZERO, scripts: (0..self.writers).map(script).collect() };
        let running = Running::new(store, "p", Choices::seeded(seed), Order::Timed, FaultPlan::new(0, 0));
        running.play(Setup::Created, &[phase])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ripple_core::store::memory::Memory;
    use ripple_core::value::Value;

    use super::*;
    use crate::scenario::scenarios;

    /// Returns the outcomes of all orders: each version with its author, goal and timeline. Also returns the number of
    /// orders. (Numbers in texts are left out: they show which writer edited first, and no participant sees that.)
    fn outcomes(scenario: &Scenario, order: Order) -> (BTreeSet<String>, usize) {
        let (mut outcomes, mut orders) = (BTreeSet::new(), 0);
        let mut next = Some(Choices::given(Vec::new()));
        while let Some(choices) = next {
            let faults = FaultPlan::new(scenario.faults, 0);
            let running = Running::new(Memory::new(), "p", choices, order, faults);
            let first = at_once(running.set_up(scenario.setup));
            running.sim.faults.allow();
            if running.sim.scheduler.run(running.tasks(&scenario.phases[0].scripts, &first)) {
                orders += 1;
                let shown = |text: &Value| match text {
                    Value::String(text) => text.split(" #").next().unwrap_or_default().to_owned(),
                    other => format!("{other:?}"),
                };
                let mark = |entry: &Value| match entry {
                    Value::Map(entry) => format!("{}: {}", shown(&entry["mark"]), shown(&entry["text"])),
                    other => shown(other),
                };
                let state = |state: &State| {
                    let content = state.now.content.as_ref()?;
                    let timeline = match content.get("timeline") {
                        Some(Value::List(list)) => list.iter().map(mark).collect(),
                        _ => Vec::new(),
                    };
                    Some((state.now.number.max(-1), state.by.clone(), content.get("goal").map(shown), timeline))
                };
                let states = running.sim.transcript.states.borrow();
                outcomes.insert(format!("{:?}", states.iter().map(state).collect::<Vec<_>>()));
            }
            next = running.sim.scheduler.choices().next();
        }
        (outcomes, orders)
    }

    #[test]
    fn orders_are_left_out_only_where_another_comes_to_the_same() {
        let names = [
            "two tick two boxes of one list",
            "two with one API key and two Idempotency-Keys add equal entries without an id",
            "a save asks for what a program has set, and the program puts another item",
        ];
        for scenario in scenarios().iter().filter(|scenario| names.contains(&scenario.name)) {
            let ((all, every), (reduced, fewer)) = (outcomes(scenario, Order::Any), outcomes(scenario, Order::Reduced));
            assert!(fewer < every, "{}: {fewer} of {every}", scenario.name);
            assert_eq!(reduced, all, "{}", scenario.name);
        }
    }
}
