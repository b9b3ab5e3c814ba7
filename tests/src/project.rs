//! Projects to send.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The members that a record must have at its creation.
pub const REQUIRED: [&str; 7] = ["name", "goal", "issue", "description", "term", "term_unit", "create_date"];

/// A project as the body of a request. Its members are JSON texts: numbers go out as they were written.
#[derive(Clone, Debug)]
pub struct Record {
    id: String,
    members: BTreeMap<String, Box<RawValue>>,
}

impl Record {
    /// Returns a project with every required member.
    #[must_use]
    pub fn new(id: &str) -> Record {
        Record { id: id.to_owned(), members: BTreeMap::new() }
            .with("prj_id", id)
            .with("name", "Ferry timetable")
            .with("goal", "Nobody waits at the pier")
            .with("issue", "Three printed timetables contradict each other")
            .with("description", "Collect, compare and publish the departures of all piers")
            .with("term", 6)
            .with("term_unit", "month")
            .with("create_date", "2026-11-02")
    }

    /// Returns the id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
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
