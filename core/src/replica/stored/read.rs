//! Answers from the stored table. SQL narrows and orders; the core's [`Listing`] decides and renders.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::super::sql::{Nearby, Row, Value, error};
use super::by_id::by_id;
use super::by_time::{MATCHES, by_time};
use super::conditions::{Narrowed, Sides, direction, terms};
use super::schema::{ABSENT, DELETED, Meta, hash};
use crate::query::columns::{Columns, Plan, marker_line};
use crate::query::{Line, ListPage, Listing, Query, Totals, Undeclared};
use crate::record::{ContentHash, Person, Record, RecordId, shard};
use crate::store::{Changes, IndexEntry, Position, StoreError};
use crate::time::Timestamp;
use crate::value::{Members, Number, Value as Typed, cbor};

/// The columns of a record that a page shows: those of `r`, then those of `s`.
pub(super) const SHOWN: &str = "s.id, r.json, r.typed, s.h0, s.h1, s.h2, s.h3, s.text IS NULL";

/// The number of names that one statement looks for. It has at most 100 parameters:
/// <https://developers.cloudflare.com/durable-objects/platform/limits/>
const NAMES: usize = 60;

/// The largest page whose records are looked up one by one.
const LARGEST: usize = 1_000;

/// Returns a record, live or deleted. Returns `None` if the table has none.
pub(super) fn record(sql: &impl Nearby, columns: &Columns, id: &RecordId) -> Result<Option<Record>, StoreError> {
    let statement = "SELECT json, typed FROM r WHERE id = ? AND state != ?";
    let row = sql.first(statement, &[id.as_str().into(), Value::Integer(ABSENT)])?;
    row.map(|mut row| restored(columns, id.clone(), row.text(0), row.blob(1))).transpose()
}

/// Returns a page of the list, as [`Listing`] returns it of all records.
pub(super) fn list(sql: &impl Nearby, columns: &Columns, meta: &Meta, query: &Query) -> Result<ListPage, StoreError> {
    if query.is_of_deleted() {
        return trash(sql, columns, query);
    }
    let plan = columns.plan(query);
    if !plan.knows_members {
        let mut listing = Listing::new(query);
        each(sql, &format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id"), &[], &mut |found| {
            listing.add_stored(&found.record(columns)?, found.json(columns)?, found.hash);
            Ok(ControlFlow::Continue(()))
        })?;
        return Ok(listing.finish());
    }
    let narrowed = Narrowed::of(&plan);
    let unknown = unknown(sql, columns, query)?;
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
    let (totals, matches) = totals(sql, columns, meta, query, &narrowed)?;
    if matches == 0 {
        return Ok(Listing::summed(query, totals, unknown).finish());
    }
    let mut listing = Listing::summed(query, totals, unknown);
    let is_by_time = plan.moment.is_some() && order.first().is_some_and(|(column, _)| Some(*column) == columns.time());
    if is_by_time && (narrowed.is_of_all() || matches >= MATCHES) {
        by_time(sql, columns, &mut listing, &narrowed, &plan, order, meta)?;
        return Ok(listing.finish());
    }
    let Sides { mut page, before, values: mut position } = Sides::of(&plan, order);
    if let Some(before) = before {
        let statement = format!("SELECT 1 FROM s WHERE {}{before} LIMIT 1", narrowed.exactly());
        if sql.first(&statement, &[&*narrowed.values, &*position].concat())?.is_some() {
            listing.note_passed();
        }
    }
    if order.is_empty() && narrowed.is_of_all() {
        match by_id(sql, columns, &mut listing, plan.is_backward, (&page, &position))? {
            None => return Ok(listing.finish()),
            Some(last) => {
                page = format!(" AND s.id {} ?", if plan.is_backward { "<" } else { ">" });
                position = vec![Value::Text(last)];
            }
        }
    }
    let condition = narrowed.or_wide() + &page;
    let values = [&*narrowed.values, &*position].concat();
    ordered(sql, columns, &mut listing, (&condition, &values), order, &plan)?;
    Ok(listing.finish())
}

