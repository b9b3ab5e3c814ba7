//! The position of a record in an order, and the cursor that carries it to the next page.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::record::{Names, Record, RecordId};
use crate::token;
use crate::value::{Number, Value};

/// The format of a list's cursor.
const FORMAT: u8 = 2;
/// The longest cursor that is read. ripple's own are far shorter: 8 sort keys of 64 characters, and an id that another
/// writer chose.
const LONGEST: usize = 8 * 1024;

/// One name of the parameter `sort`.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sort {
    pub(super) name: String,
    pub(super) descending: bool,
}

/// Where a page begins, or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    /// The position.
    pub(super) rank: Rank,
    /// Whether the page is before the position.
    pub(super) backward: bool,
    /// Whether the page may have the record at the position itself.
    pub(super) inclusive: bool,
}

/// The position of a record: its values of the sort keys, then its id, which makes the order total.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    keys: Vec<SortKey>,
    id: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct SortKey {
    atom: Option<Atom>,
    descending: bool,
}

/// The comparable part of a value. Kinds are ordered as listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Atom {
    Bool(bool),
    Number(DecimalText),
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DecimalText(Number);

impl Bound {
    /// Returns the bound of the page after a record.
    pub(super) fn after(rank: Rank) -> Bound {
        Bound { rank, backward: false, inclusive: false }
    }

    /// Returns the bound of the page before a record.
    pub(super) fn before(rank: Rank) -> Bound {
        Bound { rank, backward: true, inclusive: false }
    }

    /// Returns the bound of the page on the other side.
    pub(super) fn reversed(&self) -> Bound {
        Bound { rank: self.rank.clone(), backward: !self.backward, inclusive: !self.inclusive }
    }

    /// Returns the scope with a mark of the direction. The page after a record, which is almost every page, has none. A
    /// scope is base64url, and so has no such letters.
    fn marked(&self, scope: &str) -> String {
        let direction = if self.backward { "<" } else { "" };
        let mark = if self.inclusive { "=" } else { "" };
        [direction, mark, scope].concat()
    }

    /// Reports whether a record is on the page's side.
    pub(super) fn admits(&self, rank: &Rank) -> bool {
        match rank.cmp(&self.rank) {
            Ordering::Less => self.backward,
            Ordering::Equal => self.inclusive,
            Ordering::Greater => !self.backward,
        }
    }
}

impl Rank {
    /// Returns the position for a query without sort keys.
    pub(super) fn of_id(id: RecordId) -> Rank {
        Rank { keys: Vec::new(), id: id.into_string() }
    }

    /// Returns the bytes of the first sort key, as [`key`] makes them. Returns `None` without sort keys.
    pub(super) fn first_key(&self) -> Option<Option<Vec<u8>>> {
        self.keys.first().map(|key| key.atom.as_ref().map(Atom::bytes))
    }

    /// Returns the number of the first sort key. Returns `None` if the key is missing or of another kind.
    pub(super) fn first_number(&self) -> Option<u64> {
        match &self.keys.first()?.atom {
            Some(Atom::Number(DecimalText(number))) => number.as_u64(),
            _ => None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn of(project: &Record, sort: &[Sort], names: &Names) -> Rank {
        let key = |sort: &Sort| SortKey {
            atom: project.member(&sort.name, names).and_then(|value| Atom::of(&value)),
            descending: sort.descending,
        };
        Rank { keys: sort.iter().map(key).collect(), id: project.id.to_string() }
    }
}

impl Atom {
    fn of(value: &Value) -> Option<Atom> {
        match value {
            Value::Bool(flag) => Some(Atom::Bool(*flag)),
            Value::Number(number) => Some(Atom::Number(DecimalText(number.clone()))),
            Value::String(text) => Some(Atom::Text(text.chars().take(limits::SORT_TEXT).collect())),
            _ => None,
        }
    }
}

/// Returns bytes whose order is the order of values in a list. Returns `None` for a value without an order.
pub(super) fn key(value: &Value) -> Option<Vec<u8>> {
    Atom::of(value).map(|atom| atom.bytes())
}

impl Atom {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Atom::Bool(flag) => vec![0, u8::from(*flag)],
            Atom::Number(DecimalText(number)) => [&[1], &*number.to_ordered_bytes()].concat(),
            Atom::Text(text) => [&[2], text.as_bytes()].concat(),
        }
    }
}

impl Ord for SortKey {
    /// Orders records without the attribute last, in both directions.
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.atom, &other.atom) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(this), Some(that)) if self.descending => that.cmp(this),
            (Some(this), Some(that)) => this.cmp(that),
        }
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for DecimalText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for DecimalText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Number::parse(&text).map(DecimalText).ok_or_else(|| serde::de::Error::custom("no number"))
    }
}

/// Returns the cursor of a page. It is not authenticated: a forged cursor shows another page of a list that the client
/// may read anyway.
pub(super) fn format(bound: &Bound, scope: &str) -> String {
    let Rank { keys, id } = &bound.rank;
    let atoms: Vec<&Option<Atom>> = keys.iter().map(|key| &key.atom).collect();
    token::encode(FORMAT, &(bound.marked(scope), atoms, id))
}

/// Returns the bound in a cursor. Returns `None` if it does not belong to a query with this `scope`.
pub(super) fn parse(cursor: &str, scope: &str, sort: &[Sort]) -> Option<Bound> {
    if cursor.len() > LONGEST {
        return None;
    }
    let (of, atoms, id): (String, Vec<Option<Atom>>, String) = token::decode(FORMAT, cursor)?;
    if !of.ends_with(scope) || atoms.len() != sort.len() {
        return None;
    }
    let (backward, inclusive) = (of.starts_with('<'), of.contains('='));
    let keys = atoms.into_iter().zip(sort).map(|(atom, sort)| SortKey { atom, descending: sort.descending });
    let bound = Bound { rank: Rank { keys: keys.collect(), id }, backward, inclusive };
    (of == bound.marked(scope)).then_some(bound)
}
