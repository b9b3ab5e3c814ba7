//! `application/vnd.ripple.edit+json`: an edit with the values that its author saw.

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Body, Call, TEXT, Target};

cases! { edits:
    an_edit_changes_what_it_names_and_nothing_else,
    an_author_reverts_an_own_edit,
    a_seen_list_keeps_the_entry_of_another,
    an_edit_of_an_edit_that_was_merged_loses_nothing,
    later_edit_replaces_unseen_value,
    unseen_member_counts_as_absent,
    seen_members_can_be_removed,
    values_are_whole_and_null_is_a_value,
    edit_without_change_makes_no_version,
    an_edit_sent_again_changes_nothing,
    an_edit_needs_no_base_that_the_history_has,
    unknown_version_is_stale,
    a_deleted_record_is_not_edited,
    an_edit_keeps_its_preconditions,
    an_edit_with_its_key_is_answered_as_before,
}

/// The media type.
pub(super) const EDIT: &str = "application/vnd.ripple.edit+json";

/// Returns the PATCH of a record with this edit.
pub(super) fn edit<'t>(t: &'t Target, id: &str, body: impl Body) -> Call<'t> {
    t.patch(id, body).header("content-type", EDIT)
}

/// Returns an edit's body.
fn body(version: i64, seen: &Value, set: &Value, remove: &Value) -> String {
    json!({"version": version, "seen": seen, "set": set, "remove": remove}).to_string()
}

#[track_caller]
fn receipt(answer: &Answer) -> &str {
    answer.header("ripple-receipt").expect("every write has a receipt")
}

