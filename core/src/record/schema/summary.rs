//! The summary of a resource: what a host needs that checks no bodies.
//!
//! The edge forwards every write, so it needs names and settings but no rules. Reading a file there would make its bundle
//! 36 KB larger.

use std::sync::Arc;

use super::Resources;
use super::check::Schema;
use super::entries::Entries;
use super::resource::{Access, LogicalIds, Resource};
use super::subschema::Subschema;
use crate::record::Names;
use crate::record::key::{KeyType, SortKey};
use crate::value::push_token;

/// Texts before the names of the members where `q` looks and the paths of the declared members.
const FIXED: usize = 19;

impl Resources {
    /// Returns the summaries of the resources, in their order.
    #[must_use]
    pub fn summaries(&self) -> Vec<Vec<String>> {
        self.list.iter().map(|resource| resource.summary()).collect()
    }

    /// Returns the resources of summaries. Returns `None` if a summary has another form, or there is none.
    ///
    /// ```
    /// use ripple_core::record::schema::Resources;
    ///
    /// let resources = Resources::built_in();
    /// let summarized = Resources::of_summaries(resources.summaries()).unwrap();
    /// assert_eq!(summarized.first().names, resources.first().names);
    /// assert_eq!(summarized.first().view_digest(), resources.first().view_digest());
    /// assert!(summarized.first().schema.property("goal").is_some());
    /// assert!(summarized.first().schema.property("timeline").is_some(), "a list whose entries have a key");
    /// ```
    #[must_use]
    pub fn of_summaries(summaries: Vec<Vec<String>>) -> Option<Resources> {
        let list: Vec<_> = summaries.into_iter().map(|texts| of_summary(texts).map(Arc::new)).collect::<Option<_>>()?;
        (!list.is_empty()).then(|| Resources { list, warnings: Vec::new(), files: Vec::new() })
    }
}

impl Resource {
    fn summary(&self) -> Vec<String> {
        let number = |number: Option<u16>| number.map(|number| number.to_string()).unwrap_or_default();
        let flag = |flag: bool| if flag { "1" } else { "" }.to_owned();
        let Names { key, sort_key, version, updated_at, updated_by, updated_author, deleted, .. } = &*self.names;
        let searched = self.search.as_deref().unwrap_or_default();
        let mut texts = vec![
            self.name.clone(),
            self.table.clone(),
            key.to_string(),
            version.to_string(),
            updated_at.to_string(),
            updated_by.to_string(),
            updated_author.to_string(),
            deleted.to_string(),
            self.singular.clone(),
            self.order.clone(),
            self.retention_days.to_string(),
            number(self.fresh_seconds),
            number(self.shards),
            flag(self.access == Access::ReadOnly),
            flag(self.is_default),
            flag(self.names.key_type == KeyType::Number),
            self.search.as_ref().map(|names| names.len().to_string()).unwrap_or_default(),
            sort_key.as_ref().map(|sort_key| sort_key.name.to_string()).unwrap_or_default(),
            flag(sort_key.as_ref().is_some_and(|sort_key| sort_key.kind == KeyType::Number)),
        ];
        texts.extend(searched.iter().cloned());
        texts.extend(self.schema.root.paths());
        for name in self.declared().into_iter().skip(self.schema.root.properties.len()) {
            let mut path = String::new();
            push_token(&mut path, name);
            texts.push(path);
        }
        texts
    }
}

fn of_summary(mut texts: Vec<String>) -> Option<Resource> {
    if texts.len() < FIXED {
        return None;
    }
    let mut rest = texts.split_off(FIXED);
    let number = |place: usize| texts[place].parse().ok();
    let flag = |place: usize| !texts[place].is_empty();
    let searched: Option<usize> = number(16).map(usize::from);
    let declared = rest.split_off(searched.unwrap_or(0).min(rest.len()));
    let access = if flag(13) { Access::ReadOnly } else { Access::ReadWrite };
    let kind = |place: usize| if flag(place) { KeyType::Number } else { KeyType::String };
    let key_type = kind(15);
    let sort_key = (!texts[17].is_empty()).then(|| SortKey { name: texts[17].clone().into(), kind: kind(18) });
    let (retention_days, fresh_seconds, shards, is_default) = (number(10)?, number(11), number(12), flag(14));
    let mut texts = texts.into_iter();
    let mut next = || texts.next().unwrap_or_default();
    let (name, table) = (next(), next());
    let names = Names {
        key: next().into(),
        key_type,
        sort_key,
        version: next().into(),
        updated_at: next().into(),
        updated_by: next().into(),
        updated_author: next().into(),
        deleted: next().into(),
    };
    let (singular, order) = (next(), next());
    let key = names.keys().into_iter().map(|(name, _)| name.to_owned()).collect();
    Some(Resource {
        name,
        title: String::new(),
        description: None,
        table,
        names: Arc::new(names),
        entries: Entries::default(),
        retention_days,
        label: String::new(),
        order,
        search: searched.map(|_| rest),
        fresh_seconds,
        shards,
        access,
        is_default,
        singular,
        plural: String::new(),
        writer: None,
        webhook: None,
        logical_ids: LogicalIds::default(),
        schema: Schema { root: Subschema::of_paths(&declared), key, entries: Entries::default() },
    })
}
