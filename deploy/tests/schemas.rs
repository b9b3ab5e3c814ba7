//! Tests that every schema that the reader of resource files accepts becomes one of the OpenAPI document, with each
//! keyword, and that the examples fit it.

use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use ripple_core::record::schema::Resources;
use ripple_core::sheet::{RowKind, read};
use ripple_core::value::{Value as Member, parse};
use serde_json::{Map, Value, json};

/// Valid schemas: of any value, of several types, of one type with the keywords of another, and with large numbers.
const SCHEMAS: &[&str] = &[
    "{}",
    r#"{"const": null}"#,
    r#"{"const": 1}"#,
    r#"{"enum": ["a", 1]}"#,
    r#"{"const": "1"}"#,
    r#"{"const": ""}"#,
    r#"{"const": ",,=1+\"1\"\r\n"}"#,
    r#"{"type": ["string", "boolean"], "enum": ["true"]}"#,
    r#"{"enum": ["a", "b"], "const": "b"}"#,
    r#"{"enum": ["a"], "const": "b"}"#,
    r#"{"enum": [12345678901234567890123456789012345678]}"#,
    r#"{"format": "date"}"#,
    r#"{"type": ["string", "null"], "format": "uuid"}"#,
    r#"{"maxLength": 3, "pattern": "^a+$"}"#,
    r#"{"minimum": 1, "exclusiveMaximum": 1.5, "multipleOf": 0.25}"#,
    r#"{"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}"#,
    r#"{"type": "integer", "exclusiveMinimum": 5}"#,
    r#"{"type": "number", "minimum": 0.07, "multipleOf": 0.05}"#,
    r#"{"type": "number", "minimum": -1e30, "maximum": 1e-30}"#,
    r#"{"title": "T", "description": "D", "deprecated": true}"#,
    r#"{"deprecated": false, "required": [], "examples": [], "properties": {}, "additionalProperties": true}"#,
    r#"{"default": {"a": [1, {"b": null}]}}"#,
    r#"{"type": "object", "default": {"a": 1}, "examples": [{}, {"a": null}]}"#,
    r#"{"default": null, "examples": [null, true, 1.5, "x", [], {}]}"#,
    r#"{"items": {}}"#,
    r#"{"items": {"const": null}, "minItems": 2}"#,
    r#"{"type": "array", "minItems": 1}"#,
    r#"{"type": "array", "items": {"items": {}}, "minItems": 1, "maxItems": 3}"#,
    r#"{"type": ["array", "string"], "items": {"type": "string"}, "minItems": 1, "minLength": 2}"#,
    r#"{"type": ["array", "null"], "title": "T", "default": null}"#,
    r#"{"type": "array", "items": {"type": "integer"}, "uniqueItems": true, "minItems": 5}"#,
    r#"{"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 5}"#,
    r#"{"type": "array", "minItems": 999999999999999}"#,
    r#"{"type": "array", "minItems": 500, "items": {"type": "array", "minItems": 500, "items": {"type": "array",
        "minItems": 500, "items": {"type": "array", "minItems": 500}}}}"#,
    r#"{"type": "array", "prefixItems": [{}, {"type": "number"}, {"format": "date"}], "items": false, "minItems": 2}"#,
    r#"{"prefixItems": [{"prefixItems": [{}], "items": false}], "items": false}"#,
    r#"{"type": "array", "prefixItems": [{"type": "number"}, {"type": "string", "maxLength": 9, "pattern": "^x-[0-9]$"}],
        "items": false, "minItems": 1}"#,
    r#"{"type": "string", "oneOf": [{"type": "string", "minLength": 2}, {"type": "null"}]}"#,
    r#"{"oneOf": [{"type": "array"}, {"type": "object"}], "enum": ["a"], "minItems": 1}"#,
    r#"{"oneOf": [{"type": "array", "minItems": 2}, {"type": "object", "required": ["a"], "properties": {"a": {}}}]}"#,
    r#"{"type": "object", "additionalProperties": false, "properties": {"a": {}, "b": {"const": 1}}, "required": ["a", "b"]}"#,
    r#"{"properties": {"a": {"properties": {"b": {}}}, "$ref": {}, "a/~b": {}}, "required": ["a", "a/~b"]}"#,
    r#"{"type": ["object", "array"], "properties": {"a": {}}, "required": ["a"], "minItems": 1, "additionalProperties": false}"#,
    r#"{"type": "object", "properties": {"$ref": {"type": "string"}, "type": {}, "items": {}}, "required": ["$ref"]}"#,
    r#"{"type": ["array", "string"], "x-merge": "whole", "$comment": "C"}"#,
];

