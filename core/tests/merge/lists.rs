//! Properties of lists of every kind.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use ripple_core::record::change::Edit;
use ripple_core::value::{Members, Value};

use crate::properties::config;
use crate::{merged, save, save_as};

/// A kind of list, by its entries.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Few numbers, so that they repeat.
    Numbers,
    /// Distinct texts.
    Texts,
    /// Objects without ids, with few values.
    Objects,
    /// Objects with ids, some of them twice, beside numbers.
    Mixed,
}

fn object(members: &[(&str, u64)]) -> Value {
    Value::Map(members.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect())
}

impl Kind {
    fn entry(self, seed: u64) -> Value {
        match self {
            Kind::Numbers => (seed % 4).into(),
            Kind::Texts => format!("t{}", seed % 12).into(),
            Kind::Objects => object(&[("x", seed % 3), ("y", seed / 3 % 2)]),
            Kind::Mixed if seed.is_multiple_of(4) => (seed / 4 % 3).into(),
            Kind::Mixed => object(&[("id", seed / 4 % 6), ("x", seed / 24 % 3)]),
        }
    }

    /// Returns a list of this kind. Texts are distinct.
    fn list(self, entries: Vec<Value>) -> Vec<Value> {
        let mut list: Vec<Value> = Vec::new();
        for entry in entries {
            if !matches!(self, Kind::Texts) || !list.contains(&entry) {
                list.push(entry);
            }
        }
        list
    }
}

/// Edits of a list: (kind, place, value).
type Steps = Vec<(u8, usize, u64)>;

fn steps() -> impl Strategy<Value = Steps> {
    vec((0u8..5, 0usize..8, 0u64..100), 0..4)
}

fn edited(kind: Kind, base: &[Value], steps: &Steps) -> Vec<Value> {
    let mut list = base.to_vec();
    for (what, place, seed) in steps {
        let place = place % (list.len() + 1);
        match what {
            0 => list.insert(place, kind.entry(*seed)),
            1 if place < list.len() => drop(list.remove(place)),
            2 if place < list.len() => list[place] = changed(kind, &list[place], *seed),
            3 if place < list.len() => {
                let entry = list.remove(place);
                list.insert(*seed as usize % (list.len() + 1), entry);
            }
            // A copy of an entry with its id.
            4 if place < list.len() => list.insert(place, list[place].clone()),
            _ => {}
        }
    }
    kind.list(list)
}

fn changed(kind: Kind, entry: &Value, seed: u64) -> Value {
    match entry {
        Value::Map(members) => {
            let mut members = members.clone();
            members.insert("x".to_owned(), (seed % 5).into());
            Value::Map(members)
        }
        _ => kind.entry(seed),
    }
}

fn record(list: &[Value]) -> Members {
    Members::from([("f".to_owned(), Value::List(list.to_vec()))])
}

fn list(record: &Members) -> Vec<Value> {
    match record.get("f") {
        Some(Value::List(list)) => list.clone(),
        None => Vec::new(),
        other => panic!("{other:?}"),
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Numbers, Kind::Texts, Kind::Objects, Kind::Mixed])
}

/// Generates a base, and the edited states of two authors.
fn edits() -> impl Strategy<Value = (Kind, Vec<Value>, Vec<Value>, Vec<Value>)> {
    (kinds(), vec(0u64..100, 0..6), steps(), steps()).prop_map(|(kind, base, theirs, mine)| {
        let base = kind.list(base.into_iter().map(|seed| kind.entry(seed)).collect());
        let (theirs, mine) = (edited(kind, &base, &theirs), edited(kind, &base, &mine));
        (kind, base, theirs, mine)
    })
}

/// Returns an entry without its id.
fn content(entry: &Value) -> String {
    let mut entry = entry.clone();
    if let Value::Map(members) = &mut entry {
        members.remove("id");
    }
    serde_json::to_string(&entry).expect("JSON")
}

/// Returns how often each value is in a list.
fn counted(list: &[Value]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    list.iter().for_each(|entry| *counts.entry(content(entry)).or_default() += 1);
    counts
}

