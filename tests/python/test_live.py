"""The live channel of `ripple dev`, and of an edge with a replica, in real processes: pages hear of changes over
`ripple.v1`."""

import base64
import contextlib
import hashlib
import json
import threading
import time
import urllib.parse

import boto3
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

import second_writer
from conftest import Ripple, dynamodb
from dev import Dev, ripple
from edge import wait_for
from keys import unknown_key
from near import Near

# The origin whose pages may open sockets. The other clients of these tests send none.
PAGE = "https://app.example"
# A busy machine may need long. The tests go on as soon as they see what they wait for.
LIMIT = 120
# The number of requests that a host holds.
HELD = 200
FIELDS = {
    "name": "Garden", "goal": "Beans", "issue": "Snails", "description": "Beds", "term": 3, "term_unit": "month",
    "create_date": "2026-03-01",
}


@pytest.fixture(scope="module", params=["dev", "edge"])
def dev(request, tmp_path_factory):
    """A host with a live channel. A message of the feed tells an edge only the newest version of a record, so a page
    there may hear of fewer versions."""
    folder = tmp_path_factory.mktemp("live")
    settings = {"RIPPLE_ORIGINS": f"https://other.example, {PAGE}"}
    host = Near(folder, **settings) if request.param == "edge" else Dev(folder, "--in-memory", feed=True, **settings)
    with host as dev:
        yield dev


class Socket:
    """A client of `ripple.v1`. It keeps its position as the protocol says, and acknowledges when it is told to."""

    def __init__(
        self, dev, ticket=None, since=None, key=None, protocols=None, resource="prj", author=None, origin=None, path="_live"
    ):
        url = dev.url.replace("http", "ws", 1) + f"/{resource}/{path}"
        if since:
            url += "?since=" + urllib.parse.quote(since)
        headers = {"x-api-key": key} if key else {}
        if author:
            headers["ripple-author"] = author
        if origin:
            headers["origin"] = origin
        offered = protocols or ["ripple.v1", *([f"ripple.ticket.{ticket}"] if ticket else [])]
        self.opened = contextlib.ExitStack()
        settings = {"open_timeout": LIMIT, "close_timeout": 1, "ping_interval": None, "max_queue": None}
        opening = connect(url, subprotocols=offered, additional_headers=headers, **settings)
        self.socket = self.opened.enter_context(opening)
        assert self.socket.subprotocol == "ripple.v1"

    def next(self):
        return json.loads(self.text())

    def text(self):
        return self.socket.recv(timeout=LIMIT)

    def hello(self):
        hello = self.next()
        assert hello["hello"] == 1, hello
        self.cursor, self.epoch, self.seq = hello["cursor"], hello["epoch"], hello["seq"]
        return hello

    def event(self):
        """Returns the next event. There are no gaps."""
        while "seq" not in (frame := self.next()) or "mark" in frame:
            self.cursor = frame.get("mark", self.cursor)
        assert frame["seq"] == self.seq + 1, (frame, self.seq)
        self.seq = frame["seq"]
        return frame

    def events_until(self, holds):
        """Returns the events up to one, which are acknowledged as the protocol says."""
        events = [self.event()]
        while not holds(events[-1]):
            if len(events) % 32 == 0:
                self.ack()
            events.append(self.event())
        self.ack()
        return events

    def ack(self):
        self.send({"ack": self.seq})

    def send(self, frame):
        self.socket.send(frame if isinstance(frame, (str, bytes)) else json.dumps(frame))

    def since(self):
        return f"{self.cursor}~{self.epoch}.{self.seq}"

    def closed(self):
        """Reads to the end, and returns the frames and how the server closed the socket. The connection below may end
        much later: under `wrangler dev` a minute was seen."""
        frames, deadline = [], time.monotonic() + LIMIT
        while True:
            end = self.socket.protocol.close_rcvd
            try:
                frames.append(json.loads(self.socket.recv(timeout=0.1)))
            except ConnectionClosed as closed:
                end = closed.rcvd
                break
            except TimeoutError:
                if end:
                    break  # nothing came before it that is not read
                assert time.monotonic() < deadline, f"it is still open: {frames}"
        return frames, (end.code, end.reason) if end else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.opened.close()


