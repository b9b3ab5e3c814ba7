//! `ripple table`

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ripple_core::store::dynamodb::{TableState, TableStatus};

use crate::connection;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the tables that are missing, and the index and TTL that a table lacks
    Create,
    /// Tell which tables are there and whether they have what ripple needs
    Describe,
}

pub(crate) async fn run(connection: &connection::Options, command: Command) -> anyhow::Result<()> {
    let store = connection.open_to_change().await?.store;
    let tables = match command {
        Command::Create => store.create_tables().await.context("cannot make the tables")?,
        Command::Describe => store.describe_tables().await.context("cannot describe the tables")?,
    };
    for TableStatus { name, state, items, bytes } in &tables {
        let state = match state {
            TableState::Ready => "ready".to_owned(),
            TableState::Pending(status) => format!("not ready yet: {}", status.to_lowercase()),
            TableState::Lacks(what) => format!("lacks {what}; `ripple table create` adds it"),
            TableState::Foreign(key) => format!("not ripple's: its key is {key}"),
            TableState::Missing => "missing; `ripple table create` makes it".to_owned(),
        };
        println!("{name:24}  {items:>10} items  {bytes:>12} bytes  {state}");
    }
    if tables.iter().all(|table| matches!(table.state, TableState::Ready | TableState::Pending(_))) {
        Ok(())
    } else {
        bail!("not every table is as it must be")
    }
}
