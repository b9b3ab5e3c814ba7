//! A project: one record of the table `<site>_prj`.

pub mod change;
mod check;
mod difference;
pub mod history;
mod id;
pub mod merge;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serializer as _;
use sha2::{Digest as _, Sha256};

use crate::limits;
use crate::value::{Members, Number, Value, memory, stored_size};

pub(crate) use check::{base_version, check_new, check_reserved, check_sent};
pub use id::{InvalidId, RecordId};

/// The partition key's name.
pub const PRJ_ID: &str = "prj_id";
/// The version's name, in the item and in JSON.
pub const VERSION: &str = "version";
/// When the record was last written, in the item and in JSON.
pub const UPDATED_AT: &str = "updated_at";
/// By whose key the record was last written, in the item and in JSON.
pub const UPDATED_BY: &str = "updated_by";
/// The partition key of the index `by_update`.
pub const LIST_SHARD: &str = "list_shard";
/// Marks a tombstone.
pub const DELETED: &str = "deleted";
/// The TTL attribute, in seconds as DynamoDB wants it.
pub const EXPIRES_AT: &str = "expires_at";

/// What ripple writes into every record that it writes, beside its version.
pub(crate) const SYSTEM: [&str; 3] = [UPDATED_AT, UPDATED_BY, LIST_SHARD];

/// The version that a number is, if it is one of ripple's.
pub(crate) fn version(number: &Number) -> Option<u64> {
    number.as_u64().filter(|version| (1..=limits::VERSION).contains(version))
}

/// Milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and a while.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// This moment less a while.
    #[must_use]
    pub fn before(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A project as the table holds it, live or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition key.
    pub id: RecordId,
    /// 0 for a record that ripple has not written yet.
    pub version: u64,
    /// An attribute `version` of another writer that is none of ripple's. Nobody is shown it; it gives way at ripple's
    /// first write, which is made on condition of it.
    pub stray: Option<Value>,
    /// When ripple last wrote it.
    pub updated_at: Option<Timestamp>,
    /// By whose key ripple last wrote it.
    pub updated_by: Option<String>,
    /// For a tombstone, when it goes.
    pub tombstone: Option<Timestamp>,
    /// Everything else, ripple's or not: name, goal, timeline, what a console added.
    pub attributes: Members,
}

impl Record {
    /// A new record, its id and attributes checked before.
    pub(crate) fn new(id: RecordId, attributes: Members) -> Record {
        Record { id, version: 0, stray: None, updated_at: None, updated_by: None, tombstone: None, attributes }
    }

    /// The state that follows `before`: the next version, a later time. `last` is the newest version in the history of a
    /// record that shows none itself. The state that another writer left over that is counted too.
    #[must_use]
    pub(crate) fn following(mut self, before: Option<&Record>, last: Option<u64>, now: Timestamp, by: &str) -> Record {
        let version = before.map(|project| project.version);
        let counted = u64::from(version == Some(0) && last.is_some());
        self.version = version.max(last).unwrap_or(0) + counted + 1;
        self.stray = None;
        let at = before.and_then(|project| project.updated_at);
        self.updated_at = Some(at.map_or(now, |at| now.max(Timestamp(at.0.saturating_add(1)))));
        self.updated_by = Some(by.to_owned());
        // Another writer's attributes of these names give way at ripple's first write.
        for name in SYSTEM {
            self.attributes.remove(name);
        }
        self
    }

    /// What stays of it when it is deleted.
    #[must_use]
    pub(crate) fn deleted(&self, now: Timestamp) -> Record {
        let tombstone = Some(now.after(limits::TOMBSTONE));
        Record { tombstone, ..Record::new(self.id.clone(), Members::new()) }
    }

    /// A tombstone of which only the version is known.
    pub(crate) fn into_tombstone(self, version: u64) -> Record {
        Record { version, tombstone: Some(Timestamp::default()), attributes: Members::new(), ..self }
    }

    /// The record that a caller sees as these members; `None` when it is none.
    pub(crate) fn from_members(mut members: Members) -> Option<Record> {
        let Some(Value::String(id)) = members.remove(PRJ_ID) else { return None };
        let Some(Value::Number(version)) = members.remove(VERSION) else { return None };
        let mut project = Record::new(RecordId::stored(id), Members::new());
        project.version = version.as_u64()?;
        // Of a record that ripple has written; of another's they are attributes.
        if project.version > 0 {
            project.updated_at = match members.remove(UPDATED_AT) {
                Some(Value::Number(at)) => at.as_u64().map(Timestamp),
                _ => None,
            };
            project.updated_by = match members.remove(UPDATED_BY) {
                Some(Value::String(by)) => Some(by),
                _ => None,
            };
        }
        project.attributes = members;
        Some(project)
    }

