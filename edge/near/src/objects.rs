//! The replica's objects, each with a resource's whole table and its way to the table of keys. A resource has one near the
//! table, and further ones near readers as `RIPPLE_REPLICAS` says.

use std::cell::Cell;
use std::time::Duration;

use js_sys::Array;
use ripple_core::auth::{KeyHash, KeyRecord};
use ripple_core::http::Operation;
use ripple_core::http::trace::Trace;
use ripple_core::store::{Capacity, StoreError, StoreErrorKind};
use ripple_core::{AccessLog, Timestamp};
use ripple_gate::config::ConfigError;
use ripple_gate::gate::{replica, variable};
use ripple_gate::log::Cached;
use ripple_platform::{clock, random};
use wasm_bindgen::prelude::*;
use worker::{Context, Env};

/// The variable with the region of the table.
const REGION: &str = "AWS_REGION";
/// The variable with the places of further replicas.
const REPLICAS: &str = "RIPPLE_REPLICAS";
const FORM: &str = "places of Durable Objects between commas: wnam, enam, sam, weur, eeur, apac, oc, afr, me";
/// How long an object that failed is left alone.
const AWAY: Duration = Duration::from_secs(5);
/// `Cache-Status` of an answer of the origin, while an object does not speak the protocol of this isolate.
const OTHER_PROTOCOL: &str = "ripple; fwd=bypass; detail=protocol";

#[wasm_bindgen(module = "/objects.js")]
extern "C" {
    fn places(region: &str, further: &str) -> Option<Array>;

    fn nearest(places: &Array, raw: &web_sys::Request) -> u32;

    #[wasm_bindgen(catch)]
    async fn tell(namespace: &JsValue, resource: &str, places: &Array, body: &JsValue) -> Result<JsValue, JsValue>;

    fn written(
        namespace: &JsValue,
        resource: &str,
        places: &Array,
        answer: &web_sys::Response,
        context: &worker::worker_sys::Context,
    );

    #[wasm_bindgen(catch)]
    async fn find_key(namespace: &JsValue, resource: &str, place: &str, hash: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(catch)]
    async fn ask(
        namespace: &JsValue,
        resource: &str,
        place: &str,
        raw: &web_sys::Request,
        key: &str,
        id: &str,
        trace: &str,
        is_list: bool,
    ) -> Result<JsValue, JsValue>;

    fn bypassed(answer: &web_sys::Response, status: &str) -> web_sys::Response;

    fn held(resource: &str, place: &str, raw: &web_sys::Request, id: &str, oldest: f64) -> Option<web_sys::Response>;
}

/// The objects of this site: each resource has one at each place.
pub(crate) struct Objects {
    namespace: JsValue,
    /// The names of the places.
    names: Array,
    /// The first one is near the table. Only there is the live channel.
    places: Vec<Place>,
    /// The place that is nearest to the latest client. An isolate serves one data centre, so its clients are near each other.
    nearest: Cell<usize>,
}

/// Where objects are.
#[derive(Default)]
struct Place {
    name: String,
    /// Until when its objects are not asked.
    away: Cell<Timestamp>,
    /// Whether that is because one of them does not speak the protocol of this isolate.
    speaks_another: Cell<bool>,
}

impl Place {
    /// Reports whether an object has failed a moment ago.
    fn is_away(&self, now: Timestamp) -> bool {
        now < self.away.get()
    }

    /// Leaves the objects alone for a while after a call that failed.
    fn leave(&self, now: Timestamp, error: &JsValue) {
        self.away.set(now.after(AWAY));
        self.speaks_another.set(error.is_instance_of::<js_sys::RangeError>());
    }
}

/// What an object is asked.
pub(crate) struct Asked<'a> {
    pub(crate) resource: &'a str,
    pub(crate) raw: &'a web_sys::Request,
    /// The id of the client's key, its hash and the only author that it may name.
    pub(crate) key: &'a str,
    pub(crate) operation: Operation,
    pub(crate) report: &'a AccessLog,
}

