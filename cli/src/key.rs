//! `ripple key`

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Subcommand, ValueEnum};
use humantime::{format_rfc3339_millis, format_rfc3339_seconds, parse_duration};
use ripple_core::key::{ApiKey, KeyRecord, Scope};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::{Timestamp, limits};
use ripple_lambda::{now, random};

use crate::connection;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a key and print it: the only time it is shown
    Create {
        /// Whose it is or what for; the `updated_by` of what is written with it
        #[arg(long)]
        name: String,
        /// What it allows
        #[arg(long = "scope", value_enum, value_delimiter = ',', default_values = ["read", "write"])]
        scopes: Vec<ScopeName>,
        /// How long it is valid: 90d, 12h [default: for ever]
        #[arg(long, value_parser = parse_duration, value_name = "DURATION")]
        expires_in: Option<Duration>,
    },
    /// List the keys, without the secrets
    List {
        /// As JSON lines
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key
    Revoke {
        /// As `list` shows it
        key_id: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeName {
    Read,
    Write,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Scope::Read,
            ScopeName::Write => Scope::Write,
        }
    }
}

pub(crate) async fn run(connection: &connection::Options, command: Command) -> anyhow::Result<()> {
    let store = connection.store().await?;
    match command {
        Command::Create { name, scopes, expires_in } => {
            let scopes = scopes.into_iter().map(Scope::from).collect();
            let (key, record) = create(&store, &name, scopes, expires_in).await?;
            eprintln!("{} for {name}. Keep it: it is not shown again.", record.key_id);
            println!("{}", key.reveal());
            Ok(())
        }
        Command::List { json } => list(&store, json).await,
        Command::Revoke { key_id } => revoke(&store, &key_id).await,
    }
}

/// Makes a key and stores its record.
pub(crate) async fn create(
    store: &DynamoDb,
    name: &str,
    scopes: Vec<Scope>,
    expires_in: Option<Duration>,
) -> anyhow::Result<(ApiKey, KeyRecord)> {
    let name_fits = (1..=128).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if !name_fits {
        bail!("a key's name has 1 to 128 characters, none of them control characters");
    }
    let key = std::iter::repeat_with(|| ApiKey::generate(&random())).flatten().next().context("no randomness")?;
    let record = record(&key, name, scopes, expires_in);
    store.add_key(&record).await.context("cannot store the key")?;
    Ok((key, record))
}

/// What is stored of a key made now.
fn record(key: &ApiKey, name: &str, scopes: Vec<Scope>, expires_in: Option<Duration>) -> KeyRecord {
    let created = now();
    let id: [u8; 6] = random();
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    KeyRecord {
        key_hash: key.hash().to_hex(),
        key_id: format!("key_{id}"),
        name: name.to_owned(),
        scopes,
        created: created.0,
        expires: expires_in.map(|duration| created.after(duration).0),
        revoked: None,
    }
}

async fn list(store: &DynamoDb, json: bool) -> anyhow::Result<()> {
    let records = store.list_keys().await.context("cannot list keys")?;
    let time = |ms: u64| format_rfc3339_seconds(std::time::UNIX_EPOCH + Duration::from_millis(ms)).to_string();
    if !json {
        println!("{:16}  {:20}  {:10}  {:20}  STATE", "KEY ID", "NAME", "SCOPES", "CREATED");
    }
    for record in records {
        if json {
            println!("{}", serde_json::to_string(&Shown::from(&record))?);
            continue;
        }
        let state = match (record.revoked, record.expires) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(at)) if at <= now().0 => format!("expired {}", time(at)),
            (None, Some(at)) => format!("valid until {}", time(at)),
            (None, None) => "valid".to_owned(),
        };
        let scopes = record.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        println!("{:16}  {:20}  {scopes:10}  {:20}  {state}", record.key_id, record.name, time(record.created));
    }
    Ok(())
}

/// A record as `--json` shows it: not even the hash.
#[derive(serde::Serialize)]
struct Shown<'a> {
    key_id: &'a str,
    name: &'a str,
    scopes: &'a [Scope],
    created: u64,
    expires: Option<u64>,
    revoked: Option<u64>,
}

impl<'a> From<&'a KeyRecord> for Shown<'a> {
    fn from(record: &'a KeyRecord) -> Self {
        let KeyRecord { key_id, name, scopes, created, expires, revoked, .. } = record;
        Shown { key_id, name, scopes, created: *created, expires: *expires, revoked: *revoked }
    }
}

async fn revoke(store: &DynamoDb, key_id: &str) -> anyhow::Result<()> {
    let records = store.list_keys().await.context("cannot list keys")?;
    let record = records.into_iter().find(|record| record.key_id == key_id);
    let record = record.with_context(|| format!("there is no key {key_id}; `ripple key list` shows them"))?;
    store.revoke_key(&record, now()).await.context("cannot revoke the key")?;
    let Timestamp(effective) = now().after(limits::KEY_FRESH);
    let effective = format_rfc3339_millis(std::time::UNIX_EPOCH + Duration::from_millis(effective));
    println!("{key_id} is revoked; no host takes it after {effective}");
    Ok(())
}
