//! The store's behaviour, the same on the embedded DynamoDB engine and in memory.

use std::collections::BTreeSet;

use crate::beside::Beside;
use crate::engine::{self, Engine};
use ripple_core::history::Version;
use ripple_core::idempotency::{Attempt, Claim};
use ripple_core::key::{ApiKey, KeyRecord, Scope};
use ripple_core::list::{Listing, Query};
use ripple_core::session::Session;
use ripple_core::store::memory::Memory;
use ripple_core::store::{Capacity, Commit, Consistency, Position, Source as _, Store, Write};
use ripple_core::value::{Members, Number, Value};
use ripple_core::{Project, ProjectId, Timestamp};

/// Each test as two: `embedded::…` and `memory::…`.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod embedded {
            $(#[tokio::test]
            async fn $name() {
                let engine = super::Engine::start().await;
                super::$name(&engine.store, &engine).await;
            })*
        }
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                let memory = super::Memory::new();
                super::$name(&memory, &memory).await;
            })*
        }
    };
}

on_both! {
    a_record_comes_back_with_every_type
    scan_and_changes_show_every_type
    a_creation_fails_where_something_is
    an_update_fails_on_another_version
    an_update_changes_and_removes_attributes
    a_tombstone_leaves_nothing_of_the_record
    the_same_commit_twice_is_done_once
    a_scan_goes_to_the_true_end
    a_list_shows_what_a_scan_brings
    changes_come_in_order_and_in_pages
    a_key_that_is_not_there_is_none
    operations_tell_what_they_cost
    the_history_has_each_state_as_it_was
    a_version_that_is_there_is_not_written_over
    a_claim_is_made_once
    a_claim_stands_by_itself_where_nothing_is_written
    whatever_another_writer_counts_with_gives_way
    a_deletion_takes_nothing_away_that_was_not_read
    what_is_created_over_a_tombstone_is_created_over_that_one
    a_deletion_looks_at_a_hundred_attributes
    a_state_without_a_version_is_known_by_all_it_has
    an_update_of_a_version_leaves_alone_what_it_does_not_change
}

fn id(text: &str) -> ProjectId {
    ProjectId::parse(text).expect("a valid id")
}

fn project(name: &str, version: u64, at: u64, attributes: Members) -> Project {
    Project {
        id: id(name),
        version,
        stray: None,
        updated_at: Some(Timestamp(at)),
        updated_by: Some("test".to_owned()),
        tombstone: None,
        attributes,
    }
}

/// Another writer's.
fn foreign(name: &str, stray: Option<Value>, pairs: &[(&str, Value)]) -> Project {
    let (updated_at, updated_by) = (None, None);
    Project { stray, updated_at, updated_by, ..project(name, 0, 0, attributes(pairs)) }
}

