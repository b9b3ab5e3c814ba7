//! Randomness in a Worker: `crypto`.

use js_sys::JsString;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Returns an id for a request without one.
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub fn id() -> JsString;
}

/// Returns unpredictable bytes.
///
/// # Panics
/// Outside of a request, when a Worker has no randomness.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a Worker has crypto.getRandomValues while it answers a request");
    bytes
}
