//! # ripple
//!
//! ripple on the command line: a local API on an embedded DynamoDB, keys, tables, import, export, backup and check.
//!
//! In scope: the tasks of a person at a terminal. Out of scope: the meaning of requests (`ripple-core`) and the form of
//! events (`ripple-lambda`). `ripple dev` calls the same handler that Lambda calls.

mod commands;
mod dev_file;
mod keys;
mod output;
mod target;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use commands::{backup, check, dev, doctor, export, import, key, resource, table};

/// The settings that are not flags. The others are documented with their flags.
const ENVIRONMENT: &str = "\
Environment:
  AWS_ENDPOINT_URL           As AWS_ENDPOINT_URL_DYNAMODB, which goes first
  AWS_DEFAULT_REGION         As AWS_REGION, which goes first
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE,
  AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
  AWS_CONTAINER_CREDENTIALS_FULL_URI and the rest of AWS's SDKs
                             Credentials, in the order of their default chain
  AWS_CA_BUNDLE              A file of certificates to trust instead of the machine's
  RIPPLE_KEY                 The key of `ripple key verify` and `ripple doctor`
  RIPPLE_LOG                 What `ripple dev` logs: error, warn, info, debug [default: warn]";

/// Project records in DynamoDB that a whole team can edit at once
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
    /// Run the API on this machine: an API Gateway front, the Lambda handler, an embedded DynamoDB
    Dev(dev::Options),
    /// Make, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Make and describe the tables
    #[command(subcommand)]
    Table(table::Command),
    /// Check and list the files that describe resources
    #[command(subcommand)]
    Resource(resource::Command),
    /// Look an installation over: what is wrong, and how to mend it
    Doctor(doctor::Options),
    /// Create projects from a file of JSON lines; those that are there already are left alone
    Import(import::Options),
    /// Write every project to a file of JSON lines
    Export(export::Options),
    /// Copy the three tables into a folder, item by item
    Backup(backup::Options),
    /// Put back what a backup has and the tables lack; what is there is left alone
    Restore(backup::RestoreOptions),
    /// Check that no edit is lost: every order of a few writers, then storms with faults, in memory or at --endpoint-url
    Check(check::Options),
}

fn main() -> ExitCode {
    let matches = Cli::command().get_matches();
    let Cli { mut connection, command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    connection.note_flags(&matches);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ripple: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match command {
            Command::Dev(options) => dev::run(&connection, options).await,
            Command::Key(command) => key::run(&connection, command).await,
            Command::Table(command) => table::run(&connection, command).await,
            Command::Resource(command) => resource::run(&command),
            Command::Doctor(options) => doctor::run(&connection, options).await,
            Command::Import(options) => import::run(&connection, options).await,
            Command::Export(options) => export::run(&connection, options).await,
            Command::Backup(options) => backup::run(&connection, options).await,
            Command::Restore(options) => backup::restore(&connection, options).await,
            Command::Check(options) => check::run(&connection, options).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ripple: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reports whether an error says that the reader closed standard output. No command writes to another pipe.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
