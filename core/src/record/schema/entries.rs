//! The members by which entries of lists are known.

use super::fault::push_token;
use crate::value::ListKey;

/// The entry keys of lists of objects: `id`, unless a file says otherwise.
///
/// ```
/// use ripple_core::record::schema::Resources;
///
/// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref",
///     "entries": {"steps": "step", "/plan/lines": false}}, "type": "object"}"#;
/// let resources = Resources::read(&[("task.json", file)]).unwrap();
/// let entries = &resources.get("task").unwrap().entries;
/// assert_eq!(entries.key_of("/steps"), Some("step"));
/// assert_eq!(entries.key_of("/plan/lines"), None);
/// assert_eq!(entries.key_of("/others"), Some("id"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(
    /// The named lists, ordered.
    pub(super) Vec<ListKey>,
);

impl Entries {
    /// Returns the name of the entries' key in the list at a JSON Pointer. Returns `None` if they have none.
    #[must_use]
    pub fn key_of(&self, pointer: &str) -> Option<&str> {
        let is_there = |(names, _): &&ListKey| {
            let mut list = String::new();
            names.iter().for_each(|name| push_token(&mut list, name));
            list == pointer
        };
        match self.0.iter().find(is_there) {
            Some((_, key)) => key.as_deref(),
            None => Some("id"),
        }
    }
}
