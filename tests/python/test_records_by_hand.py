"""`ripple get`, `list`, `put`, `patch`, `history`, `revert` and `watch`: the API on the command line."""

import json
import os
import subprocess

import pytest

from conftest import _setting
from dev import Dev, clean, ripple


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("hand"), "--in-memory") as dev:
        yield dev


def project(**members):
    fields = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return fields | {"term": 1} | members


def run(*arguments, dev, stdin=None, **settings):
    """Returns the exit code, standard output and standard error."""
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), *arguments]
    done = subprocess.run(command, env=clean() | settings, capture_output=True, text=True, timeout=120, input=stdin)
    return done.returncode, done.stdout, done.stderr


def test_a_record_is_created_read_changed_and_brought_back(dev):
    record = project(goal="Beans", big=12345678901234567890)
    assert ripple("put", "hand", "--new", data=dev.data, stdin=json.dumps(record)) == "created: it is at version 1\n"
    shown = ripple("get", "hand", data=dev.data)
    assert '  "big": 12345678901234567890,\n' in shown and json.loads(shown)["goal"] == "Beans"
    assert ripple("patch", "hand", "goal=Peas", "n=[1]", "--base", "1", data=dev.data).startswith(
        "saved: it is at version 2\nchanged: /goal, /n"
    )
    told = ripple("patch", "hand", "goal=Leeks", "issue=Slugs", "--base", "1", data=dev.data)
    assert told.splitlines()[1:] == [
        "replaced what another client had saved: /goal (version 2 has it)",
        "changed: /issue",
        "kept as others left it: /n",
    ]
    history = ripple("history", "hand", data=dev.data).splitlines()
    assert [line.split()[0] for line in history] == ["3", "2", "1"]
    assert history[0].endswith("changed /goal, /issue") and history[2].endswith("created")
    assert ripple("revert", "hand", "2", data=dev.data).startswith("restored: it is at version 4")
    assert json.loads(ripple("get", "hand", "--json", data=dev.data))["goal"] == "Peas"
    assert json.loads(ripple("get", "hand", "--at", "3", data=dev.data))["goal"] == "Leeks"
    told = ripple("put", "hand", data=dev.data, stdin=ripple("get", "hand", data=dev.data))
    assert told == "nothing to change: it is at version 4\n"
    assert json.loads(ripple("patch", "hand", "n=null", "--json", data=dev.data))["version"] == 5


def test_a_list_has_one_record_a_line_over_all_pages(dev):
    for n in range(5):
        dev.ripple().create(project(prj_id=f"line-{n}", name="line", n=n))
    lines = ripple("list", "name=line", "--sort", "-n", "--fields", "n", data=dev.data).splitlines()
    assert [json.loads(line)["n"] for line in lines] == [4, 3, 2, 1, 0]
    assert len(ripple("list", "name=line", "--limit", "3", data=dev.data).splitlines()) == 3


def test_a_list_is_a_sheet_that_merges_when_it_is_imported(dev, tmp_path):
    for n in range(3):
        dev.ripple().create(project(prj_id=f"row-{n}", name="row", goal="Beans, or\npeas", more=n))
    query = ("list", "name=row", "--sort", "-more", "--format", "csv")
    chosen = ripple(*query, "--fields", "goal", "--limit", "2", data=dev.data)
    quoted = '"Beans, or\npeas"'
    assert chosen == f"\ufeffprj_id,version,goal\nrow-2,1,{quoted}\nrow-1,1,{quoted}\n"
    sheet = ripple(*query, data=dev.data)
    assert sheet.startswith("\ufeffprj_id,version,name,goal,") and ",more,updated_at," in sheet
    ripple("patch", "row-1", "issue=Slugs", data=dev.data)
    (tmp_path / "sheet.csv").write_text(sheet.replace("Beans", "Leeks"))
    ripple("import", tmp_path / "sheet.csv", data=dev.data)
    merged = json.loads(ripple("get", "row-1", data=dev.data))
    assert (merged["goal"], merged["issue"]) == ("Leeks, or\npeas", "Slugs")


def test_a_save_without_a_base_claims_no_other_client(dev):
    ripple("put", "solo", "--new", data=dev.data, stdin=json.dumps(project(goal="good")))
    told = ripple("patch", "solo", "goal=better", data=dev.data).splitlines()
    assert told[1:] == ["replaced the value that was there: /goal (version 1 has it)"]


def test_the_number_of_matches_is_printed_beside_the_list(dev):
    for n in range(3):
        dev.ripple().create(project(prj_id=f"counted-{n}", name="counted"))
    code, listed, told = run("list", "name=counted", "count=true", "--limit", "2", dev=dev)
    assert (code, len(listed.splitlines()), told) == (0, 2, "3 records match\n")


def test_a_list_refuses_a_form_among_its_conditions(dev):
    code, listed, told = run("list", "format=csv", dev=dev)
    assert (code, listed) == (2, "")
    assert "`list` prints JSON" in told and "`ripple export --format csv FILE`" in told and "--format csv" in told


def test_a_dev_that_has_ended_is_named(tmp_path):
    with Dev(tmp_path) as ended:
        ended.kill()
        for arguments in (["get", "a"], ["list"], ["watch"], ["key", "list"], ["export", "-"]):
            code, _, told = run(*arguments, dev=ended)
            assert code == 1 and told.startswith(f"ripple: the `ripple dev` of {tmp_path} has ended: start it again, or "), told


def test_exit_codes_say_what_happened(dev):
    code, _, told = run("get", "absent", dev=dev)
    assert (code, told) == (3, "ripple: 404 not_found: there is no project absent\n")
    code, _, told = run("put", "absent", dev=dev, stdin=json.dumps({"goal": 7}))
    assert code == 3 and "/goal" in told
    code, _, told = run("get", "x", dev=dev, RIPPLE_URL="http://127.0.0.1:9", RIPPLE_KEY="k")
    assert code == 4 and "does not respond" in told
    assert run("patch", "x", "no pair", dev=dev)[0] == 2
    code, _, told = run("get", "x", dev=dev, RIPPLE_URL="http://127.0.0.1:9")
    assert code == 1 and "RIPPLE_KEY" in told, "the key of a `ripple dev` is sent to no other host"


def test_changes_are_told_as_they_happen(dev):
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), "watch"]
    process = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "watching prj" in process.stderr.readline()
        dev.ripple().create(project(prj_id="watched"))
        assert "watched is at version 1, by" in process.stdout.readline()
        dev.ripple().call("DELETE", "/prj/watched")
        assert process.stdout.readline() == "watched was deleted\n"
    finally:
        process.kill()
        process.communicate()


def test_completions_and_manual_pages_are_made(dev, tmp_path):
    assert "_ripple()" in ripple("completions", "bash", data=dev.data)
    ripple("man", tmp_path, data=dev.data)
    assert {"ripple.1", "ripple-import.1"} <= set(os.listdir(tmp_path))
    absent = tmp_path / "absent"
    code, _, told = run("man", str(absent), dev=dev)
    assert code == 1 and told.startswith(f"ripple: cannot write the manual pages into {absent}: "), told
