//! `POST /{resource}/_batch`

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { batches:
    each_operation_has_the_result_that_it_has_alone,
    a_refused_operation_stops_no_other,
    a_batch_that_is_not_well_formed_changes_nothing,
    a_batch_has_at_most_100_operations,
    an_idempotency_key_of_another_batch_is_refused_before_anything_is_made,
    an_atomic_batch_is_made_as_a_whole_or_not_at_all,
    an_atomic_batch_fits_into_one_transaction,
    a_dry_run_changes_nothing,
    faults_are_located_in_the_batch,
    an_operation_is_on_behalf_of_the_author,
    a_session_sees_what_a_batch_has_written;
    with_text_ids:
    a_repeated_batch_makes_the_rest_and_doubles_nothing,
    a_repeated_atomic_batch_has_its_first_answers,
    the_legacy_ids_are_named_as_they_are;
    with_read_key: a_reader_sends_no_batch
}

fn batch<'t>(t: &'t Target, operations: &[Value]) -> Call<'t> {
    t.post(path(t), json!({ "operations": operations }))
}

fn path(t: &Target) -> String {
    t.path("_batch")
}

/// Returns the results of a batch, which was answered with 200.
#[track_caller]
fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["results"].as_array().expect("results are an array").clone()
}

#[track_caller]
fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().map(|result| result["status"].as_u64().expect("a status is a number")).collect()
}

#[track_caller]
fn receipts(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["receipt"].as_str().unwrap_or_default()).collect()
}

fn replace(id: &str, body: Value) -> Value {
    json!({"op": "replace", "id": id, "body": body})
}

fn each_operation_has_the_result_that_it_has_alone(t: &Target) {
    let (ids, new) = ((0..5).map(|_| t.some_record()).collect::<Vec<_>>(), t.draft());
    let [replaced, patched, edited, deleted, restored] = ids.as_slice() else { unreachable!("five ids") };
    t.patch(restored, json!({t.kit.text: "later"})).send().expect(200);
    let text = t.kit.text;
    let answer = batch(
        t,
        &[
            json!({"op": "create", "body": new.to_value()}),
            replace(replaced, json!({"version": 1, text: "B"})),
            json!({"op": "patch", "id": patched, "body": {"version": 1, t.kit.remark: "R", "note": {"a": 1}}}),
            json!({"op": "edit", "id": edited, "body": {"version": 1, "seen": {text: crate::TEXT}, "set": {text: "E"}}}),
            json!({"op": "delete", "id": deleted, "body": {"version": 1}}),
            json!({"op": "restore", "id": restored, "to": 1}),
            json!({"op": "delete", "id": new.id()}),
        ],
    )
    .send();
    let results = results(&answer);
    assert_eq!(statuses(&results), [201, 200, 200, 200, 204, 200, 204]);
    let expected = [
        "result=created, version=1",
        "result=saved, version=2, base=1",
        "result=saved",
        "result=saved",
        "result=deleted, version=2",
        "result=restored, version=3",
        "result=deleted, version=2",
    ];
    for (receipt, expected) in receipts(&results).iter().zip(expected) {
        assert!(receipt.starts_with(expected), "{receipt} should begin with {expected}");
    }
    let named: Vec<&Value> = results.iter().map(|result| &result["id"]).collect();
    assert_eq!(named, [new.id(), replaced, patched, edited, deleted, restored, new.id()]);
    assert_eq!(t.read(replaced).json()[text], "B");
    assert_eq!(t.read(patched).json()["note"], json!({"a": 1}));
    assert_eq!(t.read(edited).json()[text], "E");
    t.get(t.path(deleted)).send().problem(410, "gone");
    assert_eq!(t.read(restored).json()[text], crate::TEXT);
    t.get(t.path(new.id())).send().problem(410, "gone");
}

fn a_refused_operation_stops_no_other(t: &Target) {
    let (one, other) = (t.some_record(), t.some_record());
    let text = t.kit.text;
    let answer = batch(
        t,
        &[
            replace(&one, json!({"version": 9, text: "B"})),
            replace(&t.fresh_id(), json!({"version": 1, text: "B"})),
            json!({"op": "create", "body": t.draft().with_id(&one).to_value()}),
            replace(&other, json!({"version": 1, text: "B"})),
        ],
    );
    let results = results(&answer.send());
    assert_eq!(statuses(&results), [409, 404, 409, 200]);
    let codes: Vec<&Value> = results.iter().map(|result| &result["problem"]["code"]).collect();
    assert_eq!(codes, [&json!("stale"), &json!("not_found"), &json!("exists"), &Value::Null]);
    assert!(results[0]["problem"].get("current").is_none(), "a hundred records would be too much");
    assert_eq!((t.read(&one).version(), t.read(&other).version()), (1, 2));
}

