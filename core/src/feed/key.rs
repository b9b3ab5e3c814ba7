//! Changes of the table of API keys.

use super::StreamRecord;
use crate::store::item::Malformed;
use crate::value::{Members, Value};

/// The partition key of the table.
const KEY_HASH: &str = "key_hash";
/// The prefix of the attributes in which hosts count a key's use.
const USED: &str = "used_";
/// When the key was last used.
const LAST_USED: &str = "last_used";

/// A change of a key's record: the key was created, changed, revoked or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The hash of the key, as in the table.
    pub key_hash: String,
    /// Whether the key was revoked or deleted by this change.
    pub revoked: bool,
}

/// Decides what a change of the table of keys was. Returns `None` if only the use of a key was noted.
///
/// # Errors
/// If an image is not the record of a key.
pub fn decide(change: &StreamRecord) -> Result<Option<KeyChange>, Malformed> {
    let Some(item) = change.new.as_ref().or(change.old.as_ref()) else { return Ok(None) };
    let Some(Value::String(key_hash)) = item.get(KEY_HASH) else { return Err(Malformed(KEY_HASH.to_owned())) };
    let is_revoked = |item: &Members| item.contains_key("revoked");
    let changed = match (&change.old, &change.new) {
        (Some(old), Some(new)) => !told(old).eq(told(new)),
        _ => true,
    };
    let was_revoked = change.old.as_ref().is_some_and(is_revoked);
    let revoked = !was_revoked && change.new.as_ref().is_none_or(is_revoked);
    Ok(changed.then(|| KeyChange { key_hash: key_hash.clone(), revoked }))
}

/// Returns the attributes that are not counts of the key's use.
fn told(item: &Members) -> impl Iterator<Item = (&String, &Value)> {
    item.iter().filter(|(name, _)| !name.starts_with(USED) && *name != LAST_USED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn key(more: &[(&str, u64)]) -> Option<Members> {
        let mut item = Members::from([(KEY_HASH.to_owned(), "ab".into())]);
        item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
        Some(item)
    }

    fn told(old: Option<Members>, new: Option<Members>) -> Option<bool> {
        let change = StreamRecord { old, new, at: Timestamp(0), expired: false };
        decide(&change).expect("keys").map(|change| change.revoked)
    }

    #[test]
    fn a_revocation_is_told_and_the_use_of_a_key_is_not() {
        assert_eq!(told(None, key(&[])), Some(false));
        assert_eq!(told(key(&[]), key(&[("revoked", 5)])), Some(true));
        assert_eq!(told(key(&[]), None), Some(true));
        assert_eq!(told(key(&[("revoked", 5)]), None), Some(false));
        assert_eq!(told(key(&[]), key(&[("expires", 5)])), Some(false));
        assert_eq!(told(key(&[]), key(&[("last_used", 5), ("used_reads", 1)])), None);
    }

    #[test]
    fn an_item_that_is_no_key_is_an_error() {
        let change = StreamRecord { old: None, new: Some(Members::new()), at: Timestamp(0), expired: false };
        assert!(decide(&change).is_err());
    }
}
