//! What the values at one place of a table's items have in common.

use std::collections::BTreeMap;

use ripple_core::record::schema::{Format, Type};
use ripple_core::value::{Members, Value};

use super::entry_key::EntryKeys;

/// The deepest level of a file at which a schema fits. A file has 12 levels, and a schema may have an array in it.
const DEEPEST: usize = 11;
/// Levels of a file between the schema of an object and the schemas of its members.
const TO_MEMBER: usize = 2;
/// Names of members that are counted in one object. An object with more is a dictionary.
const NAMES: usize = 1_000;
/// Distinct texts that are counted.
const TEXTS: usize = 8;
/// Characters of a text that is counted.
const TEXT: usize = 60;
/// Numbers that are seconds since 1970, from 2001 to 2096.
const SECONDS: std::ops::Range<f64> = 1e9..4e9;
/// Numbers that are milliseconds since 1970, from 2001 to 2096.
const MILLISECONDS: std::ops::Range<f64> = 1e12..4e12;

/// The values that were seen at one place.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) nulls: u64,
    pub(super) booleans: u64,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    pub(super) arrays: Arrays,
    pub(super) objects: u64,
    /// The members of the objects, without the key and the members that ripple adds.
    pub(super) members: BTreeMap<String, Shape>,
    /// Whether objects have more names than are counted.
    pub(super) has_more_names: bool,
}

/// The numbers at one place.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) count: u64,
    pub(super) whole: u64,
    pub(super) seconds: u64,
    pub(super) milliseconds: u64,
}

/// The strings at one place.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) count: u64,
    /// Binary values, which JSON shows as text.
    pub(super) binaries: u64,
    pub(super) dates: u64,
    pub(super) times: u64,
    distinct: BTreeMap<String, u64>,
    has_more: bool,
}

/// The arrays at one place.
#[derive(Debug, Default)]
pub(super) struct Arrays {
    pub(super) count: u64,
    pub(super) sets: u64,
    /// Lists of strings of which no two are equal.
    pub(super) distinct_texts: u64,
    /// The lengths of the shortest and of the longest list that is no set.
    pub(super) lengths: Option<(usize, usize)>,
    /// The entries of all arrays. `None` if there are none.
    pub(super) entries: Option<Box<Shape>>,
    pub(super) keys: EntryKeys,
}

impl Shape {
    /// Adds an item, without its key.
    pub(super) fn add_item(&mut self, item: &Members, is_key: impl Fn(&str) -> bool) {
        self.objects += 1;
        self.add_members(item.iter().filter(|(name, _)| !is_key(name)), 1);
    }

    /// Returns how many values were seen.
    pub(super) fn count(&self) -> u64 {
        self.nulls + self.others()
    }

    /// Returns how many values other than null were seen.
    pub(super) fn others(&self) -> u64 {
        self.kinds().into_iter().map(|(_, count)| count).sum()
    }

    /// Returns how many values of each type were seen, the most frequent first. Numbers count as one type.
    pub(super) fn kinds(&self) -> [(Type, u64); 5] {
        let number = if self.numbers.whole == self.numbers.count { Type::Integer } else { Type::Number };
        let mut kinds = [
            (Type::Boolean, self.booleans),
            (number, self.numbers.count),
            (Type::String, self.texts.count + self.texts.binaries),
            (Type::Array, self.arrays.count),
            (Type::Object, self.objects),
        ];
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        kinds
    }

    /// Adds a value. `level` is the level of a file at which its schema stands.
    fn add(&mut self, value: &Value, level: usize) {
        match value {
            Value::Null => self.nulls += 1,
            Value::Bool(_) => self.booleans += 1,
            Value::Number(number) => self.numbers.add(value, number.as_str()),
            Value::String(text) => self.texts.add(text),
            Value::Binary(_) => self.texts.binaries += 1,
            Value::List(list) => self.arrays.add_list(list, level),
            Value::Strings(set) => self.arrays.add_set(set.iter().cloned().map(Value::String), level),
            Value::Numbers(set) => self.arrays.add_set(set.iter().cloned().map(Value::Number), level),
            Value::Binaries(set) => self.arrays.add_set(set.iter().cloned().map(Value::Binary), level),
            Value::Map(members) => {
                self.objects += 1;
                self.add_members(members.iter(), level);
            }
        }
    }

