//! `ripple key`

use std::fmt;
use std::io::{Read as _, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use humantime::{format_rfc3339_millis, format_rfc3339_seconds, parse_duration};
use ripple_core::auth::{ApiKey, KeyRecord, Scope, Scopes, Usage};
use ripple_core::record::person::is_id;
use ripple_core::record::schema::Resources;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Keys as _};
use ripple_core::{Timestamp, limits};
use ripple_host::now;

use crate::keys::{create, record, store_new};
use crate::output::{self, Format};
use crate::target;

/// The milliseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a key and print it; it is not shown again
    Create {
        /// Name of the owner or the purpose; it is the `updated_by` of writes with the key
        #[arg(long)]
        name: String,
        /// Operations that the key allows: read, write, or as prj:read for one resource
        #[arg(long = "scope", value_delimiter = ',', default_values = ["read", "write"], value_name = "SCOPE")]
        scopes: Vec<String>,
        /// Lifetime of the key, such as 90d or 12h [default: unlimited]
        #[arg(long, value_parser = some_time, value_name = "DURATION")]
        expires_in: Option<Duration>,
        /// Id of the only person on whose behalf the key may write, as in `Ripple-Author` [default: any]
        #[arg(long, value_parser = person_id, value_name = "ID")]
        author: Option<String>,
        #[command(flatten)]
        format: Format,
    },
    /// List keys and their requests of today and yesterday (UTC), without secrets
    List(Format),
    /// Create a key that replaces another one, and print it; both are valid for a while
    Rotate {
        /// Id of the key to replace, as `ripple key list` shows it
        key_id: String,
        /// Time for which the old key stays valid
        #[arg(long, value_parser = parse_duration, value_name = "DURATION", default_value = "24h")]
        overlap: Duration,
        #[command(flatten)]
        format: Format,
    },
    /// Show the record of the key in RIPPLE_KEY or on standard input
    Verify(Format),
    /// Revoke a key
    Revoke {
        /// Id of the key, as `ripple key list` shows it
        key_id: String,
        #[command(flatten)]
        format: Format,
    },
}

/// Refuses a scope that grants nothing: one of no known name, or of no resource here.
fn check_scopes(scopes: &[String], resources: &Resources) -> anyhow::Result<()> {
    let names = [Scope::Read, Scope::Write].map(Scope::as_str);
    for scope in scopes {
        match scope.split_once(':') {
            None if names.contains(&scope.as_str()) => {}
            Some((resource, name)) if names.contains(&name) && resources.get(resource).is_some() => {}
            Some((resource, name)) if names.contains(&name) => {
                bail!("there is no resource {resource}, so the scope {scope} would grant nothing")
            }
            _ => bail!("there is no scope {scope}: a scope is read, write, or as prj:read for one resource"),
        }
    }
    Ok(())
}

/// Parses the id of a person.
fn person_id(text: &str) -> Result<String, String> {
    match is_id(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("an id has 1 to {} of the characters A-Z a-z 0-9 . _ ~ @ : -", limits::PERSON_ID)),
    }
}

