//! Somebody who writes beside ripple, by DynamoDB's own operations and without a look at what is there.

use aws_sdk_dynamodb::types::AttributeValue;
use ripple_core::store::item::as_read;
use ripple_core::store::memory::Memory;
use ripple_core::value::Value;
use ripple_core::{Record, RecordId};

use crate::engine::Engine;

pub(crate) trait Beside {
    /// A whole item.
    async fn put_item(&self, project: &Record);

    /// One attribute, and the others as they are.
    async fn set(&self, id: &str, name: &str, value: &str);
}

impl Beside for Memory {
    async fn put_item(&self, project: &Record) {
        self.put(project);
    }

    async fn set(&self, id: &str, name: &str, value: &str) {
        let id = RecordId::stored(id.to_owned());
        let mut item = self.item(&id).expect("there is one");
        item.insert(name.to_owned(), value.into());
        Memory::put_item(self, &id, item);
    }
}

impl Beside for Engine {
    async fn put_item(&self, project: &Record) {
        let mut put = self.client.put_item().table_name("ripple_prj");
        for (name, value) in &as_read(project) {
            put = put.item(name, attribute(value));
        }
        put.send().await.expect("the item is put");
    }

    async fn set(&self, id: &str, name: &str, value: &str) {
        Engine::set(self, id, name, value).await;
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::List(list) => AttributeValue::L(list.iter().map(attribute).collect()),
        Value::Numbers(set) => AttributeValue::Ns(set.iter().map(ToString::to_string).collect()),
        other => panic!("no test puts {other:?}"),
    }
}
