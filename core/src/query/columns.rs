//! What a stored table keeps of a record beside its JSON, so that SQL can narrow and order a list.
//!
//! The core makes all of it when a row comes in, and makes the texts that a query looks for. SQL only compares bytes.
//! So folding, numbers of 38 digits and DynamoDB's types mean the same in SQL as in [`Query::matches`].
//!
//! | column | content | a query looks for |
//! |---|---|---|
//! | text | the folded text of a [`Row`](super::Row) | each word of `q` |
//! | atoms | a line for each value that a filter can equal | the lines of the wanted text |
//! | keys | for each known member: bytes whose order is that of `sort` | |

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::row::Row;
use super::{Condition, Operand, Query, Side, Test, cursor};
use crate::record::schema::Resource;
use crate::record::{ContentHash, Record};
use crate::value::Value;

/// The number of known members with a column. SQLite has 100 columns in a table of a Durable Object.
/// <https://developers.cloudflare.com/durable-objects/platform/limits/>
const MEMBERS: usize = 64;
/// The longest text that a line of the atoms shows, in bytes. Longer text is hashed.
const SHOWN: usize = 256;
/// The greatest size of the atoms, in bytes. A list of distinct numbers can have many.
const ATOMS: usize = 400 * 1024;
/// The greatest size of the folded text, in bytes. A row has at most 2 MB.
const TEXT: usize = 1024 * 1024;
/// The number of texts that a query looks for in SQL. A statement has at most 100 parameters.
const NEEDLES: usize = 60;

/// The number of conditions with ranges that SQL answers. Each has up to four parameters.
const RANGED: usize = 8;
/// The first byte of the key of a number, and of a text.
const NUMBERS: u8 = 1;
const TEXTS: u8 = 2;

/// The columns of a resource's table.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    resource: Arc<Resource>,
    keys: Vec<String>,
}

/// What is kept of a live record.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The record as JSON.
    pub(crate) json: Bytes,
    /// The hash of the JSON.
    pub(crate) hash: ContentHash,
    /// The folded text and the atoms. `None` for a record with more than a row can hold: it is a candidate of every
    /// query, and the core decides.
    pub(crate) searched: Option<(String, String)>,
    /// The key of each column, in the order of [`Columns::keys`]. `None` for a member that is missing or has no order.
    pub(crate) keys: Vec<Option<Vec<u8>>>,
}

/// A column of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Searched {
    /// The folded text.
    Text,
    /// The atoms.
    Atoms,
}

/// A part of a statement's condition: the column contains at least one of the texts.
#[derive(Debug)]
pub(crate) struct Contains {
    pub(crate) column: Searched,
    pub(crate) any: Vec<String>,
}

/// A part of a statement's condition: the key of a column is missing, or in one of these ranges. A key may be that of the
/// beginning of a text, so both ends of a range belong to it.
#[derive(Debug)]
pub(crate) struct Within {
    pub(crate) column: usize,
    pub(crate) ranges: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The part of a query that SQL can answer.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Every match meets all of these.
    pub(crate) contained: Vec<Contains>,
    /// Every match meets all of these too.
    pub(crate) within: Vec<Within>,
    /// Whether every record that meets all conditions is a match.
    pub(crate) is_exact: bool,
    /// Whether the page ends before its bound.
    pub(crate) is_backward: bool,
    /// Whether SQL knows the members of all conditions of the query.
    pub(crate) knows_members: bool,
    /// The columns of the sort keys, and whether each descends. `None` if a sort key has no column. The id follows.
    pub(crate) order: Option<Vec<(usize, bool)>>,
    /// The position at which the page begins.
    pub(crate) start: Option<Start>,
    /// The same in a list whose first sort key is the time of the last write. `None` in another list, or if the position
    /// has something else than a time.
    pub(crate) moment: Option<Moment>,
}

/// The beginning of a page, as far as SQL narrows it.
#[derive(Debug)]
pub(crate) enum Start {
    /// At this id, or after it, in a list ordered by id.
    Id(String),
    /// At this value of the first sort key, or after it. `id` is that of the record.
    Key { key: Option<Vec<u8>>, id: String },
}

/// The beginning of a page of a list that is ordered by time first.
#[derive(Debug)]
pub(crate) enum Moment {
    /// At the first record.
    First,
    /// At this time.
    At(u64),
    /// At this id among the records without a time, which are last.
    Missing(String),
}

