//! `ripple template`: the SAM template of resource files, on standard output.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use ripple_host::resources::{LoadError, parse, read};

use crate::target::FOLDER;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the resource files
    #[arg(default_value = FOLDER, value_name = "DIR")]
    folder: PathBuf,
}

/// Prints the template. The faults of the files are the error, since standard output may be the template's file.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let files = read(&options.folder).context("cannot read the resource files")?;
    let resources = parse(&files)?;
    resources.check_annotations().map_err(LoadError::Faults)?;
    let made = ripple_deploy::deployment(&resources, &files)?;
    let template = made.iter().find(|made| made.path == Path::new("template.yaml"));
    let template = template.context("the deployment has no template")?;
    Ok(std::io::stdout().lock().write_all(template.text.as_bytes())?)
}
