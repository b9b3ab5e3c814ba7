//! Converts between an item and a line of JSON with the types of its values.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html>

use std::collections::HashMap;

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

pub(super) type Item = HashMap<String, AttributeValue>;

/// Returns the line of an item, including its end. Attributes are ordered by name, and sets by element, so equal items
/// have equal lines.
pub(super) fn line(item: &Item) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&json!({ "Item": members(item)? }))?;
    line.push(b'\n');
    Ok(line)
}

/// Returns the item of a line.
pub(super) fn item(line: &str) -> anyhow::Result<Item> {
    let mut line: Map<String, Value> = serde_json::from_str(line)?;
    match line.remove("Item") {
        Some(Value::Object(members)) if line.is_empty() => values(members),
        _ => bail!(r#"the line is not {{"Item": …}}"#),
    }
}

fn members(item: &Item) -> anyhow::Result<Map<String, Value>> {
    let mut names: Vec<&String> = item.keys().collect();
    names.sort_unstable();
    names.into_iter().map(|name| Ok((name.clone(), value(&item[name])?))).collect()
}

fn value(value: &AttributeValue) -> anyhow::Result<Value> {
    let binary = |bytes: &Blob| STANDARD.encode(bytes);
    let sorted = |mut elements: Vec<String>| {
        elements.sort_unstable();
        elements
    };
    Ok(match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": binary(bytes) }),
        AttributeValue::Ss(texts) => json!({ "SS": sorted(texts.clone()) }),
        AttributeValue::Ns(numbers) => json!({ "NS": sorted(numbers.clone()) }),
        AttributeValue::Bs(all) => json!({ "BS": sorted(all.iter().map(binary).collect()) }),
        AttributeValue::Bool(boolean) => json!({ "BOOL": boolean }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::L(list) => json!({ "L": list.iter().map(self::value).collect::<anyhow::Result<Vec<_>>>()? }),
        AttributeValue::M(map) => json!({ "M": members(map)? }),
        other => bail!("DynamoDB returned a value of an unknown type: {other:?}"),
    })
}

fn values(members: Map<String, Value>) -> anyhow::Result<Item> {
    members
        .into_iter()
        .map(|(name, value)| {
            let read = typed(value).with_context(|| format!("the attribute {name} is not valid"))?;
            Ok((name, read))
        })
        .collect()
}

fn typed(value: Value) -> anyhow::Result<AttributeValue> {
    let Value::Object(members) = value else { bail!("a value must be an object with its type as the only member") };
    let mut members = members.into_iter();
    let (Some((kind, value)), None) = (members.next(), members.next()) else {
        bail!("a value must have exactly one type")
    };
    let binary = |text: String| anyhow::Ok(Blob::new(STANDARD.decode(text)?));
    let texts = |value: Value| serde_json::from_value::<Vec<String>>(value);
    let text = |value: Value| serde_json::from_value::<String>(value);
    Ok(match (kind.as_str(), value) {
        ("S", value) => AttributeValue::S(text(value)?),
        ("N", value) => AttributeValue::N(text(value)?),
        ("B", value) => AttributeValue::B(binary(text(value)?)?),
        ("SS", value) => AttributeValue::Ss(texts(value)?),
        ("NS", value) => AttributeValue::Ns(texts(value)?),
        ("BS", value) => AttributeValue::Bs(texts(value)?.into_iter().map(binary).collect::<anyhow::Result<_>>()?),
        ("BOOL", Value::Bool(boolean)) => AttributeValue::Bool(boolean),
        ("NULL", Value::Bool(true)) => AttributeValue::Null(true),
        ("L", Value::Array(list)) => AttributeValue::L(list.into_iter().map(typed).collect::<anyhow::Result<_>>()?),
        ("M", Value::Object(map)) => AttributeValue::M(values(map)?),
        (kind, _) => bail!("{kind} is not a type, or its value has another type"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_as_it_was() {
        let text = concat!(
            r#"{"Item":{"b":{"B":"AP8="},"bs":{"BS":["/w==","AA=="]},"l":{"L":[{"M":{"":{"NULL":true}}},{"L":[]}]},"#,
            r#""n":{"N":"12345678901234567890123456789012345678"},"ns":{"NS":["1","2.50"]},"ok":{"BOOL":false},"#,
            r#""s":{"S":"\u0000é\n"},"ss":{"SS":["a","b"]}}}"#,
        );
        let read = item(text).expect("an item");
        assert_eq!(read["b"], AttributeValue::B(Blob::new([0, 255])));
        assert_eq!(String::from_utf8(line(&read).expect("a line")).expect("UTF-8"), format!("{text}\n"));
    }

    #[test]
    fn other_lines_are_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"Item":1}"#,
            r#"{"Item":{},"more":1}"#,
            r#"{"Item":{"a":"b"}}"#,
            r#"{"Item":{"a":{"S":"b","N":"1"}}}"#,
            r#"{"Item":{"a":{"N":1}}}"#,
            r#"{"Item":{"a":{"B":"?"}}}"#,
            r#"{"Item":{"a":{"X":"b"}}}"#,
            r#"{"Item":{"a":{"NULL":false}}}"#,
        ] {
            assert!(item(text).is_err(), "{text}");
        }
    }
}
