//! The resources whose lists can be read from indexes.

use std::collections::BTreeSet;

use super::TableNamesError;
use crate::record::schema::{Access, Resource};

/// The resources of which every record has its entries in the indexes: the feed reads their tables, and adopted what was
/// there before. Their pages by id and by time are read from the indexes.
///
/// ```
/// use ripple_core::record::schema::Resource;
/// use ripple_core::store::dynamodb::Fed;
///
/// let fed = Fed::read(|name| (name == "RIPPLE_FED").then(|| "task,prj".to_owned())).unwrap();
/// assert!(fed.has(&Resource::built_in()));
/// assert!(!Fed::default().has(&Resource::built_in()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fed(BTreeSet<String>);

impl Fed {
    /// Reads `RIPPLE_FED`, the names of resources between commas, from the host's environment. By default there are none.
    ///
    /// # Errors
    /// If a name cannot be that of a resource.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Fed, TableNamesError> {
        let names = env("RIPPLE_FED").unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if !names.clone().all(is_name) {
            return Err(TableNamesError { variable: "RIPPLE_FED", must_be: "names of resources between commas" });
        }
        Ok(names.map(str::to_owned).collect())
    }

    /// Reports whether every record of a resource has its entries in the indexes. The feed adopts nothing in a table that
    /// ripple only reads.
    ///
    /// ```
    /// use ripple_core::record::schema::Resource;
    /// use ripple_core::store::dynamodb::Fed;
    ///
    /// let fed = Fed::read(|name| (name == "RIPPLE_FED").then(|| "task, prj".to_owned())).unwrap();
    /// assert!(fed.has(&Resource::built_in()));
    /// assert!(!Fed::default().has(&Resource::built_in()));
    /// ```
    #[must_use]
    pub fn has(&self, resource: &Resource) -> bool {
        resource.access == Access::ReadWrite && self.0.contains(&resource.name)
    }
}

impl FromIterator<String> for Fed {
    fn from_iter<T: IntoIterator<Item = String>>(names: T) -> Fed {
        Fed(names.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_resources_are_read_and_nothing_else() {
        let read = |value: &str| Fed::read(|_| Some(value.to_owned())).map(|fed| fed.0.into_iter().collect::<Vec<_>>());
        assert_eq!(read("prj, task,"), Ok(vec!["prj".to_owned(), "task".to_owned()]));
        assert_eq!(read(""), Ok(Vec::new()));
        for bad in ["prj;task", "Prj", "a/b"] {
            assert_eq!(read(bad).expect_err(bad).variable, "RIPPLE_FED");
        }
    }
}
