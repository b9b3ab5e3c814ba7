"""`ripple table backfill`: the records that a legacy function left get a version, while it goes on writing."""

import os
import subprocess
import threading
import time

import boto3
import pytest

import second_writer
from conftest import _setting, dynamodb
from dev import Dev, clean, ripple
from test_feed import fields

# At night the table is larger.
RECORDS = int(os.environ.get("RIPPLE_BACKFILL_RECORDS", "600"))
LIMIT = 300


@pytest.fixture
def dev(tmp_path):
    # Without the feed, as in a table that was filled before.
    with Dev(tmp_path / "data") as dev:
        table = dynamodb(boto3.resource, dev.dynamodb).Table(second_writer.TABLE)
        with table.batch_writer() as batch:
            for number in range(RECORDS):
                event = second_writer.event(f"prj{number:05}", goal=f"goal {number}")
                batch.put_item(Item={field: event[field] for field in second_writer.FIELDS})
        yield dev


def sealed(dev):
    """Returns the number of items that have a seal."""
    pages = dev.client().get_paginator("scan").paginate(
        TableName=second_writer.TABLE, Select="COUNT", FilterExpression="attribute_exists(rpl_seal)"
    )
    return sum(page["Count"] for page in pages)


class LegacyFunction(threading.Thread):
    """Overwrites records until it is stopped, and notes what each has last."""

    def __init__(self, dev):
        super().__init__(daemon=True)
        self.table = dynamodb(boto3.resource, dev.dynamodb).Table(second_writer.TABLE)
        self.stopped, self.goals, self.failure = threading.Event(), {}, None

    def run(self):
        number = 0
        try:
            while not self.stopped.is_set():
                prj_id = f"prj{number % RECORDS:05}"
                goal = f"written beside it {number}"
                second_writer.handler(self.table, second_writer.event(prj_id, goal=goal))
                self.goals[prj_id] = goal
                number += 7
        except BaseException as failure:  # reported by the main thread
            self.failure = failure

    def stop(self):
        self.stopped.set()
        self.join()
        if self.failure:
            raise self.failure


def test_a_dry_run_counts_and_changes_nothing(dev):
    said = ripple("table", "backfill", "--dry-run", data=dev.data, both=True)
    assert f"{RECORDS} of {RECORDS} projects in ripple_prj have no version yet" in said
    assert f"at most {RECORDS * 5} write units" in said
    assert sealed(dev) == 0


def test_an_interrupted_backfill_continues_beside_a_writer_and_loses_nothing(dev):
    legacy = LegacyFunction(dev)
    legacy.start()
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), "table", "backfill"]
    process = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + LIMIT
    while sealed(dev) < RECORDS // 10:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    before = sealed(dev)
    assert 0 < before < RECORDS

    ripple("table", "backfill", data=dev.data)
    legacy.stop()
    said = ripple("table", "backfill", data=dev.data)
    assert " 0 failed" in said
    assert "have no version yet" in ripple("table", "backfill", "--dry-run", data=dev.data, both=True)
    assert f"0 of {RECORDS} projects" in ripple("table", "backfill", "--dry-run", data=dev.data, both=True)

    records = {record["prj_id"]: record for record in dev.ripple().list("limit=1000")}
    assert len(records) == RECORDS
    # A version below zero is that of a state without a matching seal.
    assert all(record["version"] > 0 and record["updated_by"] == "external" for record in records.values())
    goals = {f"prj{number:05}": f"goal {number}" for number in range(RECORDS)} | legacy.goals
    assert {prj_id: record["goal"] for prj_id, record in records.items()} == goals


def test_adopted_records_are_in_the_history_and_in_the_changes(dev):
    ripple("table", "backfill", data=dev.data)
    client = dev.ripple()
    assert client.versions("prj00007") == [1]
    assert client.state("prj00007", 1)["goal"] == "goal 7"
    index = dev.client().get_paginator("query").paginate(
        TableName=second_writer.TABLE,
        IndexName="by_update",
        KeyConditionExpression="rpl_shard = :shard",
        ExpressionAttributeValues={":shard": {"S": "0"}},
    )
    assert sum(page["Count"] for page in index) == RECORDS


def test_records_come_back_from_partitions_that_are_no_longer_read(tmp_path):
    with Dev(tmp_path / "data", feed=True, RIPPLE_SHARDS="4") as dev:
        client = dev.ripple()
        for number in range(20):
            client.create({"prj_id": f"p{number:02}"} | fields())
        client.delete("p00")
        assert dev.interrupt() == 0
    with Dev(tmp_path / "data", feed=True) as dev:
        table = dynamodb(boto3.resource, dev.dynamodb).Table(second_writer.TABLE)

        def items():
            return {item["prj_id"]: item for item in table.scan()["Items"]}

        before, client = items(), dev.ripple()
        assert {item["rpl_shard"] for item in before.values()} == {"0", "1", "2", "3"}
        outside = sum(item["rpl_shard"] != "0" for item in before.values())
        assert len(client.list("limit=100")) < 19, "pages by id read the first partition only"

        told = ripple("table", "backfill", "--dry-run", data=dev.data, both=True)
        assert f"{outside} entries of the index by_update are in partitions that are no longer read" in told
        assert items() == before
        assert "none is moved" in ripple("table", "backfill", data=dev.data, both=True)
        assert items() == before, "a site with four partitions may have been meant"
        assert f"{outside} moved" in ripple("table", "backfill", "--shards", "1", data=dev.data)
        assert items() == {prj_id: item | {"rpl_shard": "0"} for prj_id, item in before.items()}
        for query in ("limit=100", "limit=100&sort=-updated_at"):
            assert [record["prj_id"] for record in sorted(client.list(query), key=lambda record: record["prj_id"])] == [
                f"p{number:02}" for number in range(1, 20)
            ]
        assert client.patch("p01", {"goal": "saved as before"})["version"] == 2
        assert client.versions("p01") == [2, 1]
        assert "no longer read" not in ripple("table", "backfill", data=dev.data, both=True)
