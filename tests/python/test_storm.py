"""Writers at a backend that is killed repeatedly, while other programs write to its table. No answered write is lost,
and no write is applied twice."""

import http.client
import json
import os
import random
import threading
import time

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from dev import Dev

#: Writers, saves of each, kills, and other programs. At night the writers save more often.
ALONE = (16, int(os.environ.get("STORM_SAVES", "150")), 10, 0)
BESIDE_PROGRAMS = (6, 120, 5, 2)
RECORDS = 8
#: Records that a program puts whole, over the writes of others.
PUT_WHOLE = ("w0", "w1")
#: Entries that a writer leaves in a record's timeline. The oldest one is removed first.
KEPT = 3


class Client:
    """A persistent connection that is reopened for as long as necessary."""

    def __init__(self, dev):
        self.host, self.key, self.connection = dev.url.removeprefix("http://"), dev.key, None

    def send(self, method, path, body=None, idempotency_key=None):
        headers = {"x-api-key": self.key}
        if idempotency_key:
            headers["idempotency-key"] = idempotency_key
        if body is not None:
            headers["content-type"] = "application/json"
            body = json.dumps(body)
        self.connection = self.connection or http.client.HTTPConnection(self.host, timeout=30)
        try:
            self.connection.request(method, path, body, headers)
            response = self.connection.getresponse()
            return response.status, response.headers, response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise

    def persist(self, *request, **options):
        """Repeats the request until it is answered. With a 503, the server itself allows the repetition."""
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = self.send(*request, **options)
                if answer[0] != 503:
                    return answer
            except (OSError, http.client.HTTPException):
                pass
            assert time.monotonic() < deadline, "it is not answered"
            time.sleep(0.01 + 0.04 * random.random())


class Writer(threading.Thread):
    """Saves repeatedly, each time on the last response, with or without an Idempotency-Key. It sends whole records, or
    only its edits where other programs write the rest."""

    def __init__(self, number, dev, storm, saves, whole):
        super().__init__(name=f"writer {number}")
        self.number, self.client, self.storm, self.saves, self.whole = number, Client(dev), storm, saves, whole
        #: The record on the screen, by record.
        self.views = {}
        #: The marks of the entries that must be there in the end, by record, oldest first.
        self.kept = {f"r{n}": [] for n in range(RECORDS)}
        #: The goals set, by record, and the responses: (record, version, body).
        self.goals, self.answers, self.failure = [], [], None
        #: The records with a missing base.
        self.missing = set()

    def run(self):
        try:
            for save in range(self.saves):
                self.save(save)
                self.storm.count()
        except BaseException as failure:  # reported by the main thread
            self.failure = failure

    def save(self, number):
        record_id = f"r{random.randrange(RECORDS)}"
        if record_id not in self.views or random.random() < 0.1:
            status, _, body = self.client.persist("GET", f"/prj/{record_id}")
            assert status == 200, (status, body)
            self.saw(record_id, body)
        record = json.loads(json.dumps(self.views[record_id]))
        mark = f"{self.number}-{number}"
        record["goal"] = mark
        record["timeline"].append({"mark": mark})
        kept = self.kept[record_id]
        kept.append(mark)
        gone = kept.pop(0) if len(kept) > KEPT else None
        record["timeline"] = [entry for entry in record["timeline"] if entry["mark"] != gone]
        if not self.whole:
            record = {name: record[name] for name in ("version", "goal", "timeline")}
        key = f"storm-{mark}" if self.number % 2 else None
        status, headers, body = self.client.persist("PUT", f"/prj/{record_id}", record, idempotency_key=key)
        assert status == 200, (status, body)
        saved = self.saw(record_id, body)
        if ";missing" in headers["ripple-receipt"]:
            # A program overwrote the base before ripple saw it. Then nothing is removed, and the response tells the
            # author.
            self.missing.add(record_id)
            if gone and any(entry["mark"] == gone for entry in saved["timeline"]):
                kept.insert(0, gone)
        assert any(entry["mark"] == mark for entry in saved["timeline"]), headers["ripple-receipt"]
        self.goals.append((record_id, mark))

    def saw(self, record_id, body):
        self.views[record_id] = json.loads(body)
        self.answers.append((record_id, self.views[record_id]["version"], body))
        return self.views[record_id]


