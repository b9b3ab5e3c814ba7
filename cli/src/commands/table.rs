//! `ripple table`

mod backfill;
pub(crate) mod partition;
mod protection;
mod ready;
mod stream;

use std::io::Write as _;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ripple_core::store::dynamodb::{TableState, TableStatus};
use serde::Serialize;

use crate::output::{self, Format};
use crate::target::{self, Target};

pub(crate) use protection::Protection;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create missing tables, and add the index, TTL, stream and protection that a table lacks
    Create(Format),
    /// Give each record of another program a version, a row of the history and its place in the index, and move records
    /// back from partitions of the index that are no longer read
    Backfill(backfill::Options),
    /// List the tables with their state and what they lack
    Describe(Format),
}

/// A table and its protection. The protection is `None` if the table is missing or is not ripple's.
pub(crate) type Described = (TableStatus, Option<Protection>);

pub(crate) async fn run(connection: &target::Options, command: Command) -> anyhow::Result<()> {
    let (tables, format) = match command {
        Command::Create(format) => {
            // The names are printed first, since a misspelt site would silently give empty tables.
            let target = connection.open_to_change().await?;
            for store in &target.stores {
                store.create_tables().await.context("cannot create the tables")?;
            }
            protect(&target).await?;
            stream::enable(&target).await?;
            (describe(&target).await?, format)
        }
        Command::Backfill(options) => return backfill::run(connection, options).await,
        Command::Describe(format) => (describe(&connection.open().await?).await?, format),
    };
    if format.json {
        tables.iter().try_for_each(|table| output::line(&Shown::of(table)))?;
    } else {
        print(&tables)?;
    }
    let good = |(table, protection): &Described| {
        let protected = protection.as_ref().is_none_or(|protection| protection.lacking().is_none());
        matches!(table.state, TableState::Ready | TableState::Pending(_)) && protected
    };
    if tables.iter().all(good) { Ok(()) } else { bail!("at least one table is missing or incomplete") }
}

/// A table in the form of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    table: &'a str,
    /// What ripple can do with it: `ready`, `pending`, `lacking`, `foreign` or `missing`.
    state: &'static str,
    lacks: Option<String>,
    items: i64,
    bytes: i64,
}

impl<'a> Shown<'a> {
    fn of((TableStatus { name, state, items, bytes }, protection): &'a Described) -> Self {
        let unprotected = protection.as_ref().and_then(Protection::lacking);
        let (state, lacks) = match (state, unprotected) {
            (TableState::Ready, None) => ("ready", None),
            (TableState::Ready, Some(what)) => ("lacking", Some(what.to_string())),
            (TableState::Pending(_), _) => ("pending", None),
            (TableState::Lacks(what), _) => ("lacking", Some(what.to_string())),
            (TableState::Foreign(_), _) => ("foreign", None),
            (TableState::Missing, _) => ("missing", None),
        };
        Shown { table: name, state, lacks, items: *items, bytes: *bytes }
    }
}

fn print(tables: &[Described]) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    for (TableStatus { name, state, items, bytes }, protection) in tables {
        let state = match (state, protection.as_ref().and_then(Protection::lacking)) {
            (TableState::Ready, None) => "ready".to_owned(),
            (TableState::Ready, Some(what)) => format!("lacks {what}; `ripple table create` adds it"),
            (TableState::Pending(status), _) => format!("not ready yet: {}", status.to_lowercase()),
            (TableState::Lacks(what), _) => format!("lacks {what}; `ripple table create` adds it"),
            (TableState::Foreign(key), _) => format!("not a table of ripple: its key is {key}"),
            (TableState::Missing, _) => "missing; `ripple table create` creates it".to_owned(),
        };
        writeln!(output, "{name:24}  {items:>10} items  {bytes:>12} bytes  {state}")?;
    }
    Ok(())
}

/// Describes the tables of a target.
pub(crate) async fn describe(target: &Target) -> anyhow::Result<Vec<Described>> {
    let mut tables = Vec::new();
    let mut keys = None;
    for store in &target.stores {
        let mut of_store = store.describe_tables().await.context("cannot describe the tables")?;
        // Every store describes the site's keys too, at the end.
        keys = of_store.pop();
        tables.extend(of_store);
    }
    let mut described = Vec::new();
    for table in tables.into_iter().chain(keys) {
        let protection = match table.state {
            TableState::Missing | TableState::Foreign(_) => None,
            _ => Some(protection::look(&target.client, &table.name).await?),
        };
        described.push((table, protection));
    }
    Ok(described)
}

async fn protect(target: &Target) -> anyhow::Result<()> {
    for (table, protection) in describe(target).await? {
        if let Some(protection) = protection {
            protection.complete(&target.client, &table.name).await?;
        }
    }
    Ok(())
}
