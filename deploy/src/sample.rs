//! Makes a valid record of a resource from its schema: the required members only.

use std::collections::HashSet;

use ripple_core::record::schema::{Resource, Schema, Subschema, Type};
use ripple_core::value::{Members, Number, Value, parse};
use serde_json::json;

/// The text of the record, and its id as far as a path shows it.
const TEXT: &str = "ripple check";
/// Bytes of a record. A file can ask for lists of any length.
const WEIGHT: usize = 20_000;
/// The member of a list in which a value is checked.
const LIST: &str = "list";
/// Texts for formats and patterns.
const TEXTS: [&str; 10] = [
    TEXT,
    "ripple-check",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "00000000-0000-4000-8000-000000000000",
    "check@example.com",
    "https://example.com/",
    "1",
    "a",
    "A1",
];

/// Returns a record with the required members. Returns `None` if no value is found for one of them. A file helps with
/// `default` or `examples`.
pub(crate) fn record(resource: &Resource) -> Option<Members> {
    let root = &resource.schema.root;
    let names = root.required.iter().filter(|name| !resource.names.is_key(name));
    // A member that is null counts as absent.
    let value = |name: &str| valid(root.property(name)?).find(|value| *value != Value::Null);
    let record: Members = names.map(|name| Some((name.clone(), value(name)?))).collect::<Option<_>>()?;
    (resource.schema.check_new(&record).is_ok() && record.values().map(weight).sum::<usize>() <= WEIGHT)
        .then_some(record)
}

/// Returns valid values, the likeliest first.
fn valid(schema: &Subschema) -> impl Iterator<Item = Value> {
    let fits = fits(schema);
    candidates(schema).into_iter().filter(move |value| fits(value))
}

/// Returns the check of values of a schema. A value with more digits than the documents keep does not pass.
fn fits(schema: &Subschema) -> impl Fn(&Value) -> bool + use<> {
    let mut list = Subschema::default();
    list.items = Some(Box::new(schema.clone()));
    let mut checked = Schema::default();
    checked.root.properties = vec![(LIST.to_owned(), list)];
    move |value| {
        let record = Members::from([(LIST.to_owned(), Value::List(vec![value.clone()]))]);
        checked.check_new(&record).is_ok() && parse(json!(value).to_string().as_bytes()).as_ref() == Ok(value)
    }
}

/// Returns values that may be valid, the likeliest first.
fn candidates(schema: &Subschema) -> Vec<Value> {
    let mut values = schema.examples.clone();
    values.extend(schema.default.clone());
    values.extend(schema.constant.clone());
    values.extend(schema.options.clone());
    values.extend(schema.one_of.iter().flat_map(candidates));
    let may_be = |kind| schema.types.is_any() || schema.types.contains(kind);
    if may_be(Type::String) {
        values.extend(TEXTS.map(|text| of_length(text, schema).into()));
    }
    if may_be(Type::Integer) || may_be(Type::Number) {
        values.extend(numbers(schema).into_iter().map(Value::Number));
    }
    if may_be(Type::Boolean) {
        values.extend([false, true].map(Value::Bool));
    }
    if may_be(Type::Object) {
        let member = |name: &String| Some((name.clone(), valid(schema.property(name)?).next()?));
        values.extend(schema.required.iter().map(member).collect::<Option<_>>().map(Value::Map));
    }
    if may_be(Type::Array) {
        values.extend(list(schema).map(Value::List));
    }
    if may_be(Type::Null) {
        values.push(Value::Null);
    }
    values.retain(|value| weight(value) <= WEIGHT);
    values
}

/// Returns numbers near the bounds.
fn numbers(schema: &Subschema) -> Vec<Number> {
    let Subschema { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of, .. } = schema;
    let bounds = [minimum, maximum, multiple_of].into_iter().flatten().cloned();
    let of = |number: &Number| number.as_str().parse::<f64>().ok();
    let least = [minimum, exclusive_minimum].into_iter().flatten().filter_map(of).reduce(f64::max);
    let most = [maximum, exclusive_maximum].into_iter().flatten().filter_map(of).reduce(f64::min);
    let step = multiple_of.as_ref().and_then(of).unwrap_or(1.0);
    let inside = [
        least.map(|least| (least / step).floor() * step + step),
        most.map(|most| (most / step).ceil() * step - step),
        least.zip(most).map(|(least, most)| f64::midpoint(least, most)),
    ];
    let inside = inside.into_iter().flatten().filter_map(|number| Number::parse(&format!("{number:.12}")));
    [1_u64, 0].map(Number::from).into_iter().chain(bounds).chain(inside).collect()
}