class Program(threading.Thread):
    """Writes to the table directly until the storm is over. A request without a response is repeated."""

    def __init__(self, number, dev, storm):
        super().__init__(name=f"program {number}")
        self.number, self.client, self.storm, self.failure = number, dev.client(), storm, None
        #: The last written value, and the added marks, by record.
        self.last, self.marks = {}, {f"r{n}": set() for n in range(RECORDS)}

    def run(self):
        try:
            number = 0
            while not self.storm.over.is_set():
                self.write(number)
                number += 1
                time.sleep(0.02 * random.random())
        except BaseException as failure:  # reported by the main thread
            self.failure = failure

    def write(self, number):
        """Sets its own attribute and adds to its own set. A repetition has no further effect."""
        record_id = f"r{random.randrange(RECORDS)}"
        self.persist(
            self.client.update_item,
            Key={"prj_id": {"S": record_id}},
            UpdateExpression="SET #last = :last ADD #marks :mark",
            ConditionExpression="attribute_exists(prj_id)",
            ExpressionAttributeNames={"#last": f"last{self.number}", "#marks": f"marks{self.number}"},
            ExpressionAttributeValues={":last": {"N": str(number)}, ":mark": {"SS": [f"m{number}"]}},
        )
        self.last[record_id] = number
        self.marks[record_id].add(f"m{number}")

    def persist(self, operation, **request):
        deadline = time.monotonic() + 60
        while True:
            try:
                return operation(TableName="ripple_prj", **request)
            except ClientError as error:
                assert error.response["Error"]["Code"] != "ConditionalCheckFailedException", "the record is gone"
            except BotoCoreError:
                pass
            assert time.monotonic() < deadline, "it is not answered"
            time.sleep(0.01 + 0.04 * random.random())

    def judge(self, record_id, final):
        if record_id in self.last:
            assert final[f"last{self.number}"] == self.last[record_id]
            assert set(final[f"marks{self.number}"]) == self.marks[record_id]


class WholePuts(Program):
    """Reads items and puts them back whole with one attribute changed, over all writes in between."""

    def write(self, number):
        key = {"prj_id": {"S": random.choice(PUT_WHOLE)}}
        item = self.persist(self.client.get_item, Key=key, ConsistentRead=True)["Item"]
        item = {name: TypeDeserializer().deserialize(value) for name, value in item.items()} | {"issue": f"put {number}"}
        item = {name: TypeSerializer().serialize(value) for name, value in item.items()}
        self.persist(self.client.put_item, Item=item)


class Saver(threading.Thread):
    """Saves its own field in the records that a program puts whole."""

    def __init__(self, number, dev, storm):
        super().__init__(name=f"saver {number}")
        self.number, self.client, self.storm, self.failure = number, Client(dev), storm, None
        #: Bodies, by record and version.
        self.answers = {}

    def run(self):
        try:
            number = 0
            while not self.storm.over.is_set():
                record_id, mark = random.choice(PUT_WHOLE), f"{self.number}-{number}"
                request = "PATCH", f"/prj/{record_id}", {f"field{self.number}": mark}
                status, headers, body = self.client.persist(*request, idempotency_key=f"saver-{mark}")
                assert status == 200, (status, body)
                version = json.loads(body)["version"]
                assert json.loads(body)[f"field{self.number}"] == mark, headers["ripple-receipt"]
                assert self.answers.setdefault((record_id, version), body) == body, "one number, two contents"
                number += 1
        except BaseException as failure:  # reported by the main thread
            self.failure = failure


class Storm:
    """Counts saves, and says when the next kill is due, and when the storm is over."""

    def __init__(self):
        self.done, self.changed, self.over = 0, threading.Condition(), threading.Event()

    def count(self):
        with self.changed:
            self.done += 1
            self.changed.notify_all()

    def wait_for(self, done, writers):
        with self.changed:
            while self.done < done and any(writer.is_alive() for writer in writers):
                self.changed.wait(0.5)


def project(prj_id):
    members = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return {"prj_id": prj_id, "term": 1, "timeline": []} | members


def history(client, record_id):
    """Returns every row, newest first."""
    rows, path = [], f"/prj/{record_id}/versions"
    while path:
        status, headers, body = client.persist("GET", path)
        assert status == 200, (status, body)
        rows += json.loads(body)
        link = headers.get("link")
        path = f"/prj/{record_id}/" + link[link.index("<") + 1 : link.index(">")] if link else None
    return rows


