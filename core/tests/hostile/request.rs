//! Tests with any bytes as method, path, query, headers and body. Each answer is valid, and the table changes only if
//! the answer is a 2xx. (`cargo xtask fuzz request` finds inputs that random tests do not.)

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use ripple_core::auth::ApiKey;
use tokio::runtime::Builder;

use crate::answer::check;
use crate::world::World;

/// Generates any bytes, or known text that passes further checks.
fn bytes_or(known: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(known).prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![1 => vec(any::<u8>(), 0..40), 2 => known]
}

/// Generates known text, damaged in one place.
fn damaged(known: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(known), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(text, place, byte)| {
        let mut bytes = text.as_bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes
    })
}

fn method() -> impl Strategy<Value = Method> {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    let any = "[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,12}".prop_map(|text| text.into_bytes());
    prop_oneof![6 => prop::sample::select(known.to_vec()).prop_map(|name| name.as_bytes().to_vec()), 1 => any]
        .prop_map(|name| Method::from_bytes(&name).expect("a token"))
}

const SEGMENTS: &[&str] =
    &["prj", "a", "b", "_changes", "versions", "1", "..", "%2e", "", "health", "18446744073709551615"];
#[rustfmt::skip]
const NAMES: &[&str] = &[
    "q", "sort", "fields", "limit", "cursor", "since", "name", "goal", "count", "deleted", "name[gte]", "term[in]", "/timeline/text[prefix]",
];
const VALUES: &[&str] =
    &["", "-", "true", "1", "0", "a,,b", "WzEsW11d", "WzEsWyJhIiwxXV0", "-updated_at,name", "99999999999999999999"];

fn target() -> impl Strategy<Value = Uri> {
    let segment = bytes_or(SEGMENTS).prop_map(|bytes| escape(&bytes, b"%"));
    let pair = (bytes_or(NAMES), bytes_or(VALUES))
        .prop_map(|(name, value)| format!("{}={}", escape(&name, b"%"), escape(&value, b"%,")));
    (vec(segment, 0..5), vec(pair, 0..4)).prop_map(|(segments, pairs)| {
        let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
        format!("/{}{query}", segments.join("/")).parse().expect("escaped")
    })
}

/// Percent-encodes all bytes except letters, digits, those allowed in a path, and those in `left`.
fn escape(bytes: &[u8], left: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'.' | b'_' | b'-' | b'~' => char::from(*byte).to_string(),
        byte if left.contains(byte) => char::from(*byte).to_string(),
        byte => percent_encode(&[*byte], NON_ALPHANUMERIC).to_string(),
    };
    bytes.iter().map(one).collect()
}

const HEADERS: &[&str] = &[
    "content-type",
    "if-match",
    "if-none-match",
    "ripple-session",
    "idempotency-key",
    "x-request-id",
    "x-api-key",
    "cache-control",
    "x-anything",
];
const HEADER_VALUES: &[&str] = &[
    "application/json",
    "application/merge-patch+json",
    "*",
    r#""x""#,
    r#"W/"x", "y""#,
    "k",
    "WzEsW1siYSIsOV1dXQ",
    "no-cache",
];

fn headers() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let value =
        bytes_or(HEADER_VALUES).prop_filter_map("no header's value", |bytes| HeaderValue::from_bytes(&bytes).ok());
    let name = prop::sample::select(HEADERS).prop_map(HeaderName::from_static);
    vec((name, value), 0..4)
}

const BODIES: &[&str] = &[
    r#"{"prj_id":"c","name":"n","goal":"g","issue":"i","description":"d","term":1,"term_unit":"day","create_date":"x"}"#,
    r#"{"version":1,"goal":"Leeks","timeline":[{"id":"t","text":"x"},{"text":"new"},5]}"#,
    r#"{"timeline":null,"n":1e-130,"deleted":false,"term":-1}"#,
    r#"{"a":{"b":[{"c":[[[{}]]]}]},"updated_by":"me","list_shard":"0"}"#,
];

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..200), bytes_or(BODIES), damaged(BODIES)]
}

fn request() -> impl Strategy<Value = Request<Bytes>> {
    (method(), target(), headers(), body()).prop_map(|(method, target, headers, body)| {
        let mut request = Request::new(Bytes::from(body));
        (*request.method_mut(), *request.uri_mut()) = (method, target);
        request.headers_mut().extend(headers);
        request
    })
}

/// Returns the request with this key, unless it has one.
fn with_key(mut request: Request<Bytes>, key: &ApiKey) -> Request<Bytes> {
    let key = HeaderValue::from_str(key.reveal()).expect("a key is ASCII");
    request.headers_mut().entry("x-api-key").or_insert(key);
    request
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4_000), ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_a_sound_answer_and_change_nothing_unless_it_is_a_success(
        requests in vec((request(), any::<bool>()), 1..4),
    ) {
        let runtime = Builder::new_current_thread().build().expect("a runtime without I/O needs nothing");
        runtime.block_on(async {
            let world = World::new().await;
            for (request, reads) in requests {
                let key = if reads { &world.reader } else { &world.writer };
                let request = with_key(request, key);
                let before = world.state();
                let response = world.send(request.clone()).await;
                check(&request, &response, &before, &world.state());
            }
        });
    }
}
