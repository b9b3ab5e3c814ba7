"""What a replica's object does after some time, most of it with its sockets, under the real workerd. `cargo xtask test
--long` runs these tests, since they take more than a minute."""

import asyncio
import json
import time

import pytest

from dev import Dev, ripple
from edge import wait_for
from sockets import LIMIT, Deaf, Killable, all_of, opened, run
from test_live import Socket
from test_replica import PROJECT, Two, post, signed, told
from test_replica_sockets import CREDIT, create_all


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    with Killable(tmp_path_factory.mktemp("waits")) as near:
        yield near


def test_a_client_that_acknowledges_nothing_for_a_minute_is_closed(near, prj_id):
    async def work():
        async with opened(near, 5) as readers:
            with Deaf(near) as deaf:
                ids = [f"{prj_id}-{number:03}" for number in range(100)]
                await asyncio.to_thread(create_all, near, ids)
                await all_of(readers, lambda reader: reader.hears(dict.fromkeys(ids, 1)))
                assert near.said("told")[-1]["sockets"] == 6
                # It reads again only when the object has closed it.
                await asyncio.to_thread(wait_for, lambda: near.said("told")[-1]["sockets"] == 5, 2 * LIMIT)
                _, *events = await asyncio.to_thread(deaf.read_until)
                assert [json.loads(event)["id"] for event in events] == list(readers[0].told)[:CREDIT]
                assert deaf.closed() == (4008, "slow")
            await asyncio.to_thread(create_all, near, [prj_id])
            await all_of(readers, lambda reader: reader.hears({prj_id: 1}))

    run(work, 2 * LIMIT)


def test_the_sockets_of_a_key_are_closed_when_it_expires(near):
    key = ripple("key", "create", "--name", "guest", "--expires-in", "60s", data=near.data).strip()
    with Socket(near, key=key) as page, Socket(near, key=near.key) as other:
        page.hello(), other.hello()
        assert page.closed() == ([], (4001, "key"))
        other.send("ping")
        assert other.text() == "pong"


def test_a_page_hears_of_a_save_though_its_object_was_evicted(near):
    task = {"ref": "t-1", "subject": "Dig", "state": "todo"}
    with Socket(near, key=near.key, resource="task") as page:
        page.hello()
        before = len(near.said("begun", "task"))
        # The object begins anew, and nothing but the runtime has ended it.
        wait_for(lambda: len(near.said("begun", "task")) > before)
        assert near.behind.ripple().call("POST", "/task", task).status == 201
        assert page.event()["id"] == "t-1"
        page.ack()
        assert near.behind.ripple().call("PATCH", "/task/t-1", {"state": "done"}).status == 200
        assert page.event()["fields"] == ["/state"]


def test_doctor_reports_a_feed_that_has_told_nothing_for_a_minute(tmp_path):
    (tmp_path / "two").mkdir()
    with Dev(tmp_path / "data", "--in-memory") as dev:
        two = Two(tmp_path / "two", dev)
        try:
            wait_for(two.is_filled)
            dev.ripple().create(PROJECT | {"prj_id": "p-1"})
            message = told(two, "p-1")
            assert post(two.edge.url, message, signed(message))[0] == 200
            doctor = ("doctor", "--edge-url", two.edge.url)
            assert "its list equals the API's and is" in ripple(*doctor, data=dev.data)
            # A refresh finds this change, and no message tells it.
            dev.ripple().patch("p-1", {"goal": "untold"})
            assert "feed-silent" not in two.ask("/prj", cache_control="no-cache").headers["cache-status"]
            time.sleep(61)
            assert "the feed has not told the replica of a change" in ripple(*doctor, data=dev.data, ok=False)
            # Answers that an isolate may keep do not say so.
            assert "feed-silent" not in two.ask("/prj").headers["cache-status"]
        finally:
            two.close()
