//! Where a reader goes on. A reader keeps `<cursor>~<epoch>.<seq>`: a cursor of `_changes`, and the last event that it
//! has stored after it.
//!
//! On the log of the same epoch it goes on exactly. On any other log it goes on by the time of the cursor, with the
//! overlap of a reader of `_changes`. Then it is told some changes twice.

use serde::Serialize;

use super::log::History;
use crate::limits;
use crate::service::changes::Cursor;

/// Why a reader must read `_changes` from its own cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resync {
    /// The log does not go back so far.
    TooOld,
    /// The text is no cursor of this resource.
    BadCursor,
}

/// Returns the sequence number after which a reader is told everything, or why there is none.
pub(super) fn start(since: &str, resource: &str, epoch: &str, log: &impl History) -> Result<u64, Resync> {
    let (cursor, position) = match since.rsplit_once('~') {
        Some((cursor, position)) => (cursor, Some(position.rsplit_once('.').ok_or(Resync::BadCursor)?)),
        None => (since, None),
    };
    let cursor = Cursor::parse(cursor, resource).ok_or(Resync::BadCursor)?;
    if let Some((of, seq)) = position
        && of == epoch
    {
        let seq: u64 = seq.parse().map_err(|_| Resync::BadCursor)?;
        return match seq {
            _ if seq > log.last() => Err(Resync::BadCursor),
            _ if seq < log.oldest() => Err(Resync::TooOld),
            _ => Ok(seq),
        };
    }
    let known = cursor.known_until().ok_or(Resync::TooOld)?;
    log.before(known.before(limits::OVERLAP)).ok_or(Resync::TooOld)
}
