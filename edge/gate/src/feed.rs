//! `POST /_feed`: the receiving end of the feed. A message is verified, and then told to the replicas. An isolate without
//! replicas refreshes its own list, and forgets its own keys.
//!
//! The signature is checked by the runtime's `crypto`: the code of `ripple_core::feed::signature` would be 3 KB of the
//! bundle. tests/python/test_replica.py has the messages that both refuse.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request, Response};
use js_sys::{Array, Uint8Array};
use ripple_core::Refusal;
use ripple_core::Timestamp;
use ripple_core::feed::message::BODY;
use ripple_core::feed::signature::{ID, SIGNATURE, SIGNATURES, TIMESTAMP, WINDOW, seconds};
use wasm_bindgen::prelude::*;

/// The path. No resource has such a name.
const PATH: &str = "/_feed";

#[wasm_bindgen(inline_js = r#"
    // Returns the body, or undefined if it is longer. It is not read on then.
    export async function limited(raw, most) {
        if (Number(raw.headers.get("content-length") ?? 0) > most) return;
        let length = 0;
        const parts = [];
        for await (const part of raw.body ?? []) {
            if ((length += part.length) > most) return;
            parts.push(part);
        }
        return new Uint8Array(await new Blob(parts).arrayBuffer());
    }

    const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

    // Reports whether one of the first signatures is that of one of the secrets (Standard Webhooks). Throws if one has no
    // form. Each takes a pass over the body.
    export async function is_signed(secrets, id, timestamp, signatures, most, body) {
        const signed = await new Blob([`${id}.${timestamp}.`, body]).arrayBuffer();
        const given = signatures.split(" ").filter((signature) => signature.startsWith("v1,")).slice(0, most);
        for (const secret of secrets.split(",")) {
            const hmac = { name: "HMAC", hash: "SHA-256" };
            const key = await crypto.subtle.importKey("raw", bytes(secret.trim().slice(6)), hmac, false, ["verify"]);
            for (const one of given) if (await crypto.subtle.verify("HMAC", key, bytes(one.slice(3)), signed)) return true;
        }
        return false;
    }

    // Returns the resource that a message has states of, and the hashes of the keys that it names with whether they are
    // revoked. The message was verified.
    export function told(body) {
        try {
            const { type, data } = JSON.parse(new TextDecoder().decode(body));
            const keys = type === "ripple.keys" ? data.keys : [];
            const resource = type === "ripple.states" ? data.resource : undefined;
            return [resource, keys.map((key) => key.key_hash), keys.map((key) => key.revoked === true)];
        } catch {
            return [];
        }
    }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn limited(raw: &web_sys::Request, most: u32) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn is_signed(
        secrets: &str,
        id: &str,
        timestamp: &str,
        signatures: &str,
        most: u32,
        body: &Uint8Array,
    ) -> Result<JsValue, JsValue>;

    fn told(body: &Uint8Array) -> Array;
}

/// A verified message.
pub struct Heard {
    /// The body.
    pub body: Uint8Array,
    /// The resource that it has states of.
    pub resource: Option<String>,
    /// The hashes of keys that lost rights, and whether they are revoked.
    pub keys: Vec<(String, bool)>,
}

/// Reports whether a request is a message of the feed.
pub(crate) fn is_message<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == PATH
}

/// Returns the answer to a message that was applied.
pub(crate) fn applied() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns the message of a request, if it is signed.
pub(crate) async fn receive(raw: &web_sys::Request, secrets: &str, now: Timestamp) -> Result<Heard, Refusal> {
    let header = |name| raw.headers().get(name).ok().flatten().unwrap_or_default();
    let (id, timestamp, signature) = (header(ID), header(TIMESTAMP), header(SIGNATURE));
    let sent: Option<u64> = timestamp.parse().ok();
    let is_late = sent.is_none_or(|sent| seconds(now).abs_diff(sent) > WINDOW.as_secs());
    if signature.is_empty() || id.is_empty() || is_late {
        return Err(Refusal::Unsigned);
    }
    let body = limited(raw, BODY as u32).await.map_err(|_| Refusal::Unreadable)?;
    let Ok(body) = body.dyn_into::<Uint8Array>() else { return Err(Refusal::TooLarge) };
    let signed = is_signed(secrets, &id, &timestamp, &signature, SIGNATURES as u32, &body).await;
    if signed != Ok(JsValue::TRUE) {
        return Err(Refusal::Unsigned);
    }
    let parts = told(&body);
    let (hashes, revoked) = (Array::from(&parts.get(1)), Array::from(&parts.get(2)));
    let keys = hashes.iter().zip(revoked.iter());
    let keys = keys.filter_map(|(hash, revoked)| Some((hash.as_string()?, revoked.as_bool()?)));
    Ok(Heard { resource: parts.get(0).as_string(), keys: keys.collect(), body })
}
