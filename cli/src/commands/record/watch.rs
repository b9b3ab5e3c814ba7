//! `ripple watch`: changes of records as they happen.

use std::io::Write;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use ureq::http::Method;

use super::Common;
use super::read::time;
use crate::api::{Answer, Api};
use crate::target;

/// How long the API may hold a request until there is a change (RFC 7240).
const WAIT: &str = "wait=25";
/// The pause between requests to a host that holds none.
const PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Cursor to begin after, as `--json` prints it [default: now]
    #[arg(long, value_name = "CURSOR")]
    since: Option<String>,
    #[command(flatten)]
    common: Common,
}

pub(crate) fn watch(connection: &target::Options, options: &Watch) -> anyhow::Result<()> {
    let api = options.common.api.open(connection)?;
    let folder = format!("/{}/", api.resource);
    let mut output = std::io::stdout();
    let mut cursor = options.since.clone();
    // The changes up to now are only passed over.
    let mut is_past = cursor.is_none();
    let mut known = std::collections::HashMap::new();
    loop {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(cursor.as_ref().map(|cursor| ("since", cursor)))
            .finish();
        let answer = api.send(Method::GET, &format!("{folder}_changes?{query}"), &[("prefer", WAIT)], None)?;
        let page = answer.json()?;
        cursor =
            Some(page["cursor"].as_str().context("the response has no cursor, so it may not be ripple's")?.to_owned());
        tell(&api, options, &page, is_past, &mut known, &mut output)?;
        if answer.next(&folder).is_some() {
            continue;
        }
        if is_past {
            eprintln!("watching {} at {}", api.resource, cursor.as_deref().unwrap_or_default());
        }
        is_past = false;
        if !is_held(&answer) {
            sleep(PAUSE);
        }
    }
}

/// Reports whether the host held the request until there was a change.
fn is_held(answer: &Answer) -> bool {
    answer.header("preference-applied").is_some_and(|applied| applied.contains("wait"))
}

/// Prints the changes of a page that are news. The API tells a change at least once.
fn tell(
    api: &Api,
    options: &Watch,
    page: &Value,
    is_past: bool,
    known: &mut std::collections::HashMap<String, Option<i64>>,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for record in page["changed"].as_array().into_iter().flatten() {
        let (id, version) = (text(&record[&api.key_name]), record[&api.version_name].as_i64());
        if known.insert(id.clone(), version) == Some(version) || is_past {
            continue;
        }
        if options.common.json {
            writeln!(output, "{}", serde_json::json!({"changed": record, "cursor": page["cursor"]}))?;
            continue;
        }
        let by = record["updated_by"].as_str().unwrap_or("another program");
        let when = record["updated_at"].as_u64().map(time).unwrap_or_default();
        writeln!(output, "{when}  {id} is at version {}, by {by}", version.unwrap_or_default())?;
    }
    for id in page["deleted"].as_array().into_iter().flatten().map(text) {
        if known.insert(id.clone(), None) == Some(None) || is_past {
            continue;
        }
        if options.common.json {
            writeln!(output, "{}", serde_json::json!({"deleted": id, "cursor": page["cursor"]}))?;
        } else {
            writeln!(output, "{id} was deleted")?;
        }
    }
    output.flush()?;
    Ok(())
}
