//! Saving an edit: with PUT and PATCH, with and without a base.

use std::thread;

use http::Method;
use serde_json::{Value, json};

use crate::case::cases;
use crate::{Call, Record, Target};

cases! { saving:
    a_save_is_in_the_record,
    absent_members_stay,
    null_removes_a_member,
    a_required_member_cannot_be_removed,
    save_without_change_makes_no_version,
    a_record_sent_back_as_it_was_read_makes_no_version,
    the_time_grows_with_every_version,
    put_replaces_a_member_whole,
    patch_merges_objects,
    only_sent_members_are_checked,
    current_version_serves_as_base,
    unknown_version_is_stale,
    a_version_below_zero_that_never_was_is_missing,
    a_version_of_another_type_is_refused,
    savers_without_a_base_lose_no_edit_of_another_field,
    the_id_in_the_body_is_the_one_in_the_path,
    put_and_patch_answer_the_record_as_it_is_now,
}

/// Both ways to save. The same rules hold for both.
const BOTH: [Method; 2] = [Method::PUT, Method::PATCH];

fn save<'t>(t: &'t Target, method: &Method, id: &str, edit: &Value) -> Call<'t> {
    t.call(method.clone(), t.path(id)).json(edit.to_string())
}

fn a_save_is_in_the_record(t: &Target) {
    for method in BOTH {
        let id = t.some_record();
        let saved =
            save(t, &method, &id, &json!({t.kit.title: "Tide table", "owner": {"name": "Ann"}})).send().expect(200);
        assert_eq!(saved.version(), 2);
        let record = t.read(&id).json();
        assert_eq!(record[t.kit.title], "Tide table");
        assert_eq!(record["owner"], json!({"name": "Ann"}));
    }
}

fn absent_members_stay(t: &Target) {
    for method in BOTH {
        let draft = t.draft().with("owner", "Ann");
        t.create(&draft);
        save(t, &method, draft.id(), &json!({t.kit.text: "Boats on time"})).send().expect(200);
        let record = t.read(draft.id()).json();
        let expected = draft.text("Boats on time").to_value();
        for (name, value) in expected.as_object().expect("a record is an object") {
            assert_eq!(&record[name], value, "{method} {name}");
        }
    }
}

fn null_removes_a_member(t: &Target) {
    for method in BOTH {
        let draft = t.draft().with("owner", "Ann").with("crew", json!(["Bo"]));
        t.create(&draft);
        let saved = save(t, &method, draft.id(), &json!({"owner": null})).send().expect(200);
        assert_eq!(saved.version(), 2);
        let record = t.read(draft.id()).json();
        assert_eq!((record.get("owner"), &record["crew"]), (None, &json!(["Bo"])));

        let again = save(t, &method, draft.id(), &json!({"owner": null})).send().expect(200);
        assert_eq!(again.version(), 2, "to remove what is not there changes nothing");
    }
}

fn a_required_member_cannot_be_removed(t: &Target) {
    let id = t.some_record();
    for method in BOTH {
        for name in t.kit.required {
            let call = save(t, &method, &id, &json!({"owner": "Bo", *name: null}));
            t.refused(&id, call, 400, "invalid_body").blames("pointer", &format!("/{name}"));
        }
    }
}

fn save_without_change_makes_no_version(t: &Target) {
    for method in BOTH {
        let draft = t.draft().raw("n", "1.50");
        let created = t.create(&draft);
        for edit in [json!({}), json!({t.kit.title: created.json()[t.kit.title]}), json!({"n": 1.5, "version": 1})] {
            let saved = save(t, &method, draft.id(), &edit).send().expect(200);
            assert_eq!(saved.body(), created.body(), "{method} {edit}");
            assert_eq!(saved.etag(), created.etag());
        }
        assert_eq!(t.read(draft.id()).body(), created.body());
    }
}

fn a_record_sent_back_as_it_was_read_makes_no_version(t: &Target) {
    for method in BOTH {
        let draft = t.draft().with("meta", json!({"a": [1, null, {"b": "c"}]})).raw("n", &"7".repeat(38));
        let created = t.create(&draft);
        let call = t.call(method.clone(), t.path(draft.id())).json(created.text());
        assert_eq!(call.send().expect(200).body(), created.body());
        assert_eq!(t.read(draft.id()).body(), created.body());
    }
}

