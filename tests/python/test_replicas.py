"""Further replicas near readers: a read goes to the nearest object, and what must be one stays at the first."""

import hashlib
import json
import re
import secrets
from collections import Counter

import pytest

from dev import Dev, ripple
from edge import Edge, send, wait_for, with_replica
from test_replica import PROJECT, SECRET, Two, post, signed, told

FIRST = "us-east-1"
FURTHER = "apac, weur"
# Where a client is. `wrangler dev` takes the properties of a request, which Cloudflare sets, from this header.
NEW_YORK, TOKYO, LONDON = (
    {"mf_cf_blob": json.dumps({"latitude": north, "longitude": east})}
    for north, east in (("40.71", "-74.01"), ("35.68", "139.69"), ("51.51", "-0.13"))
)


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("table"), "--in-memory") as dev:
        dev.ripple().create(PROJECT | {"prj_id": "r-1"})
        yield dev


@pytest.fixture(scope="module")
def many(tmp_path_factory, dev):
    variables = {"AWS_REGION": FIRST, "RIPPLE_REPLICAS": FURTHER}
    many = Two(tmp_path_factory.mktemp("many"), dev, **variables)
    yield many
    many.close()


def refreshed(many):
    """Returns how often each object has refreshed its table, by name."""
    return Counter(json.loads(line)["object"] for line in many.edge.lines('"refreshed"'))


def test_a_read_goes_to_the_nearest_object_and_changes_to_the_first(many):
    are_filled(many)
    for city, place in ((NEW_YORK, "enam"), (TOKYO, "apac"), (LONDON, "weur")):
        for path in ("/prj", "/prj/r-1", "/prj?q=x"):
            assert set(refresh_by(many, path, city)) == {f"prj@{place}"}
    assert set(refresh_by(many, "/prj/_changes", TOKYO)) == {"prj@enam"}


def are_filled(many):
    """Waits until each object answers. The first one answers for one that does not."""
    wait_for(lambda: many.ask("/prj/_changes") is not None)
    for city, place in ((TOKYO, "apac"), (LONDON, "weur")):
        wait_for(lambda: f"prj@{place}" in refresh_by(many, "/prj", city))


def refresh_by(many, path, city):
    """Returns the objects that refresh for a read."""
    before = refreshed(many)
    assert many.ask(path, cache_control="no-cache", **city).status == 200
    wait_for(lambda: refreshed(many) != before)
    return refreshed(many) - before


def test_a_save_and_the_feed_are_told_to_each_object(many):
    are_filled(many)
    prj_id = f"r-{secrets.token_hex(4)}"
    made = send(many.edge.url, "POST", "/prj", many.dev.key, PROJECT | {"prj_id": prj_id})
    session = made.headers["ripple-session"]
    for city in (NEW_YORK, TOKYO, LONDON):
        assert many.ask(f"/prj/{prj_id}", ripple_session=session, **city).body == made.body
    changed = many.ask("/prj/_changes", ripple_session=session).json()["changed"]
    assert prj_id in {record["prj_id"] for record in changed}
    many.dev.ripple().patch(prj_id, {"goal": "told"})
    body = told(many, prj_id)
    # From here on, only the message can have brought it.
    many.far.mode = "stopped"
    try:
        assert post(many.edge.url, body, signed(body))[0] == 200
        for city in (NEW_YORK, TOKYO, LONDON):
            assert many.ask(f"/prj/{prj_id}", **city).json()["goal"] == "told"
        changed = many.ask("/prj/_changes").json()["changed"]
        assert {record["prj_id"]: record["goal"] for record in changed}[prj_id] == "told"
    finally:
        many.far.mode = "pass"


def test_a_revoked_key_is_refused_by_each(many):
    are_filled(many)
    made = ripple("key", "create", "--name", "short", data=many.dev.data, both=True)
    key, key_id = re.search(r"rpl_\w{36}", made)[0], re.search(r"key_\w+", made)[0]
    for city in (TOKYO, LONDON):
        assert send(many.edge.url, "GET", "/prj/r-1", key, **city).status == 200
    ripple("key", "revoke", key_id, data=many.dev.data)
    digest = hashlib.sha256(key.encode()).hexdigest()
    body = json.dumps({"type": "ripple.keys", "data": {"keys": [{"key_hash": digest, "revoked": True}]}}).encode()
    assert post(many.edge.url, body, signed(body))[0] == 200
    for city in (TOKYO, LONDON):
        for path in ("/prj/r-1", "/prj/_changes", "/prj"):
            assert send(many.edge.url, "GET", path, key, **city).status == 403


def test_the_first_object_answers_while_the_nearest_reads_its_table(tmp_path, dev):
    """The first object is filled by an edge without further ones, which then gets them."""
    edge, replica = with_replica(tmp_path, dev.dynamodb)
    scripts = {"config": edge, "replica": replica, "RIPPLE_FEED_SECRETS": SECRET, "AWS_REGION": FIRST}
    one = Edge(tmp_path, dev.url, dev.dynamodb, **scripts)
    try:
        wait_for(lambda: send(one.url, "GET", "/prj", dev.key).headers["cache-status"] is not None)
    finally:
        one.close()
    two = Edge(tmp_path, dev.url, dev.dynamodb, RIPPLE_REPLICAS=FURTHER, **scripts)
    try:
        answer = send(two.url, "GET", "/prj", dev.key, **TOKYO)
        assert answer.headers["cache-status"] is not None, two.read_log()
        assert answer.body == send(dev.url, "GET", "/prj", dev.key).body
    finally:
        two.close()


def test_a_place_that_is_none_is_an_error(tmp_path, dev):
    edge, replica = with_replica(tmp_path, dev.dynamodb)
    scripts = {"config": edge, "replica": replica, "RIPPLE_REPLICAS": "weur,europe"}
    near = Edge(tmp_path, dev.url, dev.dynamodb, health=500, **scripts)
    try:
        wait_for(lambda: "RIPPLE_REPLICAS must be places of Durable Objects" in near.read_log())
    finally:
        near.close()
