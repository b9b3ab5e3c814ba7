"""Misuse of `ripple dev`: a thousand slow connections, ten thousand invalid keys, endless heads and bodies. It
continues to serve other clients, and its memory stays bounded."""

import http.client
import secrets
import socket
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None

from dev import Dev
from keys import damaged, unknown_key

MB = 1024 * 1024
# The allowed cost of misuse: about four times the measured value of a debug build.
MEMORY = 400 * MB
# The limits of a silent connection (cli/src/commands/dev/connections.rs) and of a body (front.rs).
PATIENCE = 30


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    allow_files(4096)  # a connection has one file at each end
    with Dev(tmp_path_factory.mktemp("misused"), "--in-memory", log="/dev/null") as dev:
        yield dev


def allow_files(count):
    """Raises this process's limit of open files, and that of its children, if the machine allows."""
    if resource:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@pytest.fixture(autouse=True)
def bounded(dev):
    yield
    peak = memory(dev, "VmHWM")
    if peak:
        print(f"\npeak memory of `ripple dev`: {peak // MB} MB, now {memory(dev, 'VmRSS') // MB} MB")
        assert peak < MEMORY


def memory(dev, kind):
    """Returns the memory in bytes as Linux counts it. Returns None on other systems."""
    status = Path(f"/proc/{dev.process.pid}/status")
    if not status.exists():
        return None
    [line] = [line for line in status.read_text().splitlines() if line.startswith(kind)]
    return int(line.split()[1]) * 1024


def address(dev):
    url = urllib.parse.urlsplit(dev.url)
    return url.hostname, url.port


class Good:
    """A client that continues to work, each request on a new connection."""

    def __init__(self, dev):
        self.dev, self.count, self.failed, self.over = dev, 0, [], threading.Event()
        self.thread = threading.Thread(target=self.work)

    def work(self):
        try:
            while not self.count or not self.over.is_set():
                ripple, prj_id = self.dev.ripple(), f"good-{secrets.token_hex(6)}"
                members = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
                ripple.create({"prj_id": prj_id, "term": 1} | members)
                assert ripple.patch(prj_id, {"goal": "y"})["version"] == 2
                assert ripple.get(prj_id)["goal"] == "y"
                self.count += 1
        except Exception as error:
            self.failed.append(error)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert not self.failed, self.failed
        assert self.count > 0


def opened(dev, text):
    connection = socket.create_connection(address(dev), timeout=PATIENCE + 30)
    connection.sendall(text)
    return connection


def status(connection):
    """Returns the status of the response. Returns None if the connection closes without one."""
    try:
        line = connection.makefile("rb").readline()
    except ConnectionError:
        return None
    return int(line.split()[1]) if line else None


IDLE = b""
# An endless head.
HEAD = b"GET /prj HTTP/1.1\r\nhost: ripple\r\nx-slow: "
# A body that does not arrive, and one of which a large part arrived.
BODY = b"POST /prj HTTP/1.1\r\nhost: ripple\r\ncontent-length: 1000000\r\n\r\n{"
LARGE = BODY + b" " * 100_000
ENDLESS = b"POST /prj HTTP/1.1\r\nhost: ripple\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"


def test_a_thousand_slow_connections_and_ten_thousand_wrong_keys(dev):
    slow = [IDLE] * 200 + [HEAD] * 300 + [BODY] * 300 + [LARGE] * 100 + [ENDLESS] * 100
    connections = []
    with Good(dev):
        try:
            connections = [opened(dev, text) for text in slow]
            begun = time.monotonic()
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda _: wrong_keys(dev, 1_250), range(8)))
            # A byte now and then does not count as progress.
            for connection in connections[200:500]:
                try:
                    connection.send(b"x")
                except ConnectionError:
                    pass
            answers = [status(connection) for connection in connections]
            print(f"\nall of them at an end after {time.monotonic() - begun:.0f} s")
        finally:
            for connection in connections:
                connection.close()
    # Closed without a response, answered with a time-out, or (large bodies) refused because there are too many.
    assert set(answers[:200]) == {None}, answers[:200]
    assert set(answers[200:500]) <= {None, 408}, answers[200:500]
    assert set(answers[500:800]) == {504}, answers[500:800]
    assert set(answers[800:900]) == {504, 429} and answers[800:900].count(504) == 64, answers[800:900]
    assert set(answers[900:]) == {504}, answers[900:]


def wrong_keys(dev, count):
    """Sends a number of different invalid keys over one connection. Half of them are well formed."""
    connection = http.client.HTTPConnection(*address(dev), timeout=30)
    for number in range(count):
        key = unknown_key() if number % 2 else damaged(unknown_key())
        connection.request("GET", "/prj", headers={"x-api-key": key})
        answer = connection.getresponse()
        assert (answer.status, b'"forbidden"' in answer.read()) == (403, True)
    connection.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /prj HTTP/1.1\r\nhost: ripple\r\nx-huge: " + b"x" * 5 * MB,
        b"GET /prj HTTP/1.1\r\nhost: ripple\r\n" + b"x-many: x\r\n" * 100_000,
        b"GET /prj?" + b"x" * 5 * MB,
    ],
    ids=["huge", "many", "long"],
)
def test_heads_without_end_are_refused(dev, head):
    def refused(_):
        with socket.create_connection(address(dev), timeout=30) as connection:
            try:
                connection.sendall(head)
            except ConnectionError:
                pass  # it does not wait for the end
            assert status(connection) in (None, 414, 431)

    with Good(dev), ThreadPoolExecutor(20) as pool:
        list(pool.map(refused, range(60)))


def test_large_bodies_are_bounded_in_size_and_number(dev):
    answers = []

    def send(number):
        size = (1 * MB + 1, 9 * MB, 11 * MB)[number % 3]
        connection = http.client.HTTPConnection(*address(dev), timeout=60)
        try:
            connection.request("POST", "/prj", b" " * size, {"x-api-key": dev.key, "content-type": "application/json"})
            answer = connection.getresponse()
            answers.append((size, answer.status))
            answer.read()
        except ConnectionError:
            answers.append((size, None))  # closed before the whole body was sent
        finally:
            connection.close()

    with Good(dev), ThreadPoolExecutor(100) as pool:
        list(pool.map(send, range(150)))
    assert {status for _, status in answers} <= {413, 429, None}, answers
    assert (1 * MB + 1, 413) in answers


def test_garbage_is_refused_and_the_next_connection_served(dev):
    with Good(dev):
        for _ in range(200):
            with socket.create_connection(address(dev), timeout=30) as connection:
                connection.sendall(secrets.token_bytes(500) + b"\r\n\r\n")
                assert status(connection) in (None, 400, 431, 505)


def test_a_header_that_is_no_utf8_is_not_lost_on_the_way(dev):
    """An event for Lambda is JSON. If the header were left out there, a save would run without its Idempotency-Key."""
    connection = http.client.HTTPConnection(*address(dev), timeout=30)
    headers = {"x-api-key": dev.key, "idempotency-key": "Schlüssel".encode("latin-1")}
    connection.request("DELETE", "/prj/none", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 400 and b'"header":"idempotency-key"' in answer.read()
