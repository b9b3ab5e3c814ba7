//! The data centre's cache, in which isolates share a copy of the table.
//! <https://developers.cloudflare.com/workers/runtime-apis/cache/>
//!
//! On workers.dev and in previews it stores nothing, and it may evict its content at any time.

use std::time::Duration;

use js_sys::Uint8Array;
use ripple_core::record::schema::Resource;
use ripple_core::replica::SharedCache;
use wasm_bindgen::prelude::*;

use crate::config::Tables;

// A separate cache: `fetch` also finds the content of the default one.
#[wasm_bindgen(inline_js = r#"
    const NAME = "ripple";
    // The milliseconds that a reader waits for the cache. It is near; otherwise DynamoDB can be read.
    const PATIENCE = 1000;

    function soon(promise) {
        let timer;
        const late = new Promise((_, reject) => (timer = setTimeout(reject, PATIENCE)));
        return Promise.race([promise, late]).finally(() => clearTimeout(timer));
    }

    async function find(url) {
        const response = await (await caches.open(NAME)).match(url);
        return response && new Uint8Array(await response.arrayBuffer());
    }

    async function keep(url, copy, seconds) {
        const headers = { "cache-control": `max-age=${seconds}` };
        await (await caches.open(NAME)).put(url, new Response(copy, { headers }));
    }

    export const find_copy = (url) => soon(find(url));
    export const keep_copy = (url, copy, seconds) => soon(keep(url, copy, seconds));
"#)]
extern "C" {
    /// Returns undefined if there is no copy.
    #[wasm_bindgen(catch)]
    async fn find_copy(url: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn keep_copy(url: &str, copy: Uint8Array, seconds: u32) -> Result<JsValue, JsValue>;
}

/// The copy of one table in the data centre's cache.
pub(crate) struct SharedCopy {
    /// The URL under which the copy is stored, since the cache requires one. A request for it is answered like any
    /// other, and not with the copy.
    url: String,
}

impl SharedCopy {
    /// Returns the copy of a resource's table at the host of a request to this worker, as the cache requires.
    /// <https://developers.cloudflare.com/workers/reference/how-the-cache-works/>
    pub(crate) fn new(tables: &Tables, resource: &Resource, request: &str) -> SharedCopy {
        let path = request.match_indices('/').nth(2).map_or(request.len(), |(at, _)| at);
        let host = &request[..path];
        // A port occurs only in local development.
        let host = host.trim_end_matches(|digit: char| digit.is_ascii_digit()).strip_suffix(':').unwrap_or(host);
        let table = resource.table_name(&tables.table_names.site);
        let access = &tables.access;
        let endpoint = access.endpoint.as_deref().unwrap_or_default();
        let endpoint = String::from(js_sys::encode_uri_component(endpoint));
        SharedCopy { url: format!("{host}/_ripple/1/{}/{table}?{endpoint}", access.region) }
    }
}

impl SharedCache for SharedCopy {
    /// Returns `None` if the cache fails or does not answer in time.
    async fn get(&self) -> Option<Vec<u8>> {
        let found = find_copy(&self.url).await.ok()?;
        found.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
    }

    async fn put(&self, copy: Vec<u8>, lifetime: Duration) {
        let seconds = lifetime.as_secs() as u32;
        // If this fails, the next isolate reads DynamoDB.
        let _ = keep_copy(&self.url, Uint8Array::from(&*copy), seconds).await;
    }
}
