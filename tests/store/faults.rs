//! Tests with a DynamoDB that throttles, conflicts, fails, hangs or returns nonsense: the retries, their duration, and
//! the final answer to the client. Time is tokio's, paused, so waiting takes no time.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use ripple_core::auth::Caller;
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::{DynamoDb, TableNames, configure};
use ripple_core::{AccessLog, Api, RequestContext, Timestamp};
use ripple_test_kit::api_key;
use tokio::time::Instant;

use crate::engine;

/// One answer of the simulated DynamoDB.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Ok(&'static str),
    Error(u16, &'static str),
    Garbage,
    /// No answer at all.
    Silence,
}

/// The simulated DynamoDB: its answers, of which the last is repeated, and the operations requested so far.
#[derive(Clone, Debug)]
struct Played {
    answers: &'static [Answer],
    asked: Arc<Mutex<Vec<String>>>,
}

impl HttpClient for Played {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Played {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let mut asked = self.asked.lock().expect("no panic");
        let answer = self.answers[asked.len().min(self.answers.len() - 1)];
        asked.push(target.rsplit('.').next().unwrap_or_default().to_owned());
        HttpConnectorFuture::new(async move {
            let (status, body) = match answer {
                Answer::Ok(body) => (200, body),
                Answer::Error(status, body) => (status, body),
                Answer::Garbage => (200, "<html>not DynamoDB</html>"),
                Answer::Silence => std::future::pending().await,
            };
            let status = status.try_into().expect("a status");
            Ok(HttpResponse::new(status, SdkBody::from(body)))
        })
    }
}

/// Returns an API on a DynamoDB that gives these answers, and the operations requested of it.
fn api(answers: &'static [Answer]) -> (Api<DynamoDb>, Arc<Mutex<Vec<String>>>) {
    let http = Played { answers, asked: Arc::default() };
    let asked = Arc::clone(&http.asked);
    let config = configure(Config::builder())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        // The SDK has one budget of retries for each region of a process.
        .region(Region::new(format!("test-{}", u128::from_be_bytes(engine::token()))))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    (Api::new(DynamoDb::new(Client::from_conf(config), TableNames::default(), Resource::built_in())), asked)
}

async fn send(api: &Api<DynamoDb>, method: Method, path: &str, body: &'static str) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(path).body(Bytes::from_static(body.as_bytes())).expect("valid");
    let caller = Some(Caller::checked_by_gateway("test"));
    api.answer(request, RequestContext { now: Timestamp(1_000), random: [7; 32], caller }).await
}

/// A record at version 1. Its seal covers id, number and content.
const ITEM: &str = r#"{"Item":{"prj_id":{"S":"a"},"name":{"S":"n"},"rpl_version":{"N":"1"},"rpl_seal":{"S":"4AGf8lLXGGyZW9pt"}},
    "ConsumedCapacity":{"CapacityUnits":1}}"#;
