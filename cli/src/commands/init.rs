//! `ripple init`: the files that a project begins with.

use std::path::{Path, PathBuf};

use anyhow::ensure;
use clap::Args;

use crate::share::{self, Share};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the project; it is created if necessary, and no file in it is overwritten
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let Options { folder } = options;
    let from = Share::needed_by("`ripple init`")?.init();
    let files = share::files(&from)?;
    let there: Vec<String> = files
        .iter()
        .map(|file| folder.join(named(file)))
        // A link to nothing counts: a copy would write to the place that it names.
        .filter(|file| file.symlink_metadata().is_ok())
        .map(|file| file.display().to_string())
        .collect();
    ensure!(there.is_empty(), "nothing was written: {} would be overwritten", there.join(", "));
    for file in &files {
        let to = folder.join(named(file));
        share::copy(&from.join(file), &to)?;
        println!("{}", to.display());
    }
    println!("\nNext: {} says how to start and deploy it.", folder.join("README.md").display());
    Ok(())
}

/// Returns the name of a file in a project. npm would rename a `.gitignore` in a package.
fn named(file: &Path) -> &Path {
    if file == Path::new("_gitignore") { Path::new(".gitignore") } else { file }
}
