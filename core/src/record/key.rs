//! Keys of tables: their types, and the one text that stands for a record's key.
//!
//! A table's key is a partition key, or a partition key and a sort key. Each is a string or a number. Everything
//! except the storage knows the key as one text, the [`RecordId`]:
//!
//! * of one string, the string itself;
//! * of one number, its text in DynamoDB's form, such as `1001` or `-0.5`;
//! * of two, both parts with a comma between them. A string that is no plain id is `_~` and its base64url.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Names, RecordId};
use crate::limits;
use crate::value::{Members, Number, Value};

/// What a part of an address begins with if the rest is the base64url of a text.
pub(crate) const ENCODED: &str = "_~";
/// What separates the two parts of an address.
pub(crate) const SEPARATOR: char = ',';

/// The type of a key.
///
/// ```
/// use ripple_core::record::schema::KeyType;
///
/// assert_eq!(KeyType::default(), KeyType::String);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// `S`
    #[default]
    String,
    /// `N`
    Number,
}

/// The sort key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub kind: KeyType,
}

impl KeyType {
    /// Returns the letter by which DynamoDB names the type.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            KeyType::String => "S",
            KeyType::Number => "N",
        }
    }

    /// Returns the part of an address for a value. Returns `None` if the value has another type, or is empty.
    fn part(self, value: &Value) -> Option<String> {
        match (self, value) {
            (KeyType::Number, Value::Number(number)) => Some(number.to_string()),
            (KeyType::String, Value::String(text)) if RecordId::parse(text).is_ok() => Some(text.clone()),
            (KeyType::String, Value::String(text)) if !text.is_empty() => Some(encoded(text)),
            _ => None,
        }
    }

    /// Returns the value of a part of an address. Returns `None` if the part is not the one that [`KeyType::part`] returns.
    fn value(self, part: &str) -> Option<Value> {
        let value = match self {
            KeyType::Number => Number::parse(part).map(Value::Number)?,
            KeyType::String => match part.strip_prefix(ENCODED) {
                Some(rest) => decoded(rest).map(Value::String)?,
                None => part.into(),
            },
        };
        (self.part(&value)? == part).then_some(value)
    }
}

/// Returns the part of an address that stands for any text.
pub(crate) fn encoded(text: &str) -> String {
    format!("{ENCODED}{}", URL_SAFE_NO_PAD.encode(text))
}

/// Returns the text of canonical base64url without padding.
pub(crate) fn decoded(base64: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(base64).ok()?).ok()
}

impl Names {
    /// Returns the names and types of the keys.
    ///
    /// ```
    /// use ripple_core::record::schema::{KeyType, Resources};
    ///
    /// let file = br#"{"title": "Meter", "x-ripple": {"resource": "meter", "key": "no", "key_type": "number",
    ///     "sort_key": "place"}, "type": "object", "properties": {}}"#;
    /// let resources = Resources::read(&[("meter.json", file)]).unwrap();
    /// assert_eq!(resources.first().names.keys(), [("no", KeyType::Number), ("place", KeyType::String)]);
    /// ```
    #[must_use]
    pub fn keys(&self) -> Vec<(&str, KeyType)> {
        let mut keys = vec![(&*self.key, self.key_type)];
        if let Some(SortKey { name, kind }) = &self.sort_key {
            keys.push((name, *kind));
        }
        keys
    }

    /// Reports whether a member is a part of the key.
    #[must_use]
    pub fn is_key(&self, name: &str) -> bool {
        self.key == name || self.sort_key.as_ref().is_some_and(|sort_key| sort_key.name == name)
    }

    /// Reports whether the key is one string. Then the id is the key.
    #[must_use]
    pub fn has_plain_key(&self) -> bool {
        self.key_type == KeyType::String && self.sort_key.is_none()
    }

    /// Returns the id that consists of these values, in the order of [`Names::keys`]. Returns `None` if a value is
    /// missing or has another type, or if the id is too long for a row of the history.
    ///
    /// ```
    /// use ripple_core::record::Names;
    /// use ripple_core::record::schema::KeyType;
    ///
    /// let names = Names { key_type: KeyType::Number, ..Names::default() };
    /// assert_eq!(names.id_of(&[1001.into()]).unwrap().as_str(), "1001");
    /// assert_eq!(names.id_of(&["1001".into()]), None);
    /// ```
    #[must_use]
    pub fn id_of(&self, values: &[Value]) -> Option<RecordId> {
        if self.has_plain_key() {
            return match values {
                [Value::String(id)] => Some(RecordId::stored(id.clone())),
                _ => None,
            };
        }
        let keys = self.keys();
        if values.len() != keys.len() {
            return None;
        }
        let mut id = String::new();
        for ((_, kind), value) in keys.into_iter().zip(values) {
            if !id.is_empty() {
                id.push(SEPARATOR);
            }
            id.push_str(&kind.part(value)?);
        }
        RecordId::addressed(&id).ok()
    }

    /// Takes the key out of an item. Returns `None` if it has no valid key.
    pub(crate) fn take_id(&self, item: &mut Members) -> Option<RecordId> {
        if self.has_plain_key() {
            return match item.remove(&*self.key) {
                Some(Value::String(id)) => Some(RecordId::stored(id)),
                _ => None,
            };
        }
        let mut values = Vec::new();
        for (name, _) in self.keys() {
            values.push(item.remove(name)?);
        }
        self.id_of(&values)
    }

