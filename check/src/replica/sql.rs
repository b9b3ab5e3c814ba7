//! The object's database. A statement may fail, and then its transaction is undone. After each transaction the judge
//! looks at the copy. The faults of a copy are put in here, between the copy and SQLite.

use std::ops::ControlFlow;
use std::rc::Rc;

use ripple_core::RecordId;
use ripple_core::replica::sql::{Nearby, Row, Value};
use ripple_core::store::StoreError;
use serde_json::Value as Json;

use super::world::{Fault, World};

/// The statements at which faults are put in.
const PUT: &str = "INSERT OR REPLACE INTO r ";
const ABSENT: &str = "UPDATE r SET sealed = 0";
const KNOWN: &str = "SELECT version, sealed, seen, state, timed FROM r";
const CHANGE: &str = "INSERT INTO log";
const STATE: &str = "UPDATE log SET state";
/// The place of the state in a row of the log.
const STATE_OF_CHANGE: usize = 3;
const MEET: &str = "INSERT INTO key VALUES (?, ?, 0, 0)";
const KEYS: &str = "CREATE TABLE IF NOT EXISTS key";
const TICKET: &str = "INSERT INTO nonce";
/// The place of the time of the read in a row of `r`.
const SEEN: usize = 3;
/// How long a read may lag, in milliseconds.
const LAG: i64 = 30_000;
/// The greatest number of statements before one that fails.
const STATEMENTS: usize = 25;

pub(super) struct Sql(pub(super) Rc<World>);

impl Sql {
    fn fault(&self) -> Option<Fault> {
        self.0.fault
    }

    fn meta(&self) -> Option<Json> {
        // The statement may be the one that fails.
        let row = self.0.sqlite.first("SELECT state FROM log ORDER BY seq DESC LIMIT 1", &[]).ok()?;
        row.and_then(|row| match row.0.first() {
            Some(Value::Text(text)) => serde_json::from_str(text).ok(),
            _ => None,
        })
    }

    fn put_meta(&self, meta: &Json) {
        let statement = "UPDATE log SET state = ? WHERE seq = (SELECT max(seq) FROM log)";
        self.0.sqlite.run(statement, &[Value::Text(meta.to_string())]).expect("a table");
    }

    /// Changes what is written, as the fault does.
    fn faulty(&self, statement: &str, values: &[Value]) -> Vec<Value> {
        let mut values = values.to_vec();
        let now = Value::from(self.0.now().0);
        match self.fault() {
            Some(Fault::SeenAtTheEnd) if statement.starts_with(PUT) => values[SEEN] = now,
            Some(Fault::SeenAtTheEnd) if statement.starts_with(ABSENT) => values[0] = now,
            Some(Fault::FeedConfirms) if !self.0.told.borrow().is_empty() => {
                let place = match statement {
                    _ if statement.starts_with(CHANGE) => STATE_OF_CHANGE,
                    _ if statement.starts_with(STATE) => 0,
                    _ => return values,
                };
                let Some(Value::Text(text)) = values.get(place) else { return values };
                let mut meta: Json = serde_json::from_str(text).expect("JSON");
                if meta["confirmed"].is_u64() {
                    meta["confirmed"] = self.0.now().0.into();
                }
                values[place] = Value::Text(meta.to_string());
            }
            _ => {}
        }
        values
    }

    /// Changes what the copy knows of a record, as the fault does.
    fn mistaken(&self, values: &[Value], row: &mut Row) {
        let [Value::Integer(version), _, Value::Integer(seen), ..] = &mut row.0[..] else { return };
        match self.fault() {
            // What ends now was seen after everything that ended before.
            Some(Fault::SeenAtTheEnd) if *seen < self.0.now().0.cast_signed() => *seen = 0,
            // As if no read lagged.
            Some(Fault::LagIgnored) => *seen = (*seen - LAG).max(0),
            Some(Fault::EqualReplaces) => {
                let Some(Value::Text(id)) = values.first() else { return };
                let told = self.0.told.borrow().get(&RecordId::stored(id.clone())).copied();
                if told == Some(version.cast_unsigned()) {
                    *version -= 1;
                }
            }
            _ => {}
        }
    }
}

impl Nearby for Sql {
    fn query(
        &self,
        statement: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let again = format!("{statement}, revoked = 0");
        let statement = match self.fault() {
            None => return self.0.sqlite.query(statement, values, each),
            Some(Fault::TicketStays) if statement.starts_with(TICKET) => return Ok(()),
            Some(Fault::KeyLivesAgain) if statement.starts_with(MEET) => &again,
            Some(Fault::KeysForgotten) if statement.starts_with(KEYS) => {
                self.0.sqlite.run("DROP TABLE IF EXISTS key", &[])?;
                statement
            }
            _ => statement,
        };
        let values = self.faulty(statement, values);
        self.0.sqlite.query(statement, &values, &mut |mut row| {
            if statement.starts_with(KNOWN) {
                self.mistaken(&values, &mut row);
            }
            each(row)
        })
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.0.chance(30) {
            self.0.sqlite.fails_after.set(Some(self.0.scheduler.below(STATEMENTS) as u32));
        }
        let outcome = self.0.sqlite.transaction(work);
        self.0.sqlite.fails_after.set(None);
        self.0.told.borrow_mut().clear();
        if self.fault() == Some(Fault::PositionAlone) && outcome.is_err() {
            let moved = self.0.judge.last_page();
            if let (Some(mut meta), Some((from, next))) = (self.meta(), moved)
                && meta["fill"]["scanned"] == false
                && meta["fill"]["at"].as_str() == from.as_ref().map(RecordId::as_str)
            {
                meta["fill"]["scanned"] = next.is_none().into();
                meta["fill"]["at"] = next.map_or(Json::Null, |next| next.as_str().into());
                self.put_meta(&meta);
            }
        }
        self.0.judge.look(&self.0);
        outcome
    }
    fn kept(&self, state: &str, name: &str) -> Option<Vec<u8>> {
        self.0.sqlite.kept(state, name)
    }

    fn keep(&self, state: &str, name: &str, bytes: &[u8]) {
        self.0.sqlite.keep(state, name, bytes);
    }
}
