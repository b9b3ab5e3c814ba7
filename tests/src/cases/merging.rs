//! Several people save the same record. No edit is lost, and each author learns the result of their save.

use serde_json::{Value, json};

use super::saving::at_once;
use crate::case::cases;
use crate::{Answer, Kit, Target};

cases! { merging:
    edits_of_two_people_are_both_saved,
    later_save_of_single_value_wins_and_receipt_names_it,
    an_entry_without_an_id_gets_one,
    edit_without_base_removes_nothing,
    if_match_serves_as_base,
    receipt_says_if_base_is_missing,
    a_save_sent_again_changes_nothing,
    many_saves_on_one_base_lose_no_edit,
    a_receipt_stays_short,
    a_field_is_named_in_any_script,
    edit_on_version_before_deletion_is_refused,
    deleted_record_is_restored_on_request,
    repeated_save_with_its_key_does_not_win_again,
    unchanged_save_is_remembered_by_its_key,
    idempotency_keys_of_different_clients_are_independent;
    with_text_ids: a_creation_sent_again_is_answered_as_before,
}

/// Returns the receipt.
#[track_caller]
fn receipt(answer: &Answer) -> String {
    answer.header("ripple-receipt").expect("every write has a receipt").to_owned()
}

fn edits_of_two_people_are_both_saved(t: &Target) {
    let Kit { text, remark, list, entry_key, .. } = *t.kit;
    let entry = |id: &str, text: &str| json!({entry_key: id, "text": text});
    let draft = t.draft().with(t.kit.list, json!([entry("a", "Kick-off")]));
    t.create(&draft);
    let id = draft.id();
    let one = json!({"version": 1, text: "Ours", list: [entry("a", "Kick-off"), entry("b", "Call")]});
    let other = json!({"version": 1, remark: "Rain", list: [entry("a", "Kick-off!"), entry("c", "Visit")]});
    let first = t.put(id, one.to_string()).send().expect(200);
    assert_eq!(
        receipt(&first),
        format!(r#"result=saved, version=2, base=1, taken=("/{text}" "/{list}";added=1;removed=0;changed=0)"#)
    );
    let second = t.stranger().put(id, other.to_string()).send().expect(200);
    assert_eq!(
        receipt(&second),
        format!(
            "result=saved, version=3, base=1, taken=(\"/{remark}\"), \
             merged=(\"/{list}\";added=1;removed=0;changed=1), kept=(\"/{text}\")"
        )
    );
    let record = t.read(id).json();
    assert_eq!((&record[t.kit.text], &record[t.kit.remark]), (&json!("Ours"), &json!("Rain")));
    assert_eq!(record[list], json!([entry("a", "Kick-off!"), entry("b", "Call"), entry("c", "Visit")]));
}

fn later_save_of_single_value_wins_and_receipt_names_it(t: &Target) {
    let id = t.some_record();
    t.put(&id, json!({"version": 1, t.kit.text: "first"})).send().expect(200);
    let later = t.put(&id, json!({"version": 1, t.kit.text: "second"})).send().expect(200);
    assert_eq!(receipt(&later), format!(r#"result=saved, version=3, base=1, won=("/{}";replaced=2)"#, t.kit.text));
    assert_eq!(t.read(&id).json()[t.kit.text], "second");
    let replaced = t.get(format!("{}/versions/2", t.path(&id))).send().expect(200).json();
    assert_eq!(replaced[t.kit.text], "first");
}

fn an_entry_without_an_id_gets_one(t: &Target) {
    let Kit { list, entry_key, .. } = *t.kit;
    let draft = t.draft().with(list, json!([{"text": "made"}]));
    let created = t.create(&draft).json();
    let key_of = |record: &Value, entry: usize| record[list][entry][entry_key].as_str().map(str::to_owned);
    let first = key_of(&created, 0).expect("an id");
    let edit = json!({"version": 1, list: [{entry_key: first, "text": "made"}, {"text": "new"}, {"text": "new"}]});
    let saved = t.put(draft.id(), edit.to_string()).send().expect(200).json();
    let ids: Vec<_> = (0..3).map(|entry| key_of(&saved, entry)).collect();
    assert_eq!(ids[0].as_ref(), Some(&first));
    assert!(ids[1].is_some() && ids[2].is_some() && ids[1] != ids[2], "{ids:?}");
}

fn edit_without_base_removes_nothing(t: &Target) {
    let draft = t.draft().with(t.kit.tags, json!(["a", "b"])).with("contact", json!({"phone": 1}));
    t.create(&draft);
    let saved = t.put(draft.id(), json!({t.kit.tags: ["b", "c"], "contact": {"mail": 2}})).send().expect(200);
    let record = saved.json();
    assert_eq!(record[t.kit.tags], json!(["a", "b", "c"]));
    assert_eq!(record["contact"], json!({"phone": 1, "mail": 2}));
    assert!(!receipt(&saved).contains("base="), "{}", receipt(&saved));
    let removed = t.put(draft.id(), json!({t.kit.tags: null})).send().expect(200);
    assert_eq!(removed.json().get(t.kit.tags), None, "but what is named");
}

fn if_match_serves_as_base(t: &Target) {
    let draft = t.draft().with(t.kit.tags, json!(["a", "b"]));
    let tag = t.create(&draft).etag();
    let saved = t.patch(draft.id(), json!({t.kit.tags: ["b"]})).header("if-match", tag).send().expect(200);
    assert_eq!(saved.json()[t.kit.tags], json!(["b"]));
    let any = t.put(draft.id(), json!({t.kit.tags: ["c"]})).header("if-match", "*").send().expect(200);
    assert_eq!(any.json()[t.kit.tags], json!(["b", "c"]), "any state is none in particular");
}

fn receipt_says_if_base_is_missing(t: &Target) {
    let draft = t.draft().with(t.kit.tags, json!(["a"]));
    t.create(&draft);
    let saved = t.put(draft.id(), json!({"version": 0, t.kit.tags: ["b"]})).send().expect(200);
    assert!(receipt(&saved).starts_with("result=saved, version=2, base=0;missing, "), "{}", receipt(&saved));
    assert_eq!(saved.json()[t.kit.tags], json!(["a", "b"]));
}

fn a_save_sent_again_changes_nothing(t: &Target) {
    let Kit { text, remark, list, entry_key, .. } = *t.kit;
    let old = json!({entry_key: "a", "text": "old"});
    let draft = t.draft().with(list, json!([old]));
    t.create(&draft);
    let edit = json!({"version": 1, list: [old, {"text": "new"}], text: "mine"}).to_string();
    let first = t.put(draft.id(), edit.as_str()).send().expect(200);
    let again = t.put(draft.id(), edit.as_str()).send().expect(200);
    assert_eq!(again.body(), first.body());
    assert_eq!(receipt(&again), "result=unchanged, version=2, base=1");

    t.patch(draft.id(), json!({"version": 2, t.kit.remark: "theirs"})).send().expect(200);
    let late = t.put(draft.id(), edit).send().expect(200);
    assert_eq!(receipt(&late), format!(r#"result=unchanged, version=3, base=1, kept=("/{remark}")"#));
}

fn many_saves_on_one_base_lose_no_edit(t: &Target) {
    let Kit { list, entry_key, .. } = *t.kit;
    let start = json!({entry_key: "start", "text": "first boat"});
    let draft = t.draft().with(list, json!([start]));
    t.create(&draft);
    let edit = |n: usize| {
        let added = json!({"text": "another boat", "by": n});
        json!({"version": 1, format!("field{n}"): n, list: [start, added]})
    };
    at_once(6, |n| t.put(draft.id(), edit(n).to_string()).send().expect(200).version());
    let record = t.read(draft.id()).json();
    assert_eq!(record["version"], 7);
    let entries = record[list].as_array().expect("a list");
    assert_eq!(entries.len(), 7);
    for n in 0..6 {
        assert_eq!(record[format!("field{n}")], n);
        assert_eq!(entries.iter().filter(|entry| entry["by"] == n).count(), 1);
    }
}

fn a_receipt_stays_short(t: &Target) {
    let names = |first: &str| (0..60).map(|n| (format!("{first}{n}{}", "-".repeat(120)), json!(n))).collect();
    let edit: serde_json::Map<String, Value> = names("a");
    let id = t.some_record();
    let saved = t.patch(&id, Value::Object(edit).to_string()).send().expect(200);
    let receipt = receipt(&saved);
    assert!(receipt.len() < 5000 && receipt.contains("omitted="), "{} {receipt}", receipt.len());
}

fn a_field_is_named_in_any_script(t: &Target) {
    let id = t.some_record();
    let saved = t.patch(&id, r#"{"version":1,"目標":"x","a\"b":1,"c/d":2}"#).send().expect(200);
    assert_eq!(receipt(&saved), r#"result=saved, version=2, base=1, taken=("/a\"b" "/c~1d" %"/%e7%9b%ae%e6%a8%99")"#);
}

fn edit_on_version_before_deletion_is_refused(t: &Target) {
    let id = t.some_tombstone();
    for edit in [
        json!({"version": 1, t.kit.text: "late"}),
        json!({t.kit.text: "late"}),
        json!({"version": 1, t.kit.text: "late", "deleted": false}),
    ] {
        let problem = t.put(&id, edit).send().problem(410, "gone");
        assert_eq!(problem["version"], 2);
    }
    t.get(t.path(&id)).send().problem(410, "gone");
}

fn deleted_record_is_restored_on_request(t: &Target) {
    let draft = t.draft().with("note", "old");
    t.create(&draft);
    t.delete(draft.id()).send().expect(204);
    let whole = draft.clone().without("note").with("version", 2);
    t.put(draft.id(), whole.to_json()).send().problem(409, "deleted");
    let part = t.put(draft.id(), json!({"version": 2, "deleted": false, t.kit.text: "again"})).send();
    part.problem(400, "invalid_body");
    t.get(t.path(draft.id())).send().problem(410, "gone");

    let back = t.put(draft.id(), whole.with("deleted", false).to_json()).send().expect(200);
    assert_eq!(receipt(&back), "result=restored, version=3, base=2");
    let record = t.read(draft.id()).json();
    assert_eq!((&record["version"], record.get("note"), record.get("deleted")), (&json!(3), None, None));
}

fn a_creation_sent_again_is_answered_as_before(t: &Target) {
    let body = t.draft().without_id().to_json();
    let create = || t.post(t.kit.path, body.as_str()).header("idempotency-key", format!("{}-form", t.run)).send();
    let first = create().expect(201);
    let id = t.id_of(&first.json());
    t.patch(&id, json!({t.kit.text: "changed since"})).send().expect(200);
    let again = create().expect(201);
    for name in ["location", "etag", "ripple-receipt"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(again.body(), first.body());
    assert_eq!(t.list_ids(""), [id], "one was made");

    let other = t.post(t.kit.path, t.draft().to_json()).header("idempotency-key", format!("{}-form", t.run)).send();
    other.problem(422, "idempotency_key_reused");
    assert_eq!(t.list_ids("").len(), 1);
}

/// Without the key, the repetition would count as the later save.
fn repeated_save_with_its_key_does_not_win_again(t: &Target) {
    let id = t.some_record();
    let save = || {
        let call = t.put(&id, json!({"version": 1, t.kit.text: "first"}));
        call.header("idempotency-key", format!("{}-save", t.run)).send().expect(200)
    };
    let first = save();
    t.put(&id, json!({"version": 2, t.kit.text: "second"})).send().expect(200);
    let again = save();
    assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(&first)));
    assert_eq!(t.read(&id).json()[t.kit.text], "second");
}

/// The first request had nothing to change, so the repetition must not change what came later.
fn unchanged_save_is_remembered_by_its_key(t: &Target) {
    let id = t.some_record();
    t.put(&id, json!({t.kit.text: "first"})).send().expect(200);
    let save = |body: Value| t.put(&id, body).header("idempotency-key", format!("{}-idle", t.run));
    let first = save(json!({t.kit.text: "first"})).send().expect(200);
    assert_eq!(receipt(&first), "result=unchanged, version=2");
    t.put(&id, json!({t.kit.text: "second"})).send().expect(200);
    let again = save(json!({t.kit.text: "first"})).send().expect(200);
    assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(&first)));
    assert_eq!(t.read(&id).json()[t.kit.text], "second");
    t.refused(&id, save(json!({t.kit.text: "third"})), 422, "idempotency_key_reused");
}

fn idempotency_keys_of_different_clients_are_independent(t: &Target) {
    let draft = t.draft();
    for key in ["x".repeat(256), "a b".to_owned(), "ä".to_owned()] {
        t.post(t.kit.path, draft.to_json()).header("idempotency-key", key).send().problem(400, "invalid_request");
    }
    let twice = t.post(t.kit.path, draft.to_json()).header("idempotency-key", "a").also("idempotency-key", "b").send();
    assert!(matches!(twice.status(), 400), "{}", twice.status());
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}
