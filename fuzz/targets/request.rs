//! Fuzzes HTTP requests, one after another, each with the writer's key unless it has one.

#![no_main]

use std::time::Duration;

use bytes::Bytes;
use http::header::{AGE, ETAG, LINK};
use http::{HeaderValue, Request, Response};
use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::http::edge::answers;
use ripple_core::replica::{Clock, Replica};
use ripple_core::{Api, Timestamp};
use ripple_fuzz::world::World;
use ripple_fuzz::{answer, has_key, run_in_world, wire};

fuzz_target!(|text: &[u8]| -> Corpus {
    let Some(requests) = wire::requests(text) else { return Corpus::Reject };
    run_in_world(async |world| {
        if has_key(world, text) {
            return Corpus::Reject;
        }
        for request in requests {
            let request = keyed(world, request);
            let before = world.state();
            let response = world.send(request.clone()).await;
            let after = world.state();
            answer::check(&request, &response, &before, &after);
            tells_no_key(world, &request, &response);
            if before == after {
                same_at_the_edge(world, &request, &response).await;
            }
        }
        Corpus::Keep
    })
});

/// Replaces `x-api-key: reader` by the reader's key, since no fuzzer would find it.
fn keyed(world: &World, mut request: Request<Bytes>) -> Request<Bytes> {
    if request.headers().get("x-api-key").is_some_and(|key| key == "reader") {
        let key = HeaderValue::from_str(world.reader.reveal()).expect("a key is ASCII");
        request.headers_mut().insert("x-api-key", key);
    }
    world.with_key(request)
}

fn tells_no_key(world: &World, request: &Request<Bytes>, response: &Response<Bytes>) {
    for key in [&world.writer, &world.reader] {
        let told = format!("{:?}{}", response.headers(), String::from_utf8_lossy(response.body()));
        assert!(!told.contains(&key.reveal()[4..]), "{request:?}\nanswered {response:?}");
    }
}

/// Checks that a read has the same answer from a snapshot.
async fn same_at_the_edge(world: &World, request: &Request<Bytes>, response: &Response<Bytes>) {
    let edge = Api::new(Replica::new(world.store.clone(), Still, Duration::from_secs(5)));
    let seen = match edge.authorize(request, world.moment()).await {
        Ok(authorized) if answers(authorized.route, request.uri()) => edge.read(request, authorized).await.response,
        Ok(_) => return,
        Err(answered) => answered,
    };
    let told = |response: &Response<Bytes>| {
        let headers = response.headers();
        let some = [ETAG, LINK].map(|name| headers.get(name).cloned());
        (response.status(), response.body().clone(), some)
    };
    assert_eq!(told(&seen), told(response), "{request:?}");
    assert!(response.headers().get(AGE).is_none());
}

/// A clock that stands still.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(1_900_000_000_000)
    }

    async fn pause(&self, _: Duration) {}
}