/// Returns the least list, or the longest one of a schema with places. Returns `None` if it would be too large.
fn list(schema: &Subschema) -> Option<Vec<Value>> {
    if !schema.prefix_items.is_empty() {
        return Some(schema.prefix_items.iter().map_while(|place| valid(place).next()).collect());
    }
    let least = usize::try_from(schema.min_items.unwrap_or_default()).ok().filter(|least| *least <= WEIGHT)?;
    let Some(items) = schema.items.as_deref().filter(|_| least > 0) else { return Some(vec![TEXT.into(); least]) };
    if schema.unique_items {
        let fits = fits(items);
        let others = (0..least as u64)
            .flat_map(|number| [Value::from(number), of_length(&format!("{number} {TEXT}"), items).into()]);
        let mut seen = HashSet::new();
        let entries = valid(items).chain(others.filter(fits)).filter(|entry| seen.insert(entry.clone()));
        return Some(entries.take(least).collect());
    }
    let entry = valid(items).next()?;
    (weight(&entry).saturating_mul(least) <= WEIGHT).then(|| vec![entry; least])
}

/// Returns about how many bytes a value has as JSON.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 1,
        Value::List(list) => list.iter().map(weight).sum::<usize>() + 1,
        Value::Map(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// Returns a text, repeated or cut to the length that a schema asks for.
fn of_length(text: &str, schema: &Subschema) -> String {
    let least = usize::try_from(schema.min_length.unwrap_or_default()).unwrap_or(usize::MAX).min(1_000);
    let most = usize::try_from(schema.max_length.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    text.chars().cycle().take(text.len().max(least).min(most)).collect()
}

#[cfg(test)]
mod tests {
    use ripple_core::record::schema::Resources;

    use super::*;

    fn sample(members: &str) -> Option<String> {
        let file =
            format!(r#"{{"title": "T", "x-ripple": {{"resource": "t", "key": "id"}}, "type": "object", {members}}}"#);
        let resources = Resources::read(&[("t.json", file)]).expect("the file is valid");
        Some(serde_json::to_string(&Value::Map(record(resources.first())?)).expect("JSON"))
    }

    #[test]
    fn a_record_is_made_for_every_kind_of_member() {
        for (property, value) in [
            (r#"{"type": "string"}"#, r#""ripple check""#),
            (r#"{"type": "string", "maxLength": 3}"#, r#""rip""#),
            (r#"{"type": "string", "minLength": 14}"#, r#""ripple checkri""#),
            (r#"{"type": "string", "format": "date"}"#, r#""2026-01-01""#),
            (r#"{"type": "string", "maxLength": 9, "pattern": "^[0-9]+$"}"#, r#""1""#),
            (r#"{"type": "string", "maxLength": 9, "pattern": "^x-[0-9]$", "examples": ["x-1"]}"#, r#""x-1""#),
            (r#"{"enum": ["todo", "done"]}"#, r#""todo""#),
            (r#"{"type": "integer", "minimum": 7}"#, "7"),
            (r#"{"type": "number", "maximum": -0.5}"#, "-0.5"),
            (r#"{"type": "boolean"}"#, "false"),
            ("{}", r#""ripple check""#),
            (r#"{"format": "date-time"}"#, r#""2026-01-01T00:00:00Z""#),
            (r#"{"const": true}"#, "true"),
            (r#"{"type": "boolean", "enum": [true]}"#, "true"),
            (r#"{"enum": [null, 2]}"#, "2"),
            (r#"{"examples": [null, "x"]}"#, r#""x""#),
            (r#"{"type": "integer", "exclusiveMinimum": 5}"#, "6"),
            (r#"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}"#, "0.5"),
            (r#"{"type": "number", "minimum": 0.07, "multipleOf": 0.05}"#, "1"),
            (r#"{"type": "number", "minimum": 1.07, "multipleOf": 0.05}"#, "1.1"),
            (r#"{"type": "array"}"#, "[]"),
            (r#"{"type": "array", "minItems": 2}"#, r#"["ripple check","ripple check"]"#),
            (r#"{"type": "array", "minItems": 3, "uniqueItems": true, "items": {"type": "integer"}}"#, "[1,0,2]"),
            (r#"{"type": "array", "items": false, "prefixItems": [{}, {"const": null}]}"#, r#"["ripple check",null]"#),
            (
                r#"{"type": "object", "required": ["a/~"], "properties": {"a/~": {"format": "uuid"}}}"#,
                r#"{"a/~":"00000000-0000-4000-8000-000000000000"}"#,
            ),
            (r#"{"type": "array", "minItems": 2, "items": {"type": "integer"}}"#, "[1,1]"),
            (r#"{"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}"#, r#"{"x":1}"#),
        ] {
            let made = sample(&format!(r#""required": ["m"], "properties": {{"m": {property}}}"#));
            assert_eq!(made, Some(format!(r#"{{"m":{value}}}"#)), "{property}");
        }
        assert_eq!(
            sample(
                r#""required": ["m"], "properties": {"m": {"type": "string", "maxLength": 9, "pattern": "^x-[0-9]$"}}"#
            ),
            None
        );
        assert_eq!(sample(r#""required": ["id"], "properties": {"id": {"type": "string"}}"#).as_deref(), Some("{}"));
    }
}
