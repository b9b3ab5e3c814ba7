"""Many sockets on one object under the real workerd, which is killed, and readers that do not read."""

import asyncio
import contextlib
import json
import threading

import pytest
from websockets.exceptions import InvalidStatus

from edge import send, wait_for
from second_writer import TABLE
from sockets import LIMIT, Deaf, Killable, Reader, all_of, opened, run
from test_live import FIELDS, Socket, problem, refusal, ticket
from test_replica import post

# The number of changes that a client may leave unacknowledged.
CREDIT = 64
# The number of sockets that one call may be given.
GROUP = 100
# The memory of WebAssembly that the object may take, whatever the number of its sockets.
MEMORY = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    with Killable(tmp_path_factory.mktemp("sockets")) as near:
        yield near


@pytest.fixture(autouse=True)
def healed(near):
    yield
    near.tables.mode, near.relay.edge, near.relay.during = "pass", near.edge, None


def create(near, prj_id, **fields):
    return near.behind.ripple().create({"prj_id": prj_id} | FIELDS | fields)


def create_all(near, ids, **headers):
    rows = [{"op": "create", "body": {"prj_id": prj_id} | FIELDS} for prj_id in ids]
    answer = near.behind.ripple().call("POST", "/prj/_batch", {"operations": rows}, **headers)
    assert answer.status == 200 and all(result["status"] == 201 for result in answer.json()["results"]), answer


def test_a_thousand_pages_hear_of_saves(near, prj_id):
    async def work():
        async with opened(near, 1000) as readers:
            # Each request asks how many sockets are open, and does not go through all of them.
            assert near.said("told")[-1]["rounds"] < 100
            await asyncio.to_thread(create, near, prj_id)
            await all_of(readers, lambda reader: reader.hears({prj_id: 1}))
            # Almost a credit at once, in large frames: the feed is lost, and a refresh brings all of them.
            near.relay.edge = None
            newest = {f"{prj_id}-{number:02}".ljust(128, "x"): 1 for number in range(30)}
            await asyncio.to_thread(create_all, near, newest, ripple_author=f'"{"A" * 60}";id="{"u" * 64}"')
            mark = len(near.said("told"))
            await asyncio.to_thread(send, near.url, "GET", "/prj/absent", near.key, cache_control="no-cache")
            await all_of(readers, lambda reader: reader.hears(newest))
            assert max(line["memory"] for line in near.said("told")[mark:]) < MEMORY
            # The object has looked after all of them, too.
            looks = lambda: [line for line in near.said("looked") if line["sockets"] == 1000]
            await asyncio.to_thread(wait_for, looks)
            assert looks()[-1]["most"] <= GROUP and looks()[-1]["memory"] < MEMORY

    run(work)


def test_each_of_many_readers_of_a_record_is_told_of_all_others(near, prj_id):
    async def work():
        async with opened(near, GROUP + 50, '"Ann";id="u{}"'.format) as readers:
            for state in ("view", "edit"):
                frame = json.dumps({"presence": {"id": prj_id, "state": state}})
                await all_of(readers, lambda reader: reader.socket.send(frame))
                are_all = lambda reader: reader.who and len(reader.who) + reader.more == len(readers) - 1
                states = lambda reader: {who[2] for who in reader.who}
                await all_of(readers, lambda reader: reader.until(lambda: are_all(reader) and states(reader) == {state}))
            # The other readers are told of each reader that leaves.
            for reader in readers[:10]:
                await reader.socket.send('{"presence":null}')
            rest = readers[10:]
            await all_of(rest, lambda reader: reader.until(lambda: len(reader.who) + reader.more == len(rest) - 1))

    run(work)


def test_pages_come_back_after_a_kill_and_hear_of_everything(near, prj_id):
    ids = [f"{prj_id}-{number}" for number in range(5)]

    def save_meanwhile():
        ripple = near.behind.ripple()
        for number in range(6):
            for other in ids[1:]:
                ripple.patch(other, {"goal": f"goal {number}"})
        ripple.delete(ids[1])
        create(near, f"{prj_id}-late")
        return {ids[0]: 1, ids[1]: 8, f"{prj_id}-late": 1} | dict.fromkeys(ids[2:], 7)

    async def work():
        async with opened(near, 200) as readers:
            for other in ids:
                await asyncio.to_thread(create, near, other)
            await all_of(readers, lambda reader: reader.hears(dict.fromkeys(ids, 1)))
            await asyncio.to_thread(near.edge.kill)
            await all_of(readers, lambda reader: reader.until(lambda: reader.closed))
            newest = await asyncio.to_thread(save_meanwhile)
            await asyncio.to_thread(near.edge.again)
            # The log goes on before the readers are back.
            await asyncio.to_thread(send, near.url, "GET", "/prj/absent", near.key, cache_control="no-cache")
            await all_of(readers, Reader.open)
            # Each goes on exactly where it was. A reader asserts that nothing is left out, and in which order it comes.
            assert not any("resync" in reader.hello for reader in readers)
            await all_of(readers, lambda reader: reader.hears(newest))

    run(work)
    wait_for(near.shows_what_the_table_has)


