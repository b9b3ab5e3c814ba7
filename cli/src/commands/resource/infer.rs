//! `ripple resource infer`: proposes a resource file for an existing table.
//!
//! ```text
//!  items ──▶ shape (what was seen) ──▶ draft (schemas, questions) ──▶ proposal (a file that the reader accepts)
//!              └─▶ entry_key                └─▶ json
//! ```
//!
//! Only this file does I/O. A file states what the items prove, and its comments ask what they do not prove.

mod draft;
mod entry_key;
mod json;
#[cfg(test)]
mod properties;
mod proposal;
mod shape;

use std::io::Write as _;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use ripple_core::record::schema::{KeyType, Resources};

use super::items::{self, Table};
use crate::target::{self, Target};

use proposal::{Evidence, Identity, propose};
use shape::Shape;

/// The default number of items in a sample.
pub(super) const SAMPLE: u64 = 2_000;
/// Characters of a resource's name.
const NAME: usize = 31;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Table to read
    table: String,
    /// Number of items to read
    #[arg(long, value_name = "N", default_value_t = SAMPLE, value_parser = clap::value_parser!(u64).range(1..))]
    sample: u64,
    /// Read every item, and state only what holds for all of them
    #[arg(long, conflicts_with = "sample")]
    all: bool,
    /// Name of the resource [default: derived from the table's name]
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
}

pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let target = connection.open().await?;
    let table = items::describe(&target.client, &options.table).await?;
    let identity = identity(&target, &table, options.resource)?;
    let mut shape = Shape::default();
    let most = (!options.all).then_some(options.sample);
    let extent =
        items::read(&target.client, &table, most, |item| shape.add_item(&item, |name| table.is_key(name))).await?;
    let evidence = if options.all { Evidence::All } else { Evidence::Sample };
    let proposal = propose(&shape, &identity, evidence).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("no resource file can describe {}: {}", table.name, faults.join("; "))
    })?;
    eprintln!("{}", extent.told(&table));
    proposal.notes.iter().for_each(|note| eprintln!("{note}"));
    proposal.questions.iter().for_each(|question| eprintln!("{question}"));
    std::io::stdout().lock().write_all(proposal.file.as_bytes())?;
    Ok(())
}

/// Returns the names for the file of a table that a resource can have.
fn identity(target: &Target, table: &Table, resource: Option<String>) -> anyhow::Result<Identity> {
    let Table { name, key, sort_key, .. } = table;
    if sort_key.as_ref().is_some_and(|(name, _)| name == "version") && name.ends_with("_version") {
        let records = name.trim_end_matches("_version");
        bail!("{name} is a history table of ripple: give the table of its records, {records}");
    }
    if *name == target.keys().table_names().keys() {
        bail!("{name} is the table of API keys, which is not a resource");
    }
    let typed = |key: &str, kind: Option<KeyType>| {
        kind.with_context(|| format!("the key {key} of {name} is binary and has no text form"))
    };
    let key_type = typed(key, table.key_type)?;
    let sort_key = match sort_key {
        Some((name, kind)) => Some((name.clone(), typed(name, *kind)?)),
        None => None,
    };
    let resource = match resource {
        Some(resource) => resource,
        None => resource_of(name, target.site())
            .filter(|resource| is_name(resource))
            .with_context(|| format!("no name of a resource follows from {name}: give one with --resource"))?,
    };
    if !is_name(&resource) {
        bail!(
            "{resource} cannot be the name of a resource: give 1 to {NAME} of a-z 0-9, a letter first, none reserved"
        );
    }
    let is_own = *name == format!("{}_{resource}", target.site());
    Ok(Identity {
        title: title_of(&resource),
        resource,
        key: key.clone(),
        key_type,
        sort_key,
        table: (!is_own).then(|| name.clone()),
    })
}

/// Returns the name of the resource that a table's name suggests: without the site, in small letters and digits.
fn resource_of(table: &str, site: &str) -> Option<String> {
    let own = table.strip_prefix(site).and_then(|rest| rest.strip_prefix('_')).unwrap_or(table);
    let name: String =
        own.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    let name: String = name.trim_start_matches(|letter: char| letter.is_ascii_digit()).chars().take(NAME).collect();
    (!name.is_empty()).then_some(name)
}

fn title_of(resource: &str) -> String {
    let mut letters = resource.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// Reports whether the reader of resource files accepts a name.
fn is_name(resource: &str) -> bool {
    let x_ripple = serde_json::json!({ "resource": resource, "key": "a" });
    let file = serde_json::json!({ "title": "A", "x-ripple": x_ripple, "type": "object" });
    Resources::read(&[(format!("{resource}.json"), file.to_string())]).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_named_after_its_table() {
        let named = |table| resource_of(table, "shop");
        assert_eq!(named("shop_order").as_deref(), Some("order"));
        assert_eq!(named("Orders-Prod.2024").as_deref(), Some("ordersprod2024"));
        assert_eq!(named("2024_orders").as_deref(), Some("orders"));
        assert_eq!(named("___"), None);
        assert_eq!(named(&"x".repeat(99)).map(|name| name.len()), Some(31));
    }

    #[test]
    fn names_are_those_that_the_reader_accepts() {
        assert!(is_name("order") && is_name("a1"));
        for name in ["", "key", "version", "Order", "a_b", "1a", &"x".repeat(32)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
