//! Repeated writes with their `Idempotency-Key`, and the session token after them.

use serde_json::json;

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { retries:
    a_late_retry_does_not_win_again,
    a_first_answer_that_is_given_again_says_so,
    a_key_with_another_body_is_refused,
    a_claim_lives_for_1_to_90_days,
    a_claim_of_another_length_is_refused,
    the_days_of_a_claim_are_no_part_of_the_request,
    a_retry_does_not_take_the_session_back,
    a_retried_creation_does_not_take_the_session_back,
    a_session_sees_more_writes_than_its_token_names,
    a_session_sees_the_deletions_that_its_token_does_not_name,
}

/// One more write than a session token names.
const WRITES: usize = 17;

#[track_caller]
fn receipt(answer: &Answer) -> &str {
    answer.header("ripple-receipt").expect("every write has a receipt")
}

fn a_late_retry_does_not_win_again(t: &Target) {
    let id = t.some_record();
    let save = || {
        let call = t.patch(&id, json!({"version": 1, t.kit.text: "B"}));
        call.header("idempotency-key", format!("{id}-k")).send().expect(200)
    };
    let first = save();
    t.patch(&id, json!({"version": 2, t.kit.text: "X"})).send().expect(200);
    let again = save();
    assert_eq!((again.version(), receipt(&again)), (2, receipt(&first)));
    assert_eq!(t.read(&id).json()[t.kit.text], "X");
}

fn a_first_answer_that_is_given_again_says_so(t: &Target) {
    let id = t.some_record();
    let save = || t.patch(&id, json!({"version": 1, t.kit.text: "B"})).header("idempotency-key", format!("{id}-k"));
    let replayed = |answer: Answer| answer.expect(200).header("idempotent-replayed").map(str::to_owned);
    assert_eq!(replayed(save().send()), None);
    assert_eq!(replayed(save().send()).as_deref(), Some("true"));
    assert_eq!(replayed(t.patch(&id, json!({"version": 1, t.kit.text: "B"})).send()), None, "without a key");
    assert_eq!(replayed(t.read(&id)), None);
}

fn a_key_with_another_body_is_refused(t: &Target) {
    let id = t.some_record();
    let save = |goal: &str| {
        let call = t.patch(&id, json!({"version": 1, t.kit.text: goal}));
        call.header("idempotency-key", format!("{id}-k"))
    };
    save("B").send().expect(200);
    t.refused(&id, save("C"), 422, "idempotency_key_reused");
}

/// Returns a save with its own key and this header.
fn save<'t>(t: &'t Target, id: &str, key: &str, days: &str) -> Call<'t> {
    let call = t.patch(id, format!(r#"{{"note":"{key}"}}"#));
    call.header("idempotency-key", format!("{id}-{key}")).header("ripple-claim-days", days)
}

fn a_claim_lives_for_1_to_90_days(t: &Target) {
    let id = t.some_record();
    for days in ["1", "2", "89", "90"] {
        let first = save(t, &id, days, days).send().expect(200);
        let again = save(t, &id, days, days).send().expect(200);
        assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(&first)));
    }
    // An empty header counts as absent: some hosts pass it on, and some do not.
    save(t, &id, "empty", "").send().expect(200);
    // Without a key there is nothing to remember.
    let call = t.patch(&id, r#"{"note":"no key"}"#).header("ripple-claim-days", "7");
    call.send().expect(200);
}

fn a_claim_of_another_length_is_refused(t: &Target) {
    let id = t.some_record();
    for days in ["0", "91", "-1", "+5", "1.5", "1e1", "0x1", "one", "1 2", "1,2", "99999999999999999999", "\u{e9}"] {
        let answer = t.refused(&id, save(t, &id, "k", days), 400, "invalid_request");
        answer.blames("header", "Ripple-Claim-Days");
        let without_key = save(t, &id, "k", days).without("idempotency-key");
        t.refused(&id, without_key, 400, "invalid_request").blames("header", "Ripple-Claim-Days");
    }
    let create = t.post(t.kit.path, t.draft().to_json()).header("ripple-claim-days", "0");
    create.send().problem(400, "invalid_request");
    for call in [t.delete(&id), t.post(format!("{}/versions/1", t.path(&id)), "")] {
        t.refused(&id, call.header("ripple-claim-days", "91"), 400, "invalid_request");
    }
    // A refused write leaves its key unused.
    save(t, &id, "k", "90").send().expect(200);
}

fn the_days_of_a_claim_are_no_part_of_the_request(t: &Target) {
    let id = t.some_record();
    let first = save(t, &id, "k", "1").send().expect(200);
    let again = save(t, &id, "k", "30").send().expect(200);
    assert_eq!((again.body(), receipt(&again)), (first.body(), receipt(&first)));
}

/// Returns the token in the response to a write.
#[track_caller]
fn token(answer: &Answer) -> String {
    answer.header("ripple-session").expect("a write gives a token").to_owned()
}

/// Asserts that a reader with this token sees the record at the version, in itself and in the list.
#[track_caller]
fn sees(t: &Target, token: &str, id: &str, version: u64) {
    let reader = t.stranger();
    let read = |path: String| reader.get(path).header("ripple-session", token).send().expect(200);
    assert_eq!(read(t.path(id)).version(), version);
    let list = read(t.list_path(&format!("{}={}", t.kit.key, t.kit.parts(id).1))).array();
    assert_eq!(list[0]["version"], version);
}

fn a_retry_does_not_take_the_session_back(t: &Target) {
    let id = t.some_record();
    t.list("");
    let send = || t.patch(&id, json!({"version": 1, t.kit.text: "B"})).header("idempotency-key", format!("{id}-k"));
    send().send().expect(200);
    for version in 3..6 {
        t.patch(&id, json!({t.kit.remark: version.to_string()})).send().expect(200);
        let again = send().send().expect(200);
        assert_eq!(again.version(), 2, "the first answer");
        sees(t, &token(&again), &id, version);
    }
}

fn a_retried_creation_does_not_take_the_session_back(t: &Target) {
    let draft = t.draft();
    let create = || t.post(t.kit.path, draft.to_json()).header("idempotency-key", format!("{}-k", draft.id()));
    create().send().expect(201);
    t.list("");
    t.patch(draft.id(), json!({t.kit.text: "B"})).send().expect(200);
    let again = create().send().expect(201);
    assert_eq!(again.version(), 1, "the first answer");
    sees(t, &token(&again), draft.id(), 2);
}

fn a_session_sees_more_writes_than_its_token_names(t: &Target) {
    let ids: Vec<String> = (0..WRITES).map(|_| t.some_record()).collect();
    // From here on, a host with a snapshot has one.
    assert_eq!(t.list_ids(""), ids);
    for id in &ids {
        t.patch(id, json!({t.kit.text: "changed"})).send().expect(200);
    }
    let list = t.list("");
    assert_eq!(list.len(), WRITES);
    for record in list {
        assert_eq!((&record[t.kit.text], &record["version"]), (&"changed".into(), &2.into()), "{}", record[t.kit.key]);
    }
    for id in &ids {
        t.patch(id, json!({t.kit.text: "changed again"})).send().expect(200);
    }
    for id in &ids {
        assert_eq!(t.read(id).version(), 3);
    }
}

fn a_session_sees_the_deletions_that_its_token_does_not_name(t: &Target) {
    let ids: Vec<String> = (0..WRITES).map(|_| t.some_record()).collect();
    assert_eq!(t.list_ids(""), ids);
    for id in &ids {
        t.delete(id).send().expect(204);
    }
    assert_eq!(t.list_ids(""), [""; 0]);
}
