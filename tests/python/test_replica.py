"""The replica under the real workerd: two scripts, the edge and the Durable Object with the whole table, which answers
the edge's reads as the backend does."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
import urllib.error
import urllib.request

import pytest

from dev import Dev, ripple
from edge import Edge, Switch, send, wait_for, with_replica
from second_writer import TABLE

PROJECT = {"term": 1} | dict.fromkeys(("name", "goal", "issue", "description", "term_unit", "create_date"), "x")

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

QUERIES = """
 ?limit=3 ?limit=7&fields=name,term ?q=stra%C3%9Fe ?q=STRASSE ?q=a+b ?q=nothing-has-this ?name=Stra%C3%9Fe ?name=null
?term=1 ?term=1.0 ?term=12345678901234567890123456789012345678 ?tags=x ?raw=AAH/ ?flag=true ?nil=null ?deep=7
?sort=name ?sort=-name ?sort=term,-name&limit=5 ?sort=-term&limit=5 ?sort=-updated_at ?sort=updated_by,prj_id
?sort=extra&limit=4 ?sort=-version,name ?sort=flag ?q=x&sort=-name&limit=2 ?q=x&term=2 ?term=2&sort=-name&fields=name
?version=1 ?prj_id=r-3 ?nowhere=1 ?limit=0 ?sort= ?cursor=x ?fields=name&q=x&limit=1 ?extra=1&q=str
/r-1 /r-2 /r-3 /r-absent /r-gone /r-sets /r-1?x=1
""".replace("\n", " ").strip(" ").split(" ")


class Two:
    """An edge and its replica, in front of a `ripple dev`, with a switch before each way out."""

    def __init__(self, folder, dev, **variables):
        self.dev = dev
        self.origin, self.near, self.far = Switch(dev.url), Switch(dev.dynamodb), Switch(dev.dynamodb)
        edge, replica = with_replica(folder, self.far.url)
        scripts = {"config": edge, "replica": replica}
        self.edge = Edge(folder, self.origin.url, self.near.url, RIPPLE_FEED_SECRETS=SECRET, **scripts, **variables)

    def close(self):
        self.edge.close()
        for switch in (self.origin, self.near, self.far):
            switch.close()

    def get(self, path, **headers):
        return send(self.edge.url, "GET", path, self.dev.key, **headers)

    def ask(self, path, **headers):
        """Returns the answer of the replica: the log says who has answered."""
        request_id = secrets.token_hex(8)
        answer = self.get(path, x_request_id=request_id, **headers)
        wait_for(lambda: any(request_id in line for line in self.lines()))
        line = next(line for line in self.lines() if request_id in line)
        # wrangler colours a warning.
        return answer if json.JSONDecoder().raw_decode(line)[0]["by"] == "replica" else None

    def lines(self):
        return self.edge.lines('"answered"')

    def is_filled(self):
        return self.ask("/prj") is not None


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("table"), "--in-memory", feed=True) as dev:
        writer = dev.ripple()
        for n in range(1, 30):
            name = ("Straße", "null", "a b", "🦆\n\"", "Zoë", "ABC")[n % 6]
            more = {"extra": n % 3, "flag": n % 2 == 0, "nil": None, "deep": [[7], n]} if n % 4 == 0 else {}
            writer.create(PROJECT | {"prj_id": f"r-{n}", "name": name, "term": n % 5} | more)
        writer.create(PROJECT | {"prj_id": "r-gone"})
        writer.delete("r-gone")
        item = {name: {"S": "x"} for name in PROJECT} | {"prj_id": {"S": "r-sets"}}
        item |= {"term": {"N": "12345678901234567890123456789012345678"}}
        item |= {"tags": {"SS": ["x", "y"]}, "raw": {"B": b"\0\1\xff"}}
        dev.client().put_item(TableName=TABLE, Item=item)
        yield dev


@pytest.fixture(scope="module")
def two(tmp_path_factory, dev):
    two = Two(tmp_path_factory.mktemp("two"), dev)
    yield two
    two.close()


@pytest.fixture(autouse=True)
def healed(request):
    yield
    if "two" in request.fixturenames:
        two = request.getfixturevalue("two")
        two.origin.mode = two.near.mode = two.far.mode = "pass"


def test_answers_are_those_of_the_backend(two):
    wait_for(two.is_filled)
    # The feed has adopted what another program wrote before.
    wait_for(lambda: send(two.dev.url, "GET", "/prj/r-sets", two.dev.key).json().get("version", 0) > 0)
    wait_for(lambda: two.ask("/prj").headers["etag"] == send(two.dev.url, "GET", "/prj", two.dev.key).headers["etag"])
    for query in QUERIES:
        path = f"/prj{query}"
        while path:
            expected = send(two.dev.url, "GET", path, two.dev.key)
            found = two.ask(path)
            assert found is not None, path
            told = ("etag", "link", "content-type", "cache-control", "retry-after")
            shown = {name: expected.headers[name] for name in told}
            assert {name: found.headers[name] for name in told} == shown, path
            assert found.status == expected.status, path
            if expected.status < 400:
                assert found.body == expected.body, path
            else:
                same = ("type", "title", "status", "code", "detail")
                assert [found.json().get(name) for name in same] == [expected.json().get(name) for name in same], path
            if expected.status in (200, 404, 410):
                assert int(found.headers["age"]) <= 60 and found.headers["cache-status"].startswith("ripple; "), path
            link = re.match(r'<([^>]*)>; rel="next"', expected.headers["link"] or "")
            path = f"/{link[1]}" if link else None
    etag = two.ask("/prj").headers["etag"]
    unchanged = two.ask("/prj", if_none_match=etag)
    assert (unchanged.status, unchanged.body) == (304, b"")
    # The object looks keys up, too.
    assert two.near.count == 0


def pages(ask, path):
    """Returns all pages of changes without their cursors, and the last cursor."""
    shown = []
    while path:
        answer = ask(path)
        assert answer.status == 200, answer
        page = answer.json()
        cursor = page.pop("cursor")
        shown.append((page, answer.headers["content-type"], answer.headers["vary"], answer.headers["cache-control"]))
        link = re.match(r'<([^>]*)>; rel="next"', answer.headers["link"] or "")
        path = f"/prj/{link[1]}" if link else None
    return shown, cursor


def test_changes_are_those_of_the_backend(two):
    wait_for(two.is_filled)
    wait_for(lambda: send(two.dev.url, "GET", "/prj/r-sets", two.dev.key).json().get("version", 0) > 0)
    backend = lambda path: send(two.dev.url, "GET", path, two.dev.key)
    for query in ("", "?limit=7"):
        (found, mine), (expected, cursor) = pages(two.ask, f"/prj/_changes{query}"), pages(backend, f"/prj/_changes{query}")
        assert found == expected
    prj_id = f"r-{secrets.token_hex(4)}"
    two.dev.ripple().create(PROJECT | {"prj_id": prj_id})
    two.dev.ripple().delete("r-2")
    # Either cursor is good on either host.
    for since in (mine, cursor):
        for query in ("", "&limit=3"):
            path = f"/prj/_changes?since={since}{query}"
            (found, mine), (expected, cursor) = pages(two.ask, path), pages(backend, path)
            assert found == expected
        assert "r-2" in sum((page["deleted"] for page, *_ in found), [])
    for path in ("/prj/_changes?since=x", "/prj/_changes?limit=0", "/prj/_changes?more=1"):
        found, expected = two.ask(path), backend(path)
        assert (found.status, found.json()["code"]) == (expected.status, expected.json()["code"]) == (400, "invalid_request")
    # Without DynamoDB the copy still answers, up to the time that it knows.
    two.far.mode = "stopped"
    assert prj_id in two.ask(f"/prj/_changes?since={mine}").body.decode()


def test_without_a_secret_there_is_no_live_channel(two):
    wait_for(two.is_filled)
    answer = send(two.edge.url, "POST", "/prj/_ticket", two.dev.key)
    assert (answer.status, answer.json()["code"]) == (501, "no_live")


def test_saves_of_ripple_and_of_others_appear(two):
    wait_for(two.is_filled)
    prj_id = f"r-{secrets.token_hex(4)}"
    made = send(two.edge.url, "POST", "/prj", two.dev.key, PROJECT | {"prj_id": prj_id})
    assert made.status == 201
    own = two.ask(f"/prj/{prj_id}", ripple_session=made.headers["ripple-session"])
    assert own.status == 200 and own.body == made.body
    listed = two.ask(f"/prj?prj_id={prj_id}", ripple_session=made.headers["ripple-session"])
    assert [record["prj_id"] for record in listed.json()] == [prj_id]
    two.dev.ripple().patch(prj_id, {"goal": "by another client"})
    wait_for(lambda: two.ask(f"/prj/{prj_id}").json()["goal"] == "by another client")
    # The legacy function overwrites it. The feed of `ripple dev` adopts that.
    item = {name: {"N": "8"} if name == "term" else {"S": "legacy"} for name in PROJECT} | {"prj_id": {"S": prj_id}}
    two.dev.client().put_item(TableName=TABLE, Item=item)
    wait_for(lambda: two.ask(f"/prj/{prj_id}").json()["goal"] == "legacy")
    newest = two.ask("/prj", cache_control="no-cache")
    assert int(newest.headers["age"]) <= 1 and newest.headers["cache-status"].startswith("ripple; fwd=request")


def test_a_list_that_is_read_strongly_is_the_origins(two):
    wait_for(two.is_filled)
    made, session, mark = [], {}, secrets.token_hex(4)
    for number in range(20):
        made.append(f"{mark}-{number}")
        answer = send(two.edge.url, "POST", "/prj", two.dev.key, PROJECT | {"prj_id": made[-1], "goal": mark}, **session)
        assert answer.status == 201
        session = {"ripple_session": answer.headers["ripple-session"]}
    # The session names 16 of the writes, and the copy cannot know that it has the others.
    path = f"/prj?goal={mark}&limit=50"
    listed = send(two.edge.url, "GET", path, two.dev.key, **session)
    assert sorted(record["prj_id"] for record in listed.json()) == sorted(made)
    assert two.ask(path, **session) is None


def test_reads_go_on_without_dynamodb_and_tell_their_age(two):
    wait_for(two.is_filled)
    before = two.ask("/prj", cache_control="no-cache")
    asked = time.monotonic()
    two.origin.mode = two.near.mode = two.far.mode = "stopped"
    # Past the time in which a refresh is not waited for, too: `no-cache` waits for one, in vain.
    for headers in ({}, {"cache_control": "no-cache"}, {}):
        answer = two.ask("/prj", **headers)
        assert answer.status == 200 and answer.body == before.body
    wait_for(lambda: int(two.ask("/prj").headers["age"]) >= 3)
    answer = two.ask("/prj")
    assert int(answer.headers["age"]) <= time.monotonic() - asked + 2
    # Some of these reads begin a refresh themselves, and some are told that one has failed a moment ago.
    for _ in range(8):
        assert two.ask("/prj", cache_control="no-cache").headers["cache-status"].endswith("detail=stale-if-error")
        time.sleep(1)
    assert two.ask("/prj?q=stra%C3%9Fe&sort=-name").status == 200


def test_internal_headers_of_a_client_mean_nothing(two):
    wait_for(two.is_filled)
    forged = {"ripple_resource": "task", "ripple_key_id": "key_forged", "ripple_keys": "9"}
    request_id = secrets.token_hex(8)
    answer = two.get("/prj/r-1", x_request_id=request_id, **forged)
    assert answer.status == 200 and answer.json()["prj_id"] == "r-1" and "ripple-keys" not in answer.headers
    wait_for(lambda: any(request_id in line for line in two.lines()))
    assert not any("key_forged" in line for line in two.lines())
    assert send(two.edge.url, "GET", "/prj", **forged).status == 403


def test_a_fill_that_is_killed_goes_on_where_it_was(tmp_path, tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("large"), "--in-memory") as dev:
        text = "x" * 30_000
        for first in range(0, 700, 25):
            items = [{"prj_id": {"S": f"p{first + n:04}"}, "name": {"S": text}} for n in range(25)]
            puts = [{"PutRequest": {"Item": item}} for item in items]
            dev.client().batch_write_item(RequestItems={TABLE: puts})
        two = Two(tmp_path, dev)
        try:
            assert two.ask("/prj?limit=1") is None
            wait_for(lambda: two.far.count >= 9)
            two.edge.kill()
            read = two.far.count
            two.edge.again()
            wait_for(two.is_filled)
            # 21 MB are 21 pages. One page, or the pages of an alarm that was not written yet, may be read again.
            assert 9 <= read and two.far.count <= 21 + 9, (read, two.far.count)
            path = "/prj?limit=700&fields=prj_id"
            found, expected = (send(url, "GET", path, dev.key) for url in (two.edge.url, dev.url))
            assert found.body == expected.body and found.headers["etag"] == expected.headers["etag"]
        finally:
            two.close()


def signed(body, secret=SECRET, at=None, **changed):
    """Returns the headers of a message of the feed."""
    message, seconds = f"msg_{secrets.token_hex(8)}", str(int(at if at is not None else time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    code = hmac.digest(key, f"{message}.{seconds}.".encode() + body, hashlib.sha256)
    headers = {"webhook-id": message, "webhook-timestamp": seconds}
    return headers | {"webhook-signature": f"v1,{base64.b64encode(code).decode()}"} | changed


def post(url, body, headers):
    request = urllib.request.Request(f"{url}/_feed", body, headers | {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def told(two, prj_id):
    """Returns the message of the feed about a record as it is now."""
    item = two.dev.client().get_item(TableName=TABLE, Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)["Item"]
    state = {"id": prj_id, "version": int(item["rpl_version"]["N"]), "deleted": "rpl_deleted" in item, "item": item}
    return json.dumps({"type": "ripple.states", "data": {"resource": "prj", "states": [state]}}).encode()


def test_a_message_of_the_feed_shows_a_change_without_dynamodb(two):
    wait_for(two.is_filled)
    prj_id = f"r-{secrets.token_hex(4)}"
    two.dev.ripple().create(PROJECT | {"prj_id": prj_id})
    body = told(two, prj_id)
    two.ask("/prj", cache_control="no-cache")
    two.dev.ripple().patch(prj_id, {"goal": "told"})
    two.far.mode = "stopped"
    newer, before = told(two, prj_id), two.far.count
    assert post(two.edge.url, newer, signed(newer))[0] == 200
    assert two.ask(f"/prj/{prj_id}").json()["goal"] == "told"
    # It is repeated, and an older one comes late.
    for message in (newer, body):
        assert post(two.edge.url, message, signed(message))[0] == 200
    shown = two.ask(f"/prj?prj_id={prj_id}")
    assert [record["goal"] for record in shown.json()] == ["told"]
    assert before <= two.far.count  # the reads above may have tried a refresh, which was refused
    two.far.mode = "pass"
    etag = send(two.dev.url, "GET", "/prj", two.dev.key).headers["etag"]
    wait_for(lambda: two.ask("/prj").headers["etag"] == etag)


def test_a_forged_message_changes_nothing(two):
    wait_for(two.is_filled)
    prj_id = f"r-{secrets.token_hex(4)}"
    two.dev.ripple().create(PROJECT | {"prj_id": prj_id})
    two.far.mode = "stopped"
    body = told(two, prj_id)
    other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    late = signed(body, at=time.time() - 301)
    forged = [{}, signed(body + b" "), signed(body, secret=other), late, signed(body, **{"webhook-id": "msg_other"})]
    for headers in forged:
        status, problem = post(two.edge.url, body, headers)
        assert (status, json.loads(problem)["code"]) == (401, "unsigned"), headers
    large = b"x" * (1024 * 1024 + 1)
    assert post(two.edge.url, large, signed(large))[0] == 413
    # A state without a fitting seal is refused, signed or not.
    damaged = body.replace(b'"goal": {"S": "x"}', b'"goal": {"S": "forged"}')
    assert damaged != body and post(two.edge.url, damaged, signed(damaged))[0] == 503
    assert two.ask(f"/prj/{prj_id}").status == 404
    assert send(two.edge.url, "GET", "/_feed", two.dev.key).status == 403


def test_keys_that_lost_rights_are_looked_up_again(two):
    wait_for(two.is_filled)
    made = ripple("key", "create", "--name", "short", data=two.dev.data, both=True)
    key = re.search(r"rpl_\w{36}", made)[0]
    assert send(two.edge.url, "GET", "/prj/r-1", key).status == 200
    key_id = re.search(r"key_\w+", made)[0]
    ripple("key", "revoke", key_id, data=two.dev.data)
    digest = hashlib.sha256(key.encode()).hexdigest()
    body = json.dumps({"type": "ripple.keys", "data": {"keys": [{"key_hash": digest, "revoked": True}]}}).encode()
    assert post(two.edge.url, body, signed(body))[0] == 200
    assert send(two.edge.url, "GET", "/prj/r-1", key).status == 403
