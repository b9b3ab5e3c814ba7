"""Policies allow exactly the operations that ripple uses. The black-box suite runs, and each operation is recorded.

    suite ──▶ edge ──▶ `ripple dev` ──▶ recorder ──▶ another `ripple dev`'s DynamoDB
               └──────────────────────▶   ▲
    a page by id ──▶ `bootstrap` ─────────┘   of a fed resource
"""

import json

import subprocess
import time

import pytest
from recorder import Recorder
from template import RESOURCES, allowed

from conftest import _setting
from dev import Dev, clean, ripple
from edge import ROOT, Edge, send
from function import Function

# The owner of each access key.
FUNCTION, EDGE = "function", "local"

@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    with Dev(folder / "tables", "--in-memory") as tables:
        recorder = Recorder(tables.dynamodb)
        backend = start_backend(folder, recorder.url)
        edge = None
        try:
            found = json.loads((folder / "dev.json").read_text())
            edge = Edge(folder, found["url"], recorder.url)
            reader = ripple("key", "create", "--name", "reader", "--scope", "read", data=folder / "tables").strip()
            # A person with other rights makes the tables and the first key.
            recorder.operations.clear()
            suite = ["cargo", "test", "--quiet", "--workspace", "--test", "suite"]
            settings = {
                "RIPPLE_URL": edge.url,
                "RIPPLE_KEY": found["key"],
                "RIPPLE_READ_KEY": reader,
                # The template has the tables of this resource.
                "RIPPLE_SERVED": "prj",
                "RIPPLE_DYNAMODB_ENDPOINT": tables.dynamodb,
                "RIPPLE_REQUIRE_URL": "1",
            }
            done = subprocess.run(suite, cwd=ROOT, env=clean() | settings, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
            see_a_write_made_elsewhere(found["url"], edge.url, found["key"])
            read_pages_of_a_fed_resource(folder, recorder.url, found["key"])
            yield recorder.operations
        finally:
            if edge:
                edge.close()
            backend.kill()
            backend.wait()
            recorder.close()

def see_a_write_made_elsewhere(url, edge, key):
    """Reads with a session token that names a write unknown to the edge. The suite cannot do that at one URL."""
    # After the refresh behind the response: that refresh could bring the write too.
    assert send(edge, "GET", "/prj", key, cache_control="no-cache").status == 200
    project = {"prj_id": "written-elsewhere", "name": "n", "goal": "g", "issue": "i", "description": "d"}
    project |= {"term": 1, "term_unit": "day", "create_date": "2026-01-01"}
    written = send(url, "POST", "/prj", key, project)
    seen = send(edge, "GET", "/prj/written-elsewhere", key, ripple_session=written.headers["ripple-session"])
    assert (written.status, seen.status) == (201, 200)


def read_pages_of_a_fed_resource(folder, dynamodb, key):
    """Reads pages from the indexes. No feed reads the tables of the suite's backend."""
    function = Function(folder, dynamodb, AWS_ACCESS_KEY_ID=FUNCTION, RIPPLE_FED="prj")
    try:
        for query in ("limit=1", "limit=1&sort=-updated_at"):
            answer = function.call("GET", f"/prj?{query}", {"x-api-key": key})
            assert json.loads(answer)["statusCode"] == 200, answer
    finally:
        function.close()


def start_backend(folder, dynamodb):
    """Starts `ripple dev` on another DynamoDB, with its own access key."""
    command = [_setting("RIPPLE_BIN"), "--data", str(folder), "--endpoint-url", dynamodb, "dev", "--port", "0"]
    signed = {"AWS_ACCESS_KEY_ID": FUNCTION, "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    with open(folder / "backend.log", "wb") as log:
        process = subprocess.Popen(command, env=clean() | signed, stdout=log, stderr=log)
    deadline = time.monotonic() + 120
    while not (folder / "dev.json").exists():
        assert process.poll() is None and time.monotonic() < deadline, (folder / "backend.log").read_text()
        time.sleep(0.02)
    return process

def test_the_function_may_do_just_what_it_does(recorded):
    role = RESOURCES["FunctionRole"]["Properties"]["Policies"]
    assert allowed(role[0]["PolicyDocument"]) == recorded[FUNCTION]
    for policy in role[1:]:
        assert not allowed(policy["PolicyDocument"])

def test_the_edge_may_do_just_what_it_does_and_that_is_to_read(recorded):
    policy = allowed(RESOURCES["EdgePolicy"]["Properties"]["PolicyDocument"])
    assert policy == recorded[EDGE]
    assert {action for action, _ in policy} <= {"Query", "Scan"}

def test_only_known_access_keys_were_used(recorded):
    assert set(recorded) == {FUNCTION, EDGE}
