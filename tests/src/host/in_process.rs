//! The core itself, on its store in memory.

use bytes::Bytes;
use http::{Request, Response};
use ripple_core::Api;
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::store::memory::Memory;
use ripple_host::{documents, now, random, request_context};
use tokio::runtime;

use super::Host;

/// All cases share one store, as they share one table elsewhere.
pub(super) fn host() -> Host {
    let store = Memory::new();
    let key = issue(&store, "a writer", vec![Scope::Read, Scope::Write]);
    let read_key = issue(&store, "a reader", vec![Scope::Read]);
    let api = Api::new(store).documented(documents());
    let send = move |request: Request<Bytes>| -> Response<Bytes> {
        // The store in memory needs no waiting.
        let runtime = runtime::Builder::new_current_thread().build().expect("a runtime without I/O needs nothing");
        runtime.block_on(api.answer(request, request_context()))
    };
    Host { name: "in_process", key, read_key: Some(read_key), send: Box::new(send) }
}

/// Makes a key, and stores it for the API.
fn issue(store: &Memory, name: &str, scopes: Vec<Scope>) -> String {
    let key = ApiKey::generate(&random()).expect("64 bytes are enough for 30 characters");
    store.put_key(KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: name.replace(' ', "-"),
        name: name.to_owned(),
        scopes: scopes.into(),
        created: now().0,
        expires: None,
        revoked: None,
        last_used: None,
        lineage: None,
    });
    key.reveal().to_owned()
}
