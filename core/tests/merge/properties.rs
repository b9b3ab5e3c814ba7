//! Properties of every merge.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use ripple_core::record::change::Edit;
use ripple_core::record::merge::{Report, Rules, merge};
use ripple_core::record::schema::Subschema;
use ripple_core::value::{Members, Value};

use crate::generate::{Changes, changes, record, ruled, three, value};
use crate::{save, save_by};

/// Returns the entries' ids, in order.
fn ids(record: &Members) -> Vec<String> {
    let Some(Value::List(list)) = record.get("timeline") else { return Vec::new() };
    let id = |entry: &Value| match entry.entry_id() {
        Some(Value::String(id)) => id.clone(),
        other => panic!("{other:?}"),
    };
    list.iter().map(id).collect()
}

fn timeline(entries: Vec<(String, u64)>) -> Members {
    let entry = |(id, text): (String, u64)| {
        Value::Map(Members::from([("id".to_owned(), id.into()), ("text".to_owned(), text.into())]))
    };
    Members::from([("timeline".to_owned(), Value::List(entries.into_iter().map(entry).collect()))])
}

fn entries(record: &Members) -> Vec<(String, u64)> {
    let Some(Value::List(list)) = record.get("timeline") else { return Vec::new() };
    let entry = |entry: &Value| match entry {
        Value::Map(members) => match (&members["id"], &members["text"]) {
            (Value::String(id), Value::Number(text)) => (id.clone(), text.as_u64().expect("small")),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    list.iter().map(entry).collect()
}

/// Returns a writer's edit of a timeline. `who` is part of the names of new entries.
fn edit(base: &Members, who: &str, changes: &Changes) -> Members {
    let mut list = entries(base);
    for (number, (place, text, added)) in changes.iter().enumerate() {
        let place = place % (list.len() + 1);
        if let Some(added) = added {
            list.insert(place, (format!("{who}{number}"), *added));
        } else if place < list.len() {
            match text {
                Some(text) => list[place].1 = *text,
                None => drop(list.remove(place)),
            }
        }
    }
    timeline(list)
}

fn start() -> Members {
    timeline((0..5).map(|n| (format!("s{n}"), 100 + n)).collect())
}

/// The entries that a side added, removed and changed.
struct Did {
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
    changed: BTreeMap<String, u64>,
}

fn did(base: &Members, side: &Members) -> Did {
    let (before, after): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (entries(base).into_iter().collect(), entries(side).into_iter().collect());
    Did {
        added: after.keys().filter(|id| !before.contains_key(*id)).cloned().collect(),
        removed: before.keys().filter(|id| !after.contains_key(*id)).cloned().collect(),
        changed: after
            .iter()
            .filter(|(id, text)| before.get(*id).is_some_and(|before| before != *text))
            .map(|(id, text)| (id.clone(), *text))
            .collect(),
    }
}

fn holds_sets(value: &Value) -> bool {
    match value {
        Value::List(list) => list.iter().any(holds_sets),
        Value::Map(members) => members.values().any(holds_sets),
        value => matches!(value, Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_)),
    }
}

/// Reports whether a schema has a value that is merged as a whole.
fn has_whole(schema: &Subschema) -> bool {
    let parts = schema.properties.iter().map(|(_, property)| property);
    let mut parts = parts.chain(schema.items.as_deref()).chain(&schema.prefix_items).chain(&schema.one_of);
    schema.whole || parts.any(has_whole)
}

/// Returns a configuration for a hundred thousand edits in all. `PROPTEST_CASES` sets a larger number.
pub(crate) fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(8_000), max_global_rejects: 1 << 20, ..config }
}

