"""The worker in front of a replica, where the replica is away or is not what the worker expects."""

import json
import secrets

import pytest

from dev import Dev
from edge import BINDING, ROOT, Edge, Switch, own_config, send, wait_for, with_replica
from keys import damaged
from near import SECRET
from test_live import Socket
from test_replica import PROJECT

# Each object is asked as by an isolate of before protocols had numbers. That of `prj` answers as one that knows them. That
# of `task` does not, and is first asked as by an isolate of a later protocol.
OTHERS = f"""
import worker, {{ Replica as Real }} from "{ROOT}/replica/worker.js";
const as = (request, number) => {{
  const headers = new Headers(request.headers);
  number === undefined ? headers.delete("ripple-protocol") : headers.set("ripple-protocol", number);
  return new Request(request, {{ headers }});
}};
export class Replica extends Real {{
  async fetch(request) {{
    const sent = request.headers.get("ripple-protocol");
    if (request.headers.get("ripple-resource") === "prj") {{
      const answer = await super.fetch(as(request));
      answer.headers.set("ripple-protocol", sent);
      return answer;
    }}
    const later = await super.fetch(as(new Request(request.url, {{ headers: request.headers }}), Number(sent) + 1));
    this.log("log", "later", {{ status: later.status, number: later.headers.get("ripple-protocol"), sent }});
    return await super.fetch(as(request));
  }}
}}
export default worker;
"""


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


def test_an_object_of_another_protocol_is_as_none(tmp_path, dev):
    main = tmp_path / "main.js"
    main.write_text(OTHERS)
    edge, replica = with_replica(tmp_path, dev.dynamodb, RIPPLE_LIVE_SECRETS=SECRET)
    replica.write_text(replica.read_text().replace(f"{ROOT}/replica/worker.js", str(main)))
    near = Edge(tmp_path, dev.url, dev.dynamodb, config=edge, replica=replica)
    near.key = dev.key
    try:
        wait_for(lambda: send(near.url, "GET", "/prj", dev.key).headers["age"] is not None)
        with Socket(near, key=dev.key) as page:
            page.hello()
        task = {"ref": "t-1", "subject": "Dig", "state": "todo"}
        assert send(near.url, "POST", "/task", dev.key, task).status == 201
        for path in ("/task", "/task/t-1", "/task/_changes"):
            found, expected = (send(url, "GET", path, dev.key) for url in (near.url, dev.url))
            assert (found.status, found.headers["age"]) == (200, None), path
            assert found.headers["cache-status"] == "ripple; fwd=bypass; detail=protocol", path
            assert path == "/task/_changes" or found.body == expected.body, path
        assert send(near.url, "POST", "/task/_ticket", dev.key).status == 503
        assert send(near.url, "GET", "/task", damaged(dev.key)).status == 403
        assert send(near.url, "GET", "/task/t-1/versions", dev.key).headers["cache-status"] is None
        told = [json.loads(line) for line in near.lines('"message":"later"')]
        assert told and {(line["status"], line["number"], line["sent"]) for line in told} == {(501, "1", "1")}
        assert '"cache_status":"ripple; fwd=bypass; detail=protocol"' in near.read_log()
    finally:
        near.close()
