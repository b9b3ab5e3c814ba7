//! The changes since a cursor.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::Target;
use crate::case::cases;
use crate::target::escape;

cases! { changes:
    without_since_every_record_is_listed,
    new_record_is_listed_as_changed,
    changed_record_is_listed_as_it_is_now,
    deleted_record_is_listed_as_deleted,
    recreated_record_is_listed_as_changed,
    cursor_can_be_followed_repeatedly,
    pages_hold_up_to_limit_and_miss_nothing,
    listed_record_equals_the_record,
    a_damaged_cursor_is_refused,
    invented_cursor_is_refused,
}

/// The largest expected lag of the index: half of the overlap in the contract.
const LAG: Duration = Duration::from_secs(15);

/// The state of a reader that applied every change.
#[derive(Default)]
struct Told {
    changed: BTreeMap<String, Value>,
    deleted: BTreeSet<String>,
    cursor: String,
}

/// Follows the changes from `path` until no more are ready.
///
/// A change may be repeated, and the pages of one moment have no order. So a record's greatest version counts.
#[track_caller]
fn follow(t: &Target, path: &str) -> Told {
    let mut told = Told::default();
    for page in t.pages(path) {
        let page = page.json();
        for record in page["changed"].as_array().expect("changed is an array") {
            let newest = told.changed.entry(t.id_of(record)).or_insert_with(|| record.clone());
            if record["version"].as_u64() > newest["version"].as_u64() {
                *newest = record.clone();
            }
        }
        for id in page["deleted"].as_array().expect("deleted is an array") {
            told.deleted.insert(id.as_str().expect("an id is a string").to_owned());
        }
        told.cursor = page["cursor"].as_str().expect("the cursor is a string").to_owned();
    }
    assert!(!told.cursor.is_empty());
    told
}

/// Returns the current cursor.
#[track_caller]
fn now(t: &Target) -> String {
    follow(t, &t.path("_changes")).cursor
}

/// Returns the changes since `cursor`, once they are `enough`. The index of changes may lag.
#[track_caller]
fn since(t: &Target, cursor: &str, enough: impl Fn(&Told) -> bool) -> Told {
    let path = t.path(&format!("_changes?since={}", escape(cursor)));
    let begun = Instant::now();
    loop {
        let told = follow(t, &path);
        if enough(&told) {
            return told;
        }
        assert!(begun.elapsed() < LAG, "not told within {} s", LAG.as_secs());
        thread::sleep(Duration::from_millis(200));
    }
}

fn without_since_every_record_is_listed(t: &Target) {
    let ids = [t.some_record(), t.some_record()];
    let told = follow(t, &t.path("_changes"));
    assert!(ids.iter().all(|id| told.changed.contains_key(id)));
}

fn new_record_is_listed_as_changed(t: &Target) {
    let cursor = now(t);
    let id = t.some_record();
    let told = since(t, &cursor, |told| told.changed.contains_key(&id));
    assert_eq!(told.changed[&id], t.read(&id).json());
    assert!(!told.deleted.contains(&id));
}

fn changed_record_is_listed_as_it_is_now(t: &Target) {
    let id = t.some_record();
    let cursor = now(t);
    t.patch(&id, json!({t.kit.title: "second"})).send().expect(200);
    t.patch(&id, json!({t.kit.title: "third"})).send().expect(200);
    let told = since(t, &cursor, |told| told.changed.get(&id).is_some_and(|record| record["version"] == 3));
    assert_eq!(told.changed[&id], t.read(&id).json());
}

fn deleted_record_is_listed_as_deleted(t: &Target) {
    let id = t.some_record();
    let cursor = now(t);
    t.delete(&id).send().expect(204);
    let told = since(t, &cursor, |told| told.deleted.contains(&id));
    assert!(!told.changed.contains_key(&id));
}

fn recreated_record_is_listed_as_changed(t: &Target) {
    let draft = t.draft();
    let id = draft.id();
    t.create(&draft);
    let cursor = now(t);
    t.delete(id).send().expect(204);
    t.create(&draft);
    let told = since(t, &cursor, |told| told.changed.get(id).is_some_and(|record| record["version"] == 3));
    assert_eq!(told.changed[id], t.read(id).json());
    assert!(!told.deleted.contains(id));
}

fn cursor_can_be_followed_repeatedly(t: &Target) {
    let mut cursor = now(t);
    for _ in 0..3 {
        let id = t.some_record();
        cursor = since(t, &cursor, |told| told.changed.contains_key(&id)).cursor;
    }
}

fn pages_hold_up_to_limit_and_miss_nothing(t: &Target) {
    let cursor = now(t);
    let changed: Vec<String> = (0..7).map(|_| t.some_record()).collect();
    let deleted: Vec<String> = (0..4).map(|_| t.some_tombstone()).collect();
    since(t, &cursor, |told| {
        changed.iter().all(|id| told.changed.contains_key(id)) && deleted.iter().all(|id| told.deleted.contains(id))
    });

    let mut told = 0;
    for page in t.pages(&t.path(&format!("_changes?since={}&limit=3", escape(&cursor)))) {
        let page = page.json();
        let list = |name: &str| page[name].as_array().cloned().unwrap_or_default();
        assert!(list("changed").len() + list("deleted").len() <= 3);
        told += list("changed").iter().filter(|record| changed.contains(&t.id_of(record))).count();
        told += list("deleted").iter().filter(|id| deleted.iter().any(|deleted| *id == deleted)).count();
    }
    assert!(told >= 11, "{told} of 11 told");
}

fn listed_record_equals_the_record(t: &Target) {
    let cursor = now(t);
    let draft = t.draft().raw("n", "12345678901234567890123456789012345678");
    let created = t.create(&draft);
    since(t, &cursor, |told| told.changed.contains_key(draft.id()));
    let pages = t.pages(&t.path(&format!("_changes?since={}", escape(&cursor))));
    assert!(pages.iter().any(|page| page.text().contains(created.text())), "the same bytes");
}

fn a_damaged_cursor_is_refused(t: &Target) {
    let cursor = now(t);
    let half = &cursor[..cursor.len() / 2];
    for damaged in ["", "x", "!!!!", "%00", "AAAAAAAAAAAAAAAA", half, &"A".repeat(4000)] {
        let answer = t.get(t.path(&format!("_changes?since={damaged}"))).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "since");
    }
}

/// Cursors that DynamoDB itself would refuse: an invalid id, a position outside the query.
fn invented_cursor_is_refused(t: &Target) {
    let long = "x".repeat(3000);
    for (id, since, at) in [("", 1_u64, 5), (&*long, 1, 5), ("a", 1_000_000_000_000_000, 5)] {
        let cursor = format!(r#"[1,{{"since":[{{"at":{since},"within":{{"began":1,"id":"{id}","at":{at}}}}}]}}]"#);
        let cursor = URL_SAFE_NO_PAD.encode(cursor);
        t.get(t.path(&format!("_changes?since={cursor}"))).send().expect(400).blames("parameter", "since");
    }
}
