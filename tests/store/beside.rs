//! Another writer that uses DynamoDB's own operations without conditions.

use ripple_core::RecordId;
use ripple_core::store::memory::Memory;

use crate::engine::Engine;

pub(crate) trait Beside {
    /// Sets one attribute and leaves the others alone.
    async fn set(&self, id: &str, name: &str, value: &str);
}

impl Beside for Memory {
    async fn set(&self, id: &str, name: &str, value: &str) {
        let id = RecordId::stored(id.to_owned());
        let mut item = self.item(&id).expect("there is one");
        item.insert(name.to_owned(), value.into());
        self.put_item(&id, item);
    }
}

impl Beside for Engine {
    async fn set(&self, id: &str, name: &str, value: &str) {
        Engine::set(self, id, name, value).await;
    }
}
