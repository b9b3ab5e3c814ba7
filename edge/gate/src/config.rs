//! The variables and secrets that every edge worker has.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderValue;
use ripple_core::auth::Trust;
use ripple_core::http::origin_secret::{self, is_secret};
use ripple_core::limits;
use ripple_core::store::dynamodb::{NotSet, TableNamesError};

use crate::log::Level;

/// The requests a second for each key, as is usual for API Gateway's usage plans.
const RATE: u32 = 100;
/// The requests a second for each client address without a remembered key.
const STRANGERS: u32 = 20;

const FEED_SECRETS: &str = "RIPPLE_FEED_SECRETS";

/// An error in the configuration. The text names the variable and never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A variable or secret is not set.
    #[error("{0} is not set: `wrangler secret put {0}` for a secret, [vars] in wrangler.toml for a variable")]
    Missing(&'static str),
    /// A variable or secret has no usable value.
    #[error("{0} must be {1}")]
    Invalid(&'static str, &'static str),
    /// The bundle lacks the summaries of the resources.
    #[error("edge/resources.js is not what `cargo run -p ripple-deploy` writes")]
    Resources,
    /// The worker that asks the replica has no binding to it.
    #[error("no replica is bound: set the binding REPLICA, or `main` to edge/worker.js, in wrangler.toml")]
    NoReplica,
    /// The worker that reads DynamoDB has a binding to the replica.
    #[error("a replica is bound: set `main` to edge/near/worker.js in wrangler.toml, or remove the binding REPLICA")]
    ReplicaUnused,
    /// A variable of the tables has no usable value.
    #[error(transparent)]
    TableNames(#[from] TableNamesError),
}

/// The configuration of the Worker.
#[derive(Clone, Debug)]
pub struct Config {
    /// `RIPPLE_ORIGIN`: the base URL of the API at API Gateway, without a slash at its end.
    pub origin: String,
    /// `RIPPLE_ORIGIN_SECRET`: the secret by which the origin identifies this edge, if the origin requires one.
    pub origin_secret: Option<HeaderValue>,
    /// `RIPPLE_FEED_SECRETS`: the secrets of the feed's messages. Without them there is no `/_feed`.
    pub feed: Option<HeaderValue>,
    /// `RIPPLE_RATE_LIMIT`: the requests a second for each key in one isolate. 0 sets no limit.
    pub rate: Option<NonZeroU32>,
    /// `RIPPLE_ADDRESS_LIMIT`: the requests a second for each client address without a remembered key. 0 sets no limit.
    pub strangers: Option<NonZeroU32>,
    /// `RIPPLE_KEY_SECONDS` and `RIPPLE_STALE_SECONDS`: how long a key lookup is trusted.
    pub trust: Trust,
    /// `RIPPLE_LOG`: off, error, warn or info.
    pub log: Level,
}

impl From<NotSet> for ConfigError {
    fn from(NotSet(name): NotSet) -> Self {
        ConfigError::Missing(name)
    }
}

impl Config {
    /// Reads the configuration. An empty variable counts as not set.
    ///
    /// # Errors
    /// If a value is missing, or is none.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let origin = env("RIPPLE_ORIGIN").ok_or(ConfigError::Missing("RIPPLE_ORIGIN"))?;
        if !is_base_url(&origin) {
            return Err(ConfigError::Invalid("RIPPLE_ORIGIN", "the URL of the API at API Gateway, its stage included"));
        }
        let origin_secret = env(origin_secret::VARIABLE).map(|text| secret(&text)).transpose()?;
        let feed = env(FEED_SECRETS).map(|text| feed_secrets(&text)).transpose()?;
        let rate = |name, otherwise| {
            whole(env, name, otherwise, "a whole number of requests a second, or 0").map(NonZeroU32::new)
        };
        let log = match env("RIPPLE_LOG") {
            None => Level::Info,
            Some(level) => {
                Level::parse(&level).ok_or(ConfigError::Invalid("RIPPLE_LOG", "off, error, warn or info"))?
            }
        };
        Ok(Config {
            origin: origin.trim_end_matches('/').to_owned(),
            origin_secret,
            feed,
            rate: rate("RIPPLE_RATE_LIMIT", RATE)?,
            strangers: rate("RIPPLE_ADDRESS_LIMIT", STRANGERS)?,
            trust: Trust {
                fresh: seconds(env, "RIPPLE_KEY_SECONDS", limits::KEY_FRESH)?,
                stale: seconds(env, "RIPPLE_STALE_SECONDS", limits::STALE)?,
            },
            log,
        })
    }
}

