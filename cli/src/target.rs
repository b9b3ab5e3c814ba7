//! The DynamoDB and the tables that a command works on.

mod aws;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::store::Keys as _;
use ripple_core::store::dynamodb::{DynamoDb, TableNames};
use ripple_host::environment;
use ripple_host::resources::{load, load_or_built_in};

use crate::dev_file::DevFile;

use aws::Connected;

/// The folder of the resource files.
const FOLDER: &str = "resources";
/// How long to wait for the account from STS. It only appears in a message.
const ACCOUNT_LIMIT: Duration = Duration::from_secs(5);
/// The variables by which AWS gives credentials to a process.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
const CREDENTIALS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The options of every command that say where DynamoDB is. Without them it is where the AWS CLI would look, or the
/// `ripple dev` that runs in `--data`.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "DynamoDB")]
pub(crate) struct Options {
    /// URL of DynamoDB [default: the `ripple dev` that runs in --data, otherwise AWS]
    #[arg(long, global = true, env = "AWS_ENDPOINT_URL_DYNAMODB", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Use DynamoDB in AWS, even if a `ripple dev` runs in --data
    #[arg(long, global = true)]
    aws: bool,
    /// AWS region [default: as for the AWS CLI]
    #[arg(long, global = true, env = "AWS_REGION", value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Profile of the AWS configuration files [default: as for the AWS CLI]
    #[arg(long, global = true, env = "AWS_PROFILE", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Folder of the resource files [default: ./resources if it exists, otherwise a built-in `prj`]
    #[arg(long, global = true, env = "RIPPLE_RESOURCES", value_name = "DIR")]
    resources: Option<PathBuf>,
    /// Site: the tables are SITE_RESOURCE, SITE_RESOURCE_version and SITE_key [default: ripple]
    #[arg(long, global = true, env = "RIPPLE_SITE", value_name = "SITE")]
    site: Option<String>,
    /// Number of partitions of the index by_update, as in the function and the edge [default: 1]
    #[arg(long, global = true, env = "RIPPLE_SHARDS", value_name = "N")]
    shards: Option<String>,
    /// Folder of the database of `ripple dev`
    #[arg(long, global = true, env = "RIPPLE_DATA", default_value = ".ripple", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Whether a flag, and not only the environment, asks for a DynamoDB other than the embedded one.
    #[arg(skip)]
    by_flag: bool,
}

/// The option of a command that works on the records of one resource.
#[derive(Clone, Debug, Args)]
pub(crate) struct Chosen {
    /// The resource [default: the one with `"default": true`, or the only one]
    #[arg(long, value_name = "NAME")]
    pub(crate) resource: Option<String>,
}

impl Chosen {
    /// Returns the chosen one of a site's resources.
    pub(crate) fn of<'a>(&self, resources: &'a Resources) -> anyhow::Result<&'a Arc<Resource>> {
        let names = || resources.iter().map(|resource| resource.name.as_str()).collect::<Vec<_>>().join(" and ");
        match &self.resource {
            Some(name) => {
                resources.get(name).with_context(|| format!("there is no resource {name}; there are {}", names()))
            }
            None => {
                resources.target().with_context(|| format!("choose a resource with --resource; there are {}", names()))
            }
        }
    }
}

/// A kind of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a URL: an emulator, or an AWS endpoint with its own credentials.
    Endpoint(String),
    /// In AWS, at the region's own endpoint.
    Aws,
}

impl Place {
    /// Reports whether the place is on this machine. Any other endpoint may be one of AWS: of a region, of a VPC, or
    /// FIPS.
    pub(crate) fn is_here(&self) -> bool {
        let Some(uri) = self.uri() else { return false };
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }

    /// Reports whether the place accepts any credentials. An emulator uses plain HTTP, and AWS does not.
    fn is_emulator(&self) -> bool {
        self.is_here() || self.uri().is_some_and(|uri| uri.scheme_str() == Some("http"))
    }

