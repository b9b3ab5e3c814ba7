//! Records: items of a resource's table, live or deleted.
//!
//! This module knows neither HTTP nor DynamoDB, and only computes. [`decide`](decide::decide) applies a change to a
//! record; [`merge`] is its core.

mod body;
pub mod change;
pub mod decide;
pub(crate) mod difference;
pub mod fault;
pub mod history;
mod id;
mod json;
pub(crate) mod key;
pub mod lost;
pub mod merge;
mod names;
pub mod outcome;
pub mod person;
pub mod schema;
pub(crate) mod seal;

use crate::time::Timestamp;
use crate::value::{Members, Value, memory, stored_size};

pub(crate) use body::{check_edit, check_new, take_own};
pub use body::{creation, edit};
pub use id::{InvalidId, RecordId};
pub use json::ContentHash;
pub use key::SortKey;
use lost::Lost;
pub use names::Names;
pub use person::Person;
use seal::Content;

/// The prefix of ripple's own attributes in an item.
pub(crate) const PREFIX: &str = "rpl_";

/// A record as the table has it, live or deleted.
///
/// ```
/// use ripple_core::record::Names;
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let content = Members::from([("goal".to_owned(), "Beans".into())]);
/// let record = Record::new(RecordId::parse("a").unwrap(), content).written(None, 1, Timestamp(5), "Ann");
/// let json = r#"{"goal":"Beans","prj_id":"a","updated_at":5,"updated_by":"Ann","version":1}"#;
/// assert_eq!(record.to_json(&Names::default()), json.as_bytes());
/// assert_eq!(record.deleted(Timestamp(9)).attributes, Members::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The partition key.
    pub id: RecordId,
    /// The number of this state. Below zero, the state is external, and the number is derived from its content.
    pub version: i64,
    /// When ripple wrote the state. `None` for an external state.
    pub updated_at: Option<Timestamp>,
    /// The name of the API key that wrote the state. `None` for an external state.
    pub updated_by: Option<String>,
    /// The person on whose behalf the state was written, if the client named one.
    pub updated_author: Option<Person>,
    /// Whose values the write replaced, although its author had not seen them.
    pub lost: Vec<Lost>,
    /// For a deleted record, when its tombstone may be deleted too.
    pub tombstone: Option<Timestamp>,
    /// For an external state, the number and the seal that its item states.
    pub external: Option<Box<Stamp>>,
    /// Every attribute that is not ripple's own: name, goal, timeline, and those that another program added.
    pub attributes: Members,
}

/// The number, seal and time that the item of an external state states. The next write is conditional on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The stated number.
    pub version: Option<Value>,
    /// The stated seal, which does not match.
    pub seal: Option<Value>,
    /// The stated time, which orders the index.
    pub at: Option<Timestamp>,
}

impl Record {
    /// Returns a record without a number.
    #[must_use]
    pub fn new(id: RecordId, attributes: Members) -> Record {
        Record {
            id,
            version: 0,
            updated_at: None,
            updated_by: None,
            updated_author: None,
            lost: Vec::new(),
            tombstone: None,
            external: None,
            attributes,
        }
    }

    /// Returns a state that another writer left. `stamp` has the number and the seal that its item states.
    #[must_use]
    pub(crate) fn external(id: RecordId, attributes: Members, content: &Content, stamp: Stamp) -> Record {
        let (version, external) = (content.external_number(), Some(Box::new(stamp)));
        Record { version, external, ..Record::new(id, attributes) }
    }

    /// Returns this content, with its author, as version `number`, written at `now`, or just after `before` if that is
    /// later.
    #[must_use]
    pub fn written(self, before: Option<&Record>, number: u64, now: Timestamp, by: &str) -> Record {
        let last = before.and_then(Record::last_written);
        let at = last.map_or(now, |last| now.max(Timestamp(last.0.saturating_add(1))));
        Record {
            version: number.cast_signed(),
            updated_at: Some(at),
            updated_by: (!by.is_empty()).then(|| by.to_owned()),
            external: None,
            ..self
        }
    }

