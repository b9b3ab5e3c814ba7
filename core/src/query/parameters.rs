//! The parameters of a list.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Row;
use super::cursor::{self, Rank, Sort};
use super::row::searched;
use crate::limits;
use crate::record::schema::Resource;
use crate::record::{Names, Record};
use crate::value::{Number, Value};

/// A parameter that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The parameter's name.
    pub parameter: String,
    /// One sentence for the client.
    pub detail: String,
}

impl Fault {
    fn new(parameter: &str, detail: impl Into<String>) -> Fault {
        Fault { parameter: parameter.to_owned(), detail: detail.into() }
    }
}

/// The checked parameters `q`, filters, `sort`, `fields`, `limit` and `cursor`.
#[derive(Debug)]
pub struct Query {
    resource: Arc<Resource>,
    /// The names used as filters that the schema does not know.
    unknown: Vec<String>,
    pub(super) words: Vec<String>,
    pub(super) filters: Vec<(String, String)>,
    pub(super) sort: Vec<Sort>,
    fields: Option<Vec<String>>,
    limit: Option<usize>,
    pub(super) after: Option<Rank>,
    /// A hash of all parameters that choose and order records. A cursor belongs to one scope.
    scope: String,
    /// A hash of all parameters that an entity tag must distinguish. Empty for the whole list.
    tag: String,
}

impl Query {
    /// Parses the decoded pairs of a query string for a list of a resource's records.
    ///
    /// # Errors
    /// Every bad or repeated parameter, all at once.
    pub fn parse(pairs: &[(String, String)], resource: &Arc<Resource>) -> Result<Query, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        let mut query = Query {
            resource: Arc::clone(resource),
            unknown: Vec::new(),
            words: Vec::new(),
            filters: Vec::new(),
            sort: Vec::new(),
            fields: None,
            limit: None,
            after: None,
            scope: String::new(),
            tag: String::new(),
        };
        let mut cursor = None;
        for (name, value) in pairs {
            if !seen.insert(name.as_str()) {
                faults.push(Fault::new(name, "occurs more than once"));
                continue;
            }
            let parsed = match name.as_str() {
                "" => Err("has no name".to_owned()),
                "q" => {
                    query.words = value.split_whitespace().map(|word| folded(word).into_owned()).collect();
                    Ok(())
                }
                "sort" => comma_separated(value, limits::SORT_KEYS).map(|names| {
                    query.sort = names.into_iter().map(Sort::parse).collect();
                }),
                "fields" => comma_separated(value, limits::FIELDS).map(|names| query.fields = Some(names)),
                "limit" => parse_limit(value).map(|limit| query.limit = Some(limit)),
                "cursor" => {
                    cursor = Some(value);
                    Ok(())
                }
                _ => {
                    query.filters.push((name.clone(), value.clone()));
                    Ok(())
                }
            };
            if let Err(detail) = parsed {
                faults.push(Fault::new(name, detail));
            }
        }
        if query.sort.is_empty() && resource.order != *resource.names.key {
            query.sort = resource.order.split(',').map(|name| Sort::parse(name.to_owned())).collect();
        }
        // The text of an id orders keys of one string only.
        if !resource.names.has_plain_key() {
            for (name, _) in resource.names.keys() {
                if query.sort.iter().all(|sort| sort.name != name) {
                    query.sort.push(Sort { name: name.to_owned(), descending: false });
                }
            }
        }
        query.filters.sort();
        let is_known = |name: &str| resource.names.are_fixed(name) || resource.schema.property(name).is_some();
        let names = query.filters.iter().map(|(name, _)| name);
        query.unknown = names.filter(|name| !is_known(name)).cloned().collect();
        query.scope = digest(&(resource.view_digest(), &query.words, &query.filters, &query.sort, &query.fields));
        if let Some(cursor) = cursor {
            match cursor::parse(cursor, &query.scope, &query.sort) {
                Some(rank) => query.after = Some(rank),
                None => faults.push(Fault::new("cursor", "is no cursor of this list")),
            }
        }
        if !pairs.is_empty() {
            query.tag = digest(&(&query.scope, query.limit, cursor));
        }
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }

    /// Reports whether the query includes this record.
    #[must_use]
    pub fn matches(&self, project: &Record) -> bool {
        let mentions = |word: &String| {
            let mut found = folded(project.id.as_str()).contains(word);
            searched(project, &self.resource, |value| found = found || mentions(value, word));
            found
        };
        self.passes_filters(project) && self.words.iter().all(mentions)
    }

    /// Reports whether the query includes this record.
    #[must_use]
    pub fn matches_row(&self, row: &Row) -> bool {
        self.passes_filters(&row.record) && self.words.iter().all(|word| row.text.contains(word))
    }

    /// Reports whether the query is for the whole list by id, with all fields of every record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tag.is_empty() && self.sort.is_empty()
    }

    /// Reports whether a record's id and its whole JSON are enough to answer the query.
    pub(crate) fn takes_lines(&self) -> bool {
        self.words.is_empty() && self.filters.is_empty() && self.sort.is_empty() && self.fields.is_none()
    }

    /// Reports whether id and whole JSON are enough to place and show a record that matches.
    pub(crate) fn shows_lines(&self) -> bool {
        self.sort.is_empty() && self.fields.is_none()
    }

    /// Returns the names used as filters that the schema does not know. Records may have members of these names.
    pub(crate) fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    fn passes_filters(&self, project: &Record) -> bool {
        self.filters.iter().all(|(name, wanted)| {
            project.member(name, self.names()).is_some_and(|value| equals_or_contains(&value, wanted))
        })
    }

    pub(super) fn rank(&self, project: &Record) -> Rank {
        Rank::of(project, &self.sort, self.names())
    }

    /// Returns the part of a record that the query shows. `json` is the whole record.
    pub(super) fn show(&self, project: &Record, json: Bytes) -> Bytes {
        match &self.fields {
            Some(fields) => project.to_json_of(fields, self.names()).into(),
            None => json,
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.resource.names
    }

    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    pub(super) fn after(&self) -> Option<&Rank> {
        self.after.as_ref()
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn cursor_after(&self, last: &Rank) -> String {
        cursor::format(last, &self.scope)
    }
}

/// Parses the size of a page.
pub(crate) fn parse_limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=limits::PAGE_RECORDS).contains(limit));
    limit
        .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(format!("must be a whole number from 1 to {}", limits::PAGE_RECORDS))
}

