"""The live channel of the Python client: presence, and what it does where there is no channel."""

import asyncio
import time

import pytest

from conformance import PROJECT, Async, AsyncClient, Client, Sync
from ripple_client import Author, Present
from test_client_python import dev, edge  # noqa: F401


def test_without_a_live_channel_or_its_package_the_client_asks(dev, edge, monkeypatch):
    monkeypatch.setattr("ripple_client.live._connect", lambda: None)
    with Client(edge.url, dev.key) as reader, Client(dev.url, dev.key) as writer:
        record = writer.prj.create(PROJECT).record
        with reader.prj.live(since=last_cursor(writer)) as live:
            with writer.prj.edit(record) as edit:
                edit.value["goal"] = "Peas"
            events = iter(live)
            found = next(event for event in events if event.id == record.id and event.version == 2)
            assert (live.mode, found.fields, found.deleted) == ("wait", ("",), False)


@pytest.mark.parametrize("channel", ["no package", "no channel"])
def test_the_asynchronous_client_asks_too(dev, edge, monkeypatch, channel):
    if channel == "no package":
        monkeypatch.setattr("ripple_client.async_live._connect", lambda: None)

    async def run(writer, record, since):
        async with AsyncClient(edge.url, dev.key) as reader, reader.prj.live(since=since) as live:
            async for event in live:
                if (event.id, event.version) == (record.id, 2):
                    return live.mode, event.fields, event.deleted

    with Client(dev.url, dev.key) as writer:
        record, since = writer.prj.create(PROJECT).record, last_cursor(writer)
        with writer.prj.edit(record) as edit:
            edit.value["goal"] = "Peas"
        assert asyncio.run(run(writer, record, since)) == ("wait", ("",), False)


def people(heard, record_id, expected):
    """Waits until the last people that were heard are the expected ones."""
    deadline = time.monotonic() + 60
    while not heard or heard[-1] != (record_id, expected):
        assert time.monotonic() < deadline, heard
        time.sleep(0.01)


@pytest.mark.parametrize("under_test", [Sync, Async], ids=["sync", "async"])
def test_two_clients_hear_who_has_a_record_open(dev, under_test):
    ann, bo = under_test(dev.url, dev.key, author=("Ann", "u3")), under_test(dev.url, dev.key, author="Bo")
    record = ann.wait(ann.client.prj.create(PROJECT)).record
    heard, also = [], []
    first = ann.client.prj.live(on_presence=lambda *said: heard.append(said))
    # Said before the socket is open: it is sent as soon as it opens.
    ann.wait(first.present(record.id))
    followed = ann.follow(first)
    second = bo.client.prj.live(on_presence=lambda *said: also.append(said))
    following = bo.follow(second)
    bo.wait(second.present(record.id, "edit", "/goal"))
    people(heard, record.id, (Present(Author("Bo"), "edit", "/goal"),))
    people(also, record.id, (Present(Author("Ann", "u3"), "view"),))
    assert first.who(record.id) == heard[-1][1] and first.who("another") == ()
    # After a lost connection the place is said again, and the host tells who is there.
    heard.clear()
    followed.cut()
    people(heard, record.id, (Present(Author("Bo"), "edit", "/goal"),))
    bo.wait(second.present(None))
    people(heard, record.id, ())
    for end, tested in ((followed, ann), (following, bo)):
        end.close()
        tested.close()
    assert first.who(record.id) == ()


def last_cursor(client):
    changes = client.prj.changes()
    for _ in changes:
        pass
    return changes.cursor
