//! Two resources of one site. What belongs to one has no effect on the other, or is refused by it.

use serde_json::json;

use crate::case::cases;
use crate::target::escape;
use crate::{Answer, Kit, Target};

cases! { resources: ;
    with_all_resources:
    one_id_names_a_record_of_each_resource,
    a_cursor_of_another_resource_is_refused,
    a_cursor_of_another_resources_changes_is_refused,
    changes_are_those_of_one_resource,
    a_session_of_another_resource_changes_no_read,
    a_session_carries_the_writes_of_both_resources,
    an_idempotency_key_is_a_new_one_at_another_resource;
    with_prj_read_key: a_key_for_reads_of_one_resource_does_nothing_else,
}

/// Creates a record of this id, and returns the response.
#[track_caller]
fn create(t: &Target, id: &str) -> Answer {
    t.create(&t.draft().with_id(id))
}

/// Returns the value of a parameter in a link.
#[track_caller]
fn parameter(link: &str, name: &str) -> String {
    let value = link.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("{link} has no {name}")).to_owned()
}

fn one_id_names_a_record_of_each_resource(t: &Target) {
    let (other, id) = (t.elsewhere(), t.fresh_id());
    create(t, &id);
    other.get(other.path(&id)).send().problem(404, "not_found");
    create(&other, &id);
    other.patch(&id, json!({other.kit.text: "only here"})).send().expect(200);
    other.delete(&id).send().expect(204);
    assert_eq!(t.read(&id).version(), 1);
    other.get(other.path(&id)).send().problem(410, "gone");
}

fn a_cursor_of_another_resource_is_refused(t: &Target) {
    let other = t.elsewhere();
    // The same query for both: the cursor names the same `run`.
    for t in [t, &other] {
        t.some_record();
        t.some_record();
    }
    let link = t.get(t.list_path("limit=1")).send().expect(200).next().expect("there is more");
    t.get(&link).send().expect(200);
    let there = link.replacen(t.kit.path, other.kit.path, 1);
    let answer = other.get(there).send();
    answer.problem(400, "invalid_request");
    answer.blames("parameter", "cursor");
}

fn a_cursor_of_another_resources_changes_is_refused(t: &Target) {
    let other = t.elsewhere();
    for _ in 0..2 {
        t.some_record();
    }
    // Both the cursor after the last page and the link to the next page.
    let page = t.get(t.path("_changes?limit=1")).send().expect(200);
    let next = parameter(&page.next().expect("there is more"), "since");
    let last = t.pages(&t.path("_changes")).pop().expect("there is a page").json();
    let last = escape(last["cursor"].as_str().expect("the cursor is a string"));
    for cursor in [next, last] {
        t.get(t.path(&format!("_changes?since={cursor}&limit=1"))).send().expect(200);
        let answer = other.get(other.path(&format!("_changes?since={cursor}&limit=1"))).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "since");
    }
}

fn changes_are_those_of_one_resource(t: &Target) {
    let other = t.elsewhere();
    let id = t.some_record();
    let told = |t: &Target| t.pages(&t.path("_changes")).iter().any(|page| page.text().contains(&id));
    assert!(told(t));
    other.some_record();
    assert!(!told(&other));
}

fn a_session_of_another_resource_changes_no_read(t: &Target) {
    let other = t.elsewhere();
    let id = other.some_record();
    let before = other.version(&id);
    // A token that names this id, at a version that the other resource's record does not have.
    create(t, &id);
    t.patch(&id, json!({t.kit.text: "second"})).send().expect(200);
    let deleted = t.delete(&id).send().expect(204);
    let token = deleted.header("ripple-session").expect("a write gives a token");
    let read = other.get(other.path(&id)).header("ripple-session", token).send().expect(200);
    assert_eq!((read.text(), read.etag()), (before.body.as_str(), before.tag));
    let list = other.get(other.list_path("")).header("ripple-session", token).send().expect(200).array();
    assert_eq!(list.iter().map(|record| other.id_of(record)).collect::<Vec<_>>(), [id]);
}

