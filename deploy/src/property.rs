//! Converts a schema of a resource file into one of the OpenAPI document.
//!
//! It goes through JSON, since both are JSON Schema. What the document does not have is left out: `$comment`, `x-merge`.
//! A `const` becomes an `enum` of one value.

use ripple_core::record::schema::{Subschema, Types};
use ripple_core::value::{Number, Value};
use serde_json::{Map, Value as Json, json};
use utoipa::openapi::{RefOr, Schema};

/// Returns the schema of a property.
pub(crate) fn of(schema: &Subschema) -> RefOr<Schema> {
    serde_json::from_value(json(schema)).expect("keywords of a resource file are keywords of the document")
}

fn json(schema: &Subschema) -> Json {
    let mut json = Map::new();
    let mut add = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            json.insert(name.to_owned(), value);
        }
    };
    let number = |number: &Option<Number>| number.as_ref().map(of_number);
    let count = |count: Option<u64>| count.map(Json::from);
    let list = |list: &[Value]| (!list.is_empty()).then(|| list.iter().map(of_value).collect::<Json>());
    let schemas = |list: &[Subschema]| (!list.is_empty()).then(|| list.iter().map(self::json).collect::<Json>());
    add("title", schema.title.clone().map(Json::from));
    add("description", schema.description.clone().map(Json::from));
    add("deprecated", schema.deprecated.then_some(Json::Bool(true)));
    add("default", schema.default.as_ref().map(of_value));
    add("examples", list(&schema.examples));
    add("type", of_types(schema.types));
    add("enum", list(&schema.options).or_else(|| schema.constant.as_ref().map(|constant| json!([of_value(constant)]))));
    add("oneOf", schemas(&schema.one_of));
    add("minLength", count(schema.min_length));
    add("maxLength", count(schema.max_length));
    add("pattern", schema.pattern.as_ref().map(|pattern| Json::from(pattern.as_str())));
    add("format", schema.format.map(|format| Json::from(format.as_str())));
    add("minimum", number(&schema.minimum));
    add("maximum", number(&schema.maximum));
    add("exclusiveMinimum", number(&schema.exclusive_minimum));
    add("exclusiveMaximum", number(&schema.exclusive_maximum));
    add("multipleOf", number(&schema.multiple_of));
    let closed = !schema.prefix_items.is_empty();
    // The document's arrays have `items`: any value, unless the file says more.
    let items = schema.items.as_deref().map(self::json).or_else(|| closed.then_some(Json::Bool(false)));
    let is_list = schema.types.iter().any(|kind| kind.as_str() == "array");
    add("items", items.or_else(|| is_list.then(|| json!({}))));
    add("prefixItems", schemas(&schema.prefix_items));
    add("minItems", count(schema.min_items));
    add("maxItems", count(schema.max_items));
    add("uniqueItems", schema.unique_items.then_some(Json::Bool(true)));
    let properties = schema.properties.iter().map(|(name, property)| (name.clone(), self::json(property)));
    add("properties", (!schema.properties.is_empty()).then(|| properties.collect::<Map<_, _>>().into()));
    add("required", (!schema.required.is_empty()).then(|| schema.required.clone().into()));
    add("additionalProperties", schema.closed.then_some(Json::Bool(false)));
    Json::Object(json)
}

fn of_types(types: Types) -> Option<Json> {
    let names: Vec<&str> = types.iter().map(|kind| kind.as_str()).collect();
    match *names {
        [] => None,
        [name] => Some(name.into()),
        _ => Some(names.into()),
    }
}

/// Returns a number. Those of a resource file have at most 15 digits, so a double holds each.
fn of_number(number: &Number) -> Json {
    serde_json::from_str(number.as_str()).expect("a number's text is JSON")
}

fn of_value(value: &Value) -> Json {
    serde_json::to_value(value).expect("a value of a file is JSON")
}
