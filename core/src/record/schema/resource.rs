//! A resource: what `x-ripple` says beside the schema.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::Resources;
use super::check::Schema;
use super::entries::Entries;
use super::subschema::Type;
use crate::limits;
use crate::record::Names;

/// Members that are columns of a replica.
const COLUMNS: usize = 64;
/// A kind of record: its names, its table and its schema.
///
/// ```
/// use ripple_core::record::schema::{Access, KeyType, Resources};
///
/// let file = br#"{"title": "Purchase order", "x-ripple": {"resource": "order", "key": "no", "retention": 30},
///     "type": "object", "properties": {"name": {"type": "string"}, "count": {"type": "integer"}}}"#;
/// let resources = Resources::read(&[("order.json", file)]).unwrap();
/// let order = resources.get("order").unwrap();
/// assert_eq!((&*order.names.key, order.names.key_type), ("no", KeyType::String));
/// assert_eq!((order.label.as_str(), order.retention_days, order.access), ("name", 30, Access::ReadWrite));
/// assert_eq!((order.singular.as_str(), order.plural.as_str()), ("a purchase order", "purchase orders"));
/// assert_eq!((order.component().as_str(), order.logical_ids.table.as_str()), ("PurchaseOrder", "OrderTable"));
/// assert_eq!(order.table_name("acme"), "acme_order");
/// assert_eq!(order.history_table_name("acme"), "acme_order_version");
/// assert_eq!(order.columns().map(|(name, _)| name).collect::<Vec<_>>(), ["name", "count"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// The name: in paths, tables and scopes.
    pub name: String,
    /// The title, from which components of the OpenAPI document are named.
    pub title: String,
    /// The description.
    pub description: Option<String>,
    /// The table's name, with at most one `{site}`.
    pub table: String,
    /// The names of the key and of ripple's own members.
    pub names: Arc<Names>,
    /// The entry keys of lists.
    pub entries: Entries,
    /// Days for which a version stays in the history after it was replaced.
    pub retention_days: u16,
    /// The member that is a record's title on pages and in lists of deletions.
    pub label: String,
    /// The order of lists without `sort`: names as in `sort`.
    pub order: String,
    /// The root members where `q` looks, besides the id. `None` stands for every string, and who wrote it.
    pub search: Option<Vec<String>>,
    /// Seconds for which a list at the edge is fresh. `None` stands for the host's configuration.
    pub fresh_seconds: Option<u16>,
    /// Partitions of the index. `None` stands for the host's configuration.
    pub shards: Option<u16>,
    /// Whether there are writes.
    pub access: Access,
    /// Whether this is the site's default resource.
    pub is_default: bool,
    /// One record in a sentence, with its article.
    pub singular: String,
    /// Several records in a sentence.
    pub plural: String,
    /// The member in which other programs name the author of a write. `None` if they name none.
    pub writer: Option<String>,
    /// The URL that is told of changes.
    pub webhook: Option<String>,
    /// The names in the CloudFormation template.
    pub logical_ids: LogicalIds,
    /// The schema of its records.
    pub schema: Schema,
}

/// What a resource allows.
///
/// ```
/// use ripple_core::record::schema::Access;
///
/// assert_eq!(Access::default(), Access::ReadWrite);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes.
    #[default]
    ReadWrite,
    /// Reads.
    ReadOnly,
}

/// The logical ids of a resource in the CloudFormation template.
///
/// ```
/// use ripple_core::record::schema::Resources;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object"}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let ids = &resources.get("task").unwrap().logical_ids;
/// assert_eq!(ids.all(), ["TaskTable", "TaskVersions", "TaskThrottleAlarm"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogicalIds {
    /// The table of records.
    pub table: String,
    /// The table of their history.
    pub versions: String,
    /// The alarm of throttled requests.
    pub alarm: String,
}

impl LogicalIds {
    /// Returns the ids.
    #[must_use]
    pub fn all(&self) -> [&str; 3] {
        [&self.table, &self.versions, &self.alarm]
    }
}

