//! `ripple resource`: the files that describe resources.

mod build;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Subcommand;
use ripple_core::record::schema::{Access, Resource, Resources};

/// The folder of the resource files.
const FOLDER: &str = "resources";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check resource files, and print each fault with its file, JSON Pointer and rule
    Check {
        /// Folder of the resource files
        #[arg(default_value = FOLDER, value_name = "DIR")]
        folder: PathBuf,
        /// Treat warnings as faults
        #[arg(long)]
        strict: bool,
    },
    /// List the resources of a folder
    List {
        /// Folder of the resource files
        #[arg(default_value = FOLDER, value_name = "DIR")]
        folder: PathBuf,
    },
    /// Write the files of a deployment: SAM template, OpenAPI document, headers of the edge, resource files
    Build(build::Options),
}

pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check { folder, strict } => check(folder, *strict),
        Command::List { folder } => list(folder),
        Command::Build(options) => build::run(options),
    }
}

/// The names and the bytes of resource files.
type Files = Vec<(String, Vec<u8>)>;

/// Reads the resources of a folder. Prints their faults, if there are any.
fn read(folder: &Path) -> anyhow::Result<(Files, Resources)> {
    let files = ripple_host::resources::read(folder).context("cannot read the resource files")?;
    let faults = match Resources::read(&files) {
        Ok(resources) => match resources.check_annotations() {
            Ok(()) => return Ok((files, resources)),
            Err(faults) => faults,
        },
        Err(faults) => faults,
    };
    faults.iter().for_each(|fault| println!("{fault}"));
    bail!("{} has faults", folder.display())
}

fn check(folder: &Path, strict: bool) -> anyhow::Result<()> {
    let (_, resources) = read(folder)?;
    let warnings = resources.warnings();
    warnings.iter().for_each(|warning| println!("{warning}"));
    if strict && !warnings.is_empty() {
        bail!("{} has warnings", folder.display());
    }
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    println!("{} is valid: {}", folder.display(), names.join(", "));
    Ok(())
}

fn list(folder: &Path) -> anyhow::Result<()> {
    println!("{:20}  {:20}  {:10}  {:24}  TITLE", "RESOURCE", "KEY", "ACCESS", "TABLE");
    let (_, resources) = read(folder)?;
    for resource in resources.iter().map(AsRef::as_ref) {
        let access = if resource.access == Access::ReadOnly { "read-only" } else { "read-write" };
        let Resource { name, names, table, title, .. } = resource;
        println!("{name:20}  {:20}  {access:10}  {table:24}  {title}", names.key);
    }
    Ok(())
}