impl Columns {
    /// Returns the columns of a resource's table.
    pub(crate) fn of(resource: &Arc<Resource>) -> Columns {
        let names = &resource.names;
        let own = names.keys().into_iter().map(|(name, _)| name.to_owned());
        let own = own.chain([&names.version, &names.updated_at, &names.updated_by].map(ToString::to_string));
        let members = resource.schema.root.properties.iter().map(|(name, _)| name.clone());
        let members = members.filter(|name| !names.are_fixed(name)).take(MEMBERS);
        Columns { keys: own.chain(members).collect(), resource: Arc::clone(resource) }
    }

    /// Returns the resource.
    pub(crate) fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    /// Returns the names of the members with a column.
    pub(crate) fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns the column of the time at which a record was last written.
    pub(crate) fn time(&self) -> Option<usize> {
        self.keys.iter().position(|name| *name == self.resource.names.updated_at)
    }

    /// Returns a digest of all that the columns depend on. A table with another digest must be filled again.
    pub(crate) fn digest(&self) -> String {
        let names = serde_json::to_vec(&self.keys).expect("strings serialise");
        let digest = Sha256::new().chain_update(self.resource.view_digest()).chain_update(names).finalize();
        URL_SAFE_NO_PAD.encode(&digest[..12])
    }

    /// Returns what is kept of a live record.
    pub(crate) fn prepare(&self, record: Record) -> (Record, Prepared) {
        let Row { record, json, hash, text } = Row::new(record, &self.resource);
        let names = &self.resource.names;
        let key = |name: &String| record.member(name, names).and_then(|value| cursor::key(&value));
        let keys = self.keys.iter().map(key).collect();
        let searched = (text.len() <= TEXT).then(|| self.atoms(&record)).flatten().map(|atoms| (text, atoms));
        (record, Prepared { json, hash, searched, keys })
    }

    /// Returns the atoms of a record. Returns `None` if they are too large.
    fn atoms(&self, record: &Record) -> Option<String> {
        let names = &self.resource.names;
        let mut atoms = Atoms::default();
        for (name, value) in &record.attributes {
            if self.resource.schema.property(name).is_none() {
                atoms.add(marker(name));
            }
            if !names.are_ripples(name) {
                atoms.collect(&line(name), value);
            }
        }
        let own = names.keys().into_iter().map(|(name, _)| name).chain(names.ripples());
        for name in own {
            if let Some(value) = record.member(name, names) {
                atoms.collect(&line(name), &value);
            }
        }
        atoms.text()
    }

    /// Returns the part of a query that SQL can answer.
    pub(crate) fn plan(&self, query: &Query) -> Plan {
        let word = |word: &String| Contains { column: Searched::Text, any: vec![word.clone()] };
        let knows_members = query.conditions.iter().all(|condition| condition.member.inner.is_empty());
        let all = query.words.iter().map(word).chain(query.conditions.iter().filter_map(lines));
        let (mut contained, mut needles) = (Vec::new(), 0);
        let is_backward = query.bound().is_some_and(|bound| bound.backward);
        let mut is_exact = query.conditions.iter().all(is_plain);
        for part in all {
            needles += part.any.len();
            if needles > NEEDLES {
                is_exact = false;
                break;
            }
            contained.push(part);
        }
        let column = |sort: &cursor::Sort| {
            self.keys.iter().position(|name| *name == sort.name).map(|column| (column, sort.descending))
        };
        let order = query.sort.iter().map(column).collect();
        let start = query.bound().map(|bound| match bound.rank.first_key() {
            Some(key) => Start::Key { key, id: bound.rank.id().to_owned() },
            None => Start::Id(bound.rank.id().to_owned()),
        });
        let is_by_time = query.sort.first().is_some_and(|sort| sort.name == self.resource.names.updated_at);
        let moment = match &start {
            _ if !is_by_time => None,
            None => Some(Moment::First),
            Some(Start::Key { key: None, id }) => Some(Moment::Missing(id.clone())),
            Some(_) => query.bound().and_then(|bound| bound.rank.first_number()).map(Moment::At),
        };
        let within = query.conditions.iter().filter_map(|condition| self.within(condition)).take(RANGED).collect();
        Plan { contained, within, is_exact, is_backward, knows_members, order, start, moment }
    }

