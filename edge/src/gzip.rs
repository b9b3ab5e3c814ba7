//! gzip by the runtime's `CompressionStream`. A compressor in Rust would enlarge the bundle.

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, ReadableStream, Response};

#[wasm_bindgen]
extern "C" {
    type CompressionStream;
    #[wasm_bindgen(catch, constructor)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;

    type Piped;
    #[wasm_bindgen(catch, method, structural, js_name = pipeThrough)]
    fn pipe_through(this: &Piped, transform: &CompressionStream) -> Result<ReadableStream, JsValue>;
}

/// Compresses the bytes.
pub(crate) async fn encode(bytes: &Blob) -> Result<Blob, JsValue> {
    let stream: Piped = bytes.stream().unchecked_into();
    let encoded = stream.pipe_through(&CompressionStream::new("gzip")?)?;
    let encoded = Response::new_with_opt_readable_stream(Some(&encoded))?;
    JsFuture::from(encoded.blob()?).await?.dyn_into()
}
