//! Fuzzes the bodies of batches: JSON, or CSV if the text does not begin with `{` or `[`.

#![no_main]

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::limits;
use ripple_core::record::schema::Resource;
use ripple_core::sheet;
use ripple_fuzz::world::World;
use ripple_fuzz::{answer, has_key, run_in_world};
use serde_json::Value;

fuzz_target!(|text: &str| -> Corpus {
    let is_json = text.trim_start().starts_with(['{', '[']);
    run_in_world(async |world| {
        if has_key(world, text.as_bytes()) {
            return Corpus::Reject;
        }
        if !is_json {
            let (preview, before, after) = sent(world, text, "?dry_run=true").await;
            assert_eq!(before, after, "{text}\nis a dry run and changed something: {preview:?}");
        }
        let (first, before, after) = sent(world, text, "").await;
        if first.status() != StatusCode::OK {
            return Corpus::Keep;
        }
        if is_dry_run(&first) {
            assert_eq!(before, after, "{text}\nis a dry run and changed something: {first:?}");
            return Corpus::Keep;
        }
        let results = results(&first);
        let operations = if is_json { operations(text) } else { rows(text) };
        assert_eq!(results.len(), operations, "{text}\nanswered {first:?}");
        // With the same key, what was made is not made again, and has its first result.
        let (again, ..) = sent(world, text, "").await;
        for (first, again) in results.iter().zip(self::results(&again)) {
            assert!(!is_made(first) || *first == again, "{text}\nanswered {first}, and then {again}");
        }
        Corpus::Keep
    })
});

/// Sends a batch. Returns the answer and the states of the tables before and after it.
async fn sent(world: &World, text: &str, query: &str) -> (Response<Bytes>, String, String) {
    let request = Request::post(format!("/prj/_batch{query}")).header("idempotency-key", "k");
    let mut request = request.body(Bytes::copy_from_slice(text.as_bytes())).expect("a request");
    let kind = if text.trim_start().starts_with(['{', '[']) { "application/json" } else { "text/csv" };
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let request = world.with_key(request);
    let before = world.state();
    let response = world.send(request.clone()).await;
    let after = world.state();
    answer::check(&request, &response, &before, &after);
    (response, before, after)
}

/// Returns the results in an answer. Each has a receipt or a problem.
fn results(response: &Response<Bytes>) -> Vec<Value> {
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    let results = body["results"].as_array().expect("results").clone();
    for result in &results {
        let status = result["status"].as_u64().expect("a status");
        assert!(matches!(status, 200 | 201 | 204 | 400..500), "{result}");
        assert_eq!(is_made(result), result["receipt"].is_string(), "{result}");
        assert_eq!(is_made(result), result["problem"].is_null(), "{result}");
        assert!(result["op"].is_string() && (!is_made(result) || result["id"].is_string()), "{result}");
    }
    results
}

fn is_dry_run(response: &Response<Bytes>) -> bool {
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    body["dry_run"] == true
}

fn is_made(result: &Value) -> bool {
    result["status"].as_u64().is_some_and(|status| status < 300)
}

fn operations(text: &str) -> usize {
    let body: Value = serde_json::from_str(text).expect("a batch that was made is JSON");
    let count = body["operations"].as_array().expect("it has operations").len();
    assert!(count <= limits::BATCH);
    count
}

fn rows(text: &str) -> usize {
    let count = sheet::read(text, &Resource::built_in()).expect("a sheet that was made has a header").count();
    assert!(count <= limits::BATCH);
    count
}