    fn uri(&self) -> Option<http::Uri> {
        match self {
            Place::Endpoint(url) => url.parse().ok(),
            Place::Aws => None,
        }
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

/// A DynamoDB and its tables that a command works on.
pub(crate) struct Target {
    /// The store of each resource, the default one first.
    pub(crate) stores: Vec<DynamoDb>,
    resources: Resources,
    /// The store's client, for operations that are not part of a store.
    pub(crate) client: Client,
    place: Place,
    region: String,
    account: Option<String>,
    /// The data folder of the `ripple dev` that runs there.
    dev: Option<PathBuf>,
}

impl Target {
    /// Returns the account, the endpoint and the region, for a comparison with another time. The account is `None` if
    /// the place has none or STS does not return it.
    pub(crate) fn whereabouts(&self) -> (Option<&str>, String, &str) {
        (self.account.as_deref(), self.place.to_string(), &self.region)
    }

    /// Returns the store of the first resource, for the site's keys.
    pub(crate) fn keys(&self) -> &DynamoDb {
        &self.stores[0] // a site has a resource
    }

    /// Returns the resources of the site.
    pub(crate) fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Reports whether the DynamoDB is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.place.is_here()
    }

    /// Returns the name of the site.
    pub(crate) fn site(&self) -> &str {
        &self.keys().table_names().site
    }

    /// Returns the store of a resource.
    pub(crate) fn store_of(&self, chosen: &Chosen) -> anyhow::Result<&DynamoDb> {
        let chosen = chosen.of(&self.resources)?;
        let store = self.stores.iter().find(|store| store.resource().name == chosen.name);
        store.context("the resource has no store")
    }

    /// Returns the names of the tables: two for each resource, and that of the keys.
    pub(crate) fn tables(&self) -> Vec<String> {
        let of = |store: &DynamoDb| [store.table().to_owned(), store.history_table().to_owned()];
        self.stores.iter().flat_map(of).chain([self.keys().table_names().keys()]).collect()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place)?;
        if let Some(dev) = &self.dev {
            write!(f, " (the `ripple dev` of {})", dev.display())?;
        }
        if !self.place.is_emulator() {
            let account = self.account.as_deref().unwrap_or("unknown (sts:GetCallerIdentity failed)");
            write!(f, ", account {account}, region {}", self.region)?;
        }
        write!(f, ", tables {}", self.tables().join(", "))
    }
}

impl Options {
    /// Notes the settings from flags. `ripple dev` follows only these.
    pub(crate) fn note_flags(&mut self, matches: &ArgMatches) {
        let flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        self.by_flag = self.aws || flag("endpoint_url") || flag("profile");
    }

    /// Returns the DynamoDB that flags name. Returns `None` if they name none.
    pub(crate) fn asked_for_by_flag(&self) -> Option<Place> {
        if self.by_flag { self.asked_for() } else { None }
    }

    /// Reports whether the environment, but no flag, names a DynamoDB other than the embedded one.
    pub(crate) fn names_another_unasked(&self) -> bool {
        !self.by_flag && self.asked_for().is_some()
    }

    /// Returns the DynamoDB that flags or the environment name. Returns `None` if they name none.
    fn asked_for(&self) -> Option<Place> {
        if let Some(url) = self.endpoint() {
            return Some(Place::Endpoint(url));
        }
        (self.aws || self.has_credentials()).then_some(Place::Aws)
    }

    pub(crate) fn endpoint(&self) -> Option<String> {
        set(&self.endpoint_url).or_else(|| environment("AWS_ENDPOINT_URL"))
    }

    /// Reports whether a profile or credentials are set, other than those of the default profile or of the machine.
    fn has_credentials(&self) -> bool {
        set(&self.profile).is_some() || CREDENTIALS.iter().any(|name| environment(name).is_some())
    }

    /// Returns the resources of the site.
    pub(crate) fn resources(&self) -> anyhow::Result<Resources> {
        match &self.resources {
            Some(folder) => Ok(load(folder)?),
            None => Ok(load_or_built_in(Path::new(FOLDER))?),
        }
    }

    /// Returns the folder of the resource files. It need not exist unless an option names it.
    pub(crate) fn folder(&self) -> &Path {
        self.resources.as_deref().unwrap_or(Path::new(FOLDER))
    }

