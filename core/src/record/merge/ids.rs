//! Ids for entries without one.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use foldhash::fast::RandomState;
use sha2::{Digest as _, Sha256};

use super::entries::{Entries, Map};
use crate::limits;
use crate::record::change::TooLarge;
use crate::value::{Members, Value, stored_size};

/// The member that identifies an entry.
const ID: &str = "id";

/// The length of a generated `id`, in characters.
const ID_LENGTH: usize = 16;

/// The bytes that a generated `id` adds to the stored record: its name, its characters, and one for the member.
const ID_SIZE: usize = 2 + ID_LENGTH + 1;

/// The state from which new entries are distinguished.
#[derive(Clone, Copy)]
pub(crate) enum Known<'a> {
    /// The state that the author saw.
    Base(&'a Members),
    /// The state in the table, if the author's is unknown.
    Theirs(&'a Members),
}

/// Gives an `id` to every new entry of `mine` that is an object, and a new one to a copy that has the `id` of its
/// original. An entry without `id` that is also in `known` stays as it is.
///
/// # Errors
/// If the record would be larger than DynamoDB allows, and larger than `known`. Then no more ids are made than fit.
pub(crate) fn give(mine: &mut Members, known: Known<'_>, seed: &str) -> Result<(), TooLarge> {
    let (Known::Base(state) | Known::Theirs(state)) = known;
    let most = limits::RECORD.max(stored_size(state));
    let mut ids = Ids { seed, by_place: matches!(known, Known::Base(_)), size: stored_size(mine), most };
    if ids.size <= ids.most {
        ids.in_members(mine, state);
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
    fn in_members(&mut self, mine: &mut Members, known: &Members) {
        for (name, value) in mine {
            self.in_value(value, known.get(name));
        }
    }

    fn in_value(&mut self, value: &mut Value, known: Option<&Value>) {
        match (value, known) {
            (value, Some(known)) if value == known => {}
            (Value::Map(members), Some(Value::Map(known))) => self.in_members(members, known),
            (Value::Map(members), _) => self.in_members(members, &Members::new()),
            (Value::List(list), Some(Value::List(known))) => self.in_list(list, known),
            (Value::List(list), _) => self.in_list(list, &[]),
            _ => {}
        }
    }

    fn in_list(&mut self, list: &mut [Value], known: &[Value]) {
        if !list.iter().any(|entry| matches!(entry, Value::Map(_) | Value::List(_))) {
            return;
        }
        let origins = self.origins(list, known);
        let mut made = Made::default();
        if origins.iter().any(|origin| !matches!(origin, Origin::Known(_))) {
            made.ids = taken(list);
        }
        for (entry, origin) in list.iter_mut().zip(origins) {
            if let Origin::Known(place) = origin {
                self.in_value(entry, Some(&known[place]));
                continue;
            }
            let named = match entry {
                Value::Map(members) if matches!(origin, Origin::Copy) || lacks_id(members) => {
                    self.size += ID_SIZE;
                    (self.size <= self.most).then(|| self.derive(entry, &mut made))
                }
                _ => None,
            };
            self.in_value(entry, None);
            if let (Value::Map(members), Some(id)) = (entry, named) {
                members.insert(ID.to_owned(), id.into());
            }
        }
    }

    /// Returns the origin of each entry of a list.
    fn origins(&self, list: &[Value], known: &[Value]) -> Vec<Origin> {
        let named = |list: &[Value]| list.iter().any(|entry| entry.entry_id().is_some());
        if self.by_place && list.len() == known.len() && !named(list) && !named(known) {
            return (0..list.len()).map(Origin::Known).collect();
        }
        let entries = Entries::of([known, list]);
        let origin = |(slot, entry): (&u32, &Value)| match entries.place(0, *slot) {
            Some(place) => Origin::Known(place),
            None if entry.entry_id().is_some() && entries.first(*slot) != *slot => Origin::Copy,
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
fn taken(list: &[Value]) -> HashSet<String, RandomState> {
    let ids = list.iter().filter_map(Value::entry_id);
    let texts = ids.filter_map(|id| match id {
        Value::String(text) if text.len() == ID_LENGTH => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

/// Reports whether an object has no `id`, or an empty one. An `id` of another type is data.
fn lacks_id(members: &Members) -> bool {
    match members.get(ID) {
        None | Some(Value::Null) => true,
        Some(Value::String(id)) => id.is_empty(),
        Some(_) => false,
    }
}
