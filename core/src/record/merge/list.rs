//! Lists and sets, merged entry by entry.

use std::borrow::Cow;

use foldhash::fast::RandomState;

use super::entries::{Entries, Key, Map};
use super::receipt::{Counts, Notes};
use super::{is_empty, merge_value};
use crate::value::Value;

/// What one side did to a list's entries; `None` where it is no list.
pub(super) fn changed(base: Option<&Value>, mine: Option<&Value>) -> Option<Counts> {
    let (base, mine) = (elements(base)?, elements(mine)?);
    let (base, mine) = (Entries::of(base.iter()), Entries::of(mine.iter()));
    let mut counts = Counts::default();
    for (key, entry) in mine.iter() {
        match base.get(&key) {
            None => counts.added += 1,
            Some(before) if before != entry => counts.changed += 1,
            Some(_) => {}
        }
    }
    counts.removed = base.iter().filter(|(key, _)| !mine.contains(key)).count();
    Some(counts)
}

/// Merges what both sides changed; `None` where it is not lists or sets on both.
pub(super) fn merge(
    base: Option<&Value>,
    theirs: Option<&Value>,
    mine: Option<&Value>,
    notes: &mut Notes,
) -> Option<Value> {
    let was_list = base.is_none_or(|base| elements(Some(base)).is_some());
    if !was_list && (theirs.is_none() || mine.is_none()) {
        return None;
    }
    // A list that JSON made of a set is told apart from the set by nothing but its type: beside one it is one, and what
    // was a set stays one wherever its elements can be one.
    let set = [theirs, mine, base].into_iter().flatten().find(|value| is_set(value));
    let typed = [base, theirs, mine].map(|side| in_type_of(side, set));
    let [of_base, of_theirs, of_mine] = typed.each_ref().map(Option::as_deref);
    let before = elements(of_base).unwrap_or_default();
    let (their_list, my_list) = (elements(of_theirs)?, elements(of_mine)?);
    let mut merge = Merge {
        base: &Entries::of(before.iter()),
        theirs: &Entries::of(their_list.iter()),
        mine: &Entries::of(my_list.iter()),
        entries: Map::with_capacity_and_hasher(their_list.len() + my_list.len(), RandomState::default()),
        counts: Counts::default(),
    };
    merge.take_theirs();
    merge.take_mine();
    let order = merge.order();
    let Merge { mut entries, counts, .. } = merge;

    let mut told = Notes::default();
    let mut merged = Vec::with_capacity(order.len());
    for key in order {
        let Some(Entry { value, notes, overruled }) = entries.remove(&key) else { continue };
        if overruled || !notes.receipt.won.is_empty() {
            told.within(&merged.len().to_string(), |told| {
                told.won_in(&notes);
                if overruled {
                    told.kept();
                }
            });
        }
        merged.push(value);
    }
    // Where the sides' sets are of several types, of the first that the elements fit as they are: a text that stands
    // beside binaries by now is none of them, whatever it looks like.
    let texts = merged.iter().any(|value| matches!(value, Value::String(_)));
    let fits = |set: &&Value| is_set(set) && !(texts && matches!(set, Value::Binaries(_)));
    let sets = [theirs, mine, base].into_iter().flatten().filter(fits);
    let merged = sets.fold(Value::List(merged), Value::shaped_like);
    let as_theirs = theirs.map_or_else(|| is_empty(&merged), |theirs| *theirs == merged);
    if as_theirs {
        notes.kept()
    } else {
        notes.merged(counts)
    }
    notes.entries_of(told);
    Some(merged)
}

struct Merge<'a, 'e> {
    base: &'e Entries<'a>,
    theirs: &'e Entries<'a>,
    mine: &'e Entries<'a>,
    /// What is in the merged list.
    entries: Map<Key<'a>, Entry>,
    /// What the save did.
    counts: Counts,
}

struct Entry {
    value: Value,
    notes: Notes,
    /// The save removed it, and somebody else had changed it.
    overruled: bool,
}

impl<'a> Merge<'a, '_> {
    /// Every entry of theirs that stays, with my changes in it.
    fn take_theirs(&mut self) {
        for (key, theirs) in self.theirs.iter() {
            let base = self.base.get(&key);
            let mut notes = Notes::default();
            let mut overruled = false;
            let merged = match self.mine.get(&key) {
                Some(mine) if mine == theirs => Some(theirs.clone()),
                Some(mine) => {
                    let merged = merge_value(base, Some(theirs), Some(mine), &mut notes);
                    self.counts.changed += usize::from(merged.as_ref() != Some(theirs));
                    merged
                }
                None if base == Some(theirs) && !self.theirs.has_more_of(&key, self.base) => {
                    self.counts.removed += 1;
                    None
                }
                None => {
                    overruled = base.is_some_and(|base| base != theirs);
                    Some(theirs.clone())
                }
            };
            self.entries.extend(merged.map(|value| (key, Entry { value, notes, overruled })));
        }
    }

    /// Every entry of mine that is not in theirs, and stays.
    fn take_mine(&mut self) {
        for (key, mine) in self.mine.iter().filter(|(key, _)| !self.theirs.contains(key)) {
            match self.base.get(&key) {
                None => self.counts.added += 1,
                Some(base) if base == mine && !self.mine.has_more_of(&key, self.base) => continue,
                Some(base) if base == mine => {}
                Some(_) => self.counts.changed += 1,
            }
            self.entries.insert(key, Entry { value: mine.clone(), notes: Notes::default(), overruled: false });
        }
    }

    /// The keys of both sides, in the order of the merged list; not all of them are in it.
    fn order(&self) -> Vec<Key<'a>> {
        let mine_leads = self.mine.moved_since(self.base) && !self.theirs.moved_since(self.base);
        let (spine, grafts) = if mine_leads { (self.mine, self.theirs) } else { (self.theirs, self.mine) };
        // By the neighbour that they follow; `None`: at the beginning.
        let mut following: Map<Option<Key<'a>>, Vec<Key<'a>>> = Map::default();
        let mut neighbour = None;
        for (key, _) in grafts.iter() {
            if spine.contains(&key) {
                neighbour = Some(key);
            } else {
                following.entry(neighbour).or_default().push(key);
            }
        }
        let at_end = following.remove(&neighbour).unwrap_or_default();
        let mut order = following.remove(&None).unwrap_or_default();
        for (key, _) in spine.iter() {
            order.push(key);
            order.extend(following.remove(&Some(key)).unwrap_or_default());
        }
        order.extend(at_end);
        order
    }
}

fn is_set(value: &Value) -> bool {
    matches!(value, Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_))
}

/// A list as the set that is beside it.
fn in_type_of<'a>(value: Option<&'a Value>, set: Option<&Value>) -> Option<Cow<'a, Value>> {
    match (value?, set) {
        (list @ Value::List(_), Some(set)) => Some(Cow::Owned(list.clone().shaped_like(set))),
        (value, _) => Some(Cow::Borrowed(value)),
    }
}

/// The entries of a list or set, or of one that is not there.
pub(crate) fn elements(value: Option<&Value>) -> Option<Cow<'_, [Value]>> {
    match value {
        None => Some(Cow::Borrowed(&[])),
        Some(Value::List(list)) => Some(Cow::Borrowed(list)),
        Some(Value::Strings(set)) => Some(set.iter().cloned().map(Value::String).collect()),
        Some(Value::Numbers(set)) => Some(set.iter().cloned().map(Value::Number).collect()),
        Some(Value::Binaries(set)) => Some(set.iter().cloned().map(Value::Binary).collect()),
        Some(_) => None,
    }
}
