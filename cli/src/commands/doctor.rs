//! `ripple doctor`: checks an installation, and says for each problem in one sentence how to fix it.
//!
//! It only reads: tables, a key, and the answers of the API and of the edge.

mod api;
mod tables;

use std::fmt;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ripple_core::auth::ApiKey;
use ripple_core::http::origin_secret::{self, OriginSecret};
use ripple_host::environment;
use serde::Serialize;

use crate::dev_file::DevFile;
use crate::output::{self, Format};
use crate::target;

/// The largest difference between clocks. If it is larger, lists are older than they say: a refresh only reads back
/// this far.
const CLOCKS: Duration = ripple_core::limits::LAG;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Base URL of the API, including its stage [default: the `ripple dev` that runs in --data]
    #[arg(long, env = "RIPPLE_URL", value_name = "URL")]
    url: Option<String>,
    /// Base URL of the edge [default: the `cargo xtask dev` that runs in --data]
    #[arg(long, env = "RIPPLE_EDGE_URL", value_name = "URL")]
    edge_url: Option<String>,
    /// Read the key from standard input [default: RIPPLE_KEY, or the `ripple dev` that runs in --data]
    #[arg(long)]
    key_stdin: bool,
    #[command(flatten)]
    format: Format,
}

/// The result of one check.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The subject of the check.
    what: &'static str,
    /// The state, or the problem and how to fix it.
    told: Result<String, String>,
}

impl Finding {
    fn good(what: &'static str, told: impl Into<String>) -> Finding {
        Finding { what, told: Ok(told.into()) }
    }

    fn bad(what: &'static str, told: impl Into<String>) -> Finding {
        Finding { what, told: Err(told.into()) }
    }
}

/// A finding in the form of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    check: &'a str,
    ok: bool,
    detail: &'a str,
}

impl<'a> Shown<'a> {
    fn of(finding: &'a Finding) -> Self {
        let (Ok(detail) | Err(detail)) = &finding.told;
        Shown { check: finding.what, ok: finding.told.is_ok(), detail }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.told {
            Ok(told) => write!(f, "ok     {:10}  {told}", self.what),
            Err(told) => write!(f, "WRONG  {:10}  {told}", self.what),
        }
    }
}

pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let dev = DevFile::of_running(&connection.data);
    let key = key(&options, dev.as_ref())?;
    let of_dev = |url: fn(&DevFile) -> Option<&String>| dev.as_ref().and_then(url).cloned();
    let url = options.url.or_else(|| of_dev(|dev| Some(&dev.url)));
    let edge_url = options.edge_url.or_else(|| of_dev(|dev| dev.edge_url.as_ref()));

    let secret = origin_secret()?;

    let target = connection.open().await?;
    let mut findings = tables::look(&target, key.as_ref()).await;
    match url {
        None => findings.push(Finding::bad("api", "its URL is unknown: give --url, or set RIPPLE_URL")),
        Some(url) => {
            // The client blocks, and there is no other work meanwhile.
            let newest = api::newest(target.resources().first());
            let look = move || api::look(&url, edge_url.as_deref(), &newest, key.as_ref(), secret.as_deref());
            findings.extend(tokio::task::spawn_blocking(look).await.context("the checks of the API failed")?);
        }
    }
    let wrong = findings.iter().filter(|finding| finding.told.is_err()).count();
    for finding in &findings {
        if options.format.json {
            output::line(&Shown::of(finding))?;
        } else {
            writeln!(std::io::stdout().lock(), "{finding}")?;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => bail!("1 check failed"),
        _ => bail!("{wrong} checks failed"),
    }
}

/// Returns the secret that the API and the edge share, if there is one: `RIPPLE_ORIGIN_SECRET`, or the first of two.
fn origin_secret() -> anyhow::Result<Option<String>> {
    let Some(text) = environment(origin_secret::VARIABLE) else { return Ok(None) };
    OriginSecret::parse(&text)?;
    Ok(text.split(',').next().map(|first| first.trim().to_owned()))
}

/// Reads the key, but never from an argument, which every user of the machine could see.
fn key(options: &Options, dev: Option<&DevFile>) -> anyhow::Result<Option<ApiKey>> {
    let text = if options.key_stdin {
        let mut text = String::new();
        std::io::stdin().take(1024).read_to_string(&mut text).context("cannot read a key from standard input")?;
        Some(text)
    } else {
        environment("RIPPLE_KEY").or_else(|| dev.map(|dev| dev.key.clone()))
    };
    match text {
        None => Ok(None),
        Some(text) => match ApiKey::parse(text.trim()) {
            Some(key) => Ok(Some(key)),
            None => bail!(
                "this is not a ripple key: its form or its checksum is wrong. Check that it was copied completely"
            ),
        },
    }
}
