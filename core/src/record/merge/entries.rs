//! Matches the entries of several states of a list.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::value::Value;

/// A map with the identities of entries as keys. The standard library's hash would take a quarter of a merge's time. A
/// record holds too few entries for collisions to be worth an attack.
pub(crate) type Map<K, V> = HashMap<K, V, RandomState>;

/// The number of entries with one key that are compared with each other.
const ALIKE: usize = 16;

/// Marks a missing place or slot.
const NONE: u32 = u32::MAX;

/// Several states of one list with their entries matched: the same entry has the same slot on every side.
///
/// An entry that is an object with a key, usually an `id`, is identified by it, and every other entry by its value.
/// Equal identities are distinguished by counting them. Entries that share a key are matched by content before they are
/// counted.
///
/// Places and slots are `u32`: a list of a hundred thousand entries is indexed in a few megabytes.
#[derive(Debug)]
pub(crate) struct Entries<'a, const SIDES: usize> {
    sides: [&'a [Value]; SIDES],
    /// By side and place, the slot of the entry.
    slots: [Vec<u32>; SIDES],
    /// By side and slot, the place of the entry.
    places: [Vec<u32>; SIDES],
    /// By side, how many entries have the identity of this slot, which is the first one of its identity.
    counts: [Vec<u32>; SIDES],
    /// By slot, the first slot of its identity.
    firsts: Vec<u32>,
    /// By slot, the next slot of its identity.
    next: Vec<u32>,
    /// Whether a side has an identity more than once.
    pub(crate) repeats: bool,
}

