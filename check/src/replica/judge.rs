//! The invariants of a copy, checked after each of its transactions. They are formulated over the rows, and over the past
//! of the table.
//!
//! | law | what it says |
//! |---|---|
//! | I1 | the version of a row never falls while its epoch serves |
//! | I2 | every sealed state that was in the table before `confirmed` is in the copy, or a newer one is |
//! | I3 | the sum is that of the rows |
//! | I4 | the position of a full read has moved only if its page is in |
//! | I5 | what is gone was missing from the table at some time since it was seen |
//! | I6 | what changed has a row in the log in the same commit; a socket is told the log in order, without a gap |
//! | I8 | a key that was seen revoked never counts again, and no other key is; a ticket opens one socket |
//! | I9 | after quiet, the copy is the table |
//! | I10 | an answer is no older than it says, and no older than the reader accepts |
//! | order | a state of the same version, or of another program, replaces only what was seen before it was in the table |
//! | one content | a number names one content |

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use ripple_core::replica::sql::{Nearby as _, Row as Columns, Value};
use ripple_core::store::Page;
use ripple_core::{RecordId, Timestamp};
use serde_json::Value as Json;

use super::table::{Face, TAG};
use super::world::World;

/// An invariant that does not hold, and how.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) law: &'static str,
    pub(super) how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.how)
    }
}

/// A row of the copy.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) version: u64,
    seen: Timestamp,
    /// `None` if the table had no such item.
    pub(super) face: Option<Face>,
}

/// The copy after a transaction.
#[derive(Clone, Debug, Default)]
struct Look {
    epoch: String,
    seq: u64,
    confirmed: Option<u64>,
    /// The beginning, the position and the end of the pages of the full read under way.
    fill: Option<(u64, Option<String>, bool)>,
    rows: BTreeMap<RecordId, Row>,
}

/// A page that was read: its position, the position after it, and its records.
type Delivered = (Option<RecordId>, Option<RecordId>, Vec<(RecordId, Option<u64>)>);

#[derive(Default)]
pub(super) struct Judge {
    last: RefCell<Look>,
    pages: RefCell<Vec<Delivered>>,
}

/// Returns the rows of a copy.
pub(super) fn rows(world: &World) -> BTreeMap<RecordId, Row> {
    let mut rows = BTreeMap::new();
    let each = &mut |row: Columns| {
        let [Value::Text(id), Value::Integer(version), Value::Integer(sealed), Value::Integer(seen), more @ ..] =
            &row.0[..]
        else {
            panic!("{row:?}")
        };
        let (version, seen) = (version.cast_unsigned(), Timestamp(seen.cast_unsigned()));
        let face = match more {
            [Value::Integer(0), Value::Text(json)] => {
                let (_, rest) = json.split_once(&format!("\"{TAG}\":\"")).expect("each state has a tag");
                let tag = rest.split('"').next().unwrap_or_default().to_owned();
                Some(if *sealed != 0 { Face::Sealed(version, tag) } else { Face::External(tag) })
            }
            [Value::Integer(1), _] => Some(Face::tombstone(version)),
            _ => None,
        };
        rows.insert(RecordId::stored(id.clone()), Row { version, seen, face });
        ControlFlow::Continue(())
    };
    world.sqlite.query("SELECT id, version, sealed, seen, state, json FROM r", &[], each).expect("a table");
    rows
}

impl Look {
    /// Returns `None` if there is no copy.
    fn at(world: &World) -> Option<(Look, Json)> {
        let row = world.sqlite.first("SELECT state FROM log ORDER BY seq DESC LIMIT 1", &[]).expect("a table")?;
        let Some(Value::Text(meta)) = row.0.first() else { return None };
        let meta: Json = serde_json::from_str(meta).expect("JSON");
        let fill = meta["fill"].as_object().map(|fill| {
            let number = |name: &str| fill[name].as_u64().unwrap_or_default();
            (number("began"), fill["at"].as_str().map(str::to_owned), fill["scanned"] == true)
        });
        let look = Look {
            epoch: meta["epoch"].as_str().unwrap_or_default().to_owned(),
            seq: meta["seq"].as_u64().unwrap_or_default(),
            confirmed: meta["confirmed"].as_u64(),
            fill,
            rows: rows(world),
        };
        Some((look, meta))
    }
}

impl Judge {
    /// Notes that a page was read.
    pub(super) fn delivered(&self, from: Option<RecordId>, page: &Page) {
        let next = page.next.as_ref().map(|next| next.id.clone());
        let records = page.records.iter().map(|record| (record.id.clone(), record.number())).collect();
        self.pages.borrow_mut().push((from, next, records));
    }

    /// Returns the position of the page that was read last, and the one after it.
    pub(super) fn last_page(&self) -> Option<(Option<RecordId>, Option<RecordId>)> {
        self.pages.borrow().last().map(|(from, next, _)| (from.clone(), next.clone()))
    }