const TYPES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];

/// Returns a resource file with members of these schemas.
fn file<'a>(schemas: impl IntoIterator<Item = &'a String>, required: &[&str]) -> String {
    let properties = schemas.into_iter().enumerate().map(|(place, schema)| format!("\"p/~{place}\": {schema}"));
    let properties = properties.collect::<Vec<_>>().join(", ");
    format!(
        r#"{{"title": "Test", "x-ripple": {{"resource": "test", "key": "id"}}, "type": "object",
            "required": {}, "properties": {{{properties}}}}}"#,
        json!(required)
    )
}

/// Checks the deployment of a resource file with these schemas.
fn check(schemas: &[String]) {
    let files = [("test.json".to_owned(), file(schemas, &[]).into_bytes())];
    let resources = Resources::read(&files).unwrap_or_else(|faults| panic!("{faults:?}"));
    let made = ripple_deploy::deployment(&resources, &files).expect("it is made");
    let document = made.iter().find(|made| made.path.ends_with("openapi.json")).expect("it has a document");
    let document: Value = serde_json::from_str(&document.text).expect("it is JSON");
    for (place, schema) in schemas.iter().enumerate() {
        let expected = expected(&serde_json::from_str(schema).expect("it is JSON"));
        for component in ["NewTest", "TestEdit", "Test"] {
            let made = &document["components"]["schemas"][component]["properties"][format!("p/~{place}")];
            assert_eq!(by_value(made), by_value(&expected), "{component} of {schema}");
        }
    }
}

/// Checks the example of a record with a member of this schema. Reports whether there is one.
fn has_example(schema: &str) -> bool {
    let file = file([&schema.to_owned()], &["p/~0"]);
    let resources = Resources::read(&[("test.json", file)]).unwrap_or_else(|faults| panic!("{faults:?}"));
    let document: Value =
        serde_json::from_str(&ripple_deploy::openapi(&resources).expect("it is made")).expect("it is JSON");
    let body = &document["paths"]["/test"]["post"]["requestBody"]["content"]["application/json"]["example"];
    let Some(mut body) = body.as_object().cloned() else { return false };
    body.remove("id");
    let Ok(Member::Map(record)) = parse(Value::Object(body).to_string().as_bytes()) else { panic!("{schema}") };
    assert_eq!(resources.first().schema.check_new(&record), Ok(()), "{schema}");
    let sheet = &document["paths"]["/test/_batch"]["post"]["requestBody"]["content"]["text/csv"]["example"];
    let mut rows = read(sheet.as_str().expect("there is a sheet"), resources.first()).expect("it has a header");
    let Some(Ok(RowKind::New(mut row))) = rows.next().map(|row| row.kind) else { panic!("{sheet} of {schema}") };
    row.remove("id");
    assert_eq!(row, record, "{sheet} of {schema}");
    true
}

/// Returns what the document must say of a schema.
fn expected(schema: &Value) -> Value {
    let mut made = Map::new();
    for (keyword, value) in schema.as_object().expect("a schema is an object") {
        let list = || value.as_array().into_iter().flatten().map(expected).collect::<Value>();
        let value = match keyword.as_str() {
            "$comment" | "x-merge" => continue,
            "required" | "examples" if *value == json!([]) => continue,
            "properties" if *value == json!({}) => continue,
            "additionalProperties" if *value == json!(true) => continue,
            "deprecated" if *value == json!(false) => continue,
            "const" if schema.get("enum").is_none() => {
                made.insert("enum".to_owned(), json!([value]));
                continue;
            }
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties.map(|(name, schema)| (name.clone(), expected(schema))).collect()
            }
            "type" => types(value),
            "oneOf" | "prefixItems" => list(),
            "items" if value.is_object() => expected(value),
            _ => value.clone(),
        };
        made.insert(keyword.clone(), value);
    }
    // An array of the document has `items`.
    let is_list = made.get("type").is_some_and(|kind| json!([kind]).to_string().contains("\"array\""));
    if is_list {
        made.entry("items").or_insert_with(|| json!({}));
    }
    Value::Object(made)
}