fn a_session_carries_the_writes_of_both_resources(t: &Target) {
    let other = t.elsewhere();
    let (here, there) = (t.draft(), other.draft());
    let first = t.create(&here);
    let token = first.header("ripple-session").expect("a write gives a token");
    let second = other.post(other.kit.path, there.to_json()).header("ripple-session", token).send().expect(201);
    let token = second.header("ripple-session").expect("a write gives a token");
    for (t, id) in [(t, here.id()), (&other, there.id())] {
        let reader = t.stranger();
        let read = |path: String| reader.get(path).header("ripple-session", token).send().expect(200);
        assert_eq!(read(t.path(id)).version(), 1);
        assert_eq!(read(t.list_path("")).array().len(), 1);
    }
}

fn an_idempotency_key_is_a_new_one_at_another_resource(t: &Target) {
    let (other, id) = (t.elsewhere(), t.fresh_id());
    create(t, &id);
    create(&other, &id);
    let save = |t: &Target| {
        let call = t.patch(&id, r#"{"note":"sent to both"}"#).header("idempotency-key", format!("{id}-both"));
        call.send().expect(200)
    };
    let first = save(t);
    let there = save(&other);
    assert_eq!(there.version(), 2);
    assert_eq!(other.read(&id).json()["note"], "sent to both");
    assert_ne!(there.body(), first.body());
    assert_eq!((save(t).body(), save(&other).body()), (first.body(), there.body()), "each repeats its own answer");
}

fn a_key_for_reads_of_one_resource_does_nothing_else(t: &Target) {
    let other = t.elsewhere();
    let (id, there) = (t.some_record(), other.some_record());
    let key = t.prj_read_key();
    for path in [t.path(&id), t.list_path(""), t.path("_changes"), format!("{}/versions", t.path(&id))] {
        t.get(path).header("x-api-key", key).send().expect(200);
    }
    let refused = |t: &Target, answer: Answer, scope: &str| {
        let problem = answer.problem(403, "insufficient_scope");
        let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
        let Kit { resource, .. } = t.kit;
        assert!(detail.contains(&format!("{resource}:{scope}")), "{detail}");
    };
    refused(t, t.patch(&id, "{}").header("x-api-key", key).send(), "write");
    refused(t, t.delete(&id).header("x-api-key", key).send(), "write");
    let reads = [
        other.path(&there),
        other.list_path(""),
        other.list_path("deleted=true"),
        other.path("_changes"),
        format!("{}/versions", other.path(&there)),
        format!("{}/versions/1", other.path(&there)),
    ];
    for path in reads {
        refused(&other, other.get(&path).header("x-api-key", key).send(), "read");
        other.head(&path).header("x-api-key", key).send().expect(403);
    }
    // The request is refused at once, and does not wait for a change first.
    let page = other.pages(&other.path("_changes")).pop().expect("there is a page").json();
    let since = escape(page["cursor"].as_str().expect("the cursor is a string"));
    let waiting = other.get(other.path(&format!("_changes?since={since}"))).header("prefer", "wait=20");
    refused(&other, waiting.header("x-api-key", key).send(), "read");
    // A socket opens with a ticket, and the key gets none.
    let ticket = other.post(other.path("_ticket"), "").without("content-type").header("x-api-key", key).send();
    if ticket.status() == 501 {
        ticket.problem(501, "no_live");
    } else {
        refused(&other, ticket, "read");
    }
    let socket = other.get(other.path("_live")).header("x-api-key", key).send();
    assert!([403, 426, 501].contains(&socket.status()), "{}", socket.text());
    let call = other.patch(&there, "{}").header("x-api-key", key);
    refused(&other, other.refused(&there, call, 403, "insufficient_scope"), "write");
}
