//! The changes in the keywords of schemas.

use std::collections::BTreeSet;

use ripple_core::record::schema::{Format, Type};
use serde_json::{Map, Value, json};

use super::change::{Change, Class};

/// Adds the changes between two schemas, which the reader of resource files has accepted.
pub(super) fn compare(old: &Value, new: &Value, pointer: &str, changes: &mut Vec<Change>) {
    let empty = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
    let keywords: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for keyword in keywords {
        let (before, after) = (old.get(keyword), new.get(keyword));
        let place = format!("{pointer}/{keyword}");
        match keyword.as_str() {
            "x-ripple" if pointer.is_empty() => {}
            "properties" => properties(old, new, &place, changes),
            "required" => required(before, after, &place, changes),
            "items" => items(before, after, &place, changes),
            "prefixItems" => tuple(before, after, &place, changes),
            "oneOf" => branches(old, new, &place, changes),
            _ if before.zip(after).is_some_and(|(before, after)| is_same(before, after)) => {}
            keyword => {
                let judged = || judged(keyword, before, after);
                // A value of another type is merged as if there were no `x-merge`.
                let is_of_merge = keyword == "type" && [old, new].iter().all(|schema| schema.contains_key("x-merge"));
                let (class, word) = if is_of_merge { TWO_RULES } else { judged() };
                changes.push(Change::at(place, before, after, class).called(word));
            }
        }
    }
}

const LOOSER: (Class, &str) = (Class::Safe, "looser");
const TIGHTER: (Class, &str) = (Class::Tighter, "tighter");
const TWO_RULES: (Class, &str) = (Class::TwoRules, "two rules meanwhile");
const TEXT: (Class, &str) = (Class::Safe, "text");

/// Returns the class of a change of one keyword.
fn judged(keyword: &str, before: Option<&Value>, after: Option<&Value>) -> (Class, &'static str) {
    let looser_if = |is_looser: bool| if is_looser { LOOSER } else { TIGHTER };
    let numbers = before.and_then(Value::as_f64).zip(after.and_then(Value::as_f64));
    match keyword {
        "type" => looser_if(types(before).is_subset(&types(after))),
        "enum" => looser_if(match (before, after) {
            (Some(Value::Array(before)), Some(Value::Array(after))) => {
                before.iter().all(|option| after.iter().any(|other| is_same(option, other)))
            }
            (_, after) => after.is_none(),
        }),
        "minLength" | "minItems" | "minimum" | "exclusiveMinimum" => {
            looser_if(numbers.map_or(after.is_none(), |(before, after)| after < before))
        }
        "maxLength" | "maxItems" | "maximum" | "exclusiveMaximum" => {
            looser_if(numbers.map_or(after.is_none(), |(before, after)| after > before))
        }
        "multipleOf" => looser_if(numbers.map_or(after.is_none(), |(before, after)| {
            let times = before / after;
            (times - times.round()).abs() < 1e-9
        })),
        "const" | "pattern" => looser_if(after.is_none()),
        "format" => match (is_checked(before), is_checked(after)) {
            (_, true) => TIGHTER,
            (true, false) => LOOSER,
            (false, false) => TEXT,
        },
        "additionalProperties" if before == Some(&Value::Bool(false)) => LOOSER,
        "additionalProperties" if after == Some(&Value::Bool(false)) => TIGHTER,
        "uniqueItems" | "x-merge" => TWO_RULES,
        _ => TEXT,
    }
}

/// Returns the types that a schema allows. A number may be an integer.
fn types(json: Option<&Value>) -> BTreeSet<&str> {
    let mut types: BTreeSet<&str> = match json {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(json) => json.as_str().into_iter().collect(),
        None => Type::ALL.into_iter().map(Type::as_str).collect(),
    };
    if types.contains("number") {
        types.insert("integer");
    }
    types
}

/// Reports whether a format is checked. The others are hints for pages.
fn is_checked(json: Option<&Value>) -> bool {
    let format = json.and_then(Value::as_str).and_then(Format::parse);
    matches!(format, Some(Format::Date | Format::DateTime | Format::Uuid))
}

