//! `ripple resource build`: the files of a deployment, made from resource files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::{Folder, diff, read};
use crate::share::{self, Share};

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(super) folder: Folder,
    /// Folder that receives the files
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The function's binary, which becomes part of the function's folder [default: that of the unpacked archive]
    #[arg(long, value_name = "FILE")]
    bootstrap: Option<PathBuf>,
    /// Build even if clients or tables of the deployment that DIR has would break
    #[arg(long)]
    allow_breaking: bool,
}

pub(crate) fn run(folder: &Path, options: &Options) -> anyhow::Result<()> {
    let Options { out, bootstrap, .. } = options;
    let (files, resources) = read(folder)?;
    let built = out.join(ripple_deploy::FUNCTION).join("resources");
    if !options.allow_breaking && built.is_dir() {
        diff::refuse_breaking(&built, folder).context("give --allow-breaking to build them anyway")?;
    }
    ripple_deploy::write(out, &ripple_deploy::deployment(&resources, &files)?)?;
    let place = out.join(ripple_deploy::FUNCTION).join("bootstrap");
    let share = Share::find();
    if let Some(share) = &share {
        share.add_edge(out)?;
    }
    if let Some(bootstrap) = bootstrap.clone().or_else(|| share.map(|share| share.bootstrap())) {
        share::copy(&bootstrap, &place)?;
        make_executable(&place).with_context(|| format!("cannot make {} executable", place.display()))?;
    }
    let names: Vec<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
    let mut output = std::io::stdout().lock();
    writeln!(output, "{} has the deployment of {}", out.display(), names.join(", "))?;
    if place.is_file() {
        let template = template(out);
        writeln!(output, "Next: sam deploy --guided --capabilities CAPABILITY_IAM --template-file {template}")?;
    } else {
        let place = place.display();
        writeln!(output, "Next: put the function's binary at {place}, or repeat this with --bootstrap FILE")?;
    }
    Ok(())
}

fn template(out: &Path) -> String {
    out.join("template.yaml").display().to_string()
}

/// Lets everyone run a file. Lambda runs it as another user, and SAM keeps the permissions.
fn make_executable(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    }
    let _ = file; // other systems have no such permission
    Ok(())
}
