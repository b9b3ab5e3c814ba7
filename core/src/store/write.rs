//! A record's transition from one state to the next: its effect on the item, and its conditions.
//!
//! Both are data over the item's attributes. The table in memory applies them directly, and DynamoDB's expressions are
//! built from them. So results about saving in memory hold for DynamoDB.
//!
//! An update sets and removes only the attributes that differ. Each must be as it was read, and so must the number and
//! the seal. If another writer changes other attributes at the same time, those changes stay. The new seal then does
//! not match, so the resulting state is external and gets its own number later.
//!
//! If no item was read, the whole item is put, on condition that there is still none. A deletion or a restoration that
//! changes more than [`limits::CONDITIONS`] attributes also puts the whole item, on condition of that many attributes.
//! Changes that another writer makes to the other attributes in those milliseconds are lost.

use std::borrow::Cow;

use super::IdempotencyRecord;
use super::item::{RPL_AUTHOR, RPL_DELETED, RPL_EXPIRES_AT, RPL_LOST, RPL_SEAL, RPL_VERSION, item, own};
use crate::limits;
use crate::record::history::Row;
use crate::record::{Names, Record};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// A record's transition from one state to the next.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use ripple_core::record::history::Row;
/// use ripple_core::record::merge::Rules;
/// use ripple_core::store::memory::Memory;
/// use ripple_core::store::{Capacity, Commit, Store as _, Write};
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let (now, cost) = (Timestamp(5), &mut Capacity::default());
/// let after = &Record::new(RecordId::parse("a").unwrap(), Members::new()).written(None, 1, now, "Ann");
/// let rows = &[Row::of_write(None, after, None, Rules::default())];
/// let write = |token| Write { before: None, after, rows, claim: None, now, token };
/// let store = Memory::new();
/// assert_eq!(store.commit(&write([1; 16]), cost).await.unwrap(), Commit::Done);
/// assert_ne!(store.commit(&write([2; 16]), cost).await.unwrap(), Commit::Done, "the record exists");
/// # });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The record as it was read. `None` if there was none.
    pub before: Option<&'a Record>,
    /// The record after the write.
    pub after: &'a Record,
    /// The rows of the history that the write makes.
    pub rows: &'a [Row],
    /// The idempotency record of the write.
    pub claim: Option<&'a IdempotencyRecord>,
    /// When the record is written.
    pub now: Timestamp,
    /// A token that makes a retry of the same commit harmless.
    pub token: [u8; 16],
}

/// Writes of different records that are made together.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The writes.
    pub writes: &'a [Write<'a>],
    /// Idempotency records that belong to none of the writes.
    pub claims: &'a [IdempotencyRecord],
    /// When the records are written.
    pub now: Timestamp,
    /// A token that makes a retry of the same commit harmless.
    pub token: [u8; 16],
}

/// The effect of a write on the item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Puts the whole item.
    Put(Members),
    /// Sets attributes, and removes those without a value.
    Update(Vec<(String, Option<Value>)>),
}

/// The condition that an attribute of the item is as it was read. If there is no item, every attribute is missing.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    pub(crate) name: &'a str,
    /// The value. `None` if the attribute is missing.
    pub(crate) value: Option<Cow<'a, Value>>,
}

impl Condition<'_> {
    /// Reports whether the condition holds for an item.
    pub(crate) fn holds(&self, item: Option<&Members>) -> bool {
        item.and_then(|item| item.get(self.name)) == self.value.as_deref()
    }
}

impl<'a> Write<'a> {
    /// Returns the previous record and the names of the attributes that differ. Returns `None` if the whole item is
    /// put.
    fn updated(&self) -> Option<(&'a Record, Vec<&'a String>)> {
        let before = self.before?;
        let differing: Vec<&String> = before.differing(self.after).collect();
        let in_parts = !before.is_deleted() && !self.after.is_deleted();
        (in_parts || differing.len() <= limits::CONDITIONS).then_some((before, differing))
    }

    /// Returns the effect of the write on the item.
    pub(crate) fn action(&self, shards: u16, names: &Names) -> Action {
        let Some((_, differing)) = self.updated() else { return Action::Put(item(self.after, shards, names)) };
        let own = own(self.after, shards).into_iter().map(|(name, value)| (name.to_owned(), Some(value)));
        let of_tombstone = [RPL_DELETED, RPL_EXPIRES_AT].into_iter().filter(|_| !self.after.is_deleted());
        let of_author = [RPL_AUTHOR].into_iter().filter(|_| self.after.updated_author.is_none());
        let of_lost = [RPL_LOST].into_iter().filter(|_| self.after.lost.is_empty());
        let of_earlier = of_tombstone.chain(of_author).chain(of_lost).map(|name| (name.to_owned(), None));
        let changed = differing.into_iter().map(|name| (name.clone(), self.after.attributes.get(name).cloned()));
        Action::Update(own.chain(of_earlier).chain(changed).collect())
    }

    /// Returns the conditions of the write on the item. If one does not hold, nothing is written.
    pub(crate) fn conditions(&self, names: &'a Names) -> Vec<Condition<'a>> {
        let Some(before) = self.before else { return vec![Condition { name: &names.key, value: None }] };
        let [version, seal] = match &before.external {
            None => [before.number().map(|number| Cow::Owned(number.into())), Some(Cow::Owned(before.seal().into()))],
            Some(stamp) => [stamp.version.as_ref().map(Cow::Borrowed), stamp.seal.as_ref().map(Cow::Borrowed)],
        };
        let key = names.key_of(&before.id).into_iter();
        let mut conditions: Vec<Condition<'a>> =
            key.map(|(name, value)| Condition { name, value: Some(Cow::Owned(value)) }).collect();
        conditions.push(Condition { name: RPL_VERSION, value: version });
        conditions.push(Condition { name: RPL_SEAL, value: seal });
        let names: Vec<&'a String> = match self.updated() {
            Some((_, differing)) => differing,
            None => before.attributes.keys().take(limits::CONDITIONS).collect(),
        };
        let as_read = |name: &'a String| Condition { name, value: before.attributes.get(name).map(Cow::Borrowed) };
        conditions.extend(names.into_iter().map(as_read));
        conditions
    }
}
