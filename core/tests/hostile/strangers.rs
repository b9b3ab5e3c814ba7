//! Tests of requests without a known key, many of them from one address.

use std::num::NonZeroU32;

use http::StatusCode;
use ripple_core::auth::{ClientAddress, KeyRecord, Limiter, Scope};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp};
use ripple_test_kit::{api_key, get, key_record, with};

#[tokio::test(flavor = "current_thread")]
async fn an_address_without_a_key_is_limited_and_others_are_not() {
    let store = Memory::new();
    let (key, unknown, revoked) = (api_key(1), api_key(2), api_key(3));
    store.put_key(key_record(&key, "Ann", &[Scope::Read]));
    store.put_key(KeyRecord { revoked: Some(500), ..key_record(&revoked, "Bo", &[Scope::Read]) });
    let api = Api::new(store).limiting_strangers(Limiter::of_addresses(NonZeroU32::new(5)));
    let send = async |path: &str, address: &str, key: Option<&str>| {
        let headers: Vec<_> = key.into_iter().map(|key| ("x-api-key", key)).collect();
        let mut request = with(get(path), &headers);
        request.extensions_mut().insert(ClientAddress::of(address));
        let moment = RequestContext { now: Timestamp(1_000), random: [7; 32], caller: None };
        api.answer(request, moment).await
    };
    assert_eq!(send("/prj", "192.0.2.1", Some(key.reveal())).await.status(), StatusCode::OK);
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

/// The host that passes a request with a ticket on has not checked the ticket.
#[tokio::test(flavor = "current_thread")]
async fn a_ticket_that_passes_gives_no_rights_and_its_address_is_limited() {
    let api = Api::new(Memory::new()).limiting_strangers(Limiter::of_addresses(NonZeroU32::new(5)));
    let moment = RequestContext { now: Timestamp(1_000), random: [7; 32], caller: None };
    let pass = |path: &str, protocols: &str| {
        let mut request = get(path);
        request.extensions_mut().insert(ClientAddress::of("192.0.2.1"));
        api.pass_ticket(&request, protocols, &moment)
    };
    for (path, protocols) in [
        ("/prj/_live", "ripple.v1"),
        ("/prj/_live", "ripple.v1, xripple.ticket.y"),
        ("/prj/_live", "RIPPLE.TICKET.y"),
        ("/prj", "ripple.v1, ripple.ticket.y"),
        ("/prj/_changes", "ripple.v1, ripple.ticket.y"),
        ("/nothing/_live", "ripple.v1, ripple.ticket.y"),
    ] {
        assert!(pass(path, protocols).is_none(), "{path} {protocols}");
    }
    for _ in 0..10 {
        let passed = pass("/prj/_live", "ripple.v1,ripple.ticket.y").expect("a ticket").expect("it passes");
        assert!(!passed.caller.scopes.allow(Scope::Read, "prj"));
        assert_eq!(passed.key().trim(), "", "the next host is told of no key");
    }
    let refused = pass("/prj/_live", "ripple.v1,ripple.ticket.y").expect("a ticket").expect_err("too many");
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}
