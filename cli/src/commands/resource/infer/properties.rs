//! What holds of every proposal, and what a table's items suggest.

use std::sync::Arc;

use proptest::prelude::*;
use ripple_core::record::schema::{KeyType, Resource, Resources};
use ripple_core::value::{Members, Number, Value, parse};

use super::proposal::{Evidence, Identity, Proposal, propose};
use super::shape::Shape;

fn identity() -> Identity {
    let (resource, title, key) = ("task".to_owned(), "Task".to_owned(), "ref".to_owned());
    Identity { resource, title, key, key_type: KeyType::String, sort_key: None, table: None }
}

fn proposal(items: &[Members], evidence: Evidence) -> Proposal {
    let mut shape = Shape::default();
    items.iter().for_each(|item| shape.add_item(item, |name| name == "ref"));
    propose(&shape, &identity(), evidence).expect("a file that the reader accepts")
}

fn resource(proposal: &Proposal) -> Arc<Resource> {
    let resources = Resources::read(&[("task.json", &proposal.file)]).expect("the reader accepts it");
    resources.check_annotations().expect("it has no annotations");
    resources.get("task").expect("it is in its file").clone()
}

fn name() -> impl Strategy<Value = String> {
    let usual = ["a", "b", "id", "ref", "name", "version", "updated_at", "record_version", "q"].map(str::to_owned);
    let hostile = ["", "__proto__", "$comment", "a/b", "~", "\n", "ä", "/a"].map(str::to_owned);
    prop_oneof![8 => prop::sample::select(usual.to_vec()), 1 => prop::sample::select(hostile.to_vec())]
}

fn value() -> impl Strategy<Value = Value> {
    let texts = ["", "x", "y", "2026-01-31", "2026-01-31T09:30:00Z"];
    let numbers =
        ["0", "1", "-2.5", "1700000000", "1700000000000", "1e30"].map(|text| Number::parse(text).expect(text));
    let scalar = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        4 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        3 => prop::sample::select(numbers.to_vec()).prop_map(Value::Number),
        1 => any::<[u8; 2]>().prop_map(|bytes| Value::Binary(bytes.to_vec())),
        1 => prop::collection::btree_set("[a-c]", 1..3).prop_map(Value::Strings),
        1 => prop::collection::btree_set((0..9i64).prop_map(Number::whole), 1..3).prop_map(Value::Numbers),
        1 => prop::collection::btree_set(any::<[u8; 1]>().prop_map(Vec::from), 1..3).prop_map(Value::Binaries),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List);
        let map =
            prop::collection::vec((name(), inner), 0..4).prop_map(|members| Value::Map(members.into_iter().collect()));
        prop_oneof![list, map]
    })
}