    /// Returns the key of an id, in the order of [`Names::keys`]. It is empty if no item can have the id.
    ///
    /// ```
    /// use ripple_core::RecordId;
    /// use ripple_core::record::{Names, SortKey};
    /// use ripple_core::record::schema::KeyType;
    ///
    /// let sort_key = Some(SortKey { name: "place".into(), kind: KeyType::String });
    /// let names = Names { key: "no".into(), key_type: KeyType::Number, sort_key, ..Names::default() };
    /// let id = RecordId::stored("7,_~YSBi".to_owned());
    /// assert_eq!(names.key_of(&id), [("no", 7.into()), ("place", "a b".into())]);
    /// assert!(names.key_of(&RecordId::stored("07,a".to_owned())).is_empty());
    /// ```
    #[must_use]
    pub fn key_of(&self, id: &RecordId) -> Vec<(&str, Value)> {
        if self.has_plain_key() {
            return vec![(&self.key, id.as_str().into())];
        }
        self.typed_key(id.as_str()).unwrap_or_default()
    }

    fn typed_key(&self, id: &str) -> Option<Vec<(&str, Value)>> {
        // A second separator is in the second part, which is then not the one that `KeyType::part` returns.
        let (first, second) = if self.sort_key.is_some() { id.split_once(SEPARATOR)? } else { (id, "") };
        let mut key = vec![(&*self.key, self.key_type.value(first)?)];
        if let Some(SortKey { name, kind }) = &self.sort_key {
            key.push((name, kind.value(second)?));
        }
        Some(key)
    }

    /// Returns the value of a member that is a part of the key.
    pub(crate) fn key_member(&self, id: &RecordId, name: &str) -> Option<Value> {
        self.key_of(id).into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }
}

/// The longest key and sort key, in bytes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
pub(crate) const LONGEST: [usize; 2] = [limits::STORED_ID, 1024];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(key_type: KeyType, sort: Option<KeyType>) -> Names {
        let sort_key = sort.map(|kind| SortKey { name: "sort".into(), kind });
        Names { key: "key".into(), key_type, sort_key, ..Names::default() }
    }

    fn value(kind: KeyType) -> BoxedStrategy<Value> {
        match kind {
            KeyType::Number => prop_oneof![
                any::<i64>().prop_map(|number| Value::Number(Number::whole(number))),
                "-?[0-9]{1,20}\\.[0-9]{1,15}"
                    .prop_filter_map("in range", |text| Number::parse(&text).map(Value::Number)),
            ]
            .boxed(),
            KeyType::String => {
                prop_oneof!["[A-Za-z0-9._~-]{1,20}", "[ ,_~%/#a]{1,8}", "\\PC{1,30}", "_~[A-Za-z0-9_-]{0,12}"]
                    .prop_map(Value::String)
                    .boxed()
            }
        }
    }

    fn kind() -> impl Strategy<Value = KeyType> {
        prop_oneof![Just(KeyType::String), Just(KeyType::Number)]
    }

    fn key() -> impl Strategy<Value = (Names, Vec<Value>)> {
        (kind(), prop::option::of(kind())).prop_flat_map(|(first, sort)| {
            let names = names(first, sort);
            let values: Vec<_> = [Some(first), sort].into_iter().flatten().map(value).collect();
            (Just(names), values)
        })
    }

    proptest! {
        /// An id and its key are two forms of one thing.
        #[test]
        fn a_key_comes_back_from_its_id((names, values) in key()) {
            let id = names.id_of(&values).expect("a short key");
            let key: Vec<Value> = names.key_of(&id).into_iter().map(|(_, value)| value).collect();
            prop_assert_eq!(&key, &values);
            let mut item: Members = names.keys().into_iter().map(|(name, _)| name.to_owned()).zip(values).collect();
            item.insert("other".to_owned(), Value::Null);
            prop_assert_eq!(names.take_id(&mut item), Some(id));
            prop_assert_eq!(item.len(), 1);
        }

        /// No key has two ids, whatever text a client sends as one.
        #[test]
        fn an_id_is_canonical(first in kind(), sort in prop::option::of(kind()), text in "[-+0-9.eE,_~A-Za-z%]{0,12}") {
            let names = names(first, sort);
            let key: Vec<Value> = names.key_of(&RecordId::stored(text.clone())).into_iter().map(|(_, value)| value).collect();
            if let (false, Some(id)) = (key.is_empty(), names.id_of(&key)) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }

    #[test]
    fn hostile_ids_have_no_key() {
        let pair = names(KeyType::String, Some(KeyType::Number));
        for text in [
            "",
            ",",
            "a",
            "a,",
            ",1",
            "a,1,2",
            "a,b",
            "a,01",
            "a,1e2",
            "a,1.0",
            "a,+1",
            "_~,1",
            "_~YQ==,1",
            "_~YQ,1",
            "_~YSBi=,1",
            "_~YSBj\n,1",
            "_a,1",
            "a b,1",
            "é,1",
            "_~_w,1",
            "a,-0",
        ] {
            assert!(pair.key_of(&RecordId::stored(text.to_owned())).is_empty(), "{text}");
        }
        assert_eq!(pair.key_of(&RecordId::stored("_~YSBi,-0.5".to_owned())).len(), 2);
        let number = names(KeyType::Number, None);
        for text in
            ["", "a", "1e3", "007", "1.0", "-0", "+1", " 1", "1 ", "1,2", "_~MQ", "NaN", "Infinity", "0x1", "１"]
        {
            assert!(number.key_of(&RecordId::stored(text.to_owned())).is_empty(), "{text}");
        }
        let digits = "9".repeat(39);
        assert!(number.key_of(&RecordId::stored(digits)).is_empty());
    }

    #[test]
    fn an_id_that_no_row_can_have_is_none() {
        let pair = names(KeyType::String, Some(KeyType::String));
        assert!(pair.id_of(&["a".repeat(2_048).into(), "b".into()]).is_none());
        assert!(pair.id_of(&["a".repeat(100).into(), "b".into()]).is_some());
        assert!(pair.id_of(&["".into(), "b".into()]).is_none());
    }
}
