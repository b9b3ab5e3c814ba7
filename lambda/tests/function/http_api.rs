//! API Gateway's HTTP APIs and function URLs: payload 2.0, and 1.0 of an HTTP API.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>

use serde_json::json;

use crate::fixture::{DynamoDb, answer, body};

#[test]
fn an_http_api_answers_with_and_without_a_stage_in_its_path() {
    let database = DynamoDb::start();
    let function = database.function();

    let created = answer(&function, "http_api_create_in_stage");
    assert_eq!(created["statusCode"], 201, "{created}");
    assert_eq!(created["headers"]["location"], "prj/prj0001");
    assert_eq!(created["headers"]["content-type"], "application/json");

    let read = answer(&function, "http_api_get");
    assert_eq!((&read["statusCode"], body(&read)), (&json!(200), body(&created)));
    assert_eq!(read["headers"]["etag"], created["headers"]["etag"]);

    let found = answer(&function, "http_api_search");
    assert_eq!(body(&found), json!([{"name": "Garden", "prj_id": "prj0001"}]));
    let twice = answer(&function, "http_api_search_parameter_twice");
    assert_eq!((&twice["statusCode"], &body(&twice)["code"]), (&json!(400), &json!("invalid_request")));

    let deleted = answer(&function, "http_api_delete_in_stage");
    assert_eq!((&deleted["statusCode"], &deleted["body"]), (&json!(204), &json!("")));
    let gone = answer(&function, "http_api_get");
    assert_eq!((&gone["statusCode"], &body(&gone)["code"]), (&json!(410), &json!("gone")));
}

#[test]
fn a_preflight_wants_no_key() {
    let database = DynamoDb::start();
    let preflight = answer(&database.function(), "http_api_options");
    assert_eq!(preflight["statusCode"], 204, "{preflight}");
    assert_eq!(preflight["headers"]["access-control-allow-methods"], "GET, HEAD, POST, OPTIONS");
    assert_eq!(preflight["headers"]["access-control-allow-origin"], "*");
}

#[test]
fn a_function_url_answers() {
    let database = DynamoDb::start();
    let function = database.function();

    assert_eq!(body(&answer(&function, "function_url_health")), json!({"status": "ok"}));
    let absent = answer(&function, "function_url_get");
    assert_eq!((&absent["statusCode"], &body(&absent)["code"]), (&json!(404), &json!("not_found")));
    assert_eq!(absent["headers"]["content-type"], "application/problem+json");

    let created = answer(&function, "function_url_create_base64");
    assert_eq!((&created["statusCode"], &body(&created)["name"]), (&json!(201), &json!("Lighthouse — été")));
    let patched = answer(&function, "function_url_patch");
    assert_eq!(patched["statusCode"], 200, "{patched}");
    assert_eq!(body(&patched)["goal"], "The lamp turns by June");
    assert_eq!(body(&patched)["issue"], "Salt in the bearings");
}

/// A path contains a named stage only if the API has no custom domain. With one, `/prj` is the resource.
#[test]
fn a_stage_that_is_called_like_a_resource_is_no_part_of_a_custom_domains_path() {
    let database = DynamoDb::start();
    let function = database.function();
    let created = answer(&function, "http_api_create_in_stage");
    for event in ["http_api_get_custom_domain", "http_api_v1_get_in_stage", "http_api_v1_get_custom_domain"] {
        let read = answer(&function, event);
        assert_eq!((&read["statusCode"], body(&read)), (&json!(200), body(&created)), "{event}");
    }
}
