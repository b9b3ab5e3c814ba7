"""Records of other programs that are almost as large as DynamoDB's items, and requests that would grow past that
size."""

import re
import secrets
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import Answer, _setting
from dev import Dev
from second_writer import TABLE
from test_other_programs import project

KIB = 1024
ITEM = 400 * KIB
MIB = 1024 * KIB
#: Entries with one small member each, in an item of almost the full size.
ENTRIES = 40_000


def text(length):
    """Returns text that compresses like prose."""
    words = " ".join(f"{number * 7919 % 10007} grease the bearing" for number in range(length // 20))
    return (words * 2)[:length]


def noise(length):
    """Returns bytes that no compression shortens."""
    return secrets.token_bytes(length)


#: The kinds of attributes in a large record, by name.
KINDS = {"text": lambda length: {"S": text(length)}, "noise": lambda length: {"B": noise(length)}}


def attribute(value):
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def size(value):
    """Returns the size of an attribute's value as DynamoDB counts it, for the types used here."""
    if "N" in value:
        return (len(value["N"]) + 1) // 2 + 1
    return len(value["B"]) if "B" in value else len(value["S"].encode())


def put(client, prj_id, kind, total):
    """Puts another program's item of this size."""
    item = {name: attribute(value) for name, value in (project(prj_id) | {"term": 8}).items()}
    taken = sum(len(name) + size(value) for name, value in item.items()) + len("filler")
    item["filler"] = KINDS[kind](total - taken)
    client.put_item(TableName=TABLE, Item=item)


def status(ripple, *request):
    answer = ripple.call(*request)
    assert answer.status != 413 or answer.json()["code"] == "record_too_large", answer
    return answer.status


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", [350 * KIB, 399 * KIB])
def test_a_large_record_is_edited_shrunk_and_deleted(client, ripple, prj_id, kind, total):
    path = f"/prj/{prj_id}"
    put(client, prj_id, kind, total)
    base = ripple.get(prj_id)["version"]
    saved = ripple.patch(prj_id, {"version": base, "goal": "ours"})
    assert (saved["version"], saved["goal"]) == (2, "ours")
    assert ripple.state(prj_id, 1)["goal"] != "ours"
    assert len(ripple.state(prj_id, 2)["filler"]) == len(saved["filler"])
    # A larger record is refused, and nothing changes.
    assert status(ripple, "PATCH", path, {"more": "x" * (ITEM - total)}) == 413
    assert ripple.get(prj_id)["version"] == 2

    shrunk = ripple.patch(prj_id, {"version": 2, "filler": "short"})
    assert (shrunk["version"], shrunk["filler"]) == (3, "short")
    assert ripple.restore(prj_id, 2)["version"] == 4
    ripple.delete(prj_id)
    assert ripple.call("GET", path).status == 410
    assert ripple.restore(prj_id, 1)["version"] == 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("total", [ITEM - 120, ITEM - 20, ITEM])
def test_a_record_as_large_as_an_item_is_read_shrunk_and_deleted(client, ripple, prj_id, kind, total):
    """ripple's own attributes do not fit in the item, or only just."""
    path = f"/prj/{prj_id}"
    put(client, prj_id, kind, total)
    record = ripple.get(prj_id)
    assert ripple.list(f"prj_id={prj_id}&fields=name") == [{"prj_id": prj_id, "name": record["name"]}]
    for edit in ({"goal": record["goal"] + "x"}, {"name": record["name"]}):
        assert status(ripple, "PATCH", path, edit) in (200, 413)
    put(client, prj_id, kind, total)
    shrunk = ripple.patch(prj_id, {"filler": "short"})
    assert (shrunk["filler"], shrunk["name"]) == ("short", record["name"])
    put(client, prj_id, kind, total)
    ripple.delete(prj_id)
    assert ripple.call("GET", path).status == 410
    put(client, prj_id, kind, total)
    assert ripple.patch(prj_id, {"filler": None})["version"] > 0


def test_a_large_record_of_many_small_values_is_edited(client, ripple, prj_id):
    """In memory and in a row, such a record takes several times its size in the table."""
    entries = [{"M": {"a": {"N": str(number % 10)}}} for number in range(ENTRIES)]
    item = {name: attribute(value) for name, value in (project(prj_id) | {"term": 8}).items()}
    client.put_item(TableName=TABLE, Item=item | {"list": {"L": entries}})
    saved = ripple.patch(prj_id, {"goal": "ours"})
    assert (saved["version"], len(saved["list"])) == (2, ENTRIES)
    assert ripple.patch(prj_id, {"version": 2, "list": [{"a": 1}]})["version"] == 3
    assert len(ripple.state(prj_id, 1)["list"]) == ENTRIES
    ripple.delete(prj_id)


# Requests.


def resident(dev, field):
    """Returns the resident memory of a `ripple dev` in bytes, as Linux reports it."""
    told = Path(f"/proc/{dev.process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", told)[1]) * KIB


def body(before, after, entry="{},"):
    room = MIB - len(before) - len(after)
    return f"{before}{(entry * (room // len(entry)))[:-1]}{after}".encode()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from Linux")
@pytest.mark.parametrize(
    "method, path, body",
    [
        ("PUT", "/prj/p", body('{"version":1,"l":[', "]}")),
        ("PATCH", "/prj/p", body('{"version":1,"l":[', "]}")),
        ("PATCH", "/prj/p", body('{"l":[', "]}")),
        ("PUT", "/prj/p", body('{"version":1,"l":[', "]}", "[{}],")),
        ("PUT", "/prj/p", body('{"version":1,"l":[', "]}", '{"a":{}},')),
    ],
    ids=["put", "patch", "patch-without-base", "lists", "objects"],
)
def test_a_body_that_grows_past_a_record_is_refused_within_64_mib(tmp_path, method, path, body):
    """Each empty entry gets an id, so a body of 1 MiB would become a record of 10 MB."""
    _setting("RIPPLE_BIN")
    with Dev(tmp_path / "data", "--in-memory") as dev:
        ripple = dev.ripple()
        ripple.create(project("p") | {"term": 8})
        for goal in ("a", "b"):
            ripple.patch("p", {"goal": goal})  # memory that is allocated once
        before = resident(dev, "VmRSS")
        answer = raw(ripple, method, path, body)
        assert answer.status == 413, answer
        assert b"record_too_large" in answer.body
        grown = resident(dev, "VmHWM") - before
        assert grown < 64 * MIB, f"{grown / MIB:.0f} MiB"
        assert ripple.get("p")["version"] == 3


def raw(ripple, method, path, body):
    """Sends bytes unchanged."""
    headers = {"x-api-key": ripple.key, "content-type": "application/json"}
    request = urllib.request.Request(ripple.url + path, body, headers, method=method)
    try:
        response = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return Answer(response.status, response.headers, response.read())
