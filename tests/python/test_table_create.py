"""`ripple table create` at a DynamoDB that is busy with a table after each change, as AWS is.

    ripple ──▶ Busy ──▶ `ripple dev`'s DynamoDB
"""

import http.client
import json
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

import pytest

from conftest import _setting
from dev import Dev, clean
from edge import Server

# Seconds for which a table is UPDATING after a change.
BUSY = 1.5


class Busy:
    """Forwards requests to DynamoDB. It has continuous backups, and refuses a second change of a table meanwhile."""

    def __init__(self, target):
        self.until, self.changes, self.refused = {}, [], []
        busy, target = self, urllib.parse.urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                action, request = self.headers["x-amz-target"].split(".")[1], json.loads(body)
                self.reply(*busy.answer(action, request, lambda: self.forward(body)))

            def forward(self, body):
                onward = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                onward.request("POST", self.path, body, headers)
                response = onward.getresponse()
                made = response.status, json.loads(response.read())
                onward.close()
                return made

            def reply(self, status, answer):
                payload = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.0")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, action, request, forward):
        name = request.get("TableName")
        if action == "DescribeContinuousBackups":
            recovery = {"PointInTimeRecoveryStatus": "ENABLED"}
            backups = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
            return 200, {"ContinuousBackupsDescription": backups}
        if action == "UpdateTable":
            if self.is_busy(name):
                self.refused.append(name)
                kind = "com.amazonaws.dynamodb.v20120810#ResourceInUseException"
                return 400, {"__type": kind, "message": f"Table is being updated: {name}"}
            self.changes.append((name, frozenset(set(request) - {"TableName"})))
        status, answer = forward()
        if action == "UpdateTable" and status == 200:
            self.until[name] = time.monotonic() + BUSY
        if action == "DescribeTable" and status == 200 and self.is_busy(name):
            answer["Table"]["TableStatus"] = "UPDATING"
        return status, answer

    def is_busy(self, name):
        return time.monotonic() < self.until.get(name, 0)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def busy(tmp_path):
    with Dev(tmp_path / "dev", "--in-memory") as dev:
        busy = Busy(dev.dynamodb)
        yield busy
        busy.close()


def create(busy, tmp_path):
    command = [_setting("RIPPLE_BIN"), "--data", tmp_path / "none", "--endpoint-url", busy.url, "table", "create", "--site", "new"]
    signed = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
    done = subprocess.run(list(map(str, command)), env=clean() | signed, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def test_each_change_waits_until_the_table_is_ready_for_it(busy, tmp_path):
    status, told, error = create(busy, tmp_path)
    assert (status, busy.refused) == (0, []), error
    made = {name: [members for of, members in busy.changes if of == name] for name, _ in busy.changes}
    protection, stream = frozenset({"DeletionProtectionEnabled"}), frozenset({"StreamSpecification"})
    assert made == {
        "new_prj": [protection, stream],
        "new_prj_version": [protection],
        "new_key": [protection, stream],
    }
    time.sleep(BUSY)
    assert create(busy, tmp_path)[0] == 0
    assert len(busy.changes) == 5, "there is nothing left to do"