impl<'a, const SIDES: usize> Entries<'a, SIDES> {
    /// Matches the entries of `sides`. The first side is the one that the others were made from. `key` is the member
    /// that identifies an object.
    pub(crate) fn of(sides: [&'a [Value]; SIDES], key: Option<&str>) -> Entries<'a, SIDES> {
        let mut entries = Entries {
            sides,
            slots: sides.map(|list| Vec::with_capacity(list.len())),
            places: [const { Vec::new() }; SIDES],
            counts: [const { Vec::new() }; SIDES],
            firsts: Vec::new(),
            next: Vec::new(),
            repeats: false,
        };
        let capacity = sides[0].len();
        let (mut by_id, mut by_value) =
            (Map::with_capacity_and_hasher(capacity, RandomState::default()), Map::default());
        // By the first slot of an identity, the last slot that this side used.
        let mut last: Vec<u32> = Vec::new();
        // The first slots of keys that a side has more than once.
        let mut repeated: Vec<u32> = Vec::new();
        for (side, list) in sides.into_iter().enumerate() {
            last.fill(NONE);
            for (place, entry) in list.iter().enumerate() {
                let id = entry.entry_key(key);
                let identities = if id.is_some() { &mut by_id } else { &mut by_value };
                let found: &mut u32 = identities.entry(id.unwrap_or(entry)).or_insert(NONE);
                if *found == NONE {
                    *found = entries.add_slot(NONE);
                    last.push(NONE);
                }
                let (first, used) = (*found, last[*found as usize]);
                let mut slot = if used == NONE { first } else { entries.next[used as usize] };
                if slot == NONE {
                    slot = entries.add_slot(first);
                    last.push(NONE);
                    entries.next[used as usize] = slot;
                }
                entries.repeats |= used != NONE;
                if used == first && id.is_some() {
                    repeated.push(first);
                }
                last[first as usize] = slot;
                entries.slots[side].push(slot);
                entries.places[side][slot as usize] = index(place);
                entries.counts[side][first as usize] += 1;
            }
        }
        repeated.sort_unstable();
        repeated.dedup();
        repeated.into_iter().for_each(|first| entries.match_by_content(first));
        entries
    }

    /// Adds a slot of the identity whose first slot is `first`, or of a new identity.
    fn add_slot(&mut self, first: u32) -> u32 {
        let slot = index(self.firsts.len());
        self.firsts.push(if first == NONE { slot } else { first });
        self.next.push(NONE);
        for side in 0..SIDES {
            self.places[side].push(NONE);
            self.counts[side].push(0);
        }
        slot
    }

    /// Matches the entries of one key: first by equal content, then by the number of equal members, then in order.
    fn match_by_content(&mut self, first: u32) {
        let chain: Vec<u32> =
            std::iter::successors(Some(first), |slot| Some(self.next[*slot as usize]).filter(|next| *next != NONE))
                .collect();
        for side in (1..SIDES).rev() {
            let mut places: Vec<u32> = chain.iter().filter_map(|slot| self.place(side, *slot)).map(index).collect();
            chain.iter().for_each(|slot| self.places[side][*slot as usize] = NONE);
            for known in std::iter::once(0).chain(side + 1..SIDES) {
                let mut free: Map<&Value, Vec<u32>> = Map::default();
                for slot in chain.iter().rev().filter(|slot| self.place(side, **slot).is_none()) {
                    if let Some(entry) = self.get(known, *slot) {
                        free.entry(entry).or_default().push(*slot);
                    }
                }
                places.retain(|place| {
                    let slot = free.get_mut(&self.sides[side][*place as usize]).and_then(Vec::pop);
                    slot.inspect(|slot| self.put(side, *place, *slot)).is_none()
                });
            }
            let free: Vec<u32> = chain.iter().copied().filter(|slot| self.place(side, *slot).is_none()).collect();
            // Removing from the end moves few elements. Of equal places the last one is taken, which is the first place
            // in the list.
            places.reverse();
            for slot in free {
                let known = std::iter::once(0).chain(side + 1..SIDES).find_map(|known| self.get(known, slot));
                let alike = |place: u32| known.map_or(0, |known| likeness(known, &self.sides[side][place as usize]));
                let candidates = places.len().saturating_sub(ALIKE)..places.len();
                let Some(best) = candidates.max_by_key(|index| alike(places[*index])) else { break };
                self.put(side, places.remove(best), slot);
            }
        }
    }

    fn put(&mut self, side: usize, place: u32, slot: u32) {
        self.places[side][slot as usize] = place;
        self.slots[side][place as usize] = slot;
    }

    /// Returns the slots of a side in its order.
    pub(crate) fn slots(&self, side: usize) -> &[u32] {
        &self.slots[side]
    }

    /// Returns the place of the entry on a side.
    pub(crate) fn place(&self, side: usize, slot: u32) -> Option<usize> {
        Some(self.places[side][slot as usize]).filter(|place| *place != NONE).map(|place| place as usize)
    }

    /// Returns the entry as a side has it.
    pub(crate) fn get(&self, side: usize, slot: u32) -> Option<&'a Value> {
        self.place(side, slot).map(|place| &self.sides[side][place])
    }

    /// Returns the first slot of the entry's identity.
    pub(crate) fn first(&self, slot: u32) -> u32 {
        self.firsts[slot as usize]
    }

    /// Returns how many entries of this identity a side has.
    pub(crate) fn count(&self, side: usize, slot: u32) -> u32 {
        self.counts[side][self.first(slot) as usize]
    }

    /// Reports whether the entries of a side that `counted` selects have another order than on the first side.
    pub(crate) fn moved(&self, side: usize, counted: impl Fn(u32) -> bool) -> bool {
        let slots = self.slots[side].iter().filter(|slot| counted(**slot));
        !slots.filter_map(|slot| self.place(0, *slot)).is_sorted()
    }
}

/// Returns the number of equal members.
fn likeness(one: &Value, other: &Value) -> usize {
    let (Value::Map(one), Value::Map(other)) = (one, other) else { return 0 };
    one.iter().filter(|(name, value)| other.get(*name) == Some(*value)).count()
}

/// Converts a place or a slot into the type of the index.
fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a body has less than 2^32 bytes, and an entry at least one")
}