def ticket(dev, resource="prj", key=None, **headers):
    answer = Ripple(dev.url, key or dev.key).call("POST", f"/{resource}/_ticket", **headers)
    assert answer.status == 200, answer
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert {**body, "ticket": ""} == {"ticket": "", "expires_in": 30, "url": "_live", "resume": True}
    return body["ticket"]


def create(dev, prj_id, **fields):
    return dev.ripple().create({"prj_id": prj_id} | FIELDS | fields)


def refusal(dev, **how):
    with pytest.raises(InvalidStatus) as refused:
        Socket(dev, **how)
    return problem(refused.value.response)


def problem(response):
    body = json.loads(response.body)
    assert response.headers["content-type"] == "application/problem+json"
    assert (body["status"], response.headers["cache-control"]) == (response.status_code, "no-store")
    return response.status_code, body["code"]


def forged(text, **changes):
    content, code = text.split(".")
    fields = json.loads(base64.urlsafe_b64decode(content + "=="))
    for place, value in changes.items():
        fields[int(place[1:])] = value
    content = json.dumps(fields, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=") + "." + code


def test_an_open_page_hears_of_a_save_and_of_a_deletion(dev, prj_id):
    text = ticket(dev, ripple_author='"Ann";id="u1"')
    with Socket(dev, text) as page:
        hello = page.hello()
        assert (hello["credit"], hello["ping"], "resync" in hello) == (64, 30, False)
        made = create(dev, prj_id)
        frame = json.loads(page.text())
        page.seq = frame["seq"]
        assert frame == {
            "seq": hello["seq"] + 1, "id": prj_id, "version": 1, "updated_at": made["updated_at"], "updated_by": "dev",
            "fields": [""],
        }
        saved = dev.ripple().call("PATCH", f"/prj/{prj_id}", {"goal": "Peas"}, ripple_author='"Bo";id="u7"').json()
        event = page.event()
        assert (event["version"], event["fields"], event["author"]) == (2, ["/goal"], ["Bo", "u7"])
        assert event["updated_at"] == saved["updated_at"]
        dev.ripple().call("PATCH", f"/prj/{prj_id}", {"goal": "Leeks", "version": 1}, ripple_author='"Ann";id="u3"')
        event = page.event()
        assert (event["version"], event["fields"], event["lost"]) == (3, ["/goal"], [["/goal", "u7", 2]])
        dev.ripple().delete(prj_id)
        event = page.event()
        assert (event["id"], event["version"], event["fields"], event["deleted"]) == (prj_id, 4, [""], True)
        assert "lost" not in event
        page.send("ping")
        assert page.text() == "pong"


def test_what_another_program_writes_is_heard(dev, prj_id):
    table = dynamodb(boto3.resource, dev.dynamodb).Table(second_writer.TABLE)
    with Socket(dev, key=dev.key) as page:
        page.hello()
        second_writer.handler(table, second_writer.event(prj_id))
        [*_, event] = page.events_until(lambda event: event["id"] == prj_id)
        assert (event["version"], event["updated_by"]) == (1, "external")
        second_writer.handler(table, second_writer.event(prj_id, goal="Another"))
        [*_, event] = page.events_until(lambda event: event["id"] == prj_id)
        assert (event["version"], event["fields"]) == (2, ["/goal"])


def test_a_request_without_an_upgrade_a_key_or_the_protocol_is_refused(dev):
    client = dev.ripple()
    plain = client.call("GET", "/prj/_live")
    assert (plain.status, plain.json()["code"]) == (426, "upgrade_required")
    # A worker's runtime sends no such header.
    assert plain.headers["upgrade"] == ("websocket" if isinstance(dev, Dev) else None)
    assert Ripple(dev.url, unknown_key()).call("POST", "/prj/_ticket").status == 403
    assert client.call("POST", "/prj/_ticket", {"x": 1}).status == 400
    assert refusal(dev) == (403, "forbidden")
    # What only looks like a ticket is none.
    for protocol in ["xripple.ticket.y", "ripple.ticket", "RIPPLE.TICKET.y"]:
        assert refusal(dev, protocols=["ripple.v1", protocol]) == (403, "forbidden"), protocol
    assert refusal(dev, key=unknown_key()) == (403, "forbidden")
    assert refusal(dev, key=dev.key, protocols=["ripple.v2"]) == (400, "invalid_request")
    assert refusal(dev, key=dev.key, resource="nothing") == (403, "missing_authentication_token")


def test_a_page_of_an_origin_that_is_not_listed_opens_no_socket(dev):
    text = ticket(dev)
    for origin in ["https://evil.example", "http://app.example", f"{PAGE}:8443", "null"]:
        for how in ({"ticket": text}, {"key": dev.key}):
            assert refusal(dev, origin=origin, **how) == (403, "origin_not_allowed"), origin
    # The ticket was not used.
    with Socket(dev, text, origin=PAGE) as page:
        page.hello()


def test_a_ticket_is_for_one_use_one_resource_and_thirty_seconds(dev):
    used = ticket(dev)
    with Socket(dev, used) as page:
        page.hello()
    closed = (4002, "ticket")
    expired = forged(ticket(dev), _5=int(time.time()) - 1)
    for text in [used, expired, forged(ticket(dev), _2="key_other"), ticket(dev)[:-4], "nonsense", "."]:
        with Socket(dev, text) as page:
            assert page.closed() == ([], closed), text
    with Socket(dev, ticket(dev, "task")) as page:
        assert page.closed() == ([], (4004, "resource"))


def test_a_key_that_may_not_read_gets_no_ticket_and_no_socket(dev):
    key = ripple("key", "create", "--name", "writer", "--scope", "write", data=dev.data).strip()
    answer = Ripple(dev.url, key).call("POST", "/prj/_ticket")
    assert (answer.status, answer.json()["code"]) == (403, "insufficient_scope")
    assert refusal(dev, key=key) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("frame", "code", "reason"),
    [
        ("{", 1008, "bad_frame"),
        ("[1]", 1008, "bad_frame"),
        (b"\x00\xff", 1008, "bad_frame"),
        ('{"ack":99999999}', 1008, "bad_frame"),
        ('{"presence":{"id":"p","state":"rule"}}', 1008, "bad_frame"),
        ("x" * 1025, 1009, "frame_too_large"),
        ("x" * 60_000, 1009, "frame_too_large"),
    ],
)
def test_a_bad_frame_closes_the_socket_and_says_why(dev, frame, code, reason):
    with Socket(dev, key=dev.key) as page:
        page.hello()
        page.send(frame)
        frames, closed = page.closed()
        assert [frame["error"] for frame in frames] == [reason] and closed == (code, reason)


