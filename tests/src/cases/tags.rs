//! Entity tags and conditional requests (RFC 9110 §13).

use http::Method;
use serde_json::json;

use crate::case::cases;
use crate::{Answer, Call, Record, Target};

cases! { tags:
    a_records_tag_changes_with_it_and_only_then,
    a_lists_tag_changes_with_it_and_only_then,
    record_with_known_tag_is_not_sent,
    list_with_known_tag_is_not_sent,
    read_with_another_if_match_fails,
    save_with_current_tag_is_applied,
    a_save_on_another_tag_fails_and_changes_nothing,
    a_weak_tag_never_matches_for_saving,
    preconditions_do_not_hide_other_problems,
    no_tag_matches_an_absent_record,
    a_tag_and_an_old_version_are_merged,
    invalid_tag_matches_nothing,
    a_save_that_changes_nothing_still_keeps_its_precondition,
}

const OTHER: &str = r#""another""#;

fn a_records_tag_changes_with_it_and_only_then(t: &Target) {
    let id = t.some_record();
    let first = t.read(&id).etag();
    assert_eq!(t.read(&id).etag(), first);
    let saved = t.patch(&id, json!({t.kit.title: "second"})).send().expect(200).etag();
    assert_ne!(saved, first);
    assert_eq!(t.read(&id).etag(), saved);
    assert_eq!(t.patch(&id, json!({t.kit.title: "second"})).send().expect(200).etag(), saved);
    let other = t.some_record();
    assert_ne!(t.read(&other).etag(), saved);
}

fn a_lists_tag_changes_with_it_and_only_then(t: &Target) {
    let tag = || t.get(t.list_path("")).send().expect(200).etag();
    let mut seen = vec![tag()];
    let mut changed = |what: &str| {
        let now = tag();
        assert_eq!(tag(), now, "the same list has the same tag");
        assert!(!seen.contains(&now), "{what}");
        seen.push(now);
    };
    let id = t.some_record();
    changed("a record more");
    t.patch(&id, json!({t.kit.title: "second"})).send().expect(200);
    changed("a record changed");
    t.some_record();
    changed("another record");
    t.delete(&id).send().expect(204);
    changed("a record less");

    let before = tag();
    let other = t.stranger();
    other.some_record();
    assert_eq!(tag(), before, "a record that is not in the list");
}

fn record_with_known_tag_is_not_sent(t: &Target) {
    let id = t.some_record();
    let tag = t.read(&id).etag();
    let known = [
        tag.clone(),
        format!("W/{tag}"),
        "*".to_owned(),
        format!("{OTHER}, {tag}"),
        format!("{OTHER},W/{tag},{OTHER}"),
    ];
    for method in [Method::GET, Method::HEAD] {
        for known in &known {
            let answer = t.call(method.clone(), t.path(&id)).header("if-none-match", known).send().expect(304);
            assert_eq!(answer.etag(), tag, "{known}");
        }
        for unknown in [OTHER.to_owned(), format!("W/{OTHER}"), format!(r#"{OTHER}, "{}""#, &tag[1..4])] {
            let answer = t.call(method.clone(), t.path(&id)).header("if-none-match", &unknown).send().expect(200);
            assert_eq!(answer.etag(), tag, "{unknown}");
        }
    }
    let two = t.get(t.path(&id)).header("if-none-match", OTHER).also("if-none-match", &tag).send();
    two.expect(304);
}

fn list_with_known_tag_is_not_sent(t: &Target) {
    t.some_record();
    for parameters in ["", &format!("sort=-{0}&fields={0}", t.kit.title), "limit=1"] {
        let path = t.list_path(parameters);
        let tag = t.get(&path).send().expect(200).etag();
        assert_eq!(t.get(&path).header("if-none-match", &tag).send().expect(304).etag(), tag);
        t.head(&path).header("if-none-match", "*").send().expect(304);
        t.get(&path).header("if-none-match", OTHER).send().expect(200);
    }
    let tag = t.get(t.list_path("")).send().expect(200).etag();
    t.some_record();
    t.get(t.list_path("")).header("if-none-match", &tag).send().expect(200);
}

fn read_with_another_if_match_fails(t: &Target) {
    let id = t.some_record();
    for path in [t.path(&id), t.list_path("")] {
        let tag = t.get(&path).send().expect(200).etag();
        for matching in [tag.clone(), "*".to_owned(), format!("{OTHER}, {tag}")] {
            t.get(&path).header("if-match", &matching).send().expect(200);
            t.head(&path).header("if-match", &matching).send().expect(200);
        }
        for other in [OTHER.to_owned(), format!("W/{tag}")] {
            t.get(&path).header("if-match", &other).send().problem(412, "precondition_failed");
            t.head(&path).header("if-match", &other).send().expect(412);
        }
    }
}

/// Returns each way to change a record, under a precondition.
fn writes<'t>(t: &'t Target, id: &str, if_match: &str) -> [Call<'t>; 3] {
    [t.put(id, json!({t.kit.title: "x"})), t.patch(id, json!({t.kit.title: "y"})), t.delete(id)]
        .map(|call| call.header("if-match", if_match))
}