/// Parses attribute names separated by commas.
fn comma_separated(value: &str, most: usize) -> Result<Vec<String>, String> {
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    if names.len() > most {
        return Err(format!("takes at most {most} names"));
    }
    if names.iter().any(|name| name.is_empty() || name == "-") {
        return Err("has an empty name".to_owned());
    }
    Ok(names)
}

/// Returns 96 bits of SHA-256 over the parts as JSON, which is enough to distinguish queries.
fn digest(parts: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(parts).expect("strings and numbers serialise");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(json)[..12])
}

/// Reports whether a value passes a filter: the value as text, or an element of an array or a set, equals it.
fn equals_or_contains(value: &Value, wanted: &str) -> bool {
    let number = |number: &Number| Number::parse(wanted).is_some_and(|wanted| wanted == *number);
    match value {
        Value::Null => wanted == "null",
        Value::Bool(flag) => wanted == if *flag { "true" } else { "false" },
        Value::Number(value) => number(value),
        Value::String(text) => text == wanted,
        Value::List(list) => list.iter().any(|element| equals_or_contains(element, wanted)),
        Value::Strings(set) => set.contains(wanted),
        Value::Numbers(set) => set.iter().any(number),
        Value::Map(_) | Value::Binary(_) | Value::Binaries(_) => false,
    }
}

/// Reports whether the folded word occurs in a string anywhere inside the value.
fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => folded(text).contains(word),
        Value::List(list) => list.iter().any(|value| mentions(value, word)),
        Value::Map(members) => members.values().any(|value| mentions(value, word)),
        Value::Strings(set) => set.iter().any(|text| folded(text).contains(word)),
        _ => false,
    }
}

/// Returns text without its case, character by character. Characters become lower case. Those with another form in
/// upper case or at the end of a word are replaced alike (`ß` is `ss`, `ς` is `σ`). Text that is already in lower case
/// is not copied.
pub(super) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            'ß' => folded.push_str("ss"),
            'ς' => folded.push('σ'),
            'ſ' => folded.push('s'),
            letter => folded.push(letter),
        }
    }
    Cow::Owned(folded)
}

impl Sort {
    fn parse(name: String) -> Sort {
        match name.strip_prefix('-') {
            Some(rest) => Sort { name: rest.to_owned(), descending: true },
            None => Sort { name, descending: false },
        }
    }
}
