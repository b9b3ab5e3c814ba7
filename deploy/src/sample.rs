//! Makes a valid record of a resource from its schema: the required members only.

use ripple_core::record::schema::{Resource, Subschema, Type};
use ripple_core::value::{Members, Number, Value};

/// The text of the record, and its id as far as a path shows it.
const TEXT: &str = "ripple check";
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
    let mut rest: Vec<(&String, std::vec::IntoIter<Value>)> = names
        .map(|name| (name, root.property(name).map_or_else(|| vec![TEXT.into()], candidates).into_iter()))
        .collect();
    let mut record = Members::new();
    for (name, values) in &mut rest {
        record.insert((*name).clone(), values.next()?);
    }
    // Each round replaces the values that have a fault by their next candidates.
    while let Err(faults) = resource.schema.check_new(&record) {
        for fault in faults {
            let at = |name: &str| fault.pointer.strip_prefix('/').and_then(|rest| rest.split('/').next()) == Some(name);
            let (name, values) = rest.iter_mut().find(|(name, _)| at(name))?;
            record.insert((*name).clone(), values.next()?);
        }
    }
    Some(record)
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
        let bounds = [&schema.minimum, &schema.maximum, &schema.multiple_of].into_iter().flatten().cloned();
        values.extend([1_u64, 0].map(Number::from).into_iter().chain(bounds).map(Value::Number));
    }
    if may_be(Type::Boolean) {
        values.push(Value::Bool(false));
    }
    if may_be(Type::Object) {
        let members = schema.required.iter().map(|name| {
            let value = schema.property(name).and_then(|property| candidates(property).into_iter().next());
            (name.clone(), value.unwrap_or_else(|| TEXT.into()))
        });
        values.push(Value::Map(members.collect()));
    }
    if may_be(Type::Array) {
        let first = |entry: &Subschema| candidates(entry).into_iter().next().unwrap_or(Value::Null);
        let least = usize::try_from(schema.min_items.unwrap_or_default()).unwrap_or_default();
        let entry = schema.items.as_deref().map_or_else(|| TEXT.into(), first);
        let whole = schema.prefix_items.iter().map(first).collect::<Vec<_>>();
        values.push(Value::List(if whole.is_empty() { vec![entry; least] } else { whole }));
    }
    if may_be(Type::Null) {
        values.push(Value::Null);
    }
    values
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
