//! A change of one item, as DynamoDB Streams delivers it.

use crate::time::Timestamp;
use crate::value::Members;

/// A change of one item, as a stream delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// The item before the change. `None` if there was none.
    pub old: Option<Members>,
    /// The item after the change. `None` if it was deleted.
    pub new: Option<Members>,
    /// When the item was changed, to the second.
    pub at: Timestamp,
    /// Whether TTL deleted the item.
    pub expired: bool,
}
