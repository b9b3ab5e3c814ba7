//! API keys. (Expired and revoked keys need a table of keys, so the tests of the store cover them.)

use http::Method;
use serde_json::json;

use crate::case::cases;
use crate::keys::{damaged, well_formed};
use crate::{Call, Target};

cases! { keys:
    without_a_key_nothing_is_answered,
    wrong_key_is_refused_without_a_reason,
    two_keys_are_refused,
    a_key_counts_only_in_its_header,
    a_refused_write_changes_nothing,
    the_key_comes_before_everything_else,
    health_wants_no_key;
    with_read_key:
    a_reader_reads,
    a_reader_does_not_write,
}

/// Returns one request for each row of the API.
fn all_methods<'t>(t: &'t Target, id: &str) -> [Call<'t>; 8] {
    [
        t.get(t.kit.path),
        t.get(t.path(id)),
        t.get(t.path("_changes")),
        t.head(t.kit.path),
        t.post(t.kit.path, t.draft().to_json()),
        t.put(id, json!({t.kit.title: "x"})),
        t.patch(id, json!({t.kit.title: "x"})),
        t.delete(id),
    ]
}

fn without_a_key_nothing_is_answered(t: &Target) {
    let id = t.some_record();
    let before = t.version(&id);
    for call in all_methods(t, &id) {
        let answer = call.without("x-api-key").send().expect(403);
        if !answer.asked().starts_with("HEAD") {
            answer.problem(403, "forbidden");
        }
    }
    assert_eq!(t.version(&id), before);
}

/// Returns keys that were never issued, or not in this form.
fn wrong_keys(t: &Target) -> Vec<String> {
    let key = t.host().keys.key.as_str();
    vec![
        String::new(),
        "x".to_owned(),
        "rpl_".to_owned(),
        well_formed(),
        damaged(key),
        damaged(&well_formed()),
        key[..key.len() - 1].to_owned(),
        format!("{key}0"),
        key.to_ascii_uppercase(),
        key.trim_start_matches("rpl_").to_owned(),
        format!("Bearer {key}"),
        format!("{key},{key}"),
        format!("rpl_{}", "é".repeat(18)),
        "rpl_".repeat(1000),
    ]
}

fn wrong_key_is_refused_without_a_reason(t: &Target) {
    let missing = t.get(t.kit.path).without("x-api-key").send();
    for key in wrong_keys(t) {
        let answer = t.get(t.kit.path).header("x-api-key", &key).send();
        answer.problem(403, "forbidden");
        assert_eq!(answer.body(), missing.body(), "the same answer for {key:?}");
    }
}

/// It is not defined which of two keys counts, so both are refused.
fn two_keys_are_refused(t: &Target) {
    let key = &t.host().keys.key;
    for second in [key.clone(), well_formed()] {
        t.get(t.kit.path).also("x-api-key", &second).send().problem(403, "forbidden");
        t.get(t.kit.path).header("x-api-key", &second).also("x-api-key", key).send().problem(403, "forbidden");
    }
}

fn a_key_counts_only_in_its_header(t: &Target) {
    let key = &t.host().keys.key;
    t.get(format!("{}?x-api-key={key}", t.kit.path)).without("x-api-key").send().problem(403, "forbidden");
    for (name, value) in [("authorization", format!("Bearer {key}")), ("cookie", format!("x-api-key={key}"))] {
        t.get(t.kit.path).without("x-api-key").header(name, value).send().problem(403, "forbidden");
    }
    t.get(t.list_path("")).without("x-api-key").header("X-API-Key", key).send().expect(200);
}

fn a_refused_write_changes_nothing(t: &Target) {
    let id = t.some_record();
    let wrong = well_formed();
    for call in [t.put(&id, json!({t.kit.title: "x"})), t.patch(&id, json!({t.kit.title: "x"})), t.delete(&id)] {
        t.refused(&id, call.header("x-api-key", &wrong), 403, "forbidden");
    }
    let draft = t.draft();
    t.post(t.kit.path, draft.to_json()).header("x-api-key", &wrong).send().problem(403, "forbidden");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}

/// A client without a key must not learn which records exist, or whether its request was valid.
fn the_key_comes_before_everything_else(t: &Target) {
    let id = t.some_record();
    for call in [
        t.get(t.path(&t.fresh_id())),
        t.get(t.path(&t.some_tombstone())),
        t.get(t.path("%00")),
        t.get(format!("{}?limit=0", t.kit.path)),
        t.get(t.path(&id)).header("if-none-match", "*"),
        t.put(&id, "no JSON"),
        t.put(&id, r#"{"version":0}"#),
        t.put(&id, "{}").header("content-type", "text/plain"),
        t.put(&id, "{}").header("if-match", r#""another""#),
        t.post(t.kit.path, " ".repeat(1024 * 1024 + 1)),
    ] {
        call.header("x-api-key", well_formed()).send().problem(403, "forbidden");
    }
}

fn health_wants_no_key(t: &Target) {
    for method in [Method::GET, Method::HEAD] {
        t.call(method.clone(), "/health").without("x-api-key").send().expect(200);
        t.call(method, "/health").header("x-api-key", well_formed()).send().expect(200);
    }
}

fn a_reader_reads(t: &Target) {
    let id = t.some_record();
    for path in [t.path(&id), t.list_path(""), t.path("_changes")] {
        t.get(&path).header("x-api-key", t.read_key()).send().expect(200);
        t.head(&path).header("x-api-key", t.read_key()).send().expect(200);
    }
    t.get(t.path(&t.fresh_id())).header("x-api-key", t.read_key()).send().problem(404, "not_found");
}

fn a_reader_does_not_write(t: &Target) {
    let id = t.some_record();
    for call in [t.put(&id, json!({t.kit.title: "x"})), t.put(&id, "no JSON"), t.patch(&id, "{}"), t.delete(&id)] {
        let answer = t.refused(&id, call.header("x-api-key", t.read_key()), 403, "insufficient_scope");
        let problem = answer.json();
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("write")), "{problem}");
    }
    let draft = t.draft();
    let call = t.post(t.kit.path, draft.to_json()).header("x-api-key", t.read_key());
    call.send().problem(403, "insufficient_scope");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}
