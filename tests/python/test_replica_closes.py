"""How a host closes sockets of the live channel. Each row of the table in docs/API.md has its test."""

import asyncio
import json
import re

import pytest
from websockets.exceptions import ConnectionClosed

from dev import Dev, ripple
from edge import ROOT, wait_for
from second_writer import TABLE
from sockets import BROKEN, Killable, Reader, all_of, opened, run
from test_live import FIELDS, Socket, ticket

# The number of sockets of `ripple dev`.
SOCKETS = 1000
# The tests of each reason, by code and reason.
TESTS = {
    (1001, "going"): [
        "test_live.test_a_page_resumes_without_a_loss_and_after_a_restart_it_is_told_to_read_the_changes",
    ],
    (1008, "bad_frame"): ["test_live.test_a_bad_frame_closes_the_socket_and_says_why"],
    (1008, "rate"): ["test_live.test_too_many_frames_close_the_socket"],
    (1009, "frame_too_large"): ["test_live.test_a_bad_frame_closes_the_socket_and_says_why"],
    (1011, "fault"): ["test_replica_closes.test_a_frame_that_the_object_cannot_take_closes_its_socket"],
    (1012, "restart"): [
        "test_replica_closes.test_a_change_that_no_frame_can_hold_restarts_the_sockets",
        "test_replica_closes.test_the_sockets_of_a_key_that_lost_rights_restart",
    ],
    (4001, "key"): [
        "test_live.test_the_sockets_of_a_revoked_key_are_closed",
        "test_live.test_pages_hear_without_the_feed_too",
        "test_replica_waits.test_the_sockets_of_a_key_are_closed_when_it_expires",
    ],
    (4002, "ticket"): [
        "test_live.test_a_ticket_is_for_one_use_one_resource_and_thirty_seconds",
        "test_live.test_a_page_loses_nothing_if_the_replica_is_killed",
    ],
    (4003, "scope"): ["test_live.test_pages_hear_without_the_feed_too"],
    (4004, "resource"): ["test_live.test_a_ticket_is_for_one_use_one_resource_and_thirty_seconds"],
    (4008, "slow"): ["test_replica_waits.test_a_client_that_acknowledges_nothing_for_a_minute_is_closed"],
    (4009, "full"): [
        "test_replica_closes.test_a_replica_has_no_more_sockets_than_its_limit",
        "test_replica_closes.test_ripple_dev_has_no_more_sockets_than_its_limit",
    ],
}


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    with Killable(tmp_path_factory.mktemp("closes")) as near:
        yield near


def test_a_replica_has_no_more_sockets_than_its_limit(near):
    with Socket(near, key=near.key, resource="task") as last:
        last.hello()
        for how in ({"key": near.key}, {"ticket": ticket(near, "task")}):
            with Socket(near, resource="task", **how) as page:
                assert page.closed() == ([], (4009, "full"))
        last.send("ping")
        assert last.text() == "pong"
    # Its place is free once the object knows that it has gone.
    wait_for(lambda: is_opened(near))


def is_opened(near):
    with Socket(near, key=near.key, resource="task") as page:
        try:
            return page.hello()
        except ConnectionClosed as closed:
            assert closed.rcvd.code == 4009


def test_ripple_dev_has_no_more_sockets_than_its_limit(tmp_path):
    with Dev(tmp_path, "--in-memory", feed=True) as dev:

        async def work():
            async with opened(dev, SOCKETS) as readers:
                further = await Reader(dev).open()
                assert (further.hello, further.closed) == (None, (4009, "full"))
                await asyncio.to_thread(dev.ripple().create, {"prj_id": "p1"} | FIELDS)
                await all_of(readers, lambda reader: reader.hears({"p1": 1}))

        run(work)


def test_a_change_that_no_frame_can_hold_restarts_the_sockets(near, prj_id):
    large = {name: {"S": "x"} for name in FIELDS} | {"prj_id": {"S": f"{prj_id}-".ljust(2000, "x")}}

    async def work():
        async with opened(near, 3) as readers:
            await asyncio.to_thread(near.client().put_item, TableName=TABLE, Item=large)
            await all_of(readers, lambda reader: reader.until(lambda: reader.closed))
            assert {reader.closed for reader in readers} == {(1012, "restart")}
            await all_of(readers, Reader.open)
            assert {reader.hello["resync"] for reader in readers} == {"too_old"}

    run(work)


def test_a_frame_that_the_object_cannot_take_closes_its_socket(near):
    with Socket(near, key=near.key) as page, Socket(near, key=near.key) as other:
        page.hello(), other.hello()
        page.send(BROKEN)
        assert page.closed() == ([], (1011, "fault"))
        other.send("ping")
        assert other.text() == "pong"


def test_the_sockets_of_a_key_that_lost_rights_restart(near):
    key = ripple("key", "create", "--name", "rotated", data=near.data).strip()
    listed = map(json.loads, ripple("key", "list", "--json", data=near.data).splitlines())
    [record] = [record for record in listed if record["name"] == "rotated"]
    with Socket(near, key=key) as page, Socket(near, key=near.key) as other:
        page.hello(), other.hello()
        ripple("key", "rotate", record["key_id"], data=near.data)
        assert page.closed() == ([], (1012, "restart"))
        # It is still a key for a while.
        with Socket(near, key=key) as again:
            again.hello()
        other.send("ping")
        assert other.text() == "pong"


def documented():
    """Yields the code and the reason of each row of the table."""
    section = (ROOT / "docs/API.md").read_text().partition("| code | reason | the client |")[2].partition("\n\n")[0]
    for codes, reasons in re.findall(r"^\| ([\d, ]+) \| (.*?) \|", section, re.MULTILINE):
        for reason in re.findall(r"`(\w+)`", reasons):
            yield codes, reason


def test_each_documented_reason_has_its_tests():
    # A row with more than one code does not say which goes with which reason.
    shown = {(reason, code) for codes, reason in documented() for code in map(int, codes.split(", "))}
    assert {(reason, code) for code, reason in TESTS} <= shown
    assert {reason for _, reason in TESTS} == {reason for reason, _ in shown}
    core, worker = ((ROOT / path).read_text() for path in ("core/src/live/close.rs", "replica/worker.js"))
    sent = set(re.findall(r'\b(?:end|close)\(\w+, (\d+), "(\w+)"\)', worker))
    assert sent, "those of the object itself"
    codes = {int(code): names for names, code in re.findall(r"((?:Close::\w+(?: \| )?)+) => (\d+),", core)}
    reasons = re.findall(r'(Close::\w+) => "(\w+)",', core)
    of_core = {(code, reason) for code, names in codes.items() for name, reason in reasons if name in names.split(" | ")}
    assert len(of_core) == len(reasons)
    assert set(TESTS) == of_core | {(int(code), reason) for code, reason in sent}
    for (code, reason), tests in TESTS.items():
        for test in tests:
            text = text_of(*test.split("."))
            assert f'"{reason}"' in text and str(code) in text, (test, code, reason)


def text_of(module, name):
    """Returns the text of a test, with its decorators."""
    blocks = (ROOT / f"tests/python/{module}.py").read_text().split("\n\n\n")
    [text] = [block for block in blocks if f"def {name}(" in block]
    return text
