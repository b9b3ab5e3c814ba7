//! Methods, resources, and the headers of responses.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;

use crate::case::cases;
use crate::laws::units;
use crate::{Answer, Call, Target};

cases! { http:
    head_is_get_without_the_body,
    options_lists_the_methods_and_wants_no_key,
    a_preflight_lets_a_page_do_everything,
    another_method_is_not_allowed,
    unknown_path_is_no_resource,
    health_is_ok,
    a_records_tag_is_safe_from_proxies,
    a_compressed_body_is_not_taken,
    the_callers_request_id_comes_back,
    request_id_is_generated_if_the_clients_is_invalid,
    reads_and_writes_state_their_cost,
    operations_without_table_access_cost_nothing,
    a_session_token_makes_a_read_see_the_write,
    a_session_token_covers_the_writes_before,
    a_damaged_session_token_is_refused,
    successes_are_plain_json,
    host_and_origin_make_no_difference,
}

fn head_is_get_without_the_body(t: &Target) {
    let (id, gone) = (t.some_record(), t.some_tombstone());
    t.some_record();
    for path in [
        t.path(&id),
        t.list_path(""),
        t.list_path("limit=1"),
        "/health".to_owned(),
        t.path("_changes?limit=0"),
        t.path(&gone),
        t.path(&t.fresh_id()),
        "/nothing/here".to_owned(),
        t.list_path("limit=0"),
    ] {
        same_but_for_the_body(t.get(&path), t.head(&path));
    }
    same_but_for_the_body(t.get(t.path(&id)).without("x-api-key"), t.head(t.path(&id)).without("x-api-key"));
    let read = t.read(&id);
    let [get, head] = [t.get(t.path(&id)), t.head(t.path(&id))].map(|call| call.header("if-none-match", read.etag()));
    let [get, head] = [get, head].map(|call| call.header("x-request-id", "the-same").send());
    same_headers(&get, &head);
    // On a 304, it would be the length of the whole record.
    for answer in [get, head] {
        length_is_that_of(&read, &answer.expect(304));
    }
}

#[track_caller]
fn same_but_for_the_body(get: Call<'_>, head: Call<'_>) {
    let [get, head] = [get, head].map(|call| call.header("x-request-id", "the-same").send());
    same_headers(&get, &head);
    length_is_that_of(&get, &head);
}

#[track_caller]
fn same_headers(get: &Answer, head: &Answer) {
    assert_eq!(get.status(), head.status());
    assert_eq!(own_headers(get), own_headers(head), "{}", get.asked());
    assert!(head.body().is_empty(), "{}", head.asked());
}

/// Asserts `Content-Length` of a response without a body, if present (RFC 9110 §8.6).
#[track_caller]
fn length_is_that_of(get: &Answer, head: &Answer) {
    if let Some(length) = head.header("content-length") {
        assert_eq!(length, get.body().len().to_string(), "{}", head.asked());
    }
}

/// Returns the headers of a response that do not depend on the connection or the moment. The cost follows the growing
/// table. The age of the snapshot changes with a refresh between two requests. A response to HEAD may omit
/// `Content-Length` (RFC 9110 §9.3.2), so it is checked separately.
fn own_headers(answer: &Answer) -> Vec<(String, String)> {
    const OTHERS: [&str; 8] = [
        "age",
        "cache-status",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "ripple-capacity",
        "transfer-encoding",
    ];
    let mut headers: Vec<_> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !OTHERS.contains(&name.as_str()) && !name.as_str().starts_with("x-amz"))
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    headers
}

fn names(list: Option<&str>) -> BTreeSet<String> {
    list.unwrap_or_default().split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_ascii_lowercase).into()
}

