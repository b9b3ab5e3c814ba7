//! Changes of the table of API keys.

use super::StreamRecord;
use crate::store::item::{Malformed, natural};
use crate::value::{Members, Value};

/// The partition key of the table.
const KEY_HASH: &str = "key_hash";

/// A change of a key's record: the key was created, changed, revoked or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The hash of the key, as in the table.
    pub key_hash: String,
    /// The name of the key, if the record has one.
    pub key_id: Option<String>,
    /// What the change did to the key's rights.
    pub rights: Rights,
}

/// What a change did to the rights of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// The key has all the rights that it had.
    Kept,
    /// The key expires earlier, has other scopes, or may write for another person. What hosts remember of it is out of date.
    Reduced,
    /// The key was revoked or deleted. It is never valid again.
    Revoked,
}

/// Decides what a change of the table of keys was. Returns `None` if no key was changed: only its use was noted.
///
/// # Errors
/// If an image is not the record of a key.
pub fn decide(change: &StreamRecord) -> Result<Option<KeyChange>, Malformed> {
    let Some(item) = change.new.as_ref().or(change.old.as_ref()) else { return Ok(None) };
    let text = |name: &str| match item.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let key_hash = text(KEY_HASH).ok_or_else(|| Malformed(KEY_HASH.to_owned()))?;
    if let (Some(old), Some(new)) = (&change.old, &change.new)
        && told(old).eq(told(new))
    {
        return Ok(None);
    }
    Ok(Some(KeyChange { key_hash, key_id: text("key_id"), rights: rights(change) }))
}

fn rights(change: &StreamRecord) -> Rights {
    let (Some(old), new) = (&change.old, &change.new) else { return Rights::Kept };
    let is_revoked = |item: &Members| item.contains_key("revoked");
    let Some(new) = new else { return if is_revoked(old) { Rights::Kept } else { Rights::Revoked } };
    let expires = |item: &Members| natural(item.get("expires")).unwrap_or(u64::MAX);
    match () {
        () if is_revoked(new) && !is_revoked(old) => Rights::Revoked,
        () if expires(new) < expires(old) => Rights::Reduced,
        () if ["scopes", "author"].into_iter().any(|name| new.get(name) != old.get(name)) => Rights::Reduced,
        () => Rights::Kept,
    }
}

/// Returns the attributes that are not counts of the key's use.
fn told(item: &Members) -> impl Iterator<Item = (&String, &Value)> {
    item.iter().filter(|(name, _)| !name.starts_with("used_") && *name != "last_used")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn key(more: &[(&str, u64)]) -> Option<Members> {
        let mut item = Members::from([(KEY_HASH.to_owned(), "ab".into()), ("key_id".to_owned(), "key_1".into())]);
        item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
        Some(item)
    }

    fn told(old: Option<Members>, new: Option<Members>) -> Option<Rights> {
        let change = StreamRecord { old, new, at: Timestamp(0), expired: false };
        let told = decide(&change).expect("keys");
        assert!(told.as_ref().is_none_or(|told| told.key_id.as_deref() == Some("key_1")));
        told.map(|change| change.rights)
    }

    #[test]
    fn a_revocation_and_a_deletion_take_every_right() {
        assert_eq!(told(key(&[]), key(&[("revoked", 5)])), Some(Rights::Revoked));
        assert_eq!(told(key(&[]), None), Some(Rights::Revoked));
        assert_eq!(told(key(&[("revoked", 5)]), None), Some(Rights::Kept));
    }

    #[test]
    fn an_earlier_end_and_other_scopes_take_some() {
        for (old, new) in [
            (key(&[]), key(&[("expires", 5)])),
            (key(&[("expires", 6)]), key(&[("expires", 5)])),
            (key(&[("scopes", 2)]), key(&[])),
        ] {
            assert_eq!(told(old, new), Some(Rights::Reduced));
        }
    }

    #[test]
    fn what_gives_rights_or_changes_none_is_told_as_such() {
        assert_eq!(told(None, key(&[])), Some(Rights::Kept));
        assert_eq!(told(key(&[("expires", 5)]), key(&[("expires", 6)])), Some(Rights::Kept));
        assert_eq!(told(key(&[]), key(&[("name", 7)])), Some(Rights::Kept));
        assert_eq!(told(key(&[]), key(&[("last_used", 5), ("used_reads", 1)])), None);
    }

    #[test]
    fn an_item_that_is_no_key_is_an_error() {
        let change = StreamRecord { old: None, new: Some(Members::new()), at: Timestamp(0), expired: false };
        assert!(decide(&change).is_err());
    }
}
