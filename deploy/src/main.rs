//! Writes the generated files of the deployment again: `cargo run -p ripple-deploy`.
//!
//! With the folder of resource files and another folder, it writes the deployment of those files there:
//! `cargo run -p ripple-deploy -- resources target/deployment`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use ripple_core::record::schema::Resources;

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let (folder, files) = match &*folders {
        [] => (Path::new(""), ripple_deploy::files()?),
        [from, to] => (&**to, deployment(from)?),
        _ => bail!("usage: ripple-deploy [RESOURCES DIR]"),
    };
    for path in ripple_deploy::write(folder, &files)? {
        println!("{}", path.display());
    }
    Ok(())
}

fn deployment(folder: &Path) -> Result<Vec<ripple_deploy::Made>> {
    let files = ripple_host::resources::read(folder)?;
    match Resources::read(&files).and_then(|resources| resources.check_annotations().map(|()| resources)) {
        Ok(resources) => ripple_deploy::deployment(&resources, &files),
        Err(faults) => bail!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    }
}