fn attributes(pairs: &[(&str, Value)]) -> Members {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn every_type() -> Members {
    let number = |text: &str| Number::parse(text).expect("a number");
    attributes(&[
        ("s", "text".into()),
        ("empty", "".into()),
        ("n", Value::Number(number("12345678901234567890123456789012345678"))),
        ("tiny", Value::Number(number("-1e-130"))),
        ("b", Value::Binary(vec![0, 255])),
        ("bool", Value::Bool(false)),
        ("null", Value::Null),
        ("l", Value::List(vec![Value::Null, Value::List(vec![]), Value::Strings(["x".to_owned()].into())])),
        ("m", Value::Map(attributes(&[("ü", Value::Map(Members::new()))]))),
        ("ss", Value::Strings(["b".to_owned(), "a".to_owned()].into())),
        ("ns", Value::Numbers([number("1"), number("-2.5"), number("10")].into())),
        ("bs", Value::Binaries([vec![1], vec![2, 3]].into())),
    ])
}

async fn commit(store: &impl Store, before: Option<&Project>, after: &Project) -> Commit {
    commit_with(store, before, after, engine::token(), None, &mut Capacity::default()).await
}

async fn commit_with(
    store: &impl Store,
    before: Option<&Project>,
    after: &Project,
    token: [u8; 16],
    claim: Option<&Claim>,
    cost: &mut Capacity,
) -> Commit {
    let version = Version::between(before, after, before.map(|before| before.version));
    let now = after.updated_at.unwrap_or_default();
    let write = Write { before, after, version: &version, claim, now, token };
    store.commit(&write, cost).await.expect("the store answers")
}

async fn history(store: &impl Store, name: &str, before: Option<u64>, limit: usize) -> Vec<Version> {
    store.versions(&id(name), before, limit, &mut Capacity::default()).await.expect("the store answers")
}

async fn state(store: &impl Store, name: &str, number: u64) -> Option<Project> {
    store.version(&id(name), number, &mut Capacity::default()).await.expect("the store answers")
}

async fn read(store: &impl Store, name: &str) -> Option<Project> {
    store.get(&id(name), Consistency::Strong, &mut Capacity::default()).await.expect("the store answers")
}

async fn a_record_comes_back_with_every_type(store: &impl Store, _: &impl Beside) {
    let new = project("a", 1, 10, every_type());
    assert_eq!(read(store, "a").await, None);
    assert_eq!(commit(store, None, &new).await, Commit::Done);
    assert_eq!(read(store, "a").await, Some(new));
}

async fn scan_and_changes_show_every_type(store: &impl Store, _: &impl Beside) {
    let new = project("a", 1, 10, every_type());
    commit(store, None, &new).await;
    let mut cost = Capacity::default();
    let scanned = store.scan(None, &mut cost).await.expect("the store answers");
    let changed = store.changes(0, Timestamp(10), None, &mut cost).await.expect("the store answers");
    assert_eq!((scanned.projects.as_slice(), scanned.next), (std::slice::from_ref(&new), None));
    assert_eq!((changed.projects, changed.next), (vec![new], None));
    assert!((0.5..=2.0).contains(&cost.read), "{cost}");
}

async fn a_creation_fails_where_something_is(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, every_type());
    assert_eq!(commit(store, None, &first).await, Commit::Done);
    let second = project("a", 1, 11, Members::new());
    assert_eq!(commit(store, None, &second).await, Commit::Conflict(Some(first.clone())));
    assert_eq!(read(store, "a").await, Some(first));
}

async fn an_update_fails_on_another_version(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("x", "1".into())]));
    let second = project("a", 2, 11, attributes(&[("x", "2".into())]));
    assert_eq!(commit(store, Some(&first), &second).await, Commit::Conflict(None));
    commit(store, None, &first).await;
    assert_eq!(commit(store, Some(&first), &second).await, Commit::Done);
    let late = project("a", 2, 12, attributes(&[("x", "3".into())]));
    assert_eq!(commit(store, Some(&first), &late).await, Commit::Conflict(Some(second.clone())));
    assert_eq!(read(store, "a").await, Some(second));
}

async fn an_update_changes_and_removes_attributes(store: &impl Store, _: &impl Beside) {
    let mut first = project("a", 1, 10, every_type());
    first.attributes.insert("name with.dots and spaces".to_owned(), "x".into());
    commit(store, None, &first).await;
    let mut second = Project { version: 2, updated_at: Some(Timestamp(11)), ..first.clone() };
    second.attributes.remove("l");
    second.attributes.remove("name with.dots and spaces");
    second.attributes.insert("s".to_owned(), Value::Bool(true));
    second.attributes.insert("new".to_owned(), Value::List(vec![]));
    assert_eq!(commit(store, Some(&first), &second).await, Commit::Done);
    assert_eq!(read(store, "a").await, Some(second));
}

async fn a_tombstone_leaves_nothing_of_the_record(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, every_type());
    commit(store, None, &first).await;
    let tombstone = Project { tombstone: Some(Timestamp(5_000)), ..project("a", 2, 11, Members::new()) };
    assert_eq!(commit(store, Some(&first), &tombstone).await, Commit::Done);
    assert_eq!(read(store, "a").await, Some(tombstone.clone()));
    assert_eq!(
        commit(store, None, &project("a", 1, 12, Members::new())).await,
        Commit::Conflict(Some(tombstone.clone()))
    );
    let again = project("a", 3, 12, attributes(&[("x", "1".into())]));
    assert_eq!(commit(store, Some(&tombstone), &again).await, Commit::Done);
    assert_eq!(read(store, "a").await, Some(again));
}

async fn the_same_commit_twice_is_done_once(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("x", "1".into())]));
    let token = engine::token();
    let mut cost = Capacity::default();
    for attempt in ["first", "retry"] {
        let outcome = commit_with(store, None, &first, token, None, &mut cost).await;
        assert_eq!(outcome, Commit::Done, "{attempt}");
    }
}

