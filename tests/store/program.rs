//! Another program that uses the table. It knows items, and nothing of ripple.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use ripple_core::store::memory::Memory;
use ripple_core::value::{Members, Number, Value, parse};
use ripple_core::{RecordId, Timestamp};

use crate::engine::Engine;

pub(crate) const TABLE: &str = "ripple_prj";
pub(crate) const HISTORY: &str = "ripple_prj_version";

/// The other program, on a table in memory or on the embedded engine.
pub(crate) enum Program {
    Memory(Memory),
    Engine(Arc<Engine>),
}

impl Program {
    /// Puts a whole item in place of any existing one.
    pub(crate) async fn put(&self, item: Members) {
        match self {
            Program::Memory(memory) => {
                let Some(Value::String(id)) = item.get("prj_id") else { panic!("an item has an id") };
                memory.put_item(&RecordId::stored(id.clone()), item);
            }
            Program::Engine(engine) => engine.put(item).await,
        }
    }

    /// Puts an item with this id and these members, a JSON object.
    pub(crate) async fn put_json(&self, id: &str, members: &str) {
        self.put(item(id, members)).await;
    }

    /// Sets an attribute, or removes it, and leaves the others alone.
    pub(crate) async fn set(&self, id: &str, name: &str, value: Option<Value>) {
        let mut item = self.item(id).await.expect("an item");
        match value {
            Some(value) => item.insert(name.to_owned(), value),
            None => item.remove(name),
        };
        self.put(item).await;
    }

    /// Returns an item with all its attributes.
    pub(crate) async fn item(&self, id: &str) -> Option<Members> {
        match self {
            Program::Memory(memory) => memory.item(&RecordId::stored(id.to_owned())),
            Program::Engine(engine) => engine.item(id).await,
        }
    }

    /// Deletes an item.
    pub(crate) async fn delete(&self, id: &str) {
        match self {
            Program::Memory(memory) => memory.delete_item(&RecordId::stored(id.to_owned())),
            Program::Engine(engine) => engine.delete(id).await,
        }
    }

    /// Deletes items that have expired by `now`, as DynamoDB's TTL does some time later.
    pub(crate) async fn expire(&self, now: Timestamp) {
        match self {
            Program::Memory(memory) => memory.expire(now),
            Program::Engine(engine) => engine.expire(now).await,
        }
    }
}

/// Returns an item with this id and these members, a JSON object.
pub(crate) fn item(id: &str, members: &str) -> Members {
    let Ok(Value::Map(mut item)) = parse(members.as_bytes()) else { panic!("{members} should be an object") };
    item.insert("prj_id".to_owned(), id.into());
    item
}

impl Engine {
    /// Puts a whole item.
    pub(crate) async fn put(&self, item: Members) {
        let item = item.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect();
        self.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("the item is put");
    }

    /// Returns an item with all its attributes.
    pub(crate) async fn item(&self, id: &str) -> Option<Members> {
        let get = self.client.get_item().table_name(TABLE).key("prj_id", AttributeValue::S(id.to_owned()));
        let found = get.consistent_read(true).send().await.expect("the engine answers");
        found.item.map(|item| item.into_iter().map(|(name, value)| (name, from_attribute(value))).collect())
    }

    /// Deletes an item.
    pub(crate) async fn delete(&self, id: &str) {
        let delete = self.client.delete_item().table_name(TABLE).key("prj_id", AttributeValue::S(id.to_owned()));
        delete.send().await.expect("the item is deleted");
    }

    /// Deletes items that have expired by `now`.
    async fn expire(&self, now: Timestamp) {
        for (table, keys) in [(TABLE, &["prj_id"][..]), (HISTORY, &["prj_id", "version"])] {
            for item in self.items(table).await {
                let expires = item.get("rpl_expires_at").and_then(|at| at.as_n().ok()?.parse::<u64>().ok());
                if expires.is_none_or(|at| at > now.0 / 1000) {
                    continue;
                }
                let key = keys.iter().map(|name| ((*name).to_owned(), item[*name].clone())).collect();
                let delete = self.client.delete_item().table_name(table).set_key(Some(key));
                delete.send().await.expect("the item is deleted");
            }
        }
    }

    /// Deletes a row of the history.
    pub(crate) async fn delete_row(&self, id: &str, version: u64) {
        let delete = self.client.delete_item().table_name(HISTORY).key("prj_id", AttributeValue::S(id.to_owned()));
        delete.key("version", AttributeValue::N(version.to_string())).send().await.expect("the row is deleted");
    }

    /// Returns every item of a table.
    pub(crate) async fn items(&self, table: &str) -> Vec<HashMap<String, AttributeValue>> {
        let pages = self.client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
        pages.collect::<Result<_, _>>().await.expect("the engine answers")
    }
}

fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(*flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Binary(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
        Value::List(list) => AttributeValue::L(list.iter().map(to_attribute).collect()),
        Value::Map(members) => {
            AttributeValue::M(members.iter().map(|(name, value)| (name.clone(), to_attribute(value))).collect())
        }
        Value::Strings(set) => AttributeValue::Ss(set.iter().cloned().collect()),
        Value::Numbers(set) => AttributeValue::Ns(set.iter().map(ToString::to_string).collect()),
        Value::Binaries(set) => AttributeValue::Bs(set.iter().cloned().map(Blob::new).collect()),
    }
}

fn from_attribute(value: AttributeValue) -> Value {
    let number = |text: &String| Number::parse(text).expect("DynamoDB has numbers only");
    match value {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(flag),
        AttributeValue::N(text) => Value::Number(number(&text)),
        AttributeValue::S(text) => Value::String(text),
        AttributeValue::B(bytes) => Value::Binary(bytes.into_inner()),
        AttributeValue::L(list) => Value::List(list.into_iter().map(from_attribute).collect()),
        AttributeValue::M(members) => {
            Value::Map(members.into_iter().map(|(name, value)| (name, from_attribute(value))).collect())
        }
        AttributeValue::Ss(set) => Value::Strings(set.into_iter().collect()),
        AttributeValue::Ns(set) => Value::Numbers(set.iter().map(number).collect()),
        AttributeValue::Bs(set) => Value::Binaries(set.into_iter().map(Blob::into_inner).collect::<BTreeSet<_>>()),
        other => panic!("DynamoDB has no type like {other:?}"),
    }
}
