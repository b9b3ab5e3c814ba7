"""The edge's cache and its clients: each client gets only its own responses, whatever other clients request at the same
moment."""

import http.client
import itertools
import json
import secrets
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import _setting
from dev import Dev, ripple
from edge import Edge, send
from keys import damaged, unknown_key

THREADS = 50


class Keys:
    """One key of each kind."""

    def __init__(self, dev):
        self.writer = dev.key
        self.other = ripple("key", "create", "--name", "other", data=dev.data).strip()
        self.reader = ripple("key", "create", "--name", "reader", "--scope", "read", data=dev.data).strip()
        self.revoked = ripple("key", "create", "--name", "revoked", data=dev.data).strip()
        listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
        [record] = [record for record in listed if record["name"] == "revoked"]
        ripple("key", "revoke", record["key_id"], data=dev.data)

    def good(self):
        return [self.writer, self.other, self.reader]

    def bad(self):
        return [None, "", self.revoked, damaged(self.writer), unknown_key(), self.writer.lower(), self.writer + " x"]


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("leaks"), "--in-memory", log="/dev/null") as dev:
        yield dev


@pytest.fixture(scope="module")
def keys(dev):
    return Keys(dev)


@pytest.fixture(scope="module")
def edge(tmp_path_factory, dev, keys):
    # A long freshness, so that every possible response comes from a cache.
    edge = Edge(tmp_path_factory.mktemp("leaks-edge"), dev.url, dev.dynamodb, RIPPLE_FRESH_SECONDS="30")
    for number in range(3):
        answer = send(edge.url, "POST", "/prj", keys.writer, project(f"secret-{number}"))
        assert answer.status == 201, answer
    yield edge
    edge.close()


def project(prj_id):
    members = {name: "confidential" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return {"prj_id": prj_id, "term": 1} | members


class Raw:
    """A connection that sends paths and headers unchanged."""

    def __init__(self, edge):
        url = urllib.parse.urlsplit(edge.url)
        self.connection = http.client.HTTPConnection(url.hostname, url.port, timeout=40)

    def send(self, method, path, headers):
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            self.connection.putheader(name, value)
        self.connection.endheaders()
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def close(self):
        self.connection.close()


def refused(status, headers, body, asked):
    assert status == 403, (asked, status, body)
    assert b"confidential" not in body and b"secret-" not in body, (asked, body)
    assert headers["cache-control"] == "no-store", asked
    for name in ("age", "etag", "cache-status", "content-encoding", "ripple-session", "link"):
        assert name not in headers, (asked, name)


# Forms of reads. `{tag}` is the list's entity tag, and `{bust}` is different each time.
READS = [
    ("GET", "/prj", []),
    ("HEAD", "/prj", []),
    ("GET", "/prj", [("accept-encoding", "gzip")]),
    ("GET", "/prj", [("range", "bytes=0-9")]),
    ("GET", "/prj", [("if-none-match", "{tag}")]),
    ("HEAD", "/prj", [("if-none-match", "*")]),
    ("GET", "/prj", [("cache-control", "max-stale=3600, only-if-cached")]),
    ("GET", "/prj?_cache-bust={bust}", []),
    ("GET", "/prj?limit=2", []),
    ("GET", "/prj/secret-1", []),
    ("GET", "/prj/secret-1", [("if-match", "*")]),
    ("GET", "/prj/secret-1/versions", []),
    ("GET", "/prj/_changes", []),
]


def test_fifty_concurrent_clients_get_only_what_their_keys_allow(edge, keys):
    tag = send(edge.url, "GET", "/prj", keys.writer).headers["etag"]
    work = list(itertools.product(READS, keys.good() + keys.bad())) * 3
    secrets.SystemRandom().shuffle(work)
    local = threading.local()

    def call(job):
        (method, path, headers), key = job
        if not hasattr(local, "raw"):
            local.raw = Raw(edge)
        bust = secrets.token_hex(4)
        headers = [(name, value.format(tag=tag)) for name, value in headers]
        if key is not None:
            headers.append(("x-api-key", key))
        asked = (method, path, headers)
        status, sent, body = local.raw.send(method, path.format(bust=bust), headers + [("x-request-id", bust)])
        assert sent["x-request-id"] == bust, (asked, dict(sent))
        if key not in keys.good():
            return refused(status, sent, body, asked)
        assert status in (200, 304), (asked, status, body)
        assert sent["cache-control"].removesuffix(", no-transform") == "private, no-cache", asked
        # A list is sent with a content coding, and `_changes` may be held.
        varies = {name.strip().lower() for name in sent.get("vary", "").split(",")}
        assert varies <= {"", "accept-encoding", "prefer" if path.startswith("/prj/_changes") else ""}, asked
        assert not any(good[4:34].encode() in body for good in keys.good())

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(call, work))