fn an_edit_changes_what_it_names_and_nothing_else(t: &Target) {
    let draft = t.draft().with("note", "old").with("meta", json!({"a": 1}));
    let before = t.create(&draft).json();
    let body =
        body(1, &json!({t.kit.text: before[t.kit.text], "note": "old"}), &json!({t.kit.text: "B"}), &json!(["note"]));
    let saved = edit(t, draft.id(), body).send().expect(200);
    assert_eq!(receipt(&saved), format!(r#"result=saved, version=2, base=1, taken=("/{}" "/note")"#, t.kit.text));
    let mut record = t.read(draft.id()).json();
    assert_eq!(record, saved.json());
    assert_eq!((record[t.kit.text].take(), record["version"].take()), (json!("B"), json!(2)));
    for (name, value) in before.as_object().expect("an object") {
        match name.as_str() {
            "version" | "updated_at" => {}
            name if name == t.kit.text => {}
            "note" => assert_eq!(record.get("note"), None),
            name => assert_eq!(&record[name], value, "{name}"),
        }
    }
}

/// The author's device knows no version except 1.
fn an_author_reverts_an_own_edit(t: &Target) {
    let id = t.some_record();
    let first = t.read(&id).json()[t.kit.text].clone();
    t.patch(&id, json!({"version": 1, t.kit.text: "B"})).send().expect(200);
    let body = body(1, &json!({t.kit.text: "B"}), &json!({t.kit.text: first}), &json!([]));
    let saved = edit(t, &id, body).send().expect(200);
    let record = saved.json();
    assert_eq!((&record[t.kit.text], &record["version"]), (&first, &json!(3)));
    assert!(receipt(&saved).starts_with("result=saved, version=3, base=1"), "{}", receipt(&saved));
    assert!(!receipt(&saved).contains("won="), "it replaced just what its author saw: {}", receipt(&saved));
}

fn a_seen_list_keeps_the_entry_of_another(t: &Target) {
    let draft = t.draft().with("tags", json!(["p"]));
    t.create(&draft);
    t.patch(draft.id(), r#"{"version":1,"tags":["p","o"]}"#).send().expect(200);
    let body = body(2, &json!({"tags": ["p"]}), &json!({"tags": ["p", "a"]}), &json!([]));
    let saved = edit(t, draft.id(), body).send().expect(200);
    assert_eq!(saved.json()["tags"], json!(["p", "o", "a"]));
    assert_eq!(t.read(draft.id()).json()["tags"], json!(["p", "o", "a"]));
}

/// Two edits wait on a device without a network. The author of the second edit saw the record with the first edit in
/// it. No version ever had that state.
fn an_edit_of_an_edit_that_was_merged_loses_nothing(t: &Target) {
    let entry = |id: &str, text: &str| json!({"id": id, "text": text});
    let draft = t.draft().with("list", json!([entry("a", "x")]));
    t.create(&draft);
    let id = draft.id();
    t.put(id, json!({"version": 1, "list": [entry("a", "x"), entry("o", "other")]}).to_string()).send().expect(200);

    let (seen, first) = (json!([entry("a", "x")]), json!([entry("a", "x"), entry("b", "first")]));
    edit(t, id, body(1, &json!({"list": seen}), &json!({"list": first}), &json!([]))).send().expect(200);
    let second = json!([entry("a", "changed"), entry("b", "second")]);
    let saved = edit(t, id, body(3, &json!({"list": first}), &json!({"list": second}), &json!([]))).send().expect(200);
    let mut list = saved.json()["list"].as_array().expect("a list").clone();
    list.sort_by_key(|entry| entry["id"].to_string());
    assert_eq!(list, [entry("a", "changed"), entry("b", "second"), entry("o", "other")]);
}

fn later_edit_replaces_unseen_value(t: &Target) {
    let id = t.some_record();
    let first = t.read(&id).json()[t.kit.text].clone();
    t.patch(&id, json!({"version": 1, t.kit.text: "X", t.kit.remark: "Y"})).send().expect(200);
    // The number is the newest one, but the values that the author saw count.
    for (version, goal, replaced) in [(1, "B", 2), (3, "C", 3)] {
        let body = body(version, &json!({t.kit.text: first}), &json!({t.kit.text: goal}), &json!([]));
        let saved = edit(t, &id, body).send().expect(200);
        let won = format!(r#"won=("/{}";replaced={replaced})"#, t.kit.text);
        assert!(receipt(&saved).contains(&won), "{}", receipt(&saved));
        let record = t.read(&id).json();
        assert_eq!((&record[t.kit.text], &record[t.kit.remark]), (&json!(goal), &json!("Y")));
    }
}

fn unseen_member_counts_as_absent(t: &Target) {
    let id = t.some_record();
    let add = |note: &str| edit(t, &id, body(1, &json!({}), &json!({"note": note, "tags": [note]}), &json!([])));
    let first = add("first").send().expect(200);
    assert_eq!(
        receipt(&first),
        r#"result=saved, version=2, base=1, taken=("/note" "/tags";added=1;removed=0;changed=0)"#
    );
    let second = add("second").send().expect(200);
    assert!(receipt(&second).contains(r#"won=("/note";replaced=2)"#), "{}", receipt(&second));
    let record = t.read(&id).json();
    assert_eq!((&record["note"], &record["tags"]), (&json!("second"), &json!(["first", "second"])));
    // An absent member need not be removed.
    let gone = edit(t, &id, body(3, &json!({}), &json!({}), &json!(["absent"]))).send().expect(200);
    assert!(receipt(&gone).starts_with("result=unchanged, version=3"), "{}", receipt(&gone));
}

fn seen_members_can_be_removed(t: &Target) {
    let draft = t.draft().with("note", "old").with("tags", json!(["a", "b"]));
    t.create(&draft);
    t.patch(draft.id(), r#"{"version":1,"tags":["a","b","other"]}"#).send().expect(200);
    let seen = json!({"note": "old", "tags": ["a", "b"]});
    edit(t, draft.id(), body(1, &seen, &json!({}), &json!(["note", "tags"]))).send().expect(200);
    let record = t.read(draft.id()).json();
    assert_eq!(record.get("note"), None);
    assert_eq!(record["tags"], json!(["other"]), "what another added was not seen");
}

fn values_are_whole_and_null_is_a_value(t: &Target) {
    let meta = json!({"a": 1, "b": {"c": 2}});
    let draft = t.draft().with("meta", meta.clone()).with("note", "x");
    t.create(&draft);
    let set = json!({"meta": {"b": {"d": null}}, "note": null, "new": null});
    let saved = edit(t, draft.id(), body(1, &json!({"meta": meta, "note": "x"}), &set, &json!([]))).send().expect(200);
    for record in [saved.json(), t.read(draft.id()).json()] {
        for name in ["meta", "note", "new"] {
            assert_eq!(record.get(name), set.get(name), "{name}");
        }
    }
}

fn edit_without_change_makes_no_version(t: &Target) {
    let draft = t.draft().with("tags", json!(["a"]));
    let created = t.create(&draft);
    let goal = created.json()[t.kit.text].clone();
    for (seen, set) in [
        (json!({}), json!({})),
        (json!({t.kit.text: goal, "tags": ["a"]}), json!({t.kit.text: goal, "tags": ["a"]})),
        (json!({t.kit.text: "never"}), json!({t.kit.text: goal})),
    ] {
        let saved = edit(t, draft.id(), body(1, &seen, &set, &json!([]))).send().expect(200);
        assert_eq!(saved.body(), created.body());
        assert!(receipt(&saved).starts_with("result=unchanged, version=1, base=1"), "{}", receipt(&saved));
    }
    assert_eq!(t.read(draft.id()).body(), created.body());
}

fn an_edit_sent_again_changes_nothing(t: &Target) {
    let draft = t.draft().with("list", json!([{"id": "a"}])).with("note", "x");
    t.create(&draft);
    let seen = json!({"list": [{"id": "a"}], "note": "x"});
    let body = body(1, &seen, &json!({"list": [{"id": "a"}, {"n": 1}, {"n": 1}]}), &json!(["note"]));
    let first = edit(t, draft.id(), body.as_str()).send().expect(200);
    let again = edit(t, draft.id(), body.as_str()).send().expect(200);
    assert_eq!(again.body(), first.body());
    t.patch(draft.id(), json!({"version": 2, t.kit.text: "another's"})).send().expect(200);
    let late = edit(t, draft.id(), body).send().expect(200);
    assert!(receipt(&late).starts_with("result=unchanged, version=3, base=1"), "{}", receipt(&late));
}

/// The edit contains its base, so the history is not needed.
fn an_edit_needs_no_base_that_the_history_has(t: &Target) {
    let draft = t.draft().with("tags", json!(["a", "b"]));
    t.create(&draft);
    let body = body(-7, &json!({"tags": ["a", "b"]}), &json!({"tags": ["b"]}), &json!([]));
    let saved = edit(t, draft.id(), body).send().expect(200);
    assert_eq!(saved.json()["tags"], json!(["b"]));
    assert!(!receipt(&saved).contains("missing"), "{}", receipt(&saved));
}

fn unknown_version_is_stale(t: &Target) {
    let id = t.some_record();
    let call = edit(t, &id, body(2, &json!({}), &json!({t.kit.text: "B"}), &json!([])));
    assert_eq!(t.refused(&id, call, 409, "stale").json()["current"], t.read(&id).json());
}

fn a_deleted_record_is_not_edited(t: &Target) {
    let (absent, gone) = (t.fresh_id(), t.some_tombstone());
    let body = |version| body(version, &json!({}), &json!({t.kit.text: "B"}), &json!([]));
    edit(t, &absent, body(1)).send().problem(404, "not_found");
    assert_eq!(edit(t, &gone, body(1)).send().problem(410, "gone")["version"], 2);
    edit(t, &gone, body(2)).send().problem(409, "deleted");
    t.get(t.path(&gone)).send().problem(410, "gone");
}

fn an_edit_keeps_its_preconditions(t: &Target) {
    let id = t.some_record();
    let old = t.read(&id).etag();
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    let call = || edit(t, &id, body(1, &json!({t.kit.text: "second"}), &json!({t.kit.text: "third"}), &json!([])));
    t.refused(&id, call().header("if-match", old), 412, "precondition_failed");
    call().header("if-match", t.read(&id).etag()).send().expect(200);
}

fn an_edit_with_its_key_is_answered_as_before(t: &Target) {
    let id = t.some_record();
    let send = |goal: &str| {
        let body = body(1, &json!({t.kit.text: TEXT}), &json!({t.kit.text: goal}), &json!([]));
        edit(t, &id, body).header("idempotency-key", format!("{id}-edit")).header("ripple-claim-days", "90").send()
    };
    let first = send("B").expect(200);
    t.patch(&id, json!({"version": 2, t.kit.text: "X"})).send().expect(200);
    let again = send("B").expect(200);
    assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(&first)));
    assert_eq!(t.read(&id).json()[t.kit.text], "X");
    send("C").problem(422, "idempotency_key_reused");
}
