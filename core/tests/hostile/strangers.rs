//! Tests of requests without a known key, many of them from one address.

use std::num::NonZeroU32;

use bytes::Bytes;
use http::{Request, StatusCode};
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::auth::{ClientAddress, Limiter};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp};

fn record(key: &ApiKey) -> KeyRecord {
    KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: "key_1".to_owned(),
        name: "Ann".to_owned(),
        scopes: vec![Scope::Read].into(),
        created: 0,
        expires: None,
        revoked: None,
        last_used: None,
        lineage: None,
        author: None,
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_without_a_key_is_limited_and_others_are_not() {
    let store = Memory::new();
    let key = ApiKey::generate(&[1; 64]).expect("64 bytes are enough for 30 characters");
    store.put_key(record(&key));
    let revoked = ApiKey::generate(&[3; 64]).expect("64 bytes are enough for 30 characters");
    store.put_key(KeyRecord { key_hash: revoked.hash().to_hex(), revoked: Some(500), ..record(&key) });
    let api = Api::new(store).limiting_strangers(Limiter::of_addresses(NonZeroU32::new(5)));
    let send = async |path: &str, address: &str, key: Option<&str>| {
        let mut request = Request::get(path);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let mut request = request.body(Bytes::new()).expect("a path");
        request.extensions_mut().insert(ClientAddress::of(address));
        let moment = RequestContext { now: Timestamp(1_000), random: [7; 32], caller: None };
        api.answer(request, moment).await
    };
    assert_eq!(send("/prj", "192.0.2.1", Some(key.reveal())).await.status(), StatusCode::OK);
    let unknown = ApiKey::generate(&[2; 64]).expect("64 bytes are enough for 30 characters");
    // These are two seconds' worth of requests, of which the lookup of the good key was one: without a key, with wrong
    // keys, and for paths that need no key.
    for turn in 0..3 {
        for (path, key, status) in [
            ("/prj", None, StatusCode::FORBIDDEN),
            ("/prj", Some(unknown.reveal()), StatusCode::FORBIDDEN),
            ("/health", None, StatusCode::OK),
        ] {
            assert_eq!(send(path, "192.0.2.1", key).await.status(), status, "{turn} {path}");
        }
    }
    for (path, key) in [("/prj", None), ("/prj", Some("no key")), ("/prj", Some(unknown.reveal())), ("/health", None)] {
        let refused = send(path, "192.0.2.1", key).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path} {key:?}");
        assert_eq!(refused.headers()["ratelimit"], "\"address\";r=0;t=1");
    }
    for turn in 0..12 {
        let status = if turn < 10 { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(send("/prj", "192.0.2.3", Some(revoked.reveal())).await.status(), status, "revoked, {turn}");
    }
    let answer = send("/prj", "192.0.2.1", Some(key.reveal())).await;
    assert_eq!(answer.status(), StatusCode::OK, "a key that is remembered");
    assert_eq!(send("/prj", "192.0.2.2", None).await.status(), StatusCode::FORBIDDEN, "another address");
}
