//! The members by which entries of lists are known.

use crate::value::{ListKey, push_token};

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
/// assert_eq!(entries.named().count(), 2);
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
        self.named().find(|(list, _)| list == pointer).map_or(Some("id"), |(_, key)| key)
    }

    /// Returns the lists that the file names, by their JSON Pointers, with the entries' key.
    pub fn named(&self) -> impl Iterator<Item = (String, Option<&str>)> {
        self.0.iter().map(|(names, key): &ListKey| {
            let mut list = String::new();
            names.iter().for_each(|name| push_token(&mut list, name));
            (list, key.as_deref())
        })
    }
}