def test_neither_refusals_nor_responses_leak_to_other_keys(edge, keys):
    for path in ("/prj", "/prj/secret-0", f"/prj?q={secrets.token_hex(4)}"):
        for bad in keys.bad():
            refused(*Raw(edge).send("GET", path, [("x-api-key", bad)] if bad is not None else []), (path, bad))
            for good in keys.good():
                assert send(edge.url, "GET", path, good).status == 200
            refused(*Raw(edge).send("GET", path, [("x-api-key", bad)] if bad is not None else []), (path, bad))


def test_a_key_in_another_place_is_ignored(edge, keys):
    key = keys.writer
    assert send(edge.url, "GET", "/prj", key).status == 200
    for path, headers in [
        ("/prj", [("authorization", f"Bearer {key}")]),
        ("/prj", [("authorization", key)]),
        ("/prj", [("cookie", f"x-api-key={key}")]),
        ("/prj", [("x-api-key", f"Bearer {key}")]),
        ("/prj", [("x_api_key", key)]),
        ("/prj", [("x-api-keys", key)]),
        ("/prj", [("proxy-authorization", key)]),
        ("/prj", [("x-api-key", unknown_key()), ("x-api-key", key)]),
        ("/prj", [("x-api-key", key), ("x-api-key", key)]),
        (f"/prj?x-api-key={key}", []),
        (f"/prj?api_key={key}&x-api-key={key}", []),
        ("/prj", [("x-original-url", "/health")]),
        ("/prj", [("x-forwarded-for", "127.0.0.1"), ("cf-connecting-ip", "127.0.0.1")]),
        ("/prj", [("x-http-method-override", "OPTIONS")]),
    ]:
        refused(*Raw(edge).send("GET", path, headers), (path, headers))


def test_no_path_bypasses_the_key(edge, keys):
    assert send(edge.url, "GET", "/prj", keys.writer).status == 200
    for path in [
        "/prj/",
        "//prj",
        "/./prj",
        "/prj/.",
        "/health/../prj",
        "/health/%2e%2e/prj",
        "/docs/../prj",
        "/docs/..%2fprj",
        "/%70rj",
        "/prj%2f",
        "/prj%00",
        "/prj;.css",
        "/prj.css",
        "/prj/secret-1.css",
        "/prj/secret-1%2f..%2fsecret-2",
        "/prj?/health",
        "/prj#/health",
        "/PRJ",
        "/health?/../prj",
        "/prj\\secret-1",
        "/prj/secret-1/",
        "/prj?" + "x" * 8000,
    ]:
        for key in (None, unknown_key()):
            raw = Raw(edge)
            status, headers, body = raw.send("GET", path, [] if key is None else [("x-api-key", key)])
            raw.close()
            assert b"confidential" not in body and b"secret-" not in body, (path, body)
            if path.startswith("/health?"):
                assert (status, body) == (200, b'{"status":"ok"}')
            elif status != 400:  # refused by the runtime itself
                refused(status, headers, body, path)


def test_methods_need_a_key_too(edge, keys):
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY", "PURGE"):
        for path in ("/prj", "/prj/secret-1"):
            status, headers, body = Raw(edge).send(method, path, [("content-length", "0")])
            if status != 501:  # refused by the runtime itself
                refused(status, headers, body, (method, path))
    status, headers, body = Raw(edge).send("OPTIONS", "/prj", [])
    assert (status, body) == (204, b"")


def test_responses_to_writes_are_per_key(edge, keys):
    """The same request with the same Idempotency-Key, sent by two keys at the same time."""

    def create(key, prj_id, token):
        answer = send(edge.url, "POST", "/prj", key, project(prj_id), idempotency_key=token)
        return answer.status, answer.headers.get("ripple-session")

    for _ in range(5):
        prj_id, token = f"once-{secrets.token_hex(4)}", secrets.token_hex(8)
        with ThreadPoolExecutor(8) as pool:
            mine = [pool.submit(create, keys.writer, prj_id, token) for _ in range(4)]
            theirs = [pool.submit(create, keys.other, prj_id, token) for _ in range(4)]
        mine, theirs = ({answer.result()[0] for answer in answers} for answers in (mine, theirs))
        assert {frozenset(mine), frozenset(theirs)} == {frozenset([201]), frozenset([409])}, (mine, theirs)
    assert send(edge.url, "POST", "/prj", keys.reader, project("no"), idempotency_key="x").status == 403
