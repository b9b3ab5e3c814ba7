//! Values of records, with the types of JSON and of DynamoDB.
//!
//! JSON alone would lose some of DynamoDB's types (sets, binaries, 38 digits), so the core uses this type and converts
//! at the boundary. [`parse`] reads JSON, and `Serialize` writes it, with members ordered by name.
//! [`Value::shaped_like`] reverses the conversion: an array that was a set before becomes a set again.
//! `Value::shaped_as_sent` does the same for values that an author wrote.

pub(crate) mod cbor;
mod keys;
mod members;
mod number;
mod parse;
mod pointer;

use std::collections::{BTreeSet, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

pub(crate) use keys::{Keys, ListKey};
pub use members::Members;
pub use number::Number;
#[cfg(test)]
pub(crate) use parse::members;
pub use parse::{Malformed, parse};
pub(crate) use parse::{Parts, parse_within};
pub(crate) use pointer::{push_token, unescaped};

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Value {
    /// `NULL`
    Null,
    /// `BOOL`
    Bool(bool),
    /// `N`
    Number(Number),
    /// `S`
    String(String),
    /// `B`, base64 in JSON
    Binary(Vec<u8>),
    /// `L`
    List(Vec<Value>),
    /// `M`
    Map(Members),
    /// `SS`, an array in JSON
    Strings(BTreeSet<String>),
    /// `NS`, an array in JSON
    Numbers(BTreeSet<Number>),
    /// `BS`, an array of base64 in JSON
    Binaries(BTreeSet<Vec<u8>>),
}

impl Value {
    /// Returns this value, which came as JSON, in the DynamoDB type of `stored` if it fits. An array of distinct
    /// strings becomes a string set, and base64 becomes a binary. Other values stay as they are.
    #[must_use]
    pub fn shaped_like(self, stored: &Value) -> Value {
        self.shaped(stored, Origin::Shown, Keys::default())
    }

    /// Returns a value that an author sent, in the types of the stored value. Repeated elements of a set are included
    /// once, and a changed entry without an `id` keeps its types. Returns `None` for an empty set: DynamoDB has none,
    /// so it is removed.
    pub(crate) fn shaped_as_sent(self, stored: Option<&Value>, keys: Keys<'_>) -> Option<Value> {
        self.shaped_member(stored, Origin::Sent, keys)
    }

    fn shaped_member(self, stored: Option<&Value>, origin: Origin, keys: Keys<'_>) -> Option<Value> {
        match stored {
            Some(set) if origin == Origin::Sent && set.is_set() && self == Value::List(Vec::new()) => None,
            Some(known) => Some(self.shaped(known, origin, keys)),
            None => Some(self),
        }
    }

    fn shaped(self, stored: &Value, origin: Origin, keys: Keys<'_>) -> Value {
        match (self, stored) {
            (Value::String(text), Value::Binary(_)) => match STANDARD.decode(&text) {
                Ok(bytes) => Value::Binary(bytes),
                Err(_) => Value::String(text),
            },
            (Value::List(list), Value::Strings(_)) => set_of(list, origin, Value::Strings, |v| match v {
                Value::String(text) => Some(text.clone()),
                _ => None,
            }),
            (Value::List(list), Value::Numbers(_)) => set_of(list, origin, Value::Numbers, |v| match v {
                Value::Number(number) => Some(number.clone()),
                _ => None,
            }),
            (Value::List(list), Value::Binaries(_)) => {
                // JSON has base64 for each binary. Beside a value that is binary already, a text is a text.
                let typed = list.iter().any(|v| matches!(v, Value::Binary(_)));
                set_of(list, origin, Value::Binaries, |v| match v {
                    Value::String(text) if !typed => STANDARD.decode(text).ok(),
                    Value::Binary(bytes) => Some(bytes.clone()),
                    _ => None,
                })
            }
            (Value::Map(members), Value::Map(stored)) => Value::Map(shape(members, stored, origin, keys)),
            (Value::List(list), Value::List(stored)) => Value::List(shape_entries(list, stored, origin, keys.key())),
            (value, _) => value,
        }
    }

    /// Reports whether it is a set.
    pub(crate) fn is_set(&self) -> bool {
        matches!(self, Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_))
    }

    /// Returns the size in bytes as DynamoDB counts it.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>
    #[must_use]
    pub fn stored_size(&self) -> usize {
        match self {
            Value::Null | Value::Bool(_) => 1,
            Value::Number(number) => number.stored_size(),
            Value::String(text) => text.len(),
            Value::Binary(bytes) => bytes.len(),
            Value::List(list) => 3 + list.iter().map(|v| 1 + v.stored_size()).sum::<usize>(),
            Value::Map(members) => 3 + members.len() + stored_size(members),
            Value::Strings(set) => set.iter().map(String::len).sum(),
            Value::Numbers(set) => set.iter().map(Number::stored_size).sum(),
            Value::Binaries(set) => set.iter().map(Vec::len).sum(),
        }
    }

    /// Returns roughly how many bytes of memory the value takes beside its own place.
    pub(crate) fn memory(&self) -> usize {
        let element = |bytes: usize| ALLOCATION + bytes;
        match self {
            Value::Null | Value::Bool(_) => 0,
            Value::Number(number) => ALLOCATION + number.as_str().len(),
            Value::String(text) => ALLOCATION + text.len(),
            Value::Binary(bytes) => ALLOCATION + bytes.len(),
            Value::List(list) => list.iter().map(|value| size_of::<Value>() + value.memory()).sum(),
            Value::Map(members) => memory(members),
            Value::Strings(set) => {
                node::<String>(set.len()) + set.iter().map(|text| element(text.len())).sum::<usize>()
            }
            Value::Numbers(set) => {
                node::<Number>(set.len()) + set.iter().map(|number| element(number.as_str().len())).sum::<usize>()
            }
            Value::Binaries(set) => {
                node::<Vec<u8>>(set.len()) + set.iter().map(|bytes| element(bytes.len())).sum::<usize>()
            }
        }
    }

    /// Returns the levels of nesting, which are 1 for a scalar.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Value::List(list) => 1 + list.iter().map(Value::depth).max().unwrap_or(0),
            Value::Map(members) => 1 + members.values().map(Value::depth).max().unwrap_or(0),
            _ => 1,
        }
    }
}

