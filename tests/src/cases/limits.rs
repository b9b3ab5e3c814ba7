//! Each limit, at its boundary and one past it. Cases with large records delete them, since they would slow every list.

use std::fmt::Write as _;

use http::Method;
use serde_json::{Value, json};

use crate::case::cases;
use crate::{Kit, Record, Target};

cases! { limits:
    a_value_nests_up_to_32_levels,
    an_entry_has_room_for_its_id,
    a_name_has_up_to_255_bytes,
    a_record_of_long_names_has_a_history,
    nesting_without_end_is_refused,
    a_body_has_up_to_1_mib,
    a_record_has_up_to_400_kib_as_stored,
    a_record_does_not_grow_past_its_limit,
    a_body_that_grows_past_the_limit_of_a_record_is_refused,
    a_record_has_any_number_of_members,
    a_write_changes_any_number_of_members,
    a_write_of_more_than_100_members_is_several_versions,
    a_write_may_move_room_from_member_to_member,
    a_state_of_any_number_of_members_is_restored,
    sort_takes_up_to_8_names,
    fields_takes_up_to_64_names,
    limit_is_a_whole_number_from_1_to_10000,
    a_query_has_up_to_8192_characters_beside_its_cursor,
    a_page_has_up_to_5_mib;
    of PRJ: short_texts_have_up_to_64_characters;
    with_text_ids: an_id_has_up_to_128_characters,
}

const MIB: usize = 1024 * 1024;

fn an_id_has_up_to_128_characters(t: &Target) {
    let fresh = t.fresh_id();
    let id = format!("{fresh}{}", "x".repeat(128 - fresh.len()));
    let created = t.create(&t.draft().with_id(&id));
    assert_eq!(t.read(&id).body(), created.body());

    let longer = format!("{id}x");
    let answer = t.post(t.kit.path, t.draft().with_id(&longer).to_json()).send();
    answer.problem(400, "invalid_body");
    answer.blames("pointer", &t.kit.pointer(t.kit.key));
    t.get(t.path(&longer)).send().problem(404, "not_found");
    t.get(t.path(&"x".repeat(2049))).send().problem(400, "invalid_request");
}

