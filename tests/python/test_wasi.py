"""Failures of the WASI component: in its environment, its DynamoDB and its clients."""

import json
import os
import re
import secrets
import socket
import subprocess
import urllib.parse

import pytest

from conftest import _setting
from dev import clean
from edge import ROOT, Switch, send, wait_for
from keys import unknown_key


class Component:
    """The component under Node, with these variables."""

    def __init__(self, folder, **variables):
        self.log = folder / "log"
        command = [ROOT / "node_modules/.bin/node", ROOT / "wasi/serve.mjs", _setting("RIPPLE_COMPONENT")]
        path = f"{ROOT / 'node_modules/.bin'}:{os.environ['PATH']}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, env=clean() | {"PATH": path} | variables, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.log.read_text()

    def lines(self, request_id):
        """Returns the log lines of a request."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith("}")]
        return [line for line in lines if line.get("request_id") == request_id]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def dynamodb():
    switch = Switch(_setting("RIPPLE_DYNAMODB_ENDPOINT"))
    yield switch
    switch.close()


@pytest.fixture
def component(tmp_path, dynamodb):
    access = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    with Component(tmp_path, AWS_ENDPOINT_URL_DYNAMODB=dynamodb.url, **access) as component:
        yield component


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"AWS_ACCESS_KEY_ID": ""}, "AWS_ACCESS_KEY_ID is not set"),
        ({"RIPPLE_KEY_SECONDS": "soon"}, "RIPPLE_KEY_SECONDS must be a whole number of seconds"),
    ],
)
def test_what_is_wrong_with_the_environment_is_in_the_log_and_in_no_answer(tmp_path, variables, reason):
    access = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    with Component(tmp_path, **(access | variables)) as component:
        answer = send(component.url, "GET", "/prj", unknown_key(), x_request_id="mine")
        assert (answer.status, answer.json()["code"], answer.headers["x-request-id"]) == (500, "internal", "mine")
        assert not re.search(rb"AWS_|RIPPLE_", answer.body)
        wait_for(lambda: len(component.lines("mine")) == 2)
        cause, answered = component.lines("mine")
        assert cause["error"] == reason and answered["status"] == 500


@pytest.mark.parametrize("mode", ["stopped", "throttle", "garbage", "slow"])
def test_a_database_that_fails_is_no_answer_and_the_next_request_has_one(component, dynamodb, mode):
    path, key = f"/prj/absent-{secrets.token_hex(4)}", _setting("RIPPLE_KEY")
    dynamodb.mode = mode
    answer = send(component.url, "GET", path, key, timeout=120)
    assert (answer.status, answer.json()["code"]) == (503, "unavailable"), answer
    dynamodb.mode = "pass"
    assert send(component.url, "GET", path, key, timeout=120).status == 404


def test_invalid_or_disconnected_clients_do_not_block_others(component):
    target = urllib.parse.urlsplit(component.url)

    def said(request):
        with socket.create_connection((target.hostname, target.port), timeout=120) as caller:
            caller.sendall(request.replace(b"HOST", target.netloc.encode()))
            return caller.recv(64)

    for request in (
        b"GET /prj/{a}|<> HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"GET http://elsewhere/prj HTTP/1.1\r\nHost: HOST\r\n\r\n",
        b"GET /prj HTTP/1.1\r\nHost: a b\r\n\r\n",
    ):
        assert said(request).startswith(b"HTTP/1.1 400 "), request
    for request in (
        b"POST /prj HTTP/1.1\r\nHost: HOST\r\nContent-Length: 100\r\n\r\n{",
        b"GET /prj HTTP/1.1\r\nHost: HOST\r\n\r\n",
    ):
        with socket.create_connection((target.hostname, target.port), timeout=120) as caller:
            caller.sendall(request.replace(b"HOST", target.netloc.encode()))
    assert send(component.url, "GET", "/health", timeout=120).status == 200
