//! The rules of `resources/task.json`: what the schema of a resource refuses and takes.

use serde_json::{Value, json};

use super::saving::at_once;
use crate::Target;
use crate::case::cases;

cases! { tasks: ;
    of TASK:
    a_number_is_compared_by_its_value,
    a_fraction_is_a_multiple_in_decimal_digits,
    one_of_few_texts_is_required,
    absent_required_members_of_an_edit_stay,
    lengths_are_counted_in_characters,
    a_date_is_a_day_of_the_calendar,
    a_pair_has_two_places_in_their_ranges,
    two_authors_move_one_place_each,
    two_authors_add_an_entry_each_to_a_long_list,
}

/// Asserts that a record with this member is created, and shows it as the text `kept`.
#[track_caller]
fn kept_as(t: &Target, name: &str, sent: &str, kept: &str) {
    let draft = t.draft().raw(name, sent);
    assert_eq!(t.create(&draft).raw(name), kept, "sent {sent}");
    assert_eq!(t.read(draft.id()).raw(name), kept, "sent {sent}");
}

/// Asserts that no record with this member is created, and no record is given it.
#[track_caller]
fn refused(t: &Target, name: &str, sent: &str, pointer: &str) {
    let draft = t.draft().raw(name, sent);
    let answer = t.post(t.kit.path, draft.to_json()).send();
    answer.problem(400, "invalid_body");
    answer.blames("pointer", pointer);
    t.get(t.path(draft.id())).send().problem(404, "not_found");
    let id = t.some_record();
    let call = t.patch(&id, format!(r#"{{"{name}":{sent}}}"#));
    t.refused(&id, call, 400, "invalid_body").blames("pointer", pointer);
}

fn a_number_is_compared_by_its_value(t: &Target) {
    for (sent, kept) in [("1.0", "1"), ("1e0", "1"), ("13", "13")] {
        kept_as(t, "size", sent, kept);
    }
    for wrong in ["13.5", "14", "0", r#""3""#, "true"] {
        refused(t, "size", wrong, "/size");
    }
}

/// 0.07 is no multiple of 0.01 in binary.
fn a_fraction_is_a_multiple_in_decimal_digits(t: &Target) {
    let long = "12345678901234567890123456789012345.67";
    for cost in ["0", "0.07", long] {
        kept_as(t, "cost", cost, cost);
    }
    for wrong in ["0.075", "-0.01"] {
        refused(t, "cost", wrong, "/cost");
    }
}

fn one_of_few_texts_is_required(t: &Target) {
    for state in ["todo", "doing", "done"] {
        assert_eq!(t.create(&t.draft().with("state", state)).json()["state"], state);
    }
    refused(t, "state", r#""Done""#, "/state");
    let (null, absent) = (t.draft().with("state", Value::Null), t.draft().without("state"));
    for draft in [null, absent] {
        let answer = t.post(t.kit.path, draft.to_json()).send();
        assert_eq!(answer.problem(400, "invalid_body")["errors"][0]["detail"], "is required");
        answer.blames("pointer", "/state");
    }
    let id = t.some_record();
    let answer = t.refused(&id, t.patch(&id, r#"{"state":null}"#), 400, "invalid_body");
    assert_eq!(answer.json()["errors"][0]["detail"], "is required and cannot be removed");
}

fn absent_required_members_of_an_edit_stay(t: &Target) {
    let id = t.some_record();
    let before = t.read(&id).json();
    let saved = t.put(&id, r#"{"state":"done"}"#).send().expect(200).json();
    assert_eq!((&saved["state"], &saved["subject"]), (&json!("done"), &before["subject"]));
}

fn lengths_are_counted_in_characters(t: &Target) {
    let longest = "\u{1F6A2}".repeat(200);
    assert_eq!(t.create(&t.draft().with("subject", longest.as_str())).json()["subject"], longest);
    for length in [0, 201] {
        refused(t, "subject", &json!("\u{1F6A2}".repeat(length)).to_string(), "/subject");
    }
}

fn a_date_is_a_day_of_the_calendar(t: &Target) {
    kept_as(t, "due", r#""2028-02-29""#, r#""2028-02-29""#);
    for wrong in ["2026-02-29", "2026-2-1", "2026-11-02T00:00:00Z", ""] {
        refused(t, "due", &json!(wrong).to_string(), "/due");
    }
}

fn a_pair_has_two_places_in_their_ranges(t: &Target) {
    kept_as(t, "place", "[37.5,127]", "[37.5,127]");
    for (wrong, pointer) in
        [("[1]", "/place"), ("[1,2,3]", "/place"), ("[91,0]", "/place/0"), ("[0,-180.5]", "/place/1"), ("5", "/place")]
    {
        refused(t, "place", wrong, pointer);
    }
}

fn two_authors_move_one_place_each(t: &Target) {
    let draft = t.draft().with("place", json!([37.5, 127.5]));
    t.create(&draft);
    for place in [json!([38.5, 127.5]), json!([37.5, 128.5])] {
        t.put(draft.id(), json!({"version": 1, "place": place})).send().expect(200);
    }
    assert_eq!(t.read(draft.id()).json()["place"], json!([38.5, 128.5]));
}

/// A list may have up to 200 steps. The rule is about what an author sends, not about what a merge results in.
fn two_authors_add_an_entry_each_to_a_long_list(t: &Target) {
    let steps: Vec<Value> = (0..199).map(|n| json!({"step": format!("s{n}"), "text": "walk"})).collect();
    let draft = t.draft().with("steps", steps);
    t.create(&draft);
    let first = t.read(draft.id()).json();
    at_once(2, |n| {
        let mut record = first.clone();
        let steps = record["steps"].as_array_mut().expect("a list");
        steps.push(json!({"step": format!("added{n}"), "text": "rest"}));
        t.put(draft.id(), record).send().expect(200);
    });
    let record = t.read(draft.id()).json();
    assert_eq!(record["steps"].as_array().map(Vec::len), Some(201));
    refused(t, "steps", &record["steps"].to_string(), "/steps");
    // A record can be saved as it was read.
    let mut edit = record;
    edit["subject"] = "Ferry timetable of the summer".into();
    t.put(draft.id(), edit).send().expect(200);
}