/// Parses a duration that is not zero, since a key that expires at its creation is useless.
fn some_time(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => {
            Err("the key would have expired at its creation: give a duration above zero".to_owned())
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

pub(crate) async fn run(connection: &target::Options, command: Command) -> anyhow::Result<()> {
    let target = match command {
        Command::List(_) | Command::Verify(_) => connection.open().await?,
        Command::Create { .. } | Command::Rotate { .. } | Command::Revoke { .. } => connection.open_to_change().await?,
    };
    let store = target.keys();
    match command {
        Command::Create { name, scopes, expires_in, author, format } => {
            check_scopes(&scopes, &connection.resources()?)?;
            let scopes = scopes.into_iter().collect();
            let (key, record) = create(store, &name, scopes, expires_in, author).await?;
            eprintln!("created {} for {name}. Store the key now: it is not shown again.", record.key_id);
            reveal(&key, &record, format)
        }
        Command::List(format) => list(store, format).await,
        Command::Rotate { key_id, overlap, format } => rotate(store, &key_id, overlap, format).await,
        Command::Verify(format) => verify(store, format).await,
        Command::Revoke { key_id, format } => revoke(store, &key_id, format).await,
    }
}

/// Prints a new key.
fn reveal(key: &ApiKey, record: &KeyRecord, format: Format) -> anyhow::Result<()> {
    let key = key.reveal();
    if format.json {
        return output::line(&Created { record: Shown::of(record), key });
    }
    Ok(writeln!(std::io::stdout().lock(), "{key}")?)
}

/// Creates a key with the same name and scopes as another one, valid for the same time. It is created first: if setting
/// the expiry of the other one then fails, both keys work.
async fn rotate(store: &DynamoDb, key_id: &str, overlap: Duration, format: Format) -> anyhow::Result<()> {
    let old = find(store, key_id).await?;
    if !State::of(&old).is_valid() {
        bail!("{key_id} is {}: create another key with `ripple key create`", State::of(&old));
    }
    let lifetime = old.expires.map(|expires| Duration::from_millis(expires.saturating_sub(old.created)));
    let lineage = Some(old.lineage.clone().unwrap_or_else(|| old.key_id.clone()));
    let author = old.author.clone();
    let replacing =
        |key: &ApiKey| KeyRecord { lineage, author, ..record(key, &old.name, old.scopes.clone(), lifetime) };
    let (key, new) = store_new(store, replacing).await?;
    let ends = now().after(overlap);
    let ended = store.expire_key(&old, ends).await;
    reveal(&key, &new, format)?;
    ended.with_context(|| {
        format!("created {}, but {key_id} stays valid: revoke it with `ripple key revoke {key_id}`", new.key_id)
    })?;
    let Timestamp(refused) = ends.min(old.expires.map_or(ends, Timestamp)).after(limits::KEY_FRESH);
    eprintln!(
        "{} replaces {key_id}. Every host rejects {key_id} after {}. Store the new key now: it is not shown again.",
        new.key_id,
        shown_time(refused),
    );
    Ok(())
}

async fn verify(store: &DynamoDb, format: Format) -> anyhow::Result<()> {
    let text = match std::env::var("RIPPLE_KEY") {
        Ok(key) if !key.is_empty() => key,
        _ => std::io::read_to_string(std::io::stdin().take(1024)).context("cannot read a key from standard input")?,
    };
    let key = ApiKey::parse(text.trim()).context("this is not a ripple key: its form or its checksum is wrong")?;
    let record = store.key(&key.hash(), &mut Capacity::default()).await.context("cannot read the record of the key")?;
    let record = record.context("this key is not in the table")?;
    let state = State::of(&record);
    if format.json {
        output::line(&Shown::of(&record))?;
    } else {
        println!("{}  {}  {}  {state}", record.key_id, record.name, shown_scopes(&record));
    }
    if !state.is_valid() {
        bail!("the key is not valid");
    }
    Ok(())
}

async fn find(store: &DynamoDb, key_id: &str) -> anyhow::Result<KeyRecord> {
    let records = store.list_keys().await.context("cannot list keys")?;
    let record = records.into_iter().find(|record| record.key_id == key_id);
    record.with_context(|| format!("no key has the id {key_id}: `ripple key list` lists the keys"))
}

/// Whether hosts accept a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Valid,
    ValidUntil(u64),
    Expired(u64),
    Revoked(u64),
}

impl State {
    fn of(record: &KeyRecord) -> State {
        match (record.revoked, record.expires) {
            (Some(revoked), _) => State::Revoked(revoked),
            (None, Some(expired)) if expired <= now().0 => State::Expired(expired),
            (None, Some(expires)) => State::ValidUntil(expires),
            (None, None) => State::Valid,
        }
    }

    fn is_valid(self) -> bool {
        matches!(self, State::Valid | State::ValidUntil(_))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Valid => f.write_str("valid"),
            State::ValidUntil(expires) => write!(f, "valid until {}", shown_time(*expires)),
            State::Expired(expired) => write!(f, "expired {}", shown_time(*expired)),
            State::Revoked(revoked) => write!(f, "revoked {}", shown_time(*revoked)),
        }
    }
}

