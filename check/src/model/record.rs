//! The record that writers edit: its fields, their kinds, and the edits.
//!
//! Every new text occurs nowhere else, so it can be traced through every state.

use ripple_core::value::{Members, Number, Value};

/// How two edits of a field are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// By its values: objects member by member, lists of entries by their `id`, texts as an ordered set.
    Plain,
    /// A list of equal length, place by place.
    Places,
    /// Entries without a mark, identified by the `id` that ripple gives them.
    Hours,
    /// Text of several lines, line by line.
    Lines,
    /// A set.
    Set,
}

/// Returns the kind of a top-level field.
pub(crate) fn kind(name: &str) -> Kind {
    match name {
        "done" | "score" | "at" | "grid" => Kind::Places,
        "hours" => Kind::Hours,
        "description" => Kind::Lines,
        "labels" => Kind::Set,
        _ => Kind::Plain,
    }
}

/// The text that several writers set `goal` to.
pub(crate) const AGREED: &str = "agreed";

/// Members that ripple ignores in a body.
pub(crate) const SYSTEM: [&str; 4] = ["prj_id", "version", "updated_at", "updated_by"];

/// Members that every new record has.
pub(crate) const REQUIRED: [&str; 7] = ["name", "goal", "issue", "description", "term_unit", "create_date", "term"];