/// Reports whether two values are equal as JSON Schema has it: numbers by value.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn properties(old: &Map<String, Value>, new: &Map<String, Value>, pointer: &str, changes: &mut Vec<Change>) {
    let empty = Map::new();
    let of = |schema: &'_ Map<String, Value>| schema.get("properties").and_then(Value::as_object).cloned();
    let (before, after) = (of(old).unwrap_or_else(|| empty.clone()), of(new).unwrap_or(empty));
    let is_closed = |schema: &Map<String, Value>| schema.get("additionalProperties") == Some(&Value::Bool(false));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let place = format!("{pointer}/{}", token(name));
        match (before.get(name), after.get(name)) {
            (Some(before), Some(after)) => compare(before, after, &place, changes),
            (None, after) => {
                let word = if is_closed(old) { "looser" } else { "new member" };
                changes.push(Change::at(place.clone(), None, after, Class::Safe).called(word));
                merges(None, after, &place, changes);
            }
            // Without a schema, a record may have any value there, unless it may not have the member.
            (before, None) => {
                let (class, word) = if is_closed(new) { TIGHTER } else { LOOSER };
                changes.push(Change::at(place.clone(), before, None, class).called(word));
                merges(before, None, &place, changes);
            }
        }
    }
}

fn required(before: Option<&Value>, after: Option<&Value>, pointer: &str, changes: &mut Vec<Change>) {
    let names = |json: Option<&Value>| -> Vec<String> {
        let list = json.and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let (before, after) = (names(before), names(after));
    let mut add = |name: &String, values: &str, (class, word)| {
        changes.push(Change::present(format!("{pointer}/{}", token(name)), values, class).called(word));
    };
    for name in before.iter().filter(|name| !after.contains(name)) {
        add(name, "present → absent", LOOSER);
    }
    for name in after.iter().filter(|name| !before.contains(name)) {
        add(name, "absent → present", TIGHTER);
    }
}

fn items(before: Option<&Value>, after: Option<&Value>, pointer: &str, changes: &mut Vec<Change>) {
    match (before, after) {
        (Some(before @ Value::Object(_)), Some(after @ Value::Object(_))) => compare(before, after, pointer, changes),
        (before, after) if before == after => {}
        // `false` stands beside `prefixItems`.
        (before, after) => {
            let (class, word) = if after.is_none() { LOOSER } else { TIGHTER };
            changes.push(Change::at(pointer.to_owned(), before, after, class).called(word));
            merges(before, after, pointer, changes);
        }
    }
}

/// Adds the rules for the merge inside schemas of which the other version has none at this place.
fn merges(before: Option<&Value>, after: Option<&Value>, pointer: &str, changes: &mut Vec<Change>) {
    for (schema, is_new) in [(before, false), (after, true)] {
        for (keyword, value) in schema.and_then(Value::as_object).into_iter().flatten() {
            let place = format!("{pointer}/{keyword}");
            let mut inside = |schema: &Value, place: &str| {
                let (before, after) = if is_new { (None, Some(schema)) } else { (Some(schema), None) };
                merges(before, after, place, changes);
            };
            match keyword.as_str() {
                "properties" => {
                    for (name, schema) in value.as_object().into_iter().flatten() {
                        inside(schema, &format!("{place}/{}", token(name)));
                    }
                }
                "items" => inside(value, &place),
                "oneOf" => {
                    for (branch, schema) in value.as_array().into_iter().flatten().enumerate() {
                        inside(schema, &format!("{place}/{branch}"));
                    }
                }
                "prefixItems" | "uniqueItems" | "x-merge" => {
                    let (before, after) = if is_new { (None, Some(value)) } else { (Some(value), None) };
                    changes.push(Change::at(place, before, after, Class::TwoRules));
                }
                _ => {}
            }
        }
    }
}

/// Reports whether a schema has rules for the merge outside its branches.
fn has_merges(schema: &Map<String, Value>) -> bool {
    let mut schema = schema.clone();
    schema.remove("oneOf");
    let mut found = Vec::new();
    merges(None, Some(&Value::Object(schema)), "", &mut found);
    !found.is_empty()
}

fn tuple(before: Option<&Value>, after: Option<&Value>, pointer: &str, changes: &mut Vec<Change>) {
    match (before.and_then(Value::as_array), after.and_then(Value::as_array)) {
        (Some(old), Some(new)) if old.len() == new.len() => {
            for (place, (old, new)) in old.iter().zip(new).enumerate() {
                compare(old, new, &format!("{pointer}/{place}"), changes);
            }
        }
        _ => changes.push(Change::at(pointer.to_owned(), before, after, Class::TwoRules)),
    }
}

/// Compares the branches of `oneOf`. Each has a type of its own.
fn branches(old: &Map<String, Value>, new: &Map<String, Value>, pointer: &str, changes: &mut Vec<Change>) {
    let (before, after) = (old.get("oneOf"), new.get("oneOf"));
    let (Some(Value::Array(old)), Some(Value::Array(new))) = (before, after) else {
        // With branches, only theirs is the rule for the entries of a list and the members of an object.
        let (class, word) = match after {
            _ if has_merges(old) || has_merges(new) => TWO_RULES,
            None => LOOSER,
            Some(_) => TIGHTER,
        };
        changes.push(Change::at(pointer.to_owned(), before, after, class).called(word));
        let of = |branches: Option<&Value>| branches.map(|branches| json!({ "oneOf": branches }));
        let above = pointer.strip_suffix("/oneOf").unwrap_or(pointer);
        return merges(of(before).as_ref(), of(after).as_ref(), above, changes);
    };
    let of_type = |list: &'_ [Value], kind: &Value| list.iter().find(|branch| branch["type"] == *kind).cloned();
    for (place, branch) in new.iter().enumerate() {
        let place = format!("{pointer}/{place}");
        match of_type(old, &branch["type"]) {
            Some(old) => compare(&old, branch, &place, changes),
            None => {
                changes.push(Change::at(place.clone(), None, Some(branch), Class::Safe).called("looser"));
                merges(None, Some(branch), &place, changes);
            }
        }
    }
    for branch in old.iter().filter(|branch| of_type(new, &branch["type"]).is_none()) {
        changes.push(Change::at(pointer.to_owned(), Some(branch), None, Class::Tighter));
        merges(Some(branch), None, pointer, changes);
    }
}

/// Returns a name as a token of a JSON Pointer.
pub(super) fn token(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(old: &str, new: &str) -> Vec<String> {
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let mut changes = Vec::new();
        compare(&json(old), &json(new), "", &mut changes);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_keyword_has_its_class() {
        for (old, new, expected) in [
            (r#"{"type":"integer"}"#, r#"{"type":"number"}"#, r##"#/type: "integer" → "number": looser"##),
            (r#"{"type":"number"}"#, r#"{"type":"integer"}"#, r##"#/type: "number" → "integer": tighter"##),
            (
                r#"{"type":"string"}"#,
                r#"{"type":["string","null"]}"#,
                r##"#/type: "string" → ["string","null"]: looser"##,
            ),
            ("{}", r#"{"type":"string"}"#, r##"#/type: absent → "string": tighter"##),
            ("{}", r#"{"enum":[1]}"#, "#/enum: absent → [1]: tighter"),
            (r#"{"enum":[1]}"#, r#"{"enum":[1.0,2]}"#, "#/enum: [1] → [1.0,2]: looser"),
            (r#"{"minLength":1}"#, r#"{"minLength":2}"#, "#/minLength: 1 → 2: tighter"),
            (r#"{"minimum":1}"#, "{}", "#/minimum: 1 → absent: looser"),
            (r#"{"multipleOf":0.1}"#, r#"{"multipleOf":0.01}"#, "#/multipleOf: 0.1 → 0.01: looser"),
            (r#"{"multipleOf":2}"#, r#"{"multipleOf":3}"#, "#/multipleOf: 2 → 3: tighter"),
            ("{}", r#"{"format":"date"}"#, r##"#/format: absent → "date": tighter"##),
            (r#"{"format":"uri"}"#, r#"{"format":"email"}"#, r##"#/format: "uri" → "email": text"##),
            (r#"{"description":"a"}"#, r#"{"description":"b"}"#, r##"#/description: "a" → "b": text"##),
            ("{}", r#"{"x-merge":"whole"}"#, r##"#/x-merge: absent → "whole": two rules meanwhile"##),
            ("{}", r#"{"items":{"minimum":1}}"#, r##"#/items: absent → {"minimum":1}: tighter"##),
            (r#"{"items":{"minimum":1}}"#, r#"{"items":{"minimum":0}}"#, "#/items/minimum: 1 → 0: looser"),
            (
                r#"{"prefixItems":[{}]}"#,
                r#"{"prefixItems":[{},{}]}"#,
                "#/prefixItems: [{}] → [{},{}]: two rules meanwhile",
            ),
            (
                r#"{"prefixItems":[{"minimum":1}]}"#,
                r#"{"prefixItems":[{}]}"#,
                "#/prefixItems/0/minimum: 1 → absent: looser",
            ),
            ("{}", r#"{"properties":{"a/b":{}}}"#, "#/properties/a~1b: absent → {}: new member"),
            (r#"{"properties":{"a":{}}}"#, "{}", "#/properties/a: {} → absent: looser"),
            ("{}", r#"{"additionalProperties":false}"#, "#/additionalProperties: absent → false: tighter"),
            ("{}", r#"{"oneOf":[]}"#, "#/oneOf: absent → []: tighter"),
        ] {
            assert_eq!(changes(old, new), [expected], "{old} {new}");
        }
    }

    #[test]
    fn a_rule_for_the_merge_is_two_rules_wherever_it_appears_or_disappears() {
        let set = r#"{"type":"array","items":{"type":"string"},"uniqueItems":true}"#;
        let tuple = r#"{"prefixItems":[{}],"items":false}"#;
        let whole = r#"{"type":"string","x-merge":"whole"}"#;
        for (schema, place) in [
            (set.to_owned(), "uniqueItems"),
            (tuple.to_owned(), "prefixItems"),
            (whole.to_owned(), "x-merge"),
            (format!(r#"{{"items":{set}}}"#), "items/uniqueItems"),
            (format!(r#"{{"properties":{{"a/b":{whole}}}}}"#), "properties/a~1b/x-merge"),
            (format!(r#"{{"oneOf":[{{"type":"number"}},{whole}]}}"#), "oneOf/1/x-merge"),
        ] {
            for (before, after, pointer) in [
                ("{}".to_owned(), format!(r#"{{"properties":{{"p":{schema}}}}}"#), "#/properties/p"),
                (
                    r#"{"properties":{},"additionalProperties":false}"#.to_owned(),
                    format!(r#"{{"properties":{{"p":{schema}}},"additionalProperties":false}}"#),
                    "#/properties/p",
                ),
                ("{}".to_owned(), format!(r#"{{"items":{schema}}}"#), "#/items"),
            ] {
                for (old, new) in [(&before, &after), (&after, &before)] {
                    let found = changes(old, new);
                    let line = |change: &String| {
                        change.starts_with(&format!("{pointer}/{place}: ")) && change.ends_with(": two rules meanwhile")
                    };
                    assert!(found.iter().any(line), "{old} {new} {found:?}");
                }
            }
        }
        let branch = r#"{"oneOf":[{"type":"string"},{"type":"number"}]}"#;
        let more = branch.replace(r#"{"type":"number"}"#, &format!(r#"{{"type":"number"}},{set}"#));
        for (old, new) in [(branch, more.as_str()), (&more, branch), ("{}", &more), (&more, "{}")] {
            let found = changes(old, new);
            assert!(found.iter().any(|change| change.contains("uniqueItems: ")), "{old} {new} {found:?}");
            assert!(found.iter().any(|change| change.ends_with(": two rules meanwhile")), "{old} {new} {found:?}");
        }
    }

    #[test]
    fn a_change_of_which_values_a_rule_for_the_merge_is_about_is_two_rules() {
        let set = r#""items":{"type":"string"},"uniqueItems":true"#;
        let branches = r#""oneOf":[{"type":"array"},{"type":"string"}]"#;
        assert_eq!(
            changes(&format!("{{{set}}}"), &format!("{{{set},{branches}}}")),
            [r##"#/oneOf: absent → [{"type":"array"},{"type":"string"}]: two rules meanwhile"##]
        );
        assert_eq!(
            changes(r#"{"type":"string","x-merge":"whole"}"#, r#"{"type":["string","array"],"x-merge":"whole"}"#),
            [r##"#/type: "string" → ["string","array"]: two rules meanwhile"##]
        );
    }

    #[test]
    fn branches_are_matched_by_type() {
        let old = r#"{"oneOf":[{"type":"string"},{"type":"integer","minimum":0}]}"#;
        let new = r#"{"oneOf":[{"type":"integer","minimum":1},{"type":"boolean"}]}"#;
        assert_eq!(
            changes(old, new),
            [
                "#/oneOf/0/minimum: 0 → 1: tighter",
                r##"#/oneOf/1: absent → {"type":"boolean"}: looser"##,
                r##"#/oneOf: {"type":"string"} → absent: tighter"##,
            ]
        );
    }

    #[test]
    fn numbers_are_compared_by_value() {
        assert_eq!(changes(r#"{"minimum":1}"#, r#"{"minimum":1.0}"#), [""; 0]);
    }
}
