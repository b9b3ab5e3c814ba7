//! SQLite with the limits of a Durable Object, and with statements that fail.
//! <https://developers.cloudflare.com/durable-objects/platform/limits/>

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use ripple_core::RecordId;
use ripple_core::replica::sql::{Nearby, Row, Value, error};
use ripple_core::store::StoreError;
use rusqlite::types::{ToSqlOutput, Value as Column, ValueRef};
use rusqlite::{Connection, StatementStatus};

/// The largest text, blob and row.
const CELL: usize = 2_000_000;
/// The number of parameters of a statement.
const PARAMETERS: usize = 100;
/// The number of statements that stay prepared. A copy has fewer.
const STATEMENTS: usize = 128;
/// The largest number that JavaScript represents exactly.
const EXACT: i64 = 1 << 53;

/// A state of the tables, and what is kept for it.
type Kept = (String, BTreeMap<String, Vec<u8>>);

/// A database. Clones share it.
#[derive(Clone, Debug)]
pub struct Sqlite {
    connection: Rc<RefCell<Connection>>,
    /// The number of statements that still succeed, and then one fails. `None`: all do.
    pub fails_after: Rc<Cell<Option<u32>>>,
    /// The rows that statements have changed.
    pub written: Rc<Cell<u64>>,
    /// The rows that statements have stepped over, in a table or an index, without looking for a key.
    pub stepped: Rc<Cell<u64>>,
    /// What is kept in memory for one state of the tables.
    kept: Rc<RefCell<Kept>>,
}

impl Default for Sqlite {
    fn default() -> Sqlite {
        Sqlite::new()
    }
}

impl Sqlite {
    /// Opens an empty database in memory.
    ///
    /// # Panics
    /// If there is no memory.
    #[must_use]
    pub fn new() -> Sqlite {
        let connection = Connection::open_in_memory().expect("memory");
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Sqlite {
            connection: Rc::new(RefCell::new(connection)),
            fails_after: Rc::default(),
            written: Rc::default(),
            stepped: Rc::default(),
            kept: Rc::default(),
        }
    }

    /// Returns the versions of all records of a copy.
    ///
    /// # Panics
    /// If there is no copy.
    #[must_use]
    pub fn versions(&self) -> BTreeMap<RecordId, u64> {
        let mut versions = BTreeMap::new();
        let each = &mut |row: Row| {
            let [Value::Text(id), Value::Integer(version)] = &row.0[..] else { panic!("{row:?}") };
            versions.insert(RecordId::stored(id.clone()), version.cast_unsigned());
            ControlFlow::Continue(())
        };
        self.query("SELECT id, version FROM r", &[], each).expect("rows");
        versions
    }

    /// Returns the number of rows of a table, or of those that a condition after its name selects.
    ///
    /// # Panics
    /// If there is no such table.
    #[must_use]
    pub fn count_of(&self, table: &str) -> u64 {
        let statement = format!("SELECT count(*) FROM {table}");
        self.connection.borrow().query_row(&statement, [], |row| row.get(0)).expect("a table")
    }

    /// Returns the same database to a host that keeps no answer.
    #[must_use]
    pub fn without_answers(&self) -> Sqlite {
        Sqlite { kept: Rc::default(), ..self.clone() }
    }

    /// Forgets what state the copy is in, so that it begins anew.
    ///
    /// # Panics
    /// If there is no copy.
    pub fn forget_meta(&self) {
        self.run("DELETE FROM log", &[]).expect("a table");
    }

    fn count(&self) -> Result<(), StoreError> {
        match self.fails_after.get() {
            Some(0) => {
                self.fails_after.set(None);
                Err(error("this statement fails"))
            }
            more => {
                self.fails_after.set(more.map(|more| more - 1));
                Ok(())
            }
        }
    }
}

struct Bound<'a>(&'a Value);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Value::Null => ToSqlOutput::Owned(Column::Null),
            Value::Integer(number) => ToSqlOutput::Owned(Column::Integer(*number)),
            Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

impl Nearby for Sqlite {
    fn query(
        &self,
        statement: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.count()?;
        let size = |value: &Value| match value {
            Value::Null => 0,
            Value::Integer(number) => {
                assert!(number.abs() < EXACT, "{number}");
                8
            }
            Value::Text(text) => text.len(),
            Value::Blob(bytes) => bytes.len(),
        };
        assert!(
            values.iter().map(size).sum::<usize>() < CELL && values.len() <= PARAMETERS && statement.len() < 100_000
        );
        let connection = self.connection.borrow();
        let mut prepared = connection.prepare_cached(statement).map_err(error)?;
        assert!(prepared.column_count() <= 100);
        let columns = prepared.column_count();
        let before = connection.total_changes();
        let mut rows = prepared.query(rusqlite::params_from_iter(values.iter().map(Bound))).map_err(error)?;
        while let Some(row) = rows.next().map_err(error)? {
            let value = |column| match row.get_ref(column).expect("a column") {
                ValueRef::Integer(number) => {
                    assert!(number.abs() < EXACT, "{number}");
                    Value::Integer(number)
                }
                ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).expect("UTF-8")),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                ValueRef::Null => Value::Null,
                ValueRef::Real(number) => panic!("{number}: nothing stores a float"),
            };
            if each(Row((0..columns).map(value).collect())).is_break() {
                break;
            }
        }
        drop(rows);
        let stepped = prepared.reset_status(StatementStatus::FullscanStep);
        self.stepped.set(self.stepped.get() + u64::try_from(stepped).expect("a number of rows"));
        self.written.set(self.written.get() + connection.total_changes() - before);
        Ok(())
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let run = |statement| self.connection.borrow().execute_batch(statement).map_err(error);
        run("BEGIN")?;
        let outcome = work();
        run(if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
        outcome
    }

    fn kept(&self, state: &str, name: &str) -> Option<Vec<u8>> {
        let kept = self.kept.borrow();
        kept.1.get(name).filter(|_| kept.0 == state).cloned()
    }

    fn keep(&self, state: &str, name: &str, bytes: &[u8]) {
        let mut kept = self.kept.borrow_mut();
        if kept.0 != state {
            *kept = (state.to_owned(), BTreeMap::new());
        }
        kept.1.insert(name.to_owned(), bytes.to_vec());
    }
}
