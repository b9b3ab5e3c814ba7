//! Every error that a request can cause, with its golden body.
//!
//! No request can cause `internal` and `unavailable`. The tests of the store cover them.

use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Target};

cases! { errors:
    invalid_json,
    invalid_request,
    forbidden,
    missing_authentication_token,
    not_found,
    method_not_allowed,
    exists,
    stale,
    gone,
    precondition_failed,
    body_too_large,
    record_too_large,
    unsupported_media_type;
    of PRJ: invalid_body;
    of TASK: invalid_body_of_a_task;
    with_text_ids: invalid_request_of_a_long_id;
    with_read_key:
    insufficient_scope,
}

/// Compares a problem to its golden text, in which the case's ids begin with `run` and a record is a `noun`.
///
/// The comparison leaves out the record's size, which counts the key's name. It leaves out the scope of one resource,
/// which a site with one resource does not name.
#[track_caller]
fn told(t: &Target, answer: &Answer, expected: &Expect) {
    told_of(t, &answer.json(), expected);
}

#[track_caller]
fn told_of(t: &Target, problem: &Value, expected: &Expect) {
    let text =
        serde_json::to_string_pretty(problem).expect("JSON is written").replace(&t.stem, "run").replace(&t.run, "run");
    let text = text.replace(&format!("{} run-", t.kit.noun), "noun run-");
    let text = text.replace(&format!("\"{}id\"", t.kit.resource), "\"…id\"");
    let text = text.replace(&format!(" or {}:write", t.kit.resource), "");
    let text = match text.split_once("this one would have ") {
        Some((before, size)) => format!("{before}this one would have …{}", size.trim_start_matches(char::is_numeric)),
        None => text,
    };
    expected.assert_eq(&text);
}

fn invalid_body(t: &Target) {
    let wrong = t.draft().without("goal").with("term", "six").with("create_date", "");
    let answer = t.post(t.kit.path, wrong.to_json()).send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
            {
              "code": "invalid_body",
              "detail": "the body has faults",
              "errors": [
                {
                  "detail": "must be a whole number, at least 0, or a string of 1 to 38 characters that matches ^[0-9]+$",
                  "pointer": "/term"
                },
                {
                  "detail": "must be a string of 1 to 64 characters",
                  "pointer": "/create_date"
                },
                {
                  "detail": "is required",
                  "pointer": "/goal"
                }
              ],
              "message": "Invalid request body",
              "status": 400,
              "title": "Bad Request",
              "type": "urn:problem-type:ripple:invalid_body"
            }"#]],
    );
}

fn invalid_body_of_a_task(t: &Target) {
    let wrong = t.draft().without("subject").with("state", "Done").with("size", 14);
    let answer = t.post(t.kit.path, wrong.to_json()).send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
            {
              "code": "invalid_body",
              "detail": "the body has faults",
              "errors": [
                {
                  "detail": "must be one of \"todo\", \"doing\", \"done\"",
                  "pointer": "/state"
                },
                {
                  "detail": "must be a whole number from 1 to 13",
                  "pointer": "/size"
                },
                {
                  "detail": "is required",
                  "pointer": "/subject"
                }
              ],
              "message": "Invalid request body",
              "status": 400,
              "title": "Bad Request",
              "type": "urn:problem-type:ripple:invalid_body"
            }"#]],
    );
}

fn invalid_json(t: &Target) {
    let answer = t.post(t.kit.path, r#"{"name":"x","name":"y"}"#).send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "invalid_body",
          "detail": "the body has faults",
          "errors": [
            {
              "detail": "the member occurs twice",
              "pointer": "/name"
            }
          ],
          "message": "Invalid request body",
          "status": 400,
          "title": "Bad Request",
          "type": "urn:problem-type:ripple:invalid_body"
        }"#]],
    );
}

fn invalid_request(t: &Target) {
    let answer = t.get(format!("{}?limit=0", t.kit.path)).send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "invalid_request",
          "detail": "the request has faults",
          "errors": [
            {
              "detail": "must be a whole number from 1 to 10000",
              "parameter": "limit"
            }
          ],
          "message": "Bad Request",
          "status": 400,
          "title": "Bad Request",
          "type": "urn:problem-type:ripple:invalid_request"
        }"#]],
    );
    let answer = t.get(t.kit.path).header("ripple-session", "x").send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "invalid_request",
          "detail": "the request has faults",
          "errors": [
            {
              "detail": "is no token of ripple's",
              "header": "ripple-session"
            }
          ],
          "message": "Bad Request",
          "status": 400,
          "title": "Bad Request",
          "type": "urn:problem-type:ripple:invalid_request"
        }"#]],
    );
}

fn invalid_request_of_a_long_id(t: &Target) {
    let answer = t.get(t.path(&"a".repeat(2049))).send().expect(400);
    told(
        t,
        &answer,
        &expect![[r#"
            {
              "code": "invalid_request",
              "detail": "the request has faults",
              "errors": [
                {
                  "detail": "must have 1 to 2048 bytes",
                  "parameter": "…id"
                }
              ],
              "message": "Bad Request",
              "status": 400,
              "title": "Bad Request",
              "type": "urn:problem-type:ripple:invalid_request"
            }"#]],
    );
}

fn forbidden(t: &Target) {
    let answer = t.get(t.kit.path).without("x-api-key").send().expect(403);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "forbidden",
          "detail": "a valid API key is needed in x-api-key",
          "message": "Forbidden",
          "status": 403,
          "title": "Forbidden",
          "type": "urn:problem-type:ripple:forbidden"
        }"#]],
    );
}