fn the_time_grows_with_every_version(t: &Target) {
    let id = t.some_record();
    let mut last = t.read(&id).json()["updated_at"].as_u64();
    for n in 0..5 {
        let saved = t.patch(&id, format!(r#"{{"n":{n}}}"#)).send().expect(200);
        let at = saved.json()["updated_at"].as_u64();
        assert!(at > last, "{at:?} after {last:?}");
        assert_eq!(saved.version(), n + 2);
        last = at;
    }
}

/// An author who names a base has seen the members that the edit leaves out.
fn put_replaces_a_member_whole(t: &Target) {
    let draft = t.draft().with("meta", json!({"a": 1, "b": {"c": 2}})).with("list", json!([1, 2, 3]));
    t.create(&draft);
    t.put(draft.id(), r#"{"version":1,"meta":{"b":{"d":null}},"list":[3]}"#).send().expect(200);
    let record = t.read(draft.id()).json();
    assert_eq!(record["meta"], json!({"b": {"d": null}}));
    assert_eq!(record["list"], json!([3]));
}

/// RFC 7396: objects member by member, arrays and everything else as a whole.
fn patch_merges_objects(t: &Target) {
    let draft =
        t.draft().with("meta", json!({"a": 1, "b": {"c": 2, "d": 3}})).with("list", json!([1, {"id": "x", "a": 2}]));
    t.create(&draft);
    let (choice, [_, another]) = t.kit.choice;
    let edit = json!({
        "version": 1,
        "meta": {"b": {"c": null, "e": [null]}, "f": {"g": null, "h": {}}},
        "list": [{"id": "x", "a": null}],
        choice: another,
        "new": {"x": null, "y": {"z": null}},
    });
    t.patch(draft.id(), edit.to_string()).send().expect(200);
    let record = t.read(draft.id()).json();
    assert_eq!(record["meta"], json!({"a": 1, "b": {"d": 3, "e": [null]}, "f": {"h": {}}}));
    assert_eq!(record["list"], json!([{"id": "x", "a": null}]));
    assert_eq!(record[choice], another);
    assert_eq!(record["new"], json!({"y": {}}));

    t.patch(draft.id(), r#"{"version":2,"meta":"flat","list":{"a":1}}"#).send().expect(200);
    let record = t.read(draft.id()).json();
    assert_eq!((&record["meta"], &record["list"]), (&json!("flat"), &json!({"a": 1})));
}

fn only_sent_members_are_checked(t: &Target) {
    let id = t.some_record();
    for method in BOTH {
        for (name, wrong) in t.kit.wrong {
            let call = t.call(method.clone(), t.path(&id)).json(format!(r#"{{"owner":"Bo","{name}":{wrong}}}"#));
            t.refused(&id, call, 400, "invalid_body").blames("pointer", &t.kit.pointer(name));
        }
        save(t, &method, &id, &json!({"owner": method.as_str()})).send().expect(200);
    }
}

fn current_version_serves_as_base(t: &Target) {
    for method in BOTH {
        let id = t.some_record();
        for version in 1..4 {
            let edit = json!({"version": version, "n": version});
            assert_eq!(save(t, &method, &id, &edit).send().expect(200).version(), version + 1);
        }
    }
}

/// A version above the record's own cannot be the base that the author saw.
fn unknown_version_is_stale(t: &Target) {
    let id = t.some_record();
    for method in BOTH {
        for version in ["2", "18446744073709551615", "99999999999999999999"] {
            let edit = format!(r#"{{"version":{version},"{}":"x"}}"#, t.kit.title);
            let call = t.call(method.clone(), t.path(&id)).json(edit);
            assert_eq!(t.refused(&id, call, 409, "stale").json()["current"], t.read(&id).json());
        }
    }
}

/// Numbers below zero name states of other programs. A state that was overwritten before ripple saw it is in no
/// history.
fn a_version_below_zero_that_never_was_is_missing(t: &Target) {
    for method in BOTH {
        let draft = t.draft().with(t.kit.tags, json!(["a"]));
        t.create(&draft);
        let saved = save(t, &method, draft.id(), &json!({"version": -7, t.kit.tags: ["b"]})).send().expect(200);
        let receipt = saved.header("ripple-receipt").unwrap_or_default();
        assert!(receipt.starts_with("result=saved, version=2, base=-7;missing, "), "{receipt}");
        assert_eq!(saved.json()[t.kit.tags], json!(["a", "b"]), "nothing is removed");
    }
}

fn a_version_of_another_type_is_refused(t: &Target) {
    let id = t.some_record();
    for method in BOTH {
        for wrong in [json!("1"), json!(1.5), json!(-1.5), json!(true), json!([1]), json!({})] {
            let call = save(t, &method, &id, &json!({"version": wrong, t.kit.title: "x"}));
            t.refused(&id, call, 400, "invalid_body").blames("pointer", "/version");
        }
    }
}

fn savers_without_a_base_lose_no_edit_of_another_field(t: &Target) {
    let id = t.some_record();
    at_once(4, |n| t.patch(&id, format!(r#"{{"field{n}":{n}}}"#)).send().expect(200));
    let record = t.read(&id).json();
    for n in 0..4 {
        assert_eq!(record[format!("field{n}")], n);
    }
    assert_eq!(record["version"], 5);
}

fn the_id_in_the_body_is_the_one_in_the_path(t: &Target) {
    let (id, other) = (t.some_record(), t.some_record());
    for method in BOTH {
        for wrong in [json!(t.kit.parts(&other).1), json!(5), json!(null), json!("")] {
            let before = t.version(&other);
            let call = save(t, &method, &id, &json!({t.kit.key: wrong, t.kit.title: "x"}));
            t.refused(&id, call, 400, "invalid_body").blames("pointer", &t.kit.pointer(t.kit.key));
            assert_eq!(t.version(&other), before);
        }
        let name = format!("saved with {method}");
        save(t, &method, &id, &t.with_key(&id, json!({t.kit.title: name}))).send().expect(200);
        assert_eq!(t.read(&id).json()[t.kit.title], name);
    }
}

fn put_and_patch_answer_the_record_as_it_is_now(t: &Target) {
    for method in BOTH {
        let draft: Record = t.draft().with("owner", "Ann");
        t.create(&draft);
        let saved = save(t, &method, draft.id(), &json!({t.kit.title: "Tide table"})).send().expect(200);
        let read = t.read(draft.id());
        assert_eq!(saved.body(), read.body());
        assert_eq!(saved.etag(), read.etag());
    }
}

/// Runs `act` on `count` threads at the same time, and returns the results.
pub(super) fn at_once<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let act = &act;
        let actors: Vec<_> = (0..count).map(|n| scope.spawn(move || act(n))).collect();
        actors.into_iter().map(|actor| actor.join().expect("each gets an answer")).collect()
    })
}