fn save_with_current_tag_is_applied(t: &Target) {
    let id = t.some_record();
    let tag = || t.read(&id).etag();
    t.put(&id, r#"{"n":1}"#).header("if-match", tag()).send().expect(200);
    t.put(&id, r#"{"n":2}"#).header("if-match", "*").send().expect(200);
    t.patch(&id, r#"{"n":3}"#).header("if-match", format!("{OTHER}, {}", tag())).send().expect(200);
    t.patch(&id, r#"{"n":4,"version":4}"#).header("if-match", OTHER).also("if-match", tag()).send().expect(200);
    t.delete(&id).header("if-match", tag()).send().expect(204);
}

fn a_save_on_another_tag_fails_and_changes_nothing(t: &Target) {
    let id = t.some_record();
    let old = t.read(&id).etag();
    t.patch(&id, json!({t.kit.title: "second"})).send().expect(200);
    for if_match in [old.clone(), OTHER.to_owned(), format!("{OTHER}, {old}")] {
        for call in writes(t, &id, &if_match) {
            t.refused(&id, call, 412, "precondition_failed");
        }
    }
}

fn a_weak_tag_never_matches_for_saving(t: &Target) {
    let id = t.some_record();
    let weak = format!("W/{}", t.read(&id).etag());
    for call in writes(t, &id, &weak) {
        t.refused(&id, call, 412, "precondition_failed");
    }
}

/// RFC 9110 §13.2.1: a precondition counts only if the request would succeed without it.
fn preconditions_do_not_hide_other_problems(t: &Target) {
    let (absent, gone, id) = (t.fresh_id(), t.some_tombstone(), t.some_record());
    for if_match in ["*", OTHER] {
        for call in writes(t, &absent, if_match) {
            call.send().problem(404, "not_found");
        }
        for call in writes(t, &gone, if_match) {
            call.send().problem(410, "gone");
        }
        t.get(t.path(&absent)).header("if-match", if_match).send().problem(404, "not_found");
        t.get(t.path(&gone)).header("if-none-match", if_match).send().problem(410, "gone");
    }
    let call = t.put(&id, json!({t.kit.title: null})).header("if-match", OTHER);
    t.refused(&id, call, 400, "invalid_body");
}

/// RFC 9110 §13.1.1: a deleted record has no current representation, and a new record has none yet.
fn no_tag_matches_an_absent_record(t: &Target) {
    let (gone, id) = (t.some_record(), t.fresh_id());
    let old = t.read(&gone).etag();
    t.delete(&gone).send().expect(204);
    let back = Record::new(t.kit, &gone).with("version", 2).with("deleted", false).to_json();
    for if_match in [&old, "*", OTHER] {
        for call in [t.post(format!("{}/versions/1", t.path(&gone)), ""), t.put(&gone, back.as_str())] {
            call.header("if-match", if_match).send().problem(412, "precondition_failed");
            t.get(t.path(&gone)).send().problem(410, "gone");
        }
        for id in [&id, &gone] {
            let create = t.post(t.kit.path, Record::new(t.kit, id).to_json()).header("if-match", if_match);
            create.send().problem(412, "precondition_failed");
        }
    }
    t.get(t.path(&id)).send().problem(404, "not_found");
    t.get(t.path(&gone)).send().problem(410, "gone");
    // `If-None-Match: *` is another condition: that there is no record.
    t.post(format!("{}/versions/1", t.path(&gone)), "").header("if-none-match", "*").send().expect(200);
}

/// The tag says that the author knows the current state, and the version names the base of the edit. Both count.
fn a_tag_and_an_old_version_are_merged(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.title: "second"})).send().expect(200);
    let call = t.put(&id, json!({t.kit.text: "x", "version": 1})).header("if-match", t.read(&id).etag());
    let saved = call.send().expect(200).json();
    assert_eq!((&saved[t.kit.title], &saved[t.kit.text]), (&"second".into(), &"x".into()));
}

/// In particular, it must not save.
fn invalid_tag_matches_nothing(t: &Target) {
    let id = t.some_record();
    let tag = t.read(&id).etag();
    let bare = tag.trim_matches('"');
    let spaced =
        [" ", "\t"].map(|space| format!("{space}{bare}")).map(|spaced| format!("\"{spaced}\", \"{spaced}\"y\""));
    let malformed = [bare.to_owned(), format!("\"{bare}"), format!("{tag} {tag}"), format!("w/{tag}")];
    for malformed in malformed.into_iter().chain(spaced) {
        for call in writes(t, &id, &malformed) {
            t.refused(&id, call, 412, "precondition_failed");
        }
        t.get(t.path(&id)).header("if-none-match", &malformed).send().expect(200);
    }
    // An empty header counts as absent: some hosts pass it on, and some do not.
    t.put(&id, "{}").header("if-match", "").send().expect(200);
}

fn a_save_that_changes_nothing_still_keeps_its_precondition(t: &Target) {
    let id = t.some_record();
    t.refused(&id, t.put(&id, "{}").header("if-match", OTHER), 412, "precondition_failed");
    let saved: Answer = t.put(&id, "{}").header("if-match", t.read(&id).etag()).send().expect(200);
    assert_eq!(saved.version(), 1);
}
