//! Golden cases for the rules that a schema states, and properties of lists under them.

use proptest::collection::vec;
use proptest::prelude::*;
use ripple_core::record::change::Edit;
use ripple_core::record::merge::{Counts, Report, Rules};
use ripple_core::record::schema::Resource;
use ripple_core::value::{Members, Value};

use crate::properties::config;
use crate::{members, resource, save_by};

const WHOLE: &str = r#"{"type":["array","object","string"],"x-merge":"whole"}"#;
const SET: &str = r#"{"type":"array","uniqueItems":true,"items":{"type":"string"}}"#;
const PLACES: &str = r#"{"type":"array","prefixItems":[{},{},{},{}],"items":false}"#;

/// Merges `{"f": …}` on all sides by the schema of `f`, and saves again. `-` is a field that does not exist.
#[track_caller]
fn field(schema: &str, base: &str, theirs: &str, mine: &str, merged: &str) -> Report {
    by(&resource(&format!(r#"{{"f":{schema}}}"#), "{}"), [base, theirs, mine], merged)
}

/// Merges like [`field`], with the key of the entries of `f`.
#[track_caller]
fn entries(key: &str, base: &str, theirs: &str, mine: &str, merged: &str) -> Report {
    by(&resource("{}", &format!(r#"{{"f":{key}}}"#)), [base, theirs, mine], merged)
}

#[track_caller]
fn by(resource: &Resource, sides: [&str; 3], merged: &str) -> Report {
    let of = |json: &str| if json == "-" { Members::new() } else { members(&format!(r#"{{"f":{json}}}"#)) };
    let [base, theirs, mine] = sides.map(of);
    let rules = Rules::of(&resource.schema);
    let (result, receipt) = save_by(rules, "ann", [&base, &theirs, &mine]);
    assert_eq!(result, of(merged), "{sides:?}");
    let (again, _) = save_by(rules, "ann", [&base, &result, &mine]);
    assert_eq!(again, result, "sent again: {sides:?}");
    receipt
}

#[test]
fn the_later_save_replaces_a_whole_value() {
    for (base, theirs, mine) in [
        (r#"["a"]"#, r#"["a","b"]"#, r#"["a","c"]"#),
        (r#"[{"id":"a"}]"#, r#"[{"id":"a","t":1}]"#, r#"[{"id":"a","u":1},{"n":1}]"#),
        (r#"{"x":1,"y":1}"#, r#"{"x":2,"y":1}"#, r#"{"x":1,"y":2}"#),
        (r#""a\nb\nc""#, r#""A\nb\nc""#, r#""a\nb\nC""#),
        ("[1]", "[1,2]", "-"),
    ] {
        let receipt = field(WHOLE, base, theirs, mine, mine);
        assert_eq!((receipt.won, receipt.merged), (vec!["/f".to_owned()], Vec::new()), "{mine}");
    }
    // A change of one side alone stands.
    field(WHOLE, "[1]", "[1,2]", "[1]", "[1,2]");
    assert_eq!(field(WHOLE, "[1]", "[1]", "[2]", "[2]").taken.len(), 1);
    // A value of another type is merged without the schema.
    let text = r#"{"type":"string","x-merge":"whole"}"#;
    field(text, "[1,2]", "[1,2,3]", "[1,2,4]", "[1,2,3,4]");
}

#[test]
fn entries_are_known_by_the_named_member() {
    let receipt = entries(
        r#""step""#,
        r#"[{"id":1,"step":"a","t":1},{"id":1,"step":"b","t":1}]"#,
        r#"[{"id":1,"step":"a","t":2},{"id":1,"step":"b","t":1},{"id":1,"step":"c"}]"#,
        r#"[{"id":1,"step":"a","t":1},{"id":2,"step":"b","t":1}]"#,
        r#"[{"id":1,"step":"a","t":2},{"id":2,"step":"b","t":1},{"id":1,"step":"c"}]"#,
    );
    assert_eq!(receipt.merged[0].entries, Some(Counts { added: 0, removed: 0, changed: 1 }));
    assert!(receipt.won.is_empty());
}

#[test]
fn new_entries_get_the_named_member() {
    let resource = resource("{}", r#"{"/o/f":"step","g":false}"#);
    let rules = Rules::of(&resource.schema);
    let base = members(r#"{"o":{"f":[]},"g":[],"h":[]}"#);
    let mine = members(r#"{"o":{"f":[{"id":"x","t":1},{"id":"x","t":1}]},"g":[{"t":1}],"h":[{"t":1}]}"#);
    let (one, _) = save_by(rules, "ann", [&base, &base, &mine]);
    let keys = |of: &str, name: &str| {
        let Value::Map(object) = Value::Map(one.clone()) else { unreachable!() };
        let list = match of {
            "f" => match &object["o"] {
                Value::Map(inner) => inner["f"].clone(),
                other => panic!("{other:?}"),
            },
            of => object[of].clone(),
        };
        let Value::List(list) = list else { panic!("{list:?}") };
        let key = |entry: &Value| match entry {
            Value::Map(entry) => entry.get(name).cloned(),
            other => panic!("{other:?}"),
        };
        list.iter().map(key).collect::<Vec<Option<Value>>>()
    };
    assert_eq!(keys("f", "id"), vec![Some("x".into()); 2], "`id` is data");
    assert!(keys("f", "step")[0].is_some() && keys("f", "step")[0] != keys("f", "step")[1]);
    assert_eq!(keys("g", "id"), [None]);
    assert!(keys("h", "id")[0].is_some() && keys("h", "step") == [None]);
    // Two authors who add equal entries add two, and a retry adds none.
    let (two, _) = save_by(rules, "bo", [&base, &one, &mine]);
    let Value::Map(object) = &two["o"] else { panic!("{two:?}") };
    assert!(matches!(&object["f"], Value::List(list) if list.len() == 4), "{two:?}");
    assert_eq!(save_by(rules, "ann", [&base, &two, &mine]).0, two);
}

#[test]
fn entries_without_a_key_are_known_by_value() {
    entries(
        "false",
        r#"[{"id":1,"t":1},{"id":2}]"#,
        r#"[{"id":1,"t":2},{"id":2}]"#,
        r#"[{"id":1,"t":1},{"id":3}]"#,
        r#"[{"id":1,"t":2},{"id":3}]"#,
    );
    entries("false", "[]", r#"[{"id":1,"t":1}]"#, r#"[{"id":1,"t":2}]"#, r#"[{"id":1,"t":1},{"id":1,"t":2}]"#);
}

#[test]
fn places_are_merged_one_by_one() {
    let places = |base: &str, theirs: &str, mine: &str, merged: &str| field(PLACES, base, theirs, mine, merged);
    places(r#"["a","b"]"#, r#"["c","b"]"#, r#"["a","d"]"#, r#"["c","d"]"#);
    assert_eq!(places("[1,2]", "[3,2]", "[4,5]", "[4,5]").won, ["/f/0"]);
    // Entries with an `id` are places too.
    places(r#"[{"id":1},{"id":2}]"#, r#"[{"id":3},{"id":2}]"#, r#"[{"id":1},{"n":1}]"#, r#"[{"id":3},{"n":1}]"#);
    // Places that a side added.
    places("[1,2]", "[1,2,3]", "[4,2]", "[4,2,3]");
    assert_eq!(places("[1]", "[1,2,3]", "[1,4]", "[1,4,3]").won, ["/f/1"]);
    assert_eq!(places("-", "[1,2,3]", "[4,5]", "[4,5,3]").won, ["/f/0", "/f/1"]);
    // Places that theirs cut. They come back where mine changed a place behind.
    places("[1,2,3]", "[1]", "[4,2,3]", "[4]");
    assert_eq!(places("[1,2,3]", "[1]", "[1,2,4]", "[1,2,4]").won, ["/f/2"]);
    // Places that mine cut are gone, whatever theirs did there.
    places("[1,2,3]", "[4,2,3]", "[1]", "[4]");
    assert_eq!(places("[1,2,3]", "[1,2,4]", "[1]", "[1]").won, ["/f"]);
    assert_eq!(places("[1,2]", "[1,2,3]", "[1]", "[1]").won, ["/f"]);
    places("[1,2]", "[1,3]", "-", "-");
    // A list with more places than the schema has is merged without it.
    places("[1,2,3,4]", "[1,2,3,4,5]", "[1,2,3,4,6,7]", "[1,2,3,4,5,6,7]");
}

#[test]
fn a_place_has_its_own_rules() {
    let schema = format!(r#"{{"type":"array","prefixItems":[{WHOLE},{{}}],"items":false}}"#);
    let receipt = field(&schema, "[[1],[1]]", "[[1,2],[1,2]]", "[[1,3],[1,3]]", "[[1,3],[1,2,3]]");
    assert_eq!(receipt.won, ["/f/0"]);
}

#[test]
fn a_set_with_order_holds_each_value_once() {
    field(SET, r#"["a","b"]"#, r#"["a","b","c"]"#, r#"["b","c","d"]"#, r#"["b","c","d"]"#);
    field(SET, r#"["a","a"]"#, r#"["a","a","b"]"#, r#"["a","c"]"#, r#"["a","b","c"]"#);
    let numbers = r#"{"type":"array","uniqueItems":true,"items":{"type":"integer"}}"#;
    field(numbers, "[1,2]", "[1,3]", "[4,2]", "[3,4]");
    // Objects are no values of the set.
    field(SET, r#"[{"id":1}]"#, r#"[{"id":1,"t":1}]"#, r#"[{"id":1,"u":1}]"#, r#"[{"id":1,"t":1,"u":1}]"#);
}

#[test]
fn the_first_rule_that_applies_decides() {
    let places = format!(r#"{{"f":{PLACES}}}"#);
    let keyed = resource(&places, r#"{"f":"k"}"#);
    by(&keyed, [r#"[{"k":1}]"#, r#"[{"k":2},{"k":1}]"#, r#"[{"k":1,"t":1}]"#], r#"[{"k":2},{"k":1,"t":1}]"#);
    let whole = resource(r#"{"f":{"type":"array","x-merge":"whole"}}"#, r#"{"f":"k"}"#);
    by(&whole, [r#"[{"k":1}]"#, r#"[{"k":1,"t":1}]"#, r#"[{"k":1,"u":1}]"#], r#"[{"k":1,"u":1}]"#);
}

#[test]
fn the_type_of_a_value_picks_its_rule() {
    let schema = format!(r#"{{"oneOf":[{PLACES},{{"type":"string","x-merge":"whole"}},{{"type":"object"}}]}}"#);
    field(&schema, r#"["a","b"]"#, r#"["c","b"]"#, r#"["a","d"]"#, r#"["c","d"]"#);
    assert_eq!(field(&schema, r#""a\nb\nc""#, r#""A\nb\nc""#, r#""a\nb\nC""#, r#""a\nb\nC""#).won, ["/f"]);
    field(&schema, r#"{"x":1,"y":1}"#, r#"{"x":2,"y":1}"#, r#"{"x":1,"y":2}"#, r#"{"x":2,"y":2}"#);
}

#[test]
fn types_survive_in_entries_with_another_key() {
    let resource = resource("{}", r#"{"f":"step"}"#);
    let entry = |step: &str, byte: u8| {
        let blob = ("b".to_owned(), Value::Binary(vec![byte]));
        Value::Map(Members::from([("id".to_owned(), "x".into()), ("step".to_owned(), step.into()), blob]))
    };
    let stored = Members::from([("f".to_owned(), Value::List(vec![entry("a", 1), entry("b", 2)]))]);
    let sent = members(r#"{"f":[{"id":"x","step":"b","b":"Ag==","t":1}]}"#);
    let edit = Edit::Replace(sent);
    let (merged, _) = edit.merge_into(&stored, Some(&stored), "", Rules::of(&resource.schema)).expect("it is small");
    let Value::List(list) = &merged["f"] else { panic!("{merged:?}") };
    assert!(matches!(&list[..], [Value::Map(entry)] if entry["b"] == Value::Binary(vec![2])), "{list:?}");
}

fn numbers(list: &[u64]) -> Members {
    Members::from([("f".to_owned(), Value::List(list.iter().map(|number| (*number).into()).collect()))])
}

fn list(state: &Members) -> Vec<u64> {
    let number = |value: &Value| match value {
        Value::Number(number) => number.as_u64().expect("small"),
        other => panic!("{other:?}"),
    };
    match state.get("f") {
        None => Vec::new(),
        Some(Value::List(list)) => list.iter().map(number).collect(),
        other => panic!("{other:?}"),
    }
}

fn few() -> impl Strategy<Value = Vec<u64>> {
    vec(0u64..5, 0..5)
}

proptest! {
    #![proptest_config(config())]

    /// Every place that mine changed is in the list, and every place that only theirs changed, unless mine cut it.
    #[test]
    fn every_change_of_a_place_is_in_the_list(base in few(), theirs in few(), mine in few()) {
        let resource = resource(&format!(r#"{{"f":{PLACES}}}"#), "{}");
        let rules = Rules::of(&resource.schema);
        let (table, _) = save_by(rules, "", [&numbers(&base), &numbers(&theirs), &numbers(&mine)]);
        let found = list(&table);
        if mine != base {
            for place in (0..mine.len()).filter(|place| base.get(*place) != mine.get(*place)) {
                prop_assert_eq!(found.get(place), mine.get(place), "{:?}", found);
            }
            prop_assert!(mine.len() >= base.len() || found.len() <= mine.len(), "{:?}", found);
        }
        let end = if mine.len() < base.len() { mine.len() } else { theirs.len() };
        for place in (0..end.min(theirs.len())).filter(|place| base.get(*place) == mine.get(*place)) {
            prop_assert_eq!(found.get(place), theirs.get(place), "{:?}", found);
        }
        prop_assert_eq!(save_by(rules, "", [&numbers(&base), &table, &numbers(&mine)]).0, table);
    }

    /// A set holds each value once: those that a side added, and those that neither side removed. The schema refuses an
    /// edit that makes a list with repeated values. Other programs may leave one.
    #[test]
    fn a_set_holds_what_both_did(base in few(), theirs in few(), mine in few()) {
        prop_assume!(mine == base || (0..5).all(|value| mine.iter().filter(|mine| **mine == value).count() < 2));
        let resource = resource(r#"{"f":{"type":"array","uniqueItems":true,"items":{"type":"number"}}}"#, "{}");
        let rules = Rules::of(&resource.schema);
        let (table, _) = save_by(rules, "", [&numbers(&base), &numbers(&theirs), &numbers(&mine)]);
        let found = list(&table);
        if base != mine && base != theirs && mine != theirs {
            for value in 0..5 {
                let [base, theirs, mine] = [&base, &theirs, &mine].map(|list| list.contains(&value));
                let expected = if base { theirs && mine } else { theirs || mine };
                prop_assert_eq!(found.iter().filter(|found| **found == value).count(), usize::from(expected), "{:?}", found);
            }
        }
        prop_assert_eq!(save_by(rules, "", [&numbers(&base), &table, &numbers(&mine)]).0, table);
    }
}
