//! Creating a record, reading it, deleting it, and creating it again.

use std::thread;

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Kit, Target};

cases! { records:
    creates_a_record,
    location_leads_to_the_new_record,
    a_new_record_begins_at_version_1_whatever_was_sent,
    updated_by_and_updated_at_in_a_body_are_ignored,
    keeps_unknown_members,
    members_come_ordered_by_name,
    null_members_of_a_new_record_are_ignored,
    null_version_of_a_new_record_is_ignored,
    all_missing_members_are_named_at_once,
    required_members_are_of_their_types,
    members_of_ripples_own_are_refused,
    names_that_were_reserved_are_ordinary_members,
    an_escaped_unreserved_character_is_the_character,
    an_existing_record_is_not_created_over,
    one_of_many_creations_succeeds,
    absent_record_is_not_found,
    deletes_a_record,
    a_deleted_record_is_gone,
    a_tombstone_counts_as_a_version,
    recreated_record_continues_its_versions;
    of PRJ:
    keeps_term_as_it_was_sent,
    long_texts_may_be_empty_and_short_ones_not;
    with_text_ids:
    makes_an_id_if_none_is_sent,
    an_id_of_any_unreserved_characters_works,
    an_id_of_other_characters_is_refused,
}

fn creates_a_record(t: &Target) {
    let Kit { list, entry_key, .. } = *t.kit;
    let entry = json!({entry_key: "m1", "date": "2026-12-01", "text": "first boat"});
    let draft = t.draft().with(list, json!([entry]));
    let created = t.create(&draft);

    let mut record = created.json();
    let shown = record.as_object_mut().expect("a record is an object");
    assert_eq!(shown.remove("version"), Some(json!(1)));
    assert!(shown.remove("updated_at").is_some_and(|at| at.as_u64().is_some_and(|at| at > 1_600_000_000_000)));
    assert!(shown.remove("updated_by").is_some_and(|by| by.as_str().is_some_and(|by| !by.is_empty())));
    assert_eq!(record, draft.to_value());

    let read = t.read(draft.id());
    assert_eq!(read.body(), created.body());
    assert_eq!(read.etag(), created.etag());
}

fn location_leads_to_the_new_record(t: &Target) {
    let draft = t.draft();
    let created = t.create(&draft);
    let location = created.header("location").expect("a new record has a Location");
    assert_eq!(location, format!("{}/{}", t.kit.resource, draft.id()));
    assert_eq!(t.get(created.resolve(location)).send().expect(200).body(), created.body());
}

fn makes_an_id_if_none_is_sent(t: &Target) {
    let anonymous = t.draft().without_id().to_json();
    let ids = [(); 2].map(|()| {
        let created = t.post(t.kit.path, anonymous.as_str()).send().expect(201);
        let id = created.json()[t.kit.key].as_str().expect("the server makes an id").to_owned();
        assert_eq!(created.header("location"), Some(format!("{}/{id}", t.kit.resource).as_str()));
        assert_eq!(t.read(&id).body(), created.body());
        id
    });
    assert_ne!(ids[0], ids[1]);
}

fn a_new_record_begins_at_version_1_whatever_was_sent(t: &Target) {
    let draft = t.draft().with("version", 41);
    assert_eq!(t.create(&draft).version(), 1);
}

fn updated_by_and_updated_at_in_a_body_are_ignored(t: &Target) {
    let draft = t.draft().with("updated_at", 1).with("updated_by", "somebody else");
    let created = t.create(&draft).json();
    assert_ne!(created["updated_at"], 1);
    assert_ne!(created["updated_by"], "somebody else");

    let edit = draft.clone().title("Tide table");
    let saved = t.put(draft.id(), edit.to_json()).send().expect(200).json();
    assert_ne!(saved["updated_at"], 1);
    assert_eq!(saved["updated_by"], created["updated_by"]);
}

