//! `Prefer: wait=25`: a request of changes that is held until there is one.

use std::time::Duration;

use axum::body::Body;
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use ripple_core::http::prefer;
use ripple_core::http::{Operation, Target};
use ripple_core::service::changes::Cursor;
use tokio::sync::watch;

use super::Live;

/// After how many seconds a client may ask again while too many wait.
const TOO_MANY: u64 = 5;

/// A request that is to be held.
pub(in crate::commands::dev) struct Held {
    resource: String,
    since: Cursor,
    wait: Duration,
}

impl Held {
    /// Returns what a request asks for. Returns `None` if it is not to be held.
    pub(in crate::commands::dev) fn of(parts: &Parts) -> Option<Held> {
        let wait = prefer::wait(&parts.headers)?;
        let target = Target::find(parts.uri.path())?;
        target.route(&parts.method).filter(|route| route.operation == Operation::Changes)?;
        let resource = target.resource()?.to_owned();
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let (_, since) = query.into_owned().find(|(name, _)| name == "since")?;
        let since = Cursor::parse(&since, &resource)?;
        Some(Held { resource, since, wait })
    }
}

/// Answers a request with `ask`, as soon as there is news, or when the time is over.
pub(in crate::commands::dev) async fn hold<F: Future<Output = Response<Body>>>(
    live: &Live,
    held: &Held,
    mut stopped: watch::Receiver<bool>,
    ask: impl Fn() -> F,
) -> Response<Body> {
    let mut news = live.news.subscribe();
    // The key and the parameters are checked before anything is held.
    let first = ask().await;
    if first.status() != StatusCode::OK {
        return first;
    }
    let is_news = || live.has_news_since(&held.resource, &held.since);
    if is_news() {
        return applied(first, held.wait);
    }
    let Ok(_place) = live.waiters.try_acquire() else {
        let mut first = first;
        first.headers_mut().insert(RETRY_AFTER, HeaderValue::from(TOO_MANY));
        return first;
    };
    drop(first);
    let changed = async {
        while !is_news() {
            if news.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = changed => {}
        () = tokio::time::sleep(held.wait) => {}
        // This also ends if the sender is dropped.
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    let last = ask().await;
    if last.status() == StatusCode::OK { applied(last, held.wait) } else { last }
}

fn applied(mut response: Response<Body>, wait: Duration) -> Response<Body> {
    let value = HeaderValue::from_str(&format!("wait={}", wait.as_secs())).expect("digits and letters");
    response.headers_mut().insert(prefer::APPLIED, value);
    response
}
