//! Rows of the history as they are stored: the record and the changes as compressed CBOR.
//!
//! A row holds a whole record. Compressed (DEFLATE, RFC 1951), it costs a third of the record. DynamoDB's limits for an
//! item's names and nesting do not apply to it.

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::item::{RPL_AT, RPL_AUTHOR, RPL_BY, RPL_DELETED, RPL_EXPIRES_AT, RPL_LOST, natural};
use super::{StoreError, StoreErrorKind};
use crate::limits;
use crate::record::history::{Entry, Row, named, whole_record};
use crate::record::lost::Lost;
use crate::record::{Person, Record, RecordId};
use crate::time::Timestamp;
use crate::value::{Members, Number, Value, cbor, stored_size};

/// The sort key: the version.
pub(crate) const VERSION: &str = "version";
/// The version that the author had seen.
const RPL_BASE: &str = "rpl_base";
/// For an external state, the number below zero under which it was shown.
pub(crate) const RPL_SHOWN: &str = "rpl_shown";
/// The changes, compressed.
const RPL_CHANGES: &str = "rpl_changes";
/// The record's attributes, compressed.
const RPL_STATE: &str = "rpl_state";
/// Marks a row of which a part is in a second item: see [`items`].
const RPL_REST: &str = "rpl_rest";

/// The attributes that a page of the history reads.
pub(crate) const ENTRY: [&str; 9] =
    [VERSION, RPL_AT, RPL_BY, RPL_AUTHOR, RPL_LOST, RPL_BASE, RPL_DELETED, RPL_SHOWN, RPL_CHANGES];

/// The compression level of miniz: 6 of 10, its default.
const LEVEL: u8 = 6;
/// The largest size of a decompressed row, in bytes: several times the largest record.
const DECOMPRESSED: usize = 4 * 1024 * 1024;

/// Returns the items of a row. There are two if an external state is as large as an item and does not compress. The
/// second one has the negative number. It is possible only if the row's expiry is known, as for an external state that
/// is replaced.
pub(crate) fn items(row: &Row, key: &str) -> Result<Vec<Members>, StoreError> {
    let mut item = item(row, key);
    let over = stored_size(&item).saturating_sub(limits::ITEM);
    if over == 0 {
        return Ok(vec![item]);
    }
    let Some(Value::Binary(state)) = item.get_mut(RPL_STATE).filter(|_| row.expires.is_some()) else {
        let kind = StoreErrorKind::TooLarge(stored_size(&item));
        return Err(StoreError { operation: "TransactWriteItems", kind, source: None });
    };
    let rest = state.split_off(state.len().saturating_sub(over + RPL_REST.len() + 1));
    item.insert(RPL_REST.to_owned(), Value::Bool(true));
    let shared = item.iter().filter(|(name, _)| [key, RPL_EXPIRES_AT].contains(&name.as_str()));
    let mut second: Members = shared.map(|(name, value)| (name.clone(), value.clone())).collect();
    second.insert(VERSION.to_owned(), Value::Number(Number::whole(-row.entry.number.cast_signed())));
    second.insert(RPL_STATE.to_owned(), Value::Binary(rest));
    Ok(vec![item, second])
}

/// Reports whether a part of the row is in a second item.
pub(crate) fn has_rest(item: &Members) -> bool {
    item.contains_key(RPL_REST)
}

/// Combines the two items of a row.
pub(crate) fn with_rest(mut item: Members, rest: &Members) -> Members {
    if let (Some(Value::Binary(state)), Some(Value::Binary(rest))) = (item.get_mut(RPL_STATE), rest.get(RPL_STATE)) {
        state.extend_from_slice(rest);
    }
    item
}

