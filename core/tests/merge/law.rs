//! Golden cases for the paragraphs of the law.

use ripple_core::record::change::Edit;
use ripple_core::record::merge::{Counts, Report};
use ripple_core::value::{Members, Number, Value};

use crate::{members, merged as merge_edit, save};

/// Merges `{"f": …}` on all sides. `-` is a field that does not exist.
#[track_caller]
fn field(base: &str, theirs: &str, mine: &str, merged: &str) -> Report {
    let of = |json: &str| if json == "-" { Members::new() } else { members(&format!(r#"{{"f":{json}}}"#)) };
    let (result, receipt) = save(&of(base), &of(theirs), &of(mine));
    assert_eq!(result, of(merged), "base {base}, theirs {theirs}, mine {mine}");
    let (again, _) = save(&of(base), &result, &of(mine));
    assert_eq!(again, result, "sent again: base {base}, theirs {theirs}, mine {mine}");
    receipt
}

#[test]
fn what_only_one_side_changed_is_as_that_side_left_it() {
    assert_eq!(field("1", "1", "2", "2").taken[0].pointer, "/f");
    assert_eq!(field("1", "2", "1", "2").kept, ["/f"]);
    field("-", "-", "2", "2");
    field("-", "2", "-", "2");
    field("1", "1", "-", "-");
    field("1", "-", "1", "-");
    assert_eq!(field("1", "2", "2", "2"), Report::default(), "both to the same: nothing to tell");
    assert_eq!(field("1", "-", "-", "-"), Report::default());
    field("[1,2]", "[1,2]", "[2,1]", "[2,1]");
}

#[test]
fn of_single_values_the_later_save_wins() {
    for (base, theirs, mine) in [
        ("1", "2", "3"),
        (r#""a""#, r#""b""#, r#""c""#),
        ("true", "null", "false"),
        ("1", "[1]", r#"{"x":1}"#),
        ("[1]", "2", "[1,3]"),
        (r#"{"x":1}"#, "2", r#"{"x":2}"#),
        ("1", "-", "2"),
        ("1", "2", "-"),
        ("-", "1", "2"),
        ("1", r#"{"x":1}"#, "-"),
    ] {
        let receipt = field(base, theirs, mine, mine);
        assert_eq!(receipt.won, ["/f"], "base {base}, theirs {theirs}, mine {mine}");
    }
}

#[test]
fn objects_are_merged_member_by_member() {
    let receipt = field(
        r#"{"a":1,"b":1,"c":1,"d":{"x":1}}"#,
        r#"{"a":2,"b":1,"c":2,"d":{"x":1,"y":1}}"#,
        r#"{"a":1,"b":2,"c":3,"d":{"x":2}}"#,
        r#"{"a":2,"b":2,"c":3,"d":{"x":2,"y":1}}"#,
    );
    assert_eq!(receipt.won, ["/f/c"]);
    assert_eq!(receipt.kept, ["/f/a", "/f/d/y"]);
    let taken: Vec<&str> = receipt.taken.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(taken, ["/f/b", "/f/d/x"]);
    field("-", r#"{"a":1}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#);
    field("1", r#"{"a":1}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#);
    field(r#"{"a":1,"b":1}"#, r#"{"a":1}"#, r#"{"b":1}"#, "{}");
}

#[test]
fn entries_are_known_by_their_id() {
    let receipt = field(
        r#"[{"id":"a","t":1},{"id":"b","t":1},{"id":7,"t":1}]"#,
        r#"[{"id":"a","t":2},{"id":"b","t":1},{"id":7,"t":1},{"id":"x","t":1}]"#,
        r#"[{"id":"a","t":1,"u":1},{"id":7,"t":3},{"id":"y","t":1}]"#,
        r#"[{"id":"a","t":2,"u":1},{"id":7,"t":3},{"id":"x","t":1},{"id":"y","t":1}]"#,
    );
    assert_eq!(receipt.merged[0].entries, Some(Counts { added: 1, removed: 1, changed: 2 }));
    assert_eq!(receipt.won, [""; 0]);
}

#[test]
fn values_that_gave_way_inside_an_entry_are_told_by_its_place() {
    let receipt = field(
        r#"[{"id":"a","t":1}]"#,
        r#"[{"id":"z"},{"id":"a","t":2}]"#,
        r#"[{"id":"a","t":3}]"#,
        r#"[{"id":"z"},{"id":"a","t":3}]"#,
    );
    assert_eq!(receipt.won, ["/f/1/t"]);
}

#[test]
fn other_entries_are_counted() {
    field("[1,2]", "[1,2,3]", "[1,2,4]", "[1,2,3,4]");
    field(r#"["a","a"]"#, r#"["a","a","a"]"#, r#"["a","a","a","b"]"#, r#"["a","a","a","b"]"#);
    field(r#"["a","a","a"]"#, r#"["a","a"]"#, r#"["a"]"#, r#"["a"]"#);
    // Both edits together would give the base again, and a retry could not be distinguished from a new save.
    assert_eq!(field(r#"["a","a"]"#, r#"["a","a","a"]"#, r#"["a"]"#, r#"["a"]"#).won, ["/f"]);
    assert_eq!(field(r#"["a","a"]"#, r#"["a"]"#, r#"["a","a","a"]"#, r#"["a","a","a"]"#).won, ["/f"]);
    // Beside entries with an id, an addition stands against the removal of an equal entry for the same reason.
    field(r#"[{"id":1},"a","a"]"#, r#"[{"id":1},"a","a","a"]"#, r#"[{"id":1},"a"]"#, r#"[{"id":1},"a","a","a"]"#);
    field(r#"[{"id":1},"a","a"]"#, r#"[{"id":1},"a"]"#, r#"[{"id":1},"a","a","a"]"#, r#"[{"id":1},"a","a","a"]"#);
    field(r#"["a","b"]"#, r#"["b"]"#, r#"["a"]"#, "[]");
    field(r#"["a"]"#, r#"["a","x"]"#, r#"["a","x","y"]"#, r#"["a","x","y"]"#);
    field("[[1]]", "[[1],[2]]", "[[1],[3]]", "[[1],[2],[3]]");
    field("-", "[1]", "[2]", "[1,2]");
}

#[test]
fn an_edit_of_an_entry_stands_against_its_removal() {
    let receipt = field(r#"[{"id":"a","t":1}]"#, r#"[{"id":"a","t":2}]"#, "[]", r#"[{"id":"a","t":2}]"#);
    assert_eq!(receipt.kept, ["/f", "/f/0"]);
    field(r#"[{"id":"a","t":1}]"#, "[]", r#"[{"id":"a","t":2}]"#, r#"[{"id":"a","t":2}]"#);
}

#[test]
fn order_is_theirs_and_new_entries_follow_their_neighbour() {
    field(r#"["1","2","3"]"#, r#"["3","2","1","9"]"#, r#"["1","7","2","3"]"#, r#"["3","2","1","7","9"]"#);
    field(r#"["1","2"]"#, r#"["1","2","9"]"#, r#"["0","1","2"]"#, r#"["0","1","2","9"]"#);
    field(r#"["1","2"]"#, r#"["1","2","9"]"#, r#"["1","2","8"]"#, r#"["1","2","9","8"]"#);
    field(r#"["1","2","3"]"#, r#"["1","3","9"]"#, r#"["1","2","7","3"]"#, r#"["1","7","3","9"]"#);
    // Only mine moved entries: the order is mine, and theirs follow their neighbours.
    field(r#"["1","2","3"]"#, r#"["1","9","2","3"]"#, r#"["3","2","1"]"#, r#"["3","2","1","9"]"#);
}

#[test]
fn a_list_that_one_side_removed_was_emptied_by_it() {
    field("[1]", "[1,2]", "-", "[2]");
    field("[1]", "-", "[1,2]", "[2]");
    field("[1,2]", "[1]", "-", "-");
    field("[1,2]", "-", "[1]", "-");
    field(r#"{"a":1,"b":1}"#, "-", r#"{"a":2,"b":1}"#, r#"{"a":2}"#);
}

#[test]
fn a_set_is_a_list_of_values_and_stays_a_set() {
    let set = |text: &str| {
        let elements = text.chars().map(String::from).collect();
        Members::from([("f".to_owned(), Value::Strings(elements))])
    };
    let (merged, _) = save(&set("ab"), &set("abx"), &members(r#"{"f":["b","y"]}"#));
    assert_eq!(merged, set("bxy"));
    // An emptied set cannot stay a set, since DynamoDB has no empty sets. Another author's addition makes it a set
    // again.
    let (merged, _) = save(&set("ab"), &set("abx"), &members(r#"{"f":[]}"#));
    assert_eq!(merged, set("x"));
    // A set is restored over the list that JSON had made of it.
    let restored = merge_edit(&Edit::Restore(set("ab")), &members(r#"{"f":["a","c"]}"#), Some(&Members::new()), "");
    assert_eq!(restored.0, set("abc"));
    // A set is removed from a state in which JSON had made a list of it.
    let (merged, _) = merge_edit(&Edit::Restore(Members::new()), &members(r#"{"f":["a"]}"#), Some(&set("ab")), "");
    assert_eq!(merged, Members::new());
    // A set of binaries is not a set of texts in base64.
    let binaries = |of: &[u8]| {
        let set = Value::Binaries(of.iter().map(|byte| vec![*byte]).collect());
        Members::from([("f".to_owned(), set)])
    };
    let (merged, _) = save(&binaries(&[1, 2]), &binaries(&[1, 2, 3]), &members(r#"{"f":["Ag==","BA=="]}"#));
    assert_eq!(merged, binaries(&[2, 3, 4]));
    // An attribute has become a set since the base.
    let (merged, _) = save(&Members::new(), &set("ab"), &members(r#"{"f":["b","c"]}"#));
    assert_eq!(merged, set("abc"));
}

/// Several types meet if a state is restored, since JSON has no types of sets.
#[test]
fn sets_of_several_types_are_one_of_them_where_the_elements_are() {
    let field = |value| Members::from([("f".to_owned(), value)]);
    let texts = |of: &[&str]| Value::Strings(of.iter().copied().map(String::from).collect());
    let numbers = |of: &[u64]| Value::Numbers(of.iter().copied().map(Number::from).collect());
    let binaries = |of: &[u8]| Value::Binaries(of.iter().map(|byte| vec![*byte]).collect());
    #[track_caller]
    fn restored(state: Members, theirs: Members, base: Members, expected: Members) {
        let restore = Edit::Restore(state);
        let (merged, _) = merge_edit(&restore, &theirs, Some(&base), "");
        assert_eq!(merged, expected);
        assert_eq!(merge_edit(&restore, &merged, Some(&base), "").0, merged, "sent again, nothing changes");
    }
    // A restored set over one that was emptied.
    restored(field(texts(&["a"])), field(numbers(&[1])), field(numbers(&[1, 2])), field(texts(&["a"])));
    // Both sides made a set: a text is not a binary, even if it looks like base64.
    let both = Value::List(vec![Value::Binary(vec![1]), "AQ==".into()]);
    restored(field(texts(&["AQ=="])), field(binaries(&[1])), Members::new(), field(both));
    let both = Value::List(vec!["".into(), Value::Binary(vec![7])]);
    restored(field(binaries(&[7])), field(texts(&[""])), Members::new(), field(both));
}

#[test]
fn new_entries_get_an_id_that_a_repetition_makes_again() {
    let base = members(r#"{"f":[{"id":"a"},{"old":1}]}"#);
    let mine = members(r#"{"f":[{"id":"a"},{"old":1},{"new":1},{"new":1},{"id":null,"new":1},5]}"#);
    let (merged, _) = save(&base, &base, &mine);
    let Value::List(list) = &merged["f"] else { panic!("a list") };
    let ids: Vec<Option<&Value>> = list.iter().map(Value::entry_id).collect();
    assert_eq!(list.len(), 6);
    assert!(ids[1].is_none(), "what another writer put there without an id stays as it is");
    assert!(ids[5].is_none(), "a plain value has none");
    let made: std::collections::BTreeSet<String> =
        ids[2..5].iter().map(|id| serde_json::to_string(id.expect("an id")).expect("text")).collect();
    assert_eq!(made.len(), 3, "equal entries of one save are told apart");
    assert_eq!(save(&base, &merged, &mine).0, merged, "sent again, nothing changes");
}

#[test]
fn nested_lists_get_ids_and_merge_too() {
    let base = members(r#"{"f":{"g":[{"id":"a","sub":[{"id":"s"}]}]}}"#);
    let theirs = members(r#"{"f":{"g":[{"id":"a","sub":[{"id":"s"},{"id":"t"}]}]}}"#);
    let mine = members(r#"{"f":{"g":[{"id":"a","sub":[{"id":"s"},{"n":1}]}]}}"#);
    let (merged, _) = save(&base, &theirs, &mine);
    let text = serde_json::to_string(&Value::Map(merged)).expect("JSON");
    assert!(text.starts_with(r#"{"f":{"g":[{"id":"a","sub":[{"id":"s"},{"id":"t"},{"id":""#), "{text}");
}

#[test]
fn without_a_base_nothing_is_lost() {
    let theirs = members(r#"{"a":1,"l":[{"id":"x","t":1,"u":1}],"o":{"p":1},"z":1}"#);
    let sent = members(r#"{"a":2,"l":[{"id":"x","t":2},{"n":1}],"o":{"q":1}}"#);
    let (merged, receipt) = merge_edit(&Edit::Replace(sent.clone()), &theirs, None, "");
    let text = serde_json::to_string(&Value::Map(merged.clone())).expect("JSON");
    assert!(text.starts_with(r#"{"a":2,"l":[{"id":"x","t":2,"u":1},{"id":""#), "{text}");
    assert!(text.ends_with(r#"}],"o":{"p":1,"q":1},"z":1}"#), "{text}");
    assert_eq!(receipt.won, ["/a", "/l/0/t"]);
    let (again, _) = merge_edit(&Edit::Replace(sent), &merged, None, "");
    assert_eq!(again, merged);
}

#[test]
fn pointers_are_escaped() {
    let (_, receipt) = save(&members(r#"{"a/b~c":1}"#), &members(r#"{"a/b~c":1}"#), &members(r#"{"a/b~c":2}"#));
    assert_eq!(receipt.taken[0].pointer, "/a~1b~0c");
}
