//! The laws that hold for every response. They are checked on every response of every case.

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use sfv::{Dictionary, ListEntry, Parser, Version};

use crate::{Answer, KITS};

/// The headers of a response that a page in a browser may read.
#[rustfmt::skip]
const EXPOSED: [&str; 9] =
    ["etag", "idempotent-replayed", "link", "location", "ripple-capacity", "ripple-count", "ripple-receipt", "ripple-session", "x-request-id"];

#[track_caller]
pub(crate) fn check(request: &Request<Bytes>, answer: &Answer) {
    // 501 says that a host does not have an operation.
    if answer.status() >= 500 && answer.status() != 501 {
        answer.fail("the suite asks nothing that a host may fail at");
    }
    request_id(request, answer);
    cors(answer);
    caching(request, answer);
    capacity(request, answer);
    session(request, answer);
    receipt(request, answer);
    entity_tag(answer);
    body(request, answer);
}

/// A valid id of the client comes back, and there is always one.
#[track_caller]
fn request_id(request: &Request<Bytes>, answer: &Answer) {
    let valid = |id: &[u8]| (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic);
    let Some(id) = answer.header("x-request-id") else { answer.fail("there should be an x-request-id") };
    if !valid(id.as_bytes()) {
        answer.fail("x-request-id should be up to 128 visible ASCII characters");
    }
    let mut sent = request.headers().get_all("x-request-id").iter();
    if let (Some(sent), None) = (sent.next(), sent.next())
        && valid(sent.as_bytes())
        && sent != id
    {
        answer.fail("x-request-id should be the caller's");
    }
}

#[track_caller]
fn cors(answer: &Answer) {
    if answer.header("access-control-allow-origin") != Some("*") {
        answer.fail("Access-Control-Allow-Origin should be *");
    }
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default().to_ascii_lowercase();
    let exposed: Vec<&str> = exposed.split(',').map(str::trim).collect();
    if let Some(hidden) = EXPOSED.iter().find(|name| !exposed.contains(name)) {
        answer.fail(format!("Access-Control-Expose-Headers should have {hidden}"));
    }
}

/// A cache stores only successful reads, and revalidates before each use. A proxy does not transform a response with a
/// record's tag.
#[track_caller]
fn caching(request: &Request<Bytes>, answer: &Answer) {
    let reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let expected = if reading && matches!(answer.status(), 200 | 304) { "private, no-cache" } else { "no-store" };
    let found = answer.header("cache-control").unwrap_or_default();
    let listed = KITS.iter().any(|kit| request.uri().path() == kit.path) && reading;
    let exact =
        if answer.header("etag").is_some() && !listed { found.strip_suffix(", no-transform") } else { Some(found) };
    if exact != Some(expected) {
        answer.fail(format!("Cache-Control should be {expected}, and not {found}"));
    }
}

/// `read=0.5, write=4`: an RFC 9651 dictionary of two numbers. Operations without a key have none.
#[track_caller]
fn capacity(request: &Request<Bytes>, answer: &Answer) {
    let free = request.uri().path() == "/health" || request.method() == Method::OPTIONS;
    let capacity = answer.header("ripple-capacity");
    match capacity {
        Some(_) if free && answer.status() < 300 => answer.fail("there should be no Ripple-Capacity"),
        None if !free => answer.fail("there should be a Ripple-Capacity"),
        Some(text) if units(text).is_none() => answer.fail("Ripple-Capacity should be like: read=0.5, write=4"),
        _ => {}
    }
}

/// Returns the read and write units.
pub(crate) fn units(capacity: &str) -> Option<(f64, f64)> {
    let decimal = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |part: &str, most| (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        (digits(whole, 12) && digits(fraction, 3)).then(|| text.parse().ok())?
    };
    let (read, write) = capacity.strip_prefix("read=")?.split_once(", write=")?;
    Some((decimal(read)?, decimal(write)?))
}

/// Reports whether a request is to change records. One for a ticket is not.
fn writes(request: &Request<Bytes>) -> bool {
    let changing = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE);
    changing && !request.uri().path().ends_with("/_ticket")
}

/// Every applied write has a token.
#[track_caller]
fn session(request: &Request<Bytes>, answer: &Answer) {
    let writing = writes(request);
    let token = answer.header("ripple-session");
    if writing && answer.status() < 300 && token.is_none_or(str::is_empty) {
        answer.fail("a write should give a Ripple-Session");
    }
}

