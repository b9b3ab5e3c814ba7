//! Invalid edits (`application/vnd.ripple.edit+json`). Each is refused and changes nothing.

use http::Method;
use serde_json::json;

use super::edits::{EDIT, edit};
use crate::case::cases;
use crate::{Answer, Body, Kit, Target};

cases! { edit_input:
    a_field_that_is_seen_and_not_edited_is_refused,
    a_field_that_is_set_and_removed_is_refused,
    members_of_other_types_are_refused,
    members_that_an_edit_does_not_have_are_refused,
    what_is_set_is_checked_like_any_record,
    a_required_member_cannot_be_removed,
    members_of_ripples_own_cannot_be_edited,
    limits_hold_for_edits_too,
    what_is_no_object_is_refused,
    only_patch_takes_an_edit,
    parameters_of_the_media_type_make_no_difference,
}

/// Sends an edit, and asserts that it is refused and leaves its record as it was.
#[track_caller]
fn refused(t: &Target, body: impl Body) -> Answer {
    let id = t.some_record();
    t.refused(&id, edit(t, &id, body), 400, "invalid_body")
}

fn a_field_that_is_seen_and_not_edited_is_refused(t: &Target) {
    let Kit { text, remark, .. } = *t.kit;
    let seen = format!("/seen/{text}");
    refused(t, json!({"version": 1, "seen": {text: "G"}, "set": {remark: "I"}, "remove": []})).blames("pointer", &seen);
    refused(t, r#"{"version":1,"seen":{"a/b~c":1},"set":{},"remove":["d"]}"#).blames("pointer", "/seen/a~1b~0c");
    let two = refused(t, json!({"version": 1, "seen": {text: "G", "note": 1}, "set": {}, "remove": []}));
    two.blames("pointer", &seen).blames("pointer", "/seen/note");
}

fn a_field_that_is_set_and_removed_is_refused(t: &Target) {
    refused(t, r#"{"version":1,"seen":{},"set":{"note":"x"},"remove":["note"]}"#);
    let set = json!({"note": "x", t.kit.text: "B"});
    refused(t, json!({"version": 1, "seen": {"note": "w"}, "set": set, "remove": ["a", "note"]}));
}

fn members_of_other_types_are_refused(t: &Target) {
    for (name, wrong) in [
        ("version", vec![json!("1"), json!(1.5), json!(true), json!([1]), json!({})]),
        ("seen", vec![json!([]), json!("x"), json!(1), json!(true)]),
        ("set", vec![json!([]), json!("x"), json!(1), json!(true)]),
        ("remove", vec![json!({}), json!("note"), json!(1), json!(true)]),
    ] {
        for wrong in wrong {
            let mut body = json!({"version": 1, "seen": {}, "set": {t.kit.text: "B"}, "remove": []});
            body[name] = wrong;
            refused(t, body.to_string()).blames("pointer", &format!("/{name}"));
        }
    }
    for wrong in [json!(1), json!(null), json!(["note"]), json!({})] {
        let body = json!({"version": 1, "seen": {}, "set": {}, "remove": ["note", wrong]});
        refused(t, body.to_string()).blames("pointer", "/remove/1");
    }
}

fn members_that_an_edit_does_not_have_are_refused(t: &Target) {
    for name in [t.kit.text, t.kit.key, "deleted", "removed", "base"] {
        let mut body = json!({"version": 1, "seen": {}, "set": {t.kit.text: "B"}, "remove": []});
        body[name] = "x".into();
        refused(t, body.to_string()).blames("pointer", &format!("/{name}"));
    }
}

fn what_is_set_is_checked_like_any_record(t: &Target) {
    for (name, wrong) in t.kit.wrong {
        refused(t, format!(r#"{{"version":1,"seen":{{}},"set":{{"{name}":{wrong},"note":"x"}},"remove":[]}}"#))
            .blames("pointer", &format!("/set/{name}"));
    }
    for (value, pointer) in [("1e999", "/set/n"), ("[0,1e999]", "/set/n/1"), (r#"{"a":1,"a":2}"#, "/set/n/a")] {
        refused(t, format!(r#"{{"version":1,"seen":{{}},"set":{{"n":{value}}},"remove":[]}}"#))
            .blames("pointer", pointer);
    }
    refused(t, r#"{"version":1,"seen":{},"set":{"":1},"remove":[]}"#);
}

fn a_required_member_cannot_be_removed(t: &Target) {
    let (choice, [value, _]) = t.kit.choice;
    refused(t, json!({"version": 1, "seen": {}, "set": {"note": "x"}, "remove": [t.kit.title]}));
    refused(t, json!({"version": 1, "seen": {choice: value}, "set": {}, "remove": [choice]}));
}

fn members_of_ripples_own_cannot_be_edited(t: &Target) {
    for name in ["rpl_version", "rpl_seal", "rpl_anything"] {
        let body = json!({"version": 1, "seen": {}, "set": {name: 1}, "remove": []});
        refused(t, body.to_string()).blames("pointer", &format!("/set/{name}"));
    }
    let (id, other) = (t.some_record(), t.some_record());
    let body = json!({"version": 1, "seen": {}, "set": {t.kit.key: other, t.kit.text: "B"}, "remove": []});
    t.refused(&id, edit(t, &id, body.to_string()), 400, "invalid_body");
    t.refused(&id, edit(t, &id, r#"{"version":1,"seen":{},"set":{},"remove":[t.kit.key]}"#), 400, "invalid_body");
}

fn limits_hold_for_edits_too(t: &Target) {
    let set = |value: &str| format!(r#"{{"version":1,"seen":{{}},"set":{{"deep":{value}}},"remove":[]}}"#);
    let lists = |inner: usize| format!("{}1{}", "[".repeat(inner), "]".repeat(inner));
    let id = t.some_record();
    t.refused(&id, edit(t, &id, set(&lists(32))), 400, "invalid_body");
    t.refused(&id, edit(t, &id, set(&lists(100_000))), 400, "invalid_body");
    let long = format!("\"{}\"", "x".repeat(400 * 1024));
    t.refused(&id, edit(t, &id, set(&long)), 413, "record_too_large");
    let padded = format!("{}{}", set("1"), " ".repeat(1024 * 1024));
    t.refused(&id, edit(t, &id, padded), 413, "body_too_large");
    // A level of the edit does not count as a level of the record.
    let saved = edit(t, &id, set(&lists(31))).send().expect(200);
    assert_eq!(saved.raw("deep"), lists(31));
}

fn what_is_no_object_is_refused(t: &Target) {
    for body in ["", "[]", "null", "1", "{", r#"{"version":1,"version":1}"#, r#"{"seen":{},"seen":{}}"#] {
        refused(t, body);
    }
}

fn only_patch_takes_an_edit(t: &Target) {
    let id = t.some_record();
    let body = r#"{"version":1,"seen":{},"set":{"note":"x"},"remove":[]}"#;
    for call in [t.post(t.kit.path, body), t.put(&id, body)] {
        t.refused(&id, call.header("content-type", EDIT), 415, "unsupported_media_type");
    }
    let other = t.call(Method::PATCH, t.path(&id)).body(body).header("content-type", "text/plain");
    let answer = t.refused(&id, other, 415, "unsupported_media_type");
    let taken: Vec<&str> = answer.header("accept-patch").unwrap_or_default().split(", ").collect();
    assert!(taken.contains(&EDIT), "{taken:?}");
}

fn parameters_of_the_media_type_make_no_difference(t: &Target) {
    let id = t.some_record();
    for (kind, note) in
        [("Application/Vnd.Ripple.Edit+JSON", "a"), ("application/vnd.ripple.edit+json; charset=utf-8", "b")]
    {
        let body = json!({"version": 1, "seen": {}, "set": {"note": note}, "remove": []});
        t.patch(&id, body.to_string()).header("content-type", kind).send().expect(200);
        assert_eq!(t.read(&id).json()["note"], note);
    }
}
