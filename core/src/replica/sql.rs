//! The SQL database beside a host: SQLite in a Durable Object, or in a test.

use std::ops::ControlFlow;

use crate::store::{StoreError, StoreErrorKind};

/// A value of a column or of a parameter. A whole number is below 2^53 in magnitude, since JavaScript has no others.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `NULL`
    Null,
    /// `INTEGER`
    Integer(i64),
    /// `TEXT`
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

/// A database that answers at once. Every statement that reads and writes one state runs without an `await` in between.
pub trait Nearby {
    /// Runs a query, and calls `each` for each row until it breaks. A statement that only writes has no rows.
    ///
    /// # Errors
    /// If the database refuses the statement. What it wrote before stays, unless a [transaction](Self::transaction) is
    /// around it.
    fn query(
        &self,
        statement: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Runs work that takes effect as a whole. After an error, nothing of it is left.
    ///
    /// # Errors
    /// That of the work, or if the database cannot commit it.
    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError>;

    /// Runs a statement without rows.
    ///
    /// # Errors
    /// As [`Nearby::query`].
    fn run(&self, statement: &str, values: &[Value]) -> Result<(), StoreError> {
        self.query(statement, values, &mut |_| ControlFlow::Continue(()))
    }

    /// Returns the first row of a query.
    ///
    /// # Errors
    /// As [`Nearby::query`].
    fn first(&self, statement: &str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        let mut first = None;
        self.query(statement, values, &mut |row| {
            first = Some(row);
            ControlFlow::Break(())
        })?;
        Ok(first)
    }

    /// Returns what [`Nearby::keep`] was given under a name for the same state of the tables. A host may forget it at
    /// any time, and one without memory for it keeps nothing.
    fn kept(&self, _state: &str, _name: &str) -> Option<Vec<u8>> {
        None
    }

    /// Keeps bytes under a name in the host's memory, until the tables are in another state.
    fn keep(&self, _state: &str, _name: &str, _bytes: &[u8]) {}
}

/// A row of a result.
#[derive(Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn take(&mut self, column: usize) -> Value {
        self.0.get_mut(column).map_or(Value::Null, |value| std::mem::replace(value, Value::Null))
    }

    /// Takes a whole number out of a column. Another value counts as 0.
    pub(crate) fn integer(&mut self, column: usize) -> i64 {
        match self.take(column) {
            Value::Integer(number) => number,
            _ => 0,
        }
    }

    /// Takes a text out of a column.
    pub(crate) fn text(&mut self, column: usize) -> Option<String> {
        match self.take(column) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Takes bytes out of a column.
    pub(crate) fn blob(&mut self, column: usize) -> Option<Vec<u8>> {
        match self.take(column) {
            Value::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Integer(number.cast_signed())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Integer(flag.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// Returns the error for a database that refuses a statement.
pub fn error(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError { operation: "SQL", kind: StoreErrorKind::Unavailable, source: Some(source.into()) }
}
