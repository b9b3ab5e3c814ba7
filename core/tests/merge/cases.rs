//! Conflicts of concurrent edits from practice, and their correct results.

use std::collections::BTreeSet;

use ripple_core::record::change::{Edit, TooLarge};
use ripple_core::record::merge::{Report, Rules};
use ripple_core::value::{Members, Value};

use crate::{members, merged, save_as, sent};

/// Saves `{"f": …}` by two authors on one base, and repeats the second save. Checks the table, and returns the second
/// author's report.
#[track_caller]
fn both(base: &str, ann: &str, bo: &str, expected: &str) -> Report {
    let [base, ann, bo] = [base, ann, bo].map(|json| members(&format!(r#"{{"f":{json}}}"#)));
    let (table, _) = save_as("ann", &base, &base, &ann);
    let (table, report) = save_as("bo", &base, &table, &bo);
    assert_eq!(table, members(&format!(r#"{{"f":{expected}}}"#)));
    assert_eq!(save_as("bo", &base, &table, &bo).0, table, "the second save, sent again");
    report
}

#[test]
fn places_that_only_one_changed_are_as_that_one_left_them() {
    let report = both("[false,false,false]", "[true,false,false]", "[false,true,false]", "[true,true,false]");
    assert!(report.won.is_empty() && report.merged.len() == 1, "{report:?}");
    both("[0,0]", "[1,0]", "[0,1]", "[1,1]");
    both(r#"{"a":[0,0]}"#, r#"{"a":[1,0]}"#, r#"{"a":[0,1]}"#, r#"{"a":[1,1]}"#);
    both(r#"["-","-"]"#, r#"["x","-"]"#, r#"["-","x"]"#, r#"["x","x"]"#);
    both("[[1,2],[3,4]]", "[[1,5],[3,4]]", "[[6,2],[3,4]]", "[[6,5],[3,4]]");
    both(r#"[{"x":1,"y":1}]"#, r#"[{"x":2,"y":1}]"#, r#"[{"x":1,"y":2}]"#, r#"[{"x":2,"y":2}]"#);
}

#[test]
fn in_a_place_that_both_changed_the_later_save_wins() {
    assert_eq!(both("[true,false]", "[true,true]", "[false,false]", "[false,true]").won, [""; 0]);
    assert_eq!(both("[0,0]", "[1,0]", "[2,0]", "[2,0]").won, ["/f/0"]);
    assert_eq!(both("[37.5,127.0]", "[37.6,127.0]", "[37.7,127.0]", "[37.7,127]").won, ["/f/0"]);
    assert_eq!(both(r#"[{"x":1}]"#, r#"[{"x":2}]"#, r#"[{"x":3}]"#, r#"[{"x":3}]"#).won, ["/f/0/x"]);
}

#[test]
fn a_patch_merges_places_too() {
    let base = members(r#"{"done":[false,false,false]}"#);
    let patch = |json| Edit::Patch(members(json));
    let (table, _) = merged(&patch(r#"{"done":[true,false,false]}"#), &base, Some(&base), "ann");
    let (table, _) = merged(&patch(r#"{"done":[false,true,false]}"#), &table, Some(&base), "bo");
    assert_eq!(table, members(r#"{"done":[true,true,false]}"#));
}

/// Returns the ids of a list's entries. `None` is an entry without an id.
#[track_caller]
fn ids(state: &Members) -> Vec<Option<Value>> {
    match &state["f"] {
        Value::List(list) => list.iter().map(|entry| entry.entry_id().cloned()).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn equal_entries_of_two_authors_are_two() {
    for (base, mine, count) in [
        (r#"{"f":[]}"#, r#"{"f":[{"h":2}]}"#, 2),
        ("{}", r#"{"f":[{"h":2}]}"#, 2),
        (r#"{"f":[{"h":2}]}"#, r#"{"f":[{"h":2},{"h":2}]}"#, 3),
        (r#"{"f":[{"id":"a"}]}"#, r#"{"f":[{"id":"a"},{"id":"","h":2}]}"#, 3),
    ] {
        let (base, mine) = (members(base), members(mine));
        let (one, _) = save_as("ann", &base, &base, &mine);
        let (two, _) = save_as("bo", &base, &one, &mine);
        let found = ids(&two);
        assert_eq!(found.len(), count, "{two:?}");
        let distinct: BTreeSet<String> = found.iter().map(|id| format!("{id:?}")).collect();
        assert_eq!(distinct.len(), count, "{two:?}");
        assert_eq!(save_as("ann", &base, &two, &mine).0, two);
        assert_eq!(save_as("bo", &base, &two, &mine).0, two);
    }
    // This also holds without a base.
    let (theirs, edit) = (members(r#"{"f":[{"h":1}]}"#), Edit::Replace(members(r#"{"f":[{"h":2}]}"#)));
    let (one, _) = merged(&edit, &theirs, None, "ann");
    let (two, _) = merged(&edit, &one, None, "bo");
    assert_eq!(ids(&two).len(), 3, "{two:?}");
}

#[test]
fn a_copied_entry_gets_an_id_of_its_own() {
    let base = members(r#"{"f":[{"id":"a","t":1},{"id":"b"}]}"#);
    let mine = [
        members(r#"{"f":[{"id":"a","t":1},{"id":"a","t":2},{"id":"b"}]}"#),
        members(r#"{"f":[{"id":"a","t":3},{"id":"a","t":1},{"id":"b"}]}"#),
    ];
    let (one, _) = save_as("ann", &base, &base, &mine[0]);
    let (two, _) = save_as("bo", &base, &one, &mine[1]);
    let Value::List(list) = &two["f"] else { panic!("a list") };
    assert_eq!(list.len(), 4, "{two:?}");
    assert!(
        list.iter().any(|entry| *entry == Value::Map(members(r#"{"id":"a","t":1}"#))),
        "the original stays: {two:?}"
    );
    // Another author moves an entry, and both requests are repeated.
    for moved in 0..list.len() {
        let mut list = list.clone();
        let entry = list.remove(moved);
        list.insert(0, entry);
        let table = Members::from([("f".to_owned(), Value::List(list))]);
        assert_eq!(save_as("ann", &base, &table, &mine[0]).0, table);
        assert_eq!(save_as("bo", &base, &table, &mine[1]).0, table);
    }
    // Entries that another program stored twice stay unchanged.
    let twice = members(r#"{"f":[{"id":"a","t":1},{"id":"a","t":2}],"g":1}"#);
    let mine = members(r#"{"f":[{"id":"a","t":2},{"id":"a","t":1}],"g":2}"#);
    assert_eq!(save_as("ann", &twice, &twice, &mine).0, mine);
    let theirs = members(r#"{"f":[{"id":"a","t":1},{"id":"a","t":3}],"g":1}"#);
    let mine = members(r#"{"f":[{"id":"a","t":2},{"id":"a","t":4}],"g":1}"#);
    let (both, _) = save_as("ann", &twice, &theirs, &mine);
    assert_eq!(both, members(r#"{"f":[{"id":"a","t":3},{"id":"a","t":4}],"g":1}"#), "each is matched with its own");
}

#[test]
fn a_retry_does_not_move_entries_again() {
    for (base, theirs, mine) in [
        ("[1,2,3]", "[3,1,2]", "[2,1]"),
        (r#"["1","2","3"]"#, r#"["3","1","2"]"#, r#"["2","1"]"#),
        (r#"[{"id":1},{"id":2},{"id":3}]"#, r#"[{"id":3},{"id":1},{"id":2}]"#, r#"[{"id":2},{"id":1}]"#),
    ] {
        let [base, theirs, mine] = [base, theirs, mine].map(|json| members(&format!(r#"{{"f":{json}}}"#)));
        let (table, _) = save_as("ann", &base, &theirs, &mine);
        assert_eq!(save_as("ann", &base, &table, &mine).0, table, "{base:?} {theirs:?} {mine:?}");
    }
}

#[test]
fn types_survive_in_entries_without_an_id() {
    let set = |elements: &[&str]| Value::Strings(elements.iter().copied().map(String::from).collect());
    let entry = |h: u64| {
        let bytes = Value::Binary(b"hi".to_vec());
        Value::Map(Members::from([
            ("h".to_owned(), h.into()),
            ("b".to_owned(), bytes),
            ("s".to_owned(), set(&["x", "y"])),
        ]))
    };
    let list =
        |entries: &[u64]| Members::from([("f".to_owned(), Value::List(entries.iter().copied().map(entry).collect()))]);
    let json = r#"{"h":H,"b":"aGk=","s":["y","x"]}"#;
    let mine = members(&format!(r#"{{"f":[{},{}]}}"#, json.replace('H', "1"), json.replace('H', "7")));
    for edit in [Edit::Replace(mine.clone()), Edit::Patch(mine.clone())] {
        assert_eq!(merged(&edit, &list(&[1, 2]), Some(&list(&[1, 2])), "").0, list(&[1, 7]));
    }
    let seen = Edit::Seen {
        seen: members(&format!(r#"{{"f":[{},{}]}}"#, json.replace('H', "1"), json.replace('H', "2"))),
        set: mine,
        remove: BTreeSet::new(),
    };
    assert_eq!(merged(&seen, &list(&[1, 2]), None, "").0, list(&[1, 7]));
    assert_eq!(merged(&seen, &list(&[3, 2]), None, "").0, list(&[3, 7]));
}

#[test]
fn a_set_stays_a_set_or_is_removed() {
    let set = |text: &str| {
        let elements = text.chars().map(String::from).collect();
        Members::from([("f".to_owned(), Value::Strings(elements)), ("g".to_owned(), 1.into())])
    };
    let without = members(r#"{"g":1}"#);
    for edit in [Edit::Replace, Edit::Patch, Edit::MergePatch] {
        assert_eq!(merged(&edit(members(r#"{"f":[]}"#)), &set("xy"), Some(&set("xy")), "").0, without);
        assert_eq!(merged(&edit(members(r#"{"f":["x","y","y"]}"#)), &set("x"), Some(&set("x")), "").0, set("xy"));
        assert_eq!(merged(&edit(members(r#"{"f":["x","y","y"]}"#)), &set("x"), None, "").0, set("xy"));
    }
    // Each author removes what the other one keeps.
    assert_eq!(save_as("", &set("xy"), &set("x"), &set("y")).0, without);
    let nested = |value: Value| Members::from([("o".to_owned(), Value::Map(Members::from([("f".to_owned(), value)])))]);
    let stored = nested(Value::Strings(["x".to_owned()].into()));
    assert_eq!(
        merged(&Edit::Patch(members(r#"{"o":{"f":[]}}"#)), &stored, Some(&stored), "").0,
        members(r#"{"o":{}}"#)
    );
}

#[test]
fn a_merge_patch_without_a_base_replaces_lists() {
    let theirs = members(r#"{"l":[1,2],"o":{"l":["a"],"x":1},"n":[{"id":"a","x":1}],"s":"t","same":[1]}"#);
    let sent = members(r#"{"l":[2,3],"o":{"l":["b"]},"n":[{"id":"a"}],"s":null,"same":[1],"new":[1]}"#);
    let edit = Edit::MergePatch(sent);
    let (table, report) = merged(&edit, &theirs, None, "");
    assert_eq!(table, members(r#"{"l":[2,3],"o":{"l":["b"],"x":1},"n":[{"id":"a"}],"same":[1],"new":[1]}"#));
    assert_eq!(report.won, ["/l", "/n", "/o/l"]);
    assert_eq!(merged(&edit, &table, None, "").1, Report::default());
}

#[test]
fn an_entry_without_an_id_has_its_types_again_in_a_retry() {
    let binary = |id: Option<&str>| {
        let id = id.map(|id| ("id".to_owned(), id.into()));
        Value::Map(id.into_iter().chain([("b".to_owned(), Value::Binary(b"hi".to_vec()))]).collect())
    };
    let list = |entries: &[Value]| Members::from([("l".to_owned(), Value::List(entries.to_vec()))]);
    // The sent entry is a change of the first one, and another one with the same bytes stays.
    let theirs = list(&[binary(None), binary(Some("x"))]);
    for edit in [Edit::MergePatch, Edit::Patch] {
        let edit = edit(members(r#"{"l":[{"b":"b2s="},{"id":"x","b":"aGk="}]}"#));
        let (table, _) = merged(&edit, &theirs, None, "ann");
        let Value::List(entries) = &table["l"] else { panic!("{table:?}") };
        let is_binary = |entry: &Value| matches!(entry, Value::Map(m) if matches!(m["b"], Value::Binary(_)));
        assert!(entries.iter().all(is_binary), "{table:?}");
        assert_eq!(merged(&edit, &table, None, "ann").0, table);
    }
}

#[test]
fn edits_of_different_lines_are_both_in() {
    let text = |lines: &str| lines.replace('/', "\\n");
    let both = |base: &str, ann: &str, bo: &str, expected: &str| {
        let quoted = |lines: &str| format!(r#""{}""#, text(lines));
        both(&quoted(base), &quoted(ann), &quoted(bo), &quoted(expected))
    };
    let report = both("a/b/c", "A/b/c", "a/b/C", "A/b/C");
    assert!(report.won.is_empty(), "{report:?}");
    assert_eq!((report.merged[0].pointer.as_str(), report.merged[0].entries), ("/f", None));
    both("a/b/c/", "0/a/b/c/", "a/b/c/d/", "0/a/b/c/d/");
    both("a/b/c", "b/c", "a/b", "b");
    // The edits touch.
    for (base, ann, bo) in
        [("a/b/c", "A/b/c", "a/B/c"), ("a/b", "x/b", "y/b"), ("a/b", "a/b/x", "a/b/y"), ("a", "a/b", "c")]
    {
        assert_eq!(both(base, ann, bo, bo).won, ["/f"]);
    }
}

#[test]
fn an_author_can_take_back_what_they_saw() {
    let (old, new) = (members(r#"{"goal":"A","x":1}"#), members(r#"{"goal":"B","x":2}"#));
    let seen = |seen: &str, set: &str, remove: &[&str]| Edit::Seen {
        seen: members(seen),
        set: members(set),
        remove: remove.iter().copied().map(String::from).collect(),
    };
    let back = seen(r#"{"goal":"B"}"#, r#"{"goal":"A"}"#, &[]);
    let (table, report) = merged(&back, &new, Some(&old), "");
    assert_eq!(table, members(r#"{"goal":"A","x":2}"#));
    assert_eq!(report.taken[0].pointer, "/goal");
    assert_eq!(merged(&back, &table, None, "").1, Report::default());
    // The report names the value that the author did not see.
    let (table, report) = merged(&seen(r#"{"goal":"A"}"#, r#"{"goal":"C"}"#, &[]), &new, None, "");
    assert_eq!((table, report.won), (members(r#"{"goal":"C","x":2}"#), vec!["/goal".to_owned()]));
    // Members that are removed, set to null, and new.
    let edit = seen(r#"{"x":2}"#, r#"{"goal":null,"y":null}"#, &["x"]);
    let (table, report) = merged(&edit, &new, None, "");
    assert_eq!(table, members(r#"{"goal":null,"y":null}"#));
    assert_eq!(report.won, ["/goal"], "it was not there, as far as its author saw");
    let lists = seen(r#"{"tags":["p"]}"#, r#"{"tags":["p","a"]}"#, &[]);
    assert_eq!(merged(&lists, &members(r#"{"tags":["p","o"]}"#), None, "").0, members(r#"{"tags":["p","o","a"]}"#));
}

#[test]
fn what_no_record_can_hold_is_refused() {
    let entries = |count: usize| members(&format!(r#"{{"l":[{}]}}"#, vec!["{}"; count].join(",")));
    let base = members("{}");
    for count in [20_000, 300_000] {
        let refused = Edit::Replace(entries(count)).merge_into(&base, Some(&base), "", Rules::default());
        assert!(matches!(refused, Err(TooLarge(size)) if size > 400_000), "{count}: {refused:?}");
    }
    // A record that is already too large can become smaller.
    let large = members(&format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(500_000)));
    let smaller = members(&format!(r#"{{"a":"{}"}}"#, "x".repeat(499_000)));
    assert!(Edit::Replace(smaller).merge_into(&large, Some(&large), "", Rules::default()).is_ok());
    assert!(Edit::Replace(sent(&large, &base)).merge_into(&large, Some(&large), "", Rules::default()).is_ok());
}
