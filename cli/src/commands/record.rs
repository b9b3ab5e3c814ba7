//! Records by hand: `ripple get`, `list`, `put`, `patch`, `history`, `revert` and `watch`. They ask the API, as any client
//! does.

mod read;
mod save;
mod watch;

use clap::{Args, Subcommand};

use crate::api::{self, EXIT_CODES};
use crate::target;

/// A command on records.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a record as JSON
    #[command(after_help = EXIT_CODES)]
    Get(read::Get),
    /// Print the records that a query selects, one line of JSON each
    #[command(after_help = EXIT_CODES)]
    List(read::List),
    /// Print who changed a record, and what, newest first
    #[command(after_help = EXIT_CODES)]
    History(read::History),
    /// Save a whole record, and say what became of it
    #[command(after_help = EXIT_CODES)]
    Put(save::Put),
    /// Change some members of a record, and say what became of it
    #[command(after_help = EXIT_CODES)]
    Patch(save::Patch),
    /// Bring a state of a record's history back, and say what became of it
    #[command(after_help = EXIT_CODES)]
    Revert(save::Revert),
    /// Print changes of records as they happen, until it is interrupted
    #[command(after_help = EXIT_CODES)]
    Watch(watch::Watch),
}

/// What every command on records takes.
#[derive(Clone, Debug, Args)]
struct Common {
    #[command(flatten)]
    api: api::Options,
    /// Print JSON, and no sentences
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(connection: &target::Options, command: Command) -> anyhow::Result<()> {
    // The client blocks, and there is no other work meanwhile.
    tokio::task::block_in_place(|| match command {
        Command::Get(options) => read::get(connection, &options),
        Command::List(options) => read::list(connection, &options),
        Command::History(options) => read::history(connection, &options),
        Command::Put(options) => save::put(connection, options),
        Command::Patch(options) => save::patch(connection, options),
        Command::Revert(options) => save::revert(connection, &options),
        Command::Watch(options) => watch::watch(connection, &options),
    })
}
