//! Pages in the order of the time of the last write. `r` has an index of the live records that show a time. Those without
//! one follow them, by id, whatever the direction.

use std::ops::ControlFlow;

use super::super::sql::{Nearby, Value};
use super::conditions::{Narrowed, direction, terms};
use super::read::{SHOWN, each};
use super::schema::Meta;
use crate::query::Listing;
use crate::query::columns::{Columns, Moment, Plan};
use crate::store::StoreError;

/// The least number of matches of a search whose page is read by time. A page of fewer matches would pass most of the
/// table, two rows a record.
pub(super) const MATCHES: usize = 200;
/// What a page shows of `r` alone. The sum of all hashes is known.
const OF_R: &str = "r.id, r.json, r.typed, 0, 0, 0, 0, 0";

/// Adds the records of a page that is ordered by time first.
pub(super) fn by_time(
    sql: &impl Nearby,
    columns: &Columns,
    listing: &mut Listing<'_>,
    narrowed: &Narrowed,
    plan: &Plan,
    order: &[(usize, bool)],
    meta: &Meta,
) -> Result<(), StoreError> {
    let ([(_, descends), rest @ ..], Some(start)) = (order, &plan.moment) else { return Ok(()) };
    let backward = plan.is_backward;
    let reading = Reading { sql, columns, narrowed, meta, is_alone: narrowed.is_of_all() && rest.is_empty() };
    let (id, towards) = (format!("r.id{}", direction(backward)), direction(*descends != backward));
    let rest = terms(rest, backward);
    let timed_order = format!("r.at{towards}, {rest}{id}");
    let untimed_order = rest + &id;
    let (here, there) = if *descends != backward { ("<=", ">") } else { (">=", "<") };
    let (from, until) = if backward { ("<=", ">") } else { (">=", "<") };
    let (timed, untimed) = match start {
        Moment::First => (Some((String::new(), Vec::new())), Some((String::new(), Vec::new()))),
        Moment::At(at) => {
            let timed = (format!(" AND r.at {here} ?"), vec![Value::from(*at)]);
            (Some(timed), (!backward).then(|| (String::new(), Vec::new())))
        }
        Moment::Missing(id) => {
            let untimed = if order.len() == 1 {
                (format!(" AND r.id {from} ?"), vec![Value::from(&**id)])
            } else {
                (String::new(), Vec::new())
            };
            (backward.then(|| (String::new(), Vec::new())), Some(untimed))
        }
    };
    let mut sections = [(true, timed, timed_order), (false, untimed, untimed_order)];
    if backward {
        sections.reverse();
    }
    for (is_timed, bounds, order) in sections {
        if let Some((bound, values)) = bounds.filter(|_| !listing.is_full()) {
            reading.page(listing, is_timed, &bound, values, &order)?;
        }
    }
    if listing.is_passed() {
        return Ok(());
    }
    // The record at the start of the page is gone. Is another one before it?
    let mut is_passed = false;
    let mut look = |is_timed: bool, bound: String, values: Vec<Value>| {
        is_passed = is_passed || reading.exists(is_timed, &bound, values)?;
        Ok::<_, StoreError>(())
    };
    match start {
        Moment::First => {}
        Moment::At(at) => {
            look(true, format!(" AND r.at {there} ?"), vec![(*at).into()])?;
            if backward {
                look(false, String::new(), Vec::new())?;
            }
        }
        Moment::Missing(id) => {
            if !backward {
                look(true, String::new(), Vec::new())?;
            }
            // With more sort keys, the page was read from the first record without a time.
            if order.len() == 1 {
                look(false, format!(" AND r.id {until} ?"), vec![(&**id).into()])?;
            }
        }
    }
    if is_passed {
        listing.note_passed();
    }
    Ok(())
}

struct Reading<'a, Q> {
    sql: &'a Q,
    columns: &'a Columns,
    narrowed: &'a Narrowed,
    meta: &'a Meta,
    /// Whether `r` alone shows and orders the page.
    is_alone: bool,
}

impl<Q: Nearby> Reading<'_, Q> {
    fn page(
        &self,
        listing: &mut Listing<'_>,
        is_timed: bool,
        bound: &str,
        values: Vec<Value>,
        order: &str,
    ) -> Result<(), StoreError> {
        if !is_timed && self.meta.untimed == 0 {
            return Ok(());
        }
        let from = self.section(is_timed, bound, &self.narrowed.or_wide(), listing.limit());
        let shown = if self.is_alone { OF_R } else { SHOWN };
        let values = [values, self.narrowed.values.clone()].concat();
        each(self.sql, &format!("SELECT {shown} {from} ORDER BY {order}"), &values, &mut |found| {
            found.add_to(listing, self.columns)?;
            Ok(if listing.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })
    }

    fn exists(&self, is_timed: bool, bound: &str, values: Vec<Value>) -> Result<bool, StoreError> {
        if !is_timed && self.meta.untimed == 0 {
            return Ok(false);
        }
        let from = self.section(is_timed, bound, &self.narrowed.exactly(), 1);
        let values = [values, self.narrowed.values.clone()].concat();
        Ok(self.sql.first(&format!("SELECT 1 {from} LIMIT 1"), &values)?.is_some())
    }

    /// Reports whether a page is found in fewer rows if all records without a time are ordered than if the others are
    /// passed on the way through the ids.
    fn are_few(&self, limit: usize) -> bool {
        let Meta { live, untimed, .. } = self.meta;
        untimed.saturating_mul(*untimed) <= live.saturating_mul(limit as u64)
    }

    fn section(&self, is_timed: bool, bound: &str, condition: &str, limit: usize) -> String {
        let (index, which) = match is_timed {
            true => ("INDEXED BY newest", "r.timed = 1"),
            false if self.are_few(limit) => ("INDEXED BY untimed", "r.timed = 0 AND r.state = 0"),
            false => ("NOT INDEXED", "r.timed = 0 AND r.state = 0"),
        };
        if self.is_alone {
            format!("FROM r {index} WHERE {which}{bound}")
        } else {
            format!("FROM r {index} CROSS JOIN s ON s.id = r.id WHERE {which}{bound} AND {condition}")
        }
    }
}
