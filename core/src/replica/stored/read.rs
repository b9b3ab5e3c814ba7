//! Answers from the stored table. SQL narrows and orders; the core's [`Listing`] decides and renders.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::super::sql::{Nearby, Row, Value, error};
use super::schema::{ABSENT, LIVE, Meta, hash};
use crate::query::columns::{After, Columns, Condition, Plan, Searched, marker_line};
use crate::query::{Line, ListPage, Listing, Query};
use crate::record::{ContentHash, Person, Record, RecordId};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::value::{Members, Number, Value as Typed, cbor};

/// The columns of a record that a page shows: those of `r`, then those of `s`.
const SHOWN: &str = "s.id, r.json, r.typed, s.h0, s.h1, s.h2, s.h3, s.text IS NULL";

/// Returns a record, live or deleted. Returns `None` if the table has none.
pub(super) fn record(sql: &impl Nearby, columns: &Columns, id: &RecordId) -> Result<Option<Record>, StoreError> {
    let row = sql.first("SELECT json, typed, state, version FROM r WHERE id = ?", &[id.as_str().into()])?;
    let Some(mut row) = row else { return Ok(None) };
    match row.integer(2) {
        ABSENT => Ok(None),
        LIVE => restored(columns, id.clone(), row.text(0), row.blob(1)).map(Some),
        _ => Ok(Some(Record::tombstone(id.clone(), row.integer(3).cast_unsigned()))),
    }
}

