//! Whose values an edit replaced, although its author had not seen them.

use super::difference::{ENTRY, FIELD, REMOVED, REPLACED};
use super::history::Entry;
use super::merge::Rules;
use crate::value::{Members, Number, Value, unescaped};

/// The space for the lost values of one write, in bytes. A frame of the live channel has 1,024.
const ROOM: usize = 512;

/// A value that an edit replaced, although the author of the edit had not seen it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lost {
    /// The field, as the receipt names it.
    pub field: String,
    /// The id of the person on whose behalf the value was written. Empty if the writer named none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// The version that the write of the value made.
    pub version: u64,
}

/// Returns whose values an edit replaced. `won` names the fields, `theirs` is the state that the edit found, and
/// `merged` the one that it made. `history` has entries up to `theirs`, newest first. A field is omitted if none of them
/// has written its value, or if there is no room for it.
///
/// ```
/// use ripple_core::record::history::Row;
/// use ripple_core::record::lost::{Lost, lost};
/// use ripple_core::record::merge::Rules;
/// use ripple_core::record::Person;
/// use ripple_core::value::Members;
/// use ripple_core::{Record, RecordId, Timestamp};
///
/// let state = |number, goal: &str, id| {
///     let members = Members::from([("goal".to_owned(), goal.into())]);
///     let record = Record::new(RecordId::parse("a").unwrap(), members).written(None, number, Timestamp(5), "app");
///     record.on_behalf_of(Person::new("Ann", Some(id)).ok().as_ref())
/// };
/// let (seen, theirs, mine) = (state(1, "Beans", "u1"), state(2, "Peas", "u3"), state(3, "Leeks", "u7"));
/// let history = [Row::of_write(Some(&seen), &theirs, Some(1), Rules::default()).entry];
/// let found = lost(&["/goal".to_owned()], &theirs.attributes, &mine.attributes, Rules::default(), &history);
/// assert_eq!(found, [Lost { field: "/goal".to_owned(), author: "u3".to_owned(), version: 2 }]);
/// ```
#[must_use]
pub fn lost(won: &[String], theirs: &Members, merged: &Members, rules: Rules<'_>, history: &[Entry]) -> Vec<Lost> {
    let mut room = ROOM;
    let of_field = |field: &String| {
        let path = Path::of(field, merged, rules)?;
        let value = path.in_record(theirs);
        let entry = history.iter().find(|entry| entry.changes.iter().any(|change| path.is_changed(change, value)))?;
        let author = entry.updated_author.as_ref().and_then(|person| person.id()).unwrap_or_default().to_owned();
        let lost = Lost { field: field.clone(), author, version: entry.number };
        room = room.checked_sub(lost.to_value().stored_size())?;
        Some(lost)
    };
    won.iter().filter_map(of_field).collect()
}

impl Lost {
    fn to_value(&self) -> Value {
        let version = Value::Number(Number::whole(self.version.cast_signed()));
        Value::List(vec![self.field.as_str().into(), self.author.as_str().into(), version])
    }

    /// Returns the form that items and rows have.
    pub(crate) fn stored(lost: &[Lost]) -> Option<Value> {
        (!lost.is_empty()).then(|| Value::List(lost.iter().map(Lost::to_value).collect()))
    }

    /// Reads the stored form. What is not of this form is omitted.
    pub(crate) fn of_stored(value: Option<Value>) -> Vec<Lost> {
        let Some(Value::List(list)) = value else { return Vec::new() };
        let lost = list.into_iter().filter_map(|value| match value {
            Value::List(parts) => match <[Value; 3]>::try_from(parts).ok()? {
                [Value::String(field), Value::String(author), Value::Number(version)] => {
                    Some(Lost { field, author, version: version.as_u64()? })
                }
                _ => None,
            },
            _ => None,
        });
        lost.collect()
    }
}

/// The way to a field of the merged record. An entry of a list is found again by its key, wherever it is.
struct Path<'a> {
    field: &'a str,
    steps: Vec<Step<'a>>,
}

/// A step into a value.
enum Step<'a> {
    Member(String),
    Place(usize),
    /// The entry of this key, which is the value of the member of this name.
    Entry(&'a str, &'a Value),
}