/// Adds the records that meet a condition to a page, in an order.
fn ordered(
    sql: &impl Nearby,
    columns: &Columns,
    listing: &mut Listing<'_>,
    (condition, values): (&str, &[Value]),
    order: &[(usize, bool)],
    plan: &Plan,
) -> Result<(), StoreError> {
    let by = terms(order, plan.is_backward) + "s.id" + direction(plan.is_backward);
    // A record of the page, one that begins the next, and the one at which the page begins.
    let mut count = listing.limit().saturating_add(2);
    if order.is_empty() || count > LARGEST {
        let statement = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE {condition} ORDER BY {by}");
        return each(sql, &statement, values, &mut |found| {
            found.add_to(listing, columns)?;
            Ok(if listing.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
    }
    // SQLite orders all records without their JSON. Only the first ones are looked up. With a limit, SQLite would put them
    // into a table of its own, whose rows count as read.
    let statement = format!(
        "SELECT s.id, NULL, NULL, s.h0, s.h1, s.h2, s.h3, s.text IS NULL FROM s WHERE {condition} ORDER BY {by}"
    );
    let mut passed = 0;
    loop {
        let (mut first, mut place) = (Vec::new(), 0);
        each(sql, &statement, values, &mut |found| {
            place += 1;
            if place > passed {
                first.push(found);
            }
            Ok(if first.len() < count { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        })?;
        let is_last = first.len() < count;
        for mut found in first {
            let row = sql.first("SELECT json, typed FROM r WHERE id = ?", &[found.id.as_str().into()])?;
            let mut row = row.ok_or_else(|| error("a record has no row"))?;
            (found.json, found.typed) = (row.text(0), row.blob(1));
            found.add_to(listing, columns)?;
            if listing.is_full() {
                return Ok(());
            }
        }
        if is_last {
            return Ok(());
        }
        // Others of the same first key, or too large for the columns, took their places.
        passed += count;
        count = count.saturating_mul(8);
    }
}

/// Returns entries of one partition of the index of changes, as DynamoDB returns them from `by_update`.
pub(super) fn changes(
    sql: &impl Nearby,
    (of, shards): (u16, u16),
    since: Timestamp,
    from: Option<Position>,
    limit: usize,
) -> Result<Changes, StoreError> {
    let (at, id) = from.map_or((since, String::new()), |from| (from.at.unwrap_or(since), from.id.into_string()));
    // One index for each kind of record, and SQLite merges them.
    let kinds = ["timed = 1", "timed = 0 AND state = 0", "state = 1"];
    let part = |kind| format!("SELECT id, at, version, sealed FROM r WHERE {kind} AND at >= ? AND (at, id) > (?, ?)");
    let statement = kinds.map(part).join(" UNION ALL ") + " ORDER BY at, id";
    let values = [since.0.into(), at.0.into(), Value::Text(id)];
    let values = [&values[..], &values, &values].concat();
    let (mut entries, mut more) = (Vec::new(), false);
    sql.query(&statement, &values, &mut |mut row| {
        let id = RecordId::stored(row.text(0).unwrap_or_default());
        if shard(&id, shards) != u32::from(of) {
            return ControlFlow::Continue(());
        }
        more = entries.len() == limit;
        if more {
            return ControlFlow::Break(());
        }
        let at = Timestamp(row.integer(1).cast_unsigned());
        let version = Some(row.integer(2).cast_unsigned()).filter(|_| row.integer(3) != 0);
        entries.push(IndexEntry { id, at, version });
        ControlFlow::Continue(())
    })?;
    let next = entries.last().filter(|_| more).map(IndexEntry::position);
    Ok(Changes { entries, next })
}

/// Returns a page of the deleted records.
fn trash(sql: &impl Nearby, columns: &Columns, query: &Query) -> Result<ListPage, StoreError> {
    let mut listing = Listing::new(query);
    let mut outcome = Ok(());
    let statement = format!("SELECT id, typed FROM r WHERE state = {DELETED}");
    sql.query(&statement, &[], &mut |mut row| {
        let id = RecordId::stored(row.text(0).unwrap_or_default());
        match restored(columns, id, None, row.blob(1)) {
            Ok(record) => {
                listing.add(&record);
                ControlFlow::Continue(())
            }
            Err(fault) => {
                outcome = Err(fault);
                ControlFlow::Break(())
            }
        }
    })?;
    outcome.map(|()| listing.finish())
}

/// Returns what is known of all matches, and their number.
fn totals(
    sql: &impl Nearby,
    columns: &Columns,
    meta: &Meta,
    query: &Query,
    narrowed: &Narrowed,
) -> Result<(Totals, usize), StoreError> {
    let (mut count, mut is_passed) = (usize::try_from(meta.live).unwrap_or_default(), false);
    let mut sum = meta.sum();
    if !narrowed.is_of_all() {
        let terms = "count(*), sum(h0), sum(h1), sum(h2), sum(h3)";
        let statement = format!("SELECT {terms} FROM s WHERE {}", narrowed.exactly());
        if let Some(mut row) = sql.first(&statement, &narrowed.values)? {
            count = usize::try_from(row.integer(0)).unwrap_or_default();
            sum = hash(&mut row, 1);
        }
    }
    if !narrowed.is_of_all() {
        let wide = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE s.text IS NULL");
        each(sql, &wide, &[], &mut |found| {
            let record = found.record(columns)?;
            if query.matches(&record) {
                sum.add(found.hash);
                count += 1;
                is_passed |= query.passes(&record);
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok((Totals { sum, count: query.counts().then_some(count), is_passed }, count))
}

/// Returns the undeclared members that no record has. Returns none if there are no records.
fn unknown<'q>(sql: &impl Nearby, columns: &Columns, query: &'q Query) -> Result<Vec<&'q Undeclared>, StoreError> {
    let mut unknown: Vec<&Undeclared> = query.undeclared().iter().collect();
    // Most often one of a few records has them all. Otherwise all records are read once, whatever the number of names.
    for records in ["(SELECT atoms FROM s LIMIT 100)", "s"] {
        let mut left = Vec::new();
        for part in unknown.chunks(NAMES) {
            let has = vec!["max(instr(atoms, ?) > 0)"; part.len()].join(", ");
            let names: Vec<Value> = part.iter().map(|one| Value::Text(marker_line(&one.member.root))).collect();
            let row = sql.first(&format!("SELECT {has} FROM {records}"), &names)?;
            let mut row = row.ok_or_else(|| error("no row of an aggregate"))?;
            left.extend(part.iter().enumerate().filter(|(at, _)| row.integer(*at) == 0).map(|(_, one)| *one));
        }
        unknown = left;
    }
    if !unknown.is_empty() {
        let wide = format!("SELECT {SHOWN} FROM s JOIN r ON r.id = s.id WHERE s.atoms IS NULL");
        each(sql, &wide, &[], &mut |found| {
            let record = found.record(columns)?;
            unknown.retain(|undeclared| !undeclared.member.is_in(&record, &columns.resource().names));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    if !unknown.is_empty() && sql.first("SELECT 1 FROM s LIMIT 1", &[])?.is_none() {
        unknown.clear();
    }
    Ok(unknown)
}

/// A row of [`SHOWN`].
pub(super) struct Found {
    pub(super) id: RecordId,
    pub(super) json: Option<String>,
    pub(super) typed: Option<Vec<u8>>,
    pub(super) hash: ContentHash,
    pub(super) is_wide: bool,
}

impl Found {
    /// Adds a match to a page whose totals are known.
    pub(super) fn add_to(self, listing: &mut Listing<'_>, columns: &Columns) -> Result<(), StoreError> {
        match self.json {
            Some(json) if listing.shows_lines() && !self.is_wide => {
                listing.add_line(Line { id: self.id, json: Bytes::from(json) });
            }
            _ => listing.add_stored(&self.record(columns)?, self.json(columns)?, self.hash),
        }
        Ok(())
    }

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

pub(super) fn each(
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

/// Returns a record from its columns.
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
        record.tombstone.map_or(Typed::Null, |expires| expires.0.into()),
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
    let [Typed::Number(version), at, by, author, expires] = <[Typed; 5]>::try_from(own).ok()? else { return None };
    let time = |value| match value {
        Typed::Number(at) => at.as_u64().map(Timestamp),
        _ => None,
    };
    let record = Record::new(id, Members::new());
    Some(Record {
        version: version.as_i64()?,
        updated_at: time(at),
        updated_by: match by {
            Typed::String(by) => Some(by),
            _ => None,
        },
        updated_author: Person::of_value(author),
        external: (version.as_i64()? < 0).then(Default::default),
        tombstone: time(expires),
        attributes,
        ..record
    })
}