/// Reports whether a list is another one with some entries removed.
fn is_part(list: &[Value], of: &[Value]) -> bool {
    let mut rest = of.iter();
    list.iter().all(|entry| rest.any(|other| other == entry))
}

proptest! {
    #![proptest_config(config())]

    /// A repeated save changes nothing.
    #[test]
    fn a_retry_changes_nothing((kind, base, theirs, mine) in edits()) {
        let [base, theirs, mine] = [&base, &theirs, &mine].map(|list| record(list));
        let (table, _) = save_as("ann", &base, &theirs, &mine);
        let (again, report) = save_as("ann", &base, &table, &mine);
        prop_assert_eq!(&again, &table, "{:?}", kind);
        prop_assert!(report.won.is_empty() && report.merged.is_empty() && report.taken.is_empty(), "{:?}", report);
        for base in [None, Some(&base)] {
            for edit in [Edit::Replace(mine.clone()), Edit::Patch(mine.clone()), Edit::MergePatch(mine.clone())] {
                let (table, _) = merged(&edit, &theirs, base, "ann");
                prop_assert_eq!(&merged(&edit, &table, base, "ann").0, &table, "{:?}", edit);
            }
        }
        let seen = Edit::Seen { seen: base, set: mine, remove: Default::default() };
        let (table, _) = merged(&seen, &theirs, None, "ann");
        prop_assert_eq!(&merged(&seen, &table, None, "ann").0, &table);
    }

    /// A repeated save also changes nothing after another author appended an entry.
    #[test]
    fn a_retry_after_another_edit_changes_nothing((kind, base, theirs, mine) in edits(), moved in any::<(u8, u8)>()) {
        let [base, theirs, mine] = [&base, &theirs, &mine].map(|list| record(list));
        let (table, _) = save_as("ann", &base, &theirs, &mine);
        let mut later = list(&table);
        let named = |state: &Members| list(state).iter().any(|entry| entry.entry_id().is_some());
        match kind {
            // A sequence, in which an addition can touch this save's change.
            Kind::Mixed if !named(&base) && !named(&mine) => return Ok(()),
            // The other author's entry has an id by then.
            Kind::Mixed => later.push(object(&[("id", 1000), ("x", 1)])),
            Kind::Texts => later.push("appended".into()),
            Kind::Numbers | Kind::Objects if list(&mine).is_empty() || later != list(&mine) => return Ok(()),
            Kind::Numbers | Kind::Objects => later.push(object(&[("id", 1000)])),
        }
        let later = record(&later);
        prop_assert_eq!(&save_as("ann", &base, &later, &mine).0, &later);
        // Or after another author moved one, if the first save had moved none.
        let mut later = list(&table);
        if matches!(kind, Kind::Texts) && in_order(&base, &mine) && later.len() > 1 {
            let entry = later.remove(usize::from(moved.0) % later.len());
            later.insert(usize::from(moved.1) % (later.len() + 1), entry);
            let later = record(&later);
            prop_assert_eq!(&save_as("ann", &base, &later, &mine).0, &later);
        }
    }

    /// The changes of a save are in the record, whatever theirs is. So no change is answered with `unchanged`.
    #[test]
    fn every_change_is_in_the_record((kind, base, theirs, mine) in edits()) {
        let found = list(&save_as("ann", &record(&base), &record(&theirs), &record(&mine)).0);
        let [before, asked, shown] = &[&base, &mine, &found].map(|list| counted(list));
        let places = !matches!(kind, Kind::Texts | Kind::Mixed) && base.len() == theirs.len() && base.len() == mine.len();
        for (place, entry) in mine.iter().enumerate().filter(|(place, entry)| places && base[*place] != **entry) {
            match (&base[place], entry) {
                (Value::Map(before), Value::Map(after)) => for name in ["x", "y"] {
                    let Value::Map(shown) = &found[place] else { panic!("{found:?}") };
                    prop_assert!(before[name] == after[name] || shown[name] == after[name], "{:?}", found);
                },
                _ => prop_assert_eq!(&found[place], entry),
            }
        }
        let of = |counts: &BTreeMap<String, i64>, value: &String| counts.get(value).copied().unwrap_or(0);
        let removed_only = is_part(&theirs, &base);
        for value in before.keys().chain(asked.keys()).filter(|_| !places && matches!(kind, Kind::Numbers | Kind::Texts)) {
            let [before, asked, shown] = [before, asked, shown].map(|counts| of(counts, value));
            if asked > before {
                // An element that both inserted at one place is included once, and theirs may have moved an equal one
                // there.
                let least = if is_part(&base, &theirs) { asked } else if removed_only { asked - before } else { 1 };
                prop_assert!(shown >= least, "{} was added: {:?}", value, found);
            }
            if asked < before && removed_only {
                prop_assert!(shown <= asked, "{} was removed: {:?}", value, found);
            }
        }
        // Objects without an id are counted like values. If the list has ids, a new object is included with its
        // content.
        if matches!(kind, Kind::Objects) && !places {
            for entry in mine.iter().filter(|entry| !base.contains(entry)) {
                prop_assert!(of(shown, &content(entry)) > 0, "{:?} was added: {:?}", entry, found);
            }
        }
    }

    /// Edits of different places can be saved in either order.
    #[test]
    fn different_places_commute(base in vec(0u64..3, 1..8), theirs in vec((0usize..8, 0u64..3), 0..4), mine in vec((0usize..8, 0u64..3), 0..4)) {
        let edited = |edits: &[(usize, u64)], even: usize| {
            let mut list = base.clone();
            for (place, value) in edits {
                let place = place % list.len();
                if place % 2 == even {
                    list[place] = *value;
                }
            }
            list
        };
        let (theirs, mine) = (edited(&theirs, 0), edited(&mine, 1));
        let expected: Vec<u64> = (0..base.len()).map(|place| if place % 2 == 0 { theirs[place] } else { mine[place] }).collect();
        let [base, theirs, mine, expected] =
            [&base, &theirs, &mine, &expected].map(|list| record(&list.iter().map(|number| (*number).into()).collect::<Vec<Value>>()));
        prop_assert_eq!(&save(&base, &theirs, &mine).0, &expected);
        prop_assert_eq!(&save(&base, &mine, &theirs).0, &expected);
    }

    /// Edits of different lines can be saved in either order. A retry changes nothing, whatever the edits are.
    #[test]
    fn different_lines_commute(lines in vec("[ab]{0,1}", 3..12), theirs in vec((0usize..12, "[xy\n]{0,3}"), 1..3), mine in vec((0usize..12, "[vw\n]{0,3}"), 1..3), apart in any::<bool>()) {
        // If all lines differ, there is only one way to match them.
        let lines: Vec<String> = lines.iter().enumerate().map(|(place, line)| if apart { format!("{place}") } else { line.clone() }).collect();
        let text = |lines: &[String]| Members::from([("f".to_owned(), lines.join("\n").into())]);
        let edited = |edits: &[(usize, String)], below: bool| {
            let mut edited = lines.clone();
            let half = lines.len() / 2;
            for (place, line) in edits {
                let place = if !apart { place % lines.len() } else if below { place % half } else { half + 1 + place % (lines.len() - half - 1).max(1) };
                if place < lines.len() {
                    edited[place] = line.clone();
                }
            }
            text(&edited)
        };
        let (base, theirs, mine) = (text(&lines), edited(&theirs, true), edited(&mine, false));
        let (one, report) = save(&base, &theirs, &mine);
        prop_assert_eq!(&save(&base, &one, &mine).0, &one);
        let (other, turned) = save(&base, &mine, &theirs);
        if apart && report.won.is_empty() && turned.won.is_empty() {
            prop_assert_eq!(other, one);
        }
    }
}

/// Reports whether the texts of both have the same order.
fn in_order(before: &Members, after: &Members) -> bool {
    let (before, after) = (list(before), list(after));
    after.iter().filter_map(|entry| before.iter().position(|other| other == entry)).is_sorted()
}
