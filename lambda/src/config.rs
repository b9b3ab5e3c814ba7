//! The DynamoDB client, configured by hand from the environment that Lambda gives a function.
//!
//! The default chain of `aws-config` would look for profiles, web identities and instance metadata. A function has none
//! of these, and the chain would add the clients for them. TLS is rustls with ring: aws-lc gathers jitter entropy at
//! the first handshake, which would slow down a cold start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Builder, Config};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use ripple_core::auth::TrustError;
use ripple_core::http::origin_secret::OriginSecretError;
use ripple_core::record::schema::Resources;
use ripple_core::store::dynamodb::{
    Access, DynamoDb, Fed, NotSet, SharedTable, TableNames, TableNamesError, configure,
};
use ripple_core::{Api, Documents};
use ripple_host::resources::{LoadError, load_or_built_in};
use ripple_host::{Environment, documents_in};

use crate::address::Addresses;
use crate::delivery::{Delivery, DeliveryError};
use crate::user_agent::UserAgent;

/// An error in the environment.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A variable is not set.
    #[error(transparent)]
    Missing(#[from] NotSet),
    /// A variable of the tables has no usable value.
    #[error(transparent)]
    TableNames(#[from] TableNamesError),
    /// Two resources have one table, or one has that of the keys.
    #[error(transparent)]
    SharedTable(#[from] SharedTable),
    /// A variable of the trust in keys has no usable value.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The secret shared with the edge has no usable value.
    #[error(transparent)]
    OriginSecret(#[from] OriginSecretError),
    /// The resource files cannot be read, or have faults.
    #[error(transparent)]
    Resources(#[from] LoadError),
    /// The OpenAPI document cannot be read.
    #[error("{0}: {1}")]
    Document(PathBuf, std::io::Error),
    /// The receivers of the feed have no usable settings.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The certificates cannot be read.
    #[error("AWS_CA_BUNDLE {0}: {1}")]
    CaBundle(String, std::io::Error),
}

/// Returns the resources of the files beside the function's binary. `LAMBDA_TASK_ROOT` names their parent folder.
///
/// # Errors
/// If a file cannot be read, or has faults.
pub fn resources(env: impl Environment) -> Result<Resources, ConfigError> {
    let Some(root) = env("LAMBDA_TASK_ROOT") else { return Ok(Resources::built_in()) };
    Ok(load_or_built_in(&Path::new(&root).join("resources"))?)
}

/// Returns the documents of the API: the OpenAPI document beside the function's binary, or that of the built-in resource
/// if there is none.
///
/// # Errors
/// If the document is there and cannot be read.
pub fn documents(env: impl Environment) -> Result<Documents, ConfigError> {
    let built_in = ripple_host::documents();
    let Some(root) = env("LAMBDA_TASK_ROOT") else { return Ok(built_in) };
    let root = Path::new(&root);
    let found = documents_in(root).map_err(|error| ConfigError::Document(root.join("openapi.json"), error))?;
    Ok(found.unwrap_or(built_in))
}

/// Returns the API of these resources that the environment describes: the variables of [`Access::read`],
/// [`TableNames::read`] and [`Fed::read`], and `AWS_CA_BUNDLE`.
///
/// # Errors
/// If a required variable is missing, or one is not valid.
pub fn api(env: impl Environment, resources: &Resources) -> Result<Api<DynamoDb>, ConfigError> {
    let access = Access::read(&env)?;
    let client = Client::from_conf(access.configure(client_config(None, env("AWS_CA_BUNDLE"))?).build());
    let (table_names, fed) = (TableNames::read(&env)?, Fed::read(&env)?);
    table_names.check(resources)?;
    Ok(Api::of(resources, |resource| {
        DynamoDb::new(client.clone(), table_names.clone(), Arc::clone(resource)).fed(&fed)
    }))
}

/// Returns the receivers of the feed about these resources: the variables of [`Delivery::read`].
///
/// # Errors
/// If one has no usable value.
pub fn delivery(env: impl Environment, resources: &Resources) -> Result<Option<Arc<Delivery>>, ConfigError> {
    Ok(Delivery::read(env, resources, false)?)
}

/// Returns a client's configuration without region and credentials.
///
/// # Errors
/// If the bundle of certificates cannot be read.
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
        .build_with_resolver(Addresses::Any);
    let config = configure(Config::builder())
        .http_client(http)
        .interceptor(UserAgent)
        .sleep_impl(TokioSleep::new())
        .time_source(SystemTimeSource::new());
    Ok(match endpoint {
        Some(endpoint) => config.endpoint_url(endpoint),
        None => config,
    })
}
