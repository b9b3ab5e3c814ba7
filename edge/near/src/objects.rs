//! The replica's objects, each with a resource's whole table and its way to the table of keys.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Array;
use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::http::trace::Trace;
use ripple_core::store::{Capacity, StoreError, StoreErrorKind};
use ripple_core::{AccessLog, Timestamp};
use ripple_gate::config::ConfigError;
use ripple_gate::gate::{replica, variable};
use ripple_platform::{clock, random};
use wasm_bindgen::prelude::*;
use worker::{Context, Env};

/// The variable with the region of the table.
const REGION: &str = "AWS_REGION";
/// How long an object that failed is left alone.
const AWAY: Duration = Duration::from_secs(5);

#[wasm_bindgen(module = "/objects.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn tell(namespace: &JsValue, resource: &str, region: &str, body: &JsValue) -> Result<JsValue, JsValue>;

    fn written(
        namespace: &JsValue,
        resource: &str,
        region: &str,
        answer: &web_sys::Response,
        context: &worker::worker_sys::Context,
    );

    #[wasm_bindgen(catch)]
    async fn find_key(namespace: &JsValue, resource: &str, region: &str, hash: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn ask(
        namespace: &JsValue,
        resource: &str,
        region: &str,
        raw: &web_sys::Request,
        key: &str,
        id: &str,
        trace: &str,
        is_list: bool,
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
    /// Returns the objects.
    pub(crate) fn of(env: &Env) -> Result<Objects, ConfigError> {
        let namespace = replica(env).ok_or(ConfigError::NoReplica)?;
        let region = variable(env, REGION).filter(|region| !region.is_empty()).ok_or(ConfigError::Missing(REGION))?;
        Ok(Objects { namespace, region, away: Cell::default(), keys: Cell::new(-1.0) })
    }

    /// Reports whether an object has failed a moment ago.
    fn are_away(&self, now: Timestamp) -> bool {
        now < self.away.get()
    }

    /// Lets the object of a resource look a key up.
    pub(crate) async fn key(
        &self,
        resource: &str,
        hash: &KeyHash,
        cost: &mut Capacity,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let failed = |kind| StoreError { operation: "key", kind, source: None };
        let now = clock::now();
        if self.are_away(now) {
            return Err(failed(StoreErrorKind::Unavailable));
        }
        let Ok(found) = find_key(&self.namespace, resource, &self.region, &hash.to_hex()).await else {
            self.away.set(now.after(AWAY));
            return Err(failed(StoreErrorKind::Unavailable));
        };
        let text = found.as_string().ok_or(failed(StoreErrorKind::Unavailable))?;
        let (record, read): (Option<KeyRecord>, f64) =
            serde_json::from_str(&text).map_err(|_| failed(StoreErrorKind::Undecodable))?;
        cost.read += read;
        Ok(record)
    }

    /// Returns the answer to a read of a resource, or to a request of its live channel. `key` is the id of the client's
    /// key, its hash and the only author that it may name. The object is not asked for a list that the isolate keeps and
    /// that is fresh. Returns `None` if the object is away, or has no whole table yet.
    pub(crate) async fn answer(
        &self,
        resource: &str,
        raw: &web_sys::Request,
        key: &str,
        report: &AccessLog,
        is_list: bool,
        now: Timestamp,
    ) -> Option<Answered> {
        if self.are_away(now) {
            return None;
        }
        let trace = report.trace.as_ref().map(|trace: &Trace| trace.traceparent(random::bytes())).unwrap_or_default();
        let answer = ask(&self.namespace, resource, &self.region, raw, key, &report.request_id, &trace, is_list).await;
        match answer {
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

    /// Tells the object of a resource, behind the response, what a write has written. `answer` is that of the origin.
    pub(crate) fn written(&self, resource: &str, answer: &web_sys::Response, context: &Context) {
        written(&self.namespace, resource, &self.region, answer, context.as_ref());
    }
}
