//! What a function writes: one line of JSON a request, and no secret.

use ripple_core::key::ApiKey;
use ripple_runtime_api::Ended;
use serde_json::{Value, json};

use crate::fixture::{DynamoDb, KEY, SECRET_ACCESS_KEY, SESSION_TOKEN, answer, error, event};

/// Runs some requests with `RIPPLE_LOG` set, or not, and returns the log's lines.
fn lines(setting: Option<&str>) -> Vec<Value> {
    let Ended { log, .. } = run(setting);
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn run(setting: Option<&str>) -> Ended {
    let mut database = DynamoDb::start();
    if let Some(setting) = setting {
        database.environment.insert("RIPPLE_LOG", setting.to_owned());
    }
    let function = database.function();
    answer(&function, "rest_create");
    answer(&function, "rest_get_if_none_match");
    answer(&function, "rest_get_no_key");
    error(&function, "template_get_absent");
    error(&function, "garbage_queue");
    function.end().expect("it can be waited for")
}

#[test]
fn a_request_is_a_line() {
    let lines = lines(None);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    let answered = &lines[..4];
    let field = |name: &str| answered.iter().map(|line| line[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("level"), ["INFO"; 4]);
    assert_eq!(field("method"), [json!("create"), json!("get"), json!(null), json!("get")]);
    assert_eq!(field("status"), [201, 304, 403, 404]);
    assert_eq!(field("key_id"), [json!("team"), json!("team"), json!(null), json!("mapping-template")]);
    assert_eq!(field("capacity_read"), [0.5, 0.5, 0.0, 0.5]);
    let written: Vec<bool> = field("capacity_write").iter().map(|units| *units != 0.0).collect();
    assert_eq!(written, [true, false, false, false]);
    assert_eq!(lines[1]["request_id"], "page-view-17");
    assert_eq!(lines[1]["invocation"], "00000002-0000-4000-8000-000000000000");
    // What is no request has a line too, by which it is found.
    let refused = &lines[4];
    assert_eq!((&refused["level"], &refused["message"]), (&json!("WARN"), &json!("refused")), "{refused}");
    assert_eq!(refused["invocation"], "00000005-0000-4000-8000-000000000000");
    for line in answered {
        assert!(line["duration_ms"].as_f64().is_some_and(|duration| (0.0..10_000.0).contains(&duration)), "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}

#[test]
fn the_setting_is_honoured() {
    assert_eq!(lines(Some("warn")).len(), 1);
    assert_eq!(lines(Some("off")), [] as [Value; 0]);
    assert_eq!(lines(Some("off,ripple=info")).len(), 5);
    for setting in ["ripple=loud", "loud"] {
        let unreadable = lines(Some(setting));
        assert_eq!(unreadable.len(), 6, "{unreadable:#?}");
        assert_eq!((&unreadable[0]["level"], &unreadable[0]["filter"]), (&json!("WARN"), &json!(setting)));
    }
}

#[test]
fn no_setting_lets_a_secret_out() {
    let hash = ApiKey::parse(KEY).expect("its check is right").hash().to_hex();
    for setting in ["info", "trace"] {
        let log = run(Some(setting)).log;
        for secret in [KEY, &hash, SECRET_ACCESS_KEY, SESSION_TOKEN] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{setting} shows {secret}");
        }
    }
    assert!(event("rest_create").contains(KEY), "the key was there to be shown");
}