def test_a_frame_that_is_not_even_read_ends_the_socket(dev):
    with Socket(dev, key=dev.key) as page:
        page.hello()
        with contextlib.suppress(ConnectionClosed):
            page.send("x" * 1_000_000)
        assert page.closed()[1] in [(1009, "frame_too_large"), None]


def test_too_many_frames_close_the_socket(dev):
    with Socket(dev, key=dev.key) as page:
        page.hello()
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                page.send("{}")
        assert page.closed()[1] == (1008, "rate")


def test_two_hundred_pages_hear_of_every_version_in_order(dev, prj_id):
    saves = 12
    with contextlib.ExitStack() as stack:
        pages = [stack.enter_context(Socket(dev, key=dev.key)) for _ in range(200)]
        for page in pages:
            page.hello()
        create(dev, prj_id)
        for number in range(2, saves + 1):
            dev.ripple().patch(prj_id, {"goal": f"goal {number}"})
        for page in pages:
            events = page.events_until(lambda event: event["version"] == saves)
            versions = [event["version"] for event in events if event["id"] == prj_id]
            assert versions == sorted(set(versions)) and versions[-1] == saves
            if isinstance(dev, Dev):
                assert versions == list(range(1, saves + 1))


def test_a_reader_that_acknowledges_nothing_gets_its_credit_and_holds_up_nobody(dev, prj_id):
    with Socket(dev, key=dev.key) as silent, Socket(dev, key=dev.key) as reader:
        silent.hello(), reader.hello()
        for number in range(80):
            create(dev, f"{prj_id}-{number}")
        told = [event["id"] for event in reader.events_until(lambda event: event["id"] == f"{prj_id}-79")]
        assert sorted(told) == sorted(f"{prj_id}-{number}" for number in range(80))
        assert [silent.event()["id"] for _ in range(64)] == told[:64]
        # Nothing follows the credit but the answer to a ping.
        silent.send("ping")
        assert silent.text() == "pong"
        silent.ack()
        assert [silent.event()["id"] for _ in range(16)] == told[64:]


