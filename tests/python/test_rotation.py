"""A rotated key inherits the idempotency records of its predecessor, so a write repeated under the new key is
recognised."""

import json

import pytest

from dev import Dev, ripple
from test_other_programs import project


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "data") as dev:
        yield dev


def made(dev, name):
    """Returns a new key with this name, and its id."""
    key = ripple("key", "create", "--name", name, data=dev.data).strip()
    listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
    return key, next(line["key_id"] for line in listed if line["name"] == name)


def newest(dev, name):
    """Returns the id of the newest key with this name."""
    listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
    return max((line for line in listed if line["name"] == name), key=lambda line: line["created"])["key_id"]


def caller(dev, key):
    caller = dev.ripple()
    caller.key = key
    return caller


def save(client, goal, key="k"):
    return client.call("PATCH", "/prj/p", {"version": 1, "goal": goal}, idempotency_key=key)


def test_a_retry_under_the_rotated_key_does_not_win_again(dev):
    old, key_id = made(dev, "phone")
    dev.ripple().create(project("p") | {"term": 8})
    first = save(caller(dev, old), "phone's")
    assert first.status == 200
    dev.ripple().patch("p", {"goal": "another's"})

    new = ripple("key", "rotate", key_id, "--overlap", "1h", data=dev.data).strip()
    newer = ripple("key", "rotate", newest(dev, "phone"), "--overlap", "1h", data=dev.data).strip()
    for key in (old, new, newer):
        again = save(caller(dev, key), "phone's")
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["ripple-receipt"] == first.headers["ripple-receipt"]
        other = save(caller(dev, key), "other")
        assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (dev.ripple().get("p")["goal"], dev.ripple().versions("p")) == ("another's", [3, 2, 1])

    # In the other direction: while both keys are valid, the old key sees the new key's idempotency records.
    later = save(caller(dev, newer), "later", key="l")
    assert later.json()["version"] == 4
    assert save(caller(dev, old), "later", key="l").body == later.body


def test_the_entries_of_a_retry_under_the_rotated_key_are_not_doubled(dev):
    old, key_id = made(dev, "phone")
    dev.ripple().create(project("p") | {"term": 8})
    add = {"version": 1, "hours": [{"h": 2}]}
    first = caller(dev, old).call("PUT", "/prj/p", add)
    new = ripple("key", "rotate", key_id, "--overlap", "1h", data=dev.data).strip()
    again = caller(dev, new).call("PUT", "/prj/p", add)
    assert again.headers["ripple-receipt"].startswith("result=unchanged, version=2")
    assert again.json()["hours"] == first.json()["hours"] and len(first.json()["hours"]) == 1


def test_another_key_has_claims_of_its_own(dev):
    dev.ripple().create(project("p") | {"term": 8})
    for version, name in enumerate(("phone", "laptop"), 2):
        key, _ = made(dev, name)
        assert save(caller(dev, key), name).json()["version"] == version
    assert dev.ripple().versions("p") == [3, 2, 1]
