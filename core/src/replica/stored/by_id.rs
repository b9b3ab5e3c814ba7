//! Pages of all records in the order of their ids: each record is one row.

use std::ops::ControlFlow;

use super::super::sql::{Nearby, Value};
use super::read::Found;
use super::schema::LIVE;
use crate::query::Listing;
use crate::query::columns::Columns;
use crate::record::{ContentHash, RecordId};
use crate::store::StoreError;

/// The number of deleted records that a page passes before it is read from the live ones alone.
const PASSED: usize = 100;

/// Adds the records of a page, whose condition and values are given. If it passes many deleted records, it stops, and
/// returns the id after which the rest of the page is to be read from the live ones alone.
pub(super) fn by_id(
    sql: &impl Nearby,
    columns: &Columns,
    listing: &mut Listing<'_>,
    backward: bool,
    (page, position): (&str, &[Value]),
) -> Result<Option<String>, StoreError> {
    let direction = if backward { " DESC" } else { "" };
    let statement = format!("SELECT s.id, s.json, s.typed, s.state FROM r AS s WHERE 1{page} ORDER BY s.id{direction}");
    let (mut passed, mut rest, mut outcome) = (0, None, Ok(()));
    sql.query(&statement, position, &mut |mut row| {
        let (state, id) = (row.integer(3), row.text(0).unwrap_or_default());
        if state != LIVE {
            passed += 1;
            rest = (passed > PASSED).then_some(id);
            return if rest.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        }
        let found = Found {
            id: RecordId::stored(id),
            json: row.text(1),
            typed: row.blob(2),
            hash: ContentHash::default(),
            is_wide: false,
        };
        outcome = found.add_to(listing, columns);
        if outcome.is_err() || listing.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    outcome.map(|()| rest)
}
