//! The history of a record: its writes, its earlier states, and their restoration.

use serde_json::{Value, json};

use crate::Target;
use crate::case::cases;

cases! { history:
    every_version_is_as_a_reader_saw_it,
    the_newest_comes_first_with_what_it_replaced,
    changes_of_a_list_are_listed_by_entry,
    a_history_is_read_in_pages,
    a_page_has_up_to_100_writes,
    bad_parameters_are_refused,
    record_that_never_existed_has_no_history,
    a_version_that_is_not_there_is_not_found,
    a_state_is_restored,
    restore_with_base_keeps_later_changes,
    a_deleted_record_is_restored,
    large_change_is_listed_by_fields;
    with_read_key: read_key_reads_the_history,
}

fn versions(t: &Target, id: &str) -> String {
    format!("{}/versions", t.path(id))
}

fn every_version_is_as_a_reader_saw_it(t: &Target) {
    let draft = t.draft().with("n", 0).with("list", json!([{"id": "a"}]));
    let mut seen = vec![t.create(&draft)];
    for n in 1..5 {
        let edit = json!({"version": n, "n": n, "list": [{"id": "a", "n": n}, {"n": n}]});
        t.put(draft.id(), edit.to_string()).send().expect(200);
        seen.push(t.read(draft.id()));
    }
    for (version, seen) in (1..).zip(&seen) {
        let shown = t.get(format!("{}/{version}", versions(t, draft.id()))).send().expect(200);
        assert_eq!((shown.body(), shown.etag()), (seen.body(), seen.etag()), "version {version}");
    }
    let numbers: Vec<Value> =
        t.get(versions(t, draft.id())).send().expect(200).array().iter().map(|row| row["version"].clone()).collect();
    assert_eq!(numbers, [5, 4, 3, 2, 1]);
}

fn the_newest_comes_first_with_what_it_replaced(t: &Target) {
    let draft = t.draft().with("note", "x").with("meta", json!({"a": 1, "b": 1}));
    let created = t.create(&draft).json();
    let edit = json!({"version": 1, t.kit.text: "new", "note": null, "extra": [1], "meta": {"a": 2, "b": 1}});
    let saved = t.put(draft.id(), edit.to_string()).send().expect(200).json();
    t.delete(draft.id()).send().expect(204);
    let rows = t.get(versions(t, draft.id())).send().expect(200).array();
    assert_eq!((&rows[0]["version"], &rows[0]["deleted"]), (&json!(3), &json!(true)));
    assert_eq!(
        rows[1],
        json!({
            "version": 2,
            "base": 1,
            "updated_at": saved["updated_at"],
            "updated_by": saved["updated_by"],
            "changes": [
                {"field": &t.kit.pointer(t.kit.text), "replaced": created[t.kit.text]},
                {"field": "/meta/a", "replaced": 1},
                {"field": "/note", "replaced": "x", "removed": true},
                {"field": "/extra"},
            ],
        })
    );
    assert_eq!(rows[2]["version"], 1);
    assert_eq!(rows.len(), 3);
}

