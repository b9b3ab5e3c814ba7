//! The person on whose behalf a client makes a write.

use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::limits;
use crate::value::Value;

const NAME: &str = "name";
const ID: &str = "id";

/// The person on whose behalf a client makes a write, as the client names it.
///
/// The holder of a key with the scope `write` may name any person. So rights never depend on it, and the key's name is
/// always shown beside it.
///
/// ```
/// use ripple_core::record::Person;
///
/// let person = Person::new("Bo Müller", Some("u7")).unwrap();
/// assert_eq!(person.name(), "Bo Müller");
/// assert!(Person::new(" Bo", None).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    name: String,
    id: Option<String>,
}

impl Person {
    /// Returns a person.
    ///
    /// # Errors
    /// The fault of the name or of the id, as the rest of a sentence.
    pub fn new(name: &str, id: Option<&str>) -> Result<Person, String> {
        if !(1..=limits::PERSON_NAME).contains(&name.chars().count()) || name.trim() != name {
            return Err(format!("needs a name of 1 to {} characters without blanks at its ends", limits::PERSON_NAME));
        }
        if !is_nfc(name) || !name.chars().all(is_shown) {
            return Err("needs a name in NFC without control and format characters".to_owned());
        }
        if id.is_some_and(|id| !is_id(id)) {
            return Err(format!("has an id that is not 1 to {} of A-Z a-z 0-9 . _ ~ @ : -", limits::PERSON_ID));
        }
        Ok(Person { name: name.to_owned(), id: id.map(str::to_owned) })
    }

    /// Returns the name to display.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the id, which stays when the name changes.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns the stored and the shown form.
    pub(crate) fn to_value(&self) -> Value {
        let members = [(NAME, Some(&self.name)), (ID, self.id.as_ref())];
        let members = members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.as_str().into())));
        Value::Map(members.collect())
    }

    /// Reads the stored form. Returns `None` for any other value.
    pub(crate) fn of_value(value: Value) -> Option<Person> {
        let Value::Map(mut members) = value else { return None };
        let mut text = |name: &str| match members.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Some(Person { name: text(NAME)?, id: text(ID) })
    }

    /// Returns the size of the stored form as DynamoDB counts it, at most.
    pub(crate) fn stored_size(&self) -> usize {
        self.to_value().stored_size()
    }
}

/// Reports whether a character of a name is shown, and changes neither the order nor the look of others.
fn is_shown(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned};
    let hidden = [Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Unassigned];
    !hidden.contains(&character.general_category())
}

/// Reports whether a text is the id of a person.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._~@:-".contains(&byte);
    (1..=limits::PERSON_ID).contains(&text.len()) && text.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_person_comes_back_as_it_was(name in any::<String>(), id in prop::option::of("[A-Za-z0-9._~@:-]{0,70}")) {
            if let Ok(person) = Person::new(&name, id.as_deref()) {
                prop_assert_eq!(Person::of_value(person.to_value()), Some(person.clone()));
                prop_assert!(name.chars().count() <= limits::PERSON_NAME && !name.chars().any(char::is_control));
                prop_assert!(person.stored_size() <= 4 * limits::PERSON_NAME + limits::PERSON_ID + 16);
            }
        }
    }

    #[test]
    fn names_that_people_have_are_taken() {
        for name in ["Bo", "Zoë", "O'Hara \"Red\"", "李小龍", "محمد", "Łukasz 🚲", &"n".repeat(60)] {
            assert!(Person::new(name, Some("u7@example.com:1")).is_ok(), "{name}");
        }
    }

    #[test]
    fn other_values_are_no_persons() {
        let map = |name: &str, value: Value| Value::Map([(name.to_owned(), value)].into());
        for value in [Value::Null, "Bo".into(), map(ID, "u7".into()), map(NAME, 7.into())] {
            assert_eq!(Person::of_value(value), None);
        }
    }
}
