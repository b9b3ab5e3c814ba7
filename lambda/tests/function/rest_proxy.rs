//! API Gateway's REST APIs: proxy integration, payload 1.0.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use serde_json::{Value, json};

use crate::fixture::{DynamoDb, answer, body};

/// Returns the only value of a header.
#[track_caller]
fn header<'a>(answer: &'a Value, name: &str) -> &'a str {
    let values = answer["multiValueHeaders"][name].as_array().map(Vec::as_slice);
    match values {
        Some([value]) => value.as_str().expect("a header is a string"),
        _ => panic!("not one {name}: {answer}"),
    }
}

#[test]
fn a_record_is_created_read_listed_and_updated() {
    let database = DynamoDb::start();
    let function = database.function();

    let created = answer(&function, "rest_create");
    assert_eq!(created["statusCode"], 201, "{created}");
    assert_eq!(header(&created, "location"), "prj/prj0001");
    assert_eq!(header(&created, "content-type"), "application/json");
    assert!(header(&created, "ripple-capacity").starts_with("read=1.5, write="), "{created}");
    assert_eq!(body(&created)["updated_by"], "The team");
    assert_eq!(answer(&function, "rest_create")["statusCode"], 409);

    assert_eq!(answer(&function, "rest_create_base64")["statusCode"], 201);

    let listed = answer(&function, "rest_search");
    assert_eq!(body(&listed), json!([{"name": "Lighthouse — été", "prj_id": "prj0002", "term": "8"}]));
    let link = header(&listed, "link");
    assert!(link.starts_with("<prj?fields=name%2Cterm&limit=1&sort=-name&cursor="), "{link}");
    let twice = answer(&function, "rest_search_parameter_twice");
    assert_eq!((&twice["statusCode"], &body(&twice)["code"]), (&json!(400), &json!("invalid_request")));

    let updated = answer(&function, "rest_update");
    assert_eq!(updated["statusCode"], 200, "{updated}");
    assert_eq!(body(&updated)["goal"], "Beans by May");
    assert_eq!(body(&updated)["issue"], "Snails");
    assert_eq!(body(&updated)["version"], 2);
    assert!(header(&updated, "ripple-receipt").starts_with("result=saved, version=2, base=1, "), "{updated}");
    // The same request again makes no new version.
    let again = answer(&function, "rest_update");
    assert_eq!((&again["statusCode"], body(&again)), (&json!(200), body(&updated)));
}

#[test]
fn a_record_has_one_answer_however_its_path_is_written() {
    let database = DynamoDb::start();
    let function = database.function();
    let record = body(&answer(&function, "rest_create"));
    for event in [
        "rest_get_single_value",
        "rest_get_base_path",
        "rest_get_base64url_base_path",
        "rest_get_proxy",
        "rest_get_gateway_key",
    ] {
        let answer = answer(&function, event);
        assert_eq!((&answer["statusCode"], body(&answer)), (&json!(200), record.clone()), "{event}");
    }
}

#[test]
fn an_unchanged_record_is_not_sent_and_the_request_id_comes_back() {
    let database = DynamoDb::start();
    let function = database.function();
    answer(&function, "rest_create");
    let unchanged = answer(&function, "rest_get_if_none_match");
    assert_eq!((&unchanged["statusCode"], &unchanged["body"]), (&json!(304), &json!("")));
    assert_eq!(header(&unchanged, "x-request-id"), "page-view-17");
    assert!(header(&unchanged, "etag").starts_with('"'));
}

#[test]
fn a_header_sent_twice_is_seen_twice() {
    let database = DynamoDb::start();
    let refused = answer(&database.function(), "rest_search_two_keys");
    assert_eq!((&refused["statusCode"], &body(&refused)["code"]), (&json!(403), &json!("forbidden")));
}

#[test]
fn errors_are_problems() {
    let database = DynamoDb::start();
    let function = database.function();
    let cases = [
        ("rest_get_no_key", 403, "forbidden", "Forbidden"),
        ("rest_get_absent", 404, "not_found", "Not Found"),
        ("rest_elsewhere", 403, "missing_authentication_token", "Missing Authentication Token"),
    ];
    for (event, status, code, message) in cases {
        let answer = answer(&function, event);
        assert_eq!(answer["statusCode"], status, "{event}");
        assert_eq!(header(&answer, "content-type"), "application/problem+json", "{event}");
        let problem = body(&answer);
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{event}");
        assert_eq!(problem["message"], message, "{event}");
    }
}
