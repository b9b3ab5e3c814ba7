//! Ids for entries without one.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::fast::RandomState;
use sha2::{Digest as _, Sha256};

use super::entries::{Entries, Map};
use super::{ListRule, Rules};
use crate::limits;
use crate::record::change::TooLarge;
use crate::value::{Members, Value, stored_size};

/// The state from which new entries are distinguished.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// The state that the author saw.
    Base(&'a Members),
    /// The state in the table, if the author's is unknown.
    Theirs(&'a Members),
}

/// Gives an `id` to every new entry of `mine` that is an object, and a new one to a copy that has the `id` of its
/// original. An entry without `id` that is also in `known` stays as it is. `rules` name another member than `id`, and
/// lists whose entries need none.
///
/// # Errors
/// If the record would be larger than DynamoDB allows, and larger than `known`. Then no more ids are made than fit.
pub(crate) fn give(mine: &mut Members, known: Known<'_>, seed: &str, rules: Rules<'_>) -> Result<(), TooLarge> {
    let (Known::Base(state) | Known::Theirs(state)) = known;
    let most = limits::RECORD.max(stored_size(state));
    let mut ids = Ids { seed, by_place: matches!(known, Known::Base(_)), size: stored_size(mine), most };
    if ids.size <= ids.most {
        ids.in_members(mine, state, rules);
    }
    if ids.size <= ids.most { Ok(()) } else { Err(TooLarge(ids.size)) }
}

struct Ids<'a> {
    seed: &'a str,
    /// Whether an entry without `id` that was changed in its place counts as known.
    by_place: bool,
    /// The size of the record as stored, with the generated ids.
    size: usize,
    most: usize,
}

/// The origin of an entry of a list.
#[derive(Clone, Copy)]
enum Origin {
    /// An entry of the known state, at this place.
    Known(usize),
    /// A new entry.
    New,
    /// A new entry with the `id` of a known one.
    Copy,
}

impl Ids<'_> {
    fn in_members(&mut self, mine: &mut Members, known: &Members, rules: Rules<'_>) {
        for (name, value) in mine {
            self.in_value(value, known.get(name), rules.member(name));
        }
    }

    fn in_value(&mut self, value: &mut Value, known: Option<&Value>, rules: Rules<'_>) {
        // In a value that is never merged, entries need no `id`.
        if known.is_some_and(|known| value == known) || rules.is_whole(Some(value)) {
            return;
        }
        let rules = rules.branch(Some(value));
        // An author whose base is unknown is assumed to have seen no list that they send, and a merge does the same.
        let rule = rules.list(known.filter(|_| self.by_place), Some(value));
        match (value, known) {
            (Value::Map(members), Some(Value::Map(known))) => self.in_members(members, known, rules),
            (Value::Map(members), _) => self.in_members(members, &Members::new(), rules),
            (Value::List(list), Some(Value::List(known))) => self.in_list(list, known, rules, rule),
            (Value::List(list), _) => self.in_list(list, &[], rules, rule),
            _ => {}
        }
    }

    fn in_list(&mut self, list: &mut [Value], known: &[Value], rules: Rules<'_>, rule: ListRule<'_>) {
        if !list.iter().any(|entry| matches!(entry, Value::Map(_) | Value::List(_))) {
            return;
        }
        if rule == ListRule::Places {
            for (place, entry) in list.iter_mut().enumerate() {
                self.in_value(entry, known.get(place), rules.place(place));
            }
            return;
        }
        let (rules, key) = (rules.entry(), rule.key());
        let origins = self.origins(list, known, key);
        let mut made = Made::default();
        if origins.iter().any(|origin| !matches!(origin, Origin::Known(_))) {
            made.ids = taken(list, key);
        }
        for (entry, origin) in list.iter_mut().zip(origins) {
            if let Origin::Known(place) = origin {
                self.in_value(entry, Some(&known[place]), rules);
                continue;
            }
            let named = match (&*entry, key) {
                (Value::Map(members), Some(key)) if matches!(origin, Origin::Copy) || lacks_id(members, key) => {
                    // The name, the characters, and one byte for the member.
                    self.size += key.len() + limits::GIVEN_ID + 1;
                    (self.size <= self.most).then(|| (key, self.derive(entry, &mut made)))
                }
                _ => None,
            };
            self.in_value(entry, None, rules);
            if let (Value::Map(members), Some((key, id))) = (entry, named) {
                members.insert(key.to_owned(), id.into());
            }
        }
    }

    /// Returns the origin of each entry of a list.
    fn origins(&self, list: &[Value], known: &[Value], key: Option<&str>) -> Vec<Origin> {
        let named = |list: &[Value]| list.iter().any(|entry| entry.entry_key(key).is_some());
        if self.by_place && list.len() == known.len() && !named(list) && !named(known) {
            return (0..list.len()).map(Origin::Known).collect();
        }
        let entries = Entries::of([known, list], key);
        let origin = |(slot, entry): (&u32, &Value)| match entries.place(0, *slot) {
            Some(place) => Origin::Known(place),
            None if entry.entry_key(key).is_some() && entries.first(*slot) != *slot => Origin::Copy,
            None => Origin::New,
        };
        entries.slots(1).iter().zip(list).map(origin).collect()
    }

    /// Generates the `id` of a new entry, of 96 bits. If an equal entry of the list already has that id, from an
    /// earlier save with the same seed, the entry counts as one more.
    fn derive(&self, entry: &Value, made: &mut Made) -> String {
        let content = serde_json::to_string(entry).expect("names are strings and numbers valid JSON");
        let ordinal = made.ordinals.entry(content.clone()).or_default();
        loop {
            let seed = serde_json::to_vec(&(self.seed, *ordinal, &content)).expect("numbers and text serialise");
            *ordinal += 1;
            let id = URL_SAFE_NO_PAD.encode(&Sha256::digest(seed)[..12]);
            if made.ids.insert(id.clone()) {
                return id;
            }
        }
    }
}

/// The ids of a list.
#[derive(Default)]
struct Made {
    ids: HashSet<String, RandomState>,
    /// The number of ids made for entries with this content.
    ordinals: Map<String, u64>,
}

/// Returns the ids that entries of a list already have and that could be generated.
fn taken(list: &[Value], key: Option<&str>) -> HashSet<String, RandomState> {
    let ids = list.iter().filter_map(|entry| entry.entry_key(key));
    let texts = ids.filter_map(|id| match id {
        Value::String(text) if text.len() == limits::GIVEN_ID => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Reports whether an object has no `id` under its name, or an empty one. An `id` of another type is data.
fn lacks_id(members: &Members, key: &str) -> bool {
    match members.get(key) {
        None | Some(Value::Null) => true,
        Some(Value::String(id)) => id.is_empty(),
        Some(_) => false,
    }
}