fn insufficient_scope(t: &Target) {
    let answer = t.delete(&t.some_record()).header("x-api-key", t.read_key()).send().expect(403);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "insufficient_scope",
          "detail": "this needs an API key with the scope write",
          "message": "Forbidden",
          "status": 403,
          "title": "Forbidden",
          "type": "urn:problem-type:ripple:insufficient_scope"
        }"#]],
    );
}

fn missing_authentication_token(t: &Target) {
    let answer = t.get("/nothing").send().expect(403);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "missing_authentication_token",
          "detail": "no resource has this path",
          "message": "Missing Authentication Token",
          "status": 403,
          "title": "Forbidden",
          "type": "urn:problem-type:ripple:missing_authentication_token"
        }"#]],
    );
}

fn not_found(t: &Target) {
    let answer = t.get(t.path(&t.fresh_id())).send().expect(404);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "not_found",
          "detail": "there is no noun run-0000",
          "message": "Not Found",
          "status": 404,
          "title": "Not Found",
          "type": "urn:problem-type:ripple:not_found"
        }"#]],
    );
}

fn method_not_allowed(t: &Target) {
    let answer = t.delete("_changes").send().expect(405);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "method_not_allowed",
          "detail": "this resource takes GET, HEAD, OPTIONS",
          "message": "Method Not Allowed",
          "status": 405,
          "title": "Method Not Allowed",
          "type": "urn:problem-type:ripple:method_not_allowed"
        }"#]],
    );
}

fn exists(t: &Target) {
    let draft = t.draft();
    t.create(&draft);
    let answer = t.post(t.kit.path, draft.to_json()).send().expect(409);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "exists",
          "detail": "there is a noun run-0000 already; nothing was changed",
          "message": "Conflict",
          "status": 409,
          "title": "Conflict",
          "type": "urn:problem-type:ripple:exists"
        }"#]],
    );
}

fn stale(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.title: "Tide table"})).send().expect(200);
    let mut problem = t.put(&id, json!({"version": 3, t.kit.title: "Boat table"})).send().expect(409).json();
    let current = problem.as_object_mut().and_then(|problem| problem.remove("current"));
    assert_eq!(current, Some(t.read(&id).json()));
    told_of(
        t,
        &problem,
        &expect![[r#"
            {
              "code": "stale",
              "detail": "the edit was made on version 3, the record is at version 2; nothing was changed",
              "message": "Conflict",
              "status": 409,
              "title": "Conflict",
              "type": "urn:problem-type:ripple:stale"
            }"#]],
    );
}

fn gone(t: &Target) {
    let answer = t.get(t.path(&t.some_tombstone())).send().expect(410);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "gone",
          "detail": "the noun run-0000 was deleted",
          "message": "Gone",
          "status": 410,
          "title": "Gone",
          "type": "urn:problem-type:ripple:gone",
          "version": 2
        }"#]],
    );
}

fn precondition_failed(t: &Target) {
    let answer = t.put(&t.some_record(), "{}").header("if-match", r#""another""#).send().expect(412);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "precondition_failed",
          "detail": "the record is not the one that the request expects; nothing was changed",
          "message": "Precondition Failed",
          "status": 412,
          "title": "Precondition Failed",
          "type": "urn:problem-type:ripple:precondition_failed"
        }"#]],
    );
}

fn body_too_large(t: &Target) {
    let answer = t.post(t.kit.path, " ".repeat(1024 * 1024 + 1)).send().expect(413);
    told(
        t,
        &answer,
        &expect![[r#"
            {
              "code": "body_too_large",
              "detail": "a body has at most 1048576 bytes",
              "message": "Request Too Long",
              "status": 413,
              "title": "Content Too Large",
              "type": "urn:problem-type:ripple:body_too_large"
            }"#]],
    );
}

fn record_too_large(t: &Target) {
    let answer = t.post(t.kit.path, t.draft().with("text", "x".repeat(400 * 1024)).to_json()).send().expect(413);
    told(
        t,
        &answer,
        &expect![[r#"
            {
              "code": "record_too_large",
              "detail": "a record has at most 409600 bytes as stored, this one would have …",
              "message": "Request Too Long",
              "status": 413,
              "title": "Content Too Large",
              "type": "urn:problem-type:ripple:record_too_large"
            }"#]],
    );
}

fn unsupported_media_type(t: &Target) {
    let answer = t.patch(&t.some_record(), "{}").header("content-type", "text/plain").send().expect(415);
    told(
        t,
        &answer,
        &expect![[r#"
        {
          "code": "unsupported_media_type",
          "detail": "the body must be application/merge-patch+json, application/json or application/vnd.ripple.edit+json",
          "message": "Unsupported Media Type",
          "status": 415,
          "title": "Unsupported Media Type",
          "type": "urn:problem-type:ripple:unsupported_media_type"
        }"#]],
    );
}
