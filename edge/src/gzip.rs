//! gzip, by the runtime: `CompressionStream`. A compressor of Rust's would be a part of the download.

use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, Response};

#[wasm_bindgen]
extern "C" {
    type CompressionStream;
    #[wasm_bindgen(catch, constructor)]
    fn new(format: &str) -> Result<CompressionStream, JsValue>;

    type Piped;
    #[wasm_bindgen(catch, method, structural, js_name = pipeThrough)]
    fn pipe_through(this: &Piped, transform: &CompressionStream) -> Result<ReadableStream, JsValue>;
}

/// All of it at once.
pub(crate) async fn encode(bytes: &Uint8Array) -> Result<Uint8Array, JsValue> {
    let stream = Response::new_with_opt_buffer_source(Some(bytes))?.body().ok_or(JsValue::UNDEFINED)?;
    let encoded = stream.unchecked_into::<Piped>().pipe_through(&CompressionStream::new("gzip")?)?;
    let encoded = Response::new_with_opt_readable_stream(Some(&encoded))?;
    let buffer: ArrayBuffer = JsFuture::from(encoded.array_buffer()?).await?.unchecked_into();
    Ok(Uint8Array::new(&buffer))
}