/// Returns the size of names and values as DynamoDB counts it.
pub(crate) fn stored_size(members: &Members) -> usize {
    members.iter().map(|(name, value)| name.len() + value.stored_size()).sum()
}

/// The overhead of an allocator for a small allocation, in bytes.
const ALLOCATION: usize = 16;

/// Returns roughly how many bytes of memory the members take.
pub(crate) fn memory(members: &Members) -> usize {
    let member =
        |(name, value): (&String, &Value)| size_of::<(String, Value)>() + ALLOCATION + name.len() + value.memory();
    members.iter().map(member).sum()
}

/// Returns the memory of a B-tree with this number of elements. Each node has eleven places, usually six of them used.
/// An object with one short member is eight bytes of JSON, and some hundred in memory.
fn node<T>(count: usize) -> usize {
    const PLACES: usize = 11;
    count.div_ceil(6) * (PLACES * size_of::<T>() + ALLOCATION)
}

/// The origin of JSON whose types are to be restored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The core rendered a stored value: a value that does not fit has another type by now.
    Shown,
    /// An author wrote it: a set stays a set, and a changed entry may be an existing one.
    Sent,
}

/// Returns `members`, each shaped like the stored one of its name.
pub(crate) fn shape_members(members: Members, stored: &Members) -> Members {
    shape(members, stored, Origin::Shown, Keys::default())
}

/// Returns members that an author sent, in the types of `stored`.
pub(crate) fn shape_sent(members: Members, stored: &Members, keys: Keys<'_>) -> Members {
    shape(members, stored, Origin::Sent, keys)
}

fn shape(members: Members, stored: &Members, origin: Origin, keys: Keys<'_>) -> Members {
    let shape = |(name, value): (String, Value)| {
        let value = value.shaped_member(stored.get(&name), origin, keys.member(&name))?;
        Some((name, value))
    };
    members.into_iter().filter_map(shape).collect()
}

