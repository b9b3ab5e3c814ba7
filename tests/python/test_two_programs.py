"""Two real programs, each in its own process, write to ripple's table while clients save through ripple. The history
has every answered save, and the record has what the programs wrote."""

import collections
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dev import Dev
from test_other_programs import project

PROGRAMS = Path(__file__).parent / "programs.py"
SECONDS = 12
#: Records shared by ripple and the counting program, and records shared by ripple and the other program.
COUNTED, WHOLE = [f"c{n}" for n in range(3)], [f"w{n}" for n in range(3)]


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "data") as dev:
        yield dev


class Client(threading.Thread):
    """Saves whole records. Each save adds an entry to the record as last read."""

    def __init__(self, dev, name, until):
        super().__init__(name=name)
        self.ripple, self.until, self.failure = dev.ripple(), until, None
        #: Responses, by record and version, and the saved marks, by record.
        self.answers, self.marks = {}, collections.defaultdict(list)

    def run(self):
        try:
            number = 0
            while time.monotonic() < self.until:
                for prj_id in COUNTED + WHOLE:
                    self.save(prj_id, f"{self.name} {number}")
                    number += 1
        except BaseException as failure:  # reported by the main thread
            self.failure = failure

    def save(self, prj_id, mark):
        record = self.ripple.get(prj_id)
        record["timeline"] = record.get("timeline", []) + [{"mark": mark}]
        answer = self.ripple.call("PUT", f"/prj/{prj_id}", record)
        assert answer.status in (200, 503), answer
        if answer.status == 503:
            assert answer.json()["code"] == "unavailable", "it was contended, and nothing was changed"
            return
        saved = answer.json()
        assert saved["version"] > 0
        assert mark in [entry["mark"] for entry in saved["timeline"]], answer.headers["ripple-receipt"]
        self.answers[prj_id, saved["version"]] = answer.body
        self.marks[prj_id].append(mark)


def test_two_programs_and_ripples_clients_lose_nothing(dev):
    ripple = dev.ripple()
    for prj_id in COUNTED + WHOLE:
        ripple.create(project(prj_id) | {"term": 8})
    programs = {
        name: subprocess.Popen(
            [sys.executable, str(PROGRAMS), name, dev.dynamodb, str(SECONDS), *ids], stdout=subprocess.PIPE, text=True
        )
        for name, ids in (("whole", WHOLE), ("counts", COUNTED))
    }
    clients = [Client(dev, f"client{number}", time.monotonic() + SECONDS) for number in range(3)]
    for client in clients:
        client.start()
    told = {name: [json.loads(line) for line in program.communicate()[0].splitlines()] for name, program in programs.items()}
    for client in clients:
        client.join()
        if client.failure:
            raise client.failure
    assert all(program.returncode == 0 for program in programs.values())
    assert all(len(done) > 20 for done in told.values()), "both programs were at work"

    judge(dev, ripple, clients, told)


def judge(dev, ripple, clients, told):
    answered = {}
    for client in clients:
        for place, body in client.answers.items():
            assert answered.setdefault(place, body) == body, f"{place}: one number, two contents"
    for (prj_id, version), body in answered.items():
        assert ripple.call("GET", f"/prj/{prj_id}/versions/{version}").body == body, (prj_id, version)
    for prj_id in COUNTED + WHOLE:
        final = ripple.patch(prj_id, {})  # adopted, if a program wrote it last
        assert ripple.versions(prj_id) == list(range(final["version"], 0, -1)), "versions without a gap"

    # The counting program wrote only its own attributes: all of them are there, and so are all answered saves.
    for prj_id in COUNTED:
        item = dev.client().get_item(TableName="ripple_prj", Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)["Item"]
        counted = [done for done in told["counts"] if done["id"] == prj_id]
        assert int(item["version"]["N"]) == len(counted)
        assert sorted(item["marks"]["SS"]) == sorted(done["mark"] for done in counted)
        record = ripple.get(prj_id)
        marks = [entry["mark"] for entry in record["timeline"]]
        assert sorted(marks) == sorted(mark for client in clients for mark in client.marks[prj_id])

    # The other one overwrote whole items with what it had read. Its last state is there, or was merged.
    for prj_id in WHOLE:
        issues = [done["issue"] for done in told["whole"] if done["id"] == prj_id]
        assert ripple.get(prj_id)["issue"] in issues
