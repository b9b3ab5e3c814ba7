"""`ripple resource`: resource files are checked before a host reads them, and each fault is one line."""

import json
import os
import re
import subprocess

import pytest

from conftest import _setting
from dev import Dev, clean, ripple
from edge import ROOT

TASK = json.loads((ROOT / "resources/task.json").read_text())


def check(folder, *options, ok=True):
    return ripple("resource", "check", folder, *options, data=folder, ok=ok)


def test_the_projects_own_files_are_valid(tmp_path):
    assert "is valid: prj, task" in ripple("resource", "check", ROOT / "resources", data=tmp_path)
    listed = ripple("resource", "list", ROOT / "resources", data=tmp_path)
    assert "task" in listed and "{site}_task" in listed and "prj_id" in listed


def test_a_fault_names_file_pointer_and_rule(tmp_path):
    (tmp_path / "task.json").write_text(json.dumps(TASK | {"anyOf": []}))
    said = check(tmp_path, ok=False)
    assert f"{tmp_path}/task.json#/anyOf: is not in ripple's subset (docs/RESOURCES.md)" in said
    (tmp_path / "task.json").write_text('{"title": "Task",}')
    assert f"{tmp_path}/task.json:1:" in check(tmp_path, ok=False)


def test_what_is_valid_can_be_deployed(tmp_path):
    function = TASK | {"x-ripple": {"resource": "function", "key": "ref"}}
    (tmp_path / "function.json").write_text(json.dumps(function))
    sentence = 'x-ripple.logical_ids: the template has "FunctionThrottleAlarm" already'
    said = check(tmp_path, ok=False)
    assert f"{tmp_path} cannot be deployed" in said and sentence in said
    assert sentence in ripple("resource", "build", tmp_path, "--out", tmp_path / "out", data=tmp_path, ok=False)
    function["x-ripple"]["logical_ids"] = {"alarm": "Alarm"}
    (tmp_path / "function.json").write_text(json.dumps(function))
    assert "is valid: function" in check(tmp_path)
    ordered = TASK | {"x-ripple": TASK["x-ripple"] | {"order": "subject,\t"}}
    (tmp_path / "function.json").unlink()
    (tmp_path / "task.json").write_text(json.dumps(ordered))
    assert "task.json#/x-ripple/order: must be 1 to 8 names" in check(tmp_path, ok=False)