proptest! {
    #![proptest_config(config())]

    /// If one side changed nothing, the result is the other side.
    #[test]
    fn identity(base in record(), side in record(), ruled in ruled()) {
        let rules = Rules::of(&ruled.schema);
        prop_assert_eq!(&merge(&base, &side, &base, rules).0, &side);
        prop_assert_eq!(&merge(&base, &base, &side, rules).0, &side);
        prop_assert_eq!(merge(&base, &side, &side, rules), (side, Report::default()));
    }

    /// A repeated save changes nothing, whatever it was merged with.
    #[test]
    fn idempotence((base, theirs, mine) in three()) {
        let (merged, _) = save(&base, &theirs, &mine);
        let (again, receipt) = save(&base, &merged, &mine);
        prop_assert_eq!(again, merged);
        prop_assert!(receipt.won.is_empty() && receipt.merged.is_empty() && receipt.taken.is_empty(), "{:?}", receipt);
    }

    /// This also holds by the rules of a schema, and however the edit is sent.
    #[test]
    fn idempotence_with_a_schema((base, theirs, mine) in three(), ruled in ruled()) {
        let rules = Rules::of(&ruled.schema);
        let (merged, _) = save_by(rules, "ann", [&base, &theirs, &mine]);
        let (again, receipt) = save_by(rules, "ann", [&base, &merged, &mine]);
        prop_assert_eq!(again, merged);
        prop_assert!(receipt.won.is_empty() && receipt.merged.is_empty() && receipt.taken.is_empty(), "{:?}", receipt);
        let seen = Edit::Seen { seen: base.clone(), set: mine.clone(), remove: Default::default() };
        let edits = [seen, Edit::Restore(mine.clone()), Edit::Patch(mine.clone()), Edit::MergePatch(mine.clone()), Edit::Replace(mine)];
        for (edit, base) in edits.iter().flat_map(|edit| [(edit, None), (edit, Some(&base))]) {
            // Where a value without a base is replaced as a whole, an empty list removes a set, and a retry no longer sees
            // that there was one.
            let whole = matches!(edit, Edit::MergePatch(_)) || has_whole(&ruled.schema.root);
            if base.is_none() && whole && theirs.values().any(holds_sets) {
                continue;
            }
            let merged = |theirs: &Members| edit.merge_into(theirs, base, "ann", rules).expect("it is small").0;
            let table = merged(&theirs);
            prop_assert_eq!(merged(&table), table, "{:?}", edit);
        }
    }

    /// A repeated save after saves by others takes away nothing except the values that it had won.
    #[test]
    fn fields_that_one_side_left_alone_are_the_others((base, theirs, mine) in three(), ruled in ruled()) {
        let (merged, _) = save_by(Rules::of(&ruled.schema), "", [&base, &theirs, &mine]);
        for name in base.keys().chain(theirs.keys()).chain(mine.keys()) {
            if mine.get(name) == base.get(name) {
                prop_assert_eq!(merged.get(name), theirs.get(name));
            }
        }
    }

    /// Edits of different fields can be saved in either order.
    #[test]
    fn different_fields_commute(base in record(), left in value(), right in value()) {
        let with = |record: &Members, name: &str, value: &Value| {
            let mut record = record.clone();
            record.insert(name.to_owned(), value.clone());
            record
        };
        let (one, other) = (with(&base, "left", &left), with(&base, "right", &right));
        let (first, _) = merge(&base, &one, &other, Rules::default());
        let (second, _) = merge(&base, &other, &one, Rules::default());
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(first, with(&one, "right", &right));
    }

    /// Edits of different entries can be saved in either order: the same entries with the same content.
    #[test]
    fn different_entries_commute(theirs in changes(), mine in changes()) {
        let base = start();
        let (theirs, mine) = (edit(&base, "t", &theirs), edit(&base, "m", &mine));
        let (a, b) = (did(&base, &theirs), did(&base, &mine));
        let touched = |did: &Did| -> BTreeSet<String> { did.removed.iter().chain(did.changed.keys()).cloned().collect() };
        prop_assume!(touched(&a).is_disjoint(&touched(&b)));
        let sorted = |record: &Members| { let mut list = entries(record); list.sort(); list };
        let (first, _) = save(&base, &theirs, &mine);
        let (second, _) = save(&base, &mine, &theirs);
        prop_assert_eq!(sorted(&first), sorted(&second));
    }

    /// No addition is lost, no removed entry returns, and entries that one side changed have that change.
    #[test]
    fn every_entry_has_what_both_did(theirs in changes(), mine in changes()) {
        let base = start();
        let (theirs, mine) = (edit(&base, "t", &theirs), edit(&base, "m", &mine));
        let (merged, _) = save(&base, &theirs, &mine);
        let found: BTreeMap<String, u64> = entries(&merged).into_iter().collect();
        prop_assert_eq!(found.len(), entries(&merged).len(), "each once");
        let (a, b) = (did(&base, &theirs), did(&base, &mine));
        for added in a.added.iter().chain(&b.added) {
            prop_assert!(found.contains_key(added), "{} was added", added);
        }
        for removed in a.removed.iter().chain(&b.removed) {
            let edited = a.changed.contains_key(removed) || b.changed.contains_key(removed);
            prop_assert_eq!(found.contains_key(removed), edited, "{} was removed", removed);
        }
        for (id, text) in &b.changed {
            prop_assert_eq!(found.get(id), Some(text), "my change of {}", id);
        }
        for (id, text) in a.changed.iter().filter(|(id, _)| !b.changed.contains_key(*id)) {
            prop_assert_eq!(found.get(id), Some(text), "their change of {}", id);
        }
    }

    /// With writers that all began with the same state, in any order, the list has every addition once, and nothing
    /// else.
    #[test]
    fn any_number_of_writers_in_any_order(
        writers in prop::collection::vec(changes(), 2..7).prop_map(|all| all.into_iter().enumerate().collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let base = start();
        let mut table = base.clone();
        let (mut added, mut kept) = (BTreeSet::new(), BTreeSet::new());
        for (number, changes) in &writers {
            let mine = edit(&base, &format!("w{number}-"), changes);
            let did = did(&base, &mine);
            added.extend(did.added);
            kept.extend(did.changed.into_keys());
            table = save(&base, &table, &mine).0;
        }
        let found = ids(&table);
        let distinct: BTreeSet<String> = found.iter().cloned().collect();
        prop_assert_eq!(found.len(), distinct.len());
        prop_assert!(added.is_subset(&distinct));
        let others: BTreeSet<String> = distinct.difference(&added).cloned().collect();
        prop_assert!(others.is_subset(&ids(&base).into_iter().collect()));
        prop_assert!(kept.len() <= 5);
    }
}
