"""`ripple dev` follows its folder of resource files: a change is served without a restart, and a faulty file changes
nothing."""

import json
import re
import threading
import time
from contextlib import contextmanager

import pytest

from dev import Dev
from edge import ROOT

LIMIT = 60
NOTE = {"title": "Note", "x-ripple": {"resource": "note", "key": "no"}, "type": "object"}
SHORT = NOTE | {"properties": {"text": {"type": "string", "maxLength": 3}}}


class Log:
    """The output of a process, in which a test waits for lines."""

    def __init__(self, stream):
        self.lines, self.new = [], threading.Condition()
        self.seen = 0
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream):
        for line in stream:
            with self.new:
                self.lines.append(line.decode())
                self.new.notify_all()

    def wait(self, pattern):
        """Returns the first later line with the pattern."""

        def found():
            while self.seen < len(self.lines):
                line = self.lines[self.seen]
                self.seen += 1
                if re.search(pattern, line):
                    return line
            return None

        with self.new:
            line = self.new.wait_for(found, LIMIT)
            assert line, (pattern, self.lines)
            return line


def write(folder, resource, file):
    text = file if isinstance(file, str) else json.dumps(file)
    (folder / f"{resource}.json").write_text(text)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder, "note", NOTE)
    return folder


@contextmanager
def started(folder, *options, **settings):
    with Dev(folder.parent / "data", "--in-memory", "--resources", folder, *options, **settings) as dev:
        log = Log(dev.process.stdout)
        assert f"The resources are note, from {folder}" in log.wait("The resources are")
        yield dev, log, dev.ripple()


def test_an_edited_file_is_served_without_a_restart(folder):
    with started(folder) as (_, log, client):
        assert client.call("POST", "/note", {"no": "a", "text": "long text"}).status == 201
        write(folder, "note", SHORT)
        log.wait("the resources are now note")
        refused = client.call("PATCH", "/note/a", {"text": "other text"})
        assert refused.status == 400 and refused.json()["errors"][0]["pointer"] == "/text"
        assert "maxLength" in client.call("GET", "/openapi.json").body.decode()
        assert client.call("GET", "/note/a").json()["text"] == "long text", "stored records stay"


STALE = NOTE | {"x-ripple": NOTE["x-ripple"] | {"fresh": -1}}
FAULTY = [
    (SHORT | {"anyOf": []}, "note.json#/anyOf: is not in ripple's subset (docs/RESOURCES.md)"),
    ('{"title": "Note",}', "note.json:1:18: "),
    (STALE, "note.json#/x-ripple/fresh: must be a whole number"),
]


@pytest.mark.parametrize("faulty, sentence", FAULTY)
def test_a_faulty_file_is_one_sentence_and_the_last_good_rules_stay(folder, faulty, sentence):
    write(folder, "note", SHORT)
    with started(folder) as (_, log, client):
        write(folder, "note", faulty)
        said = log.wait("the last good resources stay")
        assert sentence in said and said.startswith(f"ripple: {folder}/"), said
        assert client.call("POST", "/note", {"no": "a", "text": "long text"}).status == 400
        assert client.call("POST", "/note", {"no": "a", "text": "abc"}).status == 201
        write(folder, "note", NOTE)
        log.wait("the resources are now note")
        assert client.call("PATCH", "/note/a", {"text": "long text"}).status == 200


@pytest.mark.parametrize(
    "changed, sentence",
    [
        ({"key": "ref"}, "the resource note: the table ripple_note has the key no (S), and not that of the resource"),
        ({"key_type": "number"}, "the resource note: the table ripple_note has the key no (S)"),
        ({"table": "ripple_key"}, "the table ripple_key is that of the API keys and of the resource note"),
    ],
)
def test_a_file_that_does_not_fit_the_tables_is_not_served(folder, changed, sentence):
    with started(folder) as (_, log, client):
        write(folder, "note", NOTE | {"x-ripple": NOTE["x-ripple"] | changed})
        assert sentence in log.wait("the last good resources stay")
        assert client.call("POST", "/note", {"no": "a"}).status == 201