    fn add_members<'m>(&mut self, members: impl Iterator<Item = (&'m String, &'m Value)>, level: usize) {
        let level = level + TO_MEMBER;
        if level > DEEPEST {
            return;
        }
        for (name, value) in members {
            if let Some(member) = self.members.get_mut(name) {
                member.add(value, level);
            } else if self.members.len() < NAMES {
                self.members.entry(name.clone()).or_default().add(value, level);
            } else {
                self.has_more_names = true;
            }
        }
    }
}

impl Numbers {
    fn add(&mut self, value: &Value, text: &str) {
        self.count += 1;
        self.whole += u64::from(Type::Integer.admits(value));
        let number: f64 = text.parse().unwrap_or_default();
        self.seconds += u64::from(SECONDS.contains(&number));
        self.milliseconds += u64::from(MILLISECONDS.contains(&number));
    }
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.count += 1;
        self.dates += u64::from(Format::Date.fits(text));
        self.times += u64::from(Format::DateTime.fits(text));
        if self.has_more {
            return;
        }
        if let Some(count) = self.distinct.get_mut(text) {
            *count += 1;
        } else if self.distinct.len() < TEXTS && text.chars().count() <= TEXT {
            self.distinct.insert(text.to_owned(), 1);
        } else {
            self.has_more = true;
            self.distinct.clear();
        }
    }

    /// Returns the distinct texts with their counts. Returns `None` if there are many, or long ones.
    pub(super) fn distinct(&self) -> Option<&BTreeMap<String, u64>> {
        (!self.has_more).then_some(&self.distinct)
    }
}

impl Arrays {
    fn add_list(&mut self, list: &[Value], level: usize) {
        self.count += 1;
        let (shortest, longest) = self.lengths.unwrap_or((list.len(), list.len()));
        self.lengths = Some((shortest.min(list.len()), longest.max(list.len())));
        let texts: Option<std::collections::HashSet<&String>> = list.iter().map(as_text).collect();
        self.distinct_texts += u64::from(texts.is_some_and(|texts| texts.len() == list.len()));
        self.keys.add(list);
        self.add_entries(list.iter(), level);
    }

    fn add_set(&mut self, set: impl Iterator<Item = Value>, level: usize) {
        self.count += 1;
        self.sets += 1;
        self.add_entries(set.collect::<Vec<_>>().iter(), level);
    }

    fn add_entries<'v>(&mut self, entries: impl Iterator<Item = &'v Value>, level: usize) {
        if level < DEEPEST {
            entries.for_each(|entry| self.entries.get_or_insert_default().add(entry, level + 1));
        }
    }
}

fn as_text(value: &Value) -> Option<&String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripple_core::value::parse;

    fn shape(items: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for item in items {
            let Ok(Value::Map(item)) = parse(item.as_bytes()) else { panic!("{item}") };
            shape.add_item(&item, |name| name == "id");
        }
        shape
    }

    #[test]
    fn values_are_counted_by_type() {
        let shape = shape(&[r#"{"id":"a","n":1}"#, r#"{"id":"b","n":1.5}"#, r#"{"id":"c","n":null}"#, r#"{"n":"x"}"#]);
        assert_eq!(shape.objects, 4);
        assert_eq!(shape.members.keys().collect::<Vec<_>>(), ["n"], "the key is no member");
        let n = &shape.members["n"];
        assert_eq!((n.count(), n.others(), n.nulls), (4, 3, 1));
        assert_eq!(n.kinds()[0], (Type::Number, 2));
    }

    #[test]
    fn texts_are_counted_until_they_are_many() {
        let few = shape(&[r#"{"s":"a"}"#, r#"{"s":"a"}"#, r#"{"s":"b"}"#]);
        assert_eq!(few.members["s"].texts.distinct().map(|texts| texts["a"]), Some(2));
        let items: Vec<String> = (0..9).map(|n| format!(r#"{{"s":"{n}"}}"#)).collect();
        let many = shape(&items.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many.members["s"].texts.distinct().is_none());
    }

    #[test]
    fn levels_beyond_those_of_a_file_are_not_looked_at() {
        let deep = shape(&[r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}"#]);
        let mut levels = 0;
        let mut at = &deep;
        while let Some(member) = at.members.get("a") {
            (levels, at) = (levels + 1, member);
        }
        assert_eq!(levels, 5);
        assert_eq!(at.objects, 1);
    }
}
