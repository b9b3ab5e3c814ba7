//! API Gateway's own answers, in the form of the API's errors.
//!
//! Each answer sets its status, and its body states the same status. Otherwise an answer keeps the status that API
//! Gateway chose, which no body could know.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html>

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use ripple_core::http::contract::Kind;

/// An answer of API Gateway itself.
struct Answer {
    /// API Gateway's name for the answer.
    name: &'static str,
    kind: &'static Kind,
    detail: &'static str,
    /// The value of `Retry-After` in seconds.
    retry_after: Option<u32>,
}

const NO_KEY: &str = "a valid API key is needed in x-api-key";
const MAYBE: &str = "a write may or may not have been made, and can be sent again";

const fn answer(name: &'static str, kind: &'static Kind, detail: &'static str) -> Answer {
    Answer { name, kind, detail, retry_after: None }
}

const ANSWERS: &[Answer] = &[
    answer(
        "MISSING_AUTHENTICATION_TOKEN",
        &Kind::MISSING_AUTHENTICATION_TOKEN,
        "no resource has this path, or it has no such method",
    ),
    answer("INVALID_API_KEY", &Kind::FORBIDDEN, NO_KEY),
    answer("ACCESS_DENIED", &Kind::FORBIDDEN, "API Gateway does not let this request through"),
    answer("INVALID_SIGNATURE", &Kind::FORBIDDEN, "the request is signed for AWS, and wrongly; ripple wants x-api-key"),
    answer("EXPIRED_TOKEN", &Kind::FORBIDDEN, "the request is signed for AWS, too long ago; ripple wants x-api-key"),
    answer("WAF_FILTERED", &Kind::FORBIDDEN, "the firewall does not let this request through"),
    answer("RESOURCE_NOT_FOUND", &Kind::NOT_FOUND, "no resource has this path"),
    answer("UNSUPPORTED_MEDIA_TYPE", &Kind::UNSUPPORTED_MEDIA_TYPE, "the body is of another type"),
    answer("BAD_REQUEST_PARAMETERS", &Kind::INVALID_REQUEST, "a parameter is not as it must be"),
    answer("BAD_REQUEST_BODY", &Kind::INVALID_BODY, "the body is not as it must be"),
    answer("REQUEST_TOO_LARGE", &Kind::BODY_TOO_LARGE, "the body is too long"),
    Answer {
        retry_after: Some(1),
        ..answer("THROTTLED", &Kind::TOO_MANY_REQUESTS, "too many ask at once; try again later")
    },
    Answer {
        retry_after: Some(3600),
        ..answer("QUOTA_EXCEEDED", &Kind::TOO_MANY_REQUESTS, "this key has asked for all that its usage plan allows")
    },
    answer("INTEGRATION_TIMEOUT", &Kind::GATEWAY_TIMEOUT, "the function did not answer in time; {maybe}"),
    answer("INTEGRATION_FAILURE", &Kind::BAD_GATEWAY, "the function cannot be reached; {maybe}"),
    answer("DEFAULT_4XX", &Kind::INVALID_REQUEST, "API Gateway does not take the request"),
    answer("DEFAULT_5XX", &Kind::INTERNAL, "something is wrong on the server; {maybe}"),
];

/// Returns the answers in the form of the template.
pub(crate) fn responses() -> Result<String> {
    let mut made = String::new();
    for Answer { name, kind, detail, retry_after } in ANSWERS {
        let (status, code) = (kind.status.as_u16(), kind.code);
        let title = kind.status.canonical_reason().with_context(|| format!("{status} has no name"))?;
        let detail = detail.replace("{maybe}", MAYBE);
        writeln!(made, "{name}:\n  statusCode: {status}\n  responseParameters:")?;
        for (header, value) in [
            ("header.Access-Control-Allow-Origin", r#""'*'""#),
            ("header.Access-Control-Expose-Headers", r#""'x-request-id, retry-after'""#),
            ("header.Cache-Control", r#""'no-store'""#),
            ("header.Content-Type", r#""'application/problem+json'""#),
            ("header.x-request-id", "context.requestId"),
        ] {
            writeln!(made, "    gatewayresponse.{header}: {value}")?;
        }
        if let Some(seconds) = retry_after {
            writeln!(made, "    gatewayresponse.header.Retry-After: \"'{seconds}'\"")?;
        }
        writeln!(made, "  responseTemplates:\n    application/json: >-")?;
        writeln!(
            made,
            r#"      {{"type":"urn:problem-type:ripple:{code}","title":"{title}","status":{status},"detail":"{detail}","#
        )?;
        writeln!(made, r#"      "code":"{code}","message":$context.error.messageString}}"#)?;
    }
    Ok(made)
}
