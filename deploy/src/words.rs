//! The words of a resource, with which the placeholders of contracts are filled.

use ripple_core::record::schema::Resource;

/// The words that fill placeholders.
pub(crate) struct Words<'a> {
    resource: &'a Resource,
    /// Whether this is the default resource, or the only one.
    is_default: bool,
}

impl<'a> Words<'a> {
    pub(crate) fn of(resource: &'a Resource, is_default: bool) -> Words<'a> {
        Words { resource, is_default }
    }

    /// Returns the resource.
    pub(crate) fn resource(&self) -> &'a Resource {
        self.resource
    }

    /// Returns a text with its placeholders filled.
    pub(crate) fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let Resource { names, singular, plural, .. } = self.resource;
        let (component, upper) = (self.resource.component(), capitalized(singular));
        let of = if self.is_default { "" } else { component.as_str() };
        let words = [
            ("{one}", self.resource.noun()),
            ("{a}", singular),
            ("{A}", &upper),
            ("{many}", plural),
            ("{Title}", &component),
            ("{Of}", of),
            ("{key}", &names.key),
            ("{version}", &names.version),
            ("{updated_at}", &names.updated_at),
            ("{updated_by}", &names.updated_by),
            ("{updated_author}", &names.updated_author),
            ("{deleted}", &names.deleted),
        ];
        words.iter().fold(text.to_owned(), |text, (placeholder, word)| text.replace(placeholder, word))
    }

    /// Returns the id of an operation: its name, and for a resource that is not the default the resource's before it.
    pub(crate) fn operation_id(&self, name: &str) -> String {
        if self.is_default { name.to_owned() } else { format!("{}_{name}", self.resource.name) }
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}
