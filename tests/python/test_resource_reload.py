"""`ripple dev` follows its folder of resource files: a change is served without a restart, and a faulty file changes
nothing."""

import json
import os
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
def started(folder, *options, names="note", **settings):
    with Dev(folder.parent / "data", "--in-memory", "--resources", folder, *options, **settings) as dev:
        log = Log(dev.process.stdout)
        assert f"The resources are {names}, from {folder}" in log.wait("The resources are")
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


# Changes of the file, and writers at the same time.
RELOADS, WRITERS = int(os.environ.get("RIPPLE_RELOADS", "12")), 32
# What the process may grow by in all reloads. A set of the files below takes about 7 MB, so the eight
# good ones would exceed it if they stayed.
GROWTH = 40 * 1024 * 1024
SIDES = ("even", "odd")
HEAVY = ("a", "b", "c")


def large(number, resource="note"):
    """Returns a file of almost 64 KiB with 180 patterns of its own. The members `a` and `b` have the same one value."""
    side = {"type": "string", "enum": [SIDES[number % 2]]}
    texts = {
        f"p{place}": {"maxLength": 64, "pattern": f"[a-z{number}]{{100}}{resource}{place}", "description": "x" * 250}
        for place in range(180)
    }
    file = {"title": f"Note {resource}", "x-ripple": {"resource": resource, "key": "no"}, "type": "object"}
    return file | {"description": f"File {number}", "properties": {"a": side} | texts | {"b": side}}


def resident(process):
    """Returns the bytes of memory that a process has."""
    with open(f"/proc/{process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def replace(folder, file):
    """Replaces the file at once, so that no host reads a part of it."""
    write(folder.parent, "note", file)
    os.replace(folder.parent / "note.json", folder / "note.json")


def test_many_changes_under_load_fail_no_request_and_keep_no_memory(folder):
    """Every third file is faulty."""
    assert 56 * 1024 < len(json.dumps(large(1))) < 64 * 1024
    replace(folder, large(0))
    for resource in HEAVY:
        write(folder, resource, large(0, resource))
    with started(folder, names="a, b, c, note") as (dev, log, client):
        for writer in range(WRITERS):
            assert client.call("POST", "/note", {"no": f"w{writer}", "n": -1}).status == 201
        done, failures, answered = threading.Event(), [], [0] * WRITERS

        def save(writer):
            own = dev.ripple()
            while not done.is_set():
                saved = own.call("PATCH", f"/note/w{writer}", {"n": answered[writer]})
                # One of the two is always wrong. In a set of two files, both or none would be.
                refused = own.call("PATCH", f"/note/w{writer}", {"a": "even", "b": "odd"})
                if saved.status != 200 or refused.status != 400 or len(refused.json()["errors"]) != 1:
                    failures.append((saved, refused))
                answered[writer] += 1
                # The writers leave some time to the reloads.
                done.wait(1)

        def change(number):
            if number % 3 == 2:
                replace(folder, large(number) | {"anyOf": []})
                log.wait("the last good resources stay")
            else:
                replace(folder, large(number))
                log.wait("the resources are now a, b, c, note")
                # Patterns are compiled when they are tried for the first time.
                for resource in ("note", *HEAVY):
                    body = {"no": "x"} | {f"p{place}": "x" for place in range(100)}
                    assert client.call("POST", f"/{resource}", body).status == 400

        writers = [threading.Thread(target=save, args=(writer,)) for writer in range(WRITERS)]
        for writer in writers:
            writer.start()
        try:
            for number in range(1, 4):
                change(number)
            before = resident(dev.process)
            for number in range(4, 4 + RELOADS):
                change(number)
                document = client.call("GET", "/openapi.json").json()["components"]["schemas"]["NoteNote"]["properties"]
                assert document["a"] == document["b"]
            after = resident(dev.process)
        finally:
            done.set()
            for writer in writers:
                writer.join()
        assert not failures, failures[:3]
        assert min(answered) > 0
        assert after - before < GROWTH, (before, after)
