//! The ids of records.

use std::fmt;

use uuid::Builder;

use crate::limits;
use crate::time::Timestamp;

/// A valid key of a record: 1–128 characters of `A-Z a-z 0-9 . _ ~ -`. These are the unreserved characters of RFC 3986, so an
/// id needs no escapes in a path. It does not begin with `_`, and is neither `.` nor `..`, which paths resolve away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(String);

/// The error for a text that is not a [`RecordId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to {max} characters of A-Z a-z 0-9 . _ ~ -, not begin with _, and not be . or ..", max = limits::ID)]
pub struct InvalidId;

impl RecordId {
    /// Parses an id.
    ///
    /// ```
    /// use ripple_core::RecordId;
    ///
    /// assert!(RecordId::parse("prj-0001").is_ok());
    /// // Other programs choose ids by their own rules. Those address their records, and are no ids of new ones.
    /// assert!(RecordId::parse("2024/07 A").is_err() && RecordId::addressed("2024/07 A").is_ok());
    /// ```
    ///
    /// # Errors
    /// If the text breaks the rules.
    pub fn parse(text: &str) -> Result<RecordId, InvalidId> {
        let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
        let valid = (1..=limits::ID).contains(&text.len())
            && text.bytes().all(unreserved)
            && !text.starts_with('_')
            && !matches!(text, "." | "..");
        if valid { Ok(RecordId(text.to_owned())) } else { Err(InvalidId) }
    }

    /// Generates an id for a record without one: a UUID of version 7 (RFC 9562), so that later ids sort later.
    ///
    /// ```
    /// use ripple_core::{RecordId, Timestamp};
    ///
    /// let [one, other] = [1_800_000_000_000, 1_800_000_000_001].map(|now| RecordId::generate(Timestamp(now), [7; 16]));
    /// assert!(one < other);
    /// ```
    #[must_use]
    pub fn generate(now: Timestamp, random: [u8; 16]) -> RecordId {
        let mut tail = [0; 10];
        tail.copy_from_slice(&random[..10]);
        RecordId(Builder::from_unix_timestamp_millis(now.0, &tail).into_uuid().to_string())
    }

    /// Returns the id of an existing record, as a path names it. Other programs choose ids by their own rules.
    ///
    /// # Errors
    /// If no item of a table can have the id.
    pub fn addressed(text: &str) -> Result<RecordId, InvalidId> {
        if (1..=limits::STORED_ID).contains(&text.len()) { Ok(RecordId(text.to_owned())) } else { Err(InvalidId) }
    }

    /// Returns an id as the table has it, in any form. Other programs choose ids by their own rules.
    #[must_use]
    pub fn stored(text: String) -> RecordId {
        RecordId(text)
    }

    /// Returns the text, owned.
    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// Returns the text.
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