/// Shapes the entries of a list. They are matched by `key`, or without one by their JSON. Stored entries with equal JSON
/// are used in their order. Changed entries are shaped like the remaining stored ones, in their order.
///
/// A retry sends entries without a key that were saved with one: they are equal to a stored entry except for its key.
fn shape_entries(list: Vec<Value>, stored: &[Value], origin: Origin, key: Option<&str>) -> Vec<Value> {
    if !stored.iter().any(Value::has_dynamodb_type) {
        return list;
    }
    let mut by_id = entries_by_id(stored, key);
    let unnamed = || stored.iter().rev().filter(|entry| entry.entry_key(key).is_none());
    let typed = unnamed().any(Value::has_dynamodb_type);
    let mut by_json = entries_by_json(unnamed().filter(|_| typed));
    let mut changed = Vec::new();
    let mut come_back: HashMap<&Value, usize> = HashMap::new();
    let shape = |(place, value): (usize, Value)| {
        // Entries with one id, which another writer may have made, are used in their order.
        if let Some(known) = value.entry_key(key).and_then(|id| by_id.get_mut(id)?.pop()) {
            return value.shaped(known, origin, Keys::default());
        }
        let Some(known) = typed.then(|| by_json.get_mut(&value.to_json())).flatten() else {
            changed.extend(value.entry_key(key).is_none().then_some(place));
            return value;
        };
        // An additional entry is shaped like the last of them.
        let known = if known.len() > 1 { known.pop().unwrap_or(known[0]) } else { known[0] };
        *come_back.entry(known).or_default() += 1;
        known.clone()
    };
    let mut shaped: Vec<Value> = list.into_iter().enumerate().map(shape).collect();
    if origin == Origin::Sent && !changed.is_empty() {
        let mut is_left = |entry: &Value| match come_back.get_mut(entry) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => entry.entry_key(key).is_none(),
        };
        let mut left = stored.iter().filter(|entry| is_left(entry));
        // An entry that the edit names by its key was not saved from one without a key.
        let unmatched: HashSet<*const Value> = by_id.into_values().flatten().map(std::ptr::from_ref).collect();
        let saved = stored.iter().rev().filter(|entry| unmatched.contains(&std::ptr::from_ref(*entry)));
        let saved: Vec<Value> = saved.filter_map(|entry| entry.without_key(key)).collect();
        let (typed, plain): (Vec<&Value>, Vec<&Value>) = saved.iter().partition(|entry| entry.has_dynamodb_type());
        let (mut typed, mut plain) = (entries_by_json(typed.into_iter()), entries_by_json(plain.into_iter()));
        for place in changed {
            let value = std::mem::replace(&mut shaped[place], Value::Null);
            let json = value.to_json();
            let take = |saved: &mut HashMap<String, Vec<&Value>>| saved.get_mut(&json).and_then(Vec::pop).cloned();
            let saved = match value.has_dynamodb_type() {
                true => take(&mut typed).or_else(|| take(&mut plain)),
                false => take(&mut plain).or_else(|| take(&mut typed)),
            };
            let left = left.next();
            shaped[place] = match (saved, left) {
                (Some(saved), _) => saved,
                (None, Some(left)) => value.shaped(left, origin, Keys::default()),
                (None, None) => value,
            };
        }
    }
    shaped
}

/// Returns the entries of each JSON, in the order given.
fn entries_by_json<'a>(entries: impl Iterator<Item = &'a Value>) -> HashMap<String, Vec<&'a Value>> {
    let mut found: HashMap<String, Vec<&Value>> = HashMap::new();
    for entry in entries {
        found.entry(entry.to_json()).or_default().push(entry);
    }
    found
}

/// Returns the entries of each key in reverse order.
fn entries_by_id<'a>(list: &'a [Value], key: Option<&str>) -> HashMap<&'a Value, Vec<&'a Value>> {
    let mut named: HashMap<&Value, Vec<&Value>> = HashMap::with_capacity(list.len());
    for (id, entry) in list.iter().rev().filter_map(|entry| Some((entry.entry_key(key)?, entry))) {
        named.entry(id).or_default().push(entry);
    }
    named
}

impl Value {
    /// Returns an entry that has a key, without it. Returns `None` for other entries.
    fn without_key(&self, key: Option<&str>) -> Option<Value> {
        let (Value::Map(members), Some(_)) = (self, self.entry_key(key)) else { return None };
        let mut members = members.clone();
        members.remove(key?);
        Some(Value::Map(members))
    }

    fn to_json(&self) -> String {
        serde_json::to_string(self).expect("names are strings and numbers valid JSON")
    }

    /// Reports whether the value has a type that JSON does not show completely.
    pub(crate) fn has_dynamodb_type(&self) -> bool {
        match self {
            Value::Binary(_) | Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_) => true,
            Value::List(list) => list.iter().any(Value::has_dynamodb_type),
            Value::Map(members) => members.values().any(Value::has_dynamodb_type),
            _ => false,
        }
    }
}

