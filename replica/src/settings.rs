//! The script's variables and secrets. They have the names of the edge's.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use ripple_core::feed::signature::Secrets;
use ripple_core::http::origins::{self, Origins};
use ripple_core::limits;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::replica::refresh::FRESH;
use ripple_core::replica::stored::need::Ages;
use ripple_core::store::dynamodb::{Access, TableNames};
use wasm_bindgen::JsError;
use worker::Env;

thread_local! {
    /// The summaries of the resources as text, until they are needed.
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    static RESOURCES: OnceCell<Option<Resources>> = const { OnceCell::new() };
}

/// What an object needs to know. It is the same for every object of a resource.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) resource: Arc<Resource>,
    pub(crate) table_names: TableNames,
    pub(crate) access: Access,
    pub(crate) ages: Ages,
    /// `RIPPLE_LIVE_SECRETS`: what tickets are signed with. Without them there is no live channel.
    pub(crate) live: Option<Secrets>,
    /// `RIPPLE_ORIGINS`: the pages that may open sockets. Without it, pages of any origin may.
    pub(crate) origins: Origins,
}

/// Hands in the summaries of the resources, which the bundle has as text.
pub(crate) fn set_resources(summaries: String) {
    TEXT.set(summaries);
}

fn resource(name: &str) -> Option<Arc<Resource>> {
    let read = || {
        // A line for each resource, with tabs between its texts.
        let lines = TEXT.take();
        Resources::of_summaries(lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    };
    RESOURCES.with(|resources| resources.get_or_init(read).as_ref().and_then(|all| all.get(name)).cloned())
}

impl Settings {
    /// Reads the settings of a resource. An empty variable counts as not set.
    pub(crate) fn of(env: &Env, name: &str) -> Result<Settings, JsError> {
        let variable =
            |name: &str| js_sys::Reflect::get(env, &name.into()).ok()?.as_string().filter(|value| !value.is_empty());
        let resource = resource(name).ok_or_else(|| JsError::new("no such resource"))?;
        let seconds = |name: &'static str, otherwise: Duration| match variable(name) {
            None => Ok(otherwise),
            Some(text) => text
                .parse()
                .map(Duration::from_secs)
                .map_err(|_| JsError::new(&format!("{name} must be a whole number of seconds"))),
        };
        let fresh = match resource.fresh_seconds {
            Some(seconds) => Duration::from_secs(seconds.into()),
            None => seconds("RIPPLE_FRESH_SECONDS", FRESH)?,
        };
        let ages = Ages { fresh, stale: seconds("RIPPLE_STALE_SECONDS", limits::STALE)? };
        let access = Access::read(variable).map_err(|missing| JsError::new(&format!("{} is not set", missing.0)))?;
        let live = variable("RIPPLE_LIVE_SECRETS").map(|text| Secrets::parse(&text)).transpose();
        let live = live.map_err(|error| JsError::new(&format!("RIPPLE_LIVE_SECRETS: {error}")))?;
        let origins = match variable(origins::VARIABLE) {
            None => Origins::default(),
            Some(list) => Origins::parse(&list)
                .ok_or_else(|| JsError::new(&format!("{} must be {}", origins::VARIABLE, origins::FORM)))?,
        };
        Ok(Settings { resource, table_names: TableNames::read(variable)?, access, ages, live, origins })
    }
}
