"""The reader of changes: repetitions, cursors, and when it asks again."""

from ripple_client.exchange import Answer
from ripple_client.feed import Feed, Pace
from ripple_client import json_text

from test_exchange import URL, Script

HELD = {"preference-applied": "wait=25"}


def batch(cursor, *changed, deleted=(), following=None, **headers):
    records = [{"prj_id": name, "version": version} for name, version in changed]
    body = {"changed": records, "deleted": list(deleted), "cursor": cursor}
    if following:
        headers["link"] = f'<_changes?since={following}>; rel="next"'
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, json_text.write(body))


def read(feed, script):
    """Returns the next changes as (id, version or None, cursor)."""
    changes = script.run(feed.batch())
    if changes is None:
        return None
    return [(change.id, change.record and change.record.version, change.cursor) for change in changes]


def test_each_change_carries_the_cursor_that_misses_nothing_after_it():
    script = Script(batch("c1", ("a", 1), ("b", 1), following="c1"), batch("c2", ("c", 1), deleted=["d"]), timeout=60)
    feed = Feed(script.prj, "c0", None)
    assert read(feed, script) == [("a", 1, "c0"), ("b", 1, "c1")]
    assert read(feed, script) == [("c", 1, "c1"), ("d", None, "c2")]
    assert read(feed, script) is None
    assert [step.request.url for step in script.sent] == [
        f"{URL}/prj/_changes?since=c0",
        f"{URL}/prj/_changes?since=c1",
    ]
    assert all("prefer" not in step.request.headers for step in script.sent)


def test_a_change_is_passed_on_until_it_is_finished():
    script = Script(batch("c1", ("a", 1), ("b", 1), following="c1"), batch("c2"))
    feed = Feed(script.prj, "c0", None)
    assert script.run(feed.next()).id == "a" == script.run(feed.next()).id
    feed.finish()
    assert script.run(feed.next()).id == "b"
    assert feed.cursor == "c0"
    feed.finish()
    assert feed.cursor == "c1"
    assert script.run(feed.next()) is None
    assert feed.cursor == "c2"


def test_repetitions_are_left_out():
    script = Script(
        batch("c1", ("a", 1), ("b", 2), deleted=["d"]),
        batch("c2", ("a", 1), ("b", 3), deleted=["d"]),
        batch("c3", ("b", 3), ("d", 9)),
        batch("c4", deleted=["d"]),
    )
    feed = Feed(script.prj, "c0", 25)
    assert [change[:2] for change in read(feed, script)] == [("a", 1), ("b", 2), ("d", None)]
    assert [change[:2] for change in read(feed, script)] == [("b", 3)]
    assert [change[:2] for change in read(feed, script)] == [("d", 9)]
    assert [change[:2] for change in read(feed, script)] == [("d", None)]


def test_versions_never_fall_except_to_a_state_of_another_program():
    script = Script(*[batch("c", ("a", version)) for version in (3, 2, 3, 4, -77, 5)])
    feed = Feed(script.prj, "c0", 25)
    assert [read(feed, script) for _ in range(6)] == [
        [("a", 3, "c")],
        [],
        [],
        [("a", 4, "c")],
        [("a", -77, "c")],
        [("a", 5, "c")],
    ]


def test_a_server_that_holds_the_request_is_asked_again_at_once():
    script = Script(batch("c1", ("a", 1), **HELD), batch("c2", ("a", 2), **HELD))
    feed = Feed(script.prj, "c0", 60)
    read(feed, script), read(feed, script)
    assert script.slept == []
    assert [step.request.headers["prefer"] for step in script.sent] == ["wait=25", "wait=25"]
    assert all(step.seconds == 35 for step in script.sent)


def test_a_server_that_does_not_hold_the_request_is_polled():
    script = Script(*[batch("c")] * 20)
    feed = Feed(script.prj, "c0", 25)
    for _ in range(20):
        assert read(feed, script) == []
    assert script.slept[:12] == [5.0] * 12
    assert script.slept[12:16] == [10.0, 20.0, 40.0, 60.0]


def test_the_first_answer_of_all_records_is_followed_at_once():
    script = Script(batch("c1", ("a", 1)), batch("c2"))
    feed = Feed(script.prj, None, 25)
    assert read(feed, script) == [("a", 1, "c1")]
    assert read(feed, script) == []
    assert script.slept == []
    assert ["prefer" in step.request.headers for step in script.sent] == [False, True]


def test_a_busy_server_says_when_to_ask_again():
    script = Script(batch("c1", retry_after="9"), batch("c2"))
    feed = Feed(script.prj, "c0", 25)
    read(feed, script), read(feed, script)
    assert script.slept == [9]


def test_an_answer_that_was_not_held_is_not_asked_again_at_once_whatever_it_says():
    pace = Pace(0)
    assert pace.pause(asked=100, now=100.1, news=False, held=True, saved_at=None) > 0
    assert pace.pause(asked=100, now=125, news=False, held=True, saved_at=None) == 0


def test_a_change_and_an_own_write_shorten_the_interval():
    pace = Pace(0)
    assert [pace.pause(now, now, False, False, None) for now in (100, 110, 130)] == [10, 20, 40]
    assert pace.pause(170, 170, True, False, None) == 5
    assert [pace.pause(now, now, False, False, None) for now in (300, 310)] == [10, 20]
    assert pace.pause(330, 330, False, False, saved_at=329) == 5
