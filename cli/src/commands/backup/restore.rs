//! `ripple restore`: puts back missing items, and changes no existing one.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use clap::Args;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::manifest::Manifest;
use super::{Copied, KEYS, typed};
use crate::output::{self, Format};
use crate::target;

/// The number of items written at once.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the backup
    folder: PathBuf,
    /// Restore only the API keys; a lost key that was revoked after the backup becomes valid again
    #[arg(long)]
    keys: bool,
    #[command(flatten)]
    format: Format,
}

/// What became of a table's items, in the form of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    table: &'a str,
    restored: usize,
    present: usize,
    /// Those that are present with other content.
    differing: usize,
}

/// The result for one item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    PutBack,
    /// An equal item exists.
    Same,
    /// A different item exists.
    Differs,
}

/// Puts items back into the existing tables of the site.
pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let Options { folder, keys, format } = options;
    let manifest = Manifest::read(&folder)?;
    let target = connection.open_to_change().await?;
    let mut differing = 0;
    let tables = Copied::of(&target);
    let backed_up = |file: &str| manifest.files.iter().any(|contents| contents.file == file);
    if let Some(unknown) = manifest.files.iter().find(|contents| tables.iter().all(|table| table.file != contents.file))
    {
        bail!("the backup has {}, and no resource here: name the folder of its file with --resources", unknown.file);
    }
    for Copied { table, file: name, key } in &tables {
        if (name == KEYS) != keys || !backed_up(name) {
            continue;
        }
        let path = folder.join(name);
        let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let lines = BufReader::new(file).lines();
        let client = &target.client;
        let outcomes = futures_util::stream::iter(lines.enumerate())
            .map(|(number, line)| async move {
                let put = async { put(client, table, key, &line?).await };
                put.await.with_context(|| format!("{name} line {}", number + 1))
            })
            .buffer_unordered(CONCURRENCY);
        let outcomes: Vec<Outcome> = outcomes.try_collect().await?;
        let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
        let (put_back, same, differs) = (count(Outcome::PutBack), count(Outcome::Same), count(Outcome::Differs));
        match format.json {
            true => output::line(&Line { table, restored: put_back, present: same, differing: differs })?,
            false => {
                println!("{table}: {put_back} restored, {same} already present, {differs} present with other content");
            }
        }
        differing += differs;
    }
    let Manifest { began, site, .. } = &manifest;
    if keys {
        eprintln!(
            "restored keys have their state of {began}: revoke again each key that was revoked later (`ripple key list`)"
        );
    } else {
        eprintln!(
            "restored records and history have their state of {began} in the site {site}; --keys restores the keys"
        );
    }
    if differing > 0 {
        bail!(
            "{differing} items have other content and were left unchanged: restore to an empty site (--site) to get them"
        );
    }
    Ok(())
}

async fn put(client: &Client, table: &str, partition_key: &str, line: &str) -> anyhow::Result<Outcome> {
    let item = typed::item(line)?;
    let put = client
        .put_item()
        .table_name(table)
        .set_item(Some(item.clone()))
        .condition_expression("attribute_not_exists(#key)")
        .expression_attribute_names("#key", partition_key)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match put.send().await {
        Ok(_) => Ok(Outcome::PutBack),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                let there = failed.item().is_some_and(|there| typed::line(there).ok() == typed::line(&item).ok());
                Ok(if there { Outcome::Same } else { Outcome::Differs })
            }
            _ => bail!("cannot restore the item: {}", DisplayErrorContext(error)),
        },
    }
}
