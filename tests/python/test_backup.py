"""A restore drill: the three tables are copied, lost and restored. Every record, history row and key is as before."""

import json

import pytest

from dev import Dev, ripple
from edge import ROOT

TABLES = {"ripple_prj": "prj_id", "ripple_prj_version": "prj_id", "ripple_key": "key_hash"}


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "data", "--in-memory") as dev:
        yield dev


def project(prj_id, **members):
    fields = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return fields | {"prj_id": prj_id, "term": 1} | members


def items(dev):
    """Returns everything in the tables, with ordered sets."""
    order = lambda value: {kind: sorted(inner) if kind in ("SS", "NS", "BS") else inner for kind, inner in value.items()}
    found = {}
    for table in TABLES:
        pages = dev.client().get_paginator("scan").paginate(TableName=table)
        plain = [{name: order(value) for name, value in item.items()} for page in pages for item in page["Items"]]
        found[table] = sorted(plain, key=lambda item: json.dumps(item, sort_keys=True, default=repr))
    return found


def fill(dev):
    """Creates records of every type with a history, a deletion, a write with an Idempotency-Key, and a revoked key."""
    client = dev.ripple()
    for n in range(40):
        client.create(project(f"p{n}", notes=["a", {"text": "b"}], description="long " * 2000))
        client.patch(f"p{n}", {"goal": f"goal {n}"})
    assert client.call("DELETE", "/prj/p1").status == 204
    theirs = {
        "prj_id": {"S": "of another program/1"},
        "raw": {"B": b"\x00\xff"},
        "raws": {"BS": [b"\x01", b"\x00"]},
        "sizes": {"NS": ["2.5", "1"]},
        "tags": {"SS": ["b", "a"]},
        "deep": {"M": {"list": {"L": [{"NULL": True}, {"BOOL": False}, {"N": "12345678901234567890123456789012345678"}]}}},
    }
    dev.client().put_item(TableName="ripple_prj", Item=theirs)
    revoked = ripple("key", "create", "--name", "revoked", data=dev.data).strip()
    [key_id] = [key["key_id"] for key in keys(dev) if key["name"] == "revoked"]
    ripple("key", "revoke", key_id, data=dev.data)
    return revoked


def keys(dev):
    return list(map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines()))


def lose_everything(dev):
    for table in TABLES:
        dev.client().delete_table(TableName=table)
    ripple("table", "create", data=dev.data)
    assert not any(items(dev).values())


def status(dev, key):
    caller = dev.ripple()
    caller.key = key
    return caller.call("GET", "/prj/p0").status


def test_what_was_lost_is_put_back_as_it_was(dev, tmp_path):
    revoked = fill(dev)
    before = items(dev)
    history = dev.ripple().call("GET", "/prj/p2/versions").json()
    folder = tmp_path / "backup"
    ripple("backup", folder, data=dev.data)
    assert "ripple_key" in ripple("table", "describe", data=dev.data)

    lose_everything(dev)
    told = ripple("restore", folder, data=dev.data)
    assert f"ripple_prj: {len(before['ripple_prj'])} restored, 0 already present" in told
    after = items(dev)
    assert after["ripple_key"] == [], "keys come back only when they are asked for"
    assert "restored" in ripple("restore", folder, "--keys", data=dev.data)
    assert items(dev) == before

    assert dev.ripple().call("GET", "/prj/p2/versions").json() == history
    assert status(dev, dev.key) == 200
    assert [key["name"] for key in keys(dev) if key["revoked"]] == ["revoked"]
    # On a host that has not looked the key up before.
    with Dev(tmp_path / "other", "--in-memory") as other:
        ripple("restore", folder, "--keys", data=other.data)
        assert status(other, revoked) == 403
    assert dev.ripple().patch("p2", {"goal": "goes on"})["version"] == 3


def test_a_restore_changes_nothing_that_is_there(dev, tmp_path):
    client, folder = dev.ripple(), tmp_path / "backup"
    client.create(project("kept"))
    client.create(project("lost"))
    later = ripple("key", "create", "--name", "revoked later", data=dev.data).strip()
    ripple("backup", folder, data=dev.data)
    client.patch("kept", {"goal": "changed since"})
    dev.client().delete_item(TableName="ripple_prj", Key={"prj_id": {"S": "lost"}})
    [key_id] = [key["key_id"] for key in keys(dev) if key["name"] == "revoked later"]
    ripple("key", "revoke", key_id, data=dev.data)

    for restored in (1, 0):  # again, after an interruption: the same result
        told = ripple("restore", folder, data=dev.data, ok=False)
        assert f"ripple_prj: {restored} restored, {1 - restored} already present, 1 present with other content" in told
    assert client.get("kept")["goal"] == "changed since" and client.get("lost")["version"] == 1
    ripple("restore", folder, "--keys", data=dev.data, ok=False)
    assert "is not valid" in ripple("key", "verify", data=dev.data, stdin=later, ok=False)


def test_an_invalid_backup_is_refused_before_any_write(dev, tmp_path):
    folder = tmp_path / "backup"
    dev.ripple().create(project("a"))
    ripple("backup", folder, data=dev.data)
    assert "cannot create the folder" in ripple("backup", folder, data=dev.data, ok=False)
    with (folder / "prj.jsonl").open("a") as more:
        more.write('{"Item":{"prj_id":{"S":"b"}}}\n')
    assert "was changed after the backup" in ripple("restore", folder, data=dev.data, ok=False)
    (folder / "backup.json").unlink()
    assert "is not a complete backup" in ripple("restore", folder, data=dev.data, ok=False)
    assert len(items(dev)["ripple_prj"]) == 1


def test_a_backup_goes_to_a_site_of_its_own(dev, tmp_path):
    dev.ripple().create(project("a"))
    ripple("backup", tmp_path / "backup", data=dev.data)
    ripple("--site", "restored", "table", "create", data=dev.data)
    assert "restored_prj: 1 restored" in ripple("--site", "restored", "restore", tmp_path / "backup", data=dev.data)


def test_the_recipe_restores_keys_as_they_are_and_not_as_they_were():
    """docs/OPERATING.md: an older table of keys would make a key valid again that was revoked since."""
    text = (ROOT / "docs/OPERATING.md").read_text()
    [recipe] = [block for block in text.split("```") if "restore-table-to-point-in-time" in block]
    loop, rest = recipe.split("done\n", 1)
    assert "for table in prj prj_version;" in loop and "--restore-date-time" in loop
    keys = next(line for line in rest.splitlines() if "ripple_key" in line)
    assert "--use-latest-restorable-time" in keys and "--restore-date-time" not in rest
    # `table create` adds the settings that a restored table lacks, and API Gateway calls the function with the new
    # site.
    assert "table create --site restored" in rest and "deploy/publish" in rest.split("sam deploy")[1]