impl<'a> Path<'a> {
    /// Returns `None` for what is no JSON Pointer to a member.
    fn of(field: &'a str, merged: &'a Members, rules: Rules<'a>) -> Option<Path<'a>> {
        let mut names = field.strip_prefix('/')?.split('/').map(unescaped);
        let first = names.next()??;
        let (mut value, mut rules) = (merged.get(&first), rules.member(&first));
        let mut steps = vec![Step::Member(first)];
        for name in names {
            let name = name?;
            rules = rules.branch(value);
            if let Some(Value::List(list)) = value {
                let place: usize = name.parse().ok()?;
                let key = rules.list(value, value).key();
                value = list.get(place);
                rules = if key.is_some() { rules.entry() } else { rules.place(place) };
                steps.push(match value.and_then(|entry| entry.entry_key(key)).zip(key) {
                    Some((of_entry, key)) => Step::Entry(key, of_entry),
                    None => Step::Place(place),
                });
            } else {
                value = match value {
                    Some(Value::Map(members)) => members.get(&name),
                    _ => None,
                };
                rules = rules.member(&name);
                steps.push(Step::Member(name));
            }
        }
        Some(Path { field, steps })
    }

    fn in_record<'v>(&self, record: &'v Members) -> Option<&'v Value> {
        let (first, rest) = self.steps.split_first()?;
        match first {
            Step::Member(name) => follow(record.get(name), rest),
            _ => None,
        }
    }

    /// Reports whether a change of the history gave the field its value.
    fn is_changed(&self, change: &Value, value: Option<&Value>) -> bool {
        let Value::Map(change) = change else { return false };
        let Some(Value::String(changed)) = change.get(FIELD) else { return false };
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !within(self.field, changed) {
            return within(changed, self.field);
        }
        let replaced = change.get(REPLACED);
        let mut rest = &self.steps[changed.matches('/').count()..];
        match (change.get(ENTRY), rest.split_first()) {
            (None, _) => {}
            (Some(entry), Some((Step::Entry(_, key), inner))) if *key == entry => rest = inner,
            // Another entry of the list.
            (Some(_), Some(_)) => return false,
            // The field is the list.
            (Some(_), None) => return true,
        }
        let tells = [REPLACED, ENTRY, REMOVED].into_iter().any(|name| change.contains_key(name));
        !tells || follow(replaced, rest) != value
    }
}

