//! Tests that the store behaves the same on the embedded DynamoDB engine and in memory.

use std::collections::BTreeSet;

use crate::beside::Beside;
use crate::engine;
use crate::table::{attributes, commit, commit_with, every_type, history, id, project, read, state};
use ripple_core::auth::ApiKey;
use ripple_core::query::{Listing, Query};
use ripple_core::record::history::Row;
use ripple_core::record::merge::Rules;
use ripple_core::record::outcome::{Outcome, OutcomeKind};
use ripple_core::record::schema::Resource;
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Commit, Consistency, IdempotencyRecord, IndexEntry, Position, Store};
use ripple_core::value::{Members, Value};
use ripple_core::{Record, Timestamp};

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
    a_replaced_row_is_given_an_end
    a_claim_stands_by_itself_where_nothing_is_written
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
    let scanned = store.scan(None, Consistency::Eventual, &mut cost).await.expect("the store answers");
    let changed = store.changes(0, Timestamp(10), None, 100, &mut cost).await.expect("the store answers");
    assert_eq!((scanned.records.as_slice(), scanned.next), (std::slice::from_ref(&new), None));
    let entry = IndexEntry { id: new.id.clone(), at: Timestamp(10), version: Some(1) };
    assert_eq!((changed.entries.as_slice(), changed.next), (std::slice::from_ref(&entry), None));
    let gone = IndexEntry { id: id("gone"), ..entry.clone() };
    assert_eq!(store.fetch(&[entry, gone], &mut cost).await.expect("the store answers"), [new]);
    assert!((0.5..=4.0).contains(&cost.read), "{cost}");
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
    let mut second = Record { version: 2, updated_at: Some(Timestamp(11)), ..first.clone() };
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
    let tombstone = Record { tombstone: Some(Timestamp(5_000)), ..project("a", 2, 11, Members::new()) };
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
        let page = store.scan(from, Consistency::Eventual, &mut Capacity::default()).await.expect("the store answers");
        pages += 1;
        for project in page.records {
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
    let tombstone = Record { tombstone: Some(Timestamp(5_000)), ..project("p3", 2, 99, Members::new()) };
    let deleted = read(store, "p3").await;
    assert_eq!(commit(store, deleted.as_ref(), &tombstone).await, Commit::Done);
    let (mut projects, mut from) = (Vec::new(), None);
    loop {
        let page = store.scan(from, Consistency::Eventual, &mut Capacity::default()).await.expect("the store answers");
        projects.extend(page.records);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    // Some queries request all fields of every record in the order of ids. Others request less, or another order.
    for parameters in ["", "limit=5", "fields=s", "sort=-updated_at", "version=1&limit=2", "q=text"] {
        let mut pairs: Vec<(String, String)> = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        loop {
            let query = Query::parse(&pairs, &Resource::built_in()).expect("a query");
            let mut listing = Listing::new(&query);
            projects.iter().for_each(|project| listing.add(project));
            let expected = listing.finish();
            let listed = store.list(&query, &Session::default(), Timestamp(100), &mut Capacity::default()).await;
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
        // Two records have each time, so that pages end between equal times.
        let at = 100 + n / 2;
        commit(store, None, &project(&format!("p{n:02}"), 1, at, attributes(&[("filler", filler)]))).await;
    }
    let (mut found, mut pages, mut from) = (Vec::new(), 0, None);
    loop {
        let page = store.changes(0, Timestamp(101), from, 4, &mut Capacity::default()).await;
        let page = page.expect("the store answers");
        pages += 1;
        assert!(page.entries.len() <= 4);
        found.extend(page.entries.into_iter().map(|entry| (entry.at, entry.id.to_string())));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert!(pages > 2, "ten records are more than two pages of four");
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
    assert!(
        (14.0..18.0).contains(&cost.write),
        "two units for each of 6 KB of the record, the index and the short row: {cost}"
    );
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
    let tombstone = Record { tombstone: Some(Timestamp(90_000)), ..project("a", 3, 12, Members::new()) };
    commit(store, None, &first).await;
    commit(store, Some(&first), &second).await;
    commit(store, Some(&second), &tombstone).await;

    assert_eq!(state(store, "a", 1).await, Some(first.clone()));
    assert_eq!(state(store, "a", 2).await, Some(second.clone()));
    let deleted = state(store, "a", 3).await.expect("the deletion");
    assert!(deleted.is_deleted() && deleted.attributes.is_empty());
    assert_eq!(state(store, "a", 4).await, None);

    let versions = history(store, "a", None, 10).await;
    let entry = |before, after, base| Row::of_write(before, after, base, Rules::default()).entry;
    let expected = [entry(Some(&second), &tombstone, Some(2)), entry(Some(&first), &second, Some(1))];
    assert_eq!(versions[..2], expected);
    assert_eq!(versions[2], entry(None, &first, None));
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
    // This simulates a record that disappeared without a tombstone. The history belongs to another id here, so the
    // commit uses its number again.
    let second = project("a", 1, 11, attributes(&[("x", "2".into())]));
    assert_eq!(commit(store, Some(&first), &second).await, Commit::NumberTaken);
    assert_eq!(read(store, "a").await, Some(first.clone()));
    assert_eq!(state(store, "a", 1).await, Some(first));
}

async fn a_claim_is_made_once(store: &impl Store, _: &impl Beside) {
    let claim = |name: &str, request: &str| claim_of(name, request, 1, OutcomeKind::Created);
    let look_up_at = async |now| store.claim("k", Timestamp(now), &mut Capacity::default()).await.expect("it answers");
    let look_up = async || look_up_at(10).await;
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

    // Once the idempotency record has expired, the key is free, whether or not DynamoDB has deleted the record.
    assert_eq!(look_up_at(100_000).await, None);
    let late = project("b", 1, 100_000, attributes(&[("x", "1".into())]));
    let again = IdempotencyRecord { expires: Timestamp(200_000), ..claim("b", "s") };
    assert_eq!(commit_with(store, None, &late, engine::token(), Some(&again), cost).await, Commit::Done);
    assert_eq!(look_up_at(100_000).await, Some(again));
}

fn claim_of(name: &str, request: &str, version: u64, kind: OutcomeKind) -> IdempotencyRecord {
    IdempotencyRecord {
        key: "k".to_owned(),
        request: request.to_owned(),
        id: id(name),
        version,
        outcome: Outcome::of(kind),
        expires: Timestamp(100_000),
    }
}

async fn a_replaced_row_is_given_an_end(store: &impl Store, _: &impl Beside) {
    let first = project("a", 1, 10, attributes(&[("x", "1".into())]));
    commit(store, None, &first).await;
    let mut cost = Capacity::default();
    for (id, number) in [("a", 1), ("a", 1), ("a", 2), ("b", 1)] {
        store.expire(&self::id(id), number, Timestamp(90_000), &mut cost).await.expect("the store answers");
    }
    assert!((1.0..=4.0).contains(&cost.write), "{cost}");
    assert_eq!(state(store, "a", 1).await, Some(first));
    assert_eq!((state(store, "a", 2).await, state(store, "b", 1).await), (None, None), "a row is never made");
}

async fn a_claim_stands_by_itself_where_nothing_is_written(store: &impl Store, _: &impl Beside) {
    let claim = |request: &str| claim_of("a", request, 1, OutcomeKind::Unchanged);
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