def test_a_page_resumes_without_a_loss_and_after_a_restart_it_is_told_to_read_the_changes(tmp_path):
    with Dev(tmp_path, feed=True) as dev:
        with Socket(dev, key=dev.key, origin="https://any.example") as page:
            page.hello()
            create(dev, "p1")
            assert page.event()["version"] == 1
        for number in range(2, 6):
            dev.ripple().patch("p1", {"goal": f"goal {number}"})
        with Socket(dev, key=dev.key, since=page.since()) as again:
            hello = again.hello()
            assert ("resync" in hello, hello["seq"]) == (False, page.seq)
            assert [again.event()["version"] for _ in range(4)] == [2, 3, 4, 5]
            dev.interrupt()
            assert again.closed()[1] == (1001, "going")
        with dev.again() as restarted:
            restarted.ripple().patch("p1", {"goal": "after"})
            with Socket(restarted, key=restarted.key, since=again.since()) as late:
                hello = late.hello()
                assert hello["epoch"] != again.epoch and hello["resync"] == "too_old"
                path = "/prj/_changes?since=" + urllib.parse.quote(again.cursor)
                told = restarted.ripple().call("GET", path).json()
                assert [(record["prj_id"], record["version"]) for record in told["changed"]] == [("p1", 6)]
                restarted.ripple().patch("p1", {"goal": "later"})
                assert late.events_until(lambda event: event["version"] == 7)
            with Socket(restarted, key=restarted.key, since="nonsense") as page:
                assert page.hello()["resync"] == "bad_cursor"


def test_a_page_loses_nothing_if_the_replica_is_killed(tmp_path):
    with Near(tmp_path) as near:
        with Socket(near, key=near.key) as page:
            page.hello()
            create(near, "p1")
            assert page.event()["version"] == 1
            near.edge.kill()
            near.behind.ripple().patch("p1", {"goal": "while it was away"})
        near.edge.again()
        with Socket(near, key=near.key, since=page.since()) as again:
            hello = again.hello()
            assert ("resync" in hello, hello["epoch"], hello["seq"]) == (False, page.epoch, page.seq)
            event = again.event()
            assert (event["id"], event["version"], event["fields"]) == ("p1", 2, ["/goal"])
            near.ripple().patch("p1", {"goal": "after"})
            assert again.event()["version"] == 3
        # A reader that has seen only the first event is told the rest, in order.
        with Socket(near, key=near.key, since=page.since()) as late:
            late.hello()
            assert [late.event()["version"] for _ in range(2)] == [2, 3]
        used = ticket(near)
        with Socket(near, used) as page:
            page.hello()
        near.edge.kill()
        near.edge.again()
        with Socket(near, used) as page:
            assert page.closed() == ([], (4002, "ticket"))


def test_pages_hear_without_the_feed_too(tmp_path):
    # Without a list, pages of any origin may listen.
    with Near(tmp_path, feed=False) as near, Socket(near, key=near.key, origin="https://any.example") as page:
        page.hello()
        near.behind.ripple().create({"prj_id": "p1"} | FIELDS)
        assert page.event()["id"] == "p1"
        key = ripple("key", "create", "--name", "leaver", data=near.data).strip()
        listed = map(json.loads, ripple("key", "list", "--json", data=near.data).splitlines())
        [record] = [record for record in listed if record["name"] == "leaver"]
        with Socket(near, ticket(near, key=key)) as leaver:
            leaver.hello()
            ripple("key", "revoke", record["key_id"], data=near.data)
            assert leaver.closed()[1] == (4001, "key")
        key = ripple("key", "create", "--name", "mover", data=near.data).strip()
        with Socket(near, key=key) as mover:
            mover.hello()
            limit_to(near, key, "task:read")
            assert mover.closed()[1] == (4003, "scope")
        page.send("ping")
        assert page.text() == "pong"