    /// Returns the place that the resources are from, in a sentence.
    pub(crate) fn source(&self) -> String {
        let folder = self.folder();
        if self.resources.is_none() && !folder.is_dir() {
            return "the built-in file".to_owned();
        }
        folder.display().to_string()
    }

    /// Reports whether the number of partitions of a resource is stated, and not only assumed.
    pub(crate) fn states_shards(&self, resource: &Resource) -> bool {
        resource.shards.is_some() || set(&self.shards).is_some()
    }

    /// Returns the site and the number of partitions.
    pub(crate) fn table_names(&self) -> anyhow::Result<TableNames> {
        Ok(TableNames::read(|name| match name {
            "RIPPLE_SITE" => set(&self.site),
            "RIPPLE_SHARDS" => set(&self.shards),
            _ => None,
        })?)
    }

    /// Connects to the DynamoDB of a command that reads.
    pub(crate) async fn open(&self) -> anyhow::Result<Target> {
        if let Some(place) = self.asked_for() {
            return self.open_at(&place, self.table_names()?).await;
        }
        if let Some(dev) = DevFile::of_running(&self.data) {
            let mut target = self.open_at(&Place::Endpoint(dev.dynamodb_endpoint), self.table_names()?).await?;
            target.dev = Some(self.data.clone());
            return Ok(target);
        }
        // A command in such a folder is meant for its database. An account is another place, and must be named.
        DevFile::refuse_ended(&self.data, "select another DynamoDB with --aws, --profile or --endpoint-url")?;
        self.open_at(&Place::Aws, self.table_names()?).await
    }

    /// Connects to the DynamoDB of a command that changes something, and prints on standard error which one it is.
    pub(crate) async fn open_to_change(&self) -> anyhow::Result<Target> {
        let mut target = self.open().await?;
        self.identify(&mut target).await;
        eprintln!("{target}");
        Ok(target)
    }

    /// Looks up the account of a target.
    pub(crate) async fn identify(&self, target: &mut Target) {
        if target.account.is_none() && !target.place.is_emulator() {
            target.account = aws::account(self, ACCOUNT_LIMIT).await;
        }
    }

    /// Connects to tables at a place.
    pub(crate) async fn open_at(&self, place: &Place, table_names: TableNames) -> anyhow::Result<Target> {
        let Connected { client, region, endpoint, account } = aws::connect(self, place).await?;
        let place = endpoint.map_or(Place::Aws, Place::Endpoint);
        let resources = self.resources()?;
        table_names.check(&resources)?;
        let store = |resource: &Arc<Resource>| DynamoDb::new(client.clone(), table_names.clone(), Arc::clone(resource));
        let stores = resources.iter().map(store).collect();
        Ok(Target { stores, resources, client, place, region, account, dev: None })
    }
}

/// Returns a setting that has a value. An empty one counts as not set, as in the environment.
fn set(setting: &Option<String>) -> Option<String> {
    setting.clone().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Place {
        Place::Endpoint(url.to_owned())
    }

    #[test]
    fn only_a_loopback_endpoint_is_here() {
        for url in [
            "http://127.0.0.1:8000",
            "http://127.9.8.7",
            "http://[::1]:8000/",
            "http://localhost:4566",
            "http://LOCALHOST",
        ] {
            assert!(endpoint(url).is_here(), "{url}");
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
            assert!(!endpoint(url).is_here(), "{url}");
        }
        assert!(!Place::Aws.is_here());
    }

    #[test]
    fn an_aws_endpoint_is_no_emulator() {
        for url in ["http://127.0.0.1:8000", "http://dynamodb:8000", "https://localhost:8000"] {
            assert!(endpoint(url).is_emulator(), "{url}");
        }
        for url in ["https://dynamodb.eu-west-3.amazonaws.com", "https://vpce-1.dynamodb.us-east-1.vpce.amazonaws.com"]
        {
            assert!(!endpoint(url).is_emulator(), "{url}");
        }
        assert!(!Place::Aws.is_emulator());
    }
}