/// Returns a page of the list, as [`Listing`] returns it of all records.
pub(super) fn list(sql: &impl Nearby, columns: &Columns, meta: &Meta, query: &Query) -> Result<ListPage, StoreError> {
    let plan = columns.plan(query);
    let narrowed = Narrowed::of(&plan.conditions);
    let unknown = unknown(sql, query)?;
    let order = plan.order.as_ref().filter(|_| plan.is_exact);
    let Some(order) = order else {
        let mut listing = Listing::new(query);
        let statement = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE {}", narrowed.or_wide());
        each(sql, &statement, &narrowed.values, &mut |found| {
            listing.add_stored(&found.record(columns)?, found.json(columns)?, found.hash);
            Ok(ControlFlow::Continue(()))
        })?;
        return Ok(listing.with_unknown(unknown).finish());
    };
    let sum = if plan.conditions.is_empty() { meta.sum() } else { sum(sql, columns, query, &narrowed)? };
    let mut listing = Listing::summed(query, sum, unknown);
    let (after, mut values) = after(&plan, order);
    let mut condition = narrowed.or_wide();
    condition.push_str(&after);
    let order = ordering(order);
    let statement = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE {condition} ORDER BY {order}");
    values.splice(0..0, narrowed.values.iter().cloned());
    each(sql, &statement, &values, &mut |found| {
        match &found.json {
            Some(json) if query.shows_lines() && !found.is_wide => {
                listing.add_line(Line { id: found.id, json: Bytes::from(json.clone()) });
            }
            _ => listing.add_stored(&found.record(columns)?, found.json(columns)?, found.hash),
        }
        Ok(if listing.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(listing.finish())
}

/// Returns the sum of the hashes of all matches.
fn sum(sql: &impl Nearby, columns: &Columns, query: &Query, narrowed: &Narrowed) -> Result<ContentHash, StoreError> {
    let statement =
        format!("SELECT sum(h0), sum(h1), sum(h2), sum(h3) FROM s WHERE text IS NOT NULL AND {}", narrowed.condition);
    let row = sql.first(&statement, &narrowed.values)?;
    let mut sum = row.map(|mut row| hash(&mut row, 0)).unwrap_or_default();
    let wide = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE s.text IS NULL");
    each(sql, &wide, &[], &mut |found| {
        if query.matches(&found.record(columns)?) {
            sum.add(found.hash);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(sum)
}

/// Returns the names used as filters that no record has. Returns none if there are no records.
fn unknown<'q>(sql: &impl Nearby, query: &'q Query) -> Result<Vec<&'q str>, StoreError> {
    let mut unknown = Vec::new();
    for name in query.unknown() {
        let statement = "SELECT 1 FROM s WHERE atoms IS NULL OR instr(atoms, ?) > 0 LIMIT 1";
        if sql.first(statement, &[Value::Text(marker_line(name))])?.is_none() {
            unknown.push(name);
        }
    }
    if !unknown.is_empty() && sql.first("SELECT 1 FROM s LIMIT 1", &[])?.is_none() {
        unknown.clear();
    }
    Ok(unknown)
}

/// The conditions of a query in SQL.
struct Narrowed {
    condition: String,
    values: Vec<Value>,
}

impl Narrowed {
    fn of(conditions: &[Condition]) -> Narrowed {
        let mut values = Vec::new();
        let mut parts = vec!["1".to_owned()];
        for Condition { column, any } in conditions {
            let column = match column {
                Searched::Text => "text",
                Searched::Atoms => "atoms",
            };
            let contains = vec![format!("instr(s.{column}, ?) > 0"); any.len()].join(" OR ");
            parts.push(format!("({contains})"));
            values.extend(any.iter().map(|needle| Value::Text(needle.clone())));
        }
        Narrowed { condition: parts.join(" AND "), values }
    }

    /// Returns the condition that a record meets or is too large for the columns.
    fn or_wide(&self) -> String {
        format!("(s.text IS NULL OR {})", self.condition)
    }
}

fn ordering(order: &[(usize, bool)]) -> String {
    let mut terms = String::new();
    for (column, descending) in order {
        let direction = if *descending { " DESC" } else { "" };
        terms.push_str(&format!("s.k{column} IS NULL, s.k{column}{direction}, "));
    }
    terms + "s.id"
}

/// Returns the condition of a record that may be after the cursor.
fn after(plan: &Plan, order: &[(usize, bool)]) -> (String, Vec<Value>) {
    match (&plan.after, order.first()) {
        (Some(After::Id(id)), _) => (" AND s.id > ?".to_owned(), vec![id.as_str().into()]),
        (Some(After::Key(Some(key))), Some((column, descending))) => {
            let sign = if *descending { "<=" } else { ">=" };
            (format!(" AND (s.k{column} {sign} ? OR s.k{column} IS NULL)"), vec![Value::Blob(key.clone())])
        }
        (Some(After::Key(None)), Some((column, _))) => (format!(" AND s.k{column} IS NULL"), Vec::new()),
        _ => (String::new(), Vec::new()),
    }
}

/// A row of [`SHOWN`].
struct Found {
    id: RecordId,
    json: Option<String>,
    typed: Option<Vec<u8>>,
    hash: ContentHash,
    is_wide: bool,
}

impl Found {
    fn record(&self, columns: &Columns) -> Result<Record, StoreError> {
        restored(columns, self.id.clone(), self.json.clone(), self.typed.clone())
    }

    fn json(&self, columns: &Columns) -> Result<Bytes, StoreError> {
        match &self.json {
            Some(json) => Ok(Bytes::from(json.clone())),
            None => Ok(self.record(columns)?.to_json(&columns.resource().names).into()),
        }
    }
}

fn each(
    sql: &impl Nearby,
    statement: &str,
    values: &[Value],
    work: &mut dyn FnMut(Found) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    sql.query(statement, values, &mut |mut row: Row| {
        let found = Found {
            id: RecordId::stored(row.text(0).unwrap_or_default()),
            json: row.text(1),
            typed: row.blob(2),
            hash: hash(&mut row, 3),
            is_wide: row.integer(7) != 0,
        };
        work(found).unwrap_or_else(|fault| {
            outcome = Err(fault);
            ControlFlow::Break(())
        })
    })?;
    outcome
}

/// Returns a live record from its columns.
fn restored(
    columns: &Columns,
    id: RecordId,
    json: Option<String>,
    typed: Option<Vec<u8>>,
) -> Result<Record, StoreError> {
    let record = match typed {
        Some(typed) => decode(id, &typed),
        None => json.and_then(|json| of_json(json.as_bytes(), columns)),
    };
    record.ok_or_else(|| error("a stored record is damaged"))
}

/// Returns the record that JSON shows. Returns `None` if it shows none.
pub(super) fn of_json(json: &[u8], columns: &Columns) -> Option<Record> {
    Record::from_json(json, &columns.resource().names)
}

/// Returns a record with all its types: the length of the first part, then what is ripple's own and what is not.
pub(super) fn encode(record: &Record) -> Vec<u8> {
    let whole = |number: i64| Typed::Number(Number::whole(number));
    let own = Typed::List(vec![
        whole(record.version),
        record.updated_at.map_or(Typed::Null, |at| at.0.into()),
        record.updated_by.as_deref().map_or(Typed::Null, Into::into),
        record.updated_author.as_ref().map_or(Typed::Null, Person::to_value),
    ]);
    let own = cbor::encode(&own);
    let attributes = cbor::encode(&record.attributes);
    [&(own.len() as u32).to_be_bytes()[..], &own, &attributes].concat()
}

fn decode(id: RecordId, bytes: &[u8]) -> Option<Record> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (own, attributes) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    let (Typed::List(own), Typed::Map(attributes)) = (cbor::decode(own)?, cbor::decode(attributes)?) else {
        return None;
    };
    let [Typed::Number(version), at, by, author] = <[Typed; 4]>::try_from(own).ok()? else { return None };
    let record = Record::new(id, Members::new());
    Some(Record {
        version: version.as_i64()?,
        updated_at: match at {
            Typed::Number(at) => at.as_u64().map(Timestamp),
            _ => None,
        },
        updated_by: match by {
            Typed::String(by) => Some(by),
            _ => None,
        },
        updated_author: Person::of_value(author),
        external: (version.as_i64()? < 0).then(Default::default),
        attributes,
        ..record
    })
}