fn whole(
    env: impl Fn(&str) -> Option<String>,
    name: &'static str,
    otherwise: u32,
    what: &'static str,
) -> Result<u32, ConfigError> {
    match env(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| ConfigError::Invalid(name, what)),
    }
}

/// Reads a variable that is a whole number of seconds.
///
/// # Errors
/// If it is another text.
pub fn seconds(
    env: impl Fn(&str) -> Option<String>,
    name: &'static str,
    otherwise: Duration,
) -> Result<Duration, ConfigError> {
    let seconds = whole(env, name, otherwise.as_secs() as u32, "a whole number of seconds")?;
    Ok(Duration::from_secs(seconds.into()))
}

/// Parses a secret that debug output does not show.
fn secret(text: &str) -> Result<HeaderValue, ConfigError> {
    let form = "one value of 32 to 128 letters, digits and signs of ASCII, no comma among them";
    let value = HeaderValue::from_str(text).ok().filter(|_| is_secret(text));
    let mut value = value.ok_or(ConfigError::Invalid(origin_secret::VARIABLE, form))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Parses the feed's secrets, which debug output does not show.
fn feed_secrets(text: &str) -> Result<HeaderValue, ConfigError> {
    let are_secrets = text.split(',').all(|secret| is_feed_secret(secret.trim()));
    let value = HeaderValue::from_str(text).ok().filter(|_| are_secrets);
    let mut value = value.ok_or(ConfigError::Invalid(FEED_SECRETS, "one secret of the feed, or two"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reports whether a text has the form of a secret: `whsec_` and at least 24 bytes in base64.
fn is_feed_secret(text: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    text.strip_prefix("whsec_").is_some_and(|secret| secret.len() >= 32 && secret.bytes().all(is_base64))
}

/// Reports whether a path can be appended to the URL.
#[must_use]
pub fn is_base_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else { return false };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some() && uri.query().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[(&str, &str)] = &[("RIPPLE_ORIGIN", "https://a.execute-api.eu-central-1.amazonaws.com/prod/")];

    fn read(changed: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let entry = changed.iter().chain(COMPLETE).find(|(entry, _)| *entry == name);
            entry.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_origin_suffices() {
        let config = read(&[]).unwrap();
        assert_eq!(config.origin, "https://a.execute-api.eu-central-1.amazonaws.com/prod");
        assert_eq!(config.rate, NonZeroU32::new(RATE));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (name, _) in COMPLETE {
            assert_eq!(read(&[(name, "")]).unwrap_err(), ConfigError::Missing(name));
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (name, value) in [
            ("RIPPLE_ORIGIN", "api.example.com"),
            ("RIPPLE_ORIGIN", "https://<api>.execute-api.<region>.amazonaws.com/<stage>"),
            ("RIPPLE_ORIGIN_SECRET", "0123456789abcdef"),
            ("RIPPLE_ORIGIN_SECRET", "0123456789abcdef0123456789abcdef,0123456789abcdef0123456789abcdef"),
            ("RIPPLE_RATE_LIMIT", "many"),
            ("RIPPLE_ADDRESS_LIMIT", "-1"),
            ("RIPPLE_KEY_SECONDS", "soon"),
            ("RIPPLE_STALE_SECONDS", "1h"),
            ("RIPPLE_LOG", "loud"),
            ("RIPPLE_FEED_SECRETS", "whsec_short"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && !error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_secret_does_not_show() {
        let secret = "0123456789abcdef0123456789abcdef";
        let config = read(&[("RIPPLE_ORIGIN_SECRET", secret)]).unwrap();
        assert_eq!(config.origin_secret.as_ref().and_then(|value| value.to_str().ok()), Some(secret));
        assert!(!format!("{config:?}").contains(secret) && read(&[]).unwrap().origin_secret.is_none());
    }

    #[test]
    fn no_limit_can_be_had() {
        let config = read(&[("RIPPLE_RATE_LIMIT", "0")]).unwrap();
        assert_eq!(config.rate, None);
    }
}
