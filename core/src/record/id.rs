//! The partition key of a project.

use std::fmt;

use uuid::Builder;

use crate::limits;
use crate::time::Timestamp;

/// A `prj_id` that keeps the rules: 1–128 of `A-Z a-z 0-9 . _ ~ -` (RFC 3986's unreserved characters, so that
/// an id stands in a path as it is), not beginning with `_`, and neither `.` nor `..`, which paths resolve away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(String);

/// Why a text is no [`RecordId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prj_id has 1 to {max} characters of A-Z a-z 0-9 . _ ~ - and does not begin with _; . and .. are none", max = limits::ID)]
pub struct InvalidId;

impl RecordId {
    /// # Errors
    /// When the text does not keep the rules.
    pub fn parse(text: &str) -> Result<RecordId, InvalidId> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let valid = (1..=limits::ID).contains(&text.len())
            && text.bytes().all(unreserved)
            && !text.starts_with('_')
            && !matches!(text, "." | "..");
        if valid { Ok(RecordId(text.to_owned())) } else { Err(InvalidId) }
    }

    /// An id for a record that came without: a UUID of version 7 (RFC 9562), so that ids made later sort later.
    #[must_use]
    pub fn generate(now: Timestamp, random: [u8; 16]) -> RecordId {
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        RecordId(Builder::from_unix_timestamp_millis(now.0, &tail).into_uuid().to_string())
    }

    /// The id of a record that is there, as a path names it. Other programs choose ids by rules of their own.
    ///
    /// # Errors
    /// When no item of a table can have it.
    pub fn addressed(text: &str) -> Result<RecordId, InvalidId> {
        if (1..=limits::STORED_ID).contains(&text.len()) { Ok(RecordId(text.to_owned())) } else { Err(InvalidId) }
    }

    /// The key the table has, whatever its form: other writers choose ids by rules of their own.
    #[must_use]
    pub fn stored(text: String) -> RecordId {
        RecordId(text)
    }

    /// The text, owned.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
