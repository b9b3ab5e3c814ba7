//! The DynamoDB client, configured from the environment that the host gives an instance.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, IdentityCache};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_wasm::wasi::{WasiHttpClientBuilder, WasiSleep};
use ripple_core::http::origin_secret::OriginSecretError;
use ripple_core::store::dynamodb::{Access, DynamoDb, Layout, LayoutError, NotSet, configure};
use ripple_host::random;

/// An error in the environment.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] NotSet),
    /// A variable of the tables has no usable value.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The secret shared with the edge has no usable value.
    #[error(transparent)]
    OriginSecret(#[from] OriginSecretError),
}

/// Returns the store that the environment describes: the variables of [`Access::read`] and [`Layout::read`].
pub(crate) fn store(env: impl Fn(&str) -> Option<String>) -> Result<DynamoDb, ConfigError> {
    // Seeds the SDK's jitter, which would otherwise be the same in every instance.
    fastrand::seed(u64::from_ne_bytes(random()));
    let config = configure(Config::builder())
        .http_client(WasiHttpClientBuilder::new().build())
        .sleep_impl(WasiSleep)
        .time_source(SystemTimeSource::new())
        // Credentials do not change.
        .identity_cache(IdentityCache::no_cache());
    let config = Access::read(&env)?.configure(config).build();
    Ok(DynamoDb::new(Client::from_conf(config), Layout::read(&env)?))
}