    /// Whether only a tombstone is left.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.tombstone.is_some()
    }

    /// The record as JSON: its members ordered by name.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.render(|_| true)
    }

    /// The record as JSON, of `fields` only and its id.
    #[must_use]
    pub fn to_json_of(&self, fields: &[String]) -> Vec<u8> {
        self.render(|name| name == PRJ_ID || fields.iter().any(|field| field == name))
    }

    fn render(&self, shown: impl Fn(&str) -> bool) -> Vec<u8> {
        let system = [PRJ_ID, VERSION, UPDATED_AT, UPDATED_BY].map(|name| (name, self.system_member(name)));
        let system = system.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?)));
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_str(), value));
        let mut members: Vec<(&str, &Value)> = attributes.chain(system).filter(|(name, _)| shown(name)).collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        let mut json = Vec::with_capacity(512);
        serde_json::Serializer::new(&mut json)
            .collect_map(members)
            .expect("writing to memory, names are strings and numbers valid JSON");
        json
    }

    /// The value a caller sees under `name`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Cow<'_, Value>> {
        match self.system_member(name) {
            Some(value) => Some(Cow::Owned(value)),
            None => self.attributes.get(name).map(Cow::Borrowed),
        }
    }

    /// The value of the item's attribute `name`, but for those that each write of ripple's sets anew.
    pub(crate) fn stored(&self, name: &str) -> Option<Cow<'_, Value>> {
        match name {
            PRJ_ID => Some(Cow::Owned(self.id.as_str().into())),
            VERSION if self.version > 0 => Some(Cow::Owned(self.version.into())),
            VERSION => self.stray.as_ref().map(Cow::Borrowed),
            DELETED if self.is_deleted() => Some(Cow::Owned(Value::Bool(true))),
            _ => self.attributes.get(name).map(Cow::Borrowed),
        }
    }

    fn system_member(&self, name: &str) -> Option<Value> {
        match name {
            PRJ_ID => Some(self.id.as_str().into()),
            VERSION => Some(self.version.into()),
            UPDATED_AT => self.updated_at.map(|at| at.0.into()),
            UPDATED_BY => self.updated_by.as_deref().map(Into::into),
            _ => None,
        }
    }

    /// The names of the attributes in which `after` differs.
    pub(crate) fn differing<'a>(&'a self, after: &'a Record) -> impl Iterator<Item = &'a String> {
        let gone = |name: &&String| !after.attributes.contains_key(*name) && !SYSTEM.contains(&name.as_str());
        let new = |(name, value): &(&String, &Value)| self.attributes.get(*name) != Some(*value);
        let gone = self.attributes.keys().filter(gone);
        gone.chain(after.attributes.iter().filter(new).map(|(name, _)| name))
    }

    /// The item's size, as DynamoDB counts it.
    #[must_use]
    pub fn stored_size(&self) -> usize {
        const SYSTEM: usize = 96; // version, updated_at, list_shard and their names, at their greatest
        let by = self.updated_by.as_ref().map_or(0, String::len);
        PRJ_ID.len() + self.id.as_str().len() + SYSTEM + by + stored_size(&self.attributes)
    }

    /// About how many bytes of memory it takes, which can be a hundred times of what it takes in the table.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Record>() + self.id.as_str().len() + memory(&self.attributes)
    }

    /// The partition of `by_update` that the record is in, one of `shards`.
    #[must_use]
    pub fn list_shard(&self, shards: u16) -> String {
        let hash = crc32fast::hash(self.id.as_str().as_bytes());
        (hash % u32::from(shards.max(1))).to_string()
    }
}

/// What the content of a record's JSON is known by: the first 128 bits of its SHA-256. Lists add them up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentHash(pub u128);

impl ContentHash {
    /// Of one record's JSON.
    #[must_use]
    pub fn of(json: &[u8]) -> ContentHash {
        let digest = Sha256::digest(json);
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        ContentHash(u128::from_be_bytes(first))
    }

    /// Takes a record's hash into a list's.
    pub fn add(&mut self, hash: ContentHash) {
        self.0 = self.0.wrapping_add(hash.0);
    }

    /// Takes a record's hash out of a list's.
    pub fn remove(&mut self, hash: ContentHash) {
        self.0 = self.0.wrapping_sub(hash.0);
    }

    /// As the text of an entity tag, without its quotes.
    #[must_use]
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_be_bytes())
    }
}
