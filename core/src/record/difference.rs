//! The differences between two states of a record, as a history shows them.

use crate::limits;
use crate::record::merge::{Entries, ListRule, Rules, elements, stand_by_place};
use crate::value::{Members, Value, push_token};

/// The member that names a changed field.
pub(super) const FIELD: &str = "field";
/// The changed entry of a list: the value of its key, usually its `id`, or the entry itself.
pub(super) const ENTRY: &str = "entry";
/// The previous value.
pub(super) const REPLACED: &str = "replaced";
/// Marks a value that no longer exists.
pub(super) const REMOVED: &str = "removed";

/// Returns the changes from `before` to `after`, field by field.
///
/// Objects are compared member by member. Lists are compared entry by entry, or place by place if a merge would do so
/// (see [`crate::record::merge`]). A place is part of the field's name. A value that a merge replaces as a whole is one
/// field.
pub(crate) fn changes(before: &Members, after: &Members, rules: Rules<'_>) -> Vec<Value> {
    let mut changes = Changes::default();
    changes.of_members(before, after, rules);
    changes.bounded()
}

/// Returns the names of the changed fields, as JSON Pointers. A list is one field, so that no rule of a schema matters:
/// the edge has none.
pub(crate) fn fields(before: &Members, after: &Members) -> Vec<String> {
    let mut found = Vec::new();
    add_fields(&mut String::new(), before, after, &mut found);
    found
}

fn add_fields(pointer: &mut String, before: &Members, after: &Members, found: &mut Vec<String>) {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(new) {
        let length = pointer.len();
        push_token(pointer, name);
        match (before.get(name), after.get(name)) {
            (Some(Value::Map(before)), Some(Value::Map(after))) => add_fields(pointer, before, after, found),
            (before, after) if before != after => found.push(pointer.clone()),
            _ => {}
        }
        pointer.truncate(length);
    }
}

/// The changes found so far.
#[derive(Default)]
struct Changes {
    /// The current position, as a JSON Pointer.
    pointer: String,
    found: Vec<Value>,
}

impl Changes {
    fn of_members(&mut self, before: &Members, after: &Members, rules: Rules<'_>) {
        let new = after.keys().filter(|name| !before.contains_key(*name));
        for name in before.keys().chain(new) {
            self.within(name, before.get(name), after.get(name), rules.member(name));
        }
    }

    fn within(&mut self, name: &str, before: Option<&Value>, after: Option<&Value>, rules: Rules<'_>) {
        let length = self.pointer.len();
        push_token(&mut self.pointer, name);
        self.of_value(before, after, rules);
        self.pointer.truncate(length);
    }

    fn of_value(&mut self, before: Option<&Value>, after: Option<&Value>, rules: Rules<'_>) {
        if before == after {
            return;
        }
        if rules.is_whole(after) {
            return self.add(None, before, after);
        }
        let rules = rules.branch(after);
        let rule = rules.list(before, after);
        match (before, after) {
            (Some(Value::Map(before)), Some(Value::Map(after))) => self.of_members(before, after, rules),
            (Some(Value::List(old)), Some(Value::List(new))) if stand_by_place(before, after, rule) => {
                for place in 0..old.len().max(new.len()) {
                    let rules = if rule == ListRule::Places { rules.place(place) } else { rules.entry() };
                    self.within(&place.to_string(), old.get(place), new.get(place), rules);
                }
            }
            (Some(list), Some(_)) => match (elements(before), elements(after)) {
                (Some(before), Some(after)) => self.of_entries(list, &before, &after, rule.key()),
                _ => self.add(None, before, after),
            },
            _ => self.add(None, before, after),
        }
    }

    fn of_entries(&mut self, list: &Value, before: &[Value], after: &[Value], key: Option<&str>) {
        let entries = Entries::of([before, after], key);
        let found = self.found.len();
        for side in [0, 1] {
            for (slot, entry) in entries.slots(side).iter().zip([before, after][side]) {
                let (before, after) = (entries.get(0, *slot), entries.get(1, *slot));
                if (side == 0 || before.is_none()) && before != after {
                    self.add(Some(entry.entry_key(key).unwrap_or(entry)), before, after);
                }
            }
        }
        if self.found.len() == found {
            self.add(None, Some(list), Some(list)); // the order alone
        }
    }

