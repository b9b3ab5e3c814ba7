//! The variables and secrets by which isolates read the tables.

use std::time::Duration;

use ripple_core::replica::refresh::FRESH;
use ripple_core::store::dynamodb::{Access, TableNames};
use ripple_gate::config::{ConfigError, is_base_url, seconds};

/// The tables, and how fresh the copies of them are.
#[derive(Clone, Debug)]
pub(crate) struct Tables {
    /// `RIPPLE_SITE`, `RIPPLE_SHARDS`: the tables.
    pub(crate) table_names: TableNames,
    /// The address of DynamoDB and the credentials.
    pub(crate) access: Access,
    /// `RIPPLE_FRESH_SECONDS`: the age at which a list is refreshed.
    pub(crate) fresh: Duration,
}

impl Tables {
    /// Reads the configuration. An empty variable counts as not set.
    pub(crate) fn read(env: impl Fn(&str) -> Option<String>) -> Result<Tables, ConfigError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let (table_names, access) = (TableNames::read(env)?, Access::read(env)?);
        if access.endpoint.as_ref().is_some_and(|endpoint| !is_base_url(endpoint)) {
            return Err(ConfigError::Invalid("AWS_ENDPOINT_URL_DYNAMODB", "a URL"));
        }
        Ok(Tables { table_names, access, fresh: seconds(env, "RIPPLE_FRESH_SECONDS", FRESH)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &[(&str, &str)] =
        &[("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "hush")];

    fn read(changed: &[(&str, &str)]) -> Result<Tables, ConfigError> {
        Tables::read(|name| {
            let entry = changed.iter().chain(COMPLETE).find(|(entry, _)| *entry == name);
            entry.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn three_values_suffice() {
        let tables = read(&[]).unwrap();
        assert_eq!((tables.table_names.site.as_str(), tables.table_names.shards, tables.fresh), ("ripple", 1, FRESH));
        assert_eq!(read(&[("RIPPLE_FRESH_SECONDS", "0")]).unwrap().fresh, Duration::ZERO);
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_named() {
        for (name, _) in COMPLETE {
            assert_eq!(read(&[(name, "")]).unwrap_err(), ConfigError::Missing(name));
        }
        for (name, value) in [
            ("RIPPLE_SITE", "a b"),
            ("RIPPLE_SHARDS", "999"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "https://db.example.com/?a"),
            ("RIPPLE_FRESH_SECONDS", "-1"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && !error.contains(value), "{error}");
        }
    }
}
