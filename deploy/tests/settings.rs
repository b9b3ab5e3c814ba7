//! Tests that every resource file that the reader accepts can be deployed, whatever its texts are.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use ripple_core::record::schema::Resources;
use serde_json::{Map, Value, json};

/// Parts of texts: what separates texts in a file that is made, or has a meaning in one of its languages.
const PARTS: [&str; 30] = [
    "a",
    "b",
    "-",
    ",",
    " ",
    "\t",
    "\n",
    "\r",
    "\0",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{ffff}",
    "\"",
    "'",
    "\\",
    "`",
    "${",
    "{{",
    "}}",
    "{key}",
    "{site}",
    "/",
    "~",
    "#",
    ":",
    "é",
    "🚢",
    "</script>",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["a", "id", "no", "1e3"]).prop_map(str::to_owned),
        vec(select(&PARTS[..]), 1..5).prop_map(|parts| parts.concat())
    ]
}

/// Returns a file with these members of `x-ripple` and these properties.
fn file(settings: &[(&str, Option<Value>)], names: &[String], texts: [Option<String>; 3]) -> String {
    let mut settings: Map<String, Value> =
        settings.iter().filter_map(|(name, value)| Some(((*name).to_owned(), value.clone()?))).collect();
    settings.insert("resource".to_owned(), "test".into());
    settings.entry("key").or_insert_with(|| "id".into());
    let [description, title, comment] = texts;
    let member = |name: &String| {
        (name.clone(), json!({"type": "string", "title": title, "$comment": comment, "default": description}))
    };
    let properties: Map<String, Value> = names.iter().map(member).collect();
    let file = json!({
        "title": "Test", "type": "object", "description": description, "x-ripple": settings, "properties": properties,
    });
    without_nulls(file).to_string()
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        other => other,
    }
}

/// Checks that everything is made of a file, and that each file that is read again says the same. Returns whether the
/// reader accepts the file.
fn is_deployed(file: &str) -> bool {
    let files = [("test.json".to_owned(), file.as_bytes().to_vec())];
    let Ok(resources) = Resources::read(&files) else { return false };
    if resources.check_annotations().is_err() {
        return false;
    }
    let made = ripple_deploy::deployment(&resources, &files).unwrap_or_else(|error| panic!("{error:#}: {file}"));
    let text = |path: &str| &made.iter().find(|made| made.path.ends_with(path)).expect("it is made").text;
    let document: Value = serde_json::from_str(text("openapi.json")).unwrap_or_else(|error| panic!("{error}: {file}"));
    assert!(document["paths"]["/test"].is_object(), "{file}");
    // The edge splits the summaries in this way (edge/src/resources.rs).
    let module = text("edge/resources.js");
    let summaries = module.lines().find_map(|line| line.strip_prefix("export const SUMMARIES = ")?.strip_suffix(';'));
    let summaries: String = serde_json::from_str(summaries.expect("it is there")).expect("a string");
    let summaries = summaries.split('\n').map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    let at_the_edge = Resources::of_summaries(summaries).expect("summaries");
    let (there, here) = (at_the_edge.first(), resources.first());
    assert_eq!((&there.names, &there.order, &there.search), (&here.names, &here.order, &here.search), "{file}");
    // A line of the template has only characters that YAML takes inside of a scalar.
    let odd = |letter: char| {
        (letter.is_control() && letter != '\n') || "\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}".contains(letter)
    };
    assert!(!text("template.yaml").contains(odd), "{file}");
    true
}

#[test]
fn names_in_an_order_have_no_control_characters() {
    for order in ["a\tb", "a,-b\nc", "\u{0}", "-a\r"] {
        assert!(!is_deployed(&file(&[("order", Some(order.into()))], &[], [None, None, None])), "{order:?}");
    }
    assert!(is_deployed(&file(&[("order", Some("-a b,프로젝트".into()))], &[], [None, None, None])));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_file_of_any_texts_is_deployed_or_refused(
        order in weighted(0.4, text()), key in weighted(0.3, text()), sort_key in weighted(0.3, text()),
        label in weighted(0.3, text()), search in weighted(0.3, vec(text(), 1..3)), list in weighted(0.3, text()),
        entry_key in weighted(0.3, text()), singular in weighted(0.3, text()), plural in weighted(0.3, text()),
        version in weighted(0.3, text()), names in vec(text(), 0..3), texts in [weighted(0.3, text()), weighted(0.3, text()), weighted(0.3, text())],
        writer in weighted(0.2, text()), table in weighted(0.1, text()),
    ) {
        let value = |text: Option<String>| text.map(Value::from);
        let entries = list.map(|list| json!({ list: entry_key.unwrap_or_else(|| "id".to_owned()) }));
        let settings = [
            ("order", value(order)), ("key", value(key)), ("sort_key", value(sort_key)), ("label", value(label)),
            ("search", search.map(Value::from)), ("entries", entries), ("singular", value(singular)),
            ("plural", value(plural)), ("members", version.map(|name| json!({ "version": name }))),
            ("writer", value(writer)), ("table", value(table)),
        ];
        prop_assert!(is_deployed(&file(&[], &[], [None, None, None])), "the reader accepts a plain file");
        is_deployed(&file(&settings, &names, texts));
        // Each setting alone: together, most files are refused.
        for setting in settings.into_iter().filter(|(_, value)| value.is_some()) {
            is_deployed(&file(&[setting], &names, [None, None, None]));
        }
    }
}