def limit_to(near, key, scope):
    """Writes other scopes into the record of a key, as no command does."""
    [table] = [name for name in near.client().list_tables()["TableNames"] if name.endswith("_key")]
    near.client().update_item(
        TableName=table,
        Key={"key_hash": {"S": hashlib.sha256(key.encode()).hexdigest()}},
        UpdateExpression="SET scopes = :scopes",
        ExpressionAttributeValues={":scopes": {"L": [{"S": scope}]}},
        ConditionExpression="attribute_exists(scopes)",
    )


def test_a_save_at_the_edge_is_heard_though_nothing_else_tells_of_it(tmp_path):
    with Near(tmp_path, feed=False) as near, Socket(near, key=near.key) as page:
        page.hello()
        near.tables.mode = "no index"
        create(near, "p1")
        assert (event := page.event())["id"] == "p1" and event["version"] == 1
        near.ripple().patch("p1", {"goal": "Peas"})
        assert page.event()["fields"] == ["/goal"]
        rows = [{"op": "create", "body": {"prj_id": name} | FIELDS} for name in ("p2", "p3")]
        assert near.ripple().call("POST", "/prj/_batch", {"operations": rows}).status == 200
        assert sorted(page.event()["id"] for _ in rows) == ["p2", "p3"]
        near.ripple().call("DELETE", "/prj/p1")
        assert page.event()["id"] == "p1"


def test_the_sockets_of_a_revoked_key_are_closed(dev):
    key = ripple("key", "create", "--name", "leaver", data=dev.data).strip()
    listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
    [record] = [record for record in listed if record["name"] == "leaver"]
    unused = ticket(dev, key=key)
    with Socket(dev, ticket(dev, key=key)) as page, Socket(dev, key=dev.key) as other:
        page.hello(), other.hello()
        ripple("key", "revoke", record["key_id"], data=dev.data)
        # Its ticket opens no socket, or one that is closed as soon as the feed tells of the key.
        with Socket(dev, unused) as late:
            assert late.closed()[1] == (4001, "key")
        assert page.closed()[1] == (4001, "key")
        other.send("ping")
        assert other.text() == "pong"
    assert refusal(dev, key=key) == (403, "forbidden")


def test_pages_on_a_record_know_of_each_other(dev, prj_id):
    ann, bo = ticket(dev, ripple_author='"Ann";id="u1"'), ticket(dev, ripple_author='"Bo";id="u7"')
    with Socket(dev, ann) as first, Socket(dev, bo) as second:
        first.hello(), second.hello()
        first.send({"presence": {"id": prj_id, "state": "view"}})
        second.send({"presence": {"id": prj_id, "state": "edit", "field": "/goal"}})
        assert presence(first, prj_id) == [["Bo", "u7", "edit", "/goal"]]
        assert presence(second, prj_id) == [["Ann", "u1", "view", ""]]
        second.socket.close()
        assert presence(first, prj_id) == []


def presence(page, prj_id):
    while "presence" not in (frame := page.next()):
        pass
    assert frame["presence"] == prj_id and frame["more"] == 0
    return frame["who"]