    /// Returns this state as one that was written on behalf of a person.
    #[must_use]
    pub fn on_behalf_of(self, person: Option<&Person>) -> Record {
        Record { updated_author: person.cloned(), ..self }
    }

    /// Returns this state as one whose write replaced values that its author had not seen.
    #[must_use]
    pub fn replacing(self, lost: Vec<Lost>) -> Record {
        Record { lost, ..self }
    }

    /// Returns the tombstone of this record, which may be deleted at a time.
    #[must_use]
    pub fn deleted(&self, expires: Timestamp) -> Record {
        Record { tombstone: Some(expires), ..Record::new(self.id.clone(), Members::new()) }
    }

    /// Returns a tombstone if only id and version are known.
    #[must_use]
    pub fn tombstone(id: RecordId, version: u64) -> Record {
        let (version, tombstone) = (version.cast_signed(), Some(Timestamp::default()));
        Record { version, tombstone, ..Record::new(id, Members::new()) }
    }

    /// Reports whether it is a tombstone of which only id and version are known.
    #[must_use]
    pub fn is_bare_tombstone(&self) -> bool {
        self.tombstone == Some(Timestamp::default()) && self.updated_at.is_none()
    }

    /// Reports whether another writer left this state.
    #[must_use]
    pub fn is_external(&self) -> bool {
        self.external.is_some()
    }

    /// Returns the number of one of ripple's states. Returns `None` for an external state.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        u64::try_from(self.version).ok()
    }

    /// Reports whether the record is a tombstone.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.tombstone.is_some()
    }

    /// Returns the time that the item states, for a state of any writer.
    fn last_written(&self) -> Option<Timestamp> {
        self.updated_at.or_else(|| self.external.as_ref().and_then(|stamp| stamp.at))
    }

    /// Returns the hash of id and content.
    pub(crate) fn content(&self) -> Content {
        Content::of(&self.id, &self.attributes)
    }

    /// Returns the seal of one of ripple's states.
    pub(crate) fn seal(&self) -> String {
        self.content().seal(self.number().unwrap_or_default(), self.is_deleted())
    }

    /// Reports whether `version`, as a client names it, means this state. An external state keeps its number below zero
    /// when ripple adopts it, for clients that read it before.
    pub(crate) fn is_version(&self, version: i64) -> bool {
        version == self.version || version < 0 && version == self.content().external_number()
    }

    /// Returns the names of the attributes that differ in `after`.
    pub(crate) fn differing<'a>(&'a self, after: &'a Record) -> impl Iterator<Item = &'a String> {
        let gone = self.attributes.keys().filter(|name| !after.attributes.contains_key(*name));
        let new = |(name, value): &(&String, &Value)| self.attributes.get(*name) != Some(*value);
        gone.chain(after.attributes.iter().filter(new).map(|(name, _)| name))
    }

    /// Returns the item's size as DynamoDB counts it, with ripple's own attributes at their largest.
    #[must_use]
    pub fn stored_size(&self) -> usize {
        const OWN: usize = 86; // six names, the key's among them, version, seal, time and shard
        const AUTHOR: usize = "rpl_author".len();
        const LOST: usize = "rpl_lost".len();
        let by = self.updated_by.as_ref().map_or(0, String::len);
        let author = self.updated_author.as_ref().map_or(0, |person| AUTHOR + person.stored_size());
        let lost = Lost::stored(&self.lost).map_or(0, |lost| LOST + lost.stored_size());
        self.id.as_str().len() + OWN + by + author + lost + stored_size(&self.attributes)
    }

    /// Returns roughly how many bytes of memory the record takes, which can be many times its size in the table.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of::<Record>() + self.id.as_str().len() + memory(&self.attributes)
    }

    /// Returns the partition of the index `by_update` that the record is in, one of `shards`.
    #[must_use]
    pub fn list_shard(&self, shards: u16) -> String {
        shard(&self.id, shards).to_string()
    }
}

/// Returns the partition of the index of changes that has a record.
pub(crate) fn shard(id: &RecordId, shards: u16) -> u32 {
    crc32fast::hash(id.as_str().as_bytes()) % u32::from(shards.max(1))
}
