//! Tests of keys that may write on behalf of one person only.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp};

fn key_of(author: Option<&str>) -> (ApiKey, KeyRecord) {
    let key = ApiKey::generate(&[1; 64]).expect("64 bytes are enough for 30 characters");
    let record = KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: "key_1".to_owned(),
        name: "Bo's browser".to_owned(),
        scopes: vec![Scope::Read, Scope::Write].into(),
        created: 0,
        expires: None,
        revoked: None,
        lineage: None,
        author: author.map(str::to_owned),
        last_used: None,
    };
    (key, record)
}

async fn create(key_author: Option<&str>, author: Option<&str>) -> Response<Bytes> {
    let store = Memory::new();
    let (key, record) = key_of(key_author);
    store.put_key(record);
    let body = r#"{"name":"n","goal":"g","issue":"i","description":"d","term":1,"term_unit":"month","create_date":"2026-11-02"}"#;
    let mut request = Request::post("/prj").header("x-api-key", key.reveal());
    if let Some(author) = author {
        request = request.header("ripple-author", author);
    }
    let request = request.body(Bytes::from_static(body.as_bytes())).expect("a request");
    Api::new(store).answer(request, RequestContext { now: Timestamp(1_000), random: [7; 32], caller: None }).await
}

#[tokio::test(flavor = "current_thread")]
async fn a_key_of_one_author_takes_no_other() {
    for other in [r#""Ann";id="u3""#, r#""Bo""#] {
        let refused = create(Some("u7"), Some(other)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{other}");
        assert!(refused.body().starts_with(br#"{"type":"urn:problem-type:ripple:author_not_allowed""#), "{refused:?}");
    }
    for own in [Some(r#""Bo";id="u7""#), Some(r#"%"Bo M%c3%bcller";id="u7""#), None] {
        assert_eq!(create(Some("u7"), own).await.status(), StatusCode::CREATED, "{own:?}");
    }
    assert_eq!(create(None, Some(r#""Ann";id="u3""#)).await.status(), StatusCode::CREATED, "a key of no one author");
}