/// Returns the set of a list. Returns the list if DynamoDB has no such set: an empty one, or one with an element twice.
fn set_of<T: Ord>(
    list: Vec<Value>,
    origin: Origin,
    set: fn(BTreeSet<T>) -> Value,
    element: impl Fn(&Value) -> Option<T>,
) -> Value {
    let elements = ordered(list.iter().map(|value| element(value).ok_or(())));
    match elements {
        Ok(elements) if (elements.len() == list.len() || origin == Origin::Sent) && !elements.is_empty() => {
            set(elements)
        }
        _ => Value::List(list),
    }
}

/// Returns a set of these elements. They are inserted one by one, since `collect` would add a separate sort for each
/// type, a kilobyte of the edge worker's bundle.
pub(crate) fn ordered<T: Ord, E>(elements: impl Iterator<Item = Result<T, E>>) -> Result<BTreeSet<T>, E> {
    let mut set = BTreeSet::new();
    for element in elements {
        set.insert(element?);
    }
    Ok(set)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => number.serialize(serializer),
            Value::String(text) => serializer.serialize_str(text),
            Value::Binary(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            Value::List(list) => serializer.collect_seq(list),
            Value::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
            Value::Strings(set) => serializer.collect_seq(set),
            Value::Numbers(set) => serializer.collect_seq(set),
            Value::Binaries(set) => serializer.collect_seq(set.iter().map(|bytes| STANDARD.encode(bytes))),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Number(number.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        parse(text.as_bytes()).expect("the test's own JSON")
    }

    #[test]
    fn a_set_sent_back_as_an_array_stays_a_set() {
        let stored = Value::Strings(["a".to_owned(), "b".to_owned()].into());
        let expected = Value::Strings(["a".to_owned(), "b".to_owned(), "c".to_owned()].into());
        assert_eq!(json(r#"["c","a","b"]"#).shaped_like(&stored), expected);
        for no_set in [r#"["a","a"]"#, r#"["a",1]"#, "[]"] {
            assert_eq!(json(no_set).shaped_like(&stored), json(no_set));
        }
    }

    #[test]
    fn shapes_are_found_inside_objects_and_entries() {
        let bytes = Value::Binary(b"hi".to_vec());
        let stored = Value::List(vec![
            Value::Map([("id".to_owned(), "t1".into()), ("blob".to_owned(), bytes.clone())].into()),
            bytes.clone(),
        ]);
        let sent = json(r#"["new", {"id":"t1","blob":"aGk="}, "aGk="]"#);
        let Value::List(list) = sent.shaped_like(&stored) else { panic!("a list") };
        assert_eq!(list[2], bytes);
        let Value::Map(entry) = &list[1] else { panic!("an object") };
        assert_eq!(entry["blob"], bytes);
    }

    #[test]
    fn an_entry_without_a_key_is_not_shaped_like_one_that_the_edit_names() {
        let entry =
            |id: &str, data: Value| Value::Map([("id".to_owned(), id.into()), ("data".to_owned(), data)].into());
        let stored = Value::List(vec![entry("a", Value::Binary(b"hi".to_vec())), entry("b", "aGk=".into())]);
        let sent = json(r#"[{"id":"a","data":"aGk="}, {"data":"aGk="}]"#);
        let Some(Value::List(list)) = sent.shaped_as_sent(Some(&stored), Keys::default()) else { panic!("a list") };
        assert_eq!(list, [entry("a", Value::Binary(b"hi".to_vec())), json(r#"{"data":"aGk="}"#)]);
    }

    #[test]
    fn an_entry_that_comes_again_without_its_key_has_the_type_that_it_is_sent_with() {
        let entry =
            |id: &str, data: Value| Value::Map([("id".to_owned(), id.into()), ("data".to_owned(), data)].into());
        let bytes = || Value::Binary(b"hi".to_vec());
        let stored = Value::List(vec![entry("a", "aGk=".into()), entry("b", bytes())]);
        let sent = Value::List(vec![Value::Map([("data".to_owned(), bytes())].into())]);
        assert_eq!(sent.clone().shaped_as_sent(Some(&stored), Keys::default()), Some(sent));
    }

    #[test]
    fn json_shows_members_in_order_and_numbers_whole() {
        let text = r#"{"b":[true,null],"a":12345678901234567890123456789012345678}"#;
        let shown = serde_json::to_string(&json(text)).expect("serialises");
        assert_eq!(shown, r#"{"a":12345678901234567890123456789012345678,"b":[true,null]}"#);
    }
}
