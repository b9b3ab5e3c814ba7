//! # ripple
//!
//! ripple on the command line: a local API on an embedded DynamoDB, keys, tables, import, export, backup and check.
//!
//! In scope: the tasks of a person at a terminal. Out of scope: the meaning of requests (`ripple-core`) and the form of
//! events (`ripple-lambda`). `ripple dev` calls the same handler that Lambda calls.

mod api;
mod commands;
mod dev_file;
mod keys;
mod output;
mod scratch;
mod share;
mod target;
mod words;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use commands::{backup, check, dev, doctor, export, hook, import, init, key, record, resource, table, template};

/// The settings that are not flags. The others are documented with their flags.
const ENVIRONMENT: &str = "\
Environment:
  AWS_ENDPOINT_URL           URL of DynamoDB if AWS_ENDPOINT_URL_DYNAMODB is not set
  AWS_DEFAULT_REGION         AWS region if AWS_REGION is not set
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE,
  AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
  AWS_CONTAINER_CREDENTIALS_FULL_URI and the other variables of the AWS SDKs
                             Credentials, in the order of the SDKs' default chain
  AWS_CA_BUNDLE              File of CA certificates to trust instead of the system's
  RIPPLE_KEY                 API key of the commands that ask the API, and that `ripple key verify` and `ripple doctor` check
  RIPPLE_HOOK_SECRETS        Secrets with which `ripple dev` and `ripple hook replay` sign messages to webhooks
  RIPPLE_LOG                 Log level of `ripple dev`: error, warn, info, debug [default: warn]";

/// Serve and manage records in DynamoDB that a whole team can edit at once
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true, after_help = ENVIRONMENT)]
struct Cli {
    #[command(flatten)]
    connection: target::Options,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the API on this machine, with the Lambda handler and an embedded DynamoDB
    Dev(dev::Options),
    /// Write the files that a project begins with: resources, settings of SAM and wrangler, a README
    Init(init::Options),
    /// Create, list, rotate, verify and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Create and describe the tables
    #[command(subcommand)]
    Table(table::Command),
    #[command(flatten)]
    Record(record::Command),
    /// Check, list, infer and compare resource files
    #[command(subcommand)]
    Resource(resource::Command),
    /// Print the SAM template of the resource files in a folder
    Template(resource::Folder),
    /// Send the changes of a resource to its webhook again
    #[command(subcommand)]
    Hook(hook::Command),
    /// Check an installation, and print how to fix each problem
    Doctor(doctor::Options),
    /// Merge the edits of a file, and create the records that are missing
    Import(import::Options),
    /// Write all records to a file of JSON lines, or of CSV
    Export(export::Options),
    /// Copy all items of the tables into a folder
    Backup(backup::Options),
    /// Restore the items that the tables lack, and leave existing items unchanged
    Restore(backup::RestoreOptions),
    /// Print the completions of a shell, for the file that the shell reads them from
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a folder
    Man {
        /// The folder, which must exist
        folder: std::path::PathBuf,
    },
    /// Search for a schedule of writers that loses an edit, in memory or at --endpoint-url
    Check(check::Options),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli { mut connection, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    connection.note_flags(&matches);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ripple: cannot start the async runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&connection, command)) {
        Ok(code) => code,
        // The reader of the output has closed it, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ripple: {error:#}");
            error.downcast_ref::<api::Failure>().map_or(ExitCode::FAILURE, api::Failure::exit_code)
        }
    }
}

async fn run(connection: &target::Options, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev(options) => dev::run(connection, options).await?,
        Command::Init(options) => init::run(&options)?,
        Command::Key(command) => key::run(connection, command).await?,
        Command::Table(command) => table::run(connection, command).await?,
        Command::Record(command) => record::run(connection, command).await?,
        Command::Completions { shell } => {
            // The generator panics if its output is closed.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "ripple", &mut script);
            std::io::stdout().write_all(&script)?;
        }
        Command::Man { folder } => {
            let made = clap_mangen::generate_to(Cli::command(), &folder);
            made.with_context(|| format!("cannot write the manual pages into {}", folder.display()))?;
        }
        Command::Resource(command) => return resource::run(connection, command).await,
        // It runs an API to the end, which a task of this runtime must not.
        Command::Template(folder) => {
            let folder = folder.of(connection).to_owned();
            tokio::task::spawn_blocking(move || template::run(&folder)).await??;
        }
        Command::Hook(command) => hook::run(connection, command).await?,
        Command::Doctor(options) => doctor::run(connection, options).await?,
        Command::Import(options) => import::run(connection, options).await?,
        Command::Export(options) => export::run(connection, options).await?,
        Command::Backup(options) => backup::run(connection, options).await?,
        Command::Restore(options) => backup::restore(connection, options).await?,
        Command::Check(options) => check::run(connection, options).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports whether an error says that the reader closed standard output. No command writes to another pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
