//! The SQLite of a Durable Object.
//! <https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/>

use std::ops::ControlFlow;

use js_sys::{Array, ArrayBuffer, Uint8Array};
use ripple_core::replica::sql::{Nearby, Row, Value, error};
use ripple_core::store::StoreError;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(inline_js = r#"
    // The rows that are billed, by object: https://developers.cloudflare.com/durable-objects/platform/pricing/
    const rows = new WeakMap();

    // A cursor that is not read to its end is abandoned.
    export function query(storage, statement, values, each) {
        const cursor = storage.sql.exec(statement, ...values);
        for (const row of cursor.raw()) if (!each(row)) break;
        const [read, written] = rows.get(storage) ?? [0, 0];
        rows.set(storage, [read + cursor.rowsRead, written + cursor.rowsWritten]);
    }

    // Returns the rows that were read and written since the last call.
    export function take_rows(storage) {
        const counted = rows.get(storage) ?? [0, 0];
        rows.delete(storage);
        return counted;
    }

    export function transaction(storage, work) {
        storage.transactionSync(work);
    }
"#)]
extern "C" {
    #[wasm_bindgen(catch)]
    fn query(
        storage: &Storage,
        statement: &str,
        values: Array,
        each: &mut dyn FnMut(Array) -> bool,
    ) -> Result<(), JsValue>;

    fn take_rows(storage: &Storage) -> Array;

    #[wasm_bindgen(catch)]
    fn transaction(storage: &Storage, work: &mut dyn FnMut() -> Result<(), JsValue>) -> Result<(), JsValue>;
}

#[wasm_bindgen(module = "/answers.js")]
extern "C" {
    fn kept(storage: &Storage, state: &str, name: &str) -> Option<Uint8Array>;

    fn keep(storage: &Storage, state: &str, name: &str, bytes: Uint8Array);
}

#[wasm_bindgen]
extern "C" {
    /// `ctx.storage` of an object.
    pub type Storage;
}

impl Storage {
    /// Returns the rows that were read and written since the last call.
    pub(crate) fn rows(&self) -> Array {
        take_rows(self)
    }
}

impl Nearby for Storage {
    fn query(
        &self,
        statement: &str,
        values: &[Value],
        each: &mut dyn FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let values: Array = values.iter().map(bound).collect();
        query(self, statement, values, &mut |row| each(Row(row.iter().map(column).collect())).is_continue())
            .map_err(refused)
    }

    fn transaction<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (mut work, mut outcome) = (Some(work), None);
        let committed = transaction(self, &mut || {
            let done = work.take().map(|work| work());
            let failed = !matches!(done, Some(Ok(_)));
            outcome = done;
            // What the work wrote is rolled back if this throws.
            if failed { Err(JsValue::NULL) } else { Ok(()) }
        });
        match (outcome, committed) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (_, committed) => Err(refused(committed.err().unwrap_or(JsValue::NULL))),
        }
    }

    fn kept(&self, state: &str, name: &str) -> Option<Vec<u8>> {
        kept(self, state, name).map(|bytes| bytes.to_vec())
    }

    fn keep(&self, state: &str, name: &str, bytes: &[u8]) {
        keep(self, state, name, Uint8Array::from(bytes));
    }
}

fn bound(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        Value::Integer(number) => JsValue::from_f64(*number as f64),
        Value::Text(text) => JsValue::from_str(text),
        Value::Blob(bytes) => Uint8Array::from(&bytes[..]).buffer().into(),
    }
}

fn column(value: JsValue) -> Value {
    if let Some(number) = value.as_f64() {
        Value::Integer(number as i64)
    } else if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if let Ok(buffer) = value.dyn_into::<ArrayBuffer>() {
        Value::Blob(Uint8Array::new(&buffer).to_vec())
    } else {
        Value::Null
    }
}

fn refused(thrown: JsValue) -> StoreError {
    let message = thrown.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
    error(message.unwrap_or_else(|| format!("{thrown:?}")))
}
