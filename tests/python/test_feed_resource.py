"""What a resource's file says to the feed: the member in which other programs name their author, and the webhook. And
what another program did gets the same rows by the feed of `ripple dev` and by the function that Lambda invokes."""

import base64
import hashlib
import hmac
import json
import queue
import shutil
import ssl
import subprocess
import time

import boto3
import pytest
from botocore.config import Config

import second_writer
from conftest import _setting
from dev import Dev, clean
from edge import ROOT
from test_feed import adopted, eventually, fields, rows_of, table_of
from test_feed_delivery import LIMIT, SECRET, Receiver
from test_secrets import Function

CERTIFICATE = """[req]
distinguished_name = name
prompt = no
[name]
CN = 127.0.0.1
[own]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
"""


class Webhook(Receiver):
    """A webhook: its URL has https, with a certificate of its own."""

    def __init__(self, folder):
        self.certificate = folder / "certificate.pem"
        (folder / "openssl.cnf").write_text(CERTIFICATE)
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config", "openssl.cnf"]
        command += ["-extensions", "own", "-keyout", "key.pem", "-out", self.certificate.name]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, folder / "key.pem")
        super().__init__()

    def get_request(self):
        connection, address = super().get_request()
        return self.context.wrap_socket(connection, server_side=True), address

    @property
    def url(self):
        return f"https://127.0.0.1:{self.server_port}/hook"

    def settings(self):
        return {"RIPPLE_HOOK_SECRETS": SECRET, "SSL_CERT_FILE": str(self.certificate)}

    def states(self, until):
        """Returns the messages' ids, and the states that they tell, up to a state."""
        ids, states = [], []
        while until not in states:
            headers, body = self.messages.get(timeout=LIMIT)
            message = json.loads(body)
            assert message["type"] == "prj.changed" and abs(int(headers["webhook-timestamp"]) - time.time()) < 300
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            code = hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest()
            assert headers["webhook-signature"] == f"v1,{base64.b64encode(code).decode()}"
            ids.append(headers["webhook-id"])
            states += [(record["prj_id"], record["version"]) for record in message["data"]["changed"]]
            states += [(prj_id, "deleted") for prj_id in message["data"]["deleted"]]
        return ids, states


@pytest.fixture(scope="module")
def webhook(tmp_path_factory):
    with Webhook(tmp_path_factory.mktemp("webhook")) as webhook:
        yield webhook
        webhook.shutdown()


@pytest.fixture(scope="module")
def resources(tmp_path_factory, webhook):
    folder = tmp_path_factory.mktemp("resources")
    shutil.copy(ROOT / "resources/task.json", folder)
    file = json.loads((ROOT / "resources/prj.json").read_text())
    file["x-ripple"] |= {"writer": "edited_by", "webhook": webhook.url}
    (folder / "prj.json").write_text(json.dumps(file))
    return folder


@pytest.fixture(scope="module")
def dev(tmp_path_factory, resources, webhook):
    options = ("--in-memory", "--resources", str(resources))
    with Dev(tmp_path_factory.mktemp("dev"), *options, feed=True, **webhook.settings()) as dev:
        yield dev


def replay(dev, resources, *arguments, ok=True, **settings):
    command = [_setting("RIPPLE_BIN"), "--data", dev.data, "--resources", resources, "hook", "replay", *arguments]
    done = subprocess.run(list(map(str, command)), env=clean() | settings, capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) == ok, done
    return done.stdout if ok else done.stderr


def test_the_declared_member_names_the_author_of_another_programs_write(dev):
    table = table_of(dev)
    item = second_writer.event("authored")
    del item["method"]
    table.put_item(Item=item | {"edited_by": "Cy"})
    assert adopted(dev, "authored", 1)["updated_by"] == "Cy"
    change = {"UpdateExpression": "SET goal = :goal, edited_by = :by", "ExpressionAttributeValues": {":goal": "New", ":by": "Dee"}}
    table.update_item(Key={"prj_id": "authored"}, **change)
    adopted(dev, "authored", 2)
    # ripple's own save names the key, and leaves the other program's member.
    record = dev.ripple().patch("authored", {"goal": "Ours"})
    assert (record["edited_by"], record["updated_by"] == "Dee") == ("Dee", False)
    table.put_item(Item=item)
    adopted(dev, "authored", 4)
    rows = {row["version"]: (row["updated_by"], row.get("external", False)) for row in rows_of(dev, "authored")}
    assert rows == {1: ("Cy", True), 2: ("Dee", True), 3: (record["updated_by"], False), 4: ("external", True)}


def test_a_webhook_is_told_of_changes_and_told_again_from_the_history(dev, resources, webhook):
    client = dev.ripple()
    client.create({"prj_id": "told"} | fields())
    client.patch("told", {"goal": "two"})
    second_writer.handler(table_of(dev), second_writer.event("theirs"))
    adopted(dev, "theirs", 1)
    client.create({"prj_id": "gone"} | fields())
    client.delete("gone")
    ids, live = webhook.states(until=("gone", "deleted"))
    for state in (("told", 2), ("theirs", 1)):
        assert state in live or state in webhook.states(until=state)[1]

    told = replay(dev, resources, "prj", "--since", "1h", **webhook.settings())
    again, states = webhook.states(until=("gone", "deleted"))
    while not webhook.messages.empty():
        more = webhook.messages.get()
        states += [(record["prj_id"], record["version"]) for record in json.loads(more[1])["data"]["changed"]]
    assert f" states of projects were sent to {webhook.url}" in told
    assert not set(ids) & set(again), "each message is a new one"
    assert set(live) <= set(states), "all that was told before"
    of = [version for prj_id, version in states if prj_id == "told"]
    assert of == [1, 2], "every state, in its order"
    assert len(states) == int(told.split()[0]) == len(set(states))


