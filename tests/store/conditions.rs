//! Tests of the conditions of a commit: it overwrites nothing that another program wrote since the record was read.

use ripple_core::store::{Commit, Store};
use ripple_core::value::Members;
use ripple_core::{Record, Timestamp};

use crate::beside::Beside;
use crate::table::{attributes, commit, every_type, project, read};

on_both! {
    a_deletion_takes_nothing_away_that_was_not_read
    what_is_created_over_a_tombstone_is_created_over_that_one
    a_deletion_looks_at_a_hundred_attributes
    an_update_of_a_version_leaves_alone_what_it_does_not_change
}

/// Returns the tombstone of a record.
fn tombstone(name: &str, version: u64) -> Record {
    Record { tombstone: Some(Timestamp(5_000)), ..project(name, version, 12, Members::new()) }
}

async fn a_deletion_takes_nothing_away_that_was_not_read(store: &impl Store, beside: &impl Beside) {
    let first = project("a", 1, 10, every_type());
    assert_eq!(commit(store, None, &first).await, Commit::Done);
    beside.set("a", "s", "edited").await;
    let Commit::Conflict(Some(edited)) = commit(store, Some(&first), &tombstone("a", 2)).await else {
        panic!("what was read is not there any more");
    };
    assert_eq!(edited.attributes["s"], "edited".into());
    assert_eq!(read(store, "a").await, Some(edited));
}

async fn what_is_created_over_a_tombstone_is_created_over_that_one(store: &impl Store, beside: &impl Beside) {
    let tombstone = Record { tombstone: Some(Timestamp(5_000)), ..project("a", 1, 10, Members::new()) };
    commit(store, None, &tombstone).await;
    // Another tombstone in its place.
    let other = Record { tombstone: Some(Timestamp(5_000)), ..project("a", 3, 14, Members::new()) };
    for (before, after) in [
        (tombstone.clone(), project("a", 2, 12, attributes(&[("x", "1".into())]))),
        (project("a", 2, 12, attributes(&[("x", "1".into())])), other.clone()),
    ] {
        assert_eq!(commit(store, Some(&before), &after).await, Commit::Done);
    }
    let again = project("a", 4, 16, attributes(&[("x", "2".into())]));
    assert_eq!(commit(store, Some(&tombstone), &again).await, Commit::Conflict(Some(other.clone())));
    // The record is no longer a tombstone.
    beside.set("a", "goal", "theirs").await;
    let found = read(store, "a").await.expect("it lives");
    assert!(!found.is_deleted(), "{found:?}");
}

/// An expression holds a hundred conditions. A deletion ignores further attributes in the order of names.
async fn a_deletion_looks_at_a_hundred_attributes(store: &impl Store, beside: &impl Beside) {
    let many: Members = (0..1_000).map(|n| (format!("a{n:03}"), "as it was".into())).collect();
    for (name, edited, seen) in [("a", "a000", true), ("b", "a099", true), ("c", "a100", false)] {
        let first = project(name, 1, 10, many.clone());
        assert_eq!(commit(store, None, &first).await, Commit::Done);
        beside.set(name, edited, "edited").await;
        let outcome = commit(store, Some(&first), &tombstone(name, 2)).await;
        assert_eq!(matches!(outcome, Commit::Conflict(Some(_))), seen, "{edited}: {outcome:?}");
        assert_eq!(outcome == Commit::Done, !seen, "{edited}");
    }
}

/// The resulting state is external, and gets its number later.
async fn an_update_of_a_version_leaves_alone_what_it_does_not_change(store: &impl Store, beside: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("goal", "1".into()), ("note", "1".into())]));
    let second = project("a", 2, 11, attributes(&[("goal", "2".into()), ("note", "1".into())]));
    commit(store, None, &first).await;
    beside.set("a", "note", "theirs").await;
    beside.set("a", "more", "theirs").await;
    assert_eq!(commit(store, Some(&first), &second).await, Commit::Done);
    let both = attributes(&[("goal", "2".into()), ("note", "theirs".into()), ("more", "theirs".into())]);
    assert_eq!(read(store, "a").await.map(|record| record.attributes), Some(both));
}