/// Returns the item of a row. If the changes do not fit beside the record, only their fields are named.
fn item(row: &Row, key: &str) -> Members {
    let Row { entry, record, expires } = row;
    let number = |number: i64| Value::Number(Number::whole(number));
    let own = [
        (VERSION, Some(entry.number.into())),
        (RPL_AT, entry.updated_at.map(|at| at.0.into())),
        (RPL_BY, entry.updated_by.as_deref().map(Value::from)),
        (RPL_AUTHOR, entry.updated_author.as_ref().map(Person::to_value)),
        (RPL_LOST, Lost::stored(&entry.lost)),
        (RPL_BASE, entry.base.map(number)),
        (RPL_DELETED, entry.deleted.then_some(Value::Bool(true))),
        (RPL_SHOWN, entry.shown.map(number)),
        (RPL_EXPIRES_AT, expires.map(|at| (at.0 / 1000).into())),
        (RPL_STATE, (!entry.deleted).then(|| compressed(&record.attributes))),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let mut item: Members = own.chain([(key.to_owned(), record.id.as_str().into())]).collect();
    let room = limits::ITEM.saturating_sub(stored_size(&item) + RPL_CHANGES.len());
    if let Some(changes) = changes(entry, room) {
        item.insert(RPL_CHANGES.to_owned(), changes);
    }
    item
}

/// Returns the size of a row as DynamoDB counts it.
pub(crate) fn size(row: &Row, key: &str) -> Result<usize, StoreError> {
    items(row, key).map(|items| items.iter().map(stored_size).sum())
}

fn changes(entry: &Entry, room: usize) -> Option<Value> {
    if entry.changes.is_empty() {
        return None;
    }
    let fit = |changes: Vec<Value>| {
        let changes = compressed(&Value::List(changes));
        (changes.stored_size() <= room).then_some(changes)
    };
    fit(entry.changes.clone()).or_else(|| fit(named(&entry.changes))).or_else(|| fit(vec![whole_record()]))
}

/// Returns the row's record, expiry and entry. Returns `None` if the item is not a row.
pub(crate) fn row(id: &RecordId, item: Members) -> Option<Row> {
    let expires = natural(item.get(RPL_EXPIRES_AT)).map(|at| Timestamp(at.saturating_mul(1000)));
    let attributes = match item.get(RPL_STATE) {
        Some(Value::Binary(bytes)) => match decompressed(bytes)? {
            Value::Map(attributes) => attributes,
            _ => return None,
        },
        Some(_) => return None,
        None => Members::new(),
    };
    let entry = entry(item)?;
    let record = Record {
        version: entry.number.cast_signed(),
        updated_at: entry.updated_at,
        updated_by: entry.updated_by.clone(),
        updated_author: entry.updated_author.clone(),
        lost: entry.lost.clone(),
        tombstone: entry.deleted.then(Timestamp::default),
        ..Record::new(id.clone(), attributes)
    };
    Some(Row { entry, record, expires })
}

/// Returns the entry of a row. Returns `None` if the item is not a row.
pub(crate) fn entry(mut item: Members) -> Option<Entry> {
    let whole = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => number.as_i64(),
        _ => None,
    };
    Some(Entry {
        number: natural(item.get(VERSION))?,
        updated_at: natural(item.get(RPL_AT)).map(Timestamp),
        base: whole(item.get(RPL_BASE)),
        deleted: item.contains_key(RPL_DELETED),
        shown: whole(item.get(RPL_SHOWN)),
        changes: match item.get(RPL_CHANGES) {
            Some(Value::Binary(bytes)) => match decompressed(bytes)? {
                Value::List(changes) => changes,
                _ => return None,
            },
            Some(_) => return None,
            None => Vec::new(),
        },
        updated_by: match item.remove(RPL_BY) {
            Some(Value::String(by)) => Some(by),
            _ => None,
        },
        updated_author: item.remove(RPL_AUTHOR).and_then(Person::of_value),
        lost: Lost::of_stored(item.remove(RPL_LOST)),
    })
}

fn compressed(value: &impl cbor::ToCbor) -> Value {
    Value::Binary(compress_to_vec(&cbor::encode(value), LEVEL))
}

fn decompressed(bytes: &[u8]) -> Option<Value> {
    cbor::decode(&decompress_to_vec_with_limit(bytes, DECOMPRESSED).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::merge::Rules;

    const KEY: &str = "prj_id";

    fn row_of(attributes: Members) -> Row {
        let record = Record::new(RecordId::stored("p".to_owned()), attributes);
        let person = Person::new("Bo Müller", Some("u7")).expect("a valid author");
        let written = record.written(None, 7, Timestamp(5), "Bo").on_behalf_of(Some(&person));
        Row::of_write(None, &written, Some(-3), Rules::default())
    }

    #[test]
    fn a_row_comes_back_as_it_was() {
        let attributes = Members::from([
            ("name".to_owned(), "Garden".into()),
            ("tags".to_owned(), Value::Strings(["a".to_owned()].into())),
            ("x".repeat(60_000), Value::Binary(vec![0; 9])),
        ]);
        let written = Row { expires: Some(Timestamp(9000)), ..row_of(attributes) };
        let [item] = &*items(&written, KEY).expect("it fits") else { panic!("one item") };
        assert_eq!(row(&written.record.id, item.clone()), Some(written.clone()));
        assert_eq!(entry(item.clone()), Some(written.entry));
    }

    #[test]
    fn text_takes_a_third_of_its_size() {
        let text = "The beans are through the soil, and the snails have found them. ";
        let words: Vec<String> = (0..800).map(|number| format!("{text}{} ", number * 7919 % 1009)).collect();
        let row = row_of(Members::from([("description".to_owned(), words.concat().into())]));
        assert!(size(&row, KEY).expect("it fits") * 3 < row.record.stored_size());
    }

    #[test]
    fn a_record_as_large_as_an_item_has_room_in_its_row() {
        // Returns bytes that no compression shortens.
        let noise = |count: usize| {
            let mut state = 1_u64;
            let next = |_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                state.to_be_bytes()[0]
            };
            Value::Binary((0..count).map(next).collect())
        };
        let row = row_of(Members::from([("noise".to_owned(), noise(limits::RECORD - 1024))]));
        assert!(row.record.stored_size() <= limits::RECORD);
        let [item] = &*items(&row, KEY).expect("it fits") else { panic!("one item") };
        assert!(item.contains_key(RPL_CHANGES));

        // A record of another program may leave no more space in an item.
        let record = Record::new(
            RecordId::stored("p".to_owned()),
            Members::from([("noise".to_owned(), noise(limits::ITEM - 12))]),
        );
        let external = Row::of_external(&record, 3, Some(Timestamp(9000)));
        let [item, rest] = &*items(&external, KEY).expect("it fits") else { panic!("two items") };
        assert!([item, rest].into_iter().all(|item| stored_size(item) <= limits::ITEM) && has_rest(item));
        assert_eq!(super::row(&record.id, with_rest(item.clone(), rest)), Some(external.clone()));
        assert!(items(&Row { expires: None, ..external }, KEY).is_err(), "its end would not be known");
    }
}