/// Every write has a receipt in the syntax of RFC 9651, with the version of its response.
#[track_caller]
fn receipt(request: &Request<Bytes>, answer: &Answer) {
    let writing = writes(request);
    let receipt = answer.header("ripple-receipt");
    // The receipts of a batch are in its body.
    if !writing || answer.status() >= 300 || request.uri().path().ends_with("/_batch") {
        if receipt.is_some() {
            answer.fail("only a write has a Ripple-Receipt");
        }
        return;
    }
    let parsed = receipt.and_then(|text| Parser::new(text).with_version(Version::Rfc9651).parse::<Dictionary>().ok());
    let Some(parsed) = parsed else { answer.fail("a write should give a Ripple-Receipt") };
    let item = |name: &str| match parsed.get(name) {
        Some(ListEntry::Item(item)) => Some(item.bare_item.clone()),
        _ => None,
    };
    let result = item("result").and_then(|result| Some(result.as_token()?.as_str().to_owned()));
    if !result.is_some_and(|result| ["created", "saved", "unchanged", "restored", "deleted"].contains(&result.as_str()))
    {
        answer.fail("the receipt should have a result");
    }
    let version = item("version").and_then(|version| version.as_integer()).map(i64::from);
    if version.is_none() || (answer.status() != 204 && answer.json()["version"].as_i64() != version) {
        answer.fail("the receipt should tell the record's version");
    }
}

/// A tag is strong, and a problem has none.
#[track_caller]
fn entity_tag(answer: &Answer) {
    let Some(tag) = answer.header("etag") else { return };
    if answer.status() >= 400 {
        answer.fail("a problem should have no ETag");
    }
    let opaque = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if !opaque.is_some_and(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"')) {
        answer.fail("ETag should be strong: \"…\"");
    }
}

#[track_caller]
fn body(request: &Request<Bytes>, answer: &Answer) {
    let kind = answer.header("content-type");
    if request.method() == Method::HEAD || matches!(answer.status(), 204 | 304) {
        if !answer.body().is_empty() {
            answer.fail("there should be no body");
        }
        if answer.status() == 204 && kind.is_some() {
            answer.fail("no content has no Content-Type");
        }
    } else if kind.is_some_and(|kind| kind.starts_with("text/csv")) && asks_for_a_sheet(request) {
        answer.text();
    } else if answer.status() < 400 {
        if kind != Some("application/json") {
            answer.fail("Content-Type should be application/json");
        }
        answer.json();
    } else {
        problem(answer);
    }
}

fn asks_for_a_sheet(request: &Request<Bytes>) -> bool {
    request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "format=csv"))
}

/// A complete problem (RFC 9457), with ripple's members.
#[track_caller]
fn problem(answer: &Answer) {
    if answer.header("content-type") != Some("application/problem+json") {
        answer.fail("Content-Type should be application/problem+json");
    }
    let problem = answer.json();
    let text = |name: &str| match problem[name].as_str() {
        Some(text) if !text.is_empty() => text,
        _ => answer.fail(format!("the problem should have a {name}")),
    };
    let kind = format!("urn:problem-type:ripple:{}", text("code"));
    if text("type") != kind {
        answer.fail(format!("the problem's type should be {kind}"));
    }
    if problem["status"] != answer.status() {
        answer.fail("the problem's status should be the answer's");
    }
    for name in ["title", "detail", "message"] {
        text(name);
    }
    let faults = match &problem["errors"] {
        Value::Null => &[][..],
        Value::Array(faults) if !faults.is_empty() => faults.as_slice(),
        _ => answer.fail("errors should be an array of what is at fault, or not there"),
    };
    for fault in faults {
        let places = ["pointer", "parameter", "header"].iter().filter(|kind| fault[**kind].is_string()).count();
        let told = fault["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        if places != 1 || !told {
            answer.fail(format!("{fault} should have one place and a detail"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn units_are_decimals_of_rfc_9651() {
        assert_eq!(units("read=0.5, write=4"), Some((0.5, 4.0)));
        assert_eq!(units("read=0, write=0"), Some((0.0, 0.0)));
        for bad in ["", "read=1", "write=4, read=0.5", "read=.5, write=4", "read=1,write=4", "read=-1, write=0"] {
            assert_eq!(units(bad), None, "{bad}");
        }
        assert_eq!(units("read=1e3, write=0"), None);
        assert_eq!(units("read=0.0001, write=0"), None);
    }
}
