//! Commands that read records.

use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use humantime::format_rfc3339_seconds;
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::http::Method;

use super::Common;
use crate::target;

#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Id of the record
    id: String,
    /// Print the record as it was at this version
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Members and the values that they must have, as NAME=VALUE
    #[arg(value_name = "NAME=VALUE", value_parser = super::save::pair)]
    filters: Vec<(String, String)>,
    /// Words that must occur in the record
    #[arg(long, value_name = "WORDS")]
    q: Option<String>,
    /// Members to order by, between commas; `-` before one is descending
    #[arg(long, value_name = "NAMES", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Members to print, between commas
    #[arg(long, value_name = "NAMES")]
    fields: Option<String>,
    /// The largest number of records to print
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct History {
    /// Id of the record
    id: String,
    /// The largest number of writes to print
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    common: Common,
}

/// The largest page that the API takes.
const PAGE: usize = 1000;

pub(crate) fn get(connection: &target::Options, options: &Get) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let version = options.at.map(|version| format!("/versions/{version}")).unwrap_or_default();
    let answer = api.send(Method::GET, &format!("{}{version}", api.path(&options.id)), &[], None)?;
    if options.common.json {
        return Ok(writeln!(std::io::stdout(), "{}", answer.body())?);
    }
    // Members in lines of their own. The values stay as they came, with every digit.
    let members: std::collections::BTreeMap<String, &RawValue> =
        serde_json::from_str(answer.body()).context("the response is not a record, so it may not be ripple's")?;
    let lines = members.iter().map(|(name, value)| format!("  {}: {value}", Value::from(name.as_str())));
    Ok(writeln!(std::io::stdout(), "{{\n{}\n}}", lines.collect::<Vec<_>>().join(",\n"))?)
}

pub(crate) fn list(connection: &target::Options, options: &List) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("q", &options.q), ("sort", &options.sort), ("fields", &options.fields)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    query.extend_pairs(&options.filters);
    if let Some(limit) = options.limit {
        query.append_pair("limit", &limit.clamp(1, PAGE).to_string());
    }
    let mut path = Some(format!("/{}?{}", api.resource, query.finish()));
    let mut left = options.limit.unwrap_or(usize::MAX);
    let mut output = std::io::stdout().lock();
    while let Some(page) = path.take_if(|_| left > 0) {
        let answer = api.send(Method::GET, &page, &[], None)?;
        let records: Vec<&RawValue> = serde_json::from_str(answer.body()).context("the response is not a list")?;
        for record in records.iter().take(left) {
            writeln!(output, "{record}")?;
        }
        left = left.saturating_sub(records.len());
        path = answer.next("/");
    }
    Ok(())
}

pub(crate) fn history(connection: &target::Options, options: &History) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let folder = api.path(&options.id);
    let mut path = Some(format!("{folder}/versions"));
    let mut left = options.limit.unwrap_or(usize::MAX);
    let mut output = std::io::stdout().lock();
    while let Some(page) = path.take_if(|_| left > 0) {
        let answer = api.send(Method::GET, &page, &[], None)?;
        let writes: Vec<Value> = serde_json::from_str(answer.body()).context("the response is not a history")?;
        for write in writes.iter().take(left) {
            let line = if options.common.json { write.to_string() } else { sentence(write) };
            writeln!(output, "{line}")?;
        }
        left = left.saturating_sub(writes.len());
        path = answer.next(&format!("{folder}/"));
    }
    Ok(())
}

/// Returns a write of the history in words.
fn sentence(write: &Value) -> String {
    let when = write["updated_at"].as_u64().map_or_else(|| "at an unknown time".to_owned(), time);
    let person = write["updated_author"]["name"].as_str().map(|name| format!("{name}, with the key "));
    let by = write["updated_by"].as_str().unwrap_or("another program");
    let mut changes: Vec<String> = Vec::new();
    for change in write["changes"].as_array().into_iter().flatten() {
        let field = change["field"].as_str().filter(|field| !field.is_empty()).unwrap_or("the whole record");
        if !changes.iter().any(|told| told == field) {
            changes.push(field.to_owned());
        }
    }
    let is = |member: &str| write[member].as_bool() == Some(true);
    let what = match write["version"].as_u64() {
        _ if is("deleted") => "deleted".to_owned(),
        Some(1) if !is("external") => "created".to_owned(),
        _ if changes.is_empty() => "left as it was found".to_owned(),
        _ => format!("changed {}", changes.join(", ")),
    };
    format!("{}  {when}  {}{by}: {what}", write["version"], person.unwrap_or_default())
}

/// Returns a time of the API as text.
pub(super) fn time(ms: u64) -> String {
    format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}
