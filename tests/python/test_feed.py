"""The feed of `ripple dev`: what other programs write to the embedded DynamoDB becomes part of the history."""

import re
import time
import urllib.parse
from decimal import Decimal

import boto3
import pytest

import second_writer
from conftest import dynamodb
from dev import Dev
from dev import ripple as cli

# A busy machine may need long. The tests go on as soon as they see what they wait for.
LIMIT = 120


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("feed"), "--in-memory", feed=True) as dev:
        yield dev


@pytest.fixture(scope="module")
def table(dev):
    return table_of(dev)


def table_of(dev):
    return dynamodb(boto3.resource, dev.dynamodb).Table(second_writer.TABLE)


def eventually(ask, holds):
    """Asks until the answer is the expected one, and returns it."""
    deadline = time.monotonic() + LIMIT
    while not holds(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.02)
    return answer


def adopted(dev, prj_id, version):
    return eventually(lambda: dev.ripple().call("GET", f"/prj/{prj_id}"), lambda answer: is_version(answer, version)).json()


def is_version(answer, version):
    return answer.status == 200 and answer.json()["version"] == version


def test_an_item_of_the_legacy_function_gets_a_version_an_author_and_a_place_in_the_index(dev, table):
    ripple = dev.ripple()
    cursor = ripple.call("GET", "/prj/_changes").json()["cursor"]
    second_writer.handler(table, second_writer.event("new"))
    record = adopted(dev, "new", 1)
    assert record["updated_by"] == "external" and record["updated_at"] > 0
    path = f"/prj/_changes?since={urllib.parse.quote(cursor)}"
    told = eventually(lambda: ripple.call("GET", path).json()["changed"], lambda changed: len(changed) > 0)
    assert [(one["prj_id"], one["version"]) for one in told] == [("new", 1)]


def test_an_overwrite_is_undone_by_one_restore_that_keeps_later_edits(dev, table):
    ripple = dev.ripple()
    second_writer.handler(table, second_writer.event("over"))
    record = adopted(dev, "over", 1)
    ripple.put("over", record | {"goal": "Ten people's edits", "notes": "kept"})
    second_writer.handler(table, second_writer.event("over", issue="Rust"))
    record = adopted(dev, "over", 3)
    assert (record["issue"], record.get("notes")) == ("Rust", None)
    row = rows_of(dev, "over")[0]
    assert (row["version"], row["external"], row["updated_by"]) == (3, True, "external")
    assert {"field": "/notes", "replaced": "kept", "removed": True} in row["changes"]

    ripple.put("over", record | {"later": "saved since"})
    restored = ripple.call("POST", "/prj/over/versions/2", {"version": 3})
    assert restored.status == 200
    record = restored.json()
    assert (record["goal"], record["notes"], record["later"]) == ("Ten people's edits", "kept", "saved since")


def test_every_state_that_was_there_for_a_moment_has_a_row(dev, table):
    goals = [f"goal {number}" for number in range(20)]
    for goal in goals:
        second_writer.handler(table, second_writer.event("quick", goal=goal))
    rows = eventually(lambda: rows_of(dev, "quick"), lambda rows: {row["version"] for row in rows} >= set(range(1, 21)))
    states = [dev.ripple().state("quick", row["version"])["goal"] for row in rows]
    assert sorted(states) == sorted(goals)


def test_a_page_costs_what_it_shows_once_every_record_is_adopted(tmp_path):
    """The feed is off at first, so that what another program wrote is in no index."""

    def page(dev, query):
        answer = dev.ripple().call("GET", f"/prj?limit=3{query}")
        units = re.match(r"read=([\d.]+)", answer.headers["ripple-capacity"])
        return [record["prj_id"] for record in answer.json()], answer.headers["etag"], float(units[1])

    # Half a unit for each record of the page and for the next one, and for the index; and at most one lookup of the key.
    shown = 0.5 * 4 + 0.5 + 0.5
    with Dev(tmp_path) as dev:
        for number in range(200):
            second_writer.handler(table_of(dev), second_writer.event(f"p{number:03}"))
        whole = page(dev, "")
        dev.interrupt()
    with Dev(tmp_path, feed=True) as dev:
        # Not all records have an entry, so the whole table is read.
        assert page(dev, "") == whole
        cli("table", "backfill", data=tmp_path)
        dev.interrupt()
    with Dev(tmp_path, feed=True) as dev:
        ids, _, units = page(dev, "")
        assert ids == ["p000", "p001", "p002"] and units <= shown < whole[2]
        second_writer.handler(table_of(dev), second_writer.event("p0005"))
        eventually(lambda: page(dev, ""), lambda shown: shown[0] == ["p000", "p0005", "p001"])
        adopted(dev, "p0005", 1)
        ids, _, units = page(dev, "&sort=-updated_at")
        assert ids[0] == "p0005" and units <= shown
        for prj_id in ("p007", "p005", "p006", "p009"):
            dev.ripple().patch(prj_id, {"goal": "edited"})
        ids, _, units = page(dev, "&sort=-updated_at")
        assert ids == ["p009", "p006", "p005"] and units <= shown


def rows_of(dev, prj_id):
    answer = dev.ripple().call("GET", f"/prj/{prj_id}/versions")
    return answer.json() if answer.status == 200 else []


def test_a_deletion_becomes_a_tombstone_and_can_be_restored(dev, table):
    second_writer.handler(table, second_writer.event("gone"))
    adopted(dev, "gone", 1)
    table.delete_item(Key={"prj_id": "gone"})
    eventually(lambda: dev.ripple().call("GET", "/prj/gone").status, lambda status: status == 410)
    assert dev.ripple().versions("gone") == [2, 1]
    assert dev.ripple().call("POST", "/prj/gone/versions/1").json()["name"] == "Lighthouse"


def test_a_record_that_cannot_be_adopted_does_not_block_the_others(dev, table):
    # The item has no room for the attributes that ripple adds.
    table.put_item(Item={"prj_id": "huge", "name": "x" * (400 * 1024 - 30)})
    second_writer.handler(table, second_writer.event("after"))
    adopted(dev, "after", 1)
    assert dev.ripple().call("GET", "/prj/huge").json()["version"] < 0


def test_ripples_own_writes_are_not_adopted(dev):
    ripple = dev.ripple()
    ripple.create({"prj_id": "own"} | fields())
    for number in range(5):
        ripple.patch("own", {"goal": f"goal {number}"})
    # The feed is past these writes when it has adopted a later one.
    second_writer.handler(table_of(dev), second_writer.event("later"))
    adopted(dev, "later", 1)
    assert ripple.versions("own") == [6, 5, 4, 3, 2, 1]


def fields():
    event = second_writer.event("any", term=8)
    return {name: event[name] for name in second_writer.FIELDS if name != "prj_id"}


def test_a_restart_continues_where_the_feed_was(tmp_path):
    with Dev(tmp_path, feed=True) as dev:
        second_writer.handler(table_of(dev), second_writer.event("first", term=Decimal(1)))
        adopted(dev, "first", 1)
        second_writer.handler(table_of(dev), second_writer.event("second"))
        dev.interrupt()
        with dev.again() as again:
            adopted(again, "second", 1)
            assert again.ripple().versions("first") == [1]


def test_without_the_feed_the_table_has_no_stream(tmp_path):
    with Dev(tmp_path, "--in-memory", "--no-feed", feed=True) as dev:
        assert "LatestStreamArn" not in dev.client().describe_table(TableName=second_writer.TABLE)["Table"]
