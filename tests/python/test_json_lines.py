"""`--json`: the results of commands as JSON lines, for programs."""

import json

import pytest

from dev import Dev, ripple


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("data"), "--in-memory", log="/dev/null") as dev:
        yield dev


def lines(*arguments, **options):
    return list(map(json.loads, ripple(*arguments, "--json", **options).splitlines()))


def test_a_key_through_its_life(dev):
    [made] = lines("key", "create", "--name", "pump", "--scope", "prj:read", data=dev.data)
    assert (made["name"], made["scopes"], made["revoked"]) == ("pump", ["prj:read"], None)
    reader = dev.ripple()
    reader.key = made["key"]
    assert reader.call("GET", "/prj").status == 200

    shown = {name: value for name, value in made.items() if name not in ("key", "last_used")}

    def alike(line):
        return {name: line[name] for name in shown} == shown and "key" not in line

    [verified] = lines("key", "verify", data=dev.data, stdin=made["key"])
    assert alike(verified)
    assert any(map(alike, lines("key", "list", data=dev.data)))
    [turned] = lines("key", "rotate", made["key_id"], data=dev.data)
    assert turned["name"] == "pump" and turned["key"] != made["key"] and turned["key_id"] != made["key_id"]
    [revoked] = lines("key", "revoke", turned["key_id"], data=dev.data)
    assert revoked["key_id"] == turned["key_id"] and revoked["revoked"] >= turned["created"]
    printed = ripple("key", "verify", "--json", data=dev.data, stdin=turned["key"], ok=False)
    assert json.loads(printed.splitlines()[0]) == revoked | {"last_used": None}, "a key that is not valid is shown too"


def test_tables(dev):
    tables = {line["table"]: line for line in lines("table", "describe", data=dev.data)}
    assert {"ripple_prj", "ripple_prj_version", "ripple_key"} <= tables.keys()
    assert {(line["state"], line["lacks"]) for line in tables.values()} == {("ready", None)}
    printed = ripple("table", "describe", "--json", "--site", "absent", data=dev.data, ok=False)
    states = [json.loads(line)["state"] for line in printed.splitlines() if line.startswith("{")]
    assert states and set(states) == {"missing"}
    assert [line["table"] for line in lines("table", "create", data=dev.data)] == list(tables)


def test_findings_of_doctor(dev):
    findings = lines("doctor", data=dev.data)
    assert {finding["check"] for finding in findings} >= {"table", "key", "api"}
    assert all(finding["ok"] and finding["detail"] for finding in findings), findings
    printed = ripple("doctor", "--json", "--url", "http://127.0.0.1:9", data=dev.data, ok=False)
    wrong = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    assert [finding["check"] for finding in wrong if not finding["ok"]] == ["api"]


def test_resources(tmp_path):
    def file(name, text):
        (tmp_path / name).write_text(text if isinstance(text, str) else json.dumps(text))

    file("note.json", {"title": "Note", "x-ripple": {"resource": "note", "key": "ref"}, "type": "object", "$comment": "which?"})
    [note] = lines("resource", "list", tmp_path, data=tmp_path / "none")
    assert note == {
        "resource": "note", "key": "ref", "sort_key": None, "access": "read-write", "table": "{site}_note", "title": "Note",
    }  # fmt: skip
    warning, valid = lines("resource", "check", tmp_path, data=tmp_path / "none")
    assert (warning["kind"], warning["pointer"], valid) == ("warning", "/x-ripple", {"valid": ["note"]})
    printed = ripple("resource", "check", tmp_path, "--strict", "--json", data=tmp_path / "none", ok=False)
    _, comment = (json.loads(line) for line in printed.splitlines() if line.startswith("{"))
    assert (comment["kind"], comment["pointer"]) == ("comment", "/$comment") and comment["file"].endswith("note.json")
    file("bad.json", {"title": "Bad", "x-ripple": {"resource": "bad", "key": "ref"}, "type": "list"})
    file("cut.json", '{"title":\n "Cut"')
    printed = ripple("resource", "check", tmp_path, "--json", data=tmp_path / "none", ok=False)
    faults = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    bad, *_ = [fault for fault in faults if fault.get("pointer") == "/type"]
    assert bad["kind"] == "fault" and bad["file"].endswith("bad.json") and bad["rule"]
    [cut] = [fault for fault in faults if fault["file"].endswith("cut.json")]
    assert (cut["line"], "pointer" in cut) == (2, False)


def test_an_import_and_an_export(dev, tmp_path):
    fields = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")} | {"term": 1}
    records = [fields | {"prj_id": "json-1"}, fields | {"prj_id": "json-1", "goal": "other"}, fields | {"prj_id": "json-2", "term": "x"}]
    (tmp_path / "file").write_text("".join(json.dumps(record) + "\n" for record in records))
    printed = ripple("import", tmp_path / "file", "--json", data=dev.data, ok=False)
    earlier, refused, counts = (json.loads(line) for line in printed.splitlines() if line.startswith("{"))
    assert (earlier["place"], refused["place"]) == ("line 2", "line 3") and "/term" in refused["detail"], printed
    assert counts == {
        "dry_run": False, "created": 1, "saved": 0, "unchanged": 0, "already_imported": 0, "already_present": 1,
        "present_with_other_content": 1, "deletions_skipped": 0, "replaced": 0, "refused": 1,
    }  # fmt: skip
    printed = ripple("import", tmp_path / "file", "--dry-run", "--json", data=dev.data, ok=False)
    *would, counts = (json.loads(line) for line in printed.splitlines() if line.startswith("{"))
    assert [line["place"] for line in would] == ["line 1", "line 2", "line 3"] and counts["dry_run"] is True
    [exported] = lines("export", tmp_path / "out", data=dev.data)
    assert exported == {"exported": 1, "resource": "prj", "file": str(tmp_path / "out")}
    # Standard output has the records.
    both = ripple("export", "--json", data=dev.data, both=True).splitlines()
    assert sorted(json.loads(line).get("exported", 0) for line in both) == [0, 1]


def test_a_backup_and_its_restoration(dev, tmp_path):
    made = lines("backup", tmp_path / "copy", data=dev.data)
    manifest = json.loads((tmp_path / "copy/backup.json").read_text())
    assert {line["table"] for line in made} >= {"ripple_prj", "ripple_prj_version", "ripple_key"}
    assert [{name: line[name] for name in ("file", "items", "sha256")} for line in made] == manifest["files"]
    items = {line["table"]: line["items"] for line in made if line["table"] != "ripple_key"}
    restored = lines("restore", tmp_path / "copy", data=dev.data)
    assert restored == [{"table": table, "restored": 0, "present": n, "differing": 0} for table, n in items.items()]
