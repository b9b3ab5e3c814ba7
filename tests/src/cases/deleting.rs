//! DELETE with a body: the version that its author saw.

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { deleting:
    current_version_is_deleted,
    another_version_is_not_deleted,
    a_deletion_without_a_body_deletes_any_version,
    a_version_and_a_tag_must_both_hold,
    another_body_is_refused,
    a_body_is_looked_at_before_the_record,
    gone_or_absent_record_stays_so,
    a_deletion_sent_again_with_its_key_is_answered_as_before,
    a_refused_deletion_leaves_its_key_unused,
}

/// Returns the deletion of a record with this body.
fn delete<'t>(t: &'t Target, id: &str, body: &str) -> Call<'t> {
    t.delete(id).json(body)
}

#[track_caller]
fn receipt(answer: &Answer) -> &str {
    answer.header("ripple-receipt").expect("every write has a receipt")
}

fn current_version_is_deleted(t: &Target) {
    for body in [r#"{"version":2}"#, r#" { "version" : 2.0 } "#, r#"{"version":2e0}"#] {
        let id = t.some_record();
        t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
        let deleted = delete(t, &id, body).send().expect(204);
        assert!(receipt(&deleted).starts_with("result=deleted, version=3"), "{}", receipt(&deleted));
        t.get(t.path(&id)).send().problem(410, "gone");
    }
}

fn another_version_is_not_deleted(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    for version in ["1", "3", "0", "-1", "18446744073709551615", "99999999999999999999"] {
        let call = delete(t, &id, &format!(r#"{{"version":{version}}}"#));
        t.refused(&id, call, 412, "precondition_failed");
    }
    delete(t, &id, r#"{"version":2}"#).send().expect(204);
}

fn a_deletion_without_a_body_deletes_any_version(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    t.delete(&id).send().expect(204);
    // An HTTP library may send a content type without a body.
    let id = t.some_record();
    t.delete(&id).header("content-type", "application/json").send().expect(204);
}

fn a_version_and_a_tag_must_both_hold(t: &Target) {
    let id = t.some_record();
    let old = t.read(&id).etag();
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    let tag = t.read(&id).etag();
    for (body, tag) in [(r#"{"version":2}"#, &old), (r#"{"version":1}"#, &tag), (r#"{"version":1}"#, &old)] {
        t.refused(&id, delete(t, &id, body).header("if-match", tag), 412, "precondition_failed");
    }
    delete(t, &id, r#"{"version":2}"#).header("if-match", &tag).send().expect(204);
}

fn another_body_is_refused(t: &Target) {
    let id = t.some_record();
    for body in ["{}", "[]", "1", "null", r#""1""#, "{", "version=1", r#"{"version":1,"version":1}"#, "\u{feff}{}"] {
        t.refused(&id, delete(t, &id, body), 400, "invalid_body");
    }
    for wrong in [json!("1"), json!(1.5), json!(true), json!([1]), json!({}), Value::Null] {
        let call = delete(t, &id, &json!({"version": wrong}).to_string());
        t.refused(&id, call, 400, "invalid_body").blames("pointer", "/version");
    }
    for (body, pointer) in [
        (json!({"version": 1, t.kit.text: "x"}), t.kit.pointer(t.kit.text)),
        (json!({"version": 1, "deleted": true}), "/deleted".to_owned()),
        (json!({"version": 1, "a/b~c": null}), "/a~1b~0c".to_owned()),
    ] {
        t.refused(&id, delete(t, &id, &body.to_string()), 400, "invalid_body").blames("pointer", &pointer);
    }
    t.refused(&id, t.delete(&id).body(&b"\xff"[..]), 400, "invalid_body");
    t.refused(&id, delete(t, &id, &" ".repeat(1024 * 1024 + 1)), 413, "body_too_large");
}

fn a_body_is_looked_at_before_the_record(t: &Target) {
    for id in [t.fresh_id(), t.some_tombstone()] {
        delete(t, &id, r#"{"version":"1"}"#).send().problem(400, "invalid_body");
    }
}

fn gone_or_absent_record_stays_so(t: &Target) {
    let (absent, gone) = (t.fresh_id(), t.some_tombstone());
    for version in 1..4 {
        let body = format!(r#"{{"version":{version}}}"#);
        delete(t, &absent, &body).send().problem(404, "not_found");
        assert_eq!(delete(t, &gone, &body).send().problem(410, "gone")["version"], 2);
    }
}

fn a_deletion_sent_again_with_its_key_is_answered_as_before(t: &Target) {
    let id = t.some_record();
    let send = |body: &str| delete(t, &id, body).header("idempotency-key", format!("{id}-delete")).send();
    let first = send(r#"{"version":1}"#).expect(204);
    let again = send(r#"{"version":1}"#).expect(204);
    assert_eq!(receipt(&again), receipt(&first));
    send(r#"{"version":2}"#).problem(422, "idempotency_key_reused");
}

fn a_refused_deletion_leaves_its_key_unused(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    let send = |body: &str| delete(t, &id, body).header("idempotency-key", format!("{id}-delete"));
    t.refused(&id, send(r#"{"version":1}"#), 412, "precondition_failed");
    send(r#"{"version":2}"#).send().expect(204);
}
