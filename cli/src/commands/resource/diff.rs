//! `ripple resource diff`: compares two versions of resource files.
//!
//! A change has one of four classes, by what holds while hosts with the old files and hosts with the new ones run.

mod change;
mod rule;
mod schema;
mod x_ripple;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use ripple_core::record::schema::Resources;
use serde_json::Value;

use super::infer::SAMPLE;
use super::{Files, items, parse};
use crate::output::Format;
use crate::target;

use change::{Change, Class};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder of the old resource files, or one file
    old: PathBuf,
    /// Folder of the new resource files, or one file
    new: PathBuf,
    /// Count the items that are outside of each tighter rule, in the tables of the old files
    #[arg(long)]
    table: bool,
    /// Count every item instead of a sample of 2,000
    #[arg(long, requires = "table")]
    all: bool,
}

/// Prints a line for each change. The exit code is 0 if every host can have either version, 3 if hosts would apply two
/// rules, and 4 if a change breaks clients or tables.
pub(crate) async fn run(connection: &target::Options, options: &Options) -> anyhow::Result<ExitCode> {
    let (old, new) = (read(&options.old)?, read(&options.new)?);
    let mut changes = compare(&old, &new);
    if options.table {
        count(connection, options, [&old.resources, &new.resources], &mut changes).await?;
    }
    let mut output = std::io::stdout().lock();
    for change in &changes {
        writeln!(output, "{change}")?;
    }
    if changes.is_empty() {
        writeln!(output, "the files have the same rules")?;
    }
    let worst = changes.iter().map(|change| change.class).max();
    Ok(worst.map_or(ExitCode::SUCCESS, Class::exit_code))
}

/// Refuses new files that break clients or tables of the old ones, and prints the changes that do.
pub(super) fn refuse_breaking(old: &Path, new: &Path) -> anyhow::Result<()> {
    let mut changes = compare(&read(old)?, &read(new)?);
    changes.retain(|change| change.class == Class::Breaking);
    changes.iter().try_for_each(|change| writeln!(std::io::stdout().lock(), "{change}"))?;
    if !changes.is_empty() {
        bail!("the files break clients or tables of those in {}", old.display());
    }
    Ok(())
}

/// Counts the items that are outside of the rules that became tighter.
async fn count(
    connection: &target::Options,
    options: &Options,
    [old, new]: [&Resources; 2],
    changes: &mut [Change],
) -> anyhow::Result<()> {
    let target = connection.open().await?;
    let most = (!options.all).then_some(SAMPLE);
    for resource in new.iter() {
        if !changes.iter().any(|change| change.tighter_rule(&resource.name).is_some()) {
            continue;
        }
        // A renamed table has no items yet.
        let table = items::of(&target, old.get(&resource.name).unwrap_or(resource)).await?;
        let each = |item| {
            let faults = resource.schema.check_new(&item).err().unwrap_or_default();
            changes.iter_mut().for_each(|change| change.count(&resource.name, &faults));
        };
        eprintln!("{}", items::read(&target.client, &table, most, each).await?.told(&table));
    }
    Ok(())
}

/// The resources of files, and the files.
struct Version {
    resources: Resources,
    files: Files,
    /// Whether the files are all of a site.
    is_folder: bool,
}

impl Version {
    fn new(files: Files, is_folder: bool) -> Option<Version> {
        Some(Version { resources: parse(&files, Format::default())?, files, is_folder })
    }

    /// Reports whether requests that name no resource are about this one.
    fn is_target(&self, resource: &str) -> bool {
        self.resources.target().is_some_and(|target| target.name == resource)
    }

