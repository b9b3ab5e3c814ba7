//! Fuzzes JSON text and numbers.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ripple_core::limits;
use ripple_core::value::{Number, Value, parse};
use serde_json::value::RawValue;

fuzz_target!(|text: &[u8]| {
    if let Ok(text) = std::str::from_utf8(text) {
        text.lines().for_each(number);
    }
    let value = match parse(text) {
        Ok(value) => value,
        Err(malformed) => {
            assert!(!malformed.detail.is_empty());
            assert!(malformed.pointer.is_empty() || malformed.pointer.starts_with('/'));
            return;
        }
    };
    assert!(serde_json::from_slice::<&RawValue>(text).is_ok(), "it is no JSON");
    assert!(value.depth() <= limits::NESTING + 1);
    let json = serde_json::to_vec(&value).expect("what was read is written");
    assert_eq!(parse(&json).as_ref(), Ok(&value), "it comes back as another");
    assert_eq!(value.clone().shaped_like(&value), value, "its own shape changes it");
    plain(&value);
});

/// Checks that a value has none of DynamoDB's own types, which JSON does not have.
fn plain(value: &Value) {
    match value {
        Value::List(list) => list.iter().for_each(plain),
        Value::Map(members) => members.values().for_each(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) {
    let Some(number) = Number::parse(text) else { return };
    let again = Number::parse(number.as_str());
    assert_eq!(again.as_ref(), Some(&number), "{text}: its text is not stable");
    assert!(number.as_str().len() <= 170, "{text}: 38 digits, and zeros up to its magnitude");
    assert_eq!(number.is_natural(), !number.as_str().contains(['-', '.']), "{text}");
    let one = Number::from(1);
    assert_eq!(number.cmp(&one), one.cmp(&number).reverse(), "{text}: the order has two sides");
    if let Ok(float) = number.as_str().parse::<f64>()
        && (float - 1.0).abs() > 1e-9
    {
        assert_eq!(number > one, float > 1.0, "{text}: the order is by value");
    }
}
