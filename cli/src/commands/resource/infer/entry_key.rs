//! The member that identifies the entries of a list of objects.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use ripple_core::value::Value;

/// Distinct values of a member that are counted.
const DISTINCT: usize = 10_000;

/// The members that identify the entries of every list at one place.
#[derive(Debug, Default)]
pub(super) struct EntryKeys {
    /// The number of lists that have entries, all of them objects.
    pub(super) lists: u64,
    /// The hashes of the values of each member that is a scalar in every entry and unique in each list.
    candidates: BTreeMap<String, HashSet<u64>>,
}

impl EntryKeys {
    /// Adds a list. One that is empty or has an entry of another type is ignored.
    pub(super) fn add(&mut self, list: &[Value]) {
        let is_object = |entry: &Value| matches!(entry, Value::Map(_));
        let Some(Value::Map(first)) = list.first() else { return };
        if !list.iter().all(is_object) {
            return;
        }
        if self.lists == 0 {
            self.candidates = first.keys().map(|name| (name.clone(), HashSet::new())).collect();
        }
        self.lists += 1;
        self.candidates.retain(|name, seen| match unique(list, name) {
            None => false,
            Some(values) => {
                let hashes = BuildHasherDefault::<DefaultHasher>::default();
                let room = DISTINCT.saturating_sub(seen.len());
                seen.extend(values.into_iter().map(|value| hashes.hash_one(value)).take(room));
                true
            }
        });
    }

    /// Returns the best of the members that identify the entries of every list: first by its name, then by the number of
    /// its values. Returns `None` if there is none.
    pub(super) fn best(&self) -> Option<&str> {
        let best = self.candidates.iter().min_by_key(|(name, seen)| (rank(name), std::cmp::Reverse(seen.len())));
        best.map(|(name, _)| name.as_str())
    }
}

/// Returns the values of a member if it identifies the entries: each has it, and no two are equal.
fn unique<'v>(list: &'v [Value], name: &str) -> Option<HashSet<&'v Value>> {
    let value = |entry: &'v Value| match entry {
        Value::Map(members) => members.get(name).filter(|value| match value {
            Value::String(text) => !text.is_empty(),
            value => matches!(value, Value::Number(_)),
        }),
        _ => None,
    };
    let values: HashSet<&Value> = list.iter().map(value).collect::<Option<_>>()?;
    (values.len() == list.len()).then_some(values)
}

/// Returns the place of a name in the order of preference.
fn rank(name: &str) -> usize {
    match name {
        "id" => 0,
        name if name.ends_with("_id") => 1,
        "key" => 2,
        "uuid" => 3,
        "code" => 4,
        "name" => 5,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripple_core::value::parse;

    fn best(lists: &[&str]) -> Option<String> {
        let mut keys = EntryKeys::default();
        for list in lists {
            let Ok(Value::List(list)) = parse(list.as_bytes()) else { panic!("{list}") };
            keys.add(&list);
        }
        keys.best().map(str::to_owned)
    }

    #[test]
    fn a_key_is_in_every_entry_and_unique_in_each_list() {
        assert_eq!(best(&[r#"[{"a":1,"b":1},{"a":2,"b":1}]"#, r#"[{"a":1,"b":2}]"#]).as_deref(), Some("a"));
        assert_eq!(best(&[r#"[{"a":1},{"b":2}]"#]), None);
        assert_eq!(best(&[r#"[{"a":1},{"a":1}]"#]), None);
        assert_eq!(best(&[r#"[{"a":""}]"#, "[]"]), None);
        assert_eq!(best(&[r#"[{"a":true}]"#]), None);
    }

    #[test]
    fn known_names_come_first_and_then_the_most_distinct_values() {
        assert_eq!(best(&[r#"[{"name":"x","step_id":1,"code":"y"}]"#]).as_deref(), Some("step_id"));
        assert_eq!(best(&[r#"[{"name":"x","id":1}]"#]).as_deref(), Some("id"));
        let lists = [r#"[{"a":1,"b":1}]"#, r#"[{"a":1,"b":2}]"#];
        assert_eq!(best(&lists).as_deref(), Some("b"));
    }

    #[test]
    fn lists_of_other_entries_are_ignored() {
        assert_eq!(best(&[r#"[{"a":1}]"#, "[1]", "[]"]).as_deref(), Some("a"));
    }
}
