//! Commands that read records.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use humantime::format_rfc3339_seconds;
use ripple_core::record::schema::Resource;
use ripple_core::sheet::{self, Columns};
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
    #[arg(value_name = "NAME=VALUE", value_parser = condition)]
    filters: Vec<(String, String)>,
    /// Words that must occur in the record
    #[arg(long, value_name = "WORDS")]
    q: Option<String>,
    /// Members to order by, between commas; `-` before one is descending
    #[arg(long, value_name = "NAMES", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Members to print, between commas. JSON that an import is to merge needs the version among them
    #[arg(long, value_name = "NAMES")]
    fields: Option<String>,
    /// The largest number of records to print
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Form of a record; a sheet is printed when all records are read
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    common: Common,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A line of JSON for each record: an import of it merges what was edited
    #[default]
    Json,
    /// CSV with a row for each record, and its version: an import of it merges what was edited
    Csv,
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

/// Parses a condition. The API's parameter `format` is none: a page of a sheet is no list of JSON.
fn condition(text: &str) -> Result<(String, String), String> {
    let pair = super::save::pair(text)?;
    if pair.0 == "format" {
        return Err(
            "`list` prints JSON. `list --format csv` prints a sheet of what it finds, and `ripple export --format \
                    csv FILE` writes one of all records. A member of this name is /format"
                .to_owned(),
        );
    }
    Ok(pair)
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
    // A row must name its version, or an import would take it for a new record.
    let has_version = |fields: &str| fields.split(',').any(|field| field == api.version_name);
    let versioned =
        |fields: String| if has_version(&fields) { fields } else { format!("{fields},{}", api.version_name) };
    let fields = match options.format {
        Format::Json => options.fields.clone(),
        Format::Csv => options.fields.clone().map(versioned),
    };
    for (name, value) in [("q", &options.q), ("sort", &options.sort), ("fields", &fields)] {
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
    let mut rows = Vec::new();
    let mut is_counted = options.filters.iter().any(|(name, value)| name == "count" && value == "true");
    while let Some(page) = path.take_if(|_| left > 0) {
        let answer = api.send(Method::GET, &page, &[], None)?;
        // Every page has the count. Standard output has only the list.
        if let (true, Some(count)) = (std::mem::take(&mut is_counted), answer.header("ripple-count")) {
            eprintln!("{count} {}", if count == "1" { "record matches" } else { "records match" });
        }
        let records: Vec<&RawValue> = serde_json::from_str(answer.body()).context("the response is not a list")?;
        for record in records.iter().take(left) {
            match options.format {
                Format::Json => writeln!(output, "{record}")?,
                Format::Csv => rows.push(record.get().to_owned()),
            }
        }
        left = left.saturating_sub(records.len());
        path = answer.next("/");
    }
    match options.format {
        Format::Json => Ok(()),
        Format::Csv => {
            let resources = connection.resources()?;
            let resource = resources.get(&api.resource).context("the resource has no file")?;
            print_sheet(&mut output, resource, options.fields.as_deref(), &rows)
        }
    }
}

/// Prints records as a sheet, in the form of `ripple export --format csv`.
fn print_sheet(
    output: &mut impl Write,
    resource: &Resource,
    fields: Option<&str>,
    records: &[String],
) -> anyhow::Result<()> {
    let columns = match fields {
        Some(fields) => Columns::chosen(resource, &fields.split(',').map(str::to_owned).collect::<Vec<_>>()),
        None => {
            let mut names = BTreeSet::new();
            records.iter().for_each(|record| sheet::names_in(record.as_bytes(), &mut names));
            Columns::of(resource, &names)
        }
    };
    output.write_all("\u{feff}".as_bytes())?;
    output.write_all(&columns.header())?;
    for record in records {
        output.write_all(&columns.row(record.as_bytes()).context("a record cannot be read")?)?;
    }
    Ok(output.flush()?)
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
