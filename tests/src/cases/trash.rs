//! The list of deleted records.

use crate::case::cases;
use crate::target::escape;
use crate::{Kit, TITLE, Target};

cases! { trash:
    deleted_records_are_listed_apart,
    the_trash_is_a_list_like_any,
    a_restored_record_leaves_the_trash,
    false_is_the_list_of_live_records,
}

/// Returns the path of the trash, with the deleted records of this case.
fn trash(t: &Target, parameters: &str) -> String {
    format!("{}?deleted=true&{}[prefix]={}-{parameters}", t.kit.path, t.kit.key, t.run)
}

#[track_caller]
fn ids(t: &Target, parameters: &str) -> Vec<String> {
    let pages = t.pages(&trash(t, parameters));
    pages.iter().flat_map(|page| page.array()).map(|record| t.id_of(&record)).collect()
}

fn deleted_records_are_listed_apart(t: &Target) {
    let live = t.some_record();
    let [first, second] = [t.some_tombstone(), t.some_tombstone()];
    assert_eq!(ids(t, ""), [first.as_str(), &second]);
    assert_eq!(t.list_ids(""), [live]);
    let rows = t.get(trash(t, "")).send().expect(200).array();
    let row = &rows[0];
    assert_eq!((&row["version"], &row["deleted"]), (&2.into(), &true.into()));
    assert!(row["updated_at"].is_u64() && row["updated_by"].is_string(), "{row}");
    assert!(row.get(t.kit.title).is_none(), "a tombstone has no content: {row}");
}

fn the_trash_is_a_list_like_any(t: &Target) {
    let mut all: Vec<String> = (0..5).map(|_| t.some_tombstone()).collect();
    let page = t.get(trash(t, "&limit=2&count=true")).send().expect(200);
    assert_eq!((page.array().len(), page.count()), (2, Some(5)));
    assert!(page.next().is_some());
    assert_eq!(ids(t, "&limit=2"), all);
    assert_eq!(ids(t, "&version[gt]=2"), [""; 0]);
    let Kit { key, .. } = t.kit;
    let fields = t.get(trash(t, "&limit=1&fields=version")).send().expect(200).array();
    assert_eq!(fields, [t.with_key(&all[0], serde_json::json!({"version": 2}))]);
    all.reverse();
    assert_eq!(ids(t, &format!("&sort=-updated_at,-{key}")), all);
}

fn a_restored_record_leaves_the_trash(t: &Target) {
    let id = t.some_tombstone();
    let row = t.get(trash(t, "")).send().expect(200).array().remove(0);
    let last = row["version"].as_u64().expect("a version") - 1;
    t.post(t.path(&format!("{id}/versions/{last}")), "{}").send().expect(200);
    assert_eq!(ids(t, ""), [""; 0]);
    assert_eq!(t.list_ids(""), [id]);
}

fn false_is_the_list_of_live_records(t: &Target) {
    let id = t.some_record();
    t.some_tombstone();
    assert_eq!(t.list_ids("deleted=false"), [id]);
    assert_eq!(ids(t, &format!("&{}={}", t.kit.title, escape(TITLE))), [""; 0], "a tombstone has no such member");
    t.get(t.list_path("deleted=true")).send().blames("parameter", "run");
}
