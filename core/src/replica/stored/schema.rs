//! The tables of a stored copy, and the one row that says what state the copy is in.
//!
//! | table | rows |
//! |---|---|
//! | `r` | each record that was ever seen: its version, when it was seen, and what JSON and types show of it. A record is in at most one of its indexes by time: that of live records that show a time, of other live records, or of deleted ones |
//! | `s` | each live record: its hash in four parts of 32 bits, the [columns](crate::query::columns) that queries use |
//! | `seen_page` | of a full read under way: hashes of the ids of each page |
//! | `log` | the log of the live channel: each change that sockets are told, as its frame. The last row has [`Meta`] as JSON, so that a change and the new state are one row |
//! | `nonce` | each ticket that has opened a socket, until it expires |
//! | `key` | each key that has asked for a ticket or a socket, and what it has lost |
//!
//! `nonce` and `key` stay when the copy begins anew: a key that was revoked never counts again.

use serde::{Deserialize, Serialize};

use super::super::sql::{Nearby, Row, Value, error};
use crate::query::columns::Columns;
use crate::record::ContentHash;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The number of this schema. A copy of another schema is filled again.
const SCHEMA: u32 = 4;
/// The table of the log and the state. It is made where it is missing, so that the state can be asked for in any database.
const LOG: &str = "CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, told INTEGER, frame TEXT, state TEXT)";
/// The columns of `s` before the keys.
pub(super) const BEFORE_KEYS: usize = 8;

/// The state of `r.state`.
pub(super) const LIVE: i64 = 0;
/// A tombstone.
pub(super) const DELETED: i64 = 1;
/// The table had no such item. The row stays, so that an older read brings nothing back.
pub(super) const ABSENT: i64 = 2;

/// What state a copy is in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    schema: u32,
    columns: String,
    pub(super) resource: String,
    /// The sum of the hashes of all live records.
    sum: String,
    /// The sum of the lengths of their JSON.
    pub(super) bytes: u64,
    /// The number of live records.
    pub(super) live: u64,
    /// The number of those that show no time.
    pub(super) untimed: u64,
    /// Every write that was done before this time is known. `None` until the first full read has ended.
    pub(super) confirmed: Option<u64>,
    /// When the last full read began that ended.
    pub(super) full: Option<u64>,
    /// The full read under way.
    pub(super) fill: Option<Fill>,
    /// When the host is to call [`Table::tend`](super::Table::tend).
    pub(super) wish: Option<u64>,
    /// When the feed last sent something.
    pub(super) fed: Option<u64>,
    /// When another read first found a change that the feed has not sent. `None` once the feed sends something.
    #[serde(default)]
    pub(super) untold: Option<u64>,
    /// How often keys lost rights.
    #[serde(default)]
    pub(super) keys: u64,
    /// The name of the log. A copy that begins anew has another one.
    pub(super) epoch: String,
    /// The last sequence number of the log.
    pub(super) seq: u64,
    /// From this time on, every change is in the log.
    pub(super) complete: u64,
    /// The time of the last row of the log.
    pub(super) told: u64,
    /// Rows of the log that are written with the state.
    #[serde(skip)]
    pub(super) unwritten: Vec<Entry>,
}

/// A row of the log, for a change that has no frame if none can hold it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) told: u64,
    pub(super) frame: Option<String>,
}

/// A full read under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fill {
    pub(super) began: u64,
    /// The id after which the next page begins. `None` at the beginning.
    pub(super) at: Option<String>,
    /// Whether every page is in.
    pub(super) scanned: bool,
}

impl Meta {
    fn new(columns: &Columns, epoch: String, now: Timestamp) -> Meta {
        Meta {
            schema: SCHEMA,
            columns: columns.digest(),
            resource: columns.resource().name.clone(),
            sum: format!("{:x}", 0),
            bytes: 0,
            live: 0,
            untimed: 0,
            confirmed: None,
            full: None,
            fill: Some(Fill { began: now.0, at: None, scanned: false }),
            wish: Some(now.0),
            fed: None,
            untold: None,
            keys: 0,
            epoch,
            seq: 0,
            complete: now.0,
            told: 0,
            unwritten: vec![Entry { seq: 0, told: 0, frame: None }],
        }
    }

