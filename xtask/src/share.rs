//! The folder `share/ripple` of an archive: the files of a release that the command line finds beside itself.
//!
//! `cli/src/share.rs` has a picture of the folder, and reads it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::edge;
use crate::package::Arch;
use crate::site;
use crate::workspace::root;

/// The files that a project begins with, and their sources. npm renames a `.gitignore` in a package, so `ripple init`
/// puts a dot in place of the underscore.
const PROJECT: [(&str, &str); 4] = [
    ("README.md", "deploy/init/README.md"),
    ("_gitignore", "deploy/init/_gitignore"),
    (".dev.vars.example", "deploy/init/.dev.vars.example"),
    ("resources/prj.json", "resources/prj.json"),
];
/// The settings of SAM, which are those of this project except for the place of the template.
const SETTINGS: &str = "samconfig.toml";

/// Fills the folder. The workers are built. `bootstrap` is the function's binary, built for `arch`.
pub(crate) fn fill(folder: &Path, bootstrap: &Path, arch: Arch) -> Result<()> {
    edge::copy_folder(&site::folder(), &folder.join("site"))?;
    edge::write_workers(folder)?;
    copy(bootstrap, &folder.join("function/bootstrap"))?;
    let project = folder.join("init");
    for (name, source) in PROJECT {
        copy(&root().join(source), &project.join(name))?;
    }
    edge::write_configurations(&project)?;
    let settings =
        fs::read_to_string(root().join("deploy").join(SETTINGS)).context("cannot read the settings of SAM")?;
    fs::write(project.join(SETTINGS), settings_of_project(&settings, arch)?).context("cannot write the settings of SAM")
}

/// Returns the settings of a project, whose deployment is in a folder.
fn settings_of_project(settings: &str, arch: Arch) -> Result<String> {
    let mut made = String::new();
    let mut stacks = 0;
    for line in settings.lines().skip_while(|line| !line.starts_with("version")) {
        made.push_str(&line.replace("Architecture=arm64", &format!("Architecture={}", arch.name())));
        made.push('\n');
        if line.starts_with("stack_name") {
            stacks += 1;
            made.push_str("template_file = \"deployment/template.yaml\"\n");
        }
    }
    ensure!(stacks == 2, "deploy/{SETTINGS} has {stacks} stacks and not two: adapt xtask/src/share.rs");
    Ok(format!(
        "# The settings of `sam deploy`: `--config-env staging` is a second stack with its own tables and URL.\n{made}"
    ))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be created", parent.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("{} cannot be copied", from.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_stacks_of_a_project_have_its_template_and_the_architecture_of_the_archive() {
        let settings = fs::read_to_string(root().join("deploy").join(SETTINGS)).unwrap();
        let made = settings_of_project(&settings, Arch::X86_64).unwrap();
        assert_eq!(made.matches("template_file = \"deployment/template.yaml\"").count(), 2);
        assert_eq!(made.matches("Architecture=x86_64").count(), 2);
        assert!(!made.contains("arm64") && settings_of_project("", Arch::Arm64).is_err());
    }
}
