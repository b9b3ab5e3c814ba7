//! The site, by which tables are named, and the number of partitions of the index.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::record::schema::{Resource, Resources};

/// The longest site, in characters. A table's name has up to 255, including the resource.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
const LONGEST_SITE: usize = 200;
/// The largest number of partitions. Each costs a query at every refresh.
const MOST_SHARDS: u16 = 100;

/// The site, by which tables are named, and the number of partitions of `by_update`.
#[derive(Clone, Debug)]
pub struct TableNames {
    /// The prefix of the tables, which are named `<site>_<resource>`.
    pub site: String,
    /// The number of partitions of `by_update`. Each takes 1,000 write units a second, and costs a query at every
    /// refresh.
    pub shards: u16,
}

impl Default for TableNames {
    fn default() -> Self {
        TableNames { site: "ripple".to_owned(), shards: 1 }
    }
}

/// A variable of [`TableNames::read`] that is not valid. The text names the variable and never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} must be {must_be}")]
pub struct TableNamesError {
    /// The name of the variable.
    pub variable: &'static str,
    /// The rule that the value breaks.
    pub must_be: &'static str,
}

/// Two parts of a site that have one table. One would overwrite the items of the other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the table {table} is that of {one} and of {other}")]
pub struct SharedTable {
    /// The name of the table.
    pub table: String,
    one: String,
    other: String,
}

impl TableNames {
    /// Reads `RIPPLE_SITE` (default `ripple`) and `RIPPLE_SHARDS` (default 1) from the host's environment.
    ///
    /// ```
    /// use ripple_core::store::dynamodb::TableNames;
    ///
    /// let read = |site: &str| TableNames::read(|name| (name == "RIPPLE_SITE").then(|| site.to_owned()));
    /// let names = read("garden").unwrap();
    /// assert_eq!((&*names.keys(), names.shards), ("garden_key", 1));
    /// assert_eq!(read("a b").unwrap_err().variable, "RIPPLE_SITE");
    /// ```
    ///
    /// # Errors
    /// If one of them is not valid.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<TableNames, TableNamesError> {
        let mut table_names = TableNames::default();
        if let Some(site) = env("RIPPLE_SITE") {
            let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
            if site.len() > LONGEST_SITE || !site.bytes().all(letter) {
                let must_be = "made of A-Z a-z 0-9 _ . -, as a table's name is";
                return Err(TableNamesError { variable: "RIPPLE_SITE", must_be });
            }
            table_names.site = site;
        }
        if let Some(shards) = env("RIPPLE_SHARDS") {
            let shards = shards.parse().ok().filter(|shards| (1..=MOST_SHARDS).contains(shards));
            let error = TableNamesError { variable: "RIPPLE_SHARDS", must_be: "a whole number from 1 to 100" };
            table_names.shards = shards.ok_or(error)?;
        }
        Ok(table_names)
    }

    /// Returns the name of the table of API keys.
    #[must_use]
    pub fn keys(&self) -> String {
        format!("{}_key", self.site)
    }

    /// Checks that each resource has its own table and history on this site, and none that of the API keys.
    ///
    /// # Errors
    /// If two of them have one table.
    pub fn check(&self, resources: &Resources) -> Result<(), SharedTable> {
        let mut owners = BTreeMap::from([(self.keys(), None)]);
        for resource in resources.iter() {
            for table in [resource.table_name(&self.site), resource.history_table_name(&self.site)] {
                match owners.entry(table) {
                    Entry::Vacant(free) => free.insert(Some(resource)),
                    Entry::Occupied(taken) => {
                        let name = |owner: &Arc<Resource>| format!("the resource {}", owner.name);
                        let one = taken.get().map_or_else(|| "the API keys".to_owned(), name);
                        return Err(SharedTable { table: taken.key().clone(), one, other: name(resource) });
                    }
                };
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variable: &str, value: &str) -> Result<TableNames, TableNamesError> {
        TableNames::read(|name| (name == variable).then(|| value.to_owned()))
    }

    #[test]
    fn tables_are_named_after_the_site() {
        let table_names = read("RIPPLE_SITE", "my.site-1").expect("a site");
        assert_eq!((table_names.keys().as_str(), table_names.shards), ("my.site-1_key", 1));
        assert_eq!(read("RIPPLE_SHARDS", "100").expect("shards").shards, 100);
        assert_eq!(read("", "").expect("the default").keys(), "ripple_key");
    }

    #[test]
    fn no_table_has_two_owners() {
        let file = |name: &str, table: &str| {
            let text = format!(
                r#"{{"x-ripple":{{"resource":"{name}","key":"id","table":"{table}"}},"type":"object","title":"{name}"}}"#
            );
            (format!("{name}.json"), text)
        };
        let check = |one: &str, other: &str| {
            let resources = Resources::read(&[file("one", one), file("two", other)]).expect("resources");
            TableNames::default().check(&resources).map_err(|error| error.to_string())
        };
        assert_eq!(check("{site}_one", "two"), Ok(()));
        let refused = |text: &str| Err(text.to_owned());
        assert_eq!(
            check("{site}_one", "ripple_one"),
            refused("the table ripple_one is that of the resource one and of the resource two")
        );
        assert_eq!(
            check("ripple_key", "two"),
            refused("the table ripple_key is that of the API keys and of the resource one")
        );
        assert_eq!(
            check("one", "ripple_one_version"),
            refused("the table ripple_one_version is that of the resource one and of the resource two")
        );
    }

    #[test]
    fn what_cannot_be_is_named() {
        let long = "x".repeat(LONGEST_SITE + 1);
        for (variable, value) in [
            ("RIPPLE_SITE", "a b"),
            ("RIPPLE_SITE", long.as_str()),
            ("RIPPLE_SHARDS", "0"),
            ("RIPPLE_SHARDS", "101"),
            ("RIPPLE_SHARDS", "many"),
        ] {
            assert_eq!(read(variable, value).expect_err(value).variable, variable);
        }
    }
}
