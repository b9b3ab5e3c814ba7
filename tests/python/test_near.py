"""The worker in front of a replica, where the replica is away or is not what the worker expects."""

import secrets

import pytest

from dev import Dev
from edge import BINDING, Edge, Switch, own_config, send, wait_for, with_replica
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


def test_a_kept_list_answers_while_object_and_origin_are_away(tmp_path, dev, monkeypatch):
    """The object runs in another process, which ends."""
    monkeypatch.setenv("WRANGLER_REGISTRY_PATH", str(tmp_path / "registry"))
    edge, replica = with_replica(tmp_path, dev.dynamodb)
    switch = Switch(dev.url)
    (tmp_path / "object").mkdir()
    object_ = Edge(tmp_path / "object", dev.url, dev.dynamodb, config=replica, health=404)
    near = Edge(tmp_path, switch.url, dev.dynamodb, config=edge)

    def listed(query="", **headers):
        return send(near.url, "GET", f"/prj{query}", dev.key, **headers)

    try:
        made = send(dev.url, "POST", "/prj", dev.key, PROJECT | {"prj_id": "r-1"})
        assert made.status == 201
        wait_for(lambda: listed().headers["cache-status"] is not None and len(listed().json()) == 1)
        before = listed()
        object_.kill()
        switch.mode = "stopped"
        wait_for(lambda: "stale-if-error" in (listed().headers["cache-status"] or ""))
        kept = listed()
        assert (kept.status, kept.body, kept.headers["etag"]) == (200, before.body, before.headers["etag"])
        # What the isolate cannot answer: another list, one that a client requires to be newer, and a record.
        assert listed("?q=other").status == 502
        assert listed(cache_control="no-cache").status == 502
        assert send(near.url, "GET", "/prj/r-1", dev.key).status == 502
        assert send(near.url, "GET", "/prj", damaged(dev.key)).status in (403, 502)
        switch.mode = "pass"
        wait_for(lambda: listed().headers["cache-status"] is None)
    finally:
        near.close()
        object_.close()
        switch.close()