/// Items of a few forms, each repeated, so that the numbers are passed from which on a rule is stated.
fn items() -> impl Strategy<Value = Vec<Members>> {
    let item = prop::collection::vec((name(), value()), 0..5).prop_map(Members::from_iter);
    let repeated = (item, 1usize..250);
    prop::collection::vec(repeated, 1..5)
        .prop_map(|forms| forms.into_iter().flat_map(|(item, count)| std::iter::repeat_n(item, count)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_file_of_all_items_refuses_none_of_them(items in items()) {
        let proposal = proposal(&items, Evidence::All);
        let resource = resource(&proposal);
        for item in &items {
            let faults = resource.schema.check_new(item).err().unwrap_or_default();
            prop_assert!(faults.is_empty(), "{faults:?}\n{item:?}\n{}", proposal.file);
        }
    }

    #[test]
    fn a_file_of_a_sample_is_valid_and_has_its_questions_as_comments(items in items()) {
        let proposal = proposal(&items, Evidence::Sample);
        resource(&proposal);
        let file: serde_json::Value = serde_json::from_str(&proposal.file).expect("JSON");
        for question in &proposal.questions {
            let schema = file.pointer(&question.pointer);
            let comment = schema.and_then(|schema| schema["$comment"].as_str());
            prop_assert!(comment.is_some_and(|comment| comment.contains(&question.text)), "{question}");
        }
    }
}

/// Returns the file of items that are given as JSON with the number of times that each occurs, and its questions.
fn of(items: &[(&str, usize)], evidence: Evidence) -> (serde_json::Value, Vec<String>) {
    let item = |json: &str| match parse(json.as_bytes()) {
        Ok(Value::Map(item)) => item,
        other => panic!("{json}: {other:?}"),
    };
    let items: Vec<Members> = items.iter().flat_map(|(json, count)| std::iter::repeat_n(item(json), *count)).collect();
    let proposal = proposal(&items, evidence);
    resource(&proposal);
    let said = proposal.notes.iter().cloned().chain(proposal.questions.iter().map(ToString::to_string));
    (serde_json::from_str(&proposal.file).expect("JSON"), said.collect())
}

#[test]
fn a_type_with_few_exceptions_is_asked_about() {
    let items = [(r#"{"size":"3"}"#, 1_976), (r#"{"size":3}"#, 4)];
    let (file, said) = of(&items, Evidence::Sample);
    assert_eq!(file["properties"]["size"]["type"], "string");
    assert_eq!(said, ["#/properties/size: 4 of 1,980 values have another type: integer"]);
    let (file, said) = of(&items, Evidence::All);
    assert_eq!(file["properties"]["size"].get("type"), None);
    assert_eq!(said, ["#/properties/size: the values have several types: over 99 % string, under 1 % integer"]);
}

#[test]
fn members_of_all_of_fifty_items_are_required() {
    let (file, _) = of(&[(r#"{"a":1,"b":null}"#, 50)], Evidence::Sample);
    assert_eq!(file["required"], serde_json::json!(["a"]));
    assert_eq!(of(&[(r#"{"a":1}"#, 49)], Evidence::Sample).0.get("required"), None);
    let (file, _) = of(&[(r#"{"at":{"x":1,"y":null}}"#, 25), (r#"{"at":{"y":1}}"#, 25)], Evidence::All);
    assert_eq!(file["properties"]["at"]["required"], serde_json::json!(["y"]));
    assert_eq!(file["properties"]["at"]["properties"]["y"]["type"], serde_json::json!(["integer", "null"]));
}

#[test]
fn few_frequent_strings_are_an_enumeration() {
    let (file, _) = of(&[(r#"{"state":"todo"}"#, 197), (r#"{"state":"done"}"#, 3)], Evidence::Sample);
    assert_eq!(file["properties"]["state"]["enum"], serde_json::json!(["done", "todo"]));
    let (file, _) = of(&[(r#"{"state":"todo"}"#, 199), (r#"{"state":"done"}"#, 1)], Evidence::Sample);
    assert_eq!(file["properties"]["state"].get("enum"), None, "one of them is rare");
    let (file, _) = of(&[(r#"{"state":"todo"}"#, 500)], Evidence::Sample);
    assert_eq!(file["properties"]["state"].get("enum"), None, "there is only one");
    let (file, _) = of(&[(r#"{"state":"todo"}"#, 100), (r#"{"state":"done"}"#, 99)], Evidence::Sample);
    assert_eq!(file["properties"]["state"].get("enum"), None, "there are too few");
}

#[test]
fn formats_and_times_are_recognized() {
    let item = r#"{"due":"2026-01-31","at":"2026-01-31T09:30:00Z","s":1700000000,"ms":1700000000000,"n":1.5}"#;
    let (file, said) = of(&[(item, 10)], Evidence::Sample);
    let property = |name: &str| &file["properties"][name];
    assert_eq!((&property("due")["format"], &property("at")["format"]), (&"date".into(), &"date-time".into()));
    assert_eq!((&property("s")["type"], &property("n")["type"]), (&"integer".into(), &"number".into()));
    assert_eq!(said, ["#/properties/ms: milliseconds since 1970", "#/properties/s: seconds since 1970"]);
}

#[test]
fn the_entry_key_of_lists_is_found_or_asked_for() {
    let steps =
        r#"{"steps":[{"step":1,"text":"x"},{"step":2,"text":"x"}],"lines":[{"id":1}],"at":{"legs":[{"no":1}]}}"#;
    let (file, said) = of(&[(steps, 10)], Evidence::Sample);
    assert_eq!(file["x-ripple"]["entries"], serde_json::json!({ "/at/legs": "no", "steps": "step" }));
    assert_eq!(said, [""; 0]);
    let (file, said) = of(&[(r#"{"steps":[{"text":"x"},{"text":"x"}]}"#, 10)], Evidence::Sample);
    assert_eq!(file["x-ripple"].get("entries"), None);
    assert_eq!(said, ["#/properties/steps: no member identifies an entry: x-ripple.entries may name one, or false"]);
}

#[test]
fn tuples_and_sets_are_asked_about() {
    let (file, said) = of(&[(r#"{"place":[52.5,13.4],"tags":["a","b"]}"#, 10)], Evidence::Sample);
    assert_eq!(file["properties"]["place"]["items"]["type"], "number");
    assert_eq!(
        said,
        [
            "#/properties/place: each list has 2 entries: are they a tuple (prefixItems)?",
            "#/properties/tags: no list has a string twice: is it a set (uniqueItems)?"
        ]
    );
}

#[test]
fn own_members_get_other_names_for_those_of_ripple() {
    let items = [(r#"{"version":"2.3"}"#, 49), (r#"{"record_version":1}"#, 1)];
    let (file, said) = of(&items, Evidence::Sample);
    assert_eq!(file["x-ripple"]["members"], serde_json::json!({ "version": "ripple_version" }));
    assert_eq!(said, [r#"98 % have their own "version": the member of ripple is shown as "ripple_version""#]);
}

#[test]
fn names_that_are_data_are_not_properties() {
    let items: Vec<String> = (0..60).map(|n| format!(r#"{{"by_day":{{"day {n}":1}}}}"#)).collect();
    let items: Vec<(&str, usize)> = items.iter().map(|item| (item.as_str(), 1)).collect();
    let (file, said) = of(&items, Evidence::All);
    assert_eq!(file["properties"]["by_day"].get("properties"), None);
    assert_eq!(said, ["#/properties/by_day: the objects have 60 different names: are the names data?"]);
}

#[test]
fn a_record_with_many_members_fits() {
    let members: Vec<String> = (0..900).map(|n| format!(r#""{n:0250}":{{"a":1,"b":[{{"c":1}}]}}"#)).collect();
    let (file, said) = of(&[(&format!("{{{}}}", members.join(",")), 1)], Evidence::All);
    assert!(!file["properties"].as_object().expect("properties").is_empty());
    assert!(said.iter().any(|said| said.contains("more members do not fit")), "{said:?}");
}

#[test]
fn an_empty_table_has_a_file() {
    let (file, said) = of(&[], Evidence::Sample);
    assert_eq!((&file["type"], said.len()), (&"object".into(), 0));
}
