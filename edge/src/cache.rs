//! The colo's shelf: what one isolate has fetched, for the others in the same data centre.
//!
//! The Cache API promises nothing: on workers.dev it does nothing at all, elsewhere it forgets at will. So a shelf never
//! fails, it only misses.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use worker::{Cache, Headers, Response};

use crate::config::Config;

/// A place in the Cache API.
#[derive(Debug)]
pub(crate) struct Shelf {
    base: String,
}

impl Shelf {
    /// Of this deployment: two of them in one zone share a cache, and must not share what is in it.
    pub(crate) fn new(config: &Config) -> Shelf {
        let Config { layout, region, credentials, endpoint, origin, .. } = config;
        // The access key's id tells accounts apart and is no secret; still, only a digest of it appears.
        let deployment =
            [&layout.site, region, &credentials.id, endpoint.as_deref().unwrap_or_default(), origin].join("\n");
        let digest: String = Sha256::digest(deployment)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        // A name that no server has (RFC 6761 §6.4).
        Shelf { base: format!("https://ripple.invalid/{digest}") }
    }

    /// What lies there, if anything does.
    pub(crate) async fn load(&self, name: &str) -> Option<Vec<u8>> {
        let found = Cache::default().get(self.address(name), false).await.ok()?;
        found?.bytes().await.ok()
    }

    /// Puts something there for a while, in the place of what was.
    pub(crate) async fn store(&self, name: &str, bytes: Vec<u8>, max_age: Duration) {
        let headers = Headers::new();
        let cache_control = format!("max-age={}", max_age.as_secs());
        let response = headers.set("cache-control", &cache_control).and_then(|()| Response::from_bytes(bytes));
        if let Ok(response) = response {
            // Lost, it is fetched anew.
            let _ = Cache::default().put(self.address(name), response.with_headers(headers)).await;
        }
    }

    fn address(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }
}
