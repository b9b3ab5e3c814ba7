//! What a list's entries are known by.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::value::Value;

/// By what is known of entries. Hashing them is a quarter of a merge with the standard library's hash, and a record has
/// too few for anybody to make them collide to some purpose.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;

/// Known by its `id` or by its value, and, among equals, by its count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    identity: Identity<'a>,
    occurrence: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Identity<'a> {
    Id(&'a Value),
    Value(&'a Value),
}

impl<'a> Key<'a> {
    /// The `id`, or the value.
    pub(crate) fn name(&self) -> &'a Value {
        match self.identity {
            Identity::Id(name) | Identity::Value(name) => name,
        }
    }
}

/// A list whose entries are found by their keys.
#[derive(Debug)]
pub(crate) struct Entries<'a> {
    ordered: Vec<(Key<'a>, &'a Value)>,
    places: Map<Key<'a>, usize>,
    counts: Map<Identity<'a>, usize>,
}

impl<'a> Entries<'a> {
    pub(crate) fn of(list: impl ExactSizeIterator<Item = &'a Value>) -> Entries<'a> {
        let mut counts: Map<Identity<'a>, usize> = Map::with_capacity_and_hasher(list.len(), RandomState::default());
        let keyed = list.map(|entry| {
            let identity = entry.entry_id().map_or(Identity::Value(entry), Identity::Id);
            let count = counts.entry(identity).or_default();
            let key = Key { identity, occurrence: *count };
            *count += 1;
            (key, entry)
        });
        let ordered: Vec<_> = keyed.collect();
        let places = ordered.iter().enumerate().map(|(place, (key, _))| (*key, place)).collect();
        Entries { ordered, places, counts }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key<'a>, &'a Value)> + '_ {
        self.ordered.iter().copied()
    }

    pub(crate) fn get(&self, key: &Key<'a>) -> Option<&'a Value> {
        self.places.get(key).map(|place| self.ordered[*place].1)
    }

    pub(crate) fn contains(&self, key: &Key<'a>) -> bool {
        self.places.contains_key(key)
    }

    /// Whether there are more entries here that equal this one.
    pub(crate) fn has_more_of(&self, key: &Key<'a>, base: &Entries<'a>) -> bool {
        self.counts.get(&key.identity) > base.counts.get(&key.identity)
    }

    /// Whether the entries that both have stand in another order here.
    pub(crate) fn moved_since(&self, base: &Entries<'a>) -> bool {
        let places = self.ordered.iter().filter_map(|(key, _)| base.places.get(key));
        !places.is_sorted()
    }
}
