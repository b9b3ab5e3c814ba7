//! What faults say to a caller.

use crate::{of_new, with_properties};

/// Checks `{"v": …}` against one schema.
#[track_caller]
fn says(schema: &str, value: &str, pointer: &str, sentence: &str) {
    let x = with_properties(&format!(r#""v":{schema}"#));
    let faults = of_new(&x, &format!(r#"{{"v":{value}}}"#));
    assert_eq!(faults, [(format!("/v{pointer}"), sentence.to_owned())], "{schema} {value}");
}

#[test]
fn each_keyword_has_its_sentence() {
    says(r#"{"type":"string"}"#, "1", "", "must be a string");
    says(r#"{"type":["null","string"]}"#, "1", "", "must be a string or null");
    says(r#"{"type":["boolean","integer","number"]}"#, "[]", "", "must be true or false or a number");
    says(r#"{"type":"array"}"#, "{}", "", "must be an array");
    says(r#"{"type":"object"}"#, "[]", "", "must be an object");
    says(r#"{"type":"string","minLength":1,"maxLength":64}"#, "\"\"", "", "must be a string of 1 to 64 characters");
    says(r#"{"type":"string","minLength":1,"maxLength":64}"#, "1", "", "must be a string of 1 to 64 characters");
    says(r#"{"minLength":2}"#, "\"a\"", "", "must be a string of at least 2 characters");
    says(r#"{"type":"string","maxLength":1}"#, "\"ab\"", "", "must be a string of at most 1 character");
    says(r#"{"type":"string","minLength":2,"maxLength":2}"#, "\"a\"", "", "must be a string of 2 characters");
    let pattern = r#"{"type":"string","maxLength":9,"pattern":"^a+$"}"#;
    says(pattern, "\"b\"", "", "must be a string of at most 9 characters that matches ^a+$");
    says(r#"{"type":"string","format":"date"}"#, "\"x\"", "", "must be a date like 2026-01-31");
    says(r#"{"type":"string","format":"date-time"}"#, "\"x\"", "", "must be a time like 2026-01-31T09:30:00Z");
    says(r#"{"type":"string","format":"uuid"}"#, "\"x\"", "", "must be a UUID");
    says(r#"{"type":"integer","minimum":1,"maximum":13}"#, "14", "", "must be a whole number from 1 to 13");
    says(
        r#"{"type":"number","minimum":0,"multipleOf":0.01}"#,
        "0.001",
        "",
        "must be a number, at least 0 and a multiple of 0.01",
    );
    says(r#"{"type":"number","exclusiveMinimum":0}"#, "0", "", "must be a number, above 0");
    says(r#"{"exclusiveMaximum":1e3}"#, "1000", "", "must be a number, below 1000");
    says(r#"{"maximum":-1}"#, "0", "", "must be a number, at most -1");
    says(r#"{"enum":["a",1,null]}"#, "2", "", r#"must be one of "a", 1, null"#);
    says(r#"{"enum":[1]}"#, "true", "", "must be 1");
    says(r#"{"const":"é"}"#, "\"e\u{301}\"", "", "must be \"é\"");
    says(r#"{"oneOf":[{"type":"integer"},{"type":"null"}]}"#, "1.5", "", "must be a whole number or null");
    says(r#"{"minItems":1}"#, "[]", "", "must have at least 1 entry");
    says(r#"{"maxItems":2}"#, "[1,2,3]", "", "must have at most 2 entries");
    says(r#"{"minItems":2,"maxItems":4}"#, "[1]", "", "must have 2 to 4 entries");
    says(r#"{"minItems":2,"maxItems":2}"#, "[1]", "", "must have 2 entries");
    says(r#"{"prefixItems":[{}],"items":false}"#, "[1,2]", "", "must have at most 1 entry");
    says(r#"{"uniqueItems":true,"items":{"type":"number"}}"#, "[1,1.0]", "", "must not have an entry twice");
    says(r#"{"items":{"type":"string"}}"#, "[\"a\",1]", "/1", "must be a string");
    says(r#"{"required":["a/b~"],"properties":{"a/b~":{}}}"#, "{}", "/a~1b~0", "is required");
    says(r#"{"additionalProperties":false}"#, r#"{"a":1}"#, "/a", "is not a member of this object");
    let branches = r#"{"oneOf":[{"type":"array","items":{"type":"string"}},{"type":"string"}]}"#;
    says(branches, "[1]", "/0", "must be a string");
    says(branches, "1", "", "must be an array or a string");
}

#[test]
fn a_value_has_one_fault_the_first() {
    says(r#"{"type":"string","minLength":3,"enum":["abc"]}"#, "\"x\"", "", "must be \"abc\"");
    says(
        r#"{"type":"string","maxLength":1,"pattern":"^a$","format":"date"}"#,
        "\"xx\"",
        "",
        "must be a date like 2026-01-31 of at most 1 character that matches ^a$",
    );
}

#[test]
fn long_lists_of_values_are_shortened() {
    let options: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let options = format!(r#"{{"enum":[{}]}}"#, options.join(","));
    says(&options, "12", "", "must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more");
}

#[test]
fn names_that_are_ripples_own_are_refused() {
    let x = with_properties("");
    let own = "names that begin with rpl_ are ripple's own";
    assert_eq!(of_new(&x, r#"{"rpl_v":1,"o":{"rpl_v":1}}"#), [("/rpl_v".to_owned(), own.to_owned())]);
}