def test_a_request_of_changes_is_held_until_there_is_one(dev, prj_id):
    # What earlier tests saved is told before this, and not while the request is held.
    with Socket(dev, key=dev.key) as page:
        page.hello()
        create(dev, f"{prj_id}-before")
        page.events_until(lambda event: event["id"] == f"{prj_id}-before")
    client = dev.ripple()
    since, answers = whole_cursor(client), []
    shown = lambda answer: [record["prj_id"] for record in answer.json()["changed"]]

    def wait():
        """Asks again with the cursor of an answer that lacks the record: on a busy machine, a save may be told late."""
        cursor = since
        while not answers or prj_id not in shown(answers[-1]):
            path = "/prj/_changes?since=" + urllib.parse.quote(cursor)
            answers.append(dev.ripple().call("GET", path, prefer="wait=25"))
            cursor = answers[-1].json()["cursor"]

    # What was told before is not news, although an answer repeats it.
    held = threading.Thread(target=wait)
    held.start()
    with Socket(dev, key=dev.key) as page:
        page.hello()
        create(dev, prj_id)
        page.event()
    held.join(LIMIT)
    assert prj_id in shown(answers[-1])
    for answer in answers:
        assert (answer.headers["preference-applied"], answer.headers["vary"]) == ("wait=25", "prefer")


def test_a_wait_ends_with_its_time_and_is_refused_like_any_request(dev):
    client = dev.ripple()
    path = "/prj/_changes?since=" + urllib.parse.quote(whole_cursor(client))
    quiet = client.call("GET", path, prefer="wait=1")
    assert (quiet.status, quiet.headers["preference-applied"]) == (200, "wait=1")
    for value in ["wait=0", "wait=x", "wait=1, wait=1", "respond-async"]:
        assert client.call("GET", path, prefer=value).headers["preference-applied"] is None, value
    assert Ripple(dev.url, unknown_key()).call("GET", path, prefer="wait=25").status == 403
    assert client.call("GET", "/prj/_changes?since=nonsense", prefer="wait=25").status == 400
    preflight = client.call("OPTIONS", "/prj/_changes")
    assert "prefer" in preflight.headers["access-control-allow-headers"].split(", ")


def test_a_request_is_held_where_nothing_has_changed_since_the_start(tmp_path):
    with Dev(tmp_path, "--in-memory", feed=True) as dev:
        client, asked, seen = dev.ripple(), [], []
        asked.append(whole_cursor(client))

        def wait():
            while not seen:
                path = "/prj/_changes?since=" + urllib.parse.quote(asked[-1])
                answer = dev.ripple().call("GET", path, prefer="wait=25").json()
                seen.extend(answer["changed"])
                asked.append(answer["cursor"])

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(2)
        create(dev, "first")
        waiting.join(LIMIT)
        assert [record["prj_id"] for record in seen] == ["first"]
        # One that was not held would have asked some hundred times.
        assert len(asked) < 10


def test_what_comes_beside_200_held_requests_is_answered_at_once(dev):
    client = dev.ripple()
    path = "/prj/_changes?since=" + urllib.parse.quote(whole_cursor(client))
    answers, together = [], threading.Barrier(HELD + 50)

    def wait():
        together.wait(LIMIT)
        answers.append(dev.ripple().call("GET", path, prefer="wait=25"))

    def refused():
        return [answer for answer in list(answers) if answer.headers["preference-applied"] is None]

    waiting = [threading.Thread(target=wait) for _ in range(together.parties)]
    for thread in waiting:
        thread.start()
    wait_for(refused, LIMIT)
    create(dev, "ends-the-wait")
    for thread in waiting:
        thread.join(LIMIT)
    assert len(answers) == together.parties and len(refused()) <= together.parties - HELD
    for answer in answers:
        expected = ("5", None) if answer in refused() else (None, "wait=25")
        assert (answer.status, answer.headers["retry-after"], answer.headers["preference-applied"]) == (200, *expected)


def whole_cursor(client):
    answer = client.call("GET", "/prj/_changes")
    while link := answer.headers.get("link"):
        answer = client.call("GET", "/prj/" + link[link.index("<") + 1 : link.index(">")])
    return answer.json()["cursor"]


def test_without_the_feed_there_is_no_live_channel(tmp_path):
    with Dev(tmp_path, "--in-memory") as dev:
        for method, path in [("POST", "/prj/_ticket"), ("GET", "/prj/_live")]:
            answer = dev.ripple().call(method, path)
            assert (answer.status, answer.json()["code"]) == (501, "no_live")
        path = "/prj/_changes?since=" + urllib.parse.quote(whole_cursor(dev.ripple()))
        assert dev.ripple().call("GET", path, prefer="wait=25").headers["preference-applied"] is None