async fn a_scan_goes_to_the_true_end(store: &impl Store, _: &impl Beside) {
    let mut written = BTreeSet::new();
    for n in 0..12 {
        let name = format!("p{n}");
        let filler = Value::from("x".repeat(250_000));
        commit(store, None, &project(&name, 1, 10, attributes(&[("filler", filler)]))).await;
        written.insert(name);
    }
    let (mut found, mut pages, mut from): (BTreeSet<String>, u32, Option<Position>) = Default::default();
    loop {
        let page = store.scan(from, &mut Capacity::default()).await.expect("the store answers");
        pages += 1;
        for project in page.projects {
            assert!(found.insert(project.id.to_string()), "{} came twice", project.id);
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(pages > 1, "3 MB are more than one page");
    assert_eq!(found, written);
}

async fn a_list_shows_what_a_scan_brings(store: &impl Store, _: &impl Beside) {
    for n in 0..12 {
        let mut attributes = every_type();
        attributes.insert("filler".to_owned(), Value::from("\"é\n".repeat(25_000)));
        commit(store, None, &project(&format!("p{}", n * 7 % 12), 1, 10 + n, attributes)).await;
    }
    let tombstone = Project { tombstone: Some(Timestamp(5_000)), ..project("p3", 2, 99, Members::new()) };
    let deleted = read(store, "p3").await;
    assert_eq!(commit(store, deleted.as_ref(), &tombstone).await, Commit::Done);
    let (mut projects, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(from, &mut Capacity::default()).await.expect("the store answers");
        projects.extend(page.projects);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    // Some ask for all of every record in the order of ids, some for less, or for another order.
    for parameters in ["", "limit=5", "fields=s", "sort=-updated_at", "version=1&limit=2", "q=text"] {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        loop {
            let query = Query::parse(&pairs).expect("a query");
            let mut listing = Listing::new(&query);
            projects.iter().for_each(|project| listing.add(project));
            let expected = listing.finish();
            let listed = store.list(&query, &Session::default(), &mut Capacity::default()).await;
            let listed = listed.expect("the store answers");
            assert!(listed.body == expected.body, "{pairs:?}");
            assert_eq!((listed.etag, &listed.next), (expected.etag, &expected.next), "{pairs:?}");
            let Some(cursor) = listed.next else { break };
            pairs.retain(|(name, _)| name != "cursor");
            pairs.push(("cursor".to_owned(), cursor));
        }
    }
}

async fn changes_come_in_order_and_in_pages(store: &impl Store, _: &impl Beside) {
    for n in 0u64..12 {
        let filler = Value::from("x".repeat(250_000));
        // Two records of each time, so that pages end between equals.
        let at = 100 + n / 2;
        commit(store, None, &project(&format!("p{n:02}"), 1, at, attributes(&[("filler", filler)]))).await;
    }
    let (mut found, mut pages, mut from) = (Vec::new(), 0, None);
    loop {
        let page = store.changes(0, Timestamp(101), from, &mut Capacity::default()).await.expect("the store answers");
        pages += 1;
        found.extend(page.projects.into_iter().map(|project| (project.updated_at, project.id.to_string())));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(pages > 1, "2.5 MB are more than one page");
    assert!(found.is_sorted_by_key(|(at, _)| *at));
    let ids: BTreeSet<String> = found.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(ids, (2..12).map(|n| format!("p{n:02}")).collect());
    assert_eq!(found.len(), 10);
}

async fn a_key_that_is_not_there_is_none(store: &impl Store, _: &impl Beside) {
    let hash = ApiKey::generate(&[5; 64]).expect("a key").hash();
    assert_eq!(store.key(&hash, &mut Capacity::default()).await.expect("the store answers"), None);
}

async fn operations_tell_what_they_cost(store: &impl Store, _: &impl Beside) {
    let mut cost = Capacity::default();
    let new = project("a", 1, 10, attributes(&[("filler", "x".repeat(5_200).into())]));
    commit_with(store, None, &new, engine::token(), None, &mut cost).await;
    assert!(cost.write >= 24.0, "two units for each of 6 KB, of the record and of its row: {cost}");
    store.get(&new.id, Consistency::Strong, &mut cost).await.expect("the store answers");
    assert!((cost.read - 2.0).abs() < 1e-9, "8 KB at a unit for 4: {cost}");
    store.get(&new.id, Consistency::Eventual, &mut cost).await.expect("the store answers");
    assert!((cost.read - 3.0).abs() < 1e-9, "and at half price: {cost}");
}

async fn the_history_has_each_state_as_it_was(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, every_type());
    let mut second = project("a", 2, 11, every_type());
    second.attributes.insert("s".to_owned(), "other".into());
    second.attributes.remove("ns");
    let tombstone = Project { tombstone: Some(Timestamp(90_000)), ..project("a", 3, 12, Members::new()) };
    commit(store, None, &first).await;
    commit(store, Some(&first), &second).await;
    commit(store, Some(&second), &tombstone).await;

    assert_eq!(state(store, "a", 1).await, Some(first.clone()));
    assert_eq!(state(store, "a", 2).await, Some(second.clone()));
    let deleted = state(store, "a", 3).await.expect("the deletion");
    assert!(deleted.is_deleted() && deleted.attributes.is_empty());
    assert_eq!(state(store, "a", 4).await, None);

    let versions = history(store, "a", None, 10).await;
    let expected =
        [Version::between(Some(&second), &tombstone, Some(2)), Version::between(Some(&first), &second, Some(1))];
    assert_eq!(versions[..2], expected);
    assert_eq!(versions[2], Version::between(None, &first, None));
    let replaced = |change: &Value| match change {
        Value::Map(change) => (change["field"].clone(), change["replaced"].clone(), change.get("removed").cloned()),
        other => panic!("{other:?}"),
    };
    let every = every_type();
    let ns = ("/ns".into(), every["ns"].clone(), Some(Value::Bool(true)));
    assert_eq!(versions[1].changes.iter().map(replaced).collect::<Vec<_>>(), [ns, ("/s".into(), "text".into(), None)]);

    assert_eq!(history(store, "a", None, 2).await, versions[..2]);
    assert_eq!(history(store, "a", Some(2), 2).await, versions[2..]);
    assert_eq!(history(store, "b", None, 2).await, []);
}

async fn a_version_that_is_there_is_not_written_over(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("x", "1".into())]));
    commit(store, None, &first).await;
    // As if the record had gone without a tombstone: its history is another id's here, so take its number again.
    let second = project("a", 1, 11, attributes(&[("x", "2".into())]));
    assert_eq!(commit(store, Some(&first), &second).await, Commit::VersionTaken);
    assert_eq!(read(store, "a").await, Some(first.clone()));
    assert_eq!(state(store, "a", 1).await, Some(first));
}

