"""The time from a key's revocation to its first refusal, in real time, at `ripple dev` and at the edge together."""

import json
import re
import time
from datetime import datetime, timezone

import pytest

from dev import Dev, ripple
from edge import Edge, send

# The time limit of the test. The last response that accepted the key proves the five seconds of SECURITY.md.
LONGEST = 240


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "data", "--in-memory") as dev:
        yield dev


@pytest.fixture
def edge(tmp_path, dev):
    edge = Edge(tmp_path, dev.url, dev.dynamodb)
    yield edge
    edge.close()


def test_a_revoked_key_is_refused_everywhere_by_the_stated_time(dev, edge):
    key = ripple("key", "create", "--name", "leaver", data=dev.data).strip()
    listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
    [record] = [record for record in listed if record["name"] == "leaver"]
    hosts = {"dev": dev.url, "edge": edge.url}
    for url in hosts.values():
        assert send(url, "GET", "/prj", key).status == 200

    revoked = ripple("key", "revoke", record["key_id"], data=dev.data)
    [said] = re.findall(r"\d{4}-\d\d-\d\dT[\d:.]+Z", revoked)
    said = datetime.fromisoformat(said.replace("Z", "+00:00"))
    assert (said - datetime.now(timezone.utc)).total_seconds() <= 5

    begun, still, taken = time.monotonic(), dict(hosts), {}
    while still and time.monotonic() < begun + LONGEST:
        for name, url in list(still.items()):
            asked = datetime.now(timezone.utc)
            answer = send(url, "GET", "/prj", key)
            assert answer.status in (200, 403), answer
            if answer.status == 403:
                print(f"\n{name}: refused {time.monotonic() - begun:.1f} s after")
                del still[name]
            else:
                taken[name] = asked
        time.sleep(0.5)
    assert not still, f"still taken by {still}"
    # No request was accepted after the stated time, and none after the first refusal.
    assert all(asked <= said for asked in taken.values()), (taken, said)
    for url in hosts.values():
        assert send(url, "GET", "/prj", key).status == 403
        assert send(url, "GET", "/prj", dev.key).status == 200
