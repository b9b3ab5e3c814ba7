//! The core itself, on its store in memory.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use ripple_core::Api;
use ripple_core::auth::{ApiKey, KeyRecord};
use ripple_core::store::memory::Memory;
use ripple_host::{documents, now, random, request_context, resources};
use ripple_test_kit::key_record;
use tokio::runtime;

use super::{Host, Keys};

/// The folders of the resource files: those of this project, and those that only the suite has.
const FOLDERS: [&str; 2] =
    [concat!(env!("CARGO_MANIFEST_DIR"), "/../resources"), concat!(env!("CARGO_MANIFEST_DIR"), "/resources/suite")];

/// All cases share one store for each resource, as they share its table elsewhere.
pub(super) fn host() -> Host {
    let files = |folder: &str| resources::read(Path::new(folder)).expect("the files are in the project");
    let files: Vec<_> = FOLDERS.into_iter().flat_map(files).collect();
    let resources = resources::parse(&files).expect("tests read the files");
    // Pages by id and by time come from indexes here, and from scans at the other hosts.
    let api = Api::of(&resources, |resource| {
        let memory = Memory::of(Arc::clone(resource));
        memory.set_fed();
        memory
    })
    .documented(documents());
    let key = issue(api.store(), "a writer", &["read", "write"]);
    let read_key = issue(api.store(), "a reader", &["read"]);
    let prj_read_key = issue(api.store(), "a reader of prj", &["prj:read"]);
    let served = resources.iter().map(|resource| resource.name.clone()).collect();
    let send = move |request: Request<Bytes>| -> Response<Bytes> {
        // The store in memory needs no waiting.
        let runtime = runtime::Builder::new_current_thread().build().expect("a runtime without I/O needs nothing");
        runtime.block_on(api.answer(request, request_context()))
    };
    let keys = Keys { key, read_key: Some(read_key), prj_read_key: Some(prj_read_key) };
    Host { name: "in_process", keys, served, send: Box::new(send) }
}

/// Makes a key, and stores it for the API.
fn issue(store: &Memory, name: &str, scopes: &[&str]) -> String {
    let key = ApiKey::generate(&random()).expect("64 bytes are enough for 30 characters");
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    store.put_key(KeyRecord { scopes, created: now().0, ..key_record(&key, name, &[]) });
    key.reveal().to_owned()
}