fn changes_of_a_list_are_listed_by_entry(t: &Target) {
    let draft = t.draft().with("list", json!([{"id": "a", "n": 1}, {"id": "b"}, "x", "y"]));
    t.create(&draft);
    let edit = json!({"version": 1, "list": [{"id": "a", "n": 2}, "x", {"id": "c"}, "z"]});
    t.put(draft.id(), edit.to_string()).send().expect(200);
    t.put(draft.id(), r#"{"version":2,"list":["z",{"id":"c"},"x",{"id":"a","n":2}]}"#).send().expect(200);
    let rows = t.get(versions(t, draft.id())).send().expect(200).array();
    assert_eq!(
        rows[1]["changes"],
        json!([
            {"field": "/list", "entry": "a", "replaced": {"id": "a", "n": 1}},
            {"field": "/list", "entry": "b", "replaced": {"id": "b"}, "removed": true},
            {"field": "/list", "entry": "y", "replaced": "y", "removed": true},
            {"field": "/list", "entry": "c"},
            {"field": "/list", "entry": "z"},
        ])
    );
    let order = json!([{"field": "/list", "replaced": [{"id": "a", "n": 2}, "x", {"id": "c"}, "z"]}]);
    assert_eq!(rows[0]["changes"], order, "the order alone");
}

fn a_history_is_read_in_pages(t: &Target) {
    let id = t.some_record();
    for n in 0..6 {
        t.patch(&id, format!(r#"{{"n":{n}}}"#)).send().expect(200);
    }
    let pages = t.pages(&format!("{}?limit=3", versions(t, &id)));
    let numbers: Vec<Vec<u64>> = pages
        .iter()
        .map(|page| page.array().iter().map(|row| row["version"].as_u64().expect("a number")).collect())
        .collect();
    assert_eq!(numbers, [vec![7, 6, 5], vec![4, 3, 2], vec![1]]);
}

/// The limit of 100 applies whatever the request asks for.
fn a_page_has_up_to_100_writes(t: &Target) {
    let id = t.some_record();
    for n in 0..100 {
        t.patch(&id, format!(r#"{{"n":{n}}}"#)).send().expect(200);
    }
    for limit in ["", "?limit=101", "?limit=10000"] {
        let pages = t.pages(&format!("{}{limit}", versions(t, &id)));
        let lengths: Vec<usize> = pages.iter().map(|page| page.array().len()).collect();
        assert_eq!(lengths, [100, 1], "{limit}");
    }
}

fn bad_parameters_are_refused(t: &Target) {
    let id = t.some_record();
    for query in ["limit=0", "limit=x", "cursor=x", "cursor=", "limit=1&limit=2", "fields=a"] {
        t.get(format!("{}?{query}", versions(t, &id))).send().problem(400, "invalid_request");
    }
    for version in ["x", "-1", "1.5", "%20"] {
        t.get(format!("{}/{version}", versions(t, &id))).send().problem(400, "invalid_request");
    }
    t.get(format!("{}/1?x=1", versions(t, &id))).send().problem(400, "invalid_request");
}

fn record_that_never_existed_has_no_history(t: &Target) {
    let id = t.fresh_id();
    t.get(versions(t, &id)).send().problem(404, "not_found");
    t.get(format!("{}/1", versions(t, &id))).send().problem(404, "no_such_version");
    t.post(format!("{}/1", versions(t, &id)), "").send().problem(404, "not_found");
}

fn a_version_that_is_not_there_is_not_found(t: &Target) {
    let id = t.some_record();
    for version in ["0", "2", "18446744073709551615", "99999999999999999999"] {
        t.get(format!("{}/{version}", versions(t, &id))).send().problem(404, "no_such_version");
        let call = t.post(format!("{}/{version}", versions(t, &id)), "");
        t.refused(&id, call, 404, "no_such_version");
    }
}

fn a_state_is_restored(t: &Target) {
    let draft = t.draft().with("note", "old").with("list", json!([1, 2]));
    let first = t.create(&draft).json();
    t.put(draft.id(), r#"{"version":1,"note":"new","list":[2,3],"extra":1}"#).send().expect(200);
    let restored = t.post(format!("{}/1", versions(t, draft.id())), "").send().expect(200);
    assert_eq!(
        restored.header("ripple-receipt"),
        Some(r#"result=restored, version=3, base=2, taken=("/extra" "/list";added=0;removed=0;changed=2 "/note")"#)
    );
    let record = t.read(draft.id()).json();
    assert_eq!((&record["note"], &record["list"], record.get("extra")), (&first["note"], &first["list"], None));
    let again = t.post(format!("{}/1", versions(t, draft.id())), "").send().expect(200);
    assert_eq!(again.header("ripple-receipt"), Some("result=unchanged, version=3, base=3"));
}

fn restore_with_base_keeps_later_changes(t: &Target) {
    let draft = t.draft().with("note", "old");
    t.create(&draft);
    t.put(draft.id(), r#"{"version":1,"note":"new"}"#).send().expect(200);
    t.put(draft.id(), json!({"version": 2, t.kit.text: "later"})).send().expect(200);
    t.post(format!("{}/1", versions(t, draft.id())), r#"{"version":2}"#).send().expect(200);
    let record = t.read(draft.id()).json();
    assert_eq!((&record["note"], &record[t.kit.text]), (&json!("old"), &json!("later")));

    for body in [r#"{"note":"x"}"#, r#"{"version":"1"}"#, "[]", "{"] {
        let call = t.post(format!("{}/1", versions(t, draft.id())), body);
        t.refused(draft.id(), call, 400, "invalid_body");
    }
    let call = t.post(format!("{}/1", versions(t, draft.id())), r#"{"a/b~c":1}"#);
    t.refused(draft.id(), call, 400, "invalid_body").blames("pointer", "/a~1b~0c");
    let call = t.post(format!("{}/1", versions(t, draft.id())), r#"{"version":9}"#);
    t.refused(draft.id(), call, 409, "stale");
}

fn a_deleted_record_is_restored(t: &Target) {
    let draft = t.draft().with("list", json!([{"id": "a"}]));
    let first = t.create(&draft).json();
    t.delete(draft.id()).send().expect(204);
    t.get(format!("{}/2", versions(t, draft.id()))).send().problem(410, "gone");
    t.post(format!("{}/2", versions(t, draft.id())), "").send().problem(410, "gone");
    let restored = t.post(format!("{}/1", versions(t, draft.id())), "").send().expect(200);
    assert_eq!(restored.header("ripple-receipt"), Some("result=restored, version=3"));
    let mut expected = first;
    for name in ["version", "updated_at"] {
        expected[name] = restored.json()[name].clone();
    }
    assert_eq!(t.read(draft.id()).json(), expected);
}

/// The row holds the record too. Values that do not fit are in the version before.
fn large_change_is_listed_by_fields(t: &Target) {
    let draft = t.draft().with("text", "x".repeat(200_000)).with("list", json!(["y".repeat(50_000)]));
    t.create(&draft);
    let edit = json!({"version": 1, "text": "z".repeat(200_000), "list": ["w".repeat(50_000)]});
    t.put(draft.id(), edit.to_string()).send().expect(200);
    let rows = t.get(versions(t, draft.id())).send().expect(200).array();
    assert_eq!(rows[0]["changes"], json!([{"field": "/list"}, {"field": "/text"}]));
    let before = t.get(format!("{}/1", versions(t, draft.id()))).send().expect(200).json();
    assert_eq!(before["text"], "x".repeat(200_000));
}

fn read_key_reads_the_history(t: &Target) {
    let id = t.some_record();
    for path in [versions(t, &id), format!("{}/1", versions(t, &id))] {
        t.get(path).header("x-api-key", t.read_key()).send().expect(200);
    }
    let call = t.post(format!("{}/1", versions(t, &id)), "").header("x-api-key", t.read_key());
    t.refused(&id, call, 403, "insufficient_scope");
}