ANY = [{}, {"const": None}, {"enum": ["a", 1]}, {"type": "array", "minItems": 1}, {"items": {}}]


def test_members_of_any_type_are_served_and_so_are_later_files(folder):
    with started(folder) as (_, log, client):
        for place, schema in enumerate(ANY):
            write(folder, "note", NOTE | {"properties": {f"p{place}": schema}})
            log.wait("the resources are now note")
            assert f'"p{place}"' in client.call("GET", "/openapi.json").body.decode()
        write(folder, "note", SHORT)
        log.wait("the resources are now note")
        assert client.call("POST", "/note", {"no": "a", "text": "long text"}).status == 400


def test_files_are_followed_after_the_output_is_closed(folder):
    with Dev(folder.parent / "data", "--in-memory", "--resources", folder) as dev:
        dev.process.stdout.close()
        client = dev.ripple()
        for file, status in ((SHORT, 400), ("{", 400), (NOTE, 201)):
            write(folder, "note", file)
            deadline = time.monotonic() + LIMIT
            while client.call("POST", "/note", {"text": "long text"}).status != status:
                assert time.monotonic() < deadline, file
                time.sleep(0.1)


def test_a_file_without_a_resource_and_a_missing_folder_change_nothing(folder):
    with started(folder) as (_, log, client):
        (folder / "note.json").rename(folder / "note.txt")
        assert "there is no resource file" in log.wait("the last good resources stay")
        folder.rename(folder.parent / "elsewhere")
        assert "No such file or directory" in log.wait("the last good resources stay")
        assert client.call("GET", "/note").status == 200


def test_a_new_resource_gets_its_tables_and_a_removed_one_keeps_them(folder):
    with started(folder) as (dev, log, client):
        assert client.call("GET", "/task").status == 403
        write(folder, "task", (ROOT / "resources/task.json").read_text())
        log.wait("the resources are now note, task")
        assert {"ripple_task", "ripple_task_version"} <= set(dev.client().list_tables()["TableNames"])
        assert client.call("POST", "/task", {"ref": "a", "subject": "s", "state": "todo"}).status == 201
        (folder / "task.json").unlink()
        log.wait("the resources are now note,? ?from")
        assert client.call("GET", "/task/a").status == 403
        write(folder, "task", (ROOT / "resources/task.json").read_text())
        log.wait("the resources are now note, task")
        assert client.call("GET", "/task/a").json()["subject"] == "s"


def test_the_feed_follows_a_new_resource(folder):
    with started(folder, feed=True) as (dev, log, client):
        write(folder, "task", (ROOT / "resources/task.json").read_text())
        log.wait("the resources are now note, task")
        dev.client().put_item(TableName="ripple_task", Item={"ref": {"S": "a"}, "subject": {"S": "by another program"}})
        deadline = time.monotonic() + LIMIT
        while client.call("GET", "/task/a").json()["version"] < 1:
            assert time.monotonic() < deadline, "the item is not adopted"
            time.sleep(0.02)


def test_many_changes_under_load_fail_no_request(folder):
    """Every third file is faulty."""
    with started(folder) as (_, log, client):
        assert client.call("POST", "/note", {"no": "a", "n": 0}).status == 201
        done, failures = threading.Event(), []

        def save():
            own = client
            while not done.is_set():
                answer = own.call("PATCH", "/note/a", {"n": 1})
                if answer.status != 200:
                    failures.append((answer.status, answer.body))

        writers = [threading.Thread(target=save) for _ in range(4)]
        for writer in writers:
            writer.start()
        for number in range(12):
            if number % 3 == 2:
                write(folder, "note", NOTE | {"description": f"{number}", "anyOf": []})
                log.wait("the last good resources stay")
            else:
                write(folder, "note", NOTE | {"description": f"{number}"})
                log.wait("the resources are now note")
        done.set()
        for writer in writers:
            writer.join()
        assert not failures, failures[:3]
