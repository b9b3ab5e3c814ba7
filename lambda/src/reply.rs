//! Converts responses into the form that the function's caller expects.

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LINK};
use http::{HeaderMap, HeaderValue, Response};
use lambda_runtime::Diagnostic;
use serde_json::value::{RawValue, to_raw_value};

use crate::event::{EventError, Shape};

/// An answer that is an error of the function. API Gateway's integration responses select by its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FunctionError {
    /// `not_found`, `exists`, …
    pub code: String,
    /// `404 not_found: there is no project a`.
    pub message: String,
}

impl From<FunctionError> for Diagnostic {
    fn from(error: FunctionError) -> Self {
        Diagnostic { error_type: error.code, error_message: error.message }
    }
}

impl From<EventError> for FunctionError {
    fn from(error: EventError) -> Self {
        FunctionError { code: "invalid_event".to_owned(), message: format!("400 invalid_event: {error}") }
    }
}

/// Returns the answer to an event that requests nothing.
pub(crate) fn to_ping() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).expect("an empty object is JSON")
}

pub(crate) fn render(response: Response<Bytes>, shape: Shape) -> Result<Box<RawValue>, FunctionError> {
    let (parts, body) = response.into_parts();
    // The core's answers are JSON, its own HTML page, or empty.
    let text = String::from_utf8(body.into()).expect("the core's answers are UTF-8");
    let status_code = i64::from(parts.status.as_u16());
    let rendered = match shape {
        Shape::RestProxy => {
            let mut reply = ApiGatewayProxyResponse::default();
            reply.status_code = status_code;
            reply.multi_value_headers = parts.headers;
            reply.body = Some(Body::Text(text));
            to_raw_value(&reply)
        }
        Shape::HttpApi => {
            let mut reply = ApiGatewayV2httpResponse::default();
            reply.status_code = status_code;
            reply.headers = joined(&parts.headers);
            reply.body = Some(Body::Text(text));
            to_raw_value(&reply)
        }
        Shape::Plain if !parts.status.is_success() => return Err(problem(parts.status.as_u16(), &text)),
        // The plain list has no place to say that it is incomplete.
        Shape::Plain if parts.headers.get(LINK).is_some_and(leads_on) => {
            let message = "413 list_too_large: the list has more than one page; read it through a proxy integration";
            return Err(FunctionError { code: "list_too_large".to_owned(), message: message.to_owned() });
        }
        Shape::Plain if text.is_empty() => to_raw_value(&()),
        Shape::Plain if parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json") => {
            RawValue::from_string(text)
        }
        // A body that is not JSON, the HTML page, is a string in it.
        Shape::Plain => to_raw_value(&text),
    };
    Ok(rendered.expect("strings, numbers and the core's JSON serialise"))
}

/// Reports whether a `Link` has the next page of a list.
fn leads_on(link: &HeaderValue) -> bool {
    link.to_str().is_ok_and(|link| link.contains("rel=\"next\""))
}

/// Joins the values of each header, since payload 2.0 has only one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap) -> HeaderMap {
    let mut joined = HeaderMap::new();
    for name in headers.keys() {
        let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        joined.insert(name, values.join(", ").parse().expect("made of header values"));
    }
    joined
}

fn problem(status: u16, body: &str) -> FunctionError {
    let problem: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    let code = text("code");
    let faults = problem["errors"].as_array().into_iter().flatten();
    let fault = |fault: &serde_json::Value| {
        let place = ["pointer", "parameter", "header"].iter().find_map(|place| fault[*place].as_str());
        format!("; {} {}", place.unwrap_or_default(), fault["detail"].as_str().unwrap_or_default())
    };
    let faults: String = faults.map(fault).collect();
    FunctionError { message: format!("{status} {code}: {}{faults}", text("detail")), code }
}
