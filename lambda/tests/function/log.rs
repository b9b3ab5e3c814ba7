//! The output of a function: one line of JSON for each request, and no secret.

use ripple_core::auth::ApiKey;
use ripple_runtime_api::Ended;
use serde_json::{Value, json};

use crate::fixture::{DynamoDb, KEY, SECRET_ACCESS_KEY, SESSION_TOKEN, answer, error, event};

/// Runs some requests with or without `RIPPLE_LOG`, and returns the log's lines without the metrics.
fn lines(setting: Option<&str>) -> Vec<Value> {
    split(&run(setting)).0
}

/// Splits the log's lines into those of requests and those of metrics.
fn split(ended: &Ended) -> (Vec<Value>, Vec<Value>) {
    let parsed = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    // On a busy machine the first call may take too long, which adds a line (tests/function/start.rs).
    let asked = |line: &Value| line["message"] != "DynamoDB did not answer in time";
    ended.log.lines().map(parsed).filter(asked).partition(|line: &Value| line.get("_aws").is_none())
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
    // A creation also reads its newest number from the history, with a strongly consistent read.
    assert_eq!(field("capacity_read"), [1.5, 0.5, 0.0, 0.5]);
    let written: Vec<bool> = field("capacity_write").iter().map(|units| *units != 0.0).collect();
    assert_eq!(written, [true, false, false, false]);
    assert_eq!(lines[1]["request_id"], "page-view-17");
    assert_eq!(lines[1]["invocation"], "00000002-0000-4000-8000-000000000000");
    // The runtime's span has the same id. Each line has it once.
    assert_eq!((lines[1].get("spans"), lines[1].get("span")), (None, None));
    assert!(lines[1]["trace"].as_str().is_some_and(|trace| trace.starts_with("Root=1-")), "{}", lines[1]);
    // The events name no valid trace, so Lambda's is used: `Root=1-<8 digits>-<24 digits>`.
    for line in &lines {
        let root = line["trace"].as_str().and_then(|trace| trace.strip_prefix("Root=1-")).expect("a trace");
        let id: String = root.split(';').take(1).flat_map(|id| id.chars()).filter(|c| *c != '-').collect();
        assert_eq!(line["trace_id"], id, "{line}");
    }
    assert_eq!(field("tries"), [json!(1), json!(null), json!(null), json!(null)]);
    // An event that is not a request also has a line, by which it can be found.
    let refused = &lines[4];
    assert_eq!((&refused["level"], &refused["message"]), (&json!("WARN"), &json!("refused")), "{refused}");
    assert_eq!(refused["invocation"], "00000005-0000-4000-8000-000000000000");
    for line in answered {
        assert!(line["duration_ms"].as_f64().is_some_and(|duration| duration >= 0.0), "{line}");
        assert!(line["timestamp"].is_string(), "{line}");
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
#[test]
fn a_request_is_counted() {
    let (_, metrics) = split(&run(Some("off")));
    assert_eq!(metrics.len(), 4, "what is no request is none: {metrics:#?}");
    for line in &metrics {
        let [directive] = line["_aws"]["CloudWatchMetrics"].as_array().expect("an array").as_slice() else {
            panic!("one directive: {line}");
        };
        assert_eq!(directive["Namespace"], "ripple");
        assert_eq!((&directive["Dimensions"], &line["site"]), (&json!([["site"]]), &json!("ripple")));
        for metric in directive["Metrics"].as_array().expect("an array") {
            let name = metric["Name"].as_str().expect("a name");
            assert!(line.get(name).is_some() && metric["Unit"].is_string(), "{metric}: {line}");
        }
        assert_eq!(line["Requests"], 1);
        assert!(line.get("Faults").is_none(), "{line}");
        assert!(line["Latency"][0].as_f64().is_some_and(|ms| ms >= 0.0), "{line}");
    }
    let field = |name: &str| metrics.iter().map(|line| line[name][0].as_f64()).collect::<Vec<_>>();
    assert_eq!(field("Tries"), [Some(1.0), None, None, None]);
    assert_eq!(field("CapacityRead"), [1.5, 0.5, 0.0, 0.5].map(Some));
    assert!(field("CapacityWrite")[0] > Some(0.0));
    assert_eq!(metrics[1]["invocation"], "00000002-0000-4000-8000-000000000000");
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