fn follow<'v>(value: Option<&'v Value>, steps: &[Step<'_>]) -> Option<&'v Value> {
    steps.iter().try_fold(value?, |value, step| match (step, value) {
        (Step::Member(name), Value::Map(members)) => members.get(name),
        (Step::Place(place), Value::List(list)) => list.get(*place),
        (Step::Entry(name, key), Value::List(list)) => {
            list.iter().find(|entry| entry.entry_key(Some(name)) == Some(*key))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::history::Row;
    use crate::record::merge::merge;
    use crate::record::{Person, Record, RecordId};
    use crate::time::Timestamp;
    use crate::value::{members, parse};

    /// Returns the history of these states, newest first. The person of version n is `u{n}`, and that of 3 has no id.
    fn history(states: &[Members]) -> Vec<Entry> {
        let state = |place: usize| {
            let number = place as u64 + 1;
            let id = format!("u{number}");
            let person = Person::new("Ann", (number != 3).then_some(&*id)).ok();
            let record = Record::new(RecordId::stored("p".to_owned()), states[place].clone());
            record.written(None, number, Timestamp(5), "app").on_behalf_of(person.as_ref())
        };
        let entry = |place: usize| {
            let before = place.checked_sub(1).map(state);
            Row::of_write(before.as_ref(), &state(place), None, Rules::default()).entry
        };
        (0..states.len()).rev().map(entry).collect()
    }

    /// Checks whose values an edit replaces that was made on the first state, as field, author and version.
    #[track_caller]
    fn loses(states: &[&str], mine: &str, expected: &[(&str, &str, u64)]) {
        let states: Vec<Members> = states.iter().map(|json| members(json)).collect();
        let theirs = &states[states.len() - 1];
        let (merged, report) = merge(&states[0], theirs, &members(mine), Rules::default());
        let found = lost(&report.won, theirs, &merged, Rules::default(), &history(&states));
        let found: Vec<(&str, &str, u64)> =
            found.iter().map(|lost| (&*lost.field, &*lost.author, lost.version)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_last_writer_of_each_field_is_told() {
        loses(&[r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#], r#"{"a":3,"b":1}"#, &[("/a", "u2", 2)]);
        // Another field was written later, and the same value again.
        let states = [r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":2,"b":2}"#, r#"{"a":2,"b":3}"#];
        loses(&states, r#"{"a":3,"b":4}"#, &[("/a", "u2", 2), ("/b", "u4", 4)]);
        loses(&states[..3], r#"{"a":1,"b":4}"#, &[("/b", "", 3)]);
        loses(&states, r#"{"a":1,"b":1,"c":1}"#, &[]);
        // A field that was added, removed, or is within an object.
        loses(&["{}", r#"{"a":1}"#], r#"{"a":2}"#, &[("/a", "u2", 2)]);
        loses(&[r#"{"a":1}"#, "{}"], r#"{"a":2}"#, &[("/a", "u2", 2)]);
        loses(
            &[r#"{"o":{"p/q":1,"r":1}}"#, r#"{"o":{"p/q":2,"r":1}}"#, r#"{"o":{"p/q":2,"r":2}}"#],
            r#"{"o":{"p/q":3,"r":1}}"#,
            &[("/o/p~1q", "u2", 2)],
        );
    }

    #[test]
    fn the_writer_of_an_entry_is_found_wherever_the_entry_is() {
        let entry = |id: &str, x: u8, y: u8| format!(r#"{{"id":"{id}","x":{x},"y":{y}}}"#);
        let list = |entries: &[String]| format!(r#"{{"l":[{}]}}"#, entries.join(","));
        let (i, j) = (entry("i", 1, 1), entry("j", 1, 1));
        let states = [
            list(&[i.clone(), j.clone()]),
            list(&[entry("i", 2, 1), j.clone()]),
            list(&[entry("k", 1, 1), entry("i", 2, 1), j.clone()]),
            list(&[entry("k", 1, 1), entry("i", 2, 2), j]),
        ];
        let states: Vec<&str> = states.iter().map(String::as_str).collect();
        loses(&states, &list(&[entry("i", 3, 1), entry("j", 2, 2)]), &[("/l/1/x", "u2", 2)]);
        loses(&states, &list(&[entry("i", 3, 3), entry("j", 1, 1)]), &[("/l/1/x", "u2", 2), ("/l/1/y", "u4", 4)]);
        // By places.
        loses(&[r#"{"l":[1,2]}"#, r#"{"l":[1,3]}"#, r#"{"l":[2,3]}"#], r#"{"l":[1,4]}"#, &[("/l/1", "u2", 2)]);
    }

    #[test]
    fn a_row_that_only_names_its_fields_counts_as_the_writer() {
        let states = [members(r#"{"a":1}"#), members(r#"{"a":2}"#)];
        let mut history = history(&states);
        let find =
            |history: &[Entry]| lost(&["/a".to_owned()], &states[1], &members(r#"{"a":3}"#), Rules::default(), history);
        for changes in
            [crate::record::difference::named(&history[0].changes), vec![crate::record::difference::whole_record()]]
        {
            history[0].changes = changes;
            assert_eq!(find(&history), [Lost { field: "/a".to_owned(), author: "u2".to_owned(), version: 2 }]);
        }
        assert_eq!(find(&[]), []);
    }

    #[test]
    fn the_stored_form_is_bounded_and_comes_back() {
        let names: Vec<String> = (0..100).map(|number| format!("m{number}")).collect();
        let state = |value: u64| names.iter().map(|name| (name.clone(), value.into())).collect::<Members>();
        let (states, won) = ([state(1), state(2)], names.iter().map(|name| format!("/{name}")).collect::<Vec<_>>());
        let found = lost(&won, &states[1], &state(3), Rules::default(), &history(&states));
        assert!((10..100).contains(&found.len()), "{}", found.len());
        let stored = Lost::stored(&found).expect("some");
        assert!(stored.stored_size() <= ROOM + 64, "{}", stored.stored_size());
        assert_eq!(Lost::of_stored(Some(stored)), found);
        for other in ["1", "[1]", "[[1]]", r#"[["/a","u",-1]]"#, r#"[["/a",2,1]]"#] {
            assert_eq!(Lost::of_stored(parse(other.as_bytes()).ok()), [], "{other}");
        }
        assert_eq!(Lost::stored(&[]), None);
    }

    /// The values of two members, and of two entries with two members each, in either order.
    type State = ([u8; 2], [[u8; 2]; 2], bool);

    fn of_state(([a, b], [i, j], turned): State) -> Members {
        let mut list = [
            format!(r#"{{"id":"i","x":{},"y":{}}}"#, i[0], i[1]),
            format!(r#"{{"id":"j","x":{},"y":{}}}"#, j[0], j[1]),
        ];
        if turned {
            list.reverse();
        }
        members(&format!(r#"{{"a":{a},"b":{b},"l":[{}]}}"#, list.join(",")))
    }

    proptest! {
        /// The value is that of the newest state that differs from the one before it in this field.
        #[test]
        fn the_writer_is_the_last_who_changed_the_field(
            states in prop::collection::vec(any::<State>().prop_map(|(a, l, turned)| {
                (a.map(|value| value % 3), l.map(|entry| entry.map(|value| value % 3)), turned)
            }), 2..6),
            mine in any::<State>().prop_map(|(a, l, turned)| (a.map(|value| value % 4), l.map(|entry| entry.map(|value| value % 4)), turned)),
        ) {
            let content: Vec<Members> = states.iter().map(|state| of_state(*state)).collect();
            let theirs = &content[content.len() - 1];
            let (merged, report) = merge(&content[0], theirs, &of_state(mine), Rules::default());
            let found = lost(&report.won, theirs, &merged, Rules::default(), &history(&content));
            prop_assert_eq!(found.len(), report.won.len());
            for Lost { field, version, .. } in found {
                let value = |(members, entries, _): &State| match field.split('/').collect::<Vec<_>>()[..] {
                    ["", member] => members[usize::from(member == "b")],
                    ["", "l", place, member] => {
                        let Value::List(list) = &merged["l"] else { unreachable!("a list") };
                        let entry = &list[place.parse::<usize>().expect("a place")];
                        entries[usize::from(entry.entry_id() == Some(&"j".into()))][usize::from(member == "y")]
                    }
                    _ => unreachable!("{field}"),
                };
                let last = (1..states.len()).rev().find(|place| value(&states[*place]) != value(&states[place - 1]));
                prop_assert_eq!(Some(version), last.map(|place| place as u64 + 1), "{}", field);
            }
        }
    }
}
