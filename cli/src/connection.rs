//! Which DynamoDB a command works on.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use clap::Args;
use ripple_core::store::dynamodb::{DynamoDb, Layout};
use ripple_lambda::config::{client_config, process_environment};

use crate::dev::DevFile;

/// Where the AWS CLI would look, plus a running `ripple dev`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "DynamoDB")]
pub(crate) struct Options {
    /// DynamoDB's URL [default: AWS, or a `ripple dev` that runs in --data]
    #[arg(long, global = true, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// AWS region [default: as the AWS CLI finds it]
    #[arg(long, global = true, env = "AWS_REGION", value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration files
    #[arg(long, global = true, env = "AWS_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Folder of `ripple dev`'s database
    #[arg(long, global = true, env = "RIPPLE_DATA", default_value = ".ripple", value_name = "DIR")]
    pub(crate) data: PathBuf,
}

/// A kind of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a URL: an emulator, or an AWS endpoint with credentials of its own.
    Endpoint(String),
    /// In AWS, with the credentials that its configuration has.
    Aws,
}

impl Place {
    /// Whether it is on this machine. Every other endpoint may be AWS's: a region's, a VPC's, a FIPS one.
    pub(crate) fn is_here(&self) -> bool {
        let Place::Endpoint(url) = self else { return false };
        let Ok(uri) = url.parse::<http::Uri>() else { return false };
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Endpoint(url) => write!(f, "DynamoDB at {url}"),
            Place::Aws => f.write_str("DynamoDB in AWS"),
        }
    }
}

impl Options {
    /// The DynamoDB that was asked for, if one was.
    pub(crate) fn asked_for(&self) -> Option<Place> {
        if let Some(url) = self.endpoint_url.clone().or_else(|| process_environment("AWS_ENDPOINT_URL")) {
            return Some(Place::Endpoint(url));
        }
        let credentials = self.profile.is_some() || process_environment("AWS_ACCESS_KEY_ID").is_some();
        credentials.then_some(Place::Aws)
    }

    /// The store of a command that needs a DynamoDB already there.
    pub(crate) async fn store(&self) -> anyhow::Result<DynamoDb> {
        match self.asked_for().or_else(|| running_dev(&self.data)) {
            Some(place) => self.store_at(&place).await,
            None => bail!(
                "no DynamoDB to work on: start `ripple dev`, give --endpoint-url, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
            ),
        }
    }

    /// The store in a place.
    pub(crate) async fn store_at(&self, place: &Place) -> anyhow::Result<DynamoDb> {
        self.store_of(place, Layout::read(process_environment)?).await
    }

    /// The store of these tables in a place.
    pub(crate) async fn store_of(&self, place: &Place, layout: Layout) -> anyhow::Result<DynamoDb> {
        let endpoint = match place {
            Place::Endpoint(url) => Some(url.clone()),
            Place::Aws => None,
        };
        let config = client_config(endpoint, process_environment("AWS_CA_BUNDLE"))?;
        let region = self.region.clone().or_else(|| process_environment("AWS_DEFAULT_REGION"));
        // An emulator takes any credentials; those of the environment go first, as with the AWS CLI.
        let unsigned = self.profile.is_none() && process_environment("AWS_ACCESS_KEY_ID").is_none();
        let config = if unsigned && matches!(place, Place::Endpoint(_)) {
            let region = Region::new(region.unwrap_or_else(|| "us-east-1".to_owned()));
            config.region(region).credentials_provider(Credentials::new("local", "local", None, None, "ripple"))
        } else {
            let http = config.clone().build().http_client().context("an HTTP client was set")?;
            let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
            if let Some(profile) = &self.profile {
                loader = loader.profile_name(profile);
            }
            if let Some(region) = region {
                loader = loader.region(Region::new(region));
            }
            let shared = loader.load().await;
            let region = shared.region().cloned().context("no AWS region: give --region or set AWS_REGION")?;
            let credentials = shared.credentials_provider().context("no AWS credentials")?;
            config.region(region).credentials_provider(credentials)
        };
        Ok(DynamoDb::new(Client::from_conf(config.build()), layout))
    }
}

fn running_dev(data: &Path) -> Option<Place> {
    DevFile::read(data).map(|dev| Place::Endpoint(dev.dynamodb_endpoint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_loopback_endpoint_is_here() {
        let is_here = |url: &str| Place::Endpoint(url.to_owned()).is_here();
        for url in [
            "http://127.0.0.1:8000",
            "http://127.9.8.7",
            "http://[::1]:8000/",
            "http://localhost:4566",
            "http://LOCALHOST",
        ] {
            assert!(is_here(url), "{url}");
        }
        for url in [
            "https://dynamodb.eu-west-3.amazonaws.com",
            "https://dynamodb-fips.us-east-1.amazonaws.com",
            "https://vpce-0123456789abcdef0-abcdefgh.dynamodb.us-east-1.vpce.amazonaws.com",
            "http://localhost.example:8000",
            "http://localhost:8000@dynamodb.eu-west-3.amazonaws.com",
            "http://10.0.0.7:8000",
            "http://0.0.0.0:8000",
            "http://[fd00::1]:8000",
            "",
        ] {
            assert!(!is_here(url), "{url}");
        }
        assert!(!Place::Aws.is_here());
    }
}
