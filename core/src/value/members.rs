//! The members of an object.

use std::ops::{Deref, DerefMut, Index};

use litemap::LiteMap;

use super::Value;

/// An object's members, ordered by name, each name once.
///
/// They are stored in one sorted vector. An object of one short member is eight bytes in the table, and a node of a
/// B-tree would take six hundred for it in memory. `insert` and `remove` in the middle move all later members, so a
/// loop over many members collects or merges instead.
///
/// ```
/// use ripple_core::value::Members;
///
/// let members = Members::from([("b".to_owned(), 2.into()), ("a".to_owned(), 1.into())]);
/// assert_eq!(members.keys().collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(members["b"], 2.into());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Members(LiteMap<String, Value>);

impl Members {
    /// Returns an object without members.
    #[must_use]
    pub const fn new() -> Members {
        Members(LiteMap::new_vec())
    }
}

impl Deref for Members {
    type Target = LiteMap<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Members {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<const N: usize> From<[(String, Value); N]> for Members {
    fn from(members: [(String, Value); N]) -> Self {
        members.into_iter().collect()
    }
}

impl FromIterator<(String, Value)> for Members {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(members: I) -> Self {
        sorted(members.into_iter().collect())
    }
}

/// Returns an object of these members, of which the last of a name counts. One function for every kind of iterator,
/// since each sort is three kilobytes of the edge worker's module. Most members are in order already.
fn sorted(members: Vec<(String, Value)>) -> Members {
    if members.is_sorted_by(|(one, _), (other, _)| one < other) {
        return Members(LiteMap::from_sorted_store_unchecked(members));
    }
    Members(members.into_iter().collect())
}

impl Extend<(String, Value)> for Members {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, members: I) {
        self.0.extend(members);
    }
}

impl IntoIterator for Members {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_tuple_vec().into_iter()
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a String, &'a Value);
    type IntoIter = <&'a LiteMap<String, Value> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&self.0).into_iter()
    }
}

impl<'a> IntoIterator for &'a mut Members {
    type Item = (&'a String, &'a mut Value);
    type IntoIter = <&'a mut LiteMap<String, Value> as IntoIterator>::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        (&mut self.0).into_iter()
    }
}

impl Index<&str> for Members {
    type Output = Value;

    /// Returns the value of a member. Panics if there is no member with this name.
    fn index(&self, name: &str) -> &Value {
        self.0.get(name).expect("the caller knows the member")
    }
}
