//! Fuzzes tokens that clients send back: the cursors of lists, changes and histories, and session tokens.
//!
//! The first letter determines the kind, and whether the rest is the token or its content.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Request;
use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::session::Session;
use ripple_fuzz::world::World;
use ripple_fuzz::{answer, run_in_world};
use serde_json::Value;

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some((which, token)) = text.split_first() else { return Corpus::Reject };
    let token = match which.is_ascii_uppercase() {
        true => String::from_utf8_lossy(token).into_owned(),
        false => URL_SAFE_NO_PAD.encode(token),
    };
    if let Some(session) = Session::parse(&token, "prj") {
        assert_eq!(Session::parse(&session.to_token(), "prj"), Some(session));
    }
    let escaped: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let (path, header) = match which.to_ascii_lowercase() {
        b's' => ("/prj".to_owned(), Some(token)),
        b'g' => ("/prj/a".to_owned(), Some(token)),
        b'l' => (format!("/prj?cursor={escaped}"), None),
        b'o' => (format!("/prj?sort=-updated_at,name,x&limit=1&cursor={escaped}"), None),
        b'c' => (format!("/prj/_changes?since={escaped}"), None),
        b'h' => (format!("/prj/a/versions?cursor={escaped}"), None),
        _ => return Corpus::Reject,
    };
    let Ok(mut request) = Request::get(path).body(Bytes::new()) else { return Corpus::Reject };
    if let Some(token) = header {
        let Ok(token) = token.parse() else { return Corpus::Reject };
        request.headers_mut().insert("ripple-session", token);
    }
    run_in_world(async |world| {
        let request = world.with_key(request);
        let (response, state) = (world.send(request.clone()).await, world.state());
        answer::check(&request, &response, &state, &state);
        let status = response.status().as_u16();
        assert!(matches!(status, 200 | 400 | 410), "{request:?}\nanswered {response:?}");
        if status == 200 && request.uri().path() == "/prj/_changes" {
            goes_on(world, &response).await;
        }
    });
    Corpus::Keep
});

/// Follows the cursor in the answer, whatever cursor was sent.
async fn goes_on(world: &World, response: &http::Response<Bytes>) {
    let body: Value = serde_json::from_slice(response.body()).expect("JSON");
    let cursor = body["cursor"].as_str().expect("there is a cursor");
    let request = Request::get(format!("/prj/_changes?since={cursor}")).body(Bytes::new()).expect("a path");
    let next = world.send(world.with_key(request)).await;
    assert_eq!(next.status(), 200, "{next:?}");
}