def test_a_replay_finds_the_records_of_every_partition(tmp_path, resources, webhook):
    settings = webhook.settings()
    options = ("--in-memory", "--resources", str(resources))
    with Dev(tmp_path, *options, feed=True, RIPPLE_SHARDS="4", **settings) as dev:
        ids = [f"sharded{number}" for number in range(8)]
        for prj_id in ids:
            dev.ripple().create({"prj_id": prj_id} | fields())
        told = [state for state in webhook.states(until=(ids[-1], 1))[1] if state[0] in ids]
        assert {prj_id for prj_id, _ in told} == set(ids)
        # The command is not told how many partitions the site has.
        assert replay(dev, resources, "prj", "--since", "1h", **settings).startswith("8 states of projects")
        again = set()
        while again != set(ids):
            message = json.loads(webhook.messages.get(timeout=LIMIT)[1])
            again |= {record["prj_id"] for record in message["data"]["changed"]}


def test_a_replay_that_cannot_be_made_says_so(dev, resources, webhook):
    dev.ripple().create({"prj_id": "refused"} | fields())
    webhook.states(until=("refused", 1))
    settings = webhook.settings()
    assert replay(dev, resources, "prj", "--since", "2999-01-01T00:00:00Z", **settings).startswith("0 states")
    with pytest.raises(queue.Empty):
        webhook.messages.get_nowait()
    webhook.status = 500
    try:
        said = replay(dev, resources, "prj", "--since", "1h", ok=False, **settings)
        assert "the webhook does not accept a message: status 500; 0 states were sent before" in said
    finally:
        webhook.status = 200
    assert "RIPPLE_HOOK_SECRETS is not set" in replay(dev, resources, "prj", "--since", "1h", ok=False)
    assert "declares no webhook" in replay(dev, resources, "task", "--since", "1h", ok=False, **settings)
    assert "there is no resource other" in replay(dev, resources, "other", "--since", "1h", ok=False, **settings)
    assert "nor how long ago" in replay(dev, resources, "prj", "--since", "yesterday", ok=False, **settings)
    # The certificate is not one that the system trusts.
    assert "0 states were sent before" in replay(dev, resources, "prj", "--since", "1h", ok=False, RIPPLE_HOOK_SECRETS=SECRET)


def record_stream(dev):
    """Lets another program write, and returns the records of the stream as Lambda gets them."""
    client = dev.client()
    both = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    client.update_table(TableName=second_writer.TABLE, StreamSpecification=both)
    dev.ripple().create({"prj_id": "p"} | fields())
    table = table_of(dev)
    for goal in ("first", "second"):
        second_writer.handler(table, second_writer.event("p", goal=goal))
        table.update_item(
            Key={"prj_id": "p"},
            UpdateExpression="SET tags = :tags, sound = :raw",
            ExpressionAttributeValues={":tags": {goal, "x"}, ":raw": b"\0\xff"},
        )
    dev.ripple().patch("p", {"issue": "saved over it"})
    second_writer.handler(table, second_writer.event("q"))
    table.delete_item(Key={"prj_id": "q"})
    second_writer.handler(table, second_writer.event("r", goal="third"))
    # The engine's only shard has a shorter id than AWS's.
    place = {"endpoint_url": dev.dynamodb, "region_name": "us-east-1", "config": Config(parameter_validation=False)}
    streams = boto3.client("dynamodbstreams", aws_access_key_id="second", aws_secret_access_key="writer", **place)
    arn = client.describe_table(TableName=second_writer.TABLE)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert len(records) == 9
    return [event(record) | {"eventSourceARN": arn} for record in records]


def event(value):
    """Returns a value of boto3 as Lambda's event has it."""
    if isinstance(value, dict):
        return {name: event(part) for name, part in value.items()}
    if isinstance(value, list):
        return [event(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.timestamp() if hasattr(value, "timestamp") else value


def history(dev):
    """Returns the states of all rows without their times."""
    client, found = dev.ripple(), {}
    for prj_id in "pqr":
        for row in rows_of(dev, prj_id):
            state = client.call("GET", f"/prj/{prj_id}/versions/{row['version']}").json()
            found[prj_id, row["version"]] = [
                {name: part for name, part in one.items() if name != "updated_at"} for one in (row, state)
            ]
    return found


def test_the_same_stream_gets_the_same_rows_by_ripple_dev_and_by_lambda(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    with Dev(one) as dev:
        events = record_stream(dev)
        dev.interrupt()
    shutil.copytree(one, other)
    with Dev(one) as dev:
        function = Function(tmp_path, dev.dynamodb)
        try:
            # Lambda may deliver a batch again.
            for _ in range(2):
                assert json.loads(function.api.invoke({"Records": events})) == {"batchItemFailures": []}
        finally:
            function.close()
        by_lambda = history(dev)
    assert len(by_lambda) >= 9 and any(row["updated_by"] == "external" for row, _ in by_lambda.values())
    with Dev(other, feed=True) as dev:
        eventually(lambda: history(dev), lambda by_dev: by_dev == by_lambda)