    /// Returns the file of a resource as JSON.
    fn json(&self, resource: &str) -> Value {
        let name = format!("{resource}.json");
        let is_file = |path: &str| path.rsplit(['/', '\\']).next() == Some(&name);
        let file = self.files.iter().find(|(path, _)| is_file(path)).map(|(_, text)| text.as_slice());
        let text = file.map(|text| text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
        text.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
    }
}

fn read(path: &Path) -> anyhow::Result<Version> {
    let is_folder = !path.is_file();
    let files = if !is_folder {
        let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        vec![(path.display().to_string(), text)]
    } else {
        ripple_host::resources::read(path).context("cannot read the resource files")?
    };
    match Version::new(files, is_folder) {
        Some(version) => Ok(version),
        None => bail!("{} has faults", path.display()),
    }
}

/// Returns the changes between two versions, by resource.
fn compare(old: &Version, new: &Version) -> Vec<Change> {
    let names = old.resources.iter().chain(new.resources.iter()).map(|resource| resource.name.as_str());
    let mut changes = Vec::new();
    for name in names.collect::<BTreeSet<&str>>() {
        let mut found = Vec::new();
        match (old.resources.get(name), new.resources.get(name)) {
            (Some(before), Some(after)) => {
                // A single file does not say whether there are others.
                let targets = match old.is_folder && new.is_folder {
                    true => [old, new].map(|version| version.is_target(name)),
                    false => [before, after].map(|resource| resource.is_default),
                };
                let (old, new) = (old.json(name), new.json(name));
                x_ripple::compare([before, after], targets, [&old["x-ripple"], &new["x-ripple"]], &mut found);
                schema::compare(&old, &new, "", &mut found);
            }
            (None, _) => found.push(Change::of_file("absent → present", Class::Safe, "new resource")),
            (_, None) => found.push(Change::of_file("present → absent", Class::Breaking, "breaking")),
        }
        changes.extend(found.into_iter().map(|change| change.in_file(name)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = include_str!("../../../../resources/task.json");
    const PRJ: &str = include_str!("../../../../resources/prj.json");

    fn version(files: &[(&str, &str)]) -> Version {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        Version::new(files.collect(), true).expect("valid files")
    }

    /// Returns the changes of a replacement of text in `task.json`.
    fn changes(old: &str, new: &str) -> Vec<String> {
        let compact = serde_json::from_str::<Value>(TASK).expect("JSON").to_string();
        assert!(compact.contains(old), "{old} in {compact}");
        let (before, after) =
            (version(&[("task.json", &compact)]), version(&[("task.json", &compact.replace(old, new))]));
        compare(&before, &after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_files_have_no_changes() {
        let both = version(&[("new/task.json", TASK), ("new/prj.json", PRJ)]);
        assert!(compare(&both, &version(&[("old/prj.json", PRJ), ("old/task.json", TASK)])).is_empty());
    }

    #[test]
    fn a_narrower_rule_is_tighter_and_a_wider_one_looser() {
        assert_eq!(
            changes(r#""maximum":13"#, r#""maximum":8"#),
            ["task.json#/properties/size/maximum: 13 → 8: tighter"]
        );
        assert_eq!(
            changes(r#""maximum":13"#, r#""maximum":21"#),
            ["task.json#/properties/size/maximum: 13 → 21: looser"]
        );
        assert_eq!(
            changes(r#""required":["subject","state"]"#, r#""required":["subject","size"]"#),
            [
                "task.json#/required/state: present → absent: looser",
                "task.json#/required/size: absent → present: tighter"
            ]
        );
        assert_eq!(
            changes(r#""enum":["todo","doing","done"]"#, r#""enum":["todo","done"]"#),
            [r#"task.json#/properties/state/enum: ["todo","doing","done"] → ["todo","done"]: tighter"#]
        );
    }

    #[test]
    fn another_way_to_merge_is_two_rules() {
        let entries = changes(r#""entries":{"steps":"step"}"#, r#""entries":{"steps":"no"}"#);
        assert_eq!(entries, [r#"task.json#/x-ripple/entries/steps: "step" → "no": two rules meanwhile"#]);
        let set = changes(r#","uniqueItems":true"#, "");
        assert_eq!(set, ["task.json#/properties/labels/uniqueItems: true → absent: two rules meanwhile"]);
    }

    #[test]
    fn a_new_member_with_a_rule_for_its_merge_is_two_rules() {
        let own = r#""steps":{"items""#;
        let added = changes(own, &format!(r#""order":{{"type":"array","x-merge":"whole"}},{own}"#));
        assert_eq!(
            added,
            [
                r#"task.json#/properties/order: absent → {"type":"array","x-merge":"whole"}: new member"#,
                r##"task.json#/properties/order/x-merge: absent → "whole": two rules meanwhile"##
            ]
        );
    }

    #[test]
    fn another_target_of_requests_without_a_resource_is_breaking() {
        let (task, prj) = (TASK, &PRJ.replace(r#""default": true, "#, ""));
        let named = |before: &[(&str, &str)], after: &[(&str, &str)]| -> Vec<String> {
            compare(&version(before), &version(after)).iter().map(ToString::to_string).collect()
        };
        let (one, two) = ([("task.json", task)], [("task.json", task), ("prj.json", prj)]);
        let added = "prj.json: absent → present: new resource";
        assert_eq!(named(&one, &two), [added, "task.json#/x-ripple/default: true → false: breaking"]);
        assert_eq!(named(&two, &one)[1], "task.json#/x-ripple/default: false → true: breaking");
        let stated = &TASK.replace(r#""key": "ref""#, r#""key": "ref", "default": true"#);
        assert_eq!(named(&one, &[("task.json", stated)]), [""; 0], "the only resource is the target anyway");
        assert_eq!(named(&one, &[("task.json", stated), ("prj.json", prj)]), [added]);
        assert_eq!(
            named(&two, &[("task.json", stated), ("prj.json", prj)]),
            ["task.json#/x-ripple/default: false → true: breaking"]
        );
        let alone = |file: &str| {
            Version::new(vec![("task.json".to_owned(), file.as_bytes().to_vec())], false).expect("a valid file")
        };
        let changes = compare(&alone(task), &alone(stated));
        assert_eq!(changes[0].to_string(), "task.json#/x-ripple/default: false → true: breaking");
    }

    #[test]
    fn another_key_or_a_removed_file_is_breaking() {
        let key = changes(r#""key":"ref""#, r#""key":"no""#);
        assert_eq!(key[0], r#"task.json#/x-ripple/key: "ref" → "no": breaking"#);
        let both = version(&[("task.json", TASK), ("prj.json", PRJ)]);
        let one = version(&[("task.json", TASK)]);
        assert_eq!(compare(&both, &one)[0].to_string(), "prj.json: present → absent: breaking");
        assert_eq!(compare(&one, &both)[0].to_string(), "prj.json: absent → present: new resource");
        assert_eq!(compare(&one, &both)[0].class, Class::Safe);
    }
}
