//! Two clients edit one text at once. Its lines are merged if the edits do not touch.

use http::Method;
use serde_json::json;

use crate::case::cases;
use crate::{Answer, Kit, Target};

cases! { text_merging:
    changes_of_different_lines_are_both_kept,
    lines_added_at_both_ends_are_both_kept,
    a_removed_line_and_a_changed_line_are_both_kept,
    the_line_ends_of_a_text_are_kept,
    lines_inside_objects_and_entries_are_merged,
    later_text_wins_as_a_whole_if_changes_touch,
    a_changed_line_sent_again_changes_nothing,
}

const BOTH: [Method; 2] = [Method::PUT, Method::PATCH];

/// Creates a record with the text `base`, and saves Ann's and Bo's, both on version 1. Returns the record's id
/// and the response to Bo.
#[track_caller]
fn both_save(t: &Target, method: &Method, [base, ann, bo]: [&str; 3]) -> (String, Answer) {
    let first = t.create(&t.draft().text(base)).json();
    let id = t.id_of(&first);
    let save = |text: &str| {
        let mut record = first.clone();
        record[t.kit.text] = text.into();
        t.call(method.clone(), t.path(&id)).json(record.to_string()).send().expect(200)
    };
    save(ann);
    let answer = save(bo);
    (id, answer)
}

/// Asserts that both edits are in the record, and that the receipt names no replaced text.
#[track_caller]
fn becomes(t: &Target, texts: [&str; 3], merged: &str) {
    for method in BOTH {
        let (id, answer) = both_save(t, &method, texts);
        assert_eq!(t.read(&id).json()[t.kit.text], merged);
        let receipt = answer.header("ripple-receipt").expect("every write has a receipt");
        assert!(receipt.starts_with("result=saved, version=3, base=1"), "{receipt}");
        assert!(!receipt.contains("won="), "{receipt}");
    }
}

fn changes_of_different_lines_are_both_kept(t: &Target) {
    becomes(t, ["one\ntwo\nthree", "ONE\ntwo\nthree", "one\ntwo\nTHREE"], "ONE\ntwo\nTHREE");
    becomes(t, ["one\ntwo\nthree\n", "one\ntwo\nTHREE\n", "ONE\ntwo\nthree\n"], "ONE\ntwo\nTHREE\n");
    becomes(t, ["\n\nü\n⛴\n\nend", "\n\nä\n⛴\n\nend", "\n\nü\n⛴\n\nEnd"], "\n\nä\n⛴\n\nEnd");
}

fn lines_added_at_both_ends_are_both_kept(t: &Target) {
    becomes(
        t,
        ["one\ntwo\nthree\n", "zero\none\ntwo\nthree\n", "one\ntwo\nthree\nfour\n"],
        "zero\none\ntwo\nthree\nfour\n",
    );
}

fn a_removed_line_and_a_changed_line_are_both_kept(t: &Target) {
    becomes(t, ["one\ntwo\nthree\nfour", "two\nthree\nfour", "one\ntwo\nthree\nFOUR"], "two\nthree\nFOUR");
}

fn the_line_ends_of_a_text_are_kept(t: &Target) {
    becomes(t, ["one\r\ntwo\r\nthree", "ONE\r\ntwo\r\nthree", "one\r\ntwo\r\nTHREE"], "ONE\r\ntwo\r\nTHREE");
}

fn lines_inside_objects_and_entries_are_merged(t: &Target) {
    let Kit { list, entry_key, .. } = *t.kit;
    let entries = |text: &str| json!([{entry_key: "a", "text": text}]);
    let with = |text: &str| json!({"version": 1, "meta": {"note": text}, list: entries(text)});
    let draft = t.draft().with("meta", json!({"note": "one\ntwo\nthree"}));
    let draft = draft.with(list, entries("one\ntwo\nthree"));
    t.create(&draft);
    for text in ["ONE\ntwo\nthree", "one\ntwo\nTHREE"] {
        t.put(draft.id(), with(text).to_string()).send().expect(200);
    }
    let record = t.read(draft.id()).json();
    assert_eq!(record["meta"], json!({"note": "ONE\ntwo\nTHREE"}));
    assert_eq!(record[list], entries("ONE\ntwo\nTHREE"));
}

fn later_text_wins_as_a_whole_if_changes_touch(t: &Target) {
    for method in BOTH {
        let (ann, bo) = ("one\nAnn's\nTHREE", "one\nBo's\nthree");
        let (id, answer) = both_save(t, &method, ["one\ntwo\nthree", ann, bo]);
        assert_eq!(t.read(&id).json()[t.kit.text], bo);
        let receipt = answer.header("ripple-receipt").expect("every write has a receipt");
        assert_eq!(receipt, format!(r#"result=saved, version=3, base=1, won=("/{}";replaced=2)"#, t.kit.text));
        let replaced = t.get(format!("{}/versions/2", t.path(&id))).send().expect(200).json();
        assert_eq!(replaced[t.kit.text], ann);
    }
}

fn a_changed_line_sent_again_changes_nothing(t: &Target) {
    let texts = ["one\ntwo\nthree", "ONE\ntwo\nthree", "one\ntwo\nTHREE"];
    let (id, _) = both_save(t, &Method::PUT, texts);
    let before = t.version(&id);
    for text in &texts[1..] {
        let again = t.put(&id, json!({"version": 1, t.kit.text: text}).to_string()).send().expect(200);
        let receipt = again.header("ripple-receipt").expect("every write has a receipt");
        assert!(receipt.starts_with("result=unchanged, version=3, base=1"), "{receipt}");
    }
    assert_eq!(t.version(&id), before);
}
