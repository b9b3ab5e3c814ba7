//! What holds of every file and every body.

use proptest::prelude::*;
use ripple_core::record::schema::{EditForm, Resources};
use ripple_core::value::{Members, Number, Value};

use crate::{METER, PRJ, TASK, task};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases: ProptestConfig::default().cases.max(cases), ..ProptestConfig::default() }
}

/// Reads a file, which has a result or faults of one line each.
fn is_sound(name: &str, bytes: &[u8]) {
    match Resources::read(&[(name, bytes)]) {
        Ok(resources) => {
            let resource = resources.iter().next().expect("one file, one resource");
            let _ = (resources.check_annotations(), resource.view_digest(), resource.columns().count());
            let _ = resource.schema.check_new(&Members::new());
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.len() <= 21);
            for fault in faults {
                let line = fault.to_string();
                assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}

/// Pieces of files, so that mutations stay near what is valid.
const PIECES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e400",
    "0.01",
    "\"\"",
    "\"string\"",
    "\"integer\"",
    "[]",
    "{}",
    "[{}]",
    "{\"type\":\"string\"}",
    "\"pattern\":\"a\",",
    "\"maxLength\":9,",
    "\"uniqueItems\":true,",
    "\"items\":false,",
    "\"prefixItems\":[{}],",
    "\"default\":1,",
    "\"x-ripple\":{},",
    "\"required\":[\"p\"],",
    "\"$ref\":\"#\",",
    "\"rpl_\"",
    "\\u0000",
    ",",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"",
];

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn reading_any_bytes_is_total(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        is_sound("x.json", &bytes);
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn reading_a_mutated_file_is_total(
        file in prop::sample::select(vec![PRJ, TASK, METER]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, prop::sample::select(PIECES)), 1..4),
    ) {
        let mut text = file.as_bytes().to_vec();
        for (place, length, piece) in changes {
            let start = place.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.bytes());
        }
        for name in ["prj.json", "task.json"] {
            is_sound(name, &text);
        }
    }

    #[test]
    fn a_keyword_of_another_value_is_total(
        keyword in prop::sample::select(&["type", "enum", "const", "oneOf", "minLength", "maxLength", "pattern", "format", "minimum",
            "multipleOf", "items", "minItems", "prefixItems", "uniqueItems", "properties", "required", "additionalProperties", "x-merge",
            "default", "examples", "title", "description", "deprecated"][..]),
        piece in prop::sample::select(&PIECES[..14]),
        other in prop::sample::select(&PIECES[14..22]),
    ) {
        let text = crate::file("", &format!(r#""properties":{{"p":{{{other}"{keyword}":{piece}}}}}"#));
        is_sound("x.json", text.as_bytes());
    }
}

#[test]
fn the_order_of_files_changes_nothing() {
    let order = PRJ.replace(r#""prj""#, r#""order""#).replace(r#""default": true, "#, "").replace("Project", "Order");
    let order = order.replace("\"Versions\"", "\"OrderVersions\"").replace("\"TableThrottleAlarm\"", "\"OrderAlarm\"");
    let meter = METER.replace(r#""sort_key": "read_at", "sort_key_type": "string","#, "");
    let files = [("prj.json", PRJ), ("task.json", TASK), ("order.json", &order), ("meter.json", &meter)];
    let expected = Resources::read(&files).expect("they are valid");
    let names: Vec<&str> = expected.iter().map(|resource| resource.name.as_str()).collect();
    assert_eq!(names, ["prj", "meter", "order", "task"]);
    let broken = files.map(|(name, text)| (name, text.replace("\"type\"", "\"typ\"")));
    let faults = Resources::read(&broken).expect_err("refused");
    for turn in 0..4 {
        let (mut files, mut broken) = (files, broken.clone());
        files.rotate_left(turn);
        broken.rotate_left(turn);
        files.swap(0, turn);
        broken.swap(0, turn);
        assert_eq!(Resources::read(&files).as_ref(), Ok(&expected));
        assert_eq!(Resources::read(&broken).as_ref(), Err(&faults));
    }
}

/// Values of any type, near what `task.json` wants.
fn value() -> impl Strategy<Value = Value> {
    let number = |text: &str| Value::Number(Number::parse(text).expect("a number"));
    let leaf = prop_oneof![
        prop::sample::select(&["", "x", "todo", "2026-01-31", "aGk="][..]).prop_map(Value::from),
        prop::sample::select(&["0", "1", "13.5", "-91", "0.075"][..]).prop_map(number),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Null),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Binary),
        prop::collection::btree_set("[ab]{0,2}", 1..3).prop_map(Value::Strings),
        prop::collection::btree_set((0u64..9).prop_map(Number::from), 1..3).prop_map(Value::Numbers),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        let name = prop::sample::select(&["id", "step", "text", "done"][..]).prop_map(str::to_owned);
        let entry = prop::collection::vec((name, inner.clone()), 0..4);
        prop_oneof![
            entry.prop_map(|members| Value::Map(members.into_iter().collect())),
            prop::collection::vec(inner, 0..5).prop_map(Value::List),
        ]
    })
}

fn record() -> impl Strategy<Value = Members> {
    let names = ["subject", "details", "state", "size", "cost", "due", "labels", "place", "steps", "other"];
    let name = prop::sample::select(names.to_vec()).prop_map(str::to_owned);
    prop::collection::vec((name, value()), 0..8).prop_map(|members| members.into_iter().collect())
}

/// What a client reads.
fn shown(record: &Members) -> Members {
    let json = serde_json::to_string(&Value::Map(record.clone())).expect("values are JSON");
    crate::members(&json)
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn what_was_read_can_be_saved(stored in record(), other in record(), swap in any::<bool>()) {
        let task = task();
        let states = if swap { [&other, &stored] } else { [&stored, &other] };
        for form in [EditForm::Replace, EditForm::Patch] {
            prop_assert_eq!(task.schema.check_edit(form, &shown(&stored), &[&stored]), Ok(()));
            prop_assert_eq!(task.schema.check_edit(form, &shown(&stored), &states), Ok(()));
        }
    }

    #[test]
    fn a_state_excuses_and_never_accuses(sent in record(), stored in record()) {
        let task = task();
        let sent = shown(&sent);
        for form in [EditForm::Replace, EditForm::Patch] {
            let alone = task.schema.check_edit(form, &sent, &[]);
            let beside = task.schema.check_edit(form, &sent, &[&stored]);
            prop_assert!(alone.is_err() || beside.is_ok());
            let pointers = |result: &Result<(), Vec<ripple_core::record::schema::Fault>>| -> Vec<String> {
                result.as_ref().err().into_iter().flatten().map(|fault| fault.pointer.clone()).collect()
            };
            let alone = pointers(&alone);
            prop_assert!(pointers(&beside).iter().all(|pointer| alone.contains(pointer)), "{:?}", beside);
        }
    }

    #[test]
    fn a_body_without_faults_as_a_whole_has_none_as_an_edit(body in record()) {
        let task = task();
        let body: Members = shown(&body).into_iter().filter(|(_, value)| *value != Value::Null).collect();
        let all_sent = task.schema.check_new(&body);
        if all_sent.is_ok() {
            prop_assert_eq!(task.schema.check_edit(EditForm::Replace, &body, &[]), Ok(()));
        }
    }
}
