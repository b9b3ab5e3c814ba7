//! Other programs that write to the table and do not know ripple.

use std::cell::RefCell;
use std::rc::Rc;

use ripple_core::RecordId;
use ripple_core::value::Value;

use super::Sim;
use super::scheduler::Operation;
use super::store::{Table, look, put_item, read_item};
use crate::model::item::{self, Item};
use crate::model::record::{AGREED, Edit, Id, external_record};
use crate::model::script::External;
use crate::model::transcript::Actor;

/// A program other than ripple.
pub(crate) struct Program<S> {
    pub(crate) sim: Rc<Sim>,
    pub(crate) store: S,
    pub(crate) id: RecordId,
    /// The id of another record of ripple.
    pub(crate) other: RecordId,
    pub(crate) name: &'static str,
    /// The kept item.
    pub(crate) kept: Rc<RefCell<Option<Item>>>,
}

impl<S: Table> Program<S> {
    pub(crate) async fn play(self, operations: Vec<External>) {
        for operation in operations {
            let kind = if operation == External::Keep { Operation::READ_ITEM } else { Operation::WRITE_ITEM };
            self.sim.scheduler.turn(kind).await;
            self.act(operation);
        }
    }

    /// Runs one operation.
    pub(crate) fn act(&self, operation: External) {
        let number = self.sim.scheduler.number();
        let who = format!("{} {number}", self.name);
        let found = read_item(&self.store, &self.id);
        let Some((item, told)) = self.made(operation, found, &who) else { return };
        put_item(&self.store, &self.id, item.clone());
        if operation == External::Expire {
            self.store.delete_expired(self.sim.scheduler.now());
        }
        self.sim.transcript.tell(format_args!("{} {told}", self.name));
        let by = if operation == External::Expire { Actor::Expiry } else { Actor::External };
        look(&self.sim, &self.store, &self.id, by, None);
    }

    /// Returns the item after the operation, and a line of the schedule. Returns `None` if the operation does nothing.
    fn made(&self, operation: External, found: Option<Item>, who: &str) -> Option<(Option<Item>, String)> {
        let text = format!("by {who}");
        let set = |mut item: Item, name: &str, value: Value| {
            item.insert(name.to_owned(), value);
            Some(item)
        };
        let whole = |item: Item| item::under(&self.id, item);
        let live = found.clone().filter(|item| !item::is_tombstone(item));
        Some(match operation {
            External::PutNew => (Some(whole(external_record(who))), "puts the item whole".to_owned()),
            External::PutEdited => {
                let mut item = live.map_or_else(|| whole(external_record(who)), item::without_own);
                for edit in [Edit::Add(9, Id::Writer), Edit::Set("goal")] {
                    edit.make(&mut item, &format!("edited {text}"), 0);
                }
                (Some(item), "puts the item as it is, edited, without ripple's attributes".to_owned())
            }
            External::Set(name) => {
                let item = found.unwrap_or_else(|| whole(Item::new()));
                (set(item, name, format!("{name} {text}").into()), format!("sets /{name}"))
            }
            External::SetAgreed => (set(live?, "goal", AGREED.into()), "sets /goal as agreed".to_owned()),
            External::Keep => {
                *self.kept.borrow_mut() = found.clone();
                (found, "reads the item and keeps it".to_owned())
            }
            External::PutKept => {
                let kept = self.kept.borrow().clone()?;
                (Some(kept), "puts the item that it kept, byte for byte".to_owned())
            }
            External::PutKeptEdited => {
                let kept = self.kept.borrow().clone()?;
                (set(kept, "goal", format!("goal {text}").into()), "puts the item that it kept, edited".to_owned())
            }
            External::PutCounted(count) => {
                let mut item = item::without_own(live.unwrap_or_else(|| whole(external_record(who))));
                item.insert("goal".to_owned(), format!("goal {text}").into());
                (set(item, item::COUNT, count.into()), format!("puts the item with {} {count}", item::COUNT))
            }
            External::PutNamesakes => {
                let mut item = whole(external_record(who));
                item.extend(item::namesakes().map(|(name, value)| (name.to_owned(), value)));
                (Some(item), "puts the item with attributes named like ripple's".to_owned())
            }
            External::Delete => (None, "deletes the item".to_owned()),
            External::Copy => {
                let other = read_item(&self.store, &self.other)?;
                (Some(whole(other)), format!("copies the item of {} with every attribute", self.other))
            }
            External::AddLabel => self.add_label(live?, &text)?,
            External::Expire => (found, "deletes what has expired".to_owned()),
        })
    }

    /// Adds a text to a set. DynamoDB refuses to add to a value that is not a set.
    fn add_label(&self, mut item: Item, text: &str) -> Option<(Option<Item>, String)> {
        let label = format!("label {text}");
        match item.get_mut("labels") {
            Some(Value::Strings(labels)) => drop(labels.insert(label)),
            Some(_) => return None,
            None => drop(item.insert("labels".to_owned(), Value::Strings([label].into()))),
        }
        Some((Some(item), "adds to the set /labels".to_owned()))
    }
}