    /// Checks the copy after a transaction.
    pub(super) fn look(&self, world: &World) {
        if world.is_broken() {
            return;
        }
        let Some((look, meta)) = Look::at(world) else {
            self.last.take();
            return;
        };
        world.check_keys();
        let before = self.last.replace(look.clone());
        let checked = sum(world, &meta).and_then(|()| confirmed(world, &look)).and_then(|()| {
            if before.epoch == look.epoch {
                rows_follow(world, &before, &look)?;
                logged(world, &before, &look)?;
                self.position(&before, &look)
            } else {
                Ok(())
            }
        });
        if let Err((law, how)) = checked {
            world.breaks(law, how);
        }
    }

    fn position(&self, before: &Look, look: &Look) -> Verdict {
        let (Some((began, from, false)), Some((same, at, scanned))) = (&before.fill, &look.fill) else { return Ok(()) };
        if began != same || from == at && !scanned {
            return Ok(());
        }
        let is_in =
            |(id, number): &(RecordId, Option<u64>)| look.rows.get(id).is_some_and(|row| Some(row.version) >= *number);
        let text = |id: &Option<RecordId>| id.as_ref().map(|id| id.as_str().to_owned());
        let next = if *scanned { &None } else { at };
        let mut pages = self.pages.borrow_mut();
        let page =
            |(start, end, records): &Delivered| text(start) == *from && text(end) == *next && records.iter().all(is_in);
        let found = pages.iter().any(page);
        pages.clear();
        let how = || format!("the position is {at:?} after {from:?}, and the page is not in");
        if found { Ok(()) } else { Err(("I4", how())) }
    }
}

type Verdict = Result<(), (&'static str, String)>;

/// I3.
fn sum(world: &World, meta: &Json) -> Verdict {
    let statement =
        "SELECT sum(h0), sum(h1), sum(h2), sum(h3), (SELECT count(*) FROM r WHERE state = 0) - count(*) FROM s";
    let row = world.sqlite.first(statement, &[]).expect("a table").expect("a row");
    let number = |column: usize| match row.0[column] {
        Value::Integer(number) => number,
        _ => 0,
    };
    let parts = (0..4).map(|part| u128::from(number(part).cast_unsigned()).wrapping_shl(32 * part as u32));
    let sum = parts.fold(0, u128::wrapping_add);
    let stated = meta["sum"].as_str().and_then(|sum| u128::from_str_radix(sum, 16).ok());
    let is_right = stated == Some(sum) && number(4) == 0;
    if is_right { Ok(()) } else { Err(("I3", "the sum is not that of the rows".to_owned())) }
}

/// I2.
fn confirmed(world: &World, look: &Look) -> Verdict {
    let Some(confirmed) = look.confirmed else { return Ok(()) };
    let until = confirmed.saturating_sub(world.greatest_lag());
    for (id, face, since) in world.table.now() {
        if let Face::Sealed(number, _) = face
            && since.0 < until
            && look.rows.get(&id).is_none_or(|row| row.version < number)
        {
            return Err(("I2", format!("{id} lacks version {number}, which is older than {confirmed}")));
        }
    }
    Ok(())
}

/// I1, I5, the order and the content of states.
fn rows_follow(world: &World, before: &Look, look: &Look) -> Verdict {
    let lag = world.greatest_lag();
    for (id, row) in &look.rows {
        let old = before.rows.get(id);
        if old == Some(row) {
            continue;
        }
        let had = |since: Timestamp| world.table.had(id, row.face.as_ref(), since);
        let seen = old.map_or(Timestamp(0), |old| old.seen);
        let shown = || format!("{id} becomes {:?} at version {} after {old:?}", row.face, row.version);
        let old_version = old.map_or(0, |old| old.version);
        if row.version < old_version {
            return Err(("I1", shown()));
        }
        let is_new = row.version > old_version || old.is_none();
        match &row.face {
            None if !had(seen) => return Err(("I5", shown())),
            Some(Face::Sealed(..)) if is_new && !had(Timestamp(0)) => return Err(("one content", shown())),
            Some(Face::Sealed(..)) if is_new => {}
            Some(_) if !had(Timestamp(seen.0.saturating_sub(lag))) => return Err(("order", shown())),
            _ => {}
        }
    }
    let lost = before.rows.keys().find(|id| !look.rows.contains_key(*id));
    lost.map_or(Ok(()), |id| Err(("I1", format!("{id} has no row any more"))))
}

/// I6, as far as it concerns the copy.
fn logged(world: &World, before: &Look, look: &Look) -> Verdict {
    if before.confirmed.is_none() {
        return Ok(());
    }
    let mut told = Vec::new();
    let each = &mut |row: Columns| {
        if let Some(Value::Text(frame)) = row.0.first() {
            let frame: Json = serde_json::from_str(frame).expect("JSON");
            told.push((frame["id"].as_str().unwrap_or_default().to_owned(), frame["version"].as_u64()));
        }
        ControlFlow::Continue(())
    };
    world.sqlite.query("SELECT frame FROM log WHERE seq > ?", &[before.seq.into()], each).expect("a table");
    for (id, row) in &look.rows {
        let rose = before.rows.get(id).is_none_or(|old| old.version < row.version);
        let Some(Face::Sealed(version, _)) = row.face else { continue };
        if rose && !told.contains(&(id.as_str().to_owned(), Some(version))) {
            return Err(("I6", format!("version {version} of {id} is not in the log")));
        }
    }
    Ok(())
}
