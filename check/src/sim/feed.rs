//! The feed: reads the stream of the table, and adopts what other programs did.
//!
//! The stream has a record for each change of the item. It is read late. A record may come again, and a batch that
//! fails is read again, from its first record or from the one that failed.

use std::cell::Cell;
use std::rc::Rc;

use ripple_core::feed::{Decision, External, StreamRecord};
use ripple_core::random::Random;
use ripple_core::service::Metrics;
use ripple_core::service::adopt::{Adopter, Adoption};
use ripple_core::{RecordId, Timestamp};

use super::Sim;
use super::scheduler::Operation;
use super::store::{Link, Table};
use crate::model::script::FEED;
use crate::model::transcript::Actor;

/// The largest number of batches that are read at the end of a phase. A feed that adopts its own writes never ends.
const BATCHES: usize = 60;
/// The largest number of records that are delivered again.
const AGAIN: usize = 3;

/// The feed of a table, which goes on from one phase to the next.
pub(crate) struct Feed<S> {
    pub(crate) sim: Rc<Sim>,
    pub(crate) store: S,
    pub(crate) id: RecordId,
    /// The number of records that were read. The stream has one for each state after the first.
    pub(crate) read: Rc<Cell<usize>>,
    /// Whether records come again, and batches end at any record.
    pub(crate) fickle: bool,
}

impl<S: Table> Feed<S> {
    /// Reads the stream a few times, each time one batch.
    pub(crate) async fn play(self, times: usize) {
        for _ in 0..times {
            self.sim.scheduler.turn(Operation::READ_ITEM).await;
            self.read_batch().await;
        }
    }

    /// Reads the stream to its end.
    pub(crate) async fn finish(self) {
        for _ in 0..BATCHES {
            if self.read.get() == self.length() {
                return;
            }
            self.sim.scheduler.turn(Operation::READ_ITEM).await;
            self.read_batch().await;
        }
        self.sim.transcript.tell("the feed does not come to an end");
    }

    fn length(&self) -> usize {
        self.sim.transcript.place()
    }

    fn below(&self, of: usize) -> usize {
        if self.fickle { self.sim.scheduler.below(of) } else { 0 }
    }

    async fn read_batch(&self) {
        let (read, length) = (self.read.get(), self.length());
        let from = read - self.below(AGAIN.min(read) + 1);
        let to = length - self.below(length - from + 1);
        for place in from..to {
            let Some(change) = self.change(place) else { break };
            let done = self.sim.scheduler.unless_crashed(self.follow(place, &change)).await;
            if done != Some(true) {
                self.sim.transcript.tell(format_args!("the feed fails at change {place}"));
                // Only some hosts say which record of a batch failed.
                self.read.set(if self.below(2) == 0 { place } else { from });
                return;
            }
        }
        self.read.set(to.max(read));
    }

    /// Returns the record of the stream for the change of a state into the next.
    fn change(&self, place: usize) -> Option<StreamRecord> {
        let states = self.sim.transcript.states.borrow();
        let [before, after] = states.get(place..place + 2)? else { return None };
        Some(StreamRecord {
            old: before.now.item.clone(),
            new: after.now.item.clone(),
            at: Timestamp(after.at.0 / 1000 * 1000),
            expired: after.by == Actor::Expiry,
        })
    }

    /// Decides on one record, and carries the decision out. Returns whether it is done.
    async fn follow(&self, place: usize, change: &StreamRecord) -> bool {
        let Decision::External(external) = self.store.decide(change) else { return true };
        match self.adopt(&external).await {
            Ok(Adoption::Own | Adoption::Nothing) => {}
            Ok(adoption) => self.sim.transcript.tell(format_args!("the feed, at change {place}: {adoption:?}")),
            Err(error) => {
                self.sim.transcript.tell(format_args!("the feed, at change {place}: {error}"));
                return false;
            }
        }
        true
    }

    async fn adopt(&self, external: &External) -> Result<Adoption, ripple_core::service::Error> {
        let Sim { scheduler, .. } = &*self.sim;
        let link = Link {
            sim: Rc::clone(&self.sim),
            store: self.store.clone(),
            by: FEED.to_owned(),
            who: "the feed".to_owned(),
            asked: Rc::default(),
        };
        let (random, metrics) = (&mut Random::new(scheduler.bytes(&self.id)), &mut Metrics::default());
        let now = scheduler.now();
        Adopter { store: &link, writer: None, now, random, metrics }.adopt(external).await
    }
}