    /// Returns the ranges in which the key of a record is that meets a condition. A value without a key, such as a list,
    /// may meet it too.
    fn within(&self, condition: &Condition) -> Option<Within> {
        let column = self.keys.iter().position(|name| *name == condition.member.root)?;
        if !condition.member.inner.is_empty() {
            return None;
        }
        let text = |text: &str| cursor::key(&Value::String(text.to_owned()));
        let ranges = match &condition.test {
            Test::Compares(side, Operand { text: operand, number }) => {
                let number = number.as_ref().and_then(|number| cursor::key(&Value::Number(number.clone())));
                let keys = [(NUMBERS, number), (TEXTS, text(operand))];
                let range = |(kind, key): (u8, Option<Vec<u8>>)| {
                    Some(match side {
                        Side::Above | Side::From => (key?, vec![kind + 1]),
                        Side::Below | Side::UpTo => (vec![kind], key?),
                    })
                };
                keys.into_iter().filter_map(range).collect()
            }
            Test::Begins(prefix) => {
                let first = text(prefix)?;
                // No byte of UTF-8 is as great.
                let last = [&first[..], &[0xFF]].concat();
                vec![(first, last)]
            }
            _ => return None,
        };
        Some(Within { column, ranges })
    }
}

/// Reports whether the atoms tell which records meet a condition.
fn is_plain(condition: &Condition) -> bool {
    condition.member.inner.is_empty() && matches!(condition.test, Test::Equals(_) | Test::OneOf(_))
}

/// Returns the lines of which a record that meets the condition has at least one. Returns `None` for a condition that
/// the atoms do not tell of.
fn lines(condition: &Condition) -> Option<Contains> {
    let operands = match &condition.test {
        _ if !is_plain(condition) => return None,
        Test::Equals(operand) => std::slice::from_ref(operand),
        Test::OneOf(operands) => operands,
        _ => return None,
    };
    let any = operands.iter().flat_map(|operand| wanted_atoms(&condition.member.root, operand)).collect();
    Some(Contains { column: Searched::Atoms, any })
}

/// Returns the line of the atoms of a record that has an attribute that the schema does not know.
pub(crate) fn marker_line(name: &str) -> String {
    format!("\n{}\n", marker(name))
}

fn marker(name: &str) -> String {
    format!("?{}", shown(name))
}

/// Returns the beginning of a member's lines.
fn line(name: &str) -> String {
    format!("{}=", shown(name))
}

/// Returns the lines of which a record whose member equals the operand has at least one.
fn wanted_atoms(name: &str, Operand { text, number }: &Operand) -> Vec<String> {
    let line = line(name);
    let mut atoms = vec![format!("\n{line}{}\n", shown(text))];
    atoms.extend(number.as_ref().map(|number| format!("\n{line}{}\n", number.as_str())));
    if ["null", "true", "false"].contains(&text.as_str()) {
        atoms.push(format!("\n{line}{text}\n"));
    }
    atoms
}

/// Returns a text in one line: as JSON, which has no line ends, or its hash. The first character tells them apart from
/// each other, and from numbers and literals.
fn shown(text: &str) -> String {
    if text.len() <= SHOWN {
        return serde_json::to_string(text).expect("strings serialise");
    }
    format!("#{}", URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..16]))
}

/// Lines under construction, each once.
#[derive(Default)]
struct Atoms {
    lines: BTreeSet<String>,
    size: usize,
}

impl Atoms {
    fn add(&mut self, line: String) {
        // Beyond the limit nothing is kept.
        if self.size <= ATOMS {
            let length = line.len() + 1;
            if self.lines.insert(line) {
                self.size += length;
            }
        }
    }

    /// Adds the values that a filter can equal: the value itself, or an element of an array or a set.
    fn collect(&mut self, line: &str, value: &Value) {
        match value {
            Value::Null => self.add(format!("{line}null")),
            Value::Bool(flag) => self.add(format!("{line}{flag}")),
            Value::Number(number) => self.add(format!("{line}{number}")),
            Value::String(text) => self.add(format!("{line}{}", shown(text))),
            Value::List(list) => list.iter().for_each(|element| self.collect(line, element)),
            Value::Strings(set) => set.iter().for_each(|text| self.add(format!("{line}{}", shown(text)))),
            Value::Numbers(set) => set.iter().for_each(|number| self.add(format!("{line}{number}"))),
            Value::Map(_) | Value::Binary(_) | Value::Binaries(_) => {}
        }
    }

    fn text(self) -> Option<String> {
        if self.size > ATOMS {
            return None;
        }
        let mut text = String::with_capacity(self.size + 1);
        text.push('\n');
        for line in self.lines {
            text.push_str(&line);
            text.push('\n');
        }
        Some(text)
    }
}
