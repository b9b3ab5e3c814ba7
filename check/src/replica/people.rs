//! Savers, another program, and a reader.

use std::rc::Rc;
use std::time::Duration;

use ripple_core::RecordId;
use ripple_core::random::Random;
use ripple_core::record::change::Edit;
use ripple_core::record::decide::Change;
use ripple_core::service::{Author, Context, Metrics, save};
use ripple_core::session::Session;
use ripple_core::value::Members;

use super::table::{TAG, resource};
use super::world::World;
use crate::sim::scheduler::at_once;

/// How long a participant does nothing at most.
const PAUSE: Duration = Duration::from_secs(8);
/// How long a save usually takes at most, and how long a slow one. It has the time of its request.
const QUICK: Duration = Duration::from_millis(300);
const SLOW: Duration = Duration::from_secs(20);

impl World {
    /// Saves records, and reads them with the session.
    pub(super) async fn saver(self: Rc<Self>, number: usize) {
        let mut session = Session::new("prj");
        while !self.is_over() {
            self.wait(PAUSE).await;
            let (id, now) = (self.id(), self.now());
            self.wait(if self.chance(6) { SLOW } else { QUICK }).await;
            if !self.is_away() {
                let version = self.save(&mut session, &id, now);
                self.tell(format_args!("saver {number} saves version {version:?} of {id}"));
            }
            if self.scheduler.below(2) == 1 {
                self.answer(&session, false).await;
            }
        }
    }

    fn save(&self, session: &mut Session, id: &RecordId, now: ripple_core::Timestamp) -> Option<u64> {
        let members = Members::from([(TAG.to_owned(), self.table.tag().as_str().into())]);
        let current = self.table.get(id);
        let change = match &current {
            None => Change::Create(members),
            Some(record) if !record.is_deleted() && self.scheduler.below(6) == 5 => Change::Delete,
            Some(record) => {
                let revives = record.is_deleted();
                Change::edit(Edit::Patch(members), Some(record.version), revives, &resource().schema)
            }
        };
        let (random, metrics) = (&mut Random::new(self.scheduler.bytes(id)), &mut Metrics::default());
        let author = Author { name: "Ann", person: None, lineage: "key_ann" };
        let mut cx = Context { store: &self.table.memory, author, now, random, idempotency: None, session, metrics };
        let saved = at_once(save(&mut cx, id, &change, &())).ok()?;
        self.table.note(id, self.now());
        saved.record.number()
    }

    /// Puts, edits and deletes items.
    pub(super) async fn other_program(self: Rc<Self>) {
        while !self.is_over() {
            self.wait(PAUSE.saturating_mul(2)).await;
            let (id, memory) = (self.id(), &self.table.memory);
            let own = [
                (resource().names.key.to_string(), id.as_str().into()),
                (TAG.to_owned(), self.table.tag().as_str().into()),
            ];
            match self.scheduler.below(4) {
                0 => memory.put_item(&id, own.into_iter().collect()),
                1 => memory.delete_item(&id),
                _ => {
                    let mut item = memory.item(&id).unwrap_or_default();
                    item.extend(own);
                    memory.put_item(&id, item);
                }
            }
            if self.table.note(&id, self.now()) {
                self.tell(format_args!(
                    "another program makes {id}: {:?}",
                    self.table.now().iter().find(|(other, ..)| *other == id)
                ));
            }
        }
    }

    /// Reads the whole list.
    pub(super) async fn reader(self: Rc<Self>) {
        while !self.is_over() {
            self.wait(PAUSE).await;
            let newer = self.chance(4);
            self.answer(&Session::new("prj"), newer).await;
        }
    }
}