impl Asked<'_> {
    /// Reports whether the first object answers this, whose log the sockets and the cursors of changes follow.
    fn is_live(&self) -> bool {
        matches!(self.operation, Operation::Changes | Operation::Ticket | Operation::Live)
    }
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
        let further = variable(env, REPLICAS).unwrap_or_default();
        let names = places(&region, &further).ok_or(ConfigError::Invalid(REPLICAS, FORM))?;
        let place = |name: JsValue| Place { name: name.as_string().unwrap_or_default(), ..Place::default() };
        let places = names.iter().map(place).collect();
        Ok(Objects { namespace, names, places, nearest: Cell::default() })
    }

    /// Notes where a client is.
    pub(crate) fn meet(&self, raw: &web_sys::Request) {
        if self.places.len() > 1 {
            self.nearest.set(nearest(&self.names, raw) as usize);
        }
    }

    /// Returns the places where objects are not away: the nearest one, and the first one if that is another.
    fn near(&self, now: Timestamp) -> impl Iterator<Item = &Place> {
        let nearest = self.nearest.get();
        let others = if nearest == 0 { [].as_slice() } else { &self.places[..1] };
        self.places[nearest..].iter().take(1).chain(others).filter(move |place| !place.is_away(now))
    }

    /// Lets an object of a resource look a key up.
    pub(crate) async fn key(
        &self,
        resource: &str,
        hash: &KeyHash,
        cost: &mut Capacity,
    ) -> Result<Option<KeyRecord>, StoreError> {
        let failed = |kind| StoreError { operation: "key", kind, source: None };
        let now = clock::now();
        for place in self.near(now) {
            let found = match find_key(&self.namespace, resource, &place.name, &hash.to_hex()).await {
                Ok(found) => found,
                Err(error) => {
                    place.leave(now, &error);
                    continue;
                }
            };
            let text = found.as_string().ok_or(failed(StoreErrorKind::Unavailable))?;
            let (record, read): (Option<KeyRecord>, f64) =
                serde_json::from_str(&text).map_err(|_| failed(StoreErrorKind::Undecodable))?;
            cost.read += read;
            return Ok(record);
        }
        Err(failed(StoreErrorKind::Unavailable))
    }

    /// Returns the answer to a request. An object is not asked for a list that the isolate keeps and that is fresh. Returns
    /// `None` if the objects are away, or have no whole table yet.
    pub(crate) async fn answer(&self, asked: &Asked<'_>, now: Timestamp) -> Option<Answered> {
        if asked.is_live() {
            let place = self.places.first().filter(|place| !place.is_away(now))?;
            return self.ask(place, asked, now).await;
        }
        for place in self.near(now) {
            let answered = self.ask(place, asked, now).await;
            if answered.is_some() {
                return answered;
            }
        }
        None
    }

    async fn ask(&self, place: &Place, asked: &Asked<'_>, now: Timestamp) -> Option<Answered> {
        let Asked { resource, raw, key, operation, report } = asked;
        let trace = report.trace.as_ref().map(|trace: &Trace| trace.traceparent(random::bytes())).unwrap_or_default();
        let is_list = *operation == Operation::Search;
        match ask(&self.namespace, resource, &place.name, raw, key, &report.request_id, &trace, is_list).await {
            Ok(answer) => {
                let answer = answer.dyn_into::<Array>().ok()?;
                let keys_changed = answer.get(1).as_bool()?;
                Some(Answered { response: answer.get(0).dyn_into().ok()?, keys_changed })
            }
            Err(error) => {
                place.leave(now, &error);
                None
            }
        }
    }

    /// Returns an answer of the origin in place of an object's, which says if an object does not speak the protocol of this
    /// isolate. Such objects are away.
    pub(crate) fn instead(&self, answer: web_sys::Response, now: Timestamp) -> (web_sys::Response, Option<Cached>) {
        if !self.places.iter().any(|place| place.is_away(now) && place.speaks_another.get()) {
            return (answer, None);
        }
        let cached = Cached { status: OTHER_PROTOCOL.to_owned(), age: None };
        (bypassed(&answer, OTHER_PROTOCOL), Some(cached))
    }

    /// Returns a list that the isolate keeps, for when neither an object nor the origin answers. Returns `None` if all are
    /// older than `oldest`.
    pub(crate) fn held(
        &self,
        resource: &str,
        raw: &web_sys::Request,
        report: &AccessLog,
        oldest: Duration,
    ) -> Option<web_sys::Response> {
        let oldest = oldest.as_secs_f64();
        self.places.iter().find_map(|place| held(resource, &place.name, raw, &report.request_id, oldest))
    }

    /// Tells a message of the feed to the objects of a resource. Returns whether all of them have applied it.
    pub(crate) async fn tell(&self, resource: &str, body: &JsValue) -> bool {
        tell(&self.namespace, resource, &self.names, body).await.is_ok()
    }

    /// Tells the objects of a resource, behind the response, what a write has written. `answer` is that of the origin.
    pub(crate) fn written(&self, resource: &str, answer: &web_sys::Response, context: &Context) {
        written(&self.namespace, resource, &self.names, answer, context.as_ref());
    }
}
