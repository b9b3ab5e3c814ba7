//! Writers beside ripple, who know of no versions: what they write is neither lost nor in the way.

use crate::beside::Beside;
use crate::engine::{self, Engine};
use crate::table::{attributes, commit, every_type, history, project, read, state};
use ripple_core::store::{Commit, Store};
use ripple_core::value::{Members, Number, Value};
use ripple_core::{Record, Timestamp};

on_both! {
    whatever_another_writer_counts_with_gives_way
    a_deletion_takes_nothing_away_that_was_not_read
    what_is_created_over_a_tombstone_is_created_over_that_one
    a_deletion_looks_at_a_hundred_attributes
    a_state_without_a_version_is_known_by_all_it_has
    an_update_of_a_version_leaves_alone_what_it_does_not_change
}

/// Another writer's.
fn foreign(name: &str, stray: Option<Value>, pairs: &[(&str, Value)]) -> Record {
    let (updated_at, updated_by) = (None, None);
    Record { stray, updated_at, updated_by, ..project(name, 0, 0, attributes(pairs)) }
}

/// It is not shown, whatever it is, and every write goes by it.
async fn whatever_another_writer_counts_with_gives_way(store: &impl Store, beside: &impl Beside) {
    let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
    let strays = ["0", "-1", "1.5", "9007199254740992", "18446744073709551616", "1e125"].map(number);
    let others = [Value::Null, "3".into(), Value::List(vec![3.into()]), Value::Numbers([Number::from(3)].into())];
    for stray in strays.into_iter().chain(others) {
        for deletes in [false, true] {
            let name = format!("p-{}-{deletes}", engine::token().map(|byte| byte.to_string()).concat());
            let theirs = foreign(&name, Some(stray.clone()), &[("goal", "theirs".into())]);
            beside.put_item(&theirs).await;
            assert_eq!(read(store, &name).await.as_ref(), Some(&theirs), "{stray:?}");
            let ours = project(&name, 1, 10, attributes(&[("goal", "ours".into())]));
            let tombstone = Record { tombstone: Some(Timestamp(5_000)), ..project(&name, 1, 10, Members::new()) };
            let after = if deletes { tombstone } else { ours };
            // They count on in the meantime.
            let counted = Record { stray: Some(number("0.5")), ..theirs.clone() };
            beside.put_item(&counted).await;
            assert_eq!(
                commit(store, Some(&theirs), &after).await,
                Commit::Conflict(Some(counted.clone())),
                "{stray:?}"
            );
            beside.put_item(&theirs).await;
            assert_eq!(commit(store, Some(&theirs), &after).await, Commit::Done, "{stray:?}");
            assert_eq!(read(store, &name).await, Some(after), "{stray:?}");
            let found = Record { stray: None, ..theirs };
            assert_eq!(state(store, &name, 0).await, Some(found), "the history begins with what there was");
        }
    }
}

async fn a_deletion_takes_nothing_away_that_was_not_read(store: &impl Store, beside: &impl Beside) {
    let tombstone = |version| Record { tombstone: Some(Timestamp(5_000)), ..project("a", version, 12, Members::new()) };
    // A whole item in the place of another, neither with a version.
    let (first, second) = (foreign("a", None, &[("goal", "1".into())]), foreign("a", None, &[("goal", "2".into())]));
    beside.put_item(&second).await;
    assert_eq!(commit(store, Some(&first), &tombstone(1)).await, Commit::Conflict(Some(second.clone())));
    assert_eq!(read(store, "a").await.as_ref(), Some(&second));
    assert_eq!(commit(store, Some(&second), &tombstone(1)).await, Commit::Done);

    // One attribute, and the version as it was.
    let third = project("a", 2, 20, every_type());
    assert_eq!(commit(store, Some(&tombstone(1)), &third).await, Commit::Done);
    beside.set("a", "s", "edited").await;
    let Commit::Conflict(Some(edited)) = commit(store, Some(&third), &tombstone(3)).await else {
        panic!("what was read is not there any more");
    };
    assert_eq!((edited.version, &edited.attributes["s"]), (2, &"edited".into()));
    assert_eq!(commit(store, Some(&edited), &tombstone(3)).await, Commit::Done);
}

