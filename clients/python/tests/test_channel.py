"""The protocol of the live channel: what a reader knows and does, without a socket."""

import json

import pytest

from ripple_client import Author, Change, Present, Problem, Record
from ripple_client.channel import SILENCE, Channel
from ripple_client.exchange import Context

HELLO = {"hello": 1, "epoch": "k3", "seq": 40, "cursor": "c1", "credit": 64, "ping": 30}


def channel(since=None, on_presence=None):
    return Channel(Context("https://ripple.test", "key", None, None, 60), "prj", since, on_presence)


def frame(seq, record_id="p1", version=None):
    changed = {"seq": seq, "id": record_id, "version": seq if version is None else version, "updated_at": 5}
    return changed | {"updated_by": "app", "author": ["Bo", "u7"], "fields": ["/goal"]}


def hear(reader, said, size=100, now=0.0):
    event = reader.event(said)
    return event, reader.finish(said, size, now)


def test_the_cursor_names_the_last_change_that_was_dealt_with():
    reader = channel()
    assert (reader.cursor, reader.url) == (None, "wss://ripple.test/prj/_live")
    reader.begin(HELLO)
    assert reader.cursor == "c1~k3.40"
    event = reader.event(frame(41))
    assert (event.cursor, event.author, event.fields) == ("c1~k3.41", Author("Bo", "u7"), ("/goal",))
    assert reader.cursor == "c1~k3.40", "the change is not dealt with yet"
    reader.finish(frame(41), 100, 0.0)
    reader.event({"mark": "c2", "seq": 41})
    assert reader.cursor == "c2~k3.41"
    assert channel("c2~k3.41").url == "wss://ripple.test/prj/_live?since=c2~k3.41"


def test_a_version_is_heard_once_and_never_falls():
    reader = channel()
    reader.begin(HELLO)
    heard = [hear(reader, frame(seq, version=version))[0] for seq, version in ((41, 3), (42, 3), (43, 2), (44, 4))]
    assert [event and event.version for event in heard] == [3, None, None, 4]
    assert reader.asked(Change("p1", Record("p1", {}, 4), "c3")) is None
    assert reader.asked(Change("p1", None, "c3")).deleted


def test_32_events_or_8_kilobytes_are_acknowledged_but_small_ones_once_a_second():
    reader = channel()
    reader.begin(HELLO)
    due = [hear(reader, frame(seq))[1] for seq in range(41, 73)]
    assert due[:-1] == [None] * 31 and due[-1] == (0.0, '{"ack": 72}')
    large = [hear(reader, frame(seq), 1000, now=0.25)[1] for seq in range(73, 82)]
    assert large == [None] * 8 + [(0.75, '{"ack": 81}')], "the last one was at 0"
    assert reader.finish({"mark": "c2", "seq": 81}, 9000, 0.0) is None, "only changes count"


def test_a_reader_that_missed_changes_asks_for_them_from_its_own_cursor():
    assert not channel().misses(HELLO | {"resync": "too_old"}), "it has missed nothing"
    reader = channel("c0~k1.7")
    assert reader.misses(HELLO | {"resync": "too_old"}) and not reader.misses(HELLO)
    reader.ask()
    assert reader.cursor == "c0"


def test_presence_is_said_when_the_socket_opens_and_heard_of_the_own_record():
    heard = []
    reader = channel(on_presence=lambda *said: heard.append(said))
    assert reader.begin(HELLO) is None
    assert json.loads(reader.place("p1", "edit", "/goal")) == {
        "presence": {"id": "p1", "state": "edit", "field": "/goal"}
    }
    assert json.loads(reader.begin(HELLO)) == {"presence": {"id": "p1", "state": "edit", "field": "/goal"}}
    assert reader.event({"presence": "p1", "who": [["Bo", "u7", "edit", "/goal"], ["Ann", "", "view", ""]], "more": 0}) is None
    people = (Present(Author("Bo", "u7"), "edit", "/goal"), Present(Author("Ann"), "view"))
    assert heard == [("p1", people)] and reader.who("p1") == people and reader.who("p2") == ()
    assert json.loads(reader.place(None, "view", None)) == {"presence": None}
    assert reader.begin(HELLO) is None
    reader.closed(1006, 1.0, False)
    assert reader.who("p1") == ()


def test_a_proxy_that_lets_no_socket_through_makes_the_reader_ask():
    reader = channel()
    assert [reader.not_opened(None) >= 0 and reader.mode for _ in range(3)] == ["live", "live", "wait"]
    for status in (404, 501):
        reader = channel()
        assert (reader.not_opened(status), reader.mode) == (0.0, "wait")
    for status in (401, 403):
        with pytest.raises(Problem) as refused:
            channel().not_opened(status)
        assert refused.value.status == status


@pytest.mark.parametrize(("code", "status"), [(4001, 403), (4003, 403), (4004, 404)])
def test_a_key_or_resource_that_is_gone_ends_the_reader(code, status):
    with pytest.raises(Problem) as ended:
        channel().closed(code, 1.0, own=False)
    assert ended.value.status == status
    channel().closed(code, 1.0, own=True)


def test_the_end_of_a_socket_says_when_to_come_back():
    reader = channel()
    assert 0 <= reader.closed(1012, 1.0, False) <= 5
    assert reader.closed(4008, 1.0, False) == 1.0
    assert SILENCE <= reader.closed(1008, 1.0, False) <= SILENCE + 1
    assert (reader.closed(4009, 1.0, False), reader.mode) == (0.0, "wait")
