//! The replica: a Durable Object with a resource's whole table. It answers the reads of the edge, if wrangler.toml binds
//! it.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Array;
use ripple_core::http::trace::Trace;
use ripple_core::{AccessLog, Timestamp};
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::random;

/// The name of the binding in wrangler.toml.
const BINDING: &str = "REPLICA";
/// How long an object that failed is left alone.
const AWAY: Duration = Duration::from_secs(5);

// The headers of the new request are chosen here: a client's headers do not reach the object, except those that a read
// uses.
#[wasm_bindgen(inline_js = r#"
    const USED = ["cache-control", "if-match", "if-none-match", "prefer", "ripple-author", "ripple-session", "sec-websocket-protocol", "upgrade"];
    // https://developers.cloudflare.com/durable-objects/reference/data-location/
    const PLACES = { "us-west": "wnam", us: "enam", ca: "enam", sa: "sam", eu: "weur", ap: "apac", af: "afr", me: "me", il: "me" };
    const PATIENCE = 10_000;
    // A request of changes may be held.
    const HELD = 40_000;

    // Returns the object of a resource. It stays where it is first asked for, near the table, so its name has the place.
    function object(namespace, resource, region) {
        const place = PLACES[Object.keys(PLACES).find((prefix) => region.startsWith(prefix))];
        const name = place ? `${resource}@${place}` : resource;
        return namespace.get(namespace.idFromName(name), place && { locationHint: place });
    }

    // Tells a message of the feed to the object of a resource. Throws if it does not apply it.
    export async function tell(namespace, resource, region, body) {
        const headers = { "ripple-resource": resource, "ripple-feed": "1" };
        const init = { method: "POST", headers, body, signal: AbortSignal.timeout(PATIENCE) };
        const answer = await object(namespace, resource, region).fetch("https://replica/", init);
        await answer.body?.cancel();
        if (!answer.ok) throw new Error(`status ${answer.status}`);
    }

    // Returns the answer and how often keys lost rights, or undefined if the object cannot answer. Throws if it is away.
    export async function ask(namespace, resource, region, raw, key, id, trace) {
        const headers = { "ripple-resource": resource, "ripple-key-id": key, "x-request-id": id, traceparent: trace };
        for (const name of USED) if (raw.headers.has(name)) headers[name] = raw.headers.get(name);
        if (raw.body && raw.headers.get("content-length") !== "0") headers["ripple-body"] = "1";
        // A signal would also end the socket.
        const signal = headers.upgrade ? undefined : AbortSignal.timeout(headers.prefer ? HELD : PATIENCE);
        const answer = await object(namespace, resource, region).fetch(raw.url, { method: raw.method, headers, signal });
        if (answer.webSocket) return [answer, -1];
        if (answer.status >= 500 && !answer.headers.has("ripple-keys")) throw new Error(`status ${answer.status}`);
        if (!answer.headers.has("ripple-keys")) return void (await answer.body?.cancel());
        const keys = Number(answer.headers.get("ripple-keys"));
        const response = new Response(answer.body, answer);
        response.headers.delete("ripple-keys");
        return [response, keys];
    }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn tell(namespace: &JsValue, resource: &str, region: &str, body: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn ask(
        namespace: &JsValue,
        resource: &str,
        region: &str,
        raw: &web_sys::Request,
        key: &str,
        id: &str,
        trace: &str,
    ) -> Result<JsValue, JsValue>;
}

/// The objects of this site.
pub(crate) struct Objects {
    namespace: JsValue,
    region: String,
    /// Until when they are not asked.
    away: Cell<Timestamp>,
    /// How often keys lost rights, as far as the objects have said.
    keys: Cell<f64>,
}

/// The answer of an object.
pub(crate) struct Answered {
    pub(crate) response: web_sys::Response,
    /// Whether keys have lost rights since an object last answered.
    pub(crate) keys_changed: bool,
}

impl Objects {
    /// Returns the objects. Returns `None` if none are bound.
    pub(crate) fn of(env: &Env, region: &str) -> Option<Objects> {
        let namespace = js_sys::Reflect::get(env, &BINDING.into()).ok().filter(JsValue::is_object)?;
        Some(Objects { namespace, region: region.to_owned(), away: Cell::default(), keys: Cell::new(-1.0) })
    }

    /// Returns the answer to a read of a resource, or to a request of its live channel. `key` is the id of the client's
    /// key, its hash and the only author that it may name. Returns `None` if its object is away, or has no whole table yet.
    pub(crate) async fn answer(
        &self,
        resource: &str,
        raw: &web_sys::Request,
        key: &str,
        report: &AccessLog,
        now: Timestamp,
    ) -> Option<Answered> {
        if now < self.away.get() {
            return None;
        }
        let trace = report.trace.as_ref().map(|trace: &Trace| trace.traceparent(random::bytes())).unwrap_or_default();
        match ask(&self.namespace, resource, &self.region, raw, key, &report.request_id, &trace).await {
            Ok(answer) => {
                let answer = answer.dyn_into::<Array>().ok()?;
                let keys = answer.get(1).as_f64()?;
                // The objects of two resources may have heard of a change one after the other.
                let before = self.keys.replace(keys.max(self.keys.get()));
                let keys_changed = before >= 0.0 && keys > before;
                Some(Answered { response: answer.get(0).dyn_into().ok()?, keys_changed })
            }
            Err(_) => {
                self.away.set(now.after(AWAY));
                None
            }
        }
    }

    /// Tells a message of the feed to the object of a resource. Returns whether the object has applied it.
    pub(crate) async fn tell(&self, resource: &str, body: &JsValue) -> bool {
        tell(&self.namespace, resource, &self.region, body).await.is_ok()
    }
}
