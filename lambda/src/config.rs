//! The DynamoDB client, configured by hand from the environment that Lambda gives a function.
//!
//! `aws-config`'s default chain would look for profiles, web identities and instance metadata, none of which a
//! function has, and bring the clients for them along. TLS is rustls with ring: aws-lc gathers jitter entropy at
//! the first handshake, which a cold start pays.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use ripple_core::auth::Trust;
use ripple_core::http::origin_secret::{OriginSecret, OriginSecretError};
use ripple_core::store::dynamodb::{Access, DynamoDb, Layout, LayoutError, NotSet, configure};
use ripple_host::Environment;

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] NotSet),
    /// A variable of the tables' has no usable value.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A variable is no number of seconds.
    #[error("{0} must be a whole number of seconds")]
    Seconds(&'static str),
    /// The secret shared with the edge has no usable value.
    #[error(transparent)]
    OriginSecret(#[from] OriginSecretError),
    /// The certificates cannot be read.
    #[error("AWS_CA_BUNDLE {0}: {1}")]
    CaBundle(String, std::io::Error),
}

/// The store that the environment describes: the variables of [`Access::read`] and [`Layout::read`], and
/// `AWS_CA_BUNDLE`.
///
/// # Errors
/// When something is missing or cannot be.
pub fn store(env: impl Environment) -> Result<DynamoDb, ConfigError> {
    let access = Access::read(&env)?;
    let config = access.configure(client_config(None, env("AWS_CA_BUNDLE"))?).build();
    Ok(DynamoDb::new(Client::from_conf(config), Layout::read(&env)?))
}

/// How long a key counts that was looked up: `RIPPLE_KEY_SECONDS` and `RIPPLE_STALE_SECONDS`.
///
/// # Errors
/// When one is no whole number.
pub fn trust(env: impl Environment) -> Result<Trust, ConfigError> {
    let seconds = |name: &'static str, otherwise| match env(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map(Duration::from_secs).map_err(|_| ConfigError::Seconds(name)),
    };
    let Trust { fresh, stale } = Trust::default();
    Ok(Trust { fresh: seconds("RIPPLE_KEY_SECONDS", fresh)?, stale: seconds("RIPPLE_STALE_SECONDS", stale)? })
}

/// The secret that the edge shares, if there is one: `RIPPLE_ORIGIN_SECRET`.
///
/// # Errors
/// When it has no usable value.
pub fn origin_secret(env: impl Environment) -> Result<Option<OriginSecret>, ConfigError> {
    Ok(env("RIPPLE_ORIGIN_SECRET").map(|text| OriginSecret::parse(&text)).transpose()?)
}

/// A client's configuration but for region and credentials.
///
/// # Errors
/// When the bundle of certificates cannot be read.
pub fn client_config(endpoint: Option<String>, ca_bundle: Option<String>) -> Result<Builder, ConfigError> {
    let trust = match ca_bundle {
        None => TrustStore::default(),
        Some(path) => {
            let pem = std::fs::read(&path).map_err(|error| ConfigError::CaBundle(path, error))?;
            TrustStore::empty().with_pem_certificate(pem)
        }
    };
    let tls = TlsContext::builder().with_trust_store(trust).build().expect("a trust store is all it takes");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https();
    let config = configure(Config::builder())
        .http_client(http)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new());
    Ok(match endpoint {
        Some(endpoint) => config.endpoint_url(endpoint),
        None => config,
    })
}