fn keeps_unknown_members(t: &Target) {
    let unknown = json!({
        "flag": true,
        "nothing": {"at": [null, {"id": 1, "all": null}]},
        "empty": ["", [], {"id": "x", "all": {}}],
        "text": "Zürich ⛴ \u{1F6A2} \u{0} \u{7f} \"\\/ \u{2028}",
        "names": {"a b": 1, "ä": 2, "a/b~c.d": 3, "$type": 4, "#n": 5},
        "list": [1, "1", true, [2, [3]], {"id": "x"}],
    });
    let draft = unknown
        .as_object()
        .expect("an object")
        .iter()
        .fold(t.draft(), |draft, (name, value)| draft.with(name, value.clone()));
    t.create(&draft);
    let record = t.read(draft.id()).json();
    for (name, value) in unknown.as_object().expect("an object") {
        assert_eq!(&record[name], value, "{name}");
    }
}

/// DynamoDB returns the members of objects in no order. They are sorted at every level, so that the same record has the
/// same bytes on every host.
fn members_come_ordered_by_name(t: &Target) {
    let draft = t.draft().raw("meta", r#"{"z":1,"a":{"y":1,"B":2,"b":3},"é":0}"#).with("zz", 1).with("Z", 2);
    let created = t.create(&draft);
    assert_eq!(created.raw("meta"), r#"{"a":{"B":2,"b":3,"y":1},"z":1,"é":0}"#);
    let at = |name: &str| created.text().find(&format!("\"{name}\":")).expect("the member is there");
    let mut names = vec!["Z", "meta", "updated_at", "version", "zz", t.kit.key];
    names.extend(t.kit.valid.iter().map(|(name, _)| name));
    names.sort_unstable();
    assert!(names.into_iter().map(at).is_sorted(), "{}", created.text());
}

fn keeps_term_as_it_was_sent(t: &Target) {
    for (sent, kept) in [("6", "6"), ("0", "0"), (r#""6""#, r#""6""#), (r#""0012""#, r#""0012""#), ("6.0", "6")] {
        let draft = t.draft().raw("term", sent);
        t.create(&draft);
        assert_eq!(t.read(draft.id()).raw("term"), kept, "sent {sent}");
    }
    for wrong in ["-1", "1.5", r#""""#, r#""-1""#, r#""1.5""#, r#"" 6""#, r#""six""#, "true", "[6]"] {
        let draft = t.draft().raw("term", wrong);
        let answer = t.post(t.kit.path, draft.to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", "/term");
        t.get(t.path(draft.id())).send().problem(404, "not_found");
    }
}

fn null_members_of_a_new_record_are_ignored(t: &Target) {
    let draft = t.draft().with("owner", Value::Null);
    assert_eq!(t.create(&draft).json().get("owner"), None);
}

/// A client without a version sends the same body as one with a version.
fn null_version_of_a_new_record_is_ignored(t: &Target) {
    let draft = t.draft().with("version", Value::Null).with("updated_at", Value::Null).with("updated_by", Value::Null);
    assert_eq!(t.create(&draft).version(), 1);
    assert_eq!(t.read(draft.id()).version(), 1);
}

fn all_missing_members_are_named_at_once(t: &Target) {
    let answer = t.post(t.kit.path, t.with_key(&t.fresh_id(), json!({})).to_string()).send();
    let problem = answer.problem(400, "invalid_body");
    assert_eq!(problem["errors"].as_array().map(Vec::len), Some(t.kit.required.len()));
    for name in t.kit.required {
        answer.blames("pointer", &t.kit.pointer(name));
    }
}

fn required_members_are_of_their_types(t: &Target) {
    for name in t.kit.required {
        for wrong in [json!(null), json!({}), json!([]), json!(false), json!(-1.5)] {
            let draft = t.draft().with(name, wrong);
            let answer = t.post(t.kit.path, draft.to_json()).send();
            answer.problem(400, "invalid_body");
            answer.blames("pointer", &t.kit.pointer(name));
            t.get(t.path(draft.id())).send().problem(404, "not_found");
        }
    }
    for wrong in [json!(5), json!(["x"]), json!({}), json!(true)] {
        let answer = t.post(t.kit.path, t.draft().with(t.kit.key, wrong).to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", &t.kit.pointer(t.kit.key));
    }
}

fn long_texts_may_be_empty_and_short_ones_not(t: &Target) {
    let texts = ["name", "goal", "issue", "description"];
    t.create(&texts.iter().fold(t.draft(), |draft, name| draft.with(name, "")));
    for name in ["term_unit", "create_date"] {
        let answer = t.post(t.kit.path, t.draft().with(name, "").to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", &t.kit.pointer(name));
    }
}

/// The attributes that a host adds to an item begin with `rpl_`.
fn members_of_ripples_own_are_refused(t: &Target) {
    let id = t.some_record();
    for name in ["rpl_version", "rpl_seal", "rpl_at", "rpl_by", "rpl_shard", "rpl_deleted", "rpl_expires_at", "rpl_x"] {
        let pointer = format!("/{name}");
        let draft = t.draft().with(name, "x");
        let answer = t.post(t.kit.path, draft.to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", &pointer);
        t.get(t.path(draft.id())).send().problem(404, "not_found");

        let edit = format!(r#"{{"{}":"x","{name}":1}}"#, t.kit.title);
        t.refused(&id, t.put(&id, edit.as_str()), 400, "invalid_body").blames("pointer", &pointer);
        t.refused(&id, t.patch(&id, edit.as_str()), 400, "invalid_body").blames("pointer", &pointer);
    }
    // `"deleted": false` restores a deleted record. The member has no other meaning.
    for wrong in ["true", "1", r#""x""#] {
        let edit = format!(r#"{{"{}":"x","deleted":{wrong}}}"#, t.kit.title);
        t.refused(&id, t.put(&id, edit.as_str()), 400, "invalid_body").blames("pointer", "/deleted");
        t.refused(&id, t.patch(&id, edit.as_str()), 400, "invalid_body").blames("pointer", "/deleted");
        let answer = t.post(t.kit.path, t.draft().raw("deleted", wrong).to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", "/deleted");
    }
    // Inside a member, the client may use every name.
    t.patch(&id, r#"{"meta":{"rpl_version":1,"deleted":true,"version":"2.3"}}"#).send().expect(200);
    assert_eq!(t.read(&id).json()["meta"], json!({"rpl_version": 1, "deleted": true, "version": "2.3"}));
}

fn names_that_were_reserved_are_ordinary_members(t: &Target) {
    let draft = t.draft().with("expires_at", 1_735_689_600).with("list_shard", 7).with("stray", json!([1]));
    t.create(&draft);
    let record = t.read(draft.id()).json();
    assert_eq!(record["expires_at"], 1_735_689_600);
    assert_eq!((&record["list_shard"], &record["stray"]), (&json!(7), &json!([1])));
    for edit in [r#"{"expires_at":"tomorrow","list_shard":"0"}"#, r#"{"expires_at":1,"list_shard":null}"#] {
        let edited = t.patch(draft.id(), edit).send().expect(200).json();
        let sent: Value = serde_json::from_str(edit).expect("JSON");
        assert_eq!(edited["expires_at"], sent["expires_at"]);
        assert_eq!(edited["list_shard"], sent["list_shard"], "missing where it was null");
    }
    assert_eq!(t.list_ids("expires_at=1"), [draft.id()]);
}

fn an_id_of_any_unreserved_characters_works(t: &Target) {
    for tail in ["A.z_0~9-", "...", "~", "-", "__"] {
        let id = format!("{}{tail}", t.fresh_id());
        let created = t.create(&t.draft().with_id(&id));
        assert_eq!(created.header("location"), Some(format!("{}/{id}", t.kit.resource).as_str()));
        assert_eq!(t.read(&id).body(), created.body());
    }
}

fn an_id_of_other_characters_is_refused(t: &Target) {
    let fresh = t.fresh_id();
    let marked = ["/", " ", "%", "+", "*", "\u{0}", "\n", "\u{7f}", "é", "\u{1F6A2}"];
    let marked = marked.map(|mark| format!("{fresh}{mark}x"));
    let whole = ["", ".", "..", "_", "_changes", "_x"].map(str::to_owned);
    for id in marked.into_iter().chain(whole) {
        let answer = t.post(t.kit.path, t.draft().with_id(&id).to_json()).send();
        answer.problem(400, "invalid_body");
        answer.blames("pointer", &t.kit.pointer(t.kit.key));
    }
    // Another program may have chosen such an id, so a path may have it.
    for escaped in ["%2F", "%20", "%25", "%00", "%0A", "%7F", "%C3%A9", "%FF", "+", "*"] {
        t.get(t.path(&format!("{fresh}{escaped}x"))).send().problem(404, "not_found");
    }
    for escaped in ["_x", "%5Fx"] {
        t.get(t.path(escaped)).send().problem(404, "not_found");
        t.delete(escaped).send().problem(404, "not_found");
    }
    // Dots are part of the path, and not of the id (RFC 3986 §5.2.4).
    for dots in ["%2E", "%2E%2E", "..", "."] {
        t.get(t.path(dots)).send().problem(403, "missing_authentication_token");
        t.delete(dots).send().problem(403, "missing_authentication_token");
    }
}

/// RFC 3986 §6.2.2.2: `%41` and `A` are equal.
fn an_escaped_unreserved_character_is_the_character(t: &Target) {
    let id = format!("{}-A~", t.fresh_id());
    let created = t.create(&t.draft().with_id(&id));
    let escaped = id.replace('A', "%41").replace('~', "%7e");
    assert_eq!(t.read(&escaped).body(), created.body());
    t.patch(&escaped, json!({t.kit.title: "saved"})).send().expect(200);
    assert_eq!(t.read(&id).json()[t.kit.title], "saved");
}

fn an_existing_record_is_not_created_over(t: &Target) {
    let draft = t.draft();
    t.create(&draft);
    let again = draft.clone().title("another one");
    t.refused(draft.id(), t.post(t.kit.path, again.to_json()), 409, "exists");
    t.refused(draft.id(), t.post(t.kit.path, draft.to_json()), 409, "exists");
}

fn one_of_many_creations_succeeds(t: &Target) {
    let draft = t.draft();
    let statuses: Vec<u16> = thread::scope(|scope| {
        let create = |n: u32| t.post(t.kit.path, draft.clone().with("by", n).to_json()).send().status();
        let creators: Vec<_> = (0..6).map(|n| scope.spawn(move || create(n))).collect();
        creators.into_iter().map(|creator| creator.join().expect("a creator gets an answer")).collect()
    });
    assert_eq!(statuses.iter().filter(|&&status| status == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|&&status| status == 409).count(), 5, "{statuses:?}");
    assert_eq!(t.read(draft.id()).version(), 1);
}

fn absent_record_is_not_found(t: &Target) {
    let id = t.fresh_id();
    t.get(t.path(&id)).send().problem(404, "not_found");
    t.put(&id, t.draft().with_id(&id).to_json()).send().problem(404, "not_found");
    t.patch(&id, json!({t.kit.title: "x"})).send().problem(404, "not_found");
    t.delete(&id).send().problem(404, "not_found");
    t.head(t.path(&id)).send().expect(404);
    t.get(t.path(&id)).send().problem(404, "not_found");
}

fn deletes_a_record(t: &Target) {
    let kept = t.some_record();
    let id = t.some_record();
    assert_eq!(t.delete(&id).send().expect(204).header("etag"), None);
    t.get(t.path(&id)).send().expect(410);
    assert_eq!(t.list_ids(""), [kept]);
}

fn a_deleted_record_is_gone(t: &Target) {
    let id = t.some_tombstone();
    for call in [
        t.get(t.path(&id)),
        t.put(&id, json!({t.kit.title: "x"})),
        t.put(&id, json!({t.kit.title: "x", "version": 1})),
        t.patch(&id, json!({t.kit.title: "x"})),
        t.delete(&id),
    ] {
        let problem = call.send().problem(410, "gone");
        assert_eq!(problem["version"], 2);
    }
    t.head(t.path(&id)).send().expect(410);
}

fn a_tombstone_counts_as_a_version(t: &Target) {
    let id = t.some_record();
    t.patch(&id, json!({t.kit.title: "second"})).send().expect(200);
    t.delete(&id).send().expect(204);
    assert_eq!(t.get(t.path(&id)).send().problem(410, "gone")["version"], 3);
}

fn recreated_record_continues_its_versions(t: &Target) {
    let draft = t.draft().with("owner", "Ann");
    let first = t.create(&draft);
    t.delete(draft.id()).send().expect(204);

    let second = t.create(&draft.clone().without("owner"));
    assert_eq!(second.version(), 3);
    assert_eq!(second.json().get("owner"), None, "nothing of the deleted record comes back");
    assert!(second.json()["updated_at"].as_u64() > first.json()["updated_at"].as_u64());
    assert_eq!(t.read(draft.id()).body(), second.body());
    assert_eq!(t.list_ids(""), [draft.id()]);
}
