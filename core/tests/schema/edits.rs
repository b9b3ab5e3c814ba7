//! Edits are checked where they change something.

use ripple_core::record::schema::EditForm::{Patch, Replace};
use ripple_core::record::schema::Resource;
use ripple_core::value::{Members, Value};

use crate::{members, of_edit, of_new, read, with_properties};

/// The pointers of a whole save's faults, made on what is stored.
#[track_caller]
fn saved(resource: &Resource, stored: &str, sent: &str) -> Vec<String> {
    of_edit(resource, Replace, sent, &[&members(stored)])
}

const NONE: [&str; 0] = [];

#[test]
fn a_scalar_is_the_same_only_with_its_type() {
    let x = with_properties(r#""n":{"type":"integer"}"#);
    assert_eq!(saved(&x, r#"{"n":"1.5"}"#, r#"{"n":"1.5"}"#), NONE);
    assert_eq!(saved(&x, r#"{"n":"1.5"}"#, r#"{"n":1.5}"#), ["/n"]);
    assert_eq!(saved(&x, r#"{"n":1.50}"#, r#"{"n":15e-1}"#), NONE);
    assert_eq!(saved(&x, r#"{"m":"x"}"#, r#"{"n":"x"}"#), ["/n"]);
}

#[test]
fn the_base_excuses_as_the_stored_state_does() {
    let x = with_properties(r#""n":{"type":"integer"}"#);
    let (stored, base) = (members(r#"{"n":1}"#), members(r#"{"n":"old"}"#));
    assert_eq!(of_edit(&x, Replace, r#"{"n":"old"}"#, &[&stored, &base]), NONE);
    assert_eq!(of_edit(&x, Replace, r#"{"n":"new"}"#, &[&stored, &base]), ["/n"]);
}

#[test]
fn an_array_may_break_what_it_broke() {
    let x = with_properties(r#""a":{"type":"array","maxItems":1,"uniqueItems":true,"items":{"type":"string"}}"#);
    assert_eq!(saved(&x, r#"{"a":["p","q"]}"#, r#"{"a":["p","q","r"]}"#), NONE);
    // It breaks another keyword now.
    assert_eq!(saved(&x, r#"{"a":["p","q"]}"#, r#"{"a":["p","p"]}"#), ["/a"]);
    assert_eq!(saved(&x, r#"{"a":["p","p"]}"#, r#"{"a":["p"]}"#), NONE);
    assert_eq!(saved(&x, r#"{"a":"p"}"#, r#"{"a":{}}"#), ["/a"]);
    assert_eq!(saved(&x, r#"{"a":{"b":1}}"#, r#"{"a":{}}"#), NONE);
}

#[test]
fn entries_are_matched_by_their_key() {
    let entries = r#""properties":{"n":{"type":"integer"},"t":{"type":"string"}},"required":["t"]"#;
    let list = format!(r#""list":{{"type":"array","items":{{"type":"object",{entries}}}}}"#);
    let x = with_properties(&list);
    let stored = r#"{"list":[{"id":"a","t":"x"},{"id":"b","n":"bad"},{"id":3,"n":"worse","t":"x"}]}"#;
    assert_eq!(saved(&x, stored, stored), NONE);
    let moved = r#"{"list":[{"id":3,"n":"worse","t":"x"},{"id":"b","n":"bad"}]}"#;
    assert_eq!(saved(&x, stored, moved), NONE);
    let swapped = r#"{"list":[{"id":3,"n":"bad","t":"x"},{"id":"b","n":"worse"}]}"#;
    assert_eq!(saved(&x, stored, swapped), ["/list/0/n", "/list/1/n"]);
    let new = r#"{"list":[{"id":"a","t":"x"},{"id":"c","n":"bad"}]}"#;
    assert_eq!(saved(&x, stored, new), ["/list/1/n", "/list/1/t"]);
    assert_eq!(saved(&x, stored, r#"{"list":[{"id":"a"}]}"#), ["/list/0/t"], "the stored one has it");
}

#[test]
fn entries_of_one_key_are_matched_in_turn() {
    let x = with_properties(r#""list":{"items":{"properties":{"n":{"type":"integer"}}}}"#);
    let stored = r#"{"list":[{"id":"a","n":"p"},{"id":"a","n":"q"}]}"#;
    assert_eq!(saved(&x, stored, stored), NONE);
    assert_eq!(saved(&x, stored, r#"{"list":[{"id":"a","n":"p"},{"id":"a","n":"p"}]}"#), ["/list/1/n"]);
}

#[test]
fn entries_without_a_key_are_matched_by_value_or_place() {
    let x = with_properties(r#""list":{"items":{"type":"object","properties":{"n":{"type":"integer"}}}}"#);
    let stored = r#"{"list":["s",{"n":"p"},{"n":"q","m":1}]}"#;
    assert_eq!(saved(&x, stored, r#"{"list":[{"n":"q","m":1},"s"]}"#), NONE);
    assert_eq!(saved(&x, stored, r#"{"list":["s",{"n":"p","m":2}]}"#), NONE, "another member of the entry is edited");
    assert_eq!(saved(&x, stored, r#"{"list":[{"n":"new"},{"n":"new"}]}"#), ["/list/0/n", "/list/1/n"]);
}

#[test]
fn places_are_matched_by_place_alone() {
    let x = with_properties(r#""p":{"prefixItems":[{"type":"number"},{"type":"number"}],"items":false}"#);
    assert_eq!(saved(&x, r#"{"p":["a",1]}"#, r#"{"p":["a",2]}"#), NONE);
    assert_eq!(saved(&x, r#"{"p":["a",1]}"#, r#"{"p":[1,"a"]}"#), ["/p/1"]);
}

#[test]
fn an_entry_key_is_named_by_the_file() {
    let text = r#"{"title":"X","x-ripple":{"resource":"x","key":"k","entries":{"/o/l":"no","m":false}},"type":"object","properties":{
        "o":{"properties":{"l":{"items":{"properties":{"n":{"type":"integer"}}}}}},
        "m":{"items":{"properties":{"n":{"type":"integer"}}}}}}"#;
    let x = read("x", text);
    let stored =
        r#"{"o":{"l":[{"no":1,"id":9,"n":"p"},{"no":2,"id":9,"n":"q"}]},"m":[{"id":1,"n":"p"},{"id":2,"n":"q"}]}"#;
    assert_eq!(saved(&x, stored, r#"{"o":{"l":[{"no":2,"n":"q"}]}}"#), NONE);
    assert_eq!(saved(&x, stored, r#"{"o":{"l":[{"no":1,"n":"q"}]}}"#), ["/o/l/0/n"]);
    assert_eq!(saved(&x, stored, r#"{"m":[{"id":2,"n":"q","x":1}]}"#), ["/m/0/n"], "they have no key");
}

#[test]
fn objects_in_a_patch_leave_alone_what_they_lack() {
    let x = with_properties(
        r#""o":{"type":"object","required":["a"],"properties":{"a":{"type":"string"},"b":{"type":"string"}},"additionalProperties":false},
           "l":{"items":{"required":["a"],"properties":{"a":{"type":["string","null"]},"b":{"type":"string"}}}}"#,
    );
    assert_eq!(of_edit(&x, Patch, r#"{"o":{"b":"x"}}"#, &[]), NONE);
    assert_eq!(of_edit(&x, Patch, r#"{"o":{"b":null,"c":null}}"#, &[]), NONE);
    assert_eq!(of_edit(&x, Patch, r#"{"o":{"a":null,"c":1}}"#, &[]), ["/o/a", "/o/c"]);
    assert_eq!(of_edit(&x, Replace, r#"{"o":{"b":null,"c":1}}"#, &[]), ["/o/b", "/o/c", "/o/a"]);
    for form in [Patch, Replace] {
        assert_eq!(of_edit(&x, form, r#"{"l":[{"b":"x"},{"a":null},{"a":"","b":null}]}"#, &[]), ["/l/0/a", "/l/2/b"]);
    }
}

#[test]
fn what_a_state_lacks_too_is_not_missing() {
    let x = with_properties(r#""o":{"required":["a"],"properties":{"a":{},"b":{}}}"#);
    assert_eq!(saved(&x, r#"{"o":{"b":1}}"#, r#"{"o":{"b":2}}"#), NONE);
    assert_eq!(saved(&x, r#"{"o":{"a":1}}"#, r#"{"o":{"b":2}}"#), ["/o/a"]);
    assert_eq!(saved(&x, r#"{"o":1}"#, r#"{"o":{}}"#), ["/o/a"]);
}

#[test]
fn a_closed_object_keeps_what_it_has() {
    let x = with_properties(r#""o":{"properties":{"a":{}},"additionalProperties":false}"#);
    assert_eq!(saved(&x, r#"{"o":{"z":1,"l":[]}}"#, r#"{"o":{"a":1,"z":1,"l":[2]}}"#), NONE);
    assert_eq!(saved(&x, r#"{"o":{"z":1}}"#, r#"{"o":{"z":2,"y":1}}"#), ["/o/y", "/o/z"]);
}

#[test]
fn types_of_dynamodb_are_checked_as_json_shows_them() {
    let x = with_properties(
        r#""tags":{"type":"array","maxItems":1,"uniqueItems":true,"items":{"type":"string","maxLength":2}},
           "data":{"type":"string","maxLength":3}"#,
    );
    let stored = Members::from([
        ("tags".to_owned(), Value::Strings(["long".to_owned(), "p".to_owned()].into())),
        ("data".to_owned(), Value::Binary(b"hi".to_vec())),
    ]);
    let faults = x.schema.check_new(&stored).expect_err("refused");
    assert_eq!(faults.iter().map(|fault| fault.pointer.as_str()).collect::<Vec<_>>(), ["/tags", "/tags/0", "/data"]);
    let shown = r#"{"tags":["new","long"],"data":"aGk="}"#;
    assert_eq!(of_edit(&x, Replace, shown, &[&stored]), ["/tags/0"]);
    let numbers = Members::from([("tags".to_owned(), Value::Numbers([1.into()].into()))]);
    assert_eq!(x.schema.check_new(&numbers).expect_err("refused")[0].pointer, "/tags/0");
}

#[test]
fn faults_are_in_the_order_of_the_file_and_a_hundred_at_most() {
    let text = r#"{"title":"X","x-ripple":{"resource":"x","key":"k"},"type":"object","required":["m","l","a"],
        "properties":{"z":{"type":"null"},"a":{"type":"string"},"l":{},"m":{}}}"#;
    let x = read("x", text);
    let faults: Vec<String> =
        of_new(&x, r#"{"a":1,"z":1,"rpl_q":1}"#).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(faults, ["/z", "/a", "/rpl_q", "/m", "/l"]);
    let x = with_properties(r#""a":{"type":"array","items":{"type":"string"}}"#);
    let body = format!(r#"{{"a":[{}]}}"#, vec!["1"; 5_000].join(","));
    assert_eq!(of_new(&x, &body).len(), 100);
    let stored = members(&body);
    assert_eq!(of_edit(&x, Replace, &body.replace("[1", "[2"), &[&stored]), ["/a/0"], "all are compared");
}