    fn add(&mut self, entry: Option<&Value>, before: Option<&Value>, after: Option<&Value>) {
        let mut change = Members::from([(FIELD.to_owned(), self.pointer.as_str().into())]);
        let mut add = |name: &str, value: Value| change.insert(name.to_owned(), value);
        if let Some(entry) = entry {
            add(ENTRY, entry.clone());
        }
        if let Some(before) = before {
            add(REPLACED, before.clone());
        }
        if after.is_none() {
            add(REMOVED, Value::Bool(true));
        }
        self.found.push(Value::Map(change));
    }

    /// Returns the changes found, within the limit of a row of the history.
    fn bounded(self) -> Vec<Value> {
        if fit(&self.found) { self.found } else { named(&self.found) }
    }
}

/// Returns only the names of the changed fields; the values are in the previous version. If not even the names fit, the
/// change is of the whole record.
pub(crate) fn named(changes: &[Value]) -> Vec<Value> {
    let field = |change: &Value| match change {
        Value::Map(members) => match members.get(FIELD) {
            Some(Value::String(pointer)) => pointer.split('/').nth(1).map(|name| format!("/{name}")),
            _ => None,
        },
        _ => None,
    };
    let mut fields: Vec<String> = changes.iter().filter_map(field).collect();
    fields.dedup();
    let named: Vec<Value> = fields.into_iter().map(change_of).collect();
    if fit(&named) { named } else { vec![whole_record()] }
}

/// Returns a change of the whole record.
pub(crate) fn whole_record() -> Value {
    change_of(String::new())
}

fn change_of(field: String) -> Value {
    Value::Map([(FIELD.to_owned(), field.into())].into())
}

/// Reports whether the changes fit into a row. A list takes one byte for each of its entries.
fn fit(changes: &[Value]) -> bool {
    changes.iter().map(|change| 1 + change.stored_size()).sum::<usize>() <= limits::CHANGES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::members;

    #[track_caller]
    fn tells(before: &str, after: &str, expected: &str) {
        let [before, after] = [before, after].map(members);
        assert_eq!(serde_json::to_string(&changes(&before, &after, Rules::default())).expect("JSON"), expected);
    }

    #[test]
    fn a_field_is_a_member_that_is_no_object_or_a_list_as_a_whole() {
        let before = members(r#"{"a":{"b/c":1,"d":{"e":1}},"g":[{"id":"i","x":1},[2]],"h":1,"o":{}}"#);
        let after = members(r#"{"a":{"b/c":2,"d":{}},"g":[{"id":"i","x":2},[3]],"k":{"x":1},"o":[]}"#);
        assert_eq!(fields(&before, &after), ["/a/b~1c", "/a/d/e", "/g", "/h", "/o", "/k"]);
        assert!(fields(&before, &before).is_empty());
    }

    #[test]
    fn lists_are_told_by_their_kind() {
        tells(r#"{"f":[1,2]}"#, r#"{"f":[1,3]}"#, r#"[{"field":"/f/1","replaced":2}]"#);
        tells(r#"{"f":[{"x":1},{"x":1}]}"#, r#"{"f":[{"x":2},{"x":1}]}"#, r#"[{"field":"/f/0/x","replaced":1}]"#);
        tells(
            r#"{"f":["a"]}"#,
            r#"{"f":["b"]}"#,
            concat!(r#"[{"entry":"a","field":"/f","removed":true,"replaced":"a"},"#, r#"{"entry":"b","field":"/f"}]"#),
        );
        tells(
            r#"{"f":[{"id":"i","x":1}]}"#,
            r#"{"f":[{"id":"i","x":2}]}"#,
            r#"[{"entry":"i","field":"/f","replaced":{"id":"i","x":1}}]"#,
        );
        tells(r#"{"f":[1]}"#, r#"{"f":[1,2]}"#, r#"[{"entry":2,"field":"/f"}]"#);
        tells(r#"{"f":["a","b"]}"#, r#"{"f":["b","a"]}"#, r#"[{"field":"/f","replaced":["a","b"]}]"#);
    }
}