fn a_batch_that_is_not_well_formed_changes_nothing(t: &Target) {
    let id = t.some_record();
    let good = replace(&id, json!({"version": 1, t.kit.text: "B"}));
    let with = |operation: Value| json!({"operations": [good.clone(), operation]}).to_string();
    for (body, pointer) in [
        ("[]".to_owned(), ""),
        ("{".to_owned(), ""),
        ("{}".to_owned(), "/operations"),
        (r#"{"operations": 1}"#.to_owned(), "/operations"),
        (json!({"operations": [good], "atomic": 1}).to_string(), "/atomic"),
        (json!({"operations": [good], "more": 1}).to_string(), "/more"),
        (with(json!([])), "/operations/1"),
        (with(json!({"id": id, "body": {}})), "/operations/1/op"),
        (with(json!({"op": "upsert", "id": id})), "/operations/1/op"),
        (with(json!({"op": "replace", "body": {}})), "/operations/1/id"),
        (with(json!({"op": "replace", "id": id})), "/operations/1/body"),
        (with(json!({"op": "replace", "id": id, "body": [1]})), "/operations/1/body"),
        (with(json!({"op": "replace", "id": "", "body": {}})), "/operations/1/id"),
        (with(json!({"op": "create", "id": id, "body": {}})), "/operations/1/id"),
        (with(json!({"op": "restore", "id": id})), "/operations/1/to"),
        (with(json!({"op": "restore", "id": id, "to": -1})), "/operations/1/to"),
        (with(json!({"op": "delete", "id": id, "to": 1})), "/operations/1/to"),
        (with(json!({"op": "delete", "id": id, "version": 1})), "/operations/1/version"),
        (format!(r#"{{"operations":[{{"op":"delete","id":"{id}","id":"{id}"}}]}}"#), "/operations/0/id"),
    ] {
        let answer = t.refused(&id, t.post(path(t), body), 400, "invalid_body");
        answer.blames("pointer", pointer);
    }
    let conditional = batch(t, std::slice::from_ref(&good)).header("if-match", "\"x\"");
    t.refused(&id, conditional, 400, "invalid_request").blames("header", "if-match");
    let typed = batch(t, std::slice::from_ref(&good)).header("content-type", "text/plain");
    t.refused(&id, typed, 415, "unsupported_media_type");
    let parameter = t.post(format!("{}?dry_run=true", path(t)), json!({"operations": [good]}));
    t.refused(&id, parameter, 400, "invalid_request").blames("parameter", "dry_run");
}

fn a_batch_has_at_most_100_operations(t: &Target) {
    let id = t.some_record();
    let patch = |n: usize| json!({"op": "patch", "id": id, "body": {"note": n}});
    t.refused(&id, batch(t, &(0..101).map(patch).collect::<Vec<_>>()), 413, "batch_too_large");
    let unchanged = json!({"op": "patch", "id": id, "body": {"note": null}});
    assert_eq!(statuses(&results(&batch(t, &vec![unchanged; 100]).send())), [200; 100]);
    assert!(results(&batch(t, &[]).send()).is_empty());
}

fn a_repeated_batch_makes_the_rest_and_doubles_nothing(t: &Target) {
    let (late, saved) = (t.fresh_id(), t.some_record());
    let nameless = t.draft().without_id().to_value();
    let operations = [
        json!({"op": "create", "body": nameless}),
        replace(&late, json!({"version": 1, t.kit.text: "B"})),
        replace(&saved, json!({"version": 1, t.kit.text: "B"})),
    ];
    let send = || batch(t, &operations).header("idempotency-key", format!("{}-k", t.run)).send();
    let first = send();
    assert_eq!(first.header("idempotent-replayed"), None);
    let first = results(&first);
    assert_eq!(statuses(&first), [201, 404, 200]);
    // Another client saves the same field, and creates the record that was missing.
    t.patch(&saved, json!({"version": 2, t.kit.text: "X"})).send().expect(200);
    t.create(&t.draft().with_id(&late));
    let again = send();
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = results(&again);
    assert_eq!(statuses(&again), [201, 200, 200]);
    assert_eq!((&again[0], &again[2]), (&first[0], &first[2]), "the first answers");
    assert_eq!(t.read(&saved).json()[t.kit.text], "X", "a late repetition does not win again");
    assert_eq!(t.list("").len(), 3, "one record was created, and two were there");
}

fn an_idempotency_key_of_another_batch_is_refused_before_anything_is_made(t: &Target) {
    let (id, key) = (t.some_record(), format!("{}-k", t.run));
    let of = |text: &str| {
        [replace(&t.fresh_id(), json!({"version": 1})), replace(&id, json!({"version": 1, t.kit.text: text}))]
    };
    results(&batch(t, &of("B")).header("idempotency-key", &key).send());
    t.refused(&id, batch(t, &of("C")).header("idempotency-key", &key), 422, "idempotency_key_reused");
    let single = t.patch(&id, json!({t.kit.text: "D"})).header("idempotency-key", &key);
    t.refused(&id, single, 422, "idempotency_key_reused");
}

fn atomic<'t>(t: &'t Target, operations: &[Value]) -> Call<'t> {
    t.post(path(t), json!({ "operations": operations, "atomic": true }))
}

fn an_atomic_batch_is_made_as_a_whole_or_not_at_all(t: &Target) {
    let (one, other, draft) = (t.some_record(), t.some_record(), t.draft());
    let text = t.kit.text;
    let create = json!({"op": "create", "body": draft.to_value()});
    let operations = [
        create.clone(),
        replace(&one, json!({"version": 1, text: "B"})),
        replace(&other, json!({"version": 7, text: "B"})),
    ];
    let answer = t.refused(&one, atomic(t, &operations), 409, "stale");
    answer.blames("pointer", "/operations/2");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
    let twice = [create.clone(), create.clone()];
    t.refused(&one, atomic(t, &twice), 400, "invalid_body").blames("pointer", "/operations/1");
    let invalid = [replace(&one, json!({"version": 1, t.kit.title: 7}))];
    let pointer = format!("/operations/0/body{}", t.kit.pointer(t.kit.title));
    t.refused(&one, atomic(t, &invalid), 400, "invalid_body").blames("pointer", &pointer);

    let unchanged = json!({"op": "patch", "id": other, "body": {"version": 1}});
    let results = results(&atomic(t, &[create, replace(&one, json!({"version": 1, text: "B"})), unchanged]).send());
    assert_eq!(statuses(&results), [201, 200, 200]);
    let versions: Vec<&Value> = results.iter().map(|result| &result["version"]).collect();
    assert_eq!(versions, [1, 2, 1]);
    assert_eq!((t.read(draft.id()).version(), t.read(&one).version(), t.read(&other).version()), (1, 2, 1));
    assert_eq!(t.get(format!("{}/versions", t.path(&one))).send().expect(200).array().len(), 2);
}

fn a_repeated_atomic_batch_has_its_first_answers(t: &Target) {
    let (id, key) = (t.some_record(), format!("{}-k", t.run));
    let nameless = t.draft().without_id().to_value();
    let operations = [json!({"op": "create", "body": nameless}), replace(&id, json!({"version": 1, t.kit.text: "B"}))];
    let send = || atomic(t, &operations).header("idempotency-key", &key).send();
    let first = results(&send());
    t.patch(&id, json!({"version": 2, t.kit.text: "X"})).send().expect(200);
    assert_eq!(results(&send()), first);
    assert_eq!(t.read(&id).json()[t.kit.text], "X");
    assert_eq!(t.list("").len(), 2);
    let other = [replace(&id, json!({"t": 1}))];
    t.refused(&id, atomic(t, &other).header("idempotency-key", &key), 422, "idempotency_key_reused");
}

fn an_atomic_batch_fits_into_one_transaction(t: &Target) {
    let create = |draft: crate::Record| json!({"op": "create", "body": draft.to_value()});
    let drafts: Vec<crate::Record> = (0..51).map(|_| t.draft()).collect();
    let all: Vec<Value> = drafts.iter().cloned().map(create).collect();
    atomic(t, &all).send().problem(413, "batch_too_large");
    atomic(t, &all[..34]).header("idempotency-key", format!("{}-k", t.run)).send().problem(413, "batch_too_large");
    assert_eq!(t.list(""), Vec::<Value>::new());
    assert_eq!(statuses(&results(&atomic(t, &all[..50]).send())), [201; 50]);
    let rest: Vec<Value> = (0..33).map(|_| create(t.draft())).collect();
    assert_eq!(
        statuses(&results(&atomic(t, &rest).header("idempotency-key", format!("{}-k", t.run)).send())),
        [201; 33]
    );
    assert_eq!(t.list("").len(), 83);
}

fn a_dry_run_changes_nothing(t: &Target) {
    let (id, draft) = (t.some_record(), t.draft());
    t.patch(&id, json!({"version": 1, t.kit.text: "X"})).send().expect(200);
    let before = t.version(&id);
    let operations = [
        json!({"op": "create", "body": draft.to_value()}),
        replace(&id, json!({"version": 1, t.kit.text: "B", "note": "new"})),
        replace(&id, json!({"version": 9})),
        json!({"op": "delete", "id": id}),
    ];
    let answer = t.post(path(t), json!({"operations": operations, "dry_run": true})).send();
    assert_eq!(answer.json()["dry_run"], true);
    let results = results(&answer);
    assert_eq!(statuses(&results), [201, 200, 409, 204]);
    let won = format!("won=(\"{}\";replaced=2)", t.kit.pointer(t.kit.text));
    assert!(receipts(&results)[1].contains(&won), "{}", receipts(&results)[1]);
    assert_eq!(results[1]["version"], 3);
    assert_eq!(t.version(&id), before);
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}

fn faults_are_located_in_the_batch(t: &Target) {
    let id = t.some_record();
    let title = t.kit.title;
    let answer = batch(
        t,
        &[
            replace(&id, json!({title: 7})),
            json!({"op": "edit", "id": id, "body": {"set": {title: 7}}}),
            json!({"op": "edit", "id": id, "body": {"set": 7}}),
            json!({"op": "create", "body": t.with_key(&t.fresh_id(), json!({}))}),
            json!({"op": "delete", "id": id, "body": {}}),
            json!({"op": "patch", "id": id, "body": {t.kit.key: "another"}}),
            json!({"op": "delete", "id": id, "body": {"version": null}}),
        ],
    );
    let results = results(&answer.send());
    assert_eq!(statuses(&results), [400; 7]);
    let pointers = [
        format!("/operations/0/body/{title}"),
        format!("/operations/1/body/set/{title}"),
        "/operations/2/body/set".to_owned(),
        format!("/operations/3/body/{title}"),
        "/operations/4/body/version".to_owned(),
        format!("/operations/5/body/{}", t.kit.key),
        "/operations/6/body/version".to_owned(),
    ];
    for (result, pointer) in results.iter().zip(pointers) {
        let faults = result["problem"]["errors"].as_array().expect("faults");
        assert!(faults.iter().any(|fault| fault["pointer"] == pointer), "{result} should blame {pointer}");
    }
    assert_eq!(t.read(&id).version(), 1);
}

fn an_operation_is_on_behalf_of_the_author(t: &Target) {
    let id = t.some_record();
    let save = [replace(&id, json!({"version": 1, t.kit.text: "B"}))];
    results(&batch(t, &save).header("ripple-author", "\"Bo\";id=\"u7\"").send());
    assert_eq!(t.read(&id).json()["updated_author"], json!({"name": "Bo", "id": "u7"}));
}

fn a_session_sees_what_a_batch_has_written(t: &Target) {
    let ids: Vec<String> = (0..20).map(|_| t.some_record()).collect();
    t.list("");
    let save = |id: &String| replace(id, json!({"version": 1, t.kit.text: "B"}));
    results(&batch(t, &ids.iter().map(save).collect::<Vec<_>>()).send());
    assert!(t.list("").iter().all(|record| record["version"] == 2));
    for id in [&ids[0], &ids[19]] {
        assert_eq!(t.read(id).version(), 2);
    }
}

fn the_legacy_ids_are_named_as_they_are(t: &Target) {
    // No client can create a record with such an id, but every operation may name it.
    let answer = batch(t, &[json!({"op": "delete", "id": format!("_{}/ ü", t.run)})]);
    assert_eq!(statuses(&results(&answer.send())), [404]);
}

fn a_reader_sends_no_batch(t: &Target) {
    let id = t.some_record();
    let call = batch(t, &[json!({"op": "delete", "id": id})]).header("x-api-key", t.read_key());
    t.refused(&id, call, 403, "insufficient_scope");
    t.get(path(t)).send().problem(405, "method_not_allowed");
}
