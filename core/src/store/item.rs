//! Records as items of the table: which attributes are ripple's, and which states are ripple's.
//!
//! The name of every attribute that ripple adds to a record's own begins with `rpl_`. So an attribute of another
//! program is never mistaken for one of ripple's, whatever its name.

use crate::record::lost::Lost;
use crate::record::{Names, PREFIX, Person, Record, Stamp, seal::Content};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The version.
pub const RPL_VERSION: &str = "rpl_version";
/// The seal.
pub const RPL_SEAL: &str = "rpl_seal";
/// When ripple last wrote the record, in milliseconds. It is the sort key of `by_update`.
pub const RPL_AT: &str = "rpl_at";
/// The name of the API key with which the record was written.
pub const RPL_BY: &str = "rpl_by";
/// The person on whose behalf the record was written.
pub const RPL_AUTHOR: &str = "rpl_author";
/// Whose values the write replaced, although its author had not seen them.
pub const RPL_LOST: &str = "rpl_lost";
/// The partition of `by_update`.
pub const RPL_SHARD: &str = "rpl_shard";
/// Marks a tombstone.
pub const RPL_DELETED: &str = "rpl_deleted";
/// The TTL attribute, in seconds since 1970 UTC.
pub const RPL_EXPIRES_AT: &str = "rpl_expires_at";

/// An item that is not a record. It names the attribute that is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DynamoDB's {0} is not what it must be")]
pub struct Malformed(pub(crate) String);

/// Converts an item into a record.
///
/// # Errors
/// If the item has no key.
pub fn record(mut item: Members, names: &Names) -> Result<Record, Malformed> {
    let id = names.take_id(&mut item).ok_or_else(|| Malformed(names.key.to_string()))?;
    // Usually six or seven of them are adjacent, so this moves the rest only once.
    let begin = item.keys().take_while(|name| name.as_str() < PREFIX).count();
    let count = item.keys().skip(begin).take_while(|name| name.starts_with(PREFIX)).count();
    let mut attributes: Vec<(String, Value)> = item.into_iter().collect();
    let mut own: Members = attributes.drain(begin..begin + count).collect();
    let attributes: Members = attributes.into_iter().collect();

    let deleted = own.get(RPL_DELETED) == Some(&Value::Bool(true));
    let at = natural(own.get(RPL_AT)).map(Timestamp);
    let content = Content::of(&id, &attributes);
    let number = own.get(RPL_VERSION).and_then(stated);
    let fits =
        |number: u64| matches!(own.get(RPL_SEAL), Some(Value::String(seal)) if *seal == content.seal(number, deleted));
    let Some(number) = number.filter(|number| fits(*number) && (!deleted || attributes.is_empty())) else {
        let stamp = Stamp { version: own.remove(RPL_VERSION), seal: own.remove(RPL_SEAL), at };
        return Ok(Record::external(id, attributes, &content, stamp));
    };
    let expires = natural(own.get(RPL_EXPIRES_AT)).unwrap_or(0);
    let by = match own.remove(RPL_BY) {
        Some(Value::String(by)) => Some(by).filter(|by| !by.is_empty()),
        _ => None,
    };
    Ok(Record {
        version: number.cast_signed(),
        updated_at: at,
        updated_by: by,
        updated_author: own.remove(RPL_AUTHOR).and_then(Person::of_value),
        lost: Lost::of_stored(own.remove(RPL_LOST)),
        tombstone: deleted.then(|| Timestamp(expires.saturating_mul(1000))),
        ..Record::new(id, attributes)
    })
}

/// Returns the number that an attribute states. Returns `None` if ripple cannot have assigned it.
pub(crate) fn stated(value: &Value) -> Option<u64> {
    natural(Some(value)).filter(|number| (1..=crate::limits::VERSION).contains(number))
}

/// Returns the item of one of ripple's states, ready to be put.
///
/// ```
/// use ripple_core::record::Names;
/// use ripple_core::store::item;
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let content = Members::from([("goal".to_owned(), "Beans".into())]);
/// let record = Record::new(RecordId::parse("a").unwrap(), content).written(None, 1, Timestamp(5), "Ann");
/// let mut stored = item::item(&record, 1, &Names::default());
/// assert_eq!(item::record(stored.clone(), &Names::default()).unwrap(), record);
/// // Another program changes an attribute. The seal no longer matches.
/// stored.insert("goal".to_owned(), "Peas".into());
/// assert!(item::record(stored, &Names::default()).unwrap().is_external());
/// ```
#[must_use]
pub fn item(record: &Record, shards: u16, names: &Names) -> Members {
    let own = own(record, shards).into_iter().map(|(name, value)| (name.to_owned(), value));
    let key = names.key_of(&record.id).into_iter().map(|(name, value)| (name.to_owned(), value));
    let attributes = record.attributes.iter().map(|(name, value)| (name.clone(), value.clone()));
    attributes.chain(own).chain(key).collect()
}

