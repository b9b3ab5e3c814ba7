//! The DynamoDB client, configured from the environment that the host gives an instance.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Config, IdentityCache};
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_wasm::wasi::{WasiHttpClientBuilder, WasiSleep};
use ripple_core::Api;
use ripple_core::auth::TrustError;
use ripple_core::http::origin_secret::OriginSecretError;
use ripple_core::store::dynamodb::{
    Access, DynamoDb, Fed, NotSet, SharedTable, TableNames, TableNamesError, configure,
};
use ripple_host::resources::load_or_built_in;
use ripple_host::{documents_in, random};

/// An error in the environment.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] NotSet),
    /// A variable of the tables has no usable value.
    #[error(transparent)]
    TableNames(#[from] TableNamesError),
    /// Two resources have one table, or one has that of the keys.
    #[error(transparent)]
    SharedTable(#[from] SharedTable),
    /// The resource files cannot be read, or have faults.
    #[error("{0}")]
    Resources(String),
    /// The OpenAPI document cannot be read.
    #[error("/openapi.json: {0}")]
    Document(String),
    /// A variable of the trust in keys has no usable value.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The secret shared with the edge has no usable value.
    #[error(transparent)]
    OriginSecret(#[from] OriginSecretError),
}

/// The folder of the resource files and of their document, as the host of the component opens it:
/// `wasmtime serve --dir deployment/function::/`. `--dir resources::/resources` opens the resource files alone.
const ROOT: &str = "/";

/// Returns the API that the environment describes: the variables of [`Access::read`], [`TableNames::read`] and
/// [`Fed::read`].
pub(crate) fn api(env: impl Fn(&str) -> Option<String>) -> Result<Api<DynamoDb>, ConfigError> {
    // Seeds the SDK's jitter, which would otherwise be the same in every instance.
    fastrand::seed(u64::from_ne_bytes(random()));
    let config = configure(Config::builder())
        .http_client(WasiHttpClientBuilder::new().build())
        .sleep_impl(WasiSleep)
        .time_source(SystemTimeSource::new())
        // Credentials do not change.
        .identity_cache(IdentityCache::no_cache());
    let client = Client::from_conf(Access::read(&env)?.configure(config).build());
    let (table_names, fed) = (TableNames::read(&env)?, Fed::read(&env)?);
    let resources = load_or_built_in(&Path::new(ROOT).join("resources"))
        .map_err(|error| ConfigError::Resources(error.to_string()))?;
    table_names.check(&resources)?;
    let api = Api::of(&resources, |resource| {
        DynamoDb::new(client.clone(), table_names.clone(), Arc::clone(resource)).fed(&fed)
    });
    Ok(match documents_in(Path::new(ROOT)).map_err(|error| ConfigError::Document(error.to_string()))? {
        Some(documents) => api.documented(documents),
        None => api,
    })
}