async fn a_claim_is_made_once(store: &impl Store, _: &impl Beside) {
    let claim = |name: &str, request: &str| Claim {
        attempt: Attempt { key: "k".to_owned(), request: request.to_owned() },
        id: id(name),
        version: 1,
        status: 201,
        receipt: "result=created".to_owned(),
    };
    let look_up = async || store.claim("k", &mut Capacity::default()).await.expect("the store answers");
    assert_eq!(look_up().await, None);
    let (first, cost) = (claim("a", "r"), &mut Capacity::default());
    let record = project("a", 1, 10, attributes(&[("x", "1".into())]));
    assert_eq!(commit_with(store, None, &record, engine::token(), Some(&first), cost).await, Commit::Done);
    assert_eq!(look_up().await, Some(first.clone()));

    let other = project("b", 1, 11, attributes(&[("x", "1".into())]));
    for (record, again) in [(&record, claim("a", "r")), (&other, claim("b", "s"))] {
        let outcome = commit_with(store, None, record, engine::token(), Some(&again), cost).await;
        assert_eq!(outcome, Commit::Claimed(first.clone()), "the first one");
    }
    assert_eq!(read(store, "b").await, None);
}

async fn a_claim_stands_by_itself_where_nothing_is_written(store: &impl Store, _: &impl Beside) {
    let claim = |request: &str| Claim {
        attempt: Attempt { key: "k".to_owned(), request: request.to_owned() },
        id: id("a"),
        version: 0,
        status: 200,
        receipt: "result=unchanged".to_owned(),
    };
    let mut cost = Capacity::default();
    let mut remember =
        async |request| store.remember(&claim(request), Timestamp(10), &mut cost).await.expect("it answers");
    assert_eq!(remember("r").await, None);
    for request in ["r", "s"] {
        assert_eq!(remember(request).await, Some(claim("r")), "the first one");
    }
    assert!((cost.write - 1.0).abs() < 1e-9, "{cost}");
    let record = project("a", 1, 10, attributes(&[("x", "1".into())]));
    let outcome = commit_with(store, None, &record, engine::token(), Some(&claim("r")), &mut cost).await;
    assert_eq!(outcome, Commit::Claimed(claim("r")));
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
            let tombstone = Project { tombstone: Some(Timestamp(5_000)), ..project(&name, 1, 10, Members::new()) };
            let after = if deletes { tombstone } else { ours };
            // They count on in the meantime.
            let counted = Project { stray: Some(number("0.5")), ..theirs.clone() };
            beside.put_item(&counted).await;
            assert_eq!(
                commit(store, Some(&theirs), &after).await,
                Commit::Conflict(Some(counted.clone())),
                "{stray:?}"
            );
            beside.put_item(&theirs).await;
            assert_eq!(commit(store, Some(&theirs), &after).await, Commit::Done, "{stray:?}");
            assert_eq!(read(store, &name).await, Some(after), "{stray:?}");
            let found = Project { stray: None, ..theirs };
            assert_eq!(state(store, &name, 0).await, Some(found), "the history begins with what there was");
        }
    }
}

