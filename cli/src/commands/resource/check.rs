//! `ripple resource check`: checks resource files, and with `--table` the items of their tables.

mod comments;
mod tally;

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Args;
use ripple_core::record::schema::{Location, Resource, Resources, SchemaFault};
use serde::Serialize;

use super::infer::SAMPLE;
use super::{Folder, Note, items, read_as};
use crate::output::{self, Format};
use crate::target::{self, Target};

use tally::Tally;

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    folder: Folder,
    /// Treat warnings and comments as faults; `ripple resource infer` asks its questions in comments
    #[arg(long)]
    strict: bool,
    /// Check the items in the tables of all resources, or of this one, by the rules of a creation
    #[arg(long, value_name = "NAME", num_args = 0..=1, conflicts_with = "json")]
    table: Option<Option<String>>,
    /// Check every item instead of a sample of 2,000
    #[arg(long, requires = "table")]
    all: bool,
    /// Print the ids of items that break a rule, but no values
    #[arg(long, requires = "table")]
    ids_only: bool,
    #[command(flatten)]
    format: Format,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Valid<'a> {
    valid: &'a [&'a str],
}

pub(crate) async fn run(connection: &target::Options, options: &Options) -> anyhow::Result<()> {
    let Options { strict, table, .. } = options;
    let folder = options.folder.of(connection);
    let (files, resources) = read_as(folder, options.format)?;
    let mut warnings = 0;
    for warning in resources.warnings() {
        Note::of("warning", warning).print(options.format)?;
        warnings += 1;
    }
    for (name, text) in files.iter().filter(|_| *strict) {
        for pointer in comments::of(text) {
            let rule = "is a comment, which may be an open question".to_owned();
            let comment = SchemaFault { file: name.clone(), location: Location::Pointer(pointer), rule };
            Note::of("comment", &comment).print(options.format)?;
            warnings += 1;
        }
    }
    if *strict && warnings > 0 {
        bail!("{} has warnings or comments", folder.display());
    }
    // Two names in the template can be equal.
    let made = {
        let (resources, files) = (resources.clone(), files.clone());
        tokio::task::spawn_blocking(move || ripple_deploy::deployment(&resources, &files)).await?
    };
    made.with_context(|| format!("{} cannot be deployed", folder.display()))?;
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    if options.format.json {
        output::line(&Valid { valid: &names })?;
    } else {
        writeln!(std::io::stdout().lock(), "{} is valid: {}", folder.display(), names.join(", "))?;
    }
    match table {
        Some(name) => tables(connection, options, &resources, name.as_deref()).await,
        None => Ok(()),
    }
}

/// Checks the items of the tables of all resources, or of one.
async fn tables(
    connection: &target::Options,
    options: &Options,
    resources: &Resources,
    name: Option<&str>,
) -> anyhow::Result<()> {
    let is_chosen = |resource: &&Resource| name.is_none_or(|name| resource.name == name);
    let chosen: Vec<&Resource> = resources.iter().map(AsRef::as_ref).filter(is_chosen).collect();
    if chosen.is_empty() {
        let name = name.unwrap_or_default();
        bail!("{} has no resource {name}: `ripple resource list` lists them", options.folder.of(connection).display());
    }
    let target = connection.open().await?;
    let mut broken = Vec::new();
    for resource in chosen {
        let is_sound = items_of(&target, options, resource).await?;
        if !is_sound {
            broken.push(resource.name.as_str());
        }
    }
    if broken.is_empty() { Ok(()) } else { bail!("some items break the rules of {}", broken.join(", ")) }
}

/// Checks the items of a table, and prints the rules that they break. Reports whether they break none.
async fn items_of(target: &Target, options: &Options, resource: &Resource) -> anyhow::Result<bool> {
    let table = items::of(target, resource).await?;
    let mut tally = Tally::new(resource);
    let most = (!options.all).then_some(SAMPLE);
    let extent = items::read(&target.client, &table, most, |item| tally.add(&item)).await?;
    eprintln!("{}", extent.told(&table));
    let mut output = std::io::stdout().lock();
    for line in tally.lines(!options.ids_only) {
        writeln!(output, "{line}").context("cannot write the result")?;
    }
    Ok(tally.is_sound())
}