def test_a_message_that_a_kill_has_interrupted_is_applied_when_it_is_repeated(near, prj_id):
    """The message has no room for one of its records, so the object reads it, and is killed before DynamoDB answers."""
    large, others = f"{prj_id}-large", [f"{prj_id}-{number}" for number in range(30)]
    killed, once = threading.Event(), threading.Lock()

    def reads_large():
        return b'"ConsistentRead":true' in near.tables.body and large.encode() in near.tables.body

    def kill(message):
        # The feed repeats a message after two seconds without an answer.
        with once:
            if large.encode() in message and not killed.is_set():
                near.tables.mode = "slow"
                wait_for(reads_large)
                near.edge.kill()
                killed.set()

    def save():
        # As JSON, it is larger than a message.
        item = {"prj_id": {"S": large}, "name": {"S": "\1" * 200_000}}
        near.relay.during = kill
        near.client().put_item(TableName=TABLE, Item=item)
        create_all(near, others)

    near.wait_for_the_feed(f"{prj_id}-before")

    async def work():
        async with opened(near, 20) as readers:
            await asyncio.to_thread(save)
            assert await asyncio.to_thread(killed.wait, LIMIT)
            await all_of(readers, lambda reader: reader.until(lambda: reader.closed))
            # A refresh would bring what is missing, too.
            near.tables.mode, near.relay.during = "no index", None
            await asyncio.to_thread(near.edge.again)
            await all_of(readers, Reader.open)
            body, headers = near.relay.message
            assert (await asyncio.to_thread(post, near.edge.url, body, headers))[0] == 200
            await all_of(readers, lambda reader: reader.hears({large: 1}))
            near.tables.mode = "pass"
            await all_of(readers, lambda reader: reader.hears(dict.fromkeys(others, 1) | {large: 1}))

    run(work)
    wait_for(near.shows_what_the_table_has)


def test_a_client_that_never_reads_gets_its_credit_and_holds_up_nobody(near, prj_id):
    ids = [f"{prj_id}-{number:03}" for number in range(150)]

    def save():
        for first in range(0, len(ids), 50):
            create_all(near, ids[first : first + 50])

    async def work():
        async with opened(near, 10) as readers:
            with Deaf(near) as deaf:
                await asyncio.to_thread(save)
                await all_of(readers, lambda reader: reader.hears(dict.fromkeys(ids, 1)))
                read = await asyncio.to_thread(send, near.url, "GET", f"/prj/{ids[-1]}", near.key)
                assert read.status == 200 and read.headers["age"] is not None
                # What it then reads is what it was sent: the first frame, and its credit.
                deaf.send("ping")
                hello, *events, pong = await asyncio.to_thread(deaf.read_until, "pong")
                seqs = [json.loads(event)["seq"] for event in events]
                first = json.loads(hello)["seq"] + 1
                assert pong == "pong" and seqs == list(range(first, first + CREDIT))

    run(work)


def wait_for_a_socket(near, code, **how):
    """Opens a socket, which may be refused for a while. Returns it, and the last refusal."""
    opened = refused = None

    def opens():
        nonlocal opened, refused
        try:
            opened = Socket(near, **how)
        except InvalidStatus as refusal:
            refused = refusal.response
            assert problem(refused)[1] == code
        return opened

    wait_for(opens)
    opened.hello()
    return opened, refused


def test_an_upgrade_while_the_object_is_away_is_refused_and_opens_no_socket(near, prj_id):
    with Socket(near, key=near.key) as page, contextlib.ExitStack() as stack:
        page.hello()
        unused, expected = ticket(near), (503, "unavailable")
        for how in ({"key": near.key}, {"ticket": unused}):
            # The object fails, and is then left alone for a while.
            assert refusal(near, path="_live?_away=1", **how) == expected
            assert refusal(near, **how) == expected
        assert send(near.url, "POST", "/prj/_ticket", near.key).status == 503
        # The ticket was not used.
        again, _ = wait_for_a_socket(near, "unavailable", ticket=unused)
        stack.enter_context(again)
        wait_for(lambda: near.said("told")[-1]["sockets"] == 2)
        create(near, prj_id)
        assert [event.events_until(lambda event: event["id"] == prj_id)[-1]["version"] for event in (page, again)] == [1, 1]


def test_an_upgrade_beyond_a_limit_is_refused_and_opens_no_socket(tmp_path):
    limits = {"RIPPLE_RATE_LIMIT": "1", "RIPPLE_ADDRESS_LIMIT": "1"}
    with Killable(tmp_path, limits=limits) as near, contextlib.ExitStack() as stack:
        answers, refused = [], None
        while not refused:
            page, refused = wait_for_a_socket(near, "too_many_requests", key=near.key)
            answers.append(stack.enter_context(page))
            assert len(answers) < 100, "hardly any is refused"
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        # Upgrades with tickets count by address, whether or not the tickets are good.
        asked = lambda: send(near.url, "POST", "/prj/_ticket", near.key)
        wait_for(lambda: (made := asked()).status == 200 and answers.append(made.json()["ticket"]) is None)
        unused, refused = answers.pop(), None
        for _ in range(100):
            try:
                with Socket(near, ticket="forged") as page:
                    assert page.closed() == ([], (4002, "ticket"))
            except InvalidStatus as refusal:
                refused = refusal.response
                break
        assert problem(refused) == (429, "too_many_requests")
        page, _ = wait_for_a_socket(near, "too_many_requests", ticket=unused)
        answers.append(stack.enter_context(page))
        wait_for(lambda: near.said("told")[-1]["sockets"] == len(answers))
