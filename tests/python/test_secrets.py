"""Runs everything with full logging, and makes, uses, misuses and revokes keys. Then it searches for the keys in all
output. Only the person who made a key may see it."""

import base64
import http.client
import json
import subprocess
import urllib.parse

import pytest

from conftest import _setting
from dev import Dev, clean, ripple
from edge import Edge
from function import Function
from keys import damaged, unknown_key


PROJECT = json.dumps(
    {"term": 1} | {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
)


def uses(key):
    """Yields correct and mistaken ways to send a key."""
    yield "GET", "/prj", {"x-api-key": key}
    yield "GET", "/prj/absent", {"x-api-key": key}
    yield "GET", "/prj?limit=0", {"x-api-key": key}
    yield "POST", "/prj", {"x-api-key": key, "content-type": "application/json", "body": PROJECT}
    yield "POST", "/prj", {"x-api-key": key, "content-type": "application/json", "body": "{"}
    yield "POST", "/prj", {"x-api-key": key, "idempotency-key": "k", "body": PROJECT}
    yield "PATCH", "/prj/absent", {"x-api-key": key, "if-match": '"x"', "body": "{}"}
    yield "GET", "/prj/_changes", {"x-api-key": key}
    yield "TRACE", "/prj", {"x-api-key": key}
    yield "GET", "/nowhere", {"x-api-key": key}
    yield "GET", "/prj", {"authorization": f"Bearer {key}"}
    yield "GET", "/prj", {"cookie": f"x-api-key={key}"}
    yield "GET", "/prj", {"x-api-key": f" {key} {key}"}
    yield "GET", "/prj", {"x-api-key": f"{key}é"}
    yield "GET", f"/prj?x-api-key={key}", {"x-api-key": key}
    yield "GET", f"/prj?x-api-key={key}", {}


def written_as(key):
    """Returns every form in which a key, or its secret part, could be in a file."""
    secret = key[4:34].encode()
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    yield b"".join(b"%%%02x" % byte for byte in secret)
    yield b"".join(b"%%%02X" % byte for byte in secret)
    yield secret.decode().encode("utf-16-le")
    for shift in range(3):
        # At each of the three offsets within the encoded text. Both ends depend on the surrounding text.
        encoded = base64.b64encode(b"\0" * shift + secret)
        yield encoded[4 if shift else 0 : -4]


def found(keys, text):
    return [key for key in keys if any(form in text for form in written_as(key))]


def test_the_search_finds_what_there_is():
    key = unknown_key()
    for text in (key, key.encode().hex(), urllib.parse.quote(key), base64.b64encode(b"x-api-key: " + key.encode()).decode()):
        assert found([key], b"..." + text.encode() + b"...") == [key]
    assert found([key], unknown_key().encode()) == []


@pytest.fixture
def folder(tmp_path):
    # Every file that a process might leave is in this folder.
    (tmp_path / "edge").mkdir()
    return tmp_path


def test_no_key_is_written_or_sent_anywhere(folder):
    answers = []
    with Dev(folder / "data", log=folder / "dev.log", RIPPLE_LOG="trace", RUST_BACKTRACE="full") as dev:
        create = ("key", "create", "--name")
        keys = {
            "writer": ripple(*create, "writer", data=dev.data).strip(),
            "reader": ripple(*create, "reader", "--scope", "read", data=dev.data).strip(),
            "revoked": ripple(*create, "revoked", data=dev.data).strip(),
            "expired": ripple(*create, "expired", "--expires-in", "1ms", data=dev.data).strip(),
            "unknown": unknown_key(),
        }
        ids = {record["name"]: record["key_id"] for record in listed(dev)}
        edge = Edge(folder / "edge", dev.url, dev.dynamodb, log_level="debug", RIPPLE_LOG="info")
        function = Function(folder, dev.dynamodb, RIPPLE_LOG="trace", RUST_BACKTRACE="full")
        try:
            for round_ in range(2):
                for key in [*keys.values(), dev.key, damaged(keys["writer"])]:
                    for method, path, headers in uses(key):
                        for url in (dev.url, edge.url):
                            answers += [tell(url, method, path, dict(headers))]
                        answers += [function.call(method, path, dict(headers))]
                if round_ == 0:
                    answers += [ripple("key", "revoke", ids["revoked"], data=dev.data).encode()]
                    rotated = ripple("key", "rotate", ids["reader"], data=dev.data).strip()
                    keys["rotated"] = rotated
                    verified = ripple("key", "verify", data=dev.data, stdin=keys["writer"])
                    answers += [verified.encode(), ripple("key", "verify", data=dev.data, stdin=keys["unknown"], ok=False).encode()]
        finally:
            function.close()
            edge.close()
        answers += [json.dumps(listed(dev)).encode(), ripple("key", "list", data=dev.data).encode()]
        assert dev.interrupt() == 0

    secret = [*keys.values(), dev.key]
    assert len(answers) > 300
    for answer in answers:
        assert found(secret, answer) == [], answer
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "dev.json"]
    assert {"dev.log", "function.log", "log"} <= {path.name for path in files}
    assert any(path.name.startswith("dynamodb.sqlite") for path in files)
    for name in ("dev.log", "function.log"):
        assert b'"answered"' in (folder / name).read_bytes(), f"{name} has nothing in which to search"
    for path in files:
        assert found(secret, path.read_bytes()) == [], path
    # The one file with a key is readable by its owner only.
    assert (folder / "data" / "dev.json").stat().st_mode & 0o077 == 0


def listed(dev):
    return [json.loads(line) for line in ripple("key", "list", "--json", data=dev.data).splitlines()]


def tell(url, method, path, headers):
    """Returns the whole response."""
    body = headers.pop("body", None)
    host = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=40)
    try:
        connection.request(method, path, body, {name: value.encode() for name, value in headers.items()})
        answer = connection.getresponse()
        return f"{answer.status} {answer.headers}".encode() + answer.read()
    finally:
        connection.close()