/// Returns every resource with its methods.
fn resources(t: &Target) -> [(String, BTreeSet<String>); 5] {
    let record = set(["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]);
    [
        (t.kit.path.to_owned(), set(["GET", "HEAD", "POST", "OPTIONS"])),
        (t.path(&t.some_record()), record.clone()),
        (t.path(&t.fresh_id()), record),
        (t.path("_changes"), set(["GET", "HEAD", "OPTIONS"])),
        ("/health".to_owned(), set(["GET", "HEAD", "OPTIONS"])),
    ]
}

fn options_lists_the_methods_and_wants_no_key(t: &Target) {
    for (path, methods) in resources(t) {
        for call in [t.options(&path), t.options(&path).without("x-api-key"), t.options(&path).header("x-api-key", "x")]
        {
            let answer = call.send().expect(204);
            assert_eq!(names(answer.header("allow")), methods, "{path}");
        }
    }
    t.options("/nothing").without("x-api-key").send().problem(403, "missing_authentication_token");
}

/// The Fetch standard's CORS preflight: a browser does not send what the response does not name.
fn a_preflight_lets_a_page_do_everything(t: &Target) {
    for (path, methods) in resources(t) {
        let preflight = t.options(&path).without("x-api-key").header("origin", "https://app.example");
        let preflight = preflight
            .header("access-control-request-method", "PATCH")
            .header("access-control-request-headers", "content-type,x-api-key");
        let answer = preflight.send().expect(204);
        let mut allowed = names(answer.header("access-control-allow-methods"));
        allowed.insert("options".to_owned());
        assert_eq!(allowed, methods, "{path}");
        let headers = names(answer.header("access-control-allow-headers"));
        let needed = "content-type if-match if-none-match idempotency-key ripple-claim-days ripple-session x-api-key \
                      x-request-id x-requested-with traceparent tracestate baggage sentry-trace";
        for name in needed.split_whitespace() {
            assert!(headers.contains(name), "{path} should allow {name}");
        }
    }
}

fn another_method_is_not_allowed(t: &Target) {
    let id = t.some_record();
    let before = t.version(&id);
    for (path, methods) in resources(t) {
        for name in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"] {
            if methods.contains(&name.to_ascii_lowercase()) {
                continue;
            }
            let method = Method::from_bytes(name.as_bytes()).expect("a token is a method");
            let answer = t.call(method, &path).send();
            answer.problem(405, "method_not_allowed");
            assert_eq!(names(answer.header("allow")), methods, "{name} {path}");
        }
    }
    t.call(Method::DELETE, "/health").without("x-api-key").send().problem(405, "method_not_allowed");
    t.call(Method::POST, t.path(&id)).json("{}").send().problem(405, "method_not_allowed");
    assert_eq!(t.version(&id), before);
}

fn unknown_path_is_no_resource(t: &Target) {
    let id = t.some_record();
    let below = t.path(&format!("{id}/below"));
    let slash = t.path(&format!("{id}/"));
    let list = t.kit.path;
    let near = [format!("{list}x"), list.to_uppercase(), format!("{list}/"), format!("/{list}")];
    let far = ["/", "/nothing", "/health/", "/healthy", &below, &slash].map(str::to_owned);
    for path in near.iter().chain(&far) {
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            t.call(method, path).send().problem(403, "missing_authentication_token");
        }
    }
}

