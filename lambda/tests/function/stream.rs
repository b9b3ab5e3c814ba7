//! Events of DynamoDB Streams.

use ripple_core::auth::ApiKey;
use ripple_runtime_api::Outcome;
use serde_json::{Value, json};

use crate::fixture::{DynamoDb, KEY, answer, environment, event, start};

fn done() -> Value {
    json!({ "batchItemFailures": [] })
}

/// Returns the versions of the history, and what each is.
fn history(rows: &Value) -> Vec<(u64, bool, bool)> {
    let is = |row: &Value, name: &str| row[name] == json!(true);
    let rows = rows.as_array().expect("rows").iter();
    rows.map(|row| (row["version"].as_u64().expect("a version"), is(row, "external"), is(row, "deleted"))).collect()
}

#[test]
fn what_another_program_did_has_rows_and_a_second_delivery_changes_nothing() {
    let database = DynamoDb::start();
    let function = database.function();
    for _ in 0..2 {
        assert_eq!(answer(&function, "stream_put_and_remove"), done());
        let rows = answer(&function, "template_history");
        assert_eq!(history(&rows), [(3, true, true), (2, true, false), (1, true, false)], "{rows}");
        assert_eq!(rows[1]["updated_by"], "external");
    }
    let restored = answer(&function, "template_restore");
    assert_eq!(
        (&restored["goal"], &restored["labels"], &restored["sound"]),
        (&json!("First"), &json!(["dry", "wet"]), &json!("AP8="))
    );
}

#[test]
fn a_record_that_can_never_be_adopted_is_skipped_and_the_rest_goes_on() {
    let database = DynamoDb::start();
    let function = database.function();
    assert_eq!(answer(&function, "stream_poisoned"), done());
    assert_eq!(history(&answer(&function, "template_history")), [(2, true, true), (1, true, false)]);
}

#[test]
fn a_change_of_a_key_is_no_record() {
    let database = DynamoDb::start();
    assert_eq!(answer(&database.function(), "stream_key"), done());
}

/// The table still has the key, so only the event can refuse it.
#[test]
fn a_revocation_is_believed_at_once() {
    let database = DynamoDb::start();
    let function = database.function();
    let status = || answer(&function, "rest_get_absent")["statusCode"].clone();
    assert_eq!(status(), 404);
    let hash = ApiKey::parse(KEY).expect("its check is right").hash().to_hex();
    let revocation = event("stream_key").replace(r#""ab""#, &format!("{hash:?}"));
    assert!(matches!(function.invoke(revocation).outcome, Outcome::Answered(_)));
    assert_eq!(status(), 403);
}

/// Lambda delivers the named record and all later ones again.
#[test]
fn while_dynamodb_does_not_answer_the_first_record_is_to_be_delivered_again() {
    // No program listens on this port.
    let function = start(&environment("http://127.0.0.1:1".to_owned()));
    let first: Value = serde_json::from_str(&event("stream_put_and_remove")).expect("JSON");
    let first = &first["Records"][0]["dynamodb"]["SequenceNumber"];
    assert_eq!(
        answer(&function, "stream_put_and_remove"),
        json!({ "batchItemFailures": [{ "itemIdentifier": first }] })
    );
}