def test_other_entries_of_the_folder_are_ignored(tmp_path):
    (tmp_path / "task.json").write_text(json.dumps(TASK))
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "notes.txt").write_text("{")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/bad.json").write_text("{")
    assert "is valid: task" in check(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(tmp_path, make):
    make(tmp_path / "task.json")
    assert f"{tmp_path}/task.json: is not a file" in check(tmp_path, ok=False)


def test_a_folder_without_files_and_one_that_is_missing_are_faults(tmp_path):
    assert "there is no resource file" in check(tmp_path, ok=False)
    assert "No such file or directory" in ripple("resource", "check", tmp_path / "no", data=tmp_path, ok=False)


def test_a_large_file_is_refused_by_its_size(tmp_path):
    (tmp_path / "task.json").write_text(" " * 10_000_000)
    said = check(tmp_path, ok=False)
    assert "task.json: has" in said and "at most 65536 are read" in said


def test_warnings_are_faults_if_that_is_asked(tmp_path):
    (tmp_path / "task.json").write_text(json.dumps(TASK | {"properties": TASK["properties"] | {"q": {"type": "string"}}}))
    assert "/properties/q" in check(tmp_path)
    assert "has warnings" in check(tmp_path, "--strict", ok=False)


def test_dev_serves_the_files_of_a_folder(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    file = {"title": "Note", "x-ripple": {"resource": "note", "key": "no"}, "type": "object"}
    (folder / "note.json").write_text(json.dumps(file))
    with Dev(tmp_path / "data", "--in-memory", "--resources", folder) as dev:
        client = dev.ripple()
        assert client.call("POST", "/note", {"no": "a", "text": "x"}).status == 201
        assert client.call("GET", "/note/a").json()["text"] == "x"
        assert client.call("GET", "/prj").status == 403, "the folder has no such resource"
        paths = client.call("GET", "/openapi.json").json()["paths"]
        assert "/note/{noteid}" in paths and "/prj" not in paths


@pytest.mark.parametrize(
    "x_ripple, rule",
    [
        ({"key": "no", "fresh": -1}, "note.json#/x-ripple/fresh: "),
        ({"key": "no", "key_type": "binary"}, "note.json#/x-ripple/key_type: a binary key has no text form"),
    ],
)
def test_dev_does_not_start_with_a_file_that_it_cannot_serve(tmp_path, x_ripple, rule):
    (tmp_path / "note.json").write_text(
        json.dumps({"title": "Note", "x-ripple": {"resource": "note"} | x_ripple, "type": "object"})
    )
    said = ripple("dev", "--in-memory", "--port", "0", "--resources", tmp_path, data=tmp_path / "data", ok=False)
    assert rule in said and len(said.splitlines()) == 1, said
    assert not (tmp_path / "data/dev.json").exists()


# Schemas of any value, and with the keywords of several types.
UNTYPED = {
    "any": {},
    "nothing": {"const": None},
    "either": {"enum": ["a", 1]},
    "day": {"format": "date"},
    "list": {"type": "array", "minItems": 1},
    "pair": {"type": "array", "prefixItems": [{}, {"const": 1}], "items": False, "minItems": 2},
    "closed": {"type": "object", "properties": {"a": {}}, "additionalProperties": False, "default": {"a": 1}},
    "short": {"type": "string", "oneOf": [{"type": "string", "maxLength": 3}, {"type": "null"}]},
}
ANY = {
    "title": "Note",
    "x-ripple": {"resource": "note", "key": "no"},
    "type": "object",
    "properties": UNTYPED,
    "required": ["any", "list", "pair"],
}


def test_a_file_with_members_of_any_type_is_built_and_served(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "note.json").write_text(json.dumps(ANY))
    ripple("resource", "build", folder, "--out", tmp_path / "built", data=tmp_path)
    built = json.loads((tmp_path / "built/openapi.json").read_text())
    with Dev(tmp_path / "data", "--in-memory", "--resources", folder) as dev:
        served = dev.ripple().call("GET", "/openapi.json").json()
        example = served["paths"]["/note"]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert dev.ripple().call("POST", "/note", example).status == 201, example
    for document in (built, served):
        properties = document["components"]["schemas"]["NewNote"]["properties"]
        assert properties["any"] == {} and properties["nothing"] == {"enum": [None]}
        assert properties["list"] == UNTYPED["list"] | {"items": {}}
        assert properties["pair"] == UNTYPED["pair"] | {"prefixItems": [{}, {"enum": [1]}]}
        same = ("either", "day", "closed", "short")
        assert {name: properties[name] for name in same} == {name: UNTYPED[name] for name in same}


@pytest.fixture
def folders(tmp_path):
    """The folders `resources`, `good` and `faulty` in a working folder."""
    for name, file in (("resources", TASK), ("good", ANY), ("faulty", ANY | {"anyOf": []})):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{file['x-ripple']['resource']}.json").write_text(json.dumps(file))
    return tmp_path


def run(folder, *arguments, **settings):
    """Returns the exit code and the output."""
    command = [_setting("RIPPLE_BIN"), *arguments]
    done = subprocess.run(command, cwd=folder, env=clean() | settings, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_the_folder_is_that_of_the_argument_or_of_the_option_or_the_usual_one(folders):
    faulty = "faulty/note.json#/anyOf: is not in ripple's subset"

    def names(said):
        """Returns the resources that an output names. That of `template` has their tables."""
        return set(re.findall(r"\$\{Site\}_(note|task)\b", said) or re.findall(r"\b(note|task)\b", said))

    build = ("resource", "build", "--allow-breaking", "--out", "made")
    commands = [("resource", "check"), ("resource", "list"), build, ("template",)]
    for command in commands:
        for option, variable in ((("--resources", "good"), {}), ((), {"RIPPLE_RESOURCES": "good"})):
            code, said = run(folders, *option, *command, **variable)
            assert code == 0 and names(said) == {"note"}, said
            code, said = run(folders, *option, *command, "resources", **variable)
            assert code == 0 and names(said) == {"task"}, said
            code, said = run(folders, *option, *command, "faulty", **variable)
            assert code == 1 and faulty in said
        code, said = run(folders, "--resources", "faulty", *command, RIPPLE_RESOURCES="good")
        assert code == 1 and faulty in said
        code, said = run(folders, *command)
        assert code == 0 and names(said) == {"task"}, said
    assert os.listdir(folders / "made/function/resources") == ["task.json"]


def test_dev_names_every_fault_on_a_line_of_its_own(tmp_path):
    wrong = {f"p{n}": {"type": "text"} for n in range(6)}
    (tmp_path / "note.json").write_text(json.dumps(ANY | {"properties": wrong, "required": []}))
    said = ripple("dev", "--in-memory", "--port", "0", "--resources", tmp_path, data=tmp_path / "data", ok=False)
    rule = "must be null, boolean, integer, number, string, array or object"
    faults = [f"{tmp_path}/note.json#/properties/p{n}/type: {rule}" for n in range(6)]
    assert said.splitlines() == ["ripple: the resource files have faults:", *faults]
