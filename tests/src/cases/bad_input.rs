//! Invalid bodies: not JSON, not a record, or of an unknown type. Each is refused and changes nothing.

use http::Method;
use serde_json::json;

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { bad_input:
    what_is_not_json_is_refused,
    what_is_not_utf8_is_refused,
    what_is_not_an_object_is_refused,
    a_member_twice_is_refused,
    an_unnamed_member_is_refused,
    a_pointer_shows_the_place,
    a_body_without_a_content_type_is_taken_as_json,
    another_content_type_is_refused_with_what_is_taken,
    json_content_types_are_taken,
    damaged_body_is_refused_before_its_record_is_read,
}

/// The ways to send a body. The record exists, except with POST.
const METHODS: [Method; 3] = [Method::POST, Method::PUT, Method::PATCH];

fn send<'t>(t: &'t Target, method: &Method, id: &str, body: &[u8]) -> Call<'t> {
    let (path, body) =
        if method == Method::POST { (t.kit.path.to_owned(), with_id(t, body)) } else { (t.path(id), body.to_vec()) };
    t.call(method.clone(), path).body(body).header("content-type", "application/json")
}

/// Returns the body with a new id, if it seems to be an object without one and the server makes no id. Otherwise the missing id
/// would be the only fault.
fn with_id(t: &Target, body: &[u8]) -> Vec<u8> {
    let name = format!("\"{}\"", t.kit.key);
    let names_the_key = |body: &[u8]| body.windows(name.len()).any(|part| part == name.as_bytes());
    match body.strip_prefix(b"{") {
        Some(rest) if !t.kit.has_text_ids() && !names_the_key(rest) => {
            let members = t.kit.key_members(&t.fresh_id());
            let members: String = members.iter().map(|(name, value)| format!("\"{name}\":{value},")).collect();
            [b"{", members.as_bytes(), rest].concat()
        }
        _ => body.to_vec(),
    }
}

/// Asserts that every method refuses the body, that the record stays, and that no record is created.
#[track_caller]
fn refused(t: &Target, body: impl AsRef<[u8]>) -> Vec<Answer> {
    let t = &t.stranger();
    let id = t.some_record();
    let answers = METHODS.map(|method| t.refused(&id, send(t, &method, &id, body.as_ref()), 400, "invalid_body"));
    assert_eq!(t.list_ids(""), [id]);
    answers.into()
}

fn what_is_not_json_is_refused(t: &Target) {
    for body in [
        "",
        " ",
        "{",
        "}",
        "nothing",
        "name=x",
        r#"{"name":}"#,
        r#"{"name":"x"} x"#,
        r#"{"name":"x"}{"name":"y"}"#,
        r#"{"name":"x",}"#,
        r#"{name:"x"}"#,
        "{'name':'x'}",
        r#"{"name":NaN}"#,
        r#"{"n":Infinity}"#,
        r#"{"n":-}"#,
        r#"{"n":+1}"#,
        r#"{"n":01}"#,
        r#"{"n":.5}"#,
        r#"{"n":1.}"#,
        r#"{"n":0x1}"#,
        r#"{"name":"x" /* why */}"#,
        "{\"name\":\"a\nb\"}",
        r#"{"name":"\x41"}"#,
        "\u{feff}{\"name\":\"x\"}",
        "{\"name\":\"x\"}\u{0}",
    ] {
        refused(t, body);
    }
}

