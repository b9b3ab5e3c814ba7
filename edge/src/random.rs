//! Randomness in a Worker: `crypto`.

use js_sys::JsString;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An id for a request that brings none.
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(crate) fn id() -> JsString;
}

/// Bytes that nobody can foretell.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a Worker has crypto.getRandomValues while it answers a request");
    bytes
}