const DONE: &str = r#"{"ConsumedCapacity":[{"CapacityUnits":4}]}"#;
const THROTTLED: Answer = Answer::Error(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow down"}"#,
);
const CONFLICT: Answer = Answer::Error(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled",
        "CancellationReasons":[{"Code":"TransactionConflict","Message":"another transaction"}]}"#,
);
const INVALID: Answer = Answer::Error(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"cancelled",
        "CancellationReasons":[{"Code":"ValidationError","Message":"no"}]}"#,
);
const NO_TABLE: Answer = Answer::Error(
    400,
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"secret table name"}"#,
);
const BROKEN: Answer = Answer::Error(500, r#"{"__type":"InternalServerError","message":"oops"}"#);

#[track_caller]
fn unavailable(response: &Response<Bytes>) {
    no_answer(response, "unavailable");
}

#[track_caller]
fn no_answer(response: &Response<Bytes>, code: &str) {
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{response:?}");
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("a problem");
    assert_eq!(problem["code"], code);
    let report = response.extensions().get::<AccessLog>().expect("there");
    assert!(report.error.is_some(), "the log learns why");
}

#[tokio::test(start_paused = true)]
async fn throttling_and_5xx_are_tried_again() {
    let (api, asked) = api(&[THROTTLED, BROKEN, Answer::Ok(ITEM)]);
    assert_eq!(send(&api, Method::GET, "/prj/a", "").await.status(), StatusCode::OK);
    assert_eq!(asked.lock().expect("no panic").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_asked_for_again() {
    let (api, asked) = api(&[Answer::Silence, Answer::Ok(ITEM)]);
    assert_eq!(send(&api, Method::GET, "/prj/a", "").await.status(), StatusCode::OK);
    assert_eq!(asked.lock().expect("no panic").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_another_transaction_is_tried_again() {
    let (api, asked) = api(&[Answer::Ok(ITEM), CONFLICT, CONFLICT, Answer::Ok(DONE)]);
    let response = send(&api, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await;
    assert_eq!(response.status(), StatusCode::OK, "{response:?}");
    assert_eq!(response.headers()["ripple-capacity"], "read=1, write=4");
    let asked = asked.lock().expect("no panic").clone();
    let done = ["GetItem", "TransactWriteItems", "TransactWriteItems", "TransactWriteItems"];
    // The replaced row gets an expiry.
    assert_eq!((&asked[..4], &asked[4..]), (&done.map(str::to_owned)[..], &["UpdateItem".to_owned()][..]));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_budget_the_caller_hears_503_and_when_to_come_back() {
    for answers in [&[BROKEN][..], &[THROTTLED], &[Answer::Garbage], &[Answer::Silence]] {
        let answers: &'static [Answer] = answers.to_vec().leak();
        let (api, _) = api(answers);
        let started = Instant::now();
        unavailable(&send(&api, Method::GET, "/prj/a", "").await);
        assert!(
            started.elapsed() <= ripple_core::limits::STORE_BUDGET,
            "the budget is stated: {:?}",
            started.elapsed()
        );
    }
    let (api, _) = api(&[Answer::Ok(ITEM), CONFLICT]);
    unavailable(&send(&api, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await);
}

/// A request without an answer may have been applied, whatever came after. A refused request was not.
#[tokio::test(start_paused = true)]
async fn a_write_without_an_answer_is_said_to_be_one_that_may_have_been_made() {
    let item = Answer::Ok(ITEM);
    for (answers, code) in [
        (vec![item, Answer::Silence], "outcome_unknown"),
        (vec![item, BROKEN], "outcome_unknown"),
        (vec![item, Answer::Garbage], "outcome_unknown"),
        (vec![item, Answer::Silence, THROTTLED], "outcome_unknown"),
        (vec![item, Answer::Silence, INVALID], "outcome_unknown"),
        (vec![item, THROTTLED, BROKEN, CONFLICT], "outcome_unknown"),
        (vec![item, THROTTLED], "unavailable"),
        (vec![item, CONFLICT], "unavailable"),
        (vec![BROKEN], "unavailable"),
        (vec![Answer::Silence], "unavailable"),
    ] {
        let (api, _) = api(answers.leak());
        no_answer(&send(&api, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await, code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_table_is_told_without_its_name_and_not_tried_again() {
    let (reading, asked) = api(&[NO_TABLE]);
    missing(&send(&reading, Method::GET, "/prj/a", "").await);
    assert_eq!(asked.lock().expect("no panic").len(), 1);
    let (writing, asked) = api(&[Answer::Ok(ITEM), NO_TABLE]);
    missing(&send(&writing, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await);
    assert_eq!(asked.lock().expect("no panic").len(), 2);
}

#[track_caller]
fn missing(response: &Response<Bytes>) {
    no_answer(response, "table_missing");
    assert!(!String::from_utf8_lossy(response.body()).contains("secret"));
    let report = response.extensions().get::<AccessLog>().expect("there");
    assert!(report.error.as_ref().is_some_and(|error| error.contains("secret table name")), "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_dynamodb_refuses_is_not_tried_again_and_not_told() {
    let (api, asked) = api(&[DENIED]);
    let response = send(&api, Method::GET, "/prj/a", "").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!String::from_utf8_lossy(response.body()).contains("not authorized"));
    let report = response.extensions().get::<AccessLog>().expect("there");
    assert!(report.error.as_ref().is_some_and(|error| error.contains("not authorized")), "{report:?}");
    assert_eq!(asked.lock().expect("no panic").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_wrong_in_itself_is_not_tried_again() {
    let (api, asked) = api(&[Answer::Ok(ITEM), INVALID]);
    let response = send(&api, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(asked.lock().expect("no panic").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_is_no_project_is_a_fault_and_no_panic() {
    let (api, _) = api(&[Answer::Ok(r#"{"Item":{"prj_id":{"N":"1"}}}"#)]);
    assert_eq!(send(&api, Method::GET, "/prj/a", "").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

const DENIED: Answer =
    Answer::Error(400, r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"not authorized"}"#);

/// Only the table shows whether the key was revoked since, so a write needs its answer.
#[tokio::test(start_paused = true)]
async fn a_remembered_key_reads_and_does_not_write_while_the_table_denies() {
    let key = api_key(1);
    let record = format!(
        r#"{{"Item":{{"key_hash":{{"S":"{}"}},"key_id":{{"S":"k"}},"name":{{"S":"n"}},"created":{{"N":"0"}},
            "last_used":{{"N":"1000"}},"scopes":{{"L":[{{"S":"read"}},{{"S":"write"}}]}}}}}}"#,
        key.hash().to_hex()
    );
    let item = Answer::Ok(ITEM);
    // Every lookup of the key except the first is denied, and every record is read.
    let answers = [Answer::Ok(record.leak()), item, DENIED, item, item, DENIED, DENIED, item, DENIED];
    let (api, asked) = api(Box::leak(Box::new(answers)));
    let send = async |method: Method, second: u64| {
        let request = Request::builder().method(method).uri("/prj/a").header("x-api-key", key.reveal());
        let request = request.body(Bytes::from_static(b"")).expect("valid");
        let moment = RequestContext { now: Timestamp(1_000 + second * 1_000), random: [7; 32], caller: None };
        api.answer(request, moment).await.status()
    };
    assert_eq!(send(Method::GET, 0).await, StatusCode::OK);
    assert_eq!(send(Method::GET, 11).await, StatusCode::OK, "with the key as it was");
    assert_eq!(send(Method::GET, 12).await, StatusCode::OK, "without another lookup");
    assert_eq!(send(Method::DELETE, 13).await, StatusCode::INTERNAL_SERVER_ERROR, "it is asked for, and denied");
    assert_eq!(send(Method::GET, 3_000).await, StatusCode::OK, "for an hour");
    assert_eq!(send(Method::GET, 3_601).await, StatusCode::INTERNAL_SERVER_ERROR, "and no longer");
    assert_eq!(asked.lock().expect("no panic").len(), 9);
}

/// The first of two transactions succeeds. If it did not, the answer would be that nothing was changed.
#[tokio::test(start_paused = true)]
async fn a_change_that_fails_in_the_middle_is_said_to_be_one_that_may_have_been_made() {
    for (failing, alone) in [(BROKEN, "outcome_unknown"), (DENIED, "internal"), (NO_TABLE, "table_missing")] {
        let members: Vec<String> = (0..150).map(|number| format!(r#""m{number}":1"#)).collect();
        let body: &'static str = format!("{{{}}}", members.join(",")).leak();
        let answers = [Answer::Ok(ITEM), Answer::Ok(DONE), Answer::Ok("{}"), failing];
        let (api, asked) = self::api(Box::leak(Box::new(answers)));
        let response = send(&api, Method::PATCH, "/prj/a", body).await;
        no_answer(&response, "outcome_unknown");
        let operations = ["GetItem", "TransactWriteItems", "UpdateItem", "TransactWriteItems"];
        assert_eq!(asked.lock().expect("no panic")[..4], operations);
        // A single transaction that fails is reported as it is.
        let (api, _) = self::api(Box::leak(Box::new([Answer::Ok(ITEM), failing])));
        let response = send(&api, Method::PATCH, "/prj/a", r#"{"name":"m"}"#).await;
        let problem: serde_json::Value = serde_json::from_slice(response.body()).expect("a problem");
        assert_eq!(problem["code"], alone);
    }
}