/// One edit of a record. A place is taken modulo the length of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Sets this field to a new text.
    Set(&'static str),
    /// Sets the field `goal` to its first text.
    SetBack,
    /// Sets the field `goal` to [`AGREED`].
    Agree,
    /// Removes the field `note`.
    Drop,
    /// Adds an entry at this place of the timeline, with an id of the writer or without one.
    Add(usize, Id),
    /// Sets a member of the entry at this place to a new text.
    Change(usize, &'static str),
    /// Removes the entry at this place.
    Remove(usize),
    /// Moves the entry at this place to the front.
    Move(usize),
    /// Adds a copy of the entry at this place at the end, with the same `id` and other texts.
    Copy(usize),
    /// Adds a text to this list or set.
    Tag(&'static str),
    /// Removes the text at this place of this list or set.
    Untag(&'static str, usize),
    /// Sets the set `labels` to `[]`.
    ClearLabels,
    /// Adds one text twice to the set `labels`.
    TagTwice,
    /// Sets a member of the object `links` to a new text.
    Link(&'static str),
    /// Flips the boolean at this place of this list. `boxes` is an object with such a list.
    Flip(&'static str, usize),
    /// Sets the number at this place of `score` to 1.
    Count(usize),
    /// Sets the number at this place of this list. In `grid`, the place is used for both levels.
    Place(&'static str, usize),
    /// Adds an entry `{"h":2}`.
    Hours,
    /// Sets this line of `description` to a new text.
    Line(usize),
    /// Sets a new text in the entry of `log`, which has no `id`.
    Log,
    /// Adds this number of new members.
    Many(usize),
}

/// The origin of an entry's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Ripple,
    Writer,
}

impl Edit {
    /// Makes the edit. `text` and `number` occur nowhere else.
    pub(crate) fn make(self, record: &mut Members, text: &str, number: u64) {
        let fresh = || Value::from(text);
        match self {
            Edit::Set(name) => drop(record.insert(name.to_owned(), fresh())),
            Edit::SetBack => drop(record.insert("goal".to_owned(), "goal by setup".into())),
            Edit::Agree => drop(record.insert("goal".to_owned(), AGREED.into())),
            Edit::Drop => drop(record.remove("note")),
            Edit::Add(place, id) => {
                let list = list(record, "timeline");
                let mut entry = Members::from([("mark".to_owned(), fresh()), ("text".to_owned(), fresh())]);
                if id == Id::Writer {
                    entry.insert("id".to_owned(), format!("own {text}").into());
                }
                let place = place % (list.len() + 1);
                list.insert(place, Value::Map(entry));
            }
            Edit::Change(place, member) => {
                if let Some(Value::Map(entry)) = at(list(record, "timeline"), place) {
                    entry.insert(member.to_owned(), fresh());
                }
            }
            // A copy has its original's id. If the original went, ripple would take the copy for it, with other texts.
            Edit::Remove(place) => {
                let list = list(record, "timeline");
                if !shares_id(list, place) {
                    remove(list, place);
                }
            }
            Edit::Move(place) => {
                let list = list(record, "timeline");
                let length = list.len().max(1);
                if place % length > 0 {
                    let entry = list.remove(place % length);
                    list.insert(0, entry);
                }
            }
            Edit::Copy(place) => {
                let list = list(record, "timeline");
                if let Some(Value::Map(entry)) = at(list, place).map(|entry| entry.clone()) {
                    let own = [("mark".to_owned(), fresh()), ("text".to_owned(), fresh())];
                    list.push(Value::Map(entry.into_iter().chain(own).collect()));
                }
            }
            Edit::Tag(name) => list(record, name).push(fresh()),
            Edit::Untag(name, place) => remove(list(record, name), place),
            Edit::ClearLabels => list(record, "labels").clear(),
            Edit::TagTwice => list(record, "labels").extend([fresh(), fresh()]),
            Edit::Link(member) => {
                let links = record.entry("links".to_owned()).or_insert_with(|| Value::Map(Members::new()));
                if let Value::Map(links) = links {
                    links.insert(member.to_owned(), fresh());
                }
            }
            Edit::Flip(name, place) => {
                let list = match record.get_mut(name) {
                    Some(Value::Map(boxes)) => boxes.get_mut("list"),
                    other => other,
                };
                if let Some(Value::List(list)) = list
                    && let Some(Value::Bool(flag)) = at(list, place)
                {
                    *flag = !*flag;
                }
            }
            Edit::Count(place) => replace(record, "score", place, 1_u64.into()),
            Edit::Place("grid", place) => {
                if let Some(Value::List(grid)) = record.get_mut("grid")
                    && let Some(Value::List(row)) = at(grid, place)
                    && let Some(cell) = at(row, place)
                {
                    *cell = number.into();
                }
            }
            Edit::Place(name, place) => replace(record, name, place, number.into()),
            Edit::Hours => {
                let entry = Members::from([("h".to_owned(), 2_u64.into())]);
                list(record, "hours").push(Value::Map(entry));
            }
            Edit::Line(line) => {
                if let Some(Value::String(description)) = record.get_mut("description") {
                    let mut lines: Vec<&str> = description.split('\n').collect();
                    let length = lines.len();
                    lines[line % length] = text;
                    *description = lines.join("\n");
                }
            }
            Edit::Log => {
                if let Some(Value::List(log)) = record.get_mut("log")
                    && let Some(Value::Map(entry)) = log.first_mut()
                {
                    entry.insert("said".to_owned(), fresh());
                }
            }
            Edit::Many(count) => {
                record.extend((0..count).map(|place| (format!("member {place:03}"), fresh())));
            }
        }
    }
}

fn at(list: &mut [Value], place: usize) -> Option<&mut Value> {
    let length = list.len().max(1);
    list.get_mut(place % length)
}

fn replace(record: &mut Members, name: &str, place: usize, value: Value) {
    if let Some(Value::List(list)) = record.get_mut(name)
        && let Some(there) = at(list, place)
    {
        *there = value;
    }
}

/// Reports whether another entry has the id of the entry at this place.
fn shares_id(list: &[Value], place: usize) -> bool {
    let id = |entry: &Value| match entry {
        Value::Map(members) => members.get("id").cloned(),
        _ => None,
    };
    let place = place % list.len().max(1);
    let same = list.get(place).and_then(id);
    same.is_some() && list.iter().enumerate().any(|(other, entry)| other != place && id(entry) == same)
}

fn remove(list: &mut Vec<Value>, place: usize) {
    if !list.is_empty() {
        list.remove(place % list.len());
    }
}

fn list<'a>(record: &'a mut Members, name: &str) -> &'a mut Vec<Value> {
    let value = record.entry(name.to_owned()).or_insert_with(|| Value::List(Vec::new()));
    if !matches!(value, Value::List(_)) {
        *value = Value::List(Vec::new());
    }
    match value {
        Value::List(list) => list,
        _ => unreachable!("it is a list now"),
    }
}

/// Returns a new record. All its texts contain `who`.
pub(crate) fn new_record(who: &str) -> Members {
    let mut record = Members::new();
    for name in ["name", "goal", "issue", "description", "term_unit", "create_date", "note"] {
        record.insert(name.to_owned(), format!("{name} by {who}").into());
    }
    record.insert("term".to_owned(), 3_u64.into());
    for text in ["first", "second"] {
        Edit::Add(9, Id::Ripple).make(&mut record, &format!("{text} by {who}"), 0);
    }
    for text in ["red", "blue"] {
        Edit::Tag("tags").make(&mut record, &format!("{text} by {who}"), 0);
    }
    Edit::Link("home").make(&mut record, &format!("home by {who}"), 0);
    record
}

/// Adds lists of the other kinds, and a text of several lines.
pub(crate) fn with_lists(mut record: Members) -> Members {
    let flags = |flags: [bool; 3]| Value::List(flags.map(Value::Bool).to_vec());
    let numbers = |numbers: &[&str]| {
        Value::List(numbers.iter().map(|number| Value::Number(Number::parse(number).expect("a number"))).collect())
    };
    record.insert("done".to_owned(), flags([false, false, false]));
    record.insert("boxes".to_owned(), Value::Map([("list".to_owned(), flags([false, false, true]))].into()));
    record.insert("score".to_owned(), numbers(&["0", "0"]));
    record.insert("at".to_owned(), numbers(&["37.5", "127"]));
    record.insert("grid".to_owned(), Value::List(vec![numbers(&["1", "2"]), numbers(&["3", "4"])]));
    record.insert("description".to_owned(), "one\ntwo\nthree\nfour\nfive".into());
    record
}

/// Returns the record that another program puts: the fields of the legacy function, and values that JSON shows only in
/// part.
pub(crate) fn external_record(who: &str) -> Members {
    let mut record = new_record(who);
    let entry = |id: &str| {
        let named = format!("{id} by {who}");
        let members = [("id", named.clone()), ("mark", named), ("text", "text".to_owned())];
        Value::Map(members.into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect())
    };
    record.insert("timeline".to_owned(), Value::List(vec![entry("first"), entry("second")]));
    record.insert("labels".to_owned(), Value::Strings([format!("wet by {who}"), format!("dry by {who}")].into()));
    // An entry without an id, with members that JSON does not show with their types.
    let log = Members::from([
        ("said".to_owned(), "hello".into()),
        ("to".to_owned(), Value::Strings(["Ann".to_owned(), "Bo".to_owned()].into())),
        ("sound".to_owned(), Value::Binary(vec![1, 2, 255])),
    ]);
    record.insert("log".to_owned(), Value::List(vec![Value::Map(log)]));
    let digits = Number::parse("12345678901234567890123456789012345678").expect("a number");
    let legacy = Members::from([
        ("digits".to_owned(), Value::Number(digits)),
        ("bytes".to_owned(), Value::Binary(vec![0, 255])),
        ("set".to_owned(), Value::Binaries([vec![1], vec![2, 3]].into())),
        ("nothing".to_owned(), Value::Null),
    ]);
    record.insert(UNKNOWN.to_owned(), Value::Map(legacy));
    record
}

/// An attribute that no client of ripple edits.
pub(crate) const UNKNOWN: &str = "legacy";

/// Returns the members of a shown record that a client can edit. Sets are sorted.
pub(crate) fn attributes(shown: &Members) -> Members {
    let mut attributes = shown.clone();
    attributes.retain(|name, _| !SYSTEM.contains(&name.as_str()));
    let empty = match attributes.get_mut("labels") {
        Some(Value::List(labels)) => {
            labels.sort_by_key(|label| text(Some(label)));
            labels.dedup();
            labels.is_empty()
        }
        _ => false,
    };
    if empty {
        attributes.remove("labels");
    }
    attributes
}

/// Returns a value as text, for a message.
pub(crate) fn text(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), |value| serde_json::to_string(value).unwrap_or_default())
}
