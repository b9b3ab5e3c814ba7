//! The data centre's cache, where an isolate finds what another has read of the table.
//! <https://developers.cloudflare.com/workers/runtime-apis/cache/>
//!
//! On workers.dev and in previews it keeps nothing, and it may lose anything at any time.

use js_sys::Uint8Array;
use ripple_core::replica::SharedCache;
use ripple_core::replica::refresh::FULL_READ;
use wasm_bindgen::prelude::*;

use crate::config::Config;

// A cache of its own: what the default one holds, `fetch` finds too.
#[wasm_bindgen(inline_js = r#"
    const NAME = "ripple";
    // Milliseconds that a reader waits for it. It is near; DynamoDB is there too.
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
    /// Undefined, if there is none.
    #[wasm_bindgen(catch)]
    async fn find_copy(url: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn keep_copy(url: &str, copy: Uint8Array, seconds: u32) -> Result<JsValue, JsValue>;
}

/// The copy of one table in the data centre's cache.
pub(crate) struct SharedCopy {
    /// What it is kept under: the cache wants a URL. A request for it is answered like any other, and not with the copy.
    url: String,
}

impl SharedCopy {
    /// At the host of a request to this worker, as the cache asks for.
    /// <https://developers.cloudflare.com/workers/reference/how-the-cache-works/>
    pub(crate) fn new(config: &Config, request: &str) -> SharedCopy {
        let path = request.match_indices('/').nth(2).map_or(request.len(), |(at, _)| at);
        let host = &request[..path];
        // A port is of this machine alone.
        let host = host.trim_end_matches(|digit: char| digit.is_ascii_digit()).strip_suffix(':').unwrap_or(host);
        let table = config.layout.projects();
        let access = &config.access;
        let endpoint = access.endpoint.as_deref().unwrap_or_default();
        let endpoint = String::from(js_sys::encode_uri_component(endpoint));
        SharedCopy { url: format!("{host}/_ripple/1/{}/{table}?{endpoint}", access.region) }
    }
}

impl SharedCache for SharedCopy {
    /// A cache that fails, or takes its time, has nothing.
    async fn get(&self) -> Option<Vec<u8>> {
        let found = find_copy(&self.url).await.ok()?;
        found.dyn_ref::<Uint8Array>().map(Uint8Array::to_vec)
    }

    async fn put(&self, copy: Vec<u8>) {
        let seconds = FULL_READ.as_secs() as u32;
        // Without it, the next isolate asks DynamoDB.
        let _ = keep_copy(&self.url, Uint8Array::from(&*copy), seconds).await;
    }
}