    /// Returns the state of the copy. Returns `None` if there is none, or one of other tables.
    pub(super) fn read(sql: &impl Nearby) -> Result<Option<Meta>, StoreError> {
        sql.run(LOG, &[])?;
        let row = sql.first("SELECT state FROM log ORDER BY seq DESC LIMIT 1", &[])?;
        let text = row.and_then(|mut row| row.text(0));
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).filter(|meta: &Meta| meta.schema == SCHEMA))
    }

    /// Returns the state of a copy that was opened.
    pub(super) fn of(sql: &impl Nearby) -> Result<Meta, StoreError> {
        Meta::read(sql)?.ok_or_else(|| error("the copy was not opened"))
    }

    /// Writes the state, in one row with the last change of the log that was not written yet.
    pub(super) fn write(&mut self, sql: &impl Nearby) -> Result<(), StoreError> {
        let state = Value::Text(serde_json::to_string(self).expect("strings and numbers serialise"));
        let Some(last) = self.unwritten.pop() else {
            return sql.run("UPDATE log SET state = ? WHERE seq = ?", &[state, self.seq.into()]);
        };
        let write = |Entry { seq, told, frame }: Entry, state| {
            let frame = frame.map_or(Value::Null, Value::Text);
            sql.run("INSERT INTO log VALUES (?, ?, ?, ?)", &[seq.into(), told.into(), frame, state])
        };
        for entry in self.unwritten.drain(..) {
            write(entry, Value::Null)?;
        }
        write(last, state)
    }

    pub(super) fn sum(&self) -> ContentHash {
        ContentHash(u128::from_str_radix(&self.sum, 16).unwrap_or_default())
    }

    /// Returns a text that differs after each commit that changes a list of live records.
    pub(super) fn state(&self) -> String {
        format!("{}.{}.{}", self.epoch, self.seq, self.sum)
    }

    pub(super) fn set_sum(&mut self, sum: ContentHash) {
        self.sum = format!("{:x}", sum.0);
    }
}

/// Opens the copy. It begins anew if there is none, or if its columns are others.
pub(super) fn open(sql: &impl Nearby, columns: &Columns, now: Timestamp) -> Result<Meta, StoreError> {
    if let Some(meta) = Meta::read(sql)?.filter(|meta| meta.columns == columns.digest()) {
        return Ok(meta);
    }
    sql.transaction(|| {
        // `meta` and `c` are those of older schemas.
        for table in ["log", "r", "s", "seen_page", "meta", "c"] {
            sql.run(&format!("DROP TABLE IF EXISTS {table}"), &[])?;
        }
        sql.run(LOG, &[])?;
        sql.run(
            "CREATE TABLE r (id TEXT PRIMARY KEY, version INTEGER NOT NULL, sealed INTEGER NOT NULL, \
             seen INTEGER NOT NULL, at INTEGER, state INTEGER NOT NULL, timed INTEGER NOT NULL, json TEXT, typed BLOB) WITHOUT ROWID",
            &[],
        )?;
        // In the order of a list by time, newest first.
        sql.run("CREATE INDEX newest ON r (at DESC, id) WHERE timed = 1", &[])?;
        // The other states in the order of the list of changes. The trash is read without the live records.
        sql.run("CREATE INDEX untimed ON r (at, id) WHERE timed = 0 AND state = 0", &[])?;
        sql.run("CREATE INDEX trash ON r (at, id) WHERE state = 1", &[])?;
        let keys: String = (0..columns.keys().len()).map(|key| format!(", k{key} BLOB")).collect();
        sql.run(
            &format!(
                "CREATE TABLE s (id TEXT PRIMARY KEY, size INTEGER NOT NULL, h0 INTEGER NOT NULL, h1 INTEGER NOT NULL, \
                 h2 INTEGER NOT NULL, h3 INTEGER NOT NULL, text TEXT, atoms TEXT{keys}) WITHOUT ROWID"
            ),
            &[],
        )?;
        // A query looks at each record that is too large for the columns. Most tables have none.
        sql.run("CREATE INDEX wide ON s (id) WHERE text IS NULL", &[])?;
        sql.run("CREATE TABLE seen_page (page INTEGER PRIMARY KEY, ids BLOB NOT NULL)", &[])?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS nonce (nonce TEXT PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID",
            &[],
        )?;
        sql.run(
            "CREATE TABLE IF NOT EXISTS key (id TEXT PRIMARY KEY, hash TEXT, revoked INTEGER NOT NULL, \
             reduced INTEGER NOT NULL) WITHOUT ROWID",
            &[],
        )?;
        let random = sql.first("SELECT lower(hex(randomblob(4)))", &[])?;
        let epoch = random.and_then(|mut row| row.text(0)).unwrap_or_default();
        let mut meta = Meta::new(columns, epoch, now);
        meta.write(sql)?;
        Ok(meta)
    })
}

/// Forgets the copy, so that it begins anew when it is opened.
pub(super) fn discard(sql: &impl Nearby) -> Result<(), StoreError> {
    sql.run("DELETE FROM log", &[])
}

/// Returns the four parts of a hash, the lowest first. SQLite and JavaScript add up the parts of two million records
/// exactly.
pub(super) fn parts(hash: ContentHash) -> [Value; 4] {
    [0, 32, 64, 96].map(|shift| Value::Integer((hash.0 >> shift & 0xFFFF_FFFF) as i64))
}

/// Returns the hash, or the sum of hashes, whose parts are in four columns.
pub(super) fn hash(row: &mut Row, first: usize) -> ContentHash {
    let mut sum = ContentHash::default();
    for (column, shift) in [0, 32, 64, 96].into_iter().enumerate() {
        let part = u128::from(row.integer(first + column).cast_unsigned());
        sum.add(ContentHash(part.wrapping_shl(shift)));
    }
    sum
}
