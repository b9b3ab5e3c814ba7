//! `ripple resource`: the files that describe resources.

mod build;
mod check;
mod diff;
mod infer;
mod items;
mod validate;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ripple_core::record::schema::{Access, Location, Resource, Resources, SchemaFault};
use serde::Serialize;

use crate::output::{self, Format};
use crate::target;

/// The argument of the commands that read a folder.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// Folder of the resource files [default: that of --resources, otherwise ./resources]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Folder {
    /// Returns the folder that the argument names, or else the option.
    pub(crate) fn of<'a>(&'a self, connection: &'a target::Options) -> &'a Path {
        self.folder.as_deref().unwrap_or(connection.folder())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check resource files, or the items of their tables, and print each fault with its place and rule
    Check(check::Options),
    /// List the resources of a folder
    List {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        format: Format,
    },
    /// Propose a resource file for an existing table, and print the questions that its items leave open
    Infer(infer::Options),
    /// Compare two versions of resource files; the exit code is 0, 3 (two rules meanwhile) or 4 (breaking)
    Diff(diff::Options),
    /// Say which bodies a file takes, for comparisons with other implementations of JSON Schema
    #[command(hide = true)]
    Validate,
    /// Write the files of a deployment: SAM template, OpenAPI document, headers of the edge, resource files
    Build(build::Options),
}

pub(crate) async fn run(connection: &target::Options, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check(options) => check::run(connection, &options).await?,
        Command::List { folder, format } => list(folder.of(connection), format)?,
        Command::Infer(options) => infer::run(connection, options).await?,
        Command::Validate => validate::run()?,
        Command::Diff(options) => return diff::run(connection, &options).await,
        // It runs an API to the end, which a task of this runtime must not.
        Command::Build(options) => {
            let folder = options.folder.of(connection).to_owned();
            tokio::task::spawn_blocking(move || build::run(&folder, &options)).await??;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The names and the bytes of resource files.
type Files = Vec<(String, Vec<u8>)>;

/// Reads the resources of a folder. Prints their faults, if there are any.
fn read(folder: &Path) -> anyhow::Result<(Files, Resources)> {
    read_as(folder, Format::default())
}

fn read_as(folder: &Path, format: Format) -> anyhow::Result<(Files, Resources)> {
    let files = ripple_host::resources::read(folder).context("cannot read the resource files")?;
    let resources = parse(&files, format).with_context(|| format!("{} has faults", folder.display()))?;
    Ok((files, resources))
}

/// Parses resource files. Prints their faults, if there are any.
fn parse(files: &Files, format: Format) -> Option<Resources> {
    let faults = match Resources::read(files) {
        Ok(resources) => match resources.check_annotations() {
            Ok(()) => return Some(resources),
            Err(faults) => faults,
        },
        Err(faults) => faults,
    };
    // The exit code says it too, if the reader of the output has closed it.
    let _ = faults.iter().try_for_each(|fault| Note::of("fault", fault).print(format));
    None
}

/// What a check has found in the files. `--json` prints its members.
#[derive(Serialize)]
struct Note<'a> {
    kind: &'static str,
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    rule: &'a str,
    #[serde(skip)]
    text: String,
}

impl<'a> Note<'a> {
    fn of(kind: &'static str, fault: &'a SchemaFault) -> Self {
        let (pointer, line, column) = match &fault.location {
            Location::Whole => (None, None, None),
            Location::Line { line, column } => (None, Some(*line), Some(*column)),
            Location::Pointer(pointer) => (Some(pointer.as_str()), None, None),
        };
        Note { kind, file: &fault.file, pointer, line, column, rule: &fault.rule, text: fault.to_string() }
    }

    fn print(&self, Format { json }: Format) -> anyhow::Result<()> {
        if json { output::line(self) } else { Ok(writeln!(std::io::stdout().lock(), "{}", self.text)?) }
    }
}

/// A resource in the form of `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    resource: &'a str,
    key: &'a str,
    sort_key: Option<&'a str>,
    access: &'static str,
    table: &'a str,
    title: &'a str,
}

fn list(folder: &Path, Format { json }: Format) -> anyhow::Result<()> {
    let (_, resources) = read(folder)?;
    let mut output = std::io::stdout().lock();
    if !json {
        writeln!(output, "{:20}  {:20}  {:10}  {:24}  TITLE", "RESOURCE", "KEY", "ACCESS", "TABLE")?;
    }
    for resource in resources.iter().map(AsRef::as_ref) {
        let Resource { name, names, table, title, access, .. } = resource;
        let access = if *access == Access::ReadOnly { "read-only" } else { "read-write" };
        if json {
            let sort_key = names.sort_key.as_ref().map(|key| key.name.as_ref());
            output::line(&Shown { resource: name, key: &names.key, sort_key, access, table, title })?;
        } else {
            writeln!(output, "{name:20}  {:20}  {access:10}  {table:24}  {title}", names.key)?;
        }
    }
    Ok(())
}