fn shown_time(ms: u64) -> String {
    format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

fn shown_scopes(record: &KeyRecord) -> String {
    record.scopes.names().collect::<Vec<_>>().join(",")
}

async fn list(store: &DynamoDb, Format { json }: Format) -> anyhow::Result<()> {
    let keys = store.list_used_keys(now().0 / DAY).await.context("cannot list keys")?;
    let mut output = std::io::stdout().lock();
    if !json {
        let columns = ["KEY ID", "NAME", "SCOPES", "CREATED", "LAST USED", "TODAY", "YESTERDAY", "STATE"];
        let [key_id, name, scopes, created, used, today, yesterday, state] = columns;
        writeln!(
            output,
            "{key_id:16}  {name:20}  {scopes:10}  {created:20}  {used:20}  {today:12}  {yesterday:12}  {state}"
        )?;
    }
    for (record, [today, yesterday]) in keys {
        if json {
            writeln!(output, "{}", serde_json::to_string(&Listed::of(&record, today, yesterday))?)?;
            continue;
        }
        let (scopes, created) = (shown_scopes(&record), shown_time(record.created));
        let used = record.last_used.map_or_else(|| "never".to_owned(), shown_time);
        let KeyRecord { key_id, name, .. } = &record;
        let [today, yesterday] = [today, yesterday].map(|Usage { reads, writes }| format!("{reads} r {writes} w"));
        let state = State::of(&record);
        writeln!(
            output,
            "{key_id:16}  {name:20}  {scopes:10}  {created:20}  {used:20}  {today:12}  {yesterday:12}  {state}"
        )?;
    }
    Ok(())
}

/// A record in the form of `--json`, without the hash.
#[derive(serde::Serialize)]
struct Shown<'a> {
    key_id: &'a str,
    name: &'a str,
    scopes: &'a Scopes,
    author: Option<&'a str>,
    created: u64,
    expires: Option<u64>,
    revoked: Option<u64>,
    last_used: Option<u64>,
}

/// A created key: its record and the key itself.
#[derive(serde::Serialize)]
struct Created<'a> {
    #[serde(flatten)]
    record: Shown<'a>,
    key: &'a str,
}

/// A listed key: its record and its requests of two days.
#[derive(serde::Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    record: Shown<'a>,
    reads_today: u64,
    writes_today: u64,
    reads_yesterday: u64,
    writes_yesterday: u64,
}

impl<'a> Shown<'a> {
    fn of(record: &'a KeyRecord) -> Self {
        let KeyRecord { key_id, name, scopes, author, created, expires, revoked, last_used, .. } = record;
        Shown {
            key_id,
            name,
            scopes,
            author: author.as_deref(),
            created: *created,
            expires: *expires,
            revoked: *revoked,
            last_used: *last_used,
        }
    }
}

impl<'a> Listed<'a> {
    fn of(record: &'a KeyRecord, today: Usage, yesterday: Usage) -> Self {
        Listed {
            record: Shown::of(record),
            reads_today: today.reads,
            writes_today: today.writes,
            reads_yesterday: yesterday.reads,
            writes_yesterday: yesterday.writes,
        }
    }
}

async fn revoke(store: &DynamoDb, key_id: &str, format: Format) -> anyhow::Result<()> {
    let record = find(store, key_id).await?;
    let revoked = now();
    store.revoke_key(&record, revoked).await.context("cannot revoke the key")?;
    if format.json {
        return output::line(&Shown::of(&KeyRecord { revoked: record.revoked.or(Some(revoked.0)), ..record }));
    }
    let Timestamp(effective) = now().after(limits::KEY_FRESH);
    let effective = format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(effective));
    println!("{key_id} is revoked. Every host rejects it after {effective}");
    Ok(())
}
