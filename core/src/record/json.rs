//! Records as JSON, as the API shows them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serializer as _;
use sha2::{Digest as _, Sha256};

use super::{Names, Person, Record, Stamp};
use crate::time::Timestamp;
use crate::value::{self, Members, Number, Value};

impl Record {
    /// Reads the record in an answer of the API. Returns `None` if the JSON is not a record.
    pub(crate) fn from_json(json: &[u8], names: &Names) -> Option<Record> {
        match value::parse(json) {
            Ok(Value::Map(members)) => Record::from_members(members, names),
            _ => None,
        }
    }

    /// Returns the record as JSON, with its members ordered by name.
    #[must_use]
    pub fn to_json(&self, names: &Names) -> Vec<u8> {
        self.render(names, None)
    }

    /// Returns `fields` of the record and its id as JSON.
    ///
    /// ```
    /// use ripple_core::record::Names;
    /// use ripple_core::value::Members;
    /// use ripple_core::{Record, RecordId};
    ///
    /// let members = ["goal", "name"].map(|name| (name.to_owned(), "x".into()));
    /// let record = Record::new(RecordId::parse("a").unwrap(), Members::from(members));
    /// assert_eq!(record.to_json_of(&["goal".to_owned()], &Names::default()), br#"{"goal":"x","prj_id":"a"}"#);
    /// ```
    #[must_use]
    pub fn to_json_of(&self, fields: &[String], names: &Names) -> Vec<u8> {
        self.render(names, Some(fields))
    }

    fn render(&self, names: &Names, fields: Option<&[String]>) -> Vec<u8> {
        let shown =
            |name: &str| names.is_key(name) || fields.is_none_or(|fields| fields.iter().any(|field| field == name));
        let added = [&names.version, &names.updated_at, &names.updated_by, &names.updated_author, &names.deleted];
        let mut own = names.key_of(&self.id);
        for name in added {
            own.extend(self.own_member(name, names).map(|value| (&**name, value)));
        }
        let own = own.iter().map(|(name, value)| (*name, value));
        let attributes = self.visible(names).map(|(name, value)| (name.as_str(), value));
        let mut members: Vec<(&str, &Value)> = attributes.filter(|(name, _)| shown(name)).collect();
        for (name, value) in own.filter(|(name, _)| shown(name)) {
            let place = members.partition_point(|(other, _)| *other < name);
            members.insert(place, (name, value));
        }
        let mut json = Vec::with_capacity(512);
        serde_json::Serializer::new(&mut json)
            .collect_map(members)
            .expect("writing to memory, names are strings and numbers valid JSON");
        json
    }

    /// Returns the attributes that the API shows.
    pub(crate) fn visible(&self, names: &Names) -> impl Iterator<Item = (&String, &Value)> {
        self.attributes.iter().filter(|(name, _)| !names.are_ripples(name))
    }

    /// Returns the value that a client sees under `name`.
    #[must_use]
    pub fn member(&self, name: &str, names: &Names) -> Option<Cow<'_, Value>> {
        if names.are_fixed(name) {
            return self.own_member(name, names).map(Cow::Owned);
        }
        self.attributes.get(name).map(Cow::Borrowed)
    }

    fn own_member(&self, name: &str, names: &Names) -> Option<Value> {
        match name {
            name if names.is_key(name) => names.key_member(&self.id, name),
            name if name == names.version => Some(Value::Number(Number::whole(self.version))),
            // A state that ripple has only adopted has no author and no time.
            name if name == names.updated_at => self.updated_by.as_ref().and(self.updated_at).map(|at| at.0.into()),
            name if name == names.updated_by => self.updated_by.as_deref().map(Into::into),
            name if name == names.updated_author => self.updated_author.as_ref().map(Person::to_value),
            name if name == names.deleted => self.tombstone.map(|_| Value::Bool(true)),
            _ => None,
        }
    }

    /// Returns the record that the API shows as these members. JSON does not show all types of values. Returns `None`
    /// if the members are not a record.
    pub(crate) fn from_members(mut members: Members, names: &Names) -> Option<Record> {
        let id = names.take_id(&mut members)?;
        let Some(Value::Number(version)) = members.remove(&*names.version) else { return None };
        let mut record = Record::new(id, Members::new());
        record.version = version.as_i64()?;
        record.external = (record.version < 0).then(|| Box::new(Stamp::default()));
        record.updated_at = match members.remove(&*names.updated_at) {
            Some(Value::Number(at)) => at.as_u64().map(Timestamp),
            _ => None,
        };
        record.updated_by = match members.remove(&*names.updated_by) {
            Some(Value::String(by)) => Some(by),
            _ => None,
        };
        record.updated_author = members.remove(&*names.updated_author).and_then(Person::of_value);
        record.attributes = members;
        Some(record)
    }
}

/// The first 128 bits of the SHA-256 of a record's JSON. The sum of all of them is the entity tag of a list.
///
/// ```
/// use ripple_core::record::ContentHash;
///
/// let [one, other] = [r#"{"a":1}"#, r#"{"b":2}"#].map(|json| ContentHash::of(json.as_bytes()));
/// let (mut list, mut same) = (one, other);
/// list.add(other);
/// same.add(one);
/// assert_eq!(list, same);
/// list.remove(other);
/// assert_eq!(list.to_text(), one.to_text());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentHash(pub u128);

impl ContentHash {
    /// Hashes one record's JSON.
    #[must_use]
    pub fn of(json: &[u8]) -> ContentHash {
        let digest = Sha256::digest(json);
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        ContentHash(u128::from_be_bytes(first))
    }

    /// Adds a record's hash to a list's.
    pub fn add(&mut self, hash: ContentHash) {
        self.0 = self.0.wrapping_add(hash.0);
    }

    /// Removes a record's hash from a list's.
    pub fn remove(&mut self, hash: ContentHash) {
        self.0 = self.0.wrapping_sub(hash.0);
    }

    /// Returns the text of an entity tag, without its quotes.
    #[must_use]
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.to_be_bytes())
    }
}