async fn what_is_created_over_a_tombstone_is_created_over_that_one(store: &impl Store, beside: &impl Beside) {
    let tombstone = Record { tombstone: Some(Timestamp(5_000)), ..project("a", 1, 10, Members::new()) };
    commit(store, None, &tombstone).await;
    beside.set("a", "deleted", "no more").await;
    let again = project("a", 2, 12, attributes(&[("x", "1".into())]));
    let Commit::Conflict(Some(found)) = commit(store, Some(&tombstone), &again).await else {
        panic!("it is none any more");
    };
    assert!(!found.is_deleted(), "{found:?}");
}

/// As many as an expression holds. Those behind them in the order of names it does not see.
async fn a_deletion_looks_at_a_hundred_attributes(store: &impl Store, beside: &impl Beside) {
    let many: Members = (0..1_000).map(|n| (format!("a{n:03}"), "as it was".into())).collect();
    let tombstone = |name: &str| Record { tombstone: Some(Timestamp(5_000)), ..project(name, 2, 12, Members::new()) };
    for (name, edited, seen) in [("a", "a000", true), ("b", "a099", true), ("c", "a100", false)] {
        let first = project(name, 1, 10, many.clone());
        assert_eq!(commit(store, None, &first).await, Commit::Done);
        beside.set(name, edited, "edited").await;
        let outcome = commit(store, Some(&first), &tombstone(name)).await;
        assert_eq!(matches!(outcome, Commit::Conflict(Some(_))), seen, "{edited}: {outcome:?}");
        assert_eq!(outcome == Commit::Done, !seen, "{edited}");
    }
}

/// Else the history would have a state that was not there when ripple wrote.
async fn a_state_without_a_version_is_known_by_all_it_has(store: &impl Store, beside: &impl Beside) {
    let first = foreign("a", None, &[("goal", "1".into()), ("note", "1".into())]);
    let second = foreign("a", None, &[("goal", "1".into()), ("note", "2".into())]);
    beside.put_item(&second).await;
    let after = project("a", 1, 10, attributes(&[("goal", "ours".into()), ("note", "1".into())]));
    assert_eq!(commit(store, Some(&first), &after).await, Commit::Conflict(Some(second.clone())));

    // With as many changes as there may be, too.
    let many = |text: &str| (0..100).map(|n| (format!("a{n:03}"), text.into())).collect::<Vec<(String, Value)>>();
    let with = |members: Vec<(String, Value)>, project: &Record| {
        let mut project = project.clone();
        project.attributes.extend(members);
        project
    };
    let (theirs, ours) = (with(many("theirs"), &second), with(many("ours"), &project("a", 1, 10, Members::new())));
    let ours =
        Record { attributes: [theirs.attributes.clone(), ours.attributes].into_iter().flatten().collect(), ..ours };
    beside.put_item(&theirs).await;
    assert_eq!(commit(store, Some(&theirs), &ours).await, Commit::Done);
    assert_eq!(read(store, "a").await, Some(ours));
}

async fn an_update_of_a_version_leaves_alone_what_it_does_not_change(store: &impl Store, beside: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("goal", "1".into()), ("note", "1".into())]));
    let second = project("a", 2, 11, attributes(&[("goal", "2".into()), ("note", "1".into())]));
    commit(store, None, &first).await;
    beside.set("a", "note", "theirs").await;
    beside.set("a", "more", "theirs").await;
    assert_eq!(commit(store, Some(&first), &second).await, Commit::Done);
    let both = attributes(&[("goal", "2".into()), ("note", "theirs".into()), ("more", "theirs".into())]);
    assert_eq!(read(store, "a").await, Some(Record { attributes: both, ..second }));
}

