//! Makes the examples of the OpenAPI document: one record of each resource, which the operations create, change, restore
//! and delete. tests/python/test_api_page.py sends them in the document's order of a record's life.

use ripple_core::record::schema::{KeyType, Resource};
use ripple_core::sheet::Columns;
use ripple_core::value::{Members, Value};
use serde_json::{Value as Json, json};

use crate::sample;

/// The id of the record where ids are numbers.
const NUMBER: u64 = 1001;

/// The examples of a resource.
pub(crate) struct Examples<'a> {
    resource: &'a Resource,
    /// The record, without its key.
    record: Members,
}

impl<'a> Examples<'a> {
    /// Returns the examples. Returns `None` for a resource with a sort key, or with a schema for which no record is found.
    pub(crate) fn of(resource: &'a Resource) -> Option<Examples<'a>> {
        let record = sample::record(resource).filter(|_| resource.names.has_plain_key())?;
        Some(Examples { resource, record })
    }

    /// Returns the value of a parameter in a path.
    pub(crate) fn parameter(&self, name: &str) -> Option<Json> {
        match name {
            "id" => Some(self.id()),
            "version" => Some(json!(1)),
            _ => None,
        }
    }

    /// Returns a body of an operation.
    pub(crate) fn body(&self, operation: &str, media_type: &str) -> Option<Json> {
        let names = &self.resource.names;
        Some(match (operation, media_type) {
            ("create", _) => self.whole([(&*names.key, self.id())]),
            ("update", _) => self.whole([(&*names.version, json!(1))]),
            ("patch", "application/vnd.ripple.edit+json") => {
                let (name, seen, set) = self.edit()?;
                json!({ "version": 1, "seen": { name: seen }, "set": { name: set }, "remove": [] })
            }
            ("patch", _) => {
                let (name, _, value) = self.edit()?;
                json!({ &*names.version: 1, name: value })
            }
            ("restore", _) => json!({ &*names.version: 1 }),
            ("batch", "text/csv") => self.sheet().into(),
            ("batch", _) => {
                let (name, _, value) = self.edit()?;
                let body = json!({ &*names.version: 1, name: value });
                json!({ "operations": [{ "op": "patch", "id": self.id_as_text(), "body": body }] })
            }
            _ => return None,
        })
    }

    fn id(&self) -> Json {
        match self.resource.names.key_type {
            KeyType::String => format!("{}0001", self.resource.name).into(),
            KeyType::Number => NUMBER.into(),
        }
    }

    fn id_as_text(&self) -> String {
        self.id().as_str().map_or_else(|| NUMBER.to_string(), str::to_owned)
    }

    /// Returns the whole record with more members before its own.
    fn whole<const N: usize>(&self, first: [(&str, Json); N]) -> Json {
        let own = self.members().map(|(name, value)| (name, json!(value)));
        Json::Object(first.into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Returns the members in the order of the resource's file.
    fn members(&self) -> impl Iterator<Item = (&str, &Value)> {
        let properties = self.resource.schema.root.properties.iter();
        properties.filter_map(|(name, _)| Some((name.as_str(), self.record.get(name)?)))
    }

    /// Returns a member that an edit changes, what it was, and what it becomes. That is the second of its examples, if it
    /// has two.
    fn edit(&self) -> Option<(&str, Json, Json)> {
        // In an edit, null removes a member.
        let second = |name: &str| {
            let second = self.resource.schema.root.property(name)?.examples.get(1);
            second.filter(|value| **value != Value::Null)
        };
        let chosen = self.members().find(|(name, _)| second(name).is_some());
        let (name, value) = chosen.or_else(|| self.members().next())?;
        Some((name, json!(value), json!(second(name).unwrap_or(value))))
    }

    /// Returns a sheet with one row, which creates another record.
    fn sheet(&self) -> String {
        let other = match self.resource.names.key_type {
            KeyType::String => format!("{}0002", self.resource.name),
            KeyType::Number => (NUMBER + 1).to_string(),
        };
        // A row begins with the cells of the key and of the version, which are empty here.
        let cell = |(name, value): (&str, &Value)| {
            let columns = Columns::chosen(self.resource, &[name.to_owned()]);
            let row = columns.row(json!({ name: value }).to_string().as_bytes()).unwrap_or_default();
            String::from_utf8_lossy(&row).trim_start_matches(",,").trim_end_matches("\r\n").to_owned()
        };
        let names = [&*self.resource.names.key].into_iter().chain(self.members().map(|(name, _)| name)).map(quoted);
        let cells = [quoted(&other)].into_iter().chain(self.members().map(cell));
        let line = |cells: Vec<String>| cells.join(",") + "\r\n";
        line(names.collect()) + &line(cells.collect())
    }
}

/// Returns a cell of a sheet, in quotes if it needs them (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
