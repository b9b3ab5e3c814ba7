"""Sixteen writers at one backend that is killed again and again: no edit that was answered is lost."""

import http.client
import json
import random
import threading
import time

from dev import Dev

WRITERS = 16
SAVES = 500
RECORDS = 8
KILLS = 10
#: Entries that a writer leaves in a record's timeline; the oldest one goes first.
KEPT = 3


class Client:
    """One connection that is kept, and made anew for as long as it takes."""

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
        """The same request until it is answered: with a 503 the server says itself that it may be sent again."""
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
    """Saves whole records over and over, each made on what was answered last, with or without an Idempotency-Key."""

    def __init__(self, number, dev, storm):
        super().__init__(name=f"writer {number}")
        self.number, self.client, self.storm = number, Client(dev), storm
        #: What is on the screen, by record.
        self.views = {}
        #: The marks of the entries that are to be there in the end, by record, the oldest first.
        self.kept = {f"r{n}": [] for n in range(RECORDS)}
        #: The goals set, by record, and the answers: (record, version, body).
        self.goals, self.answers, self.failure = [], [], None

    def run(self):
        try:
            for save in range(SAVES):
                self.save(save)
                self.storm.count()
        except BaseException as failure:  # told by the main thread
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
        if len(kept) > KEPT:
            gone = kept.pop(0)
            record["timeline"] = [entry for entry in record["timeline"] if entry["mark"] != gone]
        key = f"storm-{mark}" if self.number % 2 else None
        status, headers, body = self.client.persist("PUT", f"/prj/{record_id}", record, idempotency_key=key)
        assert status == 200, (status, body)
        saved = self.saw(record_id, body)
        assert any(entry["mark"] == mark for entry in saved["timeline"]), headers["ripple-receipt"]
        self.goals.append((record_id, mark))

    def saw(self, record_id, body):
        self.views[record_id] = json.loads(body)
        self.answers.append((record_id, self.views[record_id]["version"], body))
        return self.views[record_id]


class Storm:
    """Counts saves, and tells when it is time for the next kill."""

    def __init__(self):
        self.done, self.changed = 0, threading.Condition()

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
    """Every row, newest first."""
    rows, path = [], f"/prj/{record_id}/versions"
    while path:
        status, headers, body = client.persist("GET", path)
        assert status == 200, (status, body)
        rows += json.loads(body)
        link = headers.get("link")
        path = f"/prj/{record_id}/" + link[link.index("<") + 1 : link.index(">")] if link else None
    return rows


def test_nothing_is_lost_in_a_storm(tmp_path):
    dev = Dev(tmp_path)
    try:
        client = Client(dev)
        for number in range(RECORDS):
            assert client.persist("POST", "/prj", project(f"r{number}"))[0] == 201
        storm = Storm()
        writers = [Writer(number, dev, storm) for number in range(WRITERS)]
        begun = time.monotonic()
        for writer in writers:
            writer.start()
        for kill in range(1, KILLS + 1):
            storm.wait_for(WRITERS * SAVES * kill // (KILLS + 1), writers)
            dev.kill()
            dev = dev.again()
        for writer in writers:
            writer.join()
        print(f"{storm.done} saves in {time.monotonic() - begun:.1f} s")
        for writer in writers:
            if writer.failure:
                raise writer.failure

        begun = time.monotonic()
        judges = [Judge(Client(dev), f"r{number}", writers) for number in range(RECORDS)]
        for one in judges:
            one.start()
        for one in judges:
            one.join()
        print(f"judged in {time.monotonic() - begun:.1f} s")
        for one in judges:
            if one.failure:
                raise one.failure
    finally:
        dev.kill()


class Judge(threading.Thread):
    """Looks at one record and its history."""

    def __init__(self, client, record_id, writers):
        super().__init__()
        self.client, self.record_id, self.writers, self.failure = client, record_id, writers, None

    def run(self):
        try:
            self.judge()
        except BaseException as failure:  # told by the main thread
            self.failure = failure

    def judge(self):
        status, _, body = self.client.persist("GET", f"/prj/{self.record_id}")
        assert status == 200
        final = json.loads(body)
        rows = history(self.client, self.record_id)
        assert [row["version"] for row in rows] == list(range(final["version"], 0, -1)), "versions without a gap"

        marks = [entry["mark"] for entry in final["timeline"]]
        kept = [mark for writer in self.writers for mark in writer.kept[self.record_id]]
        assert sorted(marks) == sorted(kept), "every addition once, no removal undone"
        ids = [entry["id"] for entry in final["timeline"]]
        assert len(set(ids)) == len(ids)

        replaced = {
            change["replaced"] for row in rows for change in row["changes"] if change["field"] == "/goal" and "replaced" in change
        }
        for writer in self.writers:
            for record_id, goal in writer.goals:
                assert record_id != self.record_id or goal == final["goal"] or goal in replaced, goal

        # Whoever saw a version saw what the history has of it.
        seen = {}
        for writer in self.writers:
            for record_id, version, body in writer.answers:
                if record_id == self.record_id:
                    assert seen.setdefault(version, body) == body, "two readers of one version saw the same"
        for version, body in seen.items():
            assert self.client.persist("GET", f"/prj/{self.record_id}/versions/{version}")[::2] == (200, body)
