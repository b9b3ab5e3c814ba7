//! The parameters of a list.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Row;
use super::condition::{Condition, MemberPath, parse_flag};
use super::cursor::{self, Bound, Rank, Sort};
use super::row::searched;
use crate::limits;
use crate::record::schema::Resource;
use crate::record::{Names, Record};
use crate::time::Timestamp;
use crate::value::Value;

/// A parameter that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The parameter's name.
    pub parameter: String,
    /// One sentence for the client.
    pub detail: String,
}

/// A member that a query names, though the resource does not declare it. Records may have such members. If none has it,
/// it is most likely mistyped.
#[derive(Debug)]
pub(crate) struct Undeclared {
    pub(crate) member: MemberPath,
    /// The fault of the query if no record has it.
    pub(super) fault: Fault,
}

impl Fault {
    fn new(parameter: &str, detail: impl Into<String>) -> Fault {
        Fault { parameter: parameter.to_owned(), detail: detail.into() }
    }
}

/// The checked parameters `q`, conditions, `sort`, `fields`, `limit`, `cursor`, `count` and `deleted`.
#[derive(Debug)]
pub struct Query {
    resource: Arc<Resource>,
    pub(super) words: Vec<String>,
    pub(super) conditions: Vec<Condition>,
    /// Whether the list is of deleted records.
    deleted: bool,
    /// The time of the request, up to which a deleted record must be restorable.
    now: Timestamp,
    pub(super) sort: Vec<Sort>,
    fields: Option<Vec<String>>,
    undeclared: Vec<Undeclared>,
    limit: Option<usize>,
    pub(super) counts: bool,
    pub(super) bound: Option<Bound>,
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
            words: Vec::new(),
            conditions: Vec::new(),
            deleted: false,
            now: Timestamp::default(),
            sort: Vec::new(),
            fields: None,
            undeclared: Vec::new(),
            limit: None,
            counts: false,
            bound: None,
            scope: String::new(),
            tag: String::new(),
        };
        // Owned, since `http/request.rs` sorts such pairs too: each sort is three kilobytes of the edge worker's module.
        let mut filters: Vec<(String, String)> = Vec::new();
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
                "sort" => comma_separated(value, limits::SORT_KEYS).map(|names| query.sort = sorted_by(names)),
                "fields" => comma_separated(value, limits::FIELDS).map(|names| query.fields = Some(names)),
                "limit" => parse_limit(value).map(|limit| query.limit = Some(limit)),
                "cursor" => {
                    cursor = Some(value);
                    Ok(())
                }
                "count" => parse_flag(value).map(|counts| query.counts = counts),
                name if name == resource.names.deleted => parse_flag(value).map(|deleted| query.deleted = deleted),
                _ if filters.len() == limits::FILTERS => {
                    Err(format!("is one condition more than the {} of a list", limits::FILTERS))
                }
                _ => {
                    filters.push((name.clone(), value.clone()));
                    Condition::parse(name, value).map(|condition| query.conditions.push(condition))
                }
            };
            if let Err(detail) = parsed {
                faults.push(Fault::new(name, detail));
            }
        }
        // The list of a cursor was checked with its first page. It goes on, even if no record has a member any longer.
        if cursor.is_none() {
            query.undeclared = query.find_undeclared();
        }
        if query.sort.is_empty() && resource.order != *resource.names.key {
            query.sort = sorted_by(resource.order.split(',').map(str::to_owned).collect());
        }
        // The text of an id orders keys of one string only.
        if resource.names.has_plain_key() {
            if query.sort.first().is_some_and(|sort| sort.name == *resource.names.key && !sort.descending) {
                query.sort.clear();
            }
        } else {
            for (name, _) in resource.names.keys() {
                if query.sort.iter().all(|sort| sort.name != name) {
                    query.sort.push(Sort { name: name.to_owned(), descending: false });
                }
            }
        }
        if query.deleted {
            filters.push((resource.names.deleted.to_string(), "true".to_owned()));
        }
        filters.sort();
        query.scope = digest(&(resource.view_digest(), &query.words, &filters, &query.sort, &query.fields));
        if let Some(cursor) = cursor {
            match cursor::parse(cursor, &query.scope, &query.sort) {
                Some(bound) => query.bound = Some(bound),
                None => faults.push(Fault::new("cursor", "is no cursor of this list")),
            }
        }
        if !pairs.is_empty() {
            query.tag = digest(&(&query.scope, query.limit, cursor));
        }
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }

    /// Returns the query at the time of its request. Without it, a list of deleted records has those of any time.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Query {
        Query { now, ..self }
    }

    /// Reports whether the list has records in this state: live ones, or deleted ones that can be restored. The history
    /// with the last state of a deleted record ends before its tombstone does.
    #[must_use]
    pub fn covers(&self, record: &Record) -> bool {
        match record.tombstone {
            None => !self.deleted,
            Some(expires) => self.deleted && self.now.after(limits::TOMBSTONE_BEYOND) < expires,
        }
    }

    /// Reports whether the query includes a record that it covers.
    #[must_use]
    pub fn matches(&self, project: &Record) -> bool {
        let mentions = |word: &String| {
            let mut found = folded(project.id.as_str()).contains(word);
            searched(project, &self.resource, |value| found = found || mentions(value, word));
            found
        };
        self.meets_conditions(project) && self.words.iter().all(mentions)
    }

    /// Reports whether the query includes a record that it covers.
    #[must_use]
    pub fn matches_row(&self, row: &Row) -> bool {
        self.meets_conditions(&row.record) && self.words.iter().all(|word| row.text.contains(word))
    }

    /// Reports whether the query is for the whole list by id, with all fields of every record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.tag.is_empty() && self.sort.is_empty()
    }

    /// Reports whether the list is of deleted records.
    #[must_use]
    pub fn is_of_deleted(&self) -> bool {
        self.deleted
    }

    /// Reports whether a record is on the other side of the place at which the page begins.
    pub(crate) fn passes(&self, record: &Record) -> bool {
        self.bound().is_some_and(|bound| !bound.admits(&self.rank(record)))
    }

    /// Reports whether the client asks for the number of all matches.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Reports whether the client is beyond the first page.
    #[must_use]
    pub fn has_cursor(&self) -> bool {
        self.bound.is_some()
    }

    /// Returns the conditions, all of which a record must meet, in the order of the query.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Reports whether a record's id and its whole JSON are enough to answer the query.
    pub(crate) fn takes_lines(&self) -> bool {
        let all = self.words.is_empty() && self.conditions.is_empty() && !self.deleted;
        all && self.sort.is_empty() && self.fields.is_none()
    }

    /// Reports whether id and whole JSON are enough to place and show a record that matches.
    pub(crate) fn shows_lines(&self) -> bool {
        self.sort.is_empty() && self.fields.is_none()
    }

    /// Returns the members that the query names and the resource does not declare. Beyond the first page there are none.
    pub(crate) fn undeclared(&self) -> &[Undeclared] {
        &self.undeclared
    }

    fn find_undeclared(&self) -> Vec<Undeclared> {
        let conditions = self.conditions.iter().filter(|condition| !condition.member.is_declared(&self.resource));
        let conditions = conditions.map(|Condition { member, parameter, .. }| {
            let fault = Fault::new(parameter, "is no parameter, and no record has such a member");
            Undeclared { member: member.clone(), fault }
        });
        let sort = self.sort.iter().map(|sort| ("sort", &sort.name));
        let fields = self.fields.iter().flatten().map(|name| ("fields", name));
        let named = sort.chain(fields).filter(|(_, name)| !self.resource.declares(name));
        let named = named.map(|(parameter, name)| {
            let fault = Fault::new(parameter, format!("names {name}, and no record has such a member"));
            Undeclared { member: MemberPath::of(name), fault }
        });
        conditions.chain(named).collect()
    }

    fn meets_conditions(&self, project: &Record) -> bool {
        self.conditions.iter().all(|condition| condition.matches(project, self.names()))
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

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }

    pub(super) fn bound(&self) -> Option<&Bound> {
        self.bound.as_ref()
    }

    /// Returns a text that two queries share only if they have the same page.
    pub(crate) fn identity(&self) -> String {
        let bound = self.bound.as_ref().map(|bound| self.cursor(bound));
        digest(&(&self.scope, self.limit, self.counts, bound, &self.tag))
    }

    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn cursor(&self, bound: &Bound) -> String {
        cursor::format(bound, &self.scope)
    }
}

/// Parses the size of a page.
pub(crate) fn parse_limit(value: &str) -> Result<usize, String> {
    let limit = value.parse().ok().filter(|limit| (1..=limits::PAGE_RECORDS).contains(limit));
    limit
        .filter(|_| value.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(format!("must be a whole number from 1 to {}", limits::PAGE_RECORDS))
}

fn sorted_by(names: Vec<String>) -> Vec<Sort> {
    names.into_iter().map(Sort::parse).collect()
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
