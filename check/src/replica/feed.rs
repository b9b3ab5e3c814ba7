//! The feed: it reads the stream of the table, adopts what other programs did, and tells the object the states that have a
//! number. It is late, tells twice, loses messages, and may be silent.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ripple_core::feed::{Decision, decide};
use ripple_core::random::Random;
use ripple_core::service::Metrics;
use ripple_core::service::adopt::Adopter;
use ripple_core::{Record, RecordId};

use super::table::resource;
use super::world::World;
use crate::sim::scheduler::at_once;

/// The number of records of a batch.
const BATCH: usize = 3;
/// How long the feed pauses at most, how long a message is usually under way, and how long a late one.
const PAUSE: Duration = Duration::from_millis(1_500);
const QUICK: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(20);

/// How well the feed works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Well,
    /// Half of its messages are lost.
    Lossy,
    /// It reads nothing.
    Silent,
}

#[derive(Default)]
pub(super) struct Feed {
    health: Cell<Health>,
    /// Whether nothing is lost or late any more. A silent feed stays silent.
    pub(super) is_sound: Cell<bool>,
    /// The number of records of the stream that were read.
    read: Cell<usize>,
    sent: RefCell<Vec<Record>>,
}

impl Feed {
    pub(super) fn weather(&self, world: &World) {
        self.health.set([Health::Well, Health::Lossy, Health::Silent][world.scheduler.below(3)]);
    }
}

impl World {
    pub(super) async fn deliver(self: Rc<Self>) {
        let feed = &self.feed;
        while !self.is_over() {
            self.wait(PAUSE).await;
            let is_silent = feed.health.get() == Health::Silent || self.is_away();
            let end = self.table.stream.borrow().len();
            if is_silent || feed.read.get() == end {
                continue;
            }
            let from = if self.chance(4) { feed.read.get().saturating_sub(2) } else { feed.read.get() };
            let to = end.min(from + BATCH);
            let mut states: Vec<Record> = (from..to).filter_map(|place| self.follow(place)).collect();
            feed.read.set(to.max(feed.read.get()));
            if self.chance(3) && !feed.sent.borrow().is_empty() {
                let sent = feed.sent.borrow();
                states.push(sent[self.scheduler.below(sent.len())].clone());
            }
            self.send(states);
        }
    }

    /// Follows a record of the stream. Returns the state to tell, if it has a number.
    fn follow(&self, place: usize) -> Option<Record> {
        let change = self.table.stream.borrow()[place].clone();
        match decide(&change, &resource().names).expect("an item has its key") {
            Decision::External(external) => {
                let id = external.id.clone();
                let (random, metrics) = (&mut Random::new(self.scheduler.bytes(&id)), &mut Metrics::default());
                let (store, now) = (&self.table.memory, self.now());
                let adoption = at_once(Adopter { store, writer: None, now, random, metrics }.adopt(&external));
                if self.table.note(&id, now) {
                    self.tell(format_args!("the feed adopts {id}: {adoption:?}"));
                }
                None
            }
            _ => change.new.map(|item| self.table.record(item)).filter(|record| record.number().is_some()),
        }
    }

    fn send(self: &Rc<Self>, states: Vec<Record>) {
        if states.is_empty() {
            return;
        }
        self.feed.sent.borrow_mut().extend(states.iter().cloned());
        if self.feed.health.get() == Health::Lossy && !self.feed.is_sound.get() && self.scheduler.below(2) == 1 {
            self.tell(format_args!("the feed loses {}", shown(&states)));
            return;
        }
        let world = Rc::clone(self);
        self.scheduler.under_way(async move {
            let is_late = world.chance(4);
            world.wait(if is_late { LATE } else { QUICK }).await;
            // What is too large for a message is told by its id.
            let mut missing: Vec<RecordId> = Vec::new();
            let mut states = states;
            if world.chance(4) {
                missing.extend(states.pop().map(|state| state.id));
            }
            world.tell(format_args!("the feed tells {} and {missing:?}", shown(&states)));
            world.hear(states, missing).await;
        });
    }
}

fn shown(states: &[Record]) -> String {
    let state = |state: &Record| format!("version {} of {}", state.version, state.id);
    states.iter().map(state).collect::<Vec<_>>().join(", ")
}
