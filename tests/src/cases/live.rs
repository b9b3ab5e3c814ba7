//! The live channel, as far as it goes without a socket. `tests/python/test_live.py` opens sockets.

use crate::Target;
use crate::case::cases;

cases! { live:
    a_host_gives_a_ticket_or_says_that_it_has_no_live_channel,
    a_socket_needs_an_upgrade,
    a_preference_to_wait_changes_no_answer;
    with_read_key:
    a_reader_gets_a_ticket,
}

fn a_host_gives_a_ticket_or_says_that_it_has_no_live_channel(t: &Target) {
    let ticket = t.post(t.path("_ticket"), "").without("content-type").send();
    if ticket.status() == 501 {
        ticket.problem(501, "no_live");
        t.get(t.path("_live")).send().problem(501, "no_live");
        return;
    }
    let body = ticket.expect(200).json();
    assert_eq!((body["expires_in"].as_u64(), body["url"].as_str()), (Some(30), Some("_live")));
    let other = t.post(t.path("_ticket"), "").without("content-type").send().expect(200).json();
    assert_ne!(body["ticket"], other["ticket"]);
    t.post(t.path("_ticket"), "{}").send().problem(400, "invalid_body");
    t.post(t.path("_ticket?x=1"), "").send().problem(400, "invalid_request");
    t.post(t.path("_ticket"), "").header("ripple-author", "?").send().problem(400, "invalid_request");
}

fn a_socket_needs_an_upgrade(t: &Target) {
    let answer = t.get(t.path("_live")).send();
    if answer.status() != 501 {
        answer.problem(426, "upgrade_required");
        // The Workers runtime sends no header of the connection itself.
        assert!(answer.header("upgrade").is_none_or(|upgrade| upgrade == "websocket"));
    }
}

fn a_preference_to_wait_changes_no_answer(t: &Target) {
    let created = t.some_record();
    let path = t.path("_changes");
    let cursor = t.pages(&path).last().map(|page| page.json()["cursor"].clone()).expect("a page");
    let since = format!("{path}?since={}", cursor.as_str().expect("a cursor"));
    for value in ["wait=1", "wait=0", "wait=x"] {
        let answer = t.get(&since).header("prefer", value).send().expect(200);
        assert_eq!(answer.header("vary").map(str::to_ascii_lowercase).as_deref(), Some("prefer"));
        assert!(answer.header("preference-applied").is_none_or(|applied| applied == value && value == "wait=1"));
        assert!(!answer.json()["deleted"].as_array().expect("a list").contains(&created.as_str().into()));
    }
}

fn a_reader_gets_a_ticket(t: &Target) {
    let ticket = t.post(t.path("_ticket"), "").without("content-type").send();
    assert!([200, 501].contains(&ticket.status()), "{}", ticket.status());
}
