//! A record's step from one state to the next: what it does to the item, and on what condition.
//!
//! Both are said here, as data over the item's attributes. The table in memory applies them as they are, and DynamoDB's
//! expressions are made of them: what is found out about saving in memory holds for DynamoDB.
//!
//! An update sets and removes just the attributes that differ, each on condition that it is as it was read, beside the
//! condition on number and seal. What another writer changes at the same time in other attributes stays; the new seal
//! does not fit then, so the state that is left is external and gets a number of its own later.
//!
//! Where no item was read, the whole item is put, on condition that there is still none. A deletion or a restoration
//! that changes more than [`limits::CONDITIONS`] attributes puts the whole item too, on condition of as many of them:
//! what another writer does in those milliseconds to the others is lost.

use std::borrow::Cow;

use super::IdempotencyRecord;
use super::item::{RPL_DELETED, RPL_EXPIRES_AT, RPL_SEAL, RPL_VERSION, item, own};
use crate::limits;
use crate::record::Record;
use crate::record::history::Row;
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// A record's step from one state to the next.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The record as it was read; `None` if there was none.
    pub before: Option<&'a Record>,
    /// What it becomes.
    pub after: &'a Record,
    /// The rows of the history that the write makes.
    pub rows: &'a [Row],
    /// What remembers the write.
    pub claim: Option<&'a IdempotencyRecord>,
    /// When it is written.
    pub now: Timestamp,
    /// Makes a retry of the same commit harmless.
    pub token: [u8; 16],
}

/// What a write does to the item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Puts the whole item.
    Put(Members),
    /// Sets attributes, and removes those that have no value.
    Update(Vec<(String, Option<Value>)>),
}

/// That an attribute of the item is as it was read. Where there is no item, each is missing.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    pub(crate) name: &'a str,
    /// `None` if it is missing.
    pub(crate) value: Option<Cow<'a, Value>>,
}

impl Condition<'_> {
    /// Reports whether it holds for an item.
    pub(crate) fn holds(&self, item: Option<&Members>) -> bool {
        item.and_then(|item| item.get(self.name)) == self.value.as_deref()
    }
}

impl<'a> Write<'a> {
    /// Returns the record before and the names of the attributes that differ, if the item is updated and not put.
    fn updated(&self) -> Option<(&'a Record, Vec<&'a String>)> {
        let before = self.before?;
        let differing: Vec<&String> = before.differing(self.after).collect();
        let in_parts = !before.is_deleted() && !self.after.is_deleted();
        (in_parts || differing.len() <= limits::CONDITIONS).then_some((before, differing))
    }

    /// Returns what the write does to the item.
    pub(crate) fn action(&self, shards: u16, key: &str) -> Action {
        let Some((_, differing)) = self.updated() else { return Action::Put(item(self.after, shards, key)) };
        let own = own(self.after, shards).into_iter().map(|(name, value)| (name.to_owned(), Some(value)));
        let of_tombstone = [RPL_DELETED, RPL_EXPIRES_AT].into_iter().filter(|_| !self.after.is_deleted());
        let of_tombstone = of_tombstone.map(|name| (name.to_owned(), None));
        let changed = differing.into_iter().map(|name| (name.clone(), self.after.attributes.get(name).cloned()));
        Action::Update(own.chain(of_tombstone).chain(changed).collect())
    }

    /// Returns what must hold of the item, or nothing is written.
    pub(crate) fn conditions(&self, key: &'a str) -> Vec<Condition<'a>> {
        let Some(before) = self.before else { return vec![Condition { name: key, value: None }] };
        let [version, seal] = match &before.external {
            None => [before.number().map(|number| Cow::Owned(number.into())), Some(Cow::Owned(before.seal().into()))],
            Some(stamp) => [stamp.version.as_ref().map(Cow::Borrowed), stamp.seal.as_ref().map(Cow::Borrowed)],
        };
        let mut conditions = vec![
            Condition { name: key, value: Some(Cow::Owned(before.id.as_str().into())) },
            Condition { name: RPL_VERSION, value: version },
            Condition { name: RPL_SEAL, value: seal },
        ];
        let names: Vec<&'a String> = match self.updated() {
            Some((_, differing)) => differing,
            None => before.attributes.keys().take(limits::CONDITIONS).collect(),
        };
        let as_read = |name: &'a String| Condition { name, value: before.attributes.get(name).map(Cow::Borrowed) };
        conditions.extend(names.into_iter().map(as_read));
        conditions
    }
}