/// Characters, not bytes.
fn short_texts_have_up_to_64_characters(t: &Target) {
    for name in ["term_unit", "create_date"] {
        for letter in ["x", "ü", "⛴"] {
            let draft = t.draft().with(name, letter.repeat(64));
            assert_eq!(t.create(&draft).json()[name], letter.repeat(64));
            let longer = format!(r#"{{"{name}":"{}"}}"#, letter.repeat(65));
            let call = t.patch(draft.id(), longer);
            t.refused(draft.id(), call, 400, "invalid_body").blames("pointer", &format!("/{name}"));
        }
    }
}

/// A member's value is the first level and the innermost value the last, as DynamoDB counts.
fn a_value_nests_up_to_32_levels(t: &Target) {
    let id = t.some_record();
    let lists = |inner: usize| format!(r#"{{"deep":{}1{}}}"#, "[".repeat(inner), "]".repeat(inner));
    let objects = |inner: usize| format!(r#"{{"deep":{}1{}}}"#, r#"{"a":"#.repeat(inner), "}".repeat(inner));
    for nested in [lists, objects] {
        let saved = t.put(&id, nested(31)).send().expect(200);
        assert_eq!(format!(r#"{{"deep":{}}}"#, saved.raw("deep")), nested(31));
        t.refused(&id, t.put(&id, nested(32)), 400, "invalid_body");
        t.refused(&id, t.patch(&id, nested(32)), 400, "invalid_body");
    }
}

/// An entry that is an object without an `id` gets one, which is one more level.
fn an_entry_has_room_for_its_id(t: &Target) {
    let id = t.some_record();
    let lists = |inner: usize| format!(r#"{{"deep":{}{{}}{}}}"#, "[".repeat(inner), "]".repeat(inner));
    t.refused(&id, t.put(&id, lists(31)), 400, "invalid_body");
    t.put(&id, lists(30)).send().expect(200);
}

/// Bytes, not characters, and at any level.
fn a_name_has_up_to_255_bytes(t: &Target) {
    for name in ["x".repeat(255), format!("x{}", "ü".repeat(127))] {
        assert_eq!(t.create(&t.draft().with(&name, 1)).json()[&name], 1);
        let longer = format!("{name}y");
        let draft = t.draft().with(&longer, 1);
        let answer = t.post(t.kit.path, draft.to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", &format!("/{longer}"));
        t.get(t.path(draft.id())).send().problem(404, "not_found");

        let id = t.some_record();
        for method in [Method::PUT, Method::PATCH] {
            let call = t.call(method, t.path(&id)).json(format!(r#"{{"a/b":[{{"{longer}":1}}]}}"#));
            t.refused(&id, call, 400, "invalid_body").blames("pointer", &format!("/a~1b/0/{longer}"));
        }
    }
    let id = t.some_record();
    t.refused(&id, t.put(&id, format!(r#"{{"{}":1}}"#, "x".repeat(70_000))), 400, "invalid_body");
}

/// A row of the history holds the record, and then has no space for all of its names.
fn a_record_of_long_names_has_a_history(t: &Target) {
    let draft = (0..1150).fold(t.draft(), |draft, n| draft.with(&format!("{n:04}{}", "x".repeat(251)), 1));
    let id = draft.id();
    t.create(&draft);
    t.patch(id, json!({t.kit.text: "still saved"})).send().expect(200);
    let rows = t.get(format!("{}/versions", t.path(id))).send().expect(200).array();
    assert!(
        rows[1]["changes"] == json!([{"field": ""}]),
        "{} changes",
        rows[1]["changes"].as_array().map_or(0, Vec::len)
    );
    t.get(format!("{}/versions/1", t.path(id))).send().expect(200);
    t.delete(id).send().expect(204);
}

fn nesting_without_end_is_refused(t: &Target) {
    let id = t.some_record();
    for open in ["[", r#"{"a":"#, r#"[{"a":"#] {
        let deep = format!(r#"{{"deep":{}"#, open.repeat(100_000));
        t.refused(&id, t.put(&id, deep), 400, "invalid_body");
    }
    let closed = format!(r#"{{"deep":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
    t.refused(&id, t.patch(&id, closed), 400, "invalid_body");
}

/// White space counts in a body, but not in a record.
fn a_body_has_up_to_1_mib(t: &Target) {
    let id = t.some_record();
    let padded = |name: &str, length: usize| {
        let edit = json!({t.kit.title: name}).to_string();
        format!("{edit}{}", " ".repeat(length - edit.len()))
    };
    for method in [Method::PUT, Method::PATCH] {
        let name = format!("saved with {method}");
        let call = |length| t.call(method.clone(), t.path(&id)).json(padded(&name, length));
        t.refused(&id, call(MIB + 1), 413, "body_too_large");
        assert_eq!(call(MIB).send().expect(200).json()[t.kit.title], name);
    }
    let draft = t.draft();
    let json = draft.to_json();
    let padded = |length: usize| format!("{json}{}", " ".repeat(length - json.len()));
    t.post(t.kit.path, padded(MIB + 1)).send().problem(413, "body_too_large");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
    t.post(t.kit.path, padded(MIB)).send().expect(201);
}

/// DynamoDB counts names and values, and some bytes for each. So a record of one long text has the size of the text and
/// less than a kilobyte more.
fn a_record_has_up_to_400_kib_as_stored(t: &Target) {
    const RECORD: usize = 400 * 1024;
    for (letter, length) in [("x", 1), ("ü", 2)] {
        let draft = t.draft();
        let just_too_long = draft.clone().with("text", letter.repeat(RECORD / length));
        t.post(t.kit.path, just_too_long.to_json()).send().problem(413, "record_too_large");
        t.get(t.path(draft.id())).send().problem(404, "not_found");
        let text = letter.repeat((RECORD - 1024) / length);
        assert_eq!(t.create(&draft.clone().with("text", text.as_str())).json()["text"], text);
        t.delete(draft.id()).send().expect(204);
    }
}

fn a_record_does_not_grow_past_its_limit(t: &Target) {
    let id = t.some_record();
    let part = "x".repeat(130 * 1024);
    for name in ["a", "b", "d"] {
        t.patch(&id, format!(r#"{{"{name}":"{part}"}}"#)).send().expect(200);
    }
    t.refused(&id, t.patch(&id, format!(r#"{{"c":"{part}"}}"#)), 413, "record_too_large");
    t.refused(&id, t.put(&id, json!({"c": part, t.kit.title: "x"})), 413, "record_too_large");
    t.patch(&id, format!(r#"{{"a":null,"c":"{part}"}}"#)).send().expect(200);
    t.delete(&id).send().expect(204);
}

/// Each empty entry gets an `id`. So a body within its limit can become a record that is several times too large.
fn a_body_that_grows_past_the_limit_of_a_record_is_refused(t: &Target) {
    let entries = |before: &str, after: &str| {
        let room = MIB - before.len() - after.len();
        format!("{before}{}{{}}{after}", "{},".repeat(room / 3 - 1))
    };
    let id = t.some_record();
    let edit = entries(r#"{"version":1,"l":["#, "]}");
    assert!(edit.len() > MIB - 8 && edit.len() <= MIB);
    for method in [Method::PUT, Method::PATCH] {
        t.refused(&id, t.call(method, t.path(&id)).json(edit.as_str()), 413, "record_too_large");
    }
    let nested = entries(r#"{"version":1,"meta":{"l":["#, "]}}");
    t.refused(&id, t.put(&id, nested), 413, "record_too_large");

    let draft = t.draft();
    let json = draft.to_json();
    let new = entries(&format!(r#"{},"l":["#, json.trim_end_matches('}')), "]}");
    t.post(t.kit.path, new).send().problem(413, "record_too_large");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}

/// Returns the record with members `m0000`, `m0001` and so on, each of this value.
fn with_members(draft: Record, count: usize, value: usize) -> Record {
    (0..count).fold(draft, |draft, n| draft.with(&format!("m{n:04}"), value))
}

fn a_record_has_any_number_of_members(t: &Target) {
    const MEMBERS: usize = 3000;
    let draft = with_members(t.draft(), MEMBERS, 1);
    t.create(&draft);
    let saved =
        t.put(draft.id(), json!({"version": 1, t.kit.text: "still saved", "one": "more"})).send().expect(200).json();
    assert_eq!((&saved["m2999"], &saved["one"]), (&json!(1), &json!("more")));
    assert_eq!(t.read(draft.id()).json(), saved);
    t.delete(draft.id()).send().expect(204);
}

fn a_write_changes_any_number_of_members(t: &Target) {
    for method in [Method::PUT, Method::PATCH] {
        let draft = t.draft();
        let id = draft.id();
        t.create(&draft);
        let save = |version: u64, count: usize, value: usize| {
            let body = with_members(draft.clone(), count, value).with("version", version);
            t.call(method.clone(), t.path(id)).json(body.to_json()).send().expect(200)
        };
        let mut version = 1;
        for (count, value) in [(101, 1), (150, 2), (1000, 3)] {
            let saved = save(version, count, value);
            let record = t.read(id).json();
            assert_eq!(record, saved.json());
            assert!((0..count).all(|n| record[format!("m{n:04}")] == value), "{value}");
            version = saved.version();
        }
        // The edit of another client is merged into the same number of members.
        t.put(id, json!({"version": version, t.kit.text: "another's"})).send().expect(200);
        save(version, 1000, 9);
        let record = t.read(id).json();
        assert!((0..1000).all(|n| record[format!("m{n:04}")] == 9));
        assert_eq!(record[t.kit.text], "another's");

        let nothing = (0..1000).map(|n| (format!("m{n:04}"), Value::Null));
        let nothing = Value::Object(nothing.collect());
        t.call(method.clone(), t.path(id)).json(nothing.to_string()).send().expect(200);
        assert!(!t.read(id).text().contains("\"m0"));
    }
}

fn a_state_of_any_number_of_members_is_restored(t: &Target) {
    let draft = with_members(t.draft(), 500, 1);
    let id = draft.id();
    let first = t.create(&draft).json();
    t.put(id, with_members(draft.clone(), 500, 2).to_json()).send().expect(200);
    let second = t.read(id).version();
    let restored = t.post(format!("{}/versions/1", t.path(id)), "").send().expect(200).json();
    let record = t.read(id).json();
    assert_eq!(record, restored);
    assert!((0..500).all(|n| record[format!("m{n:04}")] == 1));
    assert_eq!(record[t.kit.text], first[t.kit.text]);
    for (version, value) in [(json!(1), 1), (json!(second), 2), (restored["version"].clone(), 1)] {
        let state = t.get(format!("{}/versions/{version}", t.path(id))).send().expect(200).json();
        assert_eq!((&state["m0000"], &state["m0499"]), (&json!(value), &json!(value)), "version {version}");
    }
}

/// A transaction changes up to 100 members. A larger change takes several transactions, each with its own version, and
/// the response names the last one.
fn a_write_of_more_than_100_members_is_several_versions(t: &Target) {
    let draft = with_members(t.draft(), 250, 1);
    let id = draft.id();
    t.create(&draft);
    let saved = t.put(id, with_members(draft.clone(), 250, 2).with("version", 1).to_json()).send().expect(200);
    assert_eq!(saved.version(), 4);
    let changed = |version: u64| {
        let state = t.get(format!("{}/versions/{version}", t.path(id))).send().expect(200).json();
        (0..250).filter(|n| state[format!("m{n:04}")] == 2).count()
    };
    assert_eq!([1, 2, 3, 4].map(changed), [0, 100, 200, 250]);
    let restored = t.post(format!("{}/versions/1", t.path(id)), "").send().expect(200);
    assert_eq!((restored.version(), changed(7)), (7, 0));
    assert_eq!(t.get(format!("{}/versions", t.path(id))).send().expect(200).array().len(), 7);
}

/// Some members grow and others shrink. The size of the resulting record counts.
fn a_write_may_move_room_from_member_to_member(t: &Target) {
    let (long, short) = ("x".repeat(2500), "x".repeat(10));
    let text = |n: usize, half: usize| if n / 120 == half { long.as_str() } else { short.as_str() };
    let with = |half: usize| (0..240).fold(t.draft(), |draft, n| draft.with(&format!("m{n:03}"), text(n, half)));
    let draft = with(1);
    let id = draft.id();
    t.create(&draft);
    let edit = with(0).without_id().with("version", 1).to_json();
    t.put(id, edit).send().expect(200);
    let record = t.read(id).json();
    assert!((0..240).all(|n| record[format!("m{n:03}")] == text(n, 0)));
    t.delete(id).send().expect(204);
}

fn sort_takes_up_to_8_names(t: &Target) {
    let draft = ["a", "b", "c", "d", "e", "f", "g", "h"].iter().fold(t.draft(), |draft, name| draft.with(name, 1));
    t.create(&draft);
    assert_eq!(t.list_ids("sort=a,-b,c,d,e,f,g,h"), [draft.id()]);
    let answer = t.get(t.list_path("sort=a,-b,c,d,e,f,g,h,i")).send();
    answer.problem(400, "invalid_request");
    answer.blames("parameter", "sort");
}

fn fields_takes_up_to_64_names(t: &Target) {
    let mut draft = t.draft();
    let mut fields = format!("fields={}", t.kit.title);
    for n in 1..64 {
        write!(fields, ",f{n}").expect("writing to memory");
        draft = draft.with(&format!("f{n}"), n);
    }
    t.create(&draft);
    assert_eq!(t.list_ids(&fields), [draft.id()]);
    let answer = t.get(t.list_path(&format!("{fields},one_more"))).send();
    answer.problem(400, "invalid_request");
    answer.blames("parameter", "fields");
}

fn limit_is_a_whole_number_from_1_to_10000(t: &Target) {
    t.some_record();
    t.some_record();
    for (limit, length) in [("1", 1), ("10000", 2)] {
        assert_eq!(t.get(t.list_path(&format!("limit={limit}"))).send().expect(200).array().len(), length);
        t.get(t.path(&format!("_changes?limit={limit}"))).send().expect(200);
    }
    for limit in ["0", "10001", "-1", "abc", "", "1.5", "1e2", "0x10", "99999999999999999999"] {
        for path in [t.list_path(&format!("limit={limit}")), t.path(&format!("_changes?limit={limit}"))] {
            let answer = t.get(path).send();
            answer.problem(400, "invalid_request");
            answer.blames("parameter", "limit");
        }
    }
}

/// A client with the first page can follow the links to the last. A `,` counts as three characters, in any encoding.
fn a_query_has_up_to_8192_characters_beside_its_cursor(t: &Target) {
    let ids: Vec<String> = (0..3)
        .map(|_| {
            let draft = t.draft().with("note", "yy");
            t.create(&draft);
            draft.id().to_owned()
        })
        .collect();
    let Kit { path, title, text, .. } = t.kit;
    let short = t.list_path(&format!("limit=1&fields={title},note,{text}&q="));
    let room = 8192 - (short.len() - path.len() - "?".len() + 2 * short.matches(',').count());
    let words = |length: usize| {
        if length % 2 == 1 {
            format!("y{}", "+y".repeat(length / 2))
        } else {
            format!("yy{}", "+y".repeat(length / 2 - 1))
        }
    };
    let pages = t.pages(&format!("{short}{}", words(room)));
    let found: Vec<_> = pages.iter().flat_map(|page| page.array()).map(|record| t.id_of(&record)).collect();
    assert_eq!(found, ids);

    let answer = t.get(format!("{short}{}", words(room + 1))).send();
    answer.problem(400, "invalid_request");
}

fn a_page_has_up_to_5_mib(t: &Target) {
    let text = "x".repeat(290 * 1024);
    let ids: Vec<String> = (0..20)
        .map(|_| {
            let draft = t.draft().with("text", text.as_str());
            t.create(&draft);
            draft.id().to_owned()
        })
        .collect();
    let pages = t.pages(&t.list_path(""));
    assert!(pages.len() > 1);
    for page in &pages {
        assert!(page.body().len() <= 5 * MIB, "{} bytes", page.body().len());
    }
    assert_eq!(t.list_ids(""), ids);
    assert_eq!(t.pages(&t.list_path(&format!("fields={}", t.kit.title))).len(), 1, "what is not shown does not count");
    for id in ids {
        t.delete(&id).send().expect(204);
    }
}
