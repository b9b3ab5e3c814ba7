"""The worker in front of a replica, where the replica is away or is not what the worker expects."""

import secrets

import pytest

from dev import Dev
from edge import BINDING, Edge, own_config, send, wait_for, with_replica
from keys import damaged
from test_replica import PROJECT


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "table", "--in-memory") as dev:
        yield dev


def test_without_the_object_the_origin_answers_and_checks_keys(tmp_path, dev):
    # An object that cannot read its settings fails at every call.
    edge, replica = with_replica(tmp_path, dev.dynamodb, RIPPLE_STALE_SECONDS="soon")
    near = Edge(tmp_path, dev.url, dev.dynamodb, config=edge, replica=replica)
    try:
        made = send(near.url, "POST", "/prj", dev.key, PROJECT | {"prj_id": "r-1"})
        assert made.status == 201
        for path in ("/prj", "/prj/r-1", "/prj?q=x", "/prj/r-1/versions"):
            found, expected = (send(url, "GET", path, dev.key) for url in (near.url, dev.url))
            assert found.status == 200 and found.body == expected.body, path
            assert found.headers["age"] is None, path
        assert len(send(near.url, "GET", "/prj/_changes", dev.key).json()["changed"]) == 1
        # A ticket of the origin opens no socket here, and its 501 would say that there is never one.
        ticket = send(near.url, "POST", "/prj/_ticket", dev.key)
        assert (ticket.status, ticket.json()["code"]) == (503, "unavailable")
        assert send(near.url, "GET", "/prj", damaged(dev.key)).status == 403
        assert send(near.url, "GET", "/prj").status == 403
        assert send(near.url, "GET", "/nowhere", dev.key).status == 403
        last = secrets.token_hex(8)
        assert send(near.url, "GET", "/health", x_request_id=last).json() == {"status": "ok"}
        wait_for(lambda: last in near.read_log())
        assert '"by":"origin"' in near.read_log() and '"by":"replica"' not in near.read_log()
    finally:
        near.close()


@pytest.mark.parametrize(
    ("main", "binding", "told"),
    [
        ("edge/near/worker.js", "", "no replica is bound: set the binding REPLICA"),
        ("edge/worker.js", BINDING, "a replica is bound: set `main` to edge/near/worker.js"),
    ],
)
def test_a_worker_without_its_binding_answers_nothing(tmp_path, dev, main, binding, told):
    _, replica = with_replica(tmp_path, dev.dynamodb)
    config = tmp_path / "other.toml"
    config.write_text(own_config().replace("/edge/worker.js", f"/{main}") + binding)
    edge = Edge(tmp_path, dev.url, dev.dynamodb, config=config, replica=replica, health=500)
    try:
        answer = send(edge.url, "GET", "/prj", dev.key)
        assert (answer.status, answer.json()["code"]) == (500, "internal")
        assert told not in answer.body.decode()
        wait_for(lambda: told in edge.read_log())
    finally:
        edge.close()
