"""What `ripple dev` tells an edge of: signed messages of states under their numbers, and of keys that lost rights."""

import base64
import hashlib
import hmac
import json
import queue
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import second_writer
from conftest import Ripple
from dev import Dev, ripple
from test_feed import LIMIT, adopted, eventually, fields, table_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


class Receiver(ThreadingHTTPServer):
    """An edge that notes each message, and answers with the status that the test sets."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.messages = 200, queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/_feed"

    def message(self, fits):
        """Returns the next message that fits, with its headers."""
        deadline = time.monotonic() + LIMIT
        while True:
            headers, body = self.messages.get(timeout=max(0, deadline - time.monotonic()))
            if fits(json.loads(body)):
                return headers, body

    def state(self, prj_id, version):
        """Returns the state of a version once it is told."""

        def of(message):
            states = message["data"]["states"] if message["type"] == "ripple.states" else []
            return [state for state in states if (state["id"], state["version"]) == (prj_id, version)]

        return of(json.loads(self.message(of)[1]))[0]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.messages.put((self.headers, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as receiver:
        yield receiver
        receiver.shutdown()


@pytest.fixture(scope="module")
def dev(tmp_path_factory, receiver):
    settings = {"RIPPLE_FEED_URLS": receiver.url, "RIPPLE_FEED_SECRETS": f"{NEW},{SECRET}"}
    with Dev(tmp_path_factory.mktemp("delivery"), "--in-memory", feed=True, **settings) as dev:
        yield dev


def test_a_message_has_the_signatures_of_both_secrets(dev, receiver):
    dev.ripple().create({"prj_id": "signed"} | fields())
    headers, body = receiver.message(lambda message: "signed" in json.dumps(message))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    keys = [base64.b64decode(secret.removeprefix("whsec_")) for secret in (NEW, SECRET)]
    codes = [base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode() for key in keys]
    assert headers["webhook-signature"] == " ".join(f"v1,{code}" for code in codes)
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    assert headers["content-type"] == "application/json"


def test_ripples_own_writes_are_told_as_the_table_has_them(dev, receiver):
    client = dev.ripple()
    client.create({"prj_id": "own"} | fields())
    client.patch("own", {"goal": "two"})
    item = dev.client().get_item(TableName=second_writer.TABLE, Key={"prj_id": {"S": "own"}})["Item"]
    state = receiver.state("own", 2)
    # The partition of the index is not part of the record.
    assert state == {"id": "own", "version": 2, "deleted": False, "item": {name: item[name] for name in item if name != "rpl_shard"}}
    client.delete("own")
    assert receiver.state("own", 3)["deleted"]


def test_an_external_write_is_told_after_its_adoption(dev, receiver):
    second_writer.handler(table_of(dev), second_writer.event("theirs"))
    item = receiver.state("theirs", 1)["item"]
    assert item["rpl_seal"]["S"] and item["goal"]["S"] == second_writer.event("any")["goal"]


def test_a_revocation_is_told_and_the_host_refuses_the_key_it_remembers(dev, receiver):
    key = ripple("key", "create", "--name", "leaver", data=dev.data).strip()
    key_id = re.search(r"key_\w+", ripple("key", "verify", data=dev.data, stdin=key)).group()
    client = Ripple(dev.url, key)
    assert client.call("GET", "/prj/absent").status == 404
    ripple("key", "revoke", key_id, data=dev.data)
    _, body = receiver.message(lambda message: message["type"] == "ripple.keys")
    (told,) = json.loads(body)["data"]["keys"]
    assert (told["key_id"], told["revoked"], len(told["key_hash"])) == (key_id, True, 64)
    # Without the feed it would be accepted for five seconds after the first request.
    assert client.call("GET", "/prj/absent").status == 403


def test_a_receiver_that_refuses_does_not_stop_the_adoption(dev, receiver):
    receiver.status = 500
    try:
        for number in range(3):
            second_writer.handler(table_of(dev), second_writer.event(f"refused{number}"))
            adopted(dev, f"refused{number}", 1)
        # The second attempt repeats the id of the first. Earlier messages came once.
        ids = set()
        while (repeated := receiver.messages.get(timeout=LIMIT)[0]["webhook-id"]) not in ids:
            ids.add(repeated)
    finally:
        receiver.status = 200
    # Later messages arrive again, when the receiver is no longer left out.
    eventually(lambda: written_and_told(dev, receiver), bool)


def written_and_told(dev, receiver):
    second_writer.handler(table_of(dev), second_writer.event("again", goal=str(time.monotonic())))
    try:
        receiver.messages.get(timeout=1)
    except queue.Empty:
        return False
    return True


def test_settings_that_cannot_work_are_refused(tmp_path):
    for settings in (
        {"RIPPLE_FEED_URLS": "http://127.0.0.1:1/_feed"},
        {"RIPPLE_FEED_URLS": "http://10.0.0.1/_feed", "RIPPLE_FEED_SECRETS": SECRET},
        {"RIPPLE_FEED_URLS": "https://a.example/_feed", "RIPPLE_FEED_SECRETS": "short"},
    ):
        with pytest.raises(AssertionError) as failed:
            Dev(tmp_path / "data", "--in-memory", feed=True, **settings)
        assert "RIPPLE_FEED" in str(failed.value) or "public address" in str(failed.value)
        assert "short" not in str(failed.value)
