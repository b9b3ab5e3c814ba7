//! The tables of a stored copy, and the one row that says what state the copy is in.
//!
//! | table | rows |
//! |---|---|
//! | `meta` | one, with [`Meta`] as JSON |
//! | `r` | each record that was ever seen: its version, when it was seen, and what JSON and types show of it. Its index by time is that of changes |
//! | `s` | each live record: its hash in four parts of 32 bits, the [columns](crate::query::columns) that queries use. It has an index in the order of a list by time |
//! | `seen_page` | of a full read under way: hashes of the ids of each page |
//! | `c` | the log of the live channel: each change that sockets are told, as its frame |
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
const SCHEMA: u32 = 3;
/// The table of the state. It is made where it is missing, so that the state can be asked for in any database.
const META: &str = "CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY, state TEXT NOT NULL)";
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
    /// How often keys lost rights.
    #[serde(default)]
    pub(super) keys: u64,
    /// The name of the log. A copy that begins anew has another one.
    pub(super) epoch: String,
    /// The last sequence number of the log.
    pub(super) seq: u64,
    /// From this time on, every change is in the log.
    pub(super) complete: u64,
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
            confirmed: None,
            full: None,
            fill: Some(Fill { began: now.0, at: None, scanned: false }),
            wish: Some(now.0),
            fed: None,
            keys: 0,
            epoch,
            seq: 0,
            complete: now.0,
        }
    }

    /// Returns the state of the copy. Returns `None` if there is none, or one of other tables.
    pub(super) fn read(sql: &impl Nearby) -> Result<Option<Meta>, StoreError> {
        sql.run(META, &[])?;
        let row = sql.first("SELECT state FROM meta", &[])?;
        let text = row.and_then(|mut row| row.text(0));
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()).filter(|meta: &Meta| meta.schema == SCHEMA))
    }

    /// Returns the state of a copy that was opened.
    pub(super) fn of(sql: &impl Nearby) -> Result<Meta, StoreError> {
        Meta::read(sql)?.ok_or_else(|| error("the copy was not opened"))
    }

    pub(super) fn write(&self, sql: &impl Nearby) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).expect("strings and numbers serialise");
        sql.run("INSERT OR REPLACE INTO meta VALUES (1, ?)", &[Value::Text(text)])
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
        for table in ["meta", "r", "s", "seen_page", "c"] {
            sql.run(&format!("DROP TABLE IF EXISTS {table}"), &[])?;
        }
        sql.run(META, &[])?;
        sql.run(
            "CREATE TABLE r (id TEXT PRIMARY KEY, version INTEGER NOT NULL, sealed INTEGER NOT NULL, \
             seen INTEGER NOT NULL, at INTEGER, state INTEGER NOT NULL, json TEXT, typed BLOB) WITHOUT ROWID",
            &[],
        )?;
        // The trash is read without the live records.
        sql.run(&format!("CREATE INDEX trash ON r (id) WHERE state = {DELETED}"), &[])?;
        sql.run("CREATE INDEX by_at ON r (at, id) WHERE at IS NOT NULL", &[])?;
        let keys: String = (0..columns.keys().len()).map(|key| format!(", k{key} BLOB")).collect();
        sql.run(
            &format!(
                "CREATE TABLE s (id TEXT PRIMARY KEY, size INTEGER NOT NULL, h0 INTEGER NOT NULL, h1 INTEGER NOT NULL, \
                 h2 INTEGER NOT NULL, h3 INTEGER NOT NULL, text TEXT, atoms TEXT{keys}) WITHOUT ROWID"
            ),
            &[],
        )?;
        if let Some(time) = columns.time() {
            // In the order of a list by time, newest first.
            sql.run(&format!("CREATE INDEX newest ON s (k{time} IS NULL, k{time} DESC, id)"), &[])?;
        }
        // A query looks at each record that is too large for the columns. Most tables have none.
        sql.run("CREATE INDEX wide ON s (id) WHERE text IS NULL", &[])?;
        sql.run("CREATE TABLE seen_page (page INTEGER PRIMARY KEY, ids BLOB NOT NULL)", &[])?;
        sql.run("CREATE TABLE c (seq INTEGER PRIMARY KEY, told INTEGER NOT NULL, frame TEXT NOT NULL)", &[])?;
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
        let meta = Meta::new(columns, epoch, now);
        meta.write(sql)?;
        Ok(meta)
    })
}

/// Forgets the copy, so that it begins anew when it is opened.
pub(super) fn discard(sql: &impl Nearby) -> Result<(), StoreError> {
    sql.run("DELETE FROM meta", &[])
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
