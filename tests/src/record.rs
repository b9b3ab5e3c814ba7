//! Records to send.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::Kit;

/// A record as the body of a request. Its members are JSON texts: numbers go out as they were written.
#[derive(Clone, Debug)]
pub struct Record {
    kit: &'static Kit,
    id: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Record {
    /// Returns a valid record with this id.
    #[must_use]
    pub fn new(kit: &'static Kit, id: &str) -> Record {
        let record = Record { kit, id: String::new(), members: BTreeMap::new() }.with_id(id);
        kit.valid.iter().fold(record, |record, (name, json)| record.raw(name, json))
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Sets the id.
    #[must_use]
    pub fn with_id(self, id: &str) -> Record {
        let members = self.kit.key_members(id);
        let record = Record { id: id.to_owned(), ..self };
        members.into_iter().fold(record, |record, (name, value)| record.with(name, value))
    }

    /// Removes the members of the id.
    #[must_use]
    pub fn without_id(self) -> Record {
        let names = self.kit.number_key.into_iter().chain([self.kit.key]);
        names.fold(self, Record::without)
    }

    /// Sets the title.
    #[must_use]
    pub fn title(self, title: impl Into<Value>) -> Record {
        let name = self.kit.title;
        self.with(name, title)
    }

    /// Sets the text.
    #[must_use]
    pub fn text(self, text: impl Into<Value>) -> Record {
        let name = self.kit.text;
        self.with(name, text)
    }

    /// Sets a member.
    #[must_use]
    pub fn with(self, name: &str, value: impl Into<Value>) -> Record {
        self.raw(name, &value.into().to_string())
    }

    /// Sets a member to a JSON text.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Record {
        let value = RawValue::from_string(json.to_owned()).expect("a member is JSON");
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Removes a member.
    #[must_use]
    pub fn without(mut self, name: &str) -> Record {
        self.members.remove(name);
        self
    }

    /// Returns the body.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.members).expect("names and JSON texts make an object")
    }

    /// Returns the members as parsed JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.to_json()).expect("names and JSON texts make an object")
    }
}