/// Returns the value of `type`, in the order of the document. A list of one type is that type.
fn types(value: &Value) -> Value {
    let order = TYPES.iter().map(|kind| json!(kind));
    let list: Vec<Value> = order.filter(|kind| value.as_array().is_some_and(|types| types.contains(kind))).collect();
    match &*list {
        [] => value.clone(),
        [kind] => kind.clone(),
        _ => list.into(),
    }
}

/// Returns a value with a text for each number, which is the same for equal numbers.
fn by_value(value: &Value) -> Value {
    match value {
        Value::Number(number) => format!("{:e}", number.as_f64().expect("a number of a file")).into(),
        Value::Array(list) => list.iter().map(by_value).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), by_value(value))).collect(),
        value => value.clone(),
    }
}

#[test]
fn every_valid_schema_is_in_the_document_with_each_keyword() {
    for (before, after) in [
        ("", ""),
        (r#"{"type": "array", "minItems": 1, "items": "#, "}"),
        (r#"{"items": "#, r#", "maxItems": 2}"#),
        (r#"{"type": "array", "prefixItems": [{}, "#, r#"], "items": false, "minItems": 2}"#),
        (r#"{"type": "object", "required": ["a"], "properties": {"a": "#, "}}"),
        (r#"{"properties": {"b": {}, "a": "#, r#"}, "additionalProperties": false}"#),
    ] {
        check(&SCHEMAS.iter().map(|schema| format!("{before}{schema}{after}")).collect::<Vec<_>>());
    }
}

#[test]
fn the_examples_of_a_schema_fit_it() {
    let without = SCHEMAS.iter().filter(|schema| !has_example(schema)).copied().collect::<Vec<_>>();
    let none: &[&str] = &[
        // A member that is null counts as absent, and this one is required.
        r#"{"const": null}"#,
        // No value is valid.
        r#"{"enum": ["a"], "const": "b"}"#,
        r#"{"type": "array", "items": {"type": "boolean"}, "uniqueItems": true, "minItems": 5}"#,
        r#"{"oneOf": [{"type": "array"}, {"type": "object"}], "enum": ["a"], "minItems": 1}"#,
        // The document's examples have numbers of 64 bits.
        r#"{"enum": [12345678901234567890123456789012345678]}"#,
        // They are too large for an example.
        r#"{"type": "array", "minItems": 999999999999999}"#,
    ];
    let large = |schema: &&&str| !schema.contains("500") && !none.contains(schema);
    assert_eq!(without.iter().filter(large).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(without.len(), none.len() + 1);
}

#[test]
fn every_digit_of_a_number_is_in_the_document() {
    let number = "12345678901234567890123456789012345678";
    let schema = format!(r#"{{"enum": [{number}], "default": {number}, "maximum": 123456789.012345}}"#);
    let file = file([&schema], &[]);
    let resources = Resources::read(&[("test.json", file)]).expect("it is valid");
    let document = ripple_deploy::openapi(&resources).expect("it is made");
    for text in
        [format!("  {number}\n"), format!("\"default\": {number},"), "\"maximum\": 123456789.012345\n".to_owned()]
    {
        assert!(document.contains(&text), "{text}");
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    let numbers = ["0", "1", "-2.5", "0.01", "1e30", "12345678901234567890"].map(|text| text.parse().expect(text));
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        select(vec!["", "a", "b", "2026-01-31", "é"]).prop_map(Value::from),
        select(numbers.to_vec()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "type", "$ref", "a/~b", "é"]).prop_map(str::to_owned)
}

/// Adds keywords to some schemas.
fn with(
    schemas: impl Strategy<Value = Map<String, Value>> + 'static,
    keywords: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Map<String, Value>> {
    let both = (schemas, weighted(0.2, keywords)).prop_map(|(mut schema, keywords)| {
        schema.extend(keywords.as_ref().and_then(Value::as_object).cloned().unwrap_or_default());
        schema
    });
    both.boxed()
}

/// Schemas of which the reader accepts most: each keyword is there or not, whatever the types are.
fn schema() -> BoxedStrategy<Value> {
    let plain = || {
        let types = prop_oneof![
            select(TYPES.to_vec()).prop_map(|kind| json!({ "type": kind })),
            subsequence(TYPES.to_vec(), 1..4).prop_map(|types| json!({ "type": types })),
        ];
        let none =
            prop_oneof![Just(Value::Null), types].prop_map(|types| types.as_object().cloned().unwrap_or_default());
        let options = vec(scalar(), 1..4).prop_map(|mut options| {
            options.dedup_by_key(|option| option.to_string());
            json!({ "enum": options })
        });
        let made = with(none, options);
        let made = with(made, scalar().prop_map(|value| json!({ "const": value })));
        let made = with(made, (0..3, 3..5).prop_map(|(least, most)| json!({ "minLength": least, "maxLength": most })));
        let made = with(made, select(vec!["^a+$", "[0-9]"]).prop_map(|is| json!({ "pattern": is, "maxLength": 20 })));
        let made =
            with(made, select(vec!["date", "date-time", "uuid", "email"]).prop_map(|is| json!({ "format": is })));
        let made = with(made, (-1..2, 2..4).prop_map(|(least, most)| json!({ "minimum": least, "maximum": most })));
        let made = with(
            made,
            (-3..-1, 4..6).prop_map(|(low, high)| json!({ "exclusiveMinimum": low, "exclusiveMaximum": high })),
        );
        let made = with(made, select(vec![0.01, 0.5, 3.0]).prop_map(|step| json!({ "multipleOf": step })));
        let made = with(made, (0..2, 2..4).prop_map(|(least, most)| json!({ "minItems": least, "maxItems": most })));
        let made = with(made, Just(json!({ "uniqueItems": true, "items": { "type": "string" } })));
        let made = with(made, Just(json!({ "type": ["array", "string"], "x-merge": "whole", "$comment": "C" })));
        let made = with(made, scalar().prop_map(|value| json!({ "default": { "a": [value] } })));
        let made = with(made, vec(scalar(), 0..3).prop_map(|values| json!({ "examples": values })));
        with(made, any::<bool>().prop_map(|is| json!({ "title": "T", "description": "D", "deprecated": is })))
    };
    let whole = |schema: Map<String, Value>| Value::Object(schema);
    let leaf = plain().prop_map(whole);
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let made = with(plain(), inner.clone().prop_map(|schema| json!({ "items": schema })));
        let places = vec(inner.clone(), 1..3);
        let made =
            with(made, places.prop_map(|places| json!({ "prefixItems": places, "items": false, "minItems": 1 })));
        let members = btree_map(name(), inner.clone(), 0..3);
        let made = with(
            made,
            (members, any::<bool>(), any::<bool>()).prop_map(|(members, is_open, is_required)| {
                let required = if is_required { members.keys().cloned().collect() } else { Vec::new() };
                json!({ "properties": members, "required": required, "additionalProperties": is_open })
            }),
        );
        let branch = (inner.clone(), inner).prop_map(|(mut one, mut other)| {
            one["type"] = "string".into();
            other["type"] = "array".into();
            json!({ "oneOf": [one, other] })
        });
        with(made, branch).prop_map(whole)
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_valid_schema_ends_the_generator(schemas in vec(schema().prop_map(|schema| schema.to_string()), 1..9)) {
        let is_valid = |schema: &String| Resources::read(&[("test.json", file([schema], &["p/~0"]))]).is_ok();
        let valid: Vec<String> = schemas.into_iter().filter(is_valid).collect();
        check(&valid);
        valid.first().map(|schema| has_example(schema));
    }
}