async fn a_deletion_takes_nothing_away_that_was_not_read(store: &impl Store, beside: &impl Beside) {
    let tombstone =
        |version| Project { tombstone: Some(Timestamp(5_000)), ..project("a", version, 12, Members::new()) };
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
    let tombstone = Project { tombstone: Some(Timestamp(5_000)), ..project("a", 1, 10, Members::new()) };
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
    let tombstone = |name: &str| Project { tombstone: Some(Timestamp(5_000)), ..project(name, 2, 12, Members::new()) };
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
    let with = |members: Vec<(String, Value)>, project: &Project| {
        let mut project = project.clone();
        project.attributes.extend(members);
        project
    };
    let (theirs, ours) = (with(many("theirs"), &second), with(many("ours"), &project("a", 1, 10, Members::new())));
    let ours =
        Project { attributes: [theirs.attributes.clone(), ours.attributes].into_iter().flatten().collect(), ..ours };
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
    assert_eq!(read(store, "a").await, Some(Project { attributes: both, ..second }));
}

fn key_record() -> KeyRecord {
    KeyRecord {
        key_hash: String::new(),
        key_id: "key_1".to_owned(),
        name: "somebody".to_owned(),
        scopes: vec![Scope::Read],
        created: 1,
        expires: Some(9),
        revoked: None,
        last_used: None,
    }
}

#[tokio::test]
async fn keys_are_added_listed_and_revoked() {
    let engine = Engine::start().await;
    let key = ApiKey::generate(&[5; 64]).expect("a key");
    let record = KeyRecord { key_hash: key.hash().to_hex(), ..key_record() };
    engine.store.add_key(&record).await.expect("added");
    engine.store.add_key(&record).await.expect_err("there is one");
    assert_eq!(engine.store.list_keys().await.expect("listed"), std::slice::from_ref(&record));
    engine.store.revoke_key(&record, Timestamp(5)).await.expect("revoked");
    engine.store.revoke_key(&record, Timestamp(6)).await.expect("revoked again");
    engine.store.expire_key(&record, Timestamp(12)).await.expect("earlier anyway");
    engine.store.expire_key(&record, Timestamp(7)).await.expect("set");
    let revoked = KeyRecord { revoked: Some(5), expires: Some(7), ..record };
    let found = engine.store.key(&key.hash(), &mut Capacity::default()).await.expect("looked up");
    assert_eq!(found, Some(revoked));
}

/// Written down once a day, whoever notices; of a key that is gone nothing is made.
#[tokio::test]
async fn the_use_of_a_key_is_noted_coarsely() {
    let engine = Engine::start().await;
    let (key, gone) = (ApiKey::generate(&[5; 64]).expect("a key"), ApiKey::generate(&[6; 64]).expect("a key"));
    let record = KeyRecord { key_hash: key.hash().to_hex(), ..key_record() };
    engine.store.add_key(&record).await.expect("added");
    let day = 24 * 60 * 60 * 1000;
    for (now, noted) in [(day, day), (day + 1, day), (2 * day - 1, day), (2 * day, 2 * day)] {
        let mut cost = Capacity::default();
        engine.store.key_used(&key.hash(), Timestamp(now), &mut cost).await.expect("noted, or known");
        let found = engine.store.key(&key.hash(), &mut cost).await.expect("looked up").expect("there");
        assert_eq!(found.last_used, Some(noted), "at {now}");
        assert_eq!(cost.write, f64::from(u8::from(now == noted)));
    }
    engine.store.key_used(&gone.hash(), Timestamp(1), &mut Capacity::default()).await.expect("nothing to do");
    assert_eq!(engine.store.list_keys().await.expect("listed").len(), 1);
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
    assert_eq!(state(store, "prj0001", 2).await, Some(Project { version: 2, ..second }));
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
