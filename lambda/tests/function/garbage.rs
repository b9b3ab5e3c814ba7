//! Events that are not requests.

use serde_json::json;

use crate::fixture::{DynamoDb, answer, error};

#[test]
fn each_is_an_error_and_the_function_goes_on() {
    let database = DynamoDb::start();
    let function = database.function();
    let garbage = [
        "garbage_empty",
        "garbage_text",
        "garbage_null",
        "garbage_array",
        "garbage_method_number",
        "garbage_id_number",
        "garbage_verb",
        "garbage_context",
        "garbage_queue",
        "rest_body_not_base64",
    ];
    for event in garbage {
        let (kind, message) = error(&function, event);
        assert_eq!(kind, "invalid_event", "{event}");
        assert!(message.starts_with("400 invalid_event: the event is "), "{event}: {message}");
        assert!(!message.contains("rpl_"), "{event}: {message}");
    }
    assert_eq!(answer(&function, "template_search"), json!([]));
}

/// Schedules and plugins call functions to keep them warm. An error would set off an alarm.
#[test]
fn an_event_that_asks_for_nothing_is_answered() {
    let database = DynamoDb::start();
    let function = database.function();
    for event in ["ping_schedule", "ping_scheduler", "ping_warmer"] {
        assert_eq!(answer(&function, event), json!({}), "{event}");
    }
}