fn health_is_ok(t: &Target) {
    for path in ["/health", "/health?anything=1"] {
        let answer = t.get(path).without("x-api-key").send().expect(200);
        assert_eq!(answer.text(), r#"{"status":"ok"}"#);
    }
}

/// A proxy that compressed a record would weaken its tag, and `If-Match` matches no weak tag.
fn a_records_tag_is_safe_from_proxies(t: &Target) {
    let draft = t.draft();
    let id = draft.id();
    let created = t.create(&draft);
    let saved = t.put(id, json!({t.kit.text: "more"})).send().expect(200);
    let read = t.read(id);
    let not_modified = t.get(t.path(id)).header("if-none-match", read.etag()).send().expect(304);
    let past = t.get(format!("{}/versions/1", t.path(id))).send().expect(200);
    for answer in [created, saved, read, not_modified, past] {
        let field = answer.header("cache-control").unwrap_or_default().to_owned();
        assert!(field.split(", ").any(|directive| directive == "no-transform"), "{field}");
    }
    let list = t.get(t.list_path("")).send().expect(200);
    assert_eq!(list.header("cache-control"), Some("private, no-cache"), "a list may be compressed");
}

fn a_compressed_body_is_not_taken(t: &Target) {
    let id = t.some_record();
    let gzip = [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 171, 174, 5, 0, 67, 191, 166, 163, 2, 0, 0, 0];
    for coding in ["gzip", "GZIP", "br", "identity, deflate", "x"] {
        let call = t.call(Method::PUT, t.path(&id)).body(gzip.to_vec()).header("content-type", "application/json");
        let answer = t.refused(&id, call.header("content-encoding", coding), 415, "unsupported_content_encoding");
        assert_eq!(answer.header("accept-encoding"), Some("identity"), "{coding}");
    }
    t.put(&id, "{}").header("content-encoding", "identity").send().expect(200);
}

fn the_callers_request_id_comes_back(t: &Target) {
    let id = t.some_record();
    let longest = "~".repeat(128);
    for sent in ["a", "a1b2-c3d4", r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##, &longest] {
        for call in
            [t.get(t.path(&id)), t.get(t.path(&t.fresh_id())), t.options(t.kit.path), t.delete("%00"), t.get("/health")]
        {
            assert_eq!(call.header("x-request-id", sent).send().header("x-request-id"), Some(sent));
        }
    }
}

fn request_id_is_generated_if_the_clients_is_invalid(t: &Target) {
    let made = |call: Call<'_>| call.send().header("x-request-id").map(str::to_owned).expect("one is always there");
    assert_ne!(made(t.get("/health")), made(t.get("/health")));
    let too_long = "x".repeat(129);
    for sent in [too_long.as_bytes(), b"", b"a b", b"a\tb", b"\xe9", "\u{e9}".as_bytes()] {
        let made = made(t.get("/health").header("x-request-id", sent));
        assert_ne!(made.as_bytes(), sent);
    }
}

fn reads_and_writes_state_their_cost(t: &Target) {
    let cost = |answer: &Answer| units(answer.header("ripple-capacity").unwrap_or_default()).unwrap_or_default();
    let draft = t.draft();
    let (_, write) = cost(&t.create(&draft));
    assert!(write >= 1.0, "creating cost {write} write units");
    let (_, write) = cost(&t.patch(draft.id(), json!({t.kit.title: "x"})).send().expect(200));
    assert!(write >= 1.0, "patching cost {write} write units");
    let (_, write) = cost(&t.put(draft.id(), "{}").send().expect(200));
    assert!(write.abs() < f64::EPSILON, "saving what is there cost {write} write units");
    let (_, write) = cost(&t.read(draft.id()));
    assert!(write.abs() < f64::EPSILON, "reading cost {write} write units");
    let (_, write) = cost(&t.delete(draft.id()).send().expect(204));
    assert!(write >= 1.0, "deleting cost {write} write units");
}

fn operations_without_table_access_cost_nothing(t: &Target) {
    for call in [t.get(t.kit.path).header("x-api-key", "no key"), t.get("/nothing").without("x-api-key")] {
        assert_eq!(call.send().expect(403).header("ripple-capacity"), Some("read=0, write=0"));
    }
}

/// Any client with the token, not only the writer.
fn a_session_token_makes_a_read_see_the_write(t: &Target) {
    let draft = t.draft();
    let id = draft.id();
    let token = |answer: Answer| answer.header("ripple-session").expect("a write gives a token").to_owned();
    let read = |token: &str, path: &str| t.stranger().get(path).header("ripple-session", token).send();

    let created = token(t.create(&draft));
    assert_eq!(read(&created, &t.path(id)).expect(200).version(), 1);
    assert_eq!(read(&created, &t.list_path("")).expect(200).array().len(), 1);

    let saved = token(t.patch(id, json!({t.kit.title: "second"})).send().expect(200));
    assert_eq!(read(&saved, &t.path(id)).expect(200).version(), 2);
    assert_eq!(read(&saved, &t.list_path("")).expect(200).array()[0][t.kit.title], "second");

    let deleted = token(t.delete(id).send().expect(204));
    read(&deleted, &t.path(id)).problem(410, "gone");
    assert_eq!(read(&deleted, &t.list_path("")).expect(200).text(), "[]");
}

/// A client that sends the token of a write with its next write gets both in the next token.
fn a_session_token_covers_the_writes_before(t: &Target) {
    let first = t.some_record();
    let second = t.create(&t.draft());
    let token = second.header("ripple-session").expect("a write gives a token");
    let reader = t.stranger();
    assert_eq!(reader.get(t.path(&first)).header("ripple-session", token).send().expect(200).version(), 1);
    let list = reader.get(t.list_path("")).header("ripple-session", token).send().expect(200);
    assert_eq!(list.array().len(), 2);
}

/// To ignore the token silently would break its promise.
fn a_damaged_session_token_is_refused(t: &Target) {
    let id = t.some_record();
    for damaged in ["", "x", "!!!!", "AAAAAAAA", "\u{e9}", &"A".repeat(6000)] {
        let answer = t.get(t.path(&id)).header("ripple-session", damaged).send();
        answer.problem(400, "invalid_request");
        answer.blames("header", "Ripple-Session");
    }
    let call = t.put(&id, json!({t.kit.title: "x"})).header("ripple-session", "x");
    t.refused(&id, call, 400, "invalid_request");
}

/// Without white space, because the edge and Lambda must return the same bytes.
fn successes_are_plain_json(t: &Target) {
    let created = t.create(&t.draft());
    let list = t.get(t.list_path("")).send().expect(200);
    assert_eq!(list.text(), format!("[{}]", created.text()));
    let compact = serde_json::to_string(&created.json()).expect("JSON is written");
    assert_eq!(created.text(), compact);
}

fn host_and_origin_make_no_difference(t: &Target) {
    let id = t.some_record();
    let plain = t.read(&id);
    let call = t.get(t.path(&id)).header("origin", "https://app.example").header("referer", "https://app.example/p");
    let answer = call.send().expect(200);
    assert_eq!((answer.body(), answer.etag()), (plain.body(), plain.etag()));
}
