//! Commands that save records.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use ripple_host::random;
use serde_json::value::{RawValue, to_raw_value};
use ureq::http::Method;

use super::Common;
use crate::api::{Answer, Api, Failure};
use crate::{target, words};

/// The number of tries of a write that gets no answer. All have one `Idempotency-Key`, so it is made once.
const TRIES: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Id of the record
    id: String,
    /// File with the record as JSON; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Version that the edit is made on [default: the `version` in the file]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    base: Option<i64>,
    /// Create the record. If it exists, nothing is changed
    #[arg(long, conflicts_with = "base")]
    new: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Patch {
    /// Id of the record
    id: String,
    /// Members to change, as NAME=VALUE. A VALUE that is JSON is that value, and `null` removes the member; any other is a
    /// text
    #[arg(value_name = "NAME=VALUE", required = true, value_parser = pair)]
    members: Vec<(String, String)>,
    /// Version that the edit is made on [default: none, so single values are as given]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    base: Option<i64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Revert {
    /// Id of the record
    id: String,
    /// Version to bring back, as `ripple history` shows it
    #[arg(value_name = "VERSION")]
    to: u64,
    /// Keep what others changed since this version [default: bring the state back exactly]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    base: Option<i64>,
    #[command(flatten)]
    common: Common,
}

/// Parses `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("must be NAME=VALUE".to_owned()),
    }
}

pub(crate) fn put(connection: &target::Options, options: Put) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let mut members = members(&options.file)?;
    if options.new {
        members.retain(|(name, _)| *name != api.key_name);
        members.push((api.key_name.clone(), to_raw_value(&options.id)?));
        let path = format!("/{}", api.resource);
        return tell(&options.common, &send(&api, Method::POST, &path, Some(object(&members)))?);
    }
    with_base(&mut members, &api, options.base)?;
    tell(&options.common, &send(&api, Method::PUT, &api.path(&options.id), Some(object(&members)))?)
}

pub(crate) fn patch(connection: &target::Options, options: Patch) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let mut members = Vec::new();
    for (name, value) in options.members {
        let json = serde_json::from_str::<Box<RawValue>>(&value).or_else(|_| to_raw_value(&value))?;
        members.push((name, json));
    }
    with_base(&mut members, &api, options.base)?;
    tell(&options.common, &send(&api, Method::PATCH, &api.path(&options.id), Some(object(&members)))?)
}

pub(crate) fn revert(connection: &target::Options, options: &Revert) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let path = format!("{}/versions/{}", api.path(&options.id), options.to);
    let mut members = Vec::new();
    with_base(&mut members, &api, options.base)?;
    let body = (!members.is_empty()).then(|| object(&members));
    tell(&options.common, &send(&api, Method::POST, &path, body)?)
}

type Members = Vec<(String, Box<RawValue>)>;

/// Sets the version that an edit is made on.
fn with_base(members: &mut Members, api: &Api, base: Option<i64>) -> anyhow::Result<()> {
    if let Some(base) = base {
        members.retain(|(name, _)| *name != api.version_name);
        members.push((api.version_name.clone(), to_raw_value(&base)?));
    }
    Ok(())
}

/// Returns the members of the object in a file, with every digit.
fn members(file: &Path) -> anyhow::Result<Members> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    } else {
        text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    }
    let members: std::collections::BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text.trim_start_matches('\u{feff}')).context("it is not a JSON object")?;
    if members.is_empty() {
        bail!("it has no members, so there is nothing to save");
    }
    Ok(members.into_iter().collect())
}

fn object(members: &Members) -> String {
    let member = |(name, json): &(String, Box<RawValue>)| format!("{}:{json}", serde_json::Value::from(name.as_str()));
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
}

/// Sends a write. If it gets no answer, it is sent again with the same `Idempotency-Key`.
fn send(api: &Api, method: Method, path: &str, body: Option<String>) -> anyhow::Result<Answer> {
    let key: [u8; 16] = random();
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut headers = vec![("idempotency-key", key.as_str())];
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let mut tries = 1;
    loop {
        match api.send(method.clone(), path, &headers, body.clone()) {
            Err(error) if tries < TRIES && error.downcast_ref::<Failure>().is_some_and(Failure::is_unanswered) => {
                tries += 1;
            }
            answered => return answered,
        }
    }
}

/// Prints what became of a write.
fn tell(common: &Common, answer: &Answer) -> anyhow::Result<()> {
    let receipt = answer.header("ripple-receipt").context("the response has no receipt, so it may not be ripple's")?;
    let mut output = std::io::stdout().lock();
    if common.json {
        return Ok(writeln!(output, "{}", answer.body())?);
    }
    for line in words::of_receipt(receipt) {
        writeln!(output, "{line}")?;
    }
    Ok(())
}
