//! The legacy function's events: a mapping template names the method, and the answer is the plain item or list.

use ripple_core::http::ROUTES;
use ripple_runtime_api::{Function, Outcome};
use serde_json::{Value, json};

use crate::fixture::{DynamoDb, answer, create_tables, error, start};

#[test]
fn the_plain_item_or_list_comes_back() {
    let database = DynamoDb::start();
    let function = database.function();
    assert_eq!(answer(&function, "template_search"), json!([]));

    let created = answer(&function, "template_create");
    assert_eq!((&created["prj_id"], &created["version"]), (&json!("prj0001"), &json!(1)));
    assert_eq!(answer(&function, "template_get"), created);
    assert_eq!(answer(&function, "template_search"), json!([created]));
    assert_eq!(answer(&function, "template_search_filtered"), json!([]));

    let updated = answer(&function, "template_update");
    assert_eq!((&updated["goal"], &updated["version"]), (&json!("Beans by May"), &json!(2)));
    assert_eq!(answer(&function, "template_delete"), json!(null));
    assert_eq!(answer(&function, "template_search"), json!([]));
}

#[test]
fn a_version_is_read_and_restored_by_its_number() {
    let database = DynamoDb::start();
    let function = database.function();
    let created = answer(&function, "template_create");
    answer(&function, "template_update");
    assert_eq!(answer(&function, "template_history")[0]["version"], json!(2));
    assert_eq!(answer(&function, "template_version"), created);

    let restored = answer(&function, "template_restore");
    assert_eq!((&restored["goal"], &restored["version"]), (&created["goal"], &json!(3)));
}

#[test]
fn a_page_is_a_string() {
    let database = DynamoDb::start();
    let page = answer(&database.function(), "template_docs");
    assert!(page.as_str().is_some_and(|page| page.starts_with("<!doctype html>")), "{page}");
}

#[test]
fn each_method_has_an_answer() {
    let database = DynamoDb::start();
    let function = database.function();
    answer(&function, "template_create");
    for route in ROUTES {
        let (bare, whole) = (json!({}), json!({"prj_id": "prj0001", "version": 1}));
        for mut event in [bare, whole] {
            event["method"] = json!(route.name);
            match function.invoke(event.to_string()).outcome {
                Outcome::Answered(_) => {}
                // The function returns this error itself, with a status. In a debug build a panic is an error too.
                Outcome::Failed(json) => {
                    let error: Value = serde_json::from_str(&json).expect("an error is JSON");
                    let message = error["errorMessage"].as_str().unwrap_or_default();
                    let is_absent = ["ticket", "live"].contains(&route.name) && message.starts_with("501 no_live");
                    assert!(message.starts_with('4') || is_absent, "{event}: {message}");
                }
                other => panic!("{event}: {other:?}"),
            }
        }
    }
}

#[test]
fn an_error_is_the_functions_error() {
    let database = DynamoDb::start();
    let function = database.function();
    answer(&function, "template_create");
    answer(&function, "template_update");

    let cases = [
        ("template_get_absent", "not_found", "404 not_found: "),
        ("template_create", "exists", "409 exists: "),
        ("template_update_stale", "stale", "409 stale: "),
        ("template_create_incomplete", "invalid_body", "400 invalid_body: "),
        ("template_get_no_id", "invalid_event", "400 invalid_event: "),
        ("template_restore_no_version", "invalid_event", "400 invalid_event: "),
        ("template_version_list", "invalid_event", "400 invalid_event: "),
        ("template_version_unknown", "no_such_version", "404 no_such_version: "),
    ];
    for (event, kind, begin) in cases {
        let (of_kind, message) = error(&function, event);
        assert_eq!(of_kind, kind, "{event}");
        assert!(message.starts_with(begin), "{event}: {message}");
    }
    let (_, message) = error(&function, "template_create_incomplete");
    assert!(message.contains("; /goal "), "each fault with its place: {message}");
}

/// Returns the answer to an event, or the message of the function's error.
fn outcome(function: &Function, event: &Value) -> Value {
    match function.invoke(event.to_string()).outcome {
        Outcome::Answered(json) => serde_json::from_str(&json).expect("an answer is JSON"),
        Outcome::Failed(json) => {
            serde_json::from_str::<Value>(&json).expect("an error is JSON")["errorMessage"].clone()
        }
        other => panic!("{event}: {other:?}"),
    }
}

#[test]
fn an_event_names_its_resource() {
    let database = DynamoDb::start();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut environment = database.environment.clone();
    environment.insert("LAMBDA_TASK_ROOT", root.to_owned());
    create_tables(&environment);
    let function = start(&environment);
    let created =
        outcome(&function, &json!({"method": "task.create", "ref": "a", "subject": "Beans", "state": "todo"}));
    assert_eq!((&created["ref"], &created["version"]), (&json!("a"), &json!(1)), "{created}");
    for event in [json!({"method": "task.get", "ref": "a"}), json!({"method": "get", "resource": "task", "ref": "a"})] {
        assert_eq!(outcome(&function, &event), created, "{event}");
    }
    // The default resource is the target. A `resource` that is none of the site's is data.
    assert_eq!(outcome(&function, &json!({"method": "search"})), json!([]));
    let told = outcome(&function, &json!({"method": "search", "resource": "x"}));
    assert!(told == json!([]) || told.as_str().is_some_and(|told| told.starts_with("400")), "{told}");
    let told = outcome(&function, &json!({"method": "other.get", "ref": "a"}));
    assert!(told.as_str().is_some_and(|told| told.contains("there is no method \"other.get\"")), "{told}");
}

#[test]
fn an_unknown_method_is_told_the_known_ones() {
    let database = DynamoDb::start();
    let (kind, message) = error(&database.function(), "template_unknown_method");
    assert_eq!(kind, "invalid_event");
    assert!(message.contains("__import__('os').system"), "{message}");
    for known in ["search", "get", "create", "update", "delete"] {
        assert!(message.contains(known), "{message}");
    }
}