def ended(threads):
    """Waits for all threads, and raises the first error."""
    for thread in threads:
        thread.join()
    for thread in threads:
        if thread.failure:
            raise thread.failure


@pytest.mark.parametrize("count, saves, kills, beside", [ALONE, BESIDE_PROGRAMS], ids=["alone", "beside programs"])
def test_nothing_is_lost_in_a_storm(tmp_path, count, saves, kills, beside):
    dev = Dev(tmp_path)
    try:
        client = Client(dev)
        for record_id in [f"r{number}" for number in range(RECORDS)] + list(PUT_WHOLE):
            assert client.persist("POST", "/prj", project(record_id))[0] == 201
        storm = Storm()
        writers = [Writer(number, dev, storm, saves, whole=not beside) for number in range(count)]
        programs = [Program(number, dev, storm) for number in range(beside)]
        savers = [Saver(number, dev, storm) for number in range(2 if beside else 0)]
        others = programs + savers + [WholePuts(beside, dev, storm) for _ in range(1 if beside else 0)]
        begun = time.monotonic()
        for thread in writers + others:
            thread.start()
        for kill in range(1, kills + 1):
            storm.wait_for(count * saves * kill // (kills + 1), writers)
            dev.kill()
            dev = dev.again()
        for writer in writers:
            writer.join()
        storm.over.set()
        ended(writers + others)
        print(f"{storm.done} saves in {time.monotonic() - begun:.1f} s")

        begun = time.monotonic()
        judges = [Judge(Client(dev), f"r{number}", writers, programs) for number in range(RECORDS)]
        for one in judges:
            one.start()
        ended(judges)
        judge_savers(Client(dev), savers)
        print(f"judged in {time.monotonic() - begun:.1f} s")
    finally:
        storm.over.set()
        dev.kill()


def adopted(client, record_id):
    """Returns the record under a number of ripple, even if a program wrote it last, and the rows of its history."""
    status, _, body = client.persist("PUT", f"/prj/{record_id}", {})
    assert status == 200, (status, body)
    final, rows = json.loads(body), history(client, record_id)
    assert [row["version"] for row in rows] == list(range(final["version"], 0, -1)), "versions without a gap"
    return final, rows


def judge_savers(client, savers):
    """Asserts that the history has each save as answered, and that no number was used twice."""
    answers = {}
    for saver in savers:
        for place, body in saver.answers.items():
            assert answers.setdefault(place, body) == body, "one number, two contents"
    for record_id in PUT_WHOLE if savers else ():
        adopted(client, record_id)
    for (record_id, version), body in answers.items():
        assert client.persist("GET", f"/prj/{record_id}/versions/{version}")[::2] == (200, body)


class Judge(threading.Thread):
    """Judges one record and its history."""

    def __init__(self, client, record_id, writers, programs):
        super().__init__()
        self.client, self.record_id, self.writers, self.programs, self.failure = client, record_id, writers, programs, None

    def run(self):
        try:
            self.judge()
        except BaseException as failure:  # reported by the main thread
            self.failure = failure

    def judge(self):
        final, rows = adopted(self.client, self.record_id)
        for program in self.programs:
            program.judge(self.record_id, final)

        marks = [entry["mark"] for entry in final["timeline"]]
        kept = [mark for writer in self.writers for mark in writer.kept[self.record_id]]
        assert len(set(marks)) == len(marks) and set(kept) <= set(marks), "every addition once"
        if not any(self.record_id in writer.missing for writer in self.writers):
            assert sorted(marks) == sorted(kept), "no removal undone"
        ids = [entry["id"] for entry in final["timeline"]]
        assert len(set(ids)) == len(ids)

        replaced = {
            change["replaced"]
            for row in rows
            for change in row.get("changes", [])
            if change["field"] == "/goal" and "replaced" in change
        }
        for writer in self.writers:
            for record_id, goal in writer.goals:
                assert record_id != self.record_id or goal == final["goal"] or goal in replaced, goal

        # A client that was shown a version saw the state that the history has of it.
        seen = {}
        for writer in self.writers:
            for record_id, version, body in writer.answers:
                # A state of a program without a number is shown with a number below zero.
                if record_id == self.record_id and version > 0:
                    assert seen.setdefault(version, body) == body, "two readers of one version saw the same"
        for version, body in seen.items():
            assert self.client.persist("GET", f"/prj/{self.record_id}/versions/{version}")[::2] == (200, body)
