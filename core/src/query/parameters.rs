//! What a caller asks of a list.

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Row;
use super::cursor::{self, Rank, Sort};
use crate::limits;
use crate::record::{Names, Record, is_required};
use crate::value::{Number, Value};

/// A parameter that is not as a list takes it.
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

/// `q`, filters, `sort`, `fields`, `limit` and `cursor`, checked.
#[derive(Debug)]
pub struct Query {
    names: Names,
    words: Vec<String>,
    filters: Vec<(String, String)>,
    sort: Vec<Sort>,
    fields: Option<Vec<String>>,
    limit: Option<usize>,
    after: Option<Rank>,
    /// All that chooses and orders records, hashed: a cursor belongs to it.
    scope: String,
    /// All that an entity tag must tell apart: empty for the whole list.
    tag: String,
}

impl Query {
    /// Reads a query string's decoded pairs. `names` are those of the records.
    ///
    /// # Errors
    /// Every bad or repeated parameter at once.
    pub fn parse(pairs: &[(String, String)], names: &Names) -> Result<Query, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut seen = BTreeSet::new();
        let mut query = Query {
            names: names.clone(),
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
        query.filters.sort();
        query.scope = digest(&(&query.words, &query.filters, &query.sort, &query.fields));
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

    /// Whether it asks for this record.
    #[must_use]
    pub fn matches(&self, project: &Record) -> bool {
        let searched = |word: &String| {
            folded(project.id.as_str()).contains(word)
                || project.updated_by.as_ref().is_some_and(|by| folded(by).contains(word))
                || project.attributes.values().any(|value| mentions(value, word))
        };
        self.passes_filters(project) && self.words.iter().all(searched)
    }

    /// Whether it asks for this record.
    #[must_use]
    pub fn matches_row(&self, row: &Row) -> bool {
        self.passes_filters(&row.record) && self.words.iter().all(|word| row.text.contains(word))
    }

    /// Whether it asks for the whole list, all of every record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tag.is_empty()
    }

    /// Whether a record's id and all of its JSON are enough to answer it.
    pub(crate) fn takes_lines(&self) -> bool {
        self.words.is_empty() && self.filters.is_empty() && self.sort.is_empty() && self.fields.is_none()
    }

    /// The names that filter and are not members of every record.
    pub(super) fn filtered(&self) -> impl Iterator<Item = &str> {
        let names = self.filters.iter().map(|(name, _)| name.as_str());
        names.filter(|name| !self.names.are_fixed(name) && !is_required(name))
    }

    fn passes_filters(&self, project: &Record) -> bool {
        self.filters.iter().all(|(name, wanted)| {
            project.member(name, &self.names).is_some_and(|value| equals_or_contains(&value, wanted))
        })
    }

    pub(super) fn rank(&self, project: &Record) -> Rank {
        Rank::of(project, &self.sort, &self.names)
    }

    /// What it shows of a record, all of which is `json`.
    pub(super) fn show(&self, project: &Record, json: Bytes) -> Bytes {
        match &self.fields {
            Some(fields) => project.to_json_of(fields, &self.names).into(),
            None => json,
        }
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
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

/// A page's size.
pub(crate) fn parse_limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=limits::PAGE_RECORDS).contains(limit));
    limit
        .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(format!("must be a whole number from 1 to {}", limits::PAGE_RECORDS))
}

/// Attribute names between commas.
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

/// 96 bits of SHA-256 over the parts as JSON: enough to tell queries apart.
fn digest(parts: &impl serde::Serialize) -> String {
    let json = serde_json::to_vec(parts).expect("strings and numbers serialise");
    URL_SAFE_NO_PAD.encode(&Sha256::digest(json)[..12])
}

/// A filter: the value as text, or an element of an array or a set.
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

/// A search: the folded word occurs in a string somewhere inside.
fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => folded(text).contains(word),
        Value::List(list) => list.iter().any(|value| mentions(value, word)),
        Value::Map(members) => members.values().any(|value| mentions(value, word)),
        Value::Strings(set) => set.iter().any(|text| folded(text).contains(word)),
        _ => false,
    }
}

/// Text without its case, character by character: lower case, and what has another form in upper case or at the end of a
/// word like that (`ß` is `ss`, `ς` is `σ`). Text that is in lower case already is not copied.
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
