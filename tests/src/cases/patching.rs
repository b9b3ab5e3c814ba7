//! `application/merge-patch+json`: RFC 7396, and edits with a base.

use http::Method;
use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Target};

cases! { patching:
    a_merge_patch_without_a_base_replaces_a_list,
    the_history_has_the_list_that_a_merge_patch_replaced,
    a_merge_patch_replaces_lists_inside_objects,
    a_merge_patch_empties_a_list,
    a_merge_patch_of_any_state_replaces_a_list,
    a_merge_patch_with_a_base_is_merged,
    a_merge_patch_sent_again_changes_nothing,
    plain_json_without_a_base_removes_nothing,
}

#[track_caller]
fn receipt(answer: &Answer) -> &str {
    answer.header("ripple-receipt").expect("every write has a receipt")
}

/// Creates a record with these members, and returns its id.
#[track_caller]
fn record(t: &Target, members: &Value) -> String {
    let members = members.as_object().expect("an object");
    let draft = members.iter().fold(t.draft(), |draft, (name, value)| draft.with(name, value.clone()));
    t.create(&draft);
    draft.id().to_owned()
}

fn a_merge_patch_without_a_base_replaces_a_list(t: &Target) {
    for [stored, sent] in [
        [json!(["a", "b"]), json!(["c"])],
        [json!(["a", "b"]), json!(["b", "a"])],
        [json!([1, 2, 3]), json!([3])],
        [json!([{"id": "x", "n": 1}, {"id": "y"}]), json!([{"id": "x"}])],
        [json!([true, null, [1]]), json!([null, {"id": "z", "n": null}])],
    ] {
        let id = record(t, &json!({"list": stored}));
        let saved = t.patch(&id, json!({"list": sent}).to_string()).send().expect(200);
        assert_eq!(saved.json()["list"], sent);
        assert_eq!(t.read(&id).json()["list"], sent);
    }
}

fn the_history_has_the_list_that_a_merge_patch_replaced(t: &Target) {
    let id = record(t, &json!({t.kit.tags: ["a", "b"]}));
    let saved = t.patch(&id, json!({t.kit.tags: ["c"]})).send().expect(200);
    let replaced = format!(r#""/{}";replaced=1"#, t.kit.tags);
    assert!(receipt(&saved).contains(&replaced), "{}", receipt(&saved));
    let rows = t.get(format!("{}/versions", t.path(&id))).send().expect(200).array();
    let fields: Vec<&Value> =
        rows[0]["changes"].as_array().expect("changes").iter().map(|change| &change["field"]).collect();
    assert!(!fields.is_empty() && fields.iter().all(|field| **field == t.kit.pointer(t.kit.tags)), "{fields:?}");
    let before = t.get(format!("{}/versions/1", t.path(&id))).send().expect(200).json();
    assert_eq!(before[t.kit.tags], json!(["a", "b"]));
}

fn a_merge_patch_replaces_lists_inside_objects(t: &Target) {
    let id = record(t, &json!({"meta": {"list": [1, 2], "deep": {"list": ["a"]}, "kept": [4]}}));
    t.patch(&id, r#"{"meta":{"list":[3],"deep":{"list":["b"]}}}"#).send().expect(200);
    assert_eq!(t.read(&id).json()["meta"], json!({"list": [3], "deep": {"list": ["b"]}, "kept": [4]}));
}

fn a_merge_patch_empties_a_list(t: &Target) {
    let id = record(t, &json!({t.kit.tags: ["a", "b"]}));
    t.patch(&id, json!({t.kit.tags: []})).send().expect(200);
    assert_eq!(t.read(&id).json()[t.kit.tags], json!([]));
}

/// `If-Match: *` names no state, so it is no base.
fn a_merge_patch_of_any_state_replaces_a_list(t: &Target) {
    let id = record(t, &json!({t.kit.tags: ["a", "b"]}));
    t.patch(&id, json!({t.kit.tags: ["c"]})).header("if-match", "*").send().expect(200);
    assert_eq!(t.read(&id).json()[t.kit.tags], json!(["c"]));
}

fn a_merge_patch_with_a_base_is_merged(t: &Target) {
    let id = record(t, &json!({t.kit.tags: ["a", "b"]}));
    t.patch(&id, json!({"version": 1, t.kit.tags: ["a", "b", "other"]})).send().expect(200);
    t.patch(&id, json!({"version": 1, t.kit.tags: ["b", "mine"]})).send().expect(200);
    assert_eq!(t.read(&id).json()[t.kit.tags], json!(["b", "other", "mine"]));
}

fn a_merge_patch_sent_again_changes_nothing(t: &Target) {
    for list in [json!(["c"]), json!([{"n": 1}, {"n": 1}]), json!([])] {
        let id = record(t, &json!({"list": ["a", {"id": "x"}]}));
        let send = || t.patch(&id, json!({"list": list}).to_string()).send().expect(200);
        let first = send();
        let again = send();
        assert_eq!(again.body(), first.body());
        assert!(receipt(&again).starts_with("result=unchanged, version=2"), "{}", receipt(&again));
    }
}

fn plain_json_without_a_base_removes_nothing(t: &Target) {
    let id = record(t, &json!({t.kit.tags: ["a", "b"]}));
    for (method, tag) in [(Method::PUT, "c"), (Method::PATCH, "d")] {
        t.call(method, t.path(&id)).json(json!({t.kit.tags: ["b", tag]}).to_string()).send().expect(200);
    }
    assert_eq!(t.read(&id).json()[t.kit.tags], json!(["a", "b", "c", "d"]));
}