fn what_is_not_utf8_is_refused(t: &Target) {
    let text = |bytes: &[u8]| [br#"{"name":""#, bytes, br#""}"#].concat();
    for bytes in [&b"\xff"[..], b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"caf\xe9"] {
        refused(t, text(bytes));
    }
    for surrogate in [r"\ud800", r"\udc00", r"\ud800\u0041", r"\udc00\ud800"] {
        refused(t, text(surrogate.as_bytes()));
    }
    refused(t, b"\xff\xfe{\0}\0");
}

fn what_is_not_an_object_is_refused(t: &Target) {
    for body in ["[]", r#"[{"name":"x"}]"#, r#""name""#, "1", "true", "null", "1e999"] {
        refused(t, body);
    }
}

fn a_member_twice_is_refused(t: &Target) {
    for body in [
        r#"{"name":"x","name":"y"}"#,
        r#"{"name":"x","name":"x"}"#,
        r#"{"name":"x","na\u006de":"y"}"#,
        r#"{"owner":null,"owner":null}"#,
        r#"{"meta":{"a":1,"b":2,"a":3}}"#,
        r#"{"list":[0,[{"\u0061":1,"a":1}]]}"#,
        r#"{"version":1,"version":1}"#,
    ] {
        refused(t, body);
    }
}

/// DynamoDB accepts no empty attribute name, at any level.
fn an_unnamed_member_is_refused(t: &Target) {
    for body in [r#"{"":1}"#, r#"{"meta":{"":1}}"#, r#"{"list":[{"":null}]}"#] {
        refused(t, body);
    }
}

fn a_pointer_shows_the_place(t: &Target) {
    let title = t.kit.title;
    for (body, pointer) in [
        (r#"{"n":1e999}"#, "/n"),
        (r#"{"a/b":{"c~d":[0,1e999]}}"#, "/a~1b/c~0d/1"),
        (r#"{"meta":[{"a":1,"a":2}]}"#, "/meta/0/a"),
        (r#"{"rpl_shard":"0"}"#, "/rpl_shard"),
        (format!(r#"{{"{title}":1}}"#).as_str(), t.kit.pointer(title).as_str()),
    ] {
        for answer in refused(t, body) {
            answer.blames("pointer", pointer);
        }
    }
}

/// RFC 9110 §8.3: without a content type, a recipient may examine the body.
fn a_body_without_a_content_type_is_taken_as_json(t: &Target) {
    let draft = t.draft();
    send(t, &Method::POST, "", draft.to_json().as_bytes()).without("content-type").send().expect(201);
    for method in [Method::PUT, Method::PATCH] {
        let name = format!("saved with {method}");
        let edit = json!({t.kit.title: name}).to_string();
        send(t, &method, draft.id(), edit.as_bytes()).without("content-type").send().expect(200);
        assert_eq!(t.read(draft.id()).json()[t.kit.title], name);
        // An empty header counts as absent: some hosts pass it on, and some do not.
        send(t, &method, draft.id(), edit.as_bytes()).header("content-type", "").send().expect(200);
        let call = send(t, &method, draft.id(), b"name=x").without("content-type");
        t.refused(draft.id(), call, 400, "invalid_body");
    }
}

fn another_content_type_is_refused_with_what_is_taken(t: &Target) {
    let id = t.some_record();
    for method in METHODS {
        for kind in [
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "application/json-patch+json",
            "application/jsonx",
            "application/*",
            "json",
        ] {
            let call =
                send(t, &method, &id, json!({t.kit.title: "x"}).to_string().as_bytes()).header("content-type", kind);
            let answer = t.refused(&id, call, 415, "unsupported_media_type");
            match method {
                Method::POST => assert_eq!(answer.header("accept-post"), Some("application/json")),
                Method::PATCH => {
                    let taken: Vec<&str> = answer.header("accept-patch").unwrap_or_default().split(", ").collect();
                    assert!(taken.contains(&"application/merge-patch+json") && taken.contains(&"application/json"));
                }
                _ => {}
            }
        }
    }
    for method in [Method::POST, Method::PUT] {
        let patch = send(t, &method, &id, json!({t.kit.title: "x"}).to_string().as_bytes())
            .header("content-type", "application/merge-patch+json");
        t.refused(&id, patch, 415, "unsupported_media_type");
    }
}

/// JSON is UTF-8; RFC 8259 §11 gives a `charset` no meaning.
fn json_content_types_are_taken(t: &Target) {
    let id = t.some_record();
    let kinds = [
        "application/json",
        "APPLICATION/Json",
        "application/json; charset=utf-8",
        "application/json;charset=\"UTF-8\"",
    ];
    for kind in kinds {
        t.post(t.kit.path, t.draft().to_json()).header("content-type", kind).send().expect(201);
        t.put(&id, json!({t.kit.title: "x"})).header("content-type", kind).send().expect(200);
        t.patch(&id, json!({t.kit.title: "y"})).header("content-type", kind).send().expect(200);
    }
    for kind in ["application/merge-patch+json", "Application/Merge-Patch+JSON; charset=utf-8"] {
        t.patch(&id, json!({t.kit.title: "z"})).header("content-type", kind).send().expect(200);
    }
}

fn damaged_body_is_refused_before_its_record_is_read(t: &Target) {
    for id in [t.fresh_id(), t.some_tombstone()] {
        for method in [Method::PUT, Method::PATCH] {
            send(t, &method, &id, b"no JSON").send().problem(400, "invalid_body");
        }
    }
}
