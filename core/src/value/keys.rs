//! The members that identify the entries of lists.

use super::Value;

/// The member that identifies an entry unless another one is named.
const ID: &str = "id";

/// The names on the way to a list, and the member that identifies its entries. `None` if no member does.
pub(crate) type ListKey = (Vec<String>, Option<String>);

/// The entry keys of the lists below a position in a record.
///
/// The names on the way to a list lead through objects only. In lists inside lists, entries are identified by their
/// `id`. So the key does not depend on the place of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys<'a> {
    /// The named lists below the position, ordered by their names.
    lists: &'a [ListKey],
    /// The number of names that lead to the position.
    depth: usize,
}

impl<'a> Keys<'a> {
    /// Returns the keys of a record. `lists` is ordered.
    pub(crate) fn of(lists: &'a [ListKey]) -> Keys<'a> {
        Keys { lists, depth: 0 }
    }

    /// Returns the keys below a member of an object.
    pub(crate) fn member(self, name: &str) -> Keys<'a> {
        if self.lists.is_empty() {
            return self;
        }
        let token = |(names, _): &ListKey| names.get(self.depth).map(String::as_str).cmp(&Some(name));
        let start = self.lists.partition_point(|list| token(list).is_lt());
        let end = self.lists.partition_point(|list| token(list).is_le());
        Keys { lists: &self.lists[start..end], depth: self.depth + 1 }
    }

    /// Returns the key that is named for the list at this position: the member, or `None` if no member identifies an
    /// entry. Returns `None` if the list is not named.
    pub(crate) fn named(self) -> Option<Option<&'a str>> {
        let (_, key) = self.lists.first().filter(|(names, _)| names.len() == self.depth)?;
        Some(key.as_deref())
    }

    /// Returns the member that identifies the entries of the list at this position. Returns `None` if no member does.
    pub(crate) fn key(self) -> Option<&'a str> {
        self.named().unwrap_or(Some(ID))
    }
}

impl Value {
    /// Returns the `id` of a list's entry: a text that is not empty, or a number. Returns `None` if there is none, or
    /// the entry is not an object.
    #[must_use]
    pub fn entry_id(&self) -> Option<&Value> {
        self.entry_key(Keys::default().key())
    }

    /// Returns the value that identifies a list's entry like [`Value::entry_id`], from the member of this name. Returns
    /// `None` if no member identifies entries.
    pub(crate) fn entry_key(&self, name: Option<&str>) -> Option<&Value> {
        let Value::Map(members) = self else { return None };
        members.get(name?).filter(|id| match id {
            Value::String(text) => !text.is_empty(),
            id => matches!(id, Value::Number(_)),
        })
    }
}
