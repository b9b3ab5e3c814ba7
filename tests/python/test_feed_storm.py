"""The legacy function and clients of ripple save the same records while `ripple dev` is killed and started again. Each
acknowledged value is in a record or in its history, and a value of a client is there once."""

import collections
import json
import os
import threading
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import second_writer
from dev import Dev
from test_feed import eventually, fields
from test_storm import Client

RECORDS = [f"r{number:02}" for number in range(20)]
#: The saves of all writers. The nightly run has 4,000.
SAVES = int(os.environ.get("RIPPLE_FEED_SAVES", "400"))
KILLS = 3


class Writer(threading.Thread):
    """Saves its share of values. Each value is unique, and goes to one record."""

    def __init__(self, name, count):
        super().__init__(daemon=True)
        self.name, self.count, self.saved, self.failure = name, count, collections.defaultdict(list), None

    def run(self):
        try:
            for number in range(self.count):
                prj_id, goal = RECORDS[(number * 7 + len(self.name)) % len(RECORDS)], f"{self.name} {number}"
                self.save(prj_id, goal)
                self.saved[prj_id].append(goal)
        except BaseException as failure:  # reported by the main thread
            self.failure = failure


class RippleWriter(Writer):
    """A naive client: it reads a record, and sends the whole of it with one new value."""

    def __init__(self, dev, name, count):
        super().__init__(name, count)
        self.client = Client(dev)

    def save(self, prj_id, goal):
        status, _, body = self.client.persist("GET", f"/prj/{prj_id}")
        assert status == 200, (status, body)
        record = json.loads(body) | {"goal": goal}
        key = str(uuid.uuid4())
        status, _, body = self.client.persist("PUT", f"/prj/{prj_id}", record, idempotency_key=key)
        assert status == 200, (status, body)


class LegacyWriter(Writer):
    """The legacy function: each save puts a whole item."""

    def __init__(self, dev, name, count):
        super().__init__(name, count)
        quick = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
        resource = boto3.resource(
            "dynamodb",
            endpoint_url=dev.dynamodb,
            region_name="us-east-1",
            aws_access_key_id="second",
            aws_secret_access_key="writer",
            config=quick,
        )
        self.table = resource.Table(second_writer.TABLE)

    def save(self, prj_id, goal):
        deadline = time.monotonic() + 120
        while True:
            try:
                return second_writer.handler(self.table, second_writer.event(prj_id, goal=goal))
            except (BotoCoreError, ClientError):
                assert time.monotonic() < deadline, "DynamoDB does not answer"
                time.sleep(0.02)


def test_each_acknowledged_value_is_in_a_record_or_its_history(tmp_path):
    dev = Dev(tmp_path / "data", feed=True, log=tmp_path / "log")
    try:
        for prj_id in RECORDS:
            dev.ripple().create({"prj_id": prj_id} | fields())
        writers = [RippleWriter(dev, f"client{n}", SAVES // 4) for n in range(2)]
        writers += [LegacyWriter(dev, f"legacy{n}", SAVES // 4) for n in range(2)]
        for writer in writers:
            writer.start()
        for kill in range(1, KILLS + 1):
            share = kill * SAVES // (KILLS + 1)
            while done(writers) < share and any(writer.is_alive() for writer in writers):
                time.sleep(0.02)
            dev.kill()
            dev = dev.again()
        for writer in writers:
            writer.join()
            if writer.failure:
                raise writer.failure
        assert done(writers) == SAVES // 4 * 4

        expected = {prj_id: [goal for writer in writers for goal in writer.saved[prj_id]] for prj_id in RECORDS}
        for prj_id in RECORDS:
            goals = eventually(lambda: states(dev, prj_id), lambda goals: set(expected[prj_id]) <= set(goals))
            of_clients = [goal for goal in goals if goal.startswith("client")]
            assert len(of_clients) == len(set(of_clients)), "a value is there twice"
            eventually(lambda: dev.ripple().get(prj_id)["version"], lambda version: version > 0)
    finally:
        dev.kill()


def done(writers):
    return sum(len(goals) for writer in writers for goals in list(writer.saved.values()))


def states(dev, prj_id):
    """Returns the value of each version in the history."""
    client = dev.ripple()
    return [client.state(prj_id, version).get("goal") for version in client.versions(prj_id)]
