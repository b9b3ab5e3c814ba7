//! Which entry of a state's list an entry of an edit was made of.

use std::collections::{HashMap, HashSet};

use crate::value::Value;

/// The entries of a state's list, to be matched with those of an edit.
pub(super) struct Counterparts<'v> {
    list: &'v [Value],
    key: Option<&'v str>,
    /// Entries of each key, and how many of them were matched.
    by_key: HashMap<&'v Value, (Vec<&'v Value>, usize)>,
    /// Entries without a key. An edit may move them.
    by_value: HashSet<&'v Value>,
}

impl<'v> Counterparts<'v> {
    pub(super) fn new(list: &'v [Value], key: Option<&'v str>, by_value: bool) -> Counterparts<'v> {
        let mut by_key: HashMap<&Value, (Vec<&Value>, usize)> = HashMap::new();
        for (id, entry) in list.iter().filter_map(|entry| Some((entry.entry_key(key)?, entry))) {
            by_key.entry(id).or_default().0.push(entry);
        }
        let unnamed = list.iter().filter(|entry| by_value && entry.entry_key(key).is_none());
        let by_value = unnamed.collect();
        Counterparts { list, key, by_key, by_value }
    }

    /// Returns the counterpart of an entry: the one with its key, or, of those without a key, an equal one or the one in
    /// its place.
    pub(super) fn of(&mut self, place: usize, entry: &Value) -> Option<&'v Value> {
        let same = entry.entry_key(self.key).and_then(|id| self.by_key.get_mut(id));
        if let Some((entries, matched)) = same {
            // Another program may have stored several with one key. They are matched in turn.
            let entry = entries.get(*matched).or(entries.last())?;
            *matched += 1;
            return Some(*entry);
        }
        let in_place = self.list.get(place).filter(|entry| entry.entry_key(self.key).is_none());
        self.by_value.get(entry).copied().or(in_place)
    }
}
