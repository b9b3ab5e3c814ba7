//! A record's step from one state to the next: what it does to the item, and on what condition.
//!
//! Both are said here, as data. The table in memory goes by them as they are, DynamoDB's expressions are made of them:
//! so what is found out about saving in memory holds for DynamoDB.
//!
//! An update sets and removes just the attributes that differ, each on condition that it is as it was read: what others
//! write beside ripple, without knowing of versions, is neither overwritten nor lost. A creation and a tombstone put the
//! whole item, on condition of all that was read of it.
//!
//! A version tells a state only while everybody counts. So where there is none, each attribute is a condition of an
//! update too: the history gets the state that was there, and no other.
//!
//! What conditions do not see: an attribute that another writer has added meanwhile (nothing says "and no others"), and
//! of a record with more than [`limits::CHANGED_MEMBERS`] what stands behind them in the order of names. An update leaves
//! that alone. A tombstone takes it away, if the other writer has changed nothing else and left the `version` as it was.

use std::borrow::Cow;

use crate::idempotency::Claim;
use crate::limits;
use crate::record::history::Version;
use crate::record::{DELETED, PRJ_ID, Record, Timestamp, VERSION};
use crate::value::Value;

/// A record's step from one state to the next.
#[derive(Clone, Copy, Debug)]
pub struct Write<'a> {
    /// The record as it was read; `None`: there was nothing.
    pub before: Option<&'a Record>,
    /// What it becomes.
    pub after: &'a Record,
    /// What the history tells of it.
    pub version: &'a Version,
    /// What remembers the write, for whoever sends it again.
    pub claim: Option<&'a Claim>,
    /// When it is written: history and claims expire a while after.
    pub now: Timestamp,
    /// Makes a retry of the same commit harmless.
    pub token: [u8; 16],
}

/// That an attribute of the item is as it was read. Where there is no item, each is missing.
#[derive(Debug)]
pub(crate) struct Condition<'a> {
    pub(crate) name: &'a str,
    /// `None`: it is not there.
    pub(crate) value: Option<Cow<'a, Value>>,
}

impl Condition<'_> {
    /// Whether it holds for what is there.
    pub(crate) fn holds(&self, item: Option<&Record>) -> bool {
        item.and_then(|item| item.stored(self.name)) == self.value
    }
}

impl<'a> Write<'a> {
    /// The attributes that an update changes, beside those that each write sets; `None`: the whole item is put.
    pub(crate) fn changed(&self) -> Option<Vec<&'a str>> {
        let before = self.before.filter(|before| !before.is_deleted() && !self.after.is_deleted())?;
        // At most `limits::CHANGED_MEMBERS`, which the save has checked.
        Some(before.differing(self.after).map(String::as_str).collect())
    }

    /// What must hold of the item, or nothing is written.
    pub(crate) fn conditions(&self) -> Vec<Condition<'a>> {
        let Some(before) = self.before else { return vec![Condition { name: PRJ_ID, value: None }] };
        let changed = self.changed();
        let told_by_version = changed.is_some() && before.version > 0;
        let mut names = changed.unwrap_or_default();
        if !told_by_version {
            let left = limits::CHANGED_MEMBERS.saturating_sub(names.len());
            let others = before.attributes.keys().map(String::as_str).filter(|name| !names.contains(name));
            let others: Vec<&str> = others.take(left).collect();
            names.extend(others);
        }
        let deleted = before.is_deleted().then_some(DELETED);
        let names = [PRJ_ID, VERSION].into_iter().chain(deleted).chain(names);
        names.map(|name| Condition { name, value: before.stored(name) }).collect()
    }

    /// The number that the history has for the state that another writer made and ripple is about to change: the one
    /// before ripple's own. 0: the history begins with it.
    pub(crate) fn foreign_number(&self) -> Option<u64> {
        self.before.filter(|before| before.version == 0).map(|_| self.after.version.saturating_sub(1))
    }

    /// That state, by that number.
    pub(crate) fn foreign(&self) -> Option<Record> {
        let version = self.foreign_number()?;
        self.before.map(|before| Record { version, stray: None, ..before.clone() })
    }
}