#[tokio::test]
async fn the_articles_table_becomes_ripples() {
    let engine = Engine::without_tables().await;
    engine.create_the_articles_table().await;
    engine.put_legacy("prj0001").await;
    let tables = engine.store.create_tables().await.expect("made");
    assert!(tables.iter().all(|table| table.state == ripple_core::store::dynamodb::TableState::Ready), "{tables:?}");

    let legacy = read(&engine.store, "prj0001").await.expect("there");
    assert_eq!((legacy.version, legacy.updated_at), (0, None));
    let mut after = project("prj0001", 1, 10, legacy.attributes.clone());
    after.attributes.insert("goal".to_owned(), "another".into());
    assert_eq!(commit(&engine.store, Some(&legacy), &after).await, Commit::Done);
    assert_eq!(read(&engine.store, "prj0001").await, Some(after.clone()));
    // The history begins with what ripple found.
    assert_eq!(state(&engine.store, "prj0001", 0).await, Some(legacy));
    assert_eq!(state(&engine.store, "prj0001", 1).await, Some(after));
    let numbers: Vec<u64> =
        history(&engine.store, "prj0001", None, 10).await.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [1, 0]);
    engine.store.create_tables().await.expect("made before is no error");
}

/// No row is written over: what they put after ripple wrote gets a number between its versions.
#[tokio::test]
async fn every_state_of_another_writer_gets_the_number_before_ripples() {
    let engine = Engine::without_tables().await;
    engine.create_the_articles_table().await;
    engine.store.create_tables().await.expect("made");
    let store = &engine.store;
    engine.put_legacy("prj0001").await;
    let legacy = read(store, "prj0001").await.expect("there");
    let after = |version: u64| {
        let mut after = project("prj0001", version, 10 * version, legacy.attributes.clone());
        after.attributes.insert("goal".to_owned(), version.into());
        after
    };
    assert_eq!(commit(store, Some(&legacy), &after(1)).await, Commit::Done);

    engine.put_legacy("prj0001").await;
    engine.set("prj0001", "note", "their second").await;
    let second = read(store, "prj0001").await.expect("there");
    // Their row's number is taken, and ripple's own: 0 and 1; then theirs alone: 1.
    for version in [1, 2] {
        assert_eq!(commit(store, Some(&second), &after(version)).await, Commit::VersionTaken);
    }
    assert_eq!(commit(store, Some(&second), &after(3)).await, Commit::Done);

    let numbers: Vec<u64> = history(store, "prj0001", None, 10).await.iter().map(|version| version.number).collect();
    assert_eq!(numbers, [3, 2, 1, 0]);
    assert_eq!(state(store, "prj0001", 0).await, Some(legacy.clone()));
    assert_eq!(state(store, "prj0001", 1).await, Some(after(1)));
    assert_eq!(state(store, "prj0001", 2).await, Some(Record { version: 2, ..second }));
}

/// Law 3: what somebody who knows no versions writes between ripple's reading and writing is not lost.
#[tokio::test]
async fn a_writer_behind_ripples_back_is_not_overwritten() {
    let engine = Engine::without_tables().await;
    engine.create_the_articles_table().await;
    engine.put_legacy("prj0001").await;
    engine.store.create_tables().await.expect("made");
    let legacy = read(&engine.store, "prj0001").await.expect("there");
    let mut after = project("prj0001", 1, 10, legacy.attributes.clone());
    after.attributes.insert("goal".to_owned(), "ripple's".into());

    engine.set("prj0001", "goal", "somebody's").await;
    let Commit::Conflict(Some(newer)) = commit(&engine.store, Some(&legacy), &after).await else {
        panic!("the same attribute: a conflict");
    };
    assert_eq!(newer.attributes["goal"], "somebody's".into());

    engine.set("prj0001", "note", "kept").await;
    let mut after = project("prj0001", 1, 10, newer.attributes.clone());
    after.attributes.insert("goal".to_owned(), "ripple's".into());
    assert_eq!(commit(&engine.store, Some(&newer), &after).await, Commit::Done);
    let saved = read(&engine.store, "prj0001").await.expect("there");
    assert_eq!((&saved.attributes["goal"], &saved.attributes["note"]), (&"ripple's".into(), &"kept".into()));
}
