//! The names under which a record shows its key and what is ripple's own.

use std::borrow::Cow;

use super::key::{KeyType, SortKey};

/// The names of the members that are not a record's own data. A resource chooses them, so that a member of another program
/// that is called `version` can be shown as well.
///
/// ```
/// use ripple_core::record::Names;
///
/// assert_eq!(Names::default().key, "prj_id");
/// assert!(Names::default().are_ripples("version"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The key: a member of each record, and the partition key of its table.
    pub key: Cow<'static, str>,
    /// The type of the key.
    pub key_type: KeyType,
    /// The sort key of the table, if it has one: a member of each record too.
    pub sort_key: Option<SortKey>,
    /// The version.
    pub version: Cow<'static, str>,
    /// When the record was last written, in milliseconds since 1970 UTC.
    pub updated_at: Cow<'static, str>,
    /// By whose key the record was last written.
    pub updated_by: Cow<'static, str>,
    /// On whose behalf the record was last written.
    pub updated_author: Cow<'static, str>,
    /// The member by which an edit says that a deleted record is to come back.
    pub deleted: Cow<'static, str>,
}

/// The names of the resource `prj`.
static PRJ: Names = Names {
    key: Cow::Borrowed("prj_id"),
    key_type: KeyType::String,
    sort_key: None,
    version: Cow::Borrowed("version"),
    updated_at: Cow::Borrowed("updated_at"),
    updated_by: Cow::Borrowed("updated_by"),
    updated_author: Cow::Borrowed("updated_author"),
    deleted: Cow::Borrowed("deleted"),
};

impl Default for Names {
    /// Returns the names of the resource `prj`.
    fn default() -> Self {
        PRJ.clone()
    }
}

impl Names {
    /// Returns the names of ripple's members.
    #[must_use]
    pub fn ripples(&self) -> [&str; 5] {
        [&self.version, &self.updated_at, &self.updated_by, &self.updated_author, &self.deleted]
    }

    /// Reports whether ripple's own members are shown under this name. An attribute of another program that has it is
    /// kept, and not shown.
    #[must_use]
    pub fn are_ripples(&self, name: &str) -> bool {
        self.ripples().contains(&name)
    }

    /// Reports whether no edit can set the member of this name.
    #[must_use]
    pub fn are_fixed(&self, name: &str) -> bool {
        self.is_key(name) || self.are_ripples(name)
    }
}
