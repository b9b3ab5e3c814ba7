//! `ripple template`: the SAM template of resource files, on standard output.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use ripple_host::resources::{LoadError, parse, read};

/// Prints the template. The faults of the files are the error, since standard output may be the template's file.
pub(crate) fn run(folder: &Path) -> anyhow::Result<()> {
    let files = read(folder).context("cannot read the resource files")?;
    let resources = parse(&files)?;
    resources.check_annotations().map_err(LoadError::Faults)?;
    let made = ripple_deploy::deployment(&resources, &files)?;
    let template = made.iter().find(|made| made.path == Path::new("template.yaml"));
    let template = template.context("the deployment has no template")?;
    Ok(std::io::stdout().lock().write_all(template.text.as_bytes())?)
}
