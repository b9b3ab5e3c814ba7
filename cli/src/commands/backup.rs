//! `ripple backup` and `ripple restore`: copy the tables to files, and back.
//!
//! A backup has the raw items, with the types of their values, so it does not depend on their meaning. They are
//! records, history, idempotency records and keys.
//!
//! | file | |
//! |---|---|
//! | for each resource, `prj.jsonl` and `prj_version.jsonl`; `key.jsonl` | items `{"Item": …}`, one on each line, as in DynamoDB's export |
//! | `backup.json` | where and when it was made, the number of items and the SHA-256 of each file; written last |

mod manifest;
mod restore;
mod typed;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use clap::Args;
use ripple_core::Timestamp;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Keys as _, Source as _};
use ripple_host::now;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::output::{self, Format};
use crate::target::{self, Target};

use manifest::{Contents, Manifest};

pub(crate) use restore::{Options as RestoreOptions, run as restore};

/// The file of the API keys.
const KEYS: &str = "key.jsonl";

/// A table, and its file in a backup.
pub(super) struct Copied {
    pub(super) table: String,
    pub(super) file: String,
    /// The table's partition key. Its presence shows that an item exists.
    pub(super) key: String,
}

impl Copied {
    /// Returns the tables of a target: two for each resource, and that of the keys.
    pub(super) fn of(target: &Target) -> Vec<Copied> {
        let of_store = |store: &DynamoDb| {
            let (name, key) = (&store.resource().name, store.resource().names.key.to_string());
            [(store.table(), format!("{name}.jsonl")), (store.history_table(), format!("{name}_version.jsonl"))]
                .map(|(table, file)| Copied { table: table.to_owned(), file, key: key.clone() })
        };
        let keys =
            Copied { table: target.keys().table_names().keys(), file: KEYS.to_owned(), key: "key_hash".to_owned() };
        target.stores.iter().flat_map(of_store).chain([keys]).collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder to create for the backup
    folder: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// A table that was copied, in the form of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    table: &'a str,
    #[serde(flatten)]
    contents: &'a Contents,
}

/// Copies the tables into a folder.
pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let Options { folder, format } = options;
    let mut target = connection.open().await?;
    connection.identify(&mut target).await;
    let began = now();
    fs::create_dir(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for Copied { table, file, .. } in Copied::of(&target) {
        let contents = copy(&target.client, &table, &folder, file).await?;
        match format.json {
            true => output::line(&Line { table: &table, contents: &contents })?,
            false => eprintln!("{table}: {} items", contents.items),
        }
        files.push(contents);
    }
    let mut changed = 0;
    for store in &target.stores {
        changed += changed_since(store, began).await?;
    }
    let site = target.site().to_owned();
    Manifest::new(&target, site, began, files).write(&folder)?;
    if changed > 0 {
        bail!(
            "{changed} records were saved during the backup, so {} does not show one point in time: \
             repeat the backup while no program writes, or back up tables restored to a point in time",
            folder.display()
        );
    }
    if !format.json {
        println!("wrote the backup to {}: {}", folder.display(), target);
    }
    Ok(())
}

/// Copies a table. Each page shows the table at the time of its read.
async fn copy(client: &Client, table: &str, folder: &Path, file: String) -> anyhow::Result<Contents> {
    let path = folder.join(&file);
    let mut options = File::options();
    options.write(true).create_new(true);
    // The keys' hashes are not secret by themselves, but records may be.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut output = BufWriter::new(opened);
    let (mut items, mut digest) = (0, Sha256::new());
    let mut pages = client.scan().table_name(table).consistent_read(true).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("cannot read {table}"))?;
        for item in page.items() {
            let line = typed::line(item)?;
            output.write_all(&line)?;
            digest.update(&line);
            items += 1;
        }
    }
    let written = output.into_inner().with_context(|| format!("cannot write {}", path.display()))?;
    written.sync_all()?;
    Ok(Contents { file, items, sha256: manifest::hexadecimal(&digest.finalize()) })
}

/// Returns how many records state that they were saved since a time. Writes of other programs do not state it.
async fn changed_since(store: &DynamoDb, since: Timestamp) -> anyhow::Result<usize> {
    let mut changed = 0;
    for shard in 0..store.shards() {
        let mut from = None;
        loop {
            let page = store.changes(shard, since, from, 1_000, &mut Capacity::default()).await;
            let page = page.context("cannot read which records were saved during the backup")?;
            changed += page.entries.len();
            match page.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
    }
    Ok(changed)
}