impl Resource {
    /// Returns the members that the file names: its properties, then the lists with entry keys, the places where `q`
    /// looks, the order, the label and the writer. A summary has the same ones, all as properties.
    pub(crate) fn declared(&self) -> Vec<&str> {
        let lists = self.entries.0.iter().filter_map(|(names, _)| names.first());
        let order = self.order.split(',').map(|name| name.strip_prefix('-').unwrap_or(name));
        let others = lists.chain(self.search.iter().flatten()).map(String::as_str).chain(order);
        let others = others.chain([self.label.as_str()]).chain(self.writer.as_deref());
        let mut declared: Vec<&str> = self.schema.root.properties.iter().map(|(name, _)| name.as_str()).collect();
        for name in others {
            if !name.is_empty() && !self.names.are_fixed(name) && !declared.contains(&name) {
                declared.push(name);
            }
        }
        declared
    }

    /// Reports whether a member is declared, or is one of ripple's own.
    pub(crate) fn declares(&self, member: &str) -> bool {
        self.names.are_fixed(member) || self.schema.property(member).is_some() || self.declared().contains(&member)
    }

    /// Returns the resource `prj` of [`Resources::built_in`].
    #[must_use]
    pub fn built_in() -> Arc<Resource> {
        Arc::clone(Resources::built_in().first())
    }

    /// Returns the name of the table of records.
    ///
    /// ```
    /// use ripple_core::record::schema::Resource;
    ///
    /// let resource = Resource::built_in();
    /// assert_eq!(resource.table_name("garden"), "garden_prj");
    /// assert_eq!(resource.history_table_name("garden"), "garden_prj_version");
    /// ```
    #[must_use]
    pub fn table_name(&self, site: &str) -> String {
        self.table.replace("{site}", site)
    }

    /// Returns one record's name in a sentence, without an article: `singular` without its first word.
    #[must_use]
    pub fn noun(&self) -> &str {
        self.singular.split_once(' ').map_or(&*self.singular, |(_, noun)| noun)
    }

    /// Returns the name of the table of their history.
    #[must_use]
    pub fn history_table_name(&self, site: &str) -> String {
        history_table(&self.name).replace("{site}", site)
    }

    /// Returns how long a version stays in the history after it was replaced.
    #[must_use]
    pub fn retention(&self) -> Duration {
        limits::DAY * u32::from(self.retention_days)
    }

    /// Returns how long a tombstone stays: longer than the history, so that a deletion is told after all that it deleted.
    #[must_use]
    pub fn tombstone(&self) -> Duration {
        self.retention() + limits::TOMBSTONE_BEYOND
    }

    /// Returns the name of the record's component in the OpenAPI document.
    #[must_use]
    pub fn component(&self) -> String {
        self.title.split_whitespace().map(capitalized).collect()
    }

    /// Returns the first 64 root members of one scalar type, in the order of the file.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Type)> {
        self.sortable().take(COLUMNS)
    }

    /// Returns the digest of what a list's view depends on: resource, table, keys, members, order and search. It is 96
    /// bits of SHA-256.
    #[must_use]
    pub fn view_digest(&self) -> [u8; 12] {
        let mut digest = Sha256::new();
        let mut part = |text: &str| {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        };
        [&*self.name, &self.table].into_iter().for_each(&mut part);
        for (name, kind) in self.names.keys() {
            part(name);
            part(kind.letter());
        }
        self.names.ripples().into_iter().for_each(&mut part);
        part(&self.order);
        part(if self.search.is_some() { "search" } else { "" });
        self.search.iter().flatten().for_each(|name| part(name));
        let mut first = [0; 12];
        first.copy_from_slice(&digest.finalize()[..12]);
        first
    }

    /// Reports whether lists without `sort` are ordered by the id's text.
    #[must_use]
    pub fn is_ordered_by_id(&self) -> bool {
        self.names.has_plain_key() && self.order == *self.names.key
    }

    pub(super) fn has_more_columns(&self) -> bool {
        self.sortable().nth(COLUMNS).is_some()
    }

    fn sortable(&self) -> impl Iterator<Item = (&str, Type)> {
        let members = self.schema.root.properties.iter().filter(|(name, _)| !self.names.is_key(name));
        members.filter_map(|(name, schema)| Some((name.as_str(), schema.scalar_type()?)))
    }
}

pub(super) fn history_table(resource: &str) -> String {
    format!("{{site}}_{resource}_version")
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
