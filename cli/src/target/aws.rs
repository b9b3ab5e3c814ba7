//! The client: AWS's default chain for credentials, region and profile, or settings that an emulator accepts.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, ProvideCredentials as _};
use aws_types::service_config::ServiceConfigKey;
use ripple_core::store::dynamodb::configure;
use ripple_host::environment;
use ripple_lambda::config::client_config;

use super::{Options, Place, set};

/// The region for emulators, which accept any.
const EMULATORS_REGION: &str = "us-east-1";

/// A client, and the settings that it uses.
pub(super) struct Connected {
    pub(super) client: Client,
    pub(super) region: String,
    /// An endpoint other than the region's own.
    pub(super) endpoint: Option<String>,
    /// The account, if the credentials name it.
    pub(super) account: Option<String>,
}

/// Returns a client for a place.
pub(super) async fn connect(options: &Options, place: &Place) -> anyhow::Result<Connected> {
    if let Place::Endpoint(url) = place
        && place.is_emulator()
        && !options.has_credentials()
    {
        let region = region(options).unwrap_or_else(|| EMULATORS_REGION.to_owned());
        let config = client_config(Some(url.clone()), environment("AWS_CA_BUNDLE"))?
            .region(Region::new(region.clone()))
            .credentials_provider(Credentials::new("local", "local", None, None, "ripple"));
        let client = Client::from_conf(config.build());
        return Ok(Connected { client, region, endpoint: Some(url.clone()), account: None });
    }
    let shared = shared(options).await?;
    let none = "no AWS credentials were found in the environment, the profile, the container or the machine: \
        start `ripple dev`, give --endpoint-url, or set AWS_PROFILE";
    let credentials = shared.credentials_provider().context(none)?.provide_credentials().await;
    let credentials = credentials.map_err(|error| {
        let tried = format!("{:#}", anyhow::Error::new(error));
        let tried: Vec<&str> = tried.lines().map(str::trim).collect();
        anyhow!("{none} ({})", tried.join("; "))
    })?;
    let default = place.is_emulator().then(|| Region::from_static(EMULATORS_REGION));
    let region = shared.region().cloned().or(default).context("no AWS region: give --region or set AWS_REGION")?;
    let endpoint = match place {
        Place::Endpoint(url) => Some(url.clone()),
        Place::Aws => endpoint_of_profile(&shared),
    };
    let mut config = configure(aws_sdk_dynamodb::config::Builder::from(&shared)).region(region.clone());
    config.set_endpoint_url(endpoint.clone());
    Ok(Connected {
        client: Client::from_conf(config.build()),
        region: region.to_string(),
        endpoint,
        account: credentials.account_id().map(|account| account.as_str().to_owned()),
    })
}

/// Returns the account of the credentials, from STS. Returns `None` if STS does not answer in time.
pub(super) async fn account(options: &Options, limit: Duration) -> Option<String> {
    let sts = aws_sdk_sts::Client::new(&shared(options).await.ok()?);
    tokio::time::timeout(limit, sts.get_caller_identity().send()).await.ok()?.ok()?.account
}

fn region(options: &Options) -> Option<String> {
    set(&options.region).or_else(|| environment("AWS_DEFAULT_REGION"))
}

/// Returns the configuration that the AWS CLI would use.
async fn shared(options: &Options) -> anyhow::Result<SdkConfig> {
    let http = client_config(None, environment("AWS_CA_BUNDLE"))?.build().http_client();
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http.context("an HTTP client is set")?);
    if let Some(profile) = set(&options.profile) {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = region(options) {
        loader = loader.region(Region::new(region));
    }
    Ok(loader.load().await)
}

/// Returns the endpoint of a profile: `endpoint_url`, first from its `services` section.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
fn endpoint_of_profile(shared: &SdkConfig) -> Option<String> {
    let key = ServiceConfigKey::builder().service_id("dynamodb").env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let key = key.build().expect("all members are set");
    let of_service = shared.service_config().and_then(|services| services.load_config(key));
    of_service.or_else(|| shared.endpoint_url().map(str::to_owned))
}
