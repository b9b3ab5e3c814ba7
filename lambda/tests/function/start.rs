//! Starts with a faulty environment.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use ripple_core::limits::RETRY_AFTER;
use ripple_runtime_api::Outcome;
use serde_json::{Value, json};

use crate::fixture::{DynamoDb, answer, body, environment, event, start};

/// How long API Gateway waits for an answer, in milliseconds. tests/store/faults.rs tests ripple's own share of it with
/// simulated time.
const IN_TIME: f64 = 29_000.0;

#[test]
fn what_is_missing_is_named() {
    let cases = [
        ("AWS_REGION", None, "AWS_REGION is not set"),
        ("AWS_ACCESS_KEY_ID", None, "AWS_ACCESS_KEY_ID is not set"),
        ("AWS_SECRET_ACCESS_KEY", Some(""), "AWS_SECRET_ACCESS_KEY is not set"),
        ("AWS_CA_BUNDLE", Some("/nowhere.pem"), "AWS_CA_BUNDLE /nowhere.pem: No such file or directory (os error 2)"),
        ("RIPPLE_SITE", Some("a b"), "RIPPLE_SITE must be made of A-Z a-z 0-9 _ . -, as a table's name is"),
        ("RIPPLE_SHARDS", Some("0"), "RIPPLE_SHARDS must be a whole number from 1 to 100"),
        (
            "RIPPLE_ORIGIN_SECRET",
            Some("hush"),
            "RIPPLE_ORIGIN_SECRET must be one value, or two during a rotation, separated by a comma; a value has 32 to 128 \
             letters, digits and signs of ASCII",
        ),
    ];
    for (name, value, complaint) in cases {
        let mut environment = environment("http://127.0.0.1:1".to_owned());
        match value {
            None => environment.remove(name),
            Some(value) => environment.insert(name, value.to_owned()),
        };
        let function = start(&environment);
        let Outcome::NotStarted(told) = function.invoke("{}").outcome else { panic!("{name} is not missed") };
        let told: Value = serde_json::from_str(&told).expect("an error is JSON");
        assert_eq!(told, json!({"errorType": "Runtime.ConfigInvalid", "errorMessage": complaint}));
        assert_eq!(function.invoke("{}").outcome, Outcome::Ended, "{name}");
        let ended = function.end().expect("it can be waited for");
        assert_eq!(ended.status.code(), Some(1), "{name}");
        let line: Value = serde_json::from_str(&ended.log).unwrap_or_else(|_| panic!("not one line: {}", ended.log));
        assert_eq!(line["level"], "ERROR", "{line}");
        assert_eq!(line["error"], complaint);
    }
}

#[test]
fn without_dynamodb_it_starts_and_answers_503_in_time() {
    // The listener accepts connections and never answers, which is the worst way to be unreachable.
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let function = start(&environment(format!("http://{}", deaf.local_addr().expect("it is bound"))));
    let unavailable = answer(&function, "rest_get_proxy");
    assert_eq!(unavailable["statusCode"], 503, "{unavailable}");
    assert_eq!(unavailable["multiValueHeaders"]["retry-after"], json!([RETRY_AFTER.as_secs().to_string()]));
    assert_eq!(body(&unavailable)["code"], "unavailable");
    // Requests that need no storage still work.
    assert_eq!(body(&answer(&function, "function_url_health")), json!({"status": "ok"}));

    let log = function.end().expect("it can be waited for").log;
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(lines[0]["message"], "DynamoDB did not answer in time", "{log}");
    assert_eq!((&lines[1]["level"], &lines[1]["status"]), (&json!("WARN"), &json!(503)), "{log}");
    assert!(lines[1]["duration_ms"].as_f64().is_some_and(|took| took < IN_TIME), "{log}");
}

#[test]
fn without_a_receiver_of_the_feed_the_systems_root_certificates_are_not_read() {
    let mut database = DynamoDb::start();
    let bundle = Path::new(env!("CARGO_TARGET_TMPDIR")).join("none.pem");
    fs::write(&bundle, "").expect("the file can be written");
    // The DynamoDB client trusts the bundle instead. The reading of a file that is not there would be logged.
    database.environment.insert("AWS_CA_BUNDLE", bundle.display().to_string());
    database.environment.insert("SSL_CERT_FILE", "/nowhere.pem".to_owned());
    let function = database.function();
    assert_eq!(body(&answer(&function, "function_url_health")), json!({"status": "ok"}));
    let log = function.end().expect("it can be waited for").log;
    assert!(!log.contains("root CA certificate"), "{log}");
}

#[test]
fn the_document_beside_the_binary_is_served() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("document");
    let _ = fs::remove_dir_all(&root); // an earlier run leaves it
    fs::create_dir_all(root.join("resources")).expect("the folder can be made");
    let task = concat!(env!("CARGO_MANIFEST_DIR"), "/../resources/task.json");
    fs::copy(task, root.join("resources/task.json")).expect("the file can be copied");
    let mut environment = environment("http://127.0.0.1:1".to_owned());
    environment.insert("LAMBDA_TASK_ROOT", root.display().to_string());
    let document = |environment| {
        let request = event("function_url_health").replace("/health", "/openapi.json");
        match start(environment).invoke(request).outcome {
            Outcome::Answered(json) => body(&serde_json::from_str(&json).expect("an answer is JSON")),
            other => panic!("{other:?}"),
        }
    };
    assert!(document(&environment)["paths"]["/prj"].is_object(), "without a file, the built-in document");

    let own = json!({"openapi": "3.1.0", "paths": {"/task": {}}});
    fs::write(root.join("openapi.json"), own.to_string()).expect("the file can be written");
    assert_eq!(document(&environment), own);
}