/// Returns the attributes that ripple adds to the record's own.
pub(crate) fn own(record: &Record, shards: u16) -> Vec<(&'static str, Value)> {
    let mut own = vec![
        (RPL_VERSION, record.number().unwrap_or_default().into()),
        (RPL_SEAL, record.seal().into()),
        (RPL_AT, record.updated_at.unwrap_or_default().0.into()),
        (RPL_BY, record.updated_by.as_deref().unwrap_or_default().into()),
        (RPL_SHARD, record.list_shard(shards).into()),
    ];
    own.extend(record.updated_author.as_ref().map(|person| (RPL_AUTHOR, person.to_value())));
    own.extend(Lost::stored(&record.lost).map(|lost| (RPL_LOST, lost)));
    if let Some(Timestamp(at)) = record.tombstone {
        own.extend([(RPL_DELETED, Value::Bool(true)), (RPL_EXPIRES_AT, (at / 1000).into())]);
    }
    own
}

/// Returns the item that a record was read from, without the partition of its index entry.
#[must_use]
pub fn as_read(record: &Record, names: &Names) -> Members {
    let Some(stamp) = &record.external else {
        let mut item = item(record, 1, names);
        item.remove(RPL_SHARD);
        return item;
    };
    let Stamp { version, seal, at } = &**stamp;
    let own = [(RPL_VERSION, version.clone()), (RPL_SEAL, seal.clone()), (RPL_AT, at.map(|at| at.0.into()))];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let own = own.chain(names.key_of(&record.id)).map(|(name, value)| (name.to_owned(), value));
    record.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).chain(own).collect()
}

/// Returns a natural number of 64 bits. Returns `None` for any other value.
pub(crate) fn natural(value: Option<&Value>) -> Option<u64> {
    match value {
        Some(Value::Number(number)) => number.as_u64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordId;

    fn written(attributes: Members) -> Members {
        let record = Record::new(RecordId::stored("p".to_owned()), attributes);
        item(&record.written(None, 3, Timestamp(1000), "Bo"), 1, &Names::default())
    }

    fn attributes() -> Members {
        Members::from([("name".to_owned(), "Garden".into()), ("version".to_owned(), "2.3".into())])
    }

    #[test]
    fn a_state_of_ripples_comes_back_with_its_number() {
        let read = record(written(attributes()), &Names::default()).expect("a record");
        assert_eq!((read.version, read.is_external(), read.updated_at), (3, false, Some(Timestamp(1000))));
        assert_eq!(read.attributes, attributes());
    }

    #[test]
    fn a_state_whose_seal_does_not_fit_is_external() {
        let change = |name: &str, value: Option<Value>| {
            let mut item = written(attributes());
            match value {
                Some(value) => item.insert(name.to_owned(), value),
                None => item.remove(name),
            };
            record(item, &Names::default()).expect("a record")
        };
        for (name, value) in [
            ("name", Some("Orchard".into())),
            ("new", Some(1.into())),
            ("version", None),
            ("prj_id", Some("q".into())),
            (RPL_VERSION, Some(4.into())),
            (RPL_VERSION, None),
            (RPL_SEAL, Some("x".into())),
            (RPL_DELETED, Some(Value::Bool(true))),
        ] {
            let read = change(name, value);
            assert!(read.is_external() && read.version < 0, "{name}");
            assert_eq!((read.updated_at, read.updated_by.clone(), read.is_deleted()), (None, None, false), "{name}");
        }
        assert!(!change(RPL_BY, None).is_external(), "who wrote it is not content");
    }

    #[test]
    fn the_author_of_a_state_comes_back() {
        let person = Person::new("Bo Müller", Some("u7")).expect("a valid author");
        let state = Record::new(RecordId::stored("p".to_owned()), attributes());
        let state = state.written(None, 3, Timestamp(1000), "key").on_behalf_of(Some(&person));
        let mut stored = item(&state, 1, &Names::default());
        assert_eq!(record(stored.clone(), &Names::default()), Ok(state.clone()));
        stored.insert(RPL_AUTHOR.to_owned(), "Bo".into());
        let read = record(stored.clone(), &Names::default()).expect("a record");
        assert_eq!((read.is_external(), read.updated_author), (false, None), "an author of another form is none");
        stored.insert(RPL_AUTHOR.to_owned(), person.to_value());
        stored.insert("name".to_owned(), "Orchard".into());
        let read = record(stored, &Names::default()).expect("a record");
        assert_eq!((read.is_external(), read.updated_author), (true, None), "another program has written since");
    }

    #[test]
    fn a_tombstone_that_another_program_writes_onto_lives() {
        let tombstone = Record::new(RecordId::stored("p".to_owned()), Members::new()).deleted(Timestamp(0));
        let mut item = item(&tombstone.written(None, 4, Timestamp(5), "Bo"), 1, &Names::default());
        assert!(record(item.clone(), &Names::default()).expect("a record").is_deleted());
        item.insert("name".to_owned(), "back".into());
        let read = record(item, &Names::default()).expect("a record");
        assert!(read.is_external() && !read.is_deleted());
    }
}
