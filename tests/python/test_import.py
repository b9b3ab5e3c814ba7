"""`ripple import` with files as people have them. Each is imported, or refused once with a way out. No record is
imported twice."""

import csv
import gzip
import io
import json
import re
import shutil
import subprocess
import urllib.request

import pytest

from conftest import _setting
from dev import Dev, clean, ripple
from edge import ROOT
from test_other_programs import delete_rows

# A resource whose key has another name. A note may refer to a project, and have members that are called as in a scan.
NOTE = {"title": "Note", "x-ripple": {"resource": "note", "key": "no"}, "type": "object"}


@pytest.fixture(scope="module")
def resources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resources")
    shutil.copy(ROOT / "resources/prj.json", folder)
    (folder / "note.json").write_text(json.dumps(NOTE))
    return folder


@pytest.fixture(scope="module")
def dev(tmp_path_factory, resources):
    with Dev(tmp_path_factory.mktemp("import"), "--in-memory", "--resources", resources) as dev:
        yield dev


def project(**members):
    fields = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return fields | {"term": 1} | members


def lines(*records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


KINDS = {
    "mark": lambda text: text.encode("utf-8-sig"),
    "utf16": lambda text: text.encode("utf-16"),
    "utf16-without-mark": lambda text: text.encode("utf-16-le"),
    "gz": lambda text: gzip.compress(text.encode()),
    "gz-of-utf16": lambda text: gzip.compress(text.encode("utf-16")),
    "windows-lines": lambda text: text.replace("\n", "\r\n").encode(),
    "array": lambda text: json.dumps([json.loads(line) for line in text.splitlines()], indent=2).encode(),
    "objects-over-lines": lambda text: "\n".join(json.dumps(json.loads(line), indent=1) for line in text.splitlines()).encode(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_comes_in(dev, tmp_path, kind):
    file = tmp_path / "file"
    sent = [project(prj_id=f"{kind}-{n}", name="Müller, 서울") for n in range(3)]
    file.write_bytes(KINDS[kind](lines(*sent)))
    assert "3 created, 0 already present" in ripple("import", file, data=dev.data)
    assert "0 created, 3 already present" in ripple("import", file, data=dev.data)
    assert dev.ripple().get(f"{kind}-0")["name"] == "Müller, 서울"


def test_the_output_of_a_scan_comes_in(dev, tmp_path):
    client = dev.client()
    theirs = {"prj_id": {"S": "scanned"}, "tags": {"SS": ["a", "b"]}, "raw": {"B": b"\x00\xff"}, "n": {"N": "1.50"}}
    client.put_item(TableName="ripple_prj", Item=theirs)
    client.put_item(TableName="ripple_prj", Item={"prj_id": {"S": "scanned-2"}})
    keys = [{"S": "scanned"}, {"S": "scanned-2"}]
    found = client.scan(
        TableName="ripple_prj", FilterExpression="prj_id IN (:a, :b)", ExpressionAttributeValues=dict(zip((":a", ":b"), keys))
    )
    # As `aws dynamodb scan` prints it, with binaries in base64.
    printed = {"Items": found["Items"], "Count": 2, "ScannedCount": found["ScannedCount"], "ConsumedCapacity": None}
    as_base64 = json.dumps(printed, indent=4, default=lambda binary: __import__("base64").b64encode(binary).decode())
    for text in (as_base64, json.dumps(json.loads(as_base64)["Items"]), json.dumps(json.loads(as_base64))):
        for key in keys:
            client.delete_item(TableName="ripple_prj", Key={"prj_id": key})
        (tmp_path / "scan.json").write_text(text)
        assert "2 created" in ripple("import", tmp_path / "scan.json", data=dev.data)
        item = client.get_item(TableName="ripple_prj", Key={"prj_id": {"S": "scanned"}})["Item"]
        assert sorted(item["tags"]["SS"]) == ["a", "b"] and item["raw"] == {"B": b"\x00\xff"}


def test_records_without_an_id_come_in_once(dev, tmp_path):
    file = tmp_path / "nameless.jsonl"
    same = project(name="nameless twin")
    first = lines(same, same, project(name="nameless other"), project(name="nameless null", prj_id=None))

    def count():
        return len(dev.ripple().list("q=nameless"))

    file.write_text(first)
    assert "4 created, 0 already present" in ripple("import", file, data=dev.data)
    assert "0 created, 4 already present" in ripple("import", file, data=dev.data)
    assert count() == 4
    # The file has grown, and has another path.
    file.write_bytes(gzip.compress((lines(project(name="nameless new")) + first).encode("utf-8-sig")))
    assert "1 created, 4 already present" in ripple("import", file, data=dev.data)
    assert count() == 5


def test_another_resource_comes_in_as_it_is(dev, resources, tmp_path):
    named = [
        {"no": "kept", "text": "Beans"},
        {"no": "order", "Items": [1, 2]},
        {"no": "refers", "prj_id": "prj0001"},
        {"no": "typed", "Item": {"sku": "a"}, "prj_id": {"S": "prj0001"}},
    ]
    # Each gets a key, whatever its members are called.
    unnamed = [{"Item": "Lamp", "n": 1}, {"Items": [1]}, {"prj_id": "prj0001"}, {"text": "Peas"}]
    nulls = [{"no": "null", "prj_id": None}, unnamed[1] | {"no": None}]
    (tmp_path / "notes").write_text(lines(*named, *nulls, unnamed[0], *unnamed[2:]))

    for done in ("9 created, 0 already present", "0 created, 9 already present"):
        said = ripple("--resources", resources, "import", tmp_path / "notes", "--resource", "note", data=dev.data)
        assert done in said
    found = {
        note.pop("no"): {name: note[name] for name in note if name not in ("version", "updated_at", "updated_by")}
        for note in dev.ripple().call("GET", "/note").json()
    }
    for note in [*named, {"no": "null"}]:
        assert found.pop(note["no"]) == {name: note[name] for name in note if name != "no"}
    assert sorted(found.values(), key=sorted) == unnamed


def test_the_scan_of_another_table_comes_in(dev, resources, tmp_path):
    item = {"no": {"S": 'scanned "ü"'}, "tags": {"SS": ["a"]}, "n": {"N": "1.5"}}
    scan = {"Items": [item], "Count": 1, "ScannedCount": 1, "ConsumedCapacity": None}
    for text in (json.dumps(scan, indent=4), json.dumps(scan), json.dumps([item]), json.dumps(item)):
        dev.client().delete_item(TableName="ripple_note", Key={"no": item["no"]})
        (tmp_path / "scan.json").write_text(text)
        done = ripple("--resources", resources, "import", tmp_path / "scan.json", "--resource", "note", data=dev.data)
        assert "1 created" in done, text
        stored = dev.client().get_item(TableName="ripple_note", Key={"no": item["no"]})["Item"]
        assert {name: stored[name] for name in item} == item


def test_a_sheet_that_was_edited_for_a_week_merges(dev, tmp_path):
    file = tmp_path / "week.csv"
    for n in range(3):
        dev.ripple().create(project(prj_id=f"week-{n}", name="week", goal="Beans", issue="Snails", n=[n, "x"]))
    ripple("export", "--format", "csv", file, data=dev.data)
    exported = file.read_bytes().decode("utf-8-sig")
    assert exported.startswith("prj_id,version,name,goal,"), exported
    assert 'week-1,1,week,Beans,Snails' in exported and '"[1,""x""]"' in exported
    unedited = ripple("import", file, data=dev.data)
    assert " 0 saved, " in unedited and unedited.startswith("0 created"), unedited

    dev.ripple().call("PATCH", "/prj/week-0", {"version": 1, "issue": "Slugs"})
    dev.ripple().call("PATCH", "/prj/week-1", {"version": 1, "goal": "Peas"})
    rows = [row for row in csv.reader(io.StringIO(exported)) if row[0] == "prj_id" or row[0].startswith("week-")]
    goal, version = rows[0].index("goal"), rows[0].index("version")
    for row in rows[1:]:
        row[goal] = "=1+1, by May"
    rows[3][version] = "9"
    with file.open("w", newline="") as written:
        csv.writer(written, delimiter=";").writerows([*rows, ["", "", "week", *["x"] * 3, "2", "week", "x", *[""] * (len(rows[0]) - 9)]])

    dry = ripple("import", file, "--dry-run", data=dev.data, ok=False)
    assert "would be: 1 created, 2 saved, 0 unchanged, 0 already imported, 1 refused" in dry, dry
    assert "line 2: week-0: saved: it is at version 3; changed: /goal; kept as others left it: /issue" in dry
    assert "line 3: week-1: saved: it is at version 3; replaced what another client had saved: /goal (version 2 has it)" in dry
    assert "line 4: the edit was made on version 9, the record is at version 1" in dry
    assert dev.ripple().get("week-0")["version"] == 2

    done = ripple("import", file, data=dev.data, ok=False)
    assert "\n1 created, 2 saved, 0 unchanged, 0 already imported, 1 refused\n" in "\n" + done, done
    assert "1 rows replaced what another client had saved" in done
    first = dev.ripple().get("week-0")
    assert (first["goal"], first["issue"], first["n"], first["version"]) == ("=1+1, by May", "Slugs", [0, "x"], 3)
    assert len(dev.ripple().list("name=week")) == 4
    # Again, after another save of the same cell: nothing is made twice, and nothing wins again.
    dev.ripple().call("PATCH", "/prj/week-0", {"version": 3, "goal": "Leeks"})
    again = ripple("import", file, data=dev.data, ok=False)
    assert "\n0 created, 0 saved, 0 unchanged, 3 already imported, 1 refused\n" in "\n" + again, again
    assert dev.ripple().get("week-0")["goal"] == "Leeks"
    assert len(dev.ripple().list("name=week")) == 4


def test_a_sheet_of_another_table_comes_in(dev, tmp_path):
    file = tmp_path / "other.csv"
    record = project(prj_id="from-csv", goal="a, b", term="3", version="7", note="json:[1]")
    file.write_text(",".join(record) + "\n" + ",".join(f'"{value}"' for value in record.values()) + "\n")
    assert "1 created" in ripple("import", file, data=dev.data)
    made = dev.ripple().get("from-csv")
    assert (made["goal"], made["term"], made["version"], made["note"]) == ("a, b", 3, 1, [1])
    assert dev.ripple().get("from-csv") == made


def sheet(file, *records):
    """Writes a sheet with a column for each member of the first record."""
    with file.open("w", newline="") as written:
        rows = csv.DictWriter(written, list(records[0]))
        rows.writeheader()
        rows.writerows(records)
    return file


def test_a_row_that_was_imported_is_not_counted_as_created_or_saved_again(dev, tmp_path):
    dev.ripple().create(project(prj_id="again-1", goal="Beans"))
    rows = [
        project(prj_id="again-0", version=""),
        project(prj_id="again-1", version=1, goal="Peas"),
        project(prj_id="", version="", name="again"),
    ]
    file = sheet(tmp_path / "again.csv", *rows)
    assert "2 created, 1 saved, 0 unchanged, 0 already imported, 0 refused" in ripple("import", file, data=dev.data)
    dev.ripple().call("DELETE", "/prj/again-0")
    dev.ripple().call("PATCH", "/prj/again-1", {"goal": "Leeks"})
    # A dry run is computed anew, and says that an import does not make these rows.
    dry = ripple("import", file, "--dry-run", data=dev.data)
    assert "would be: 1 created, 1 saved, 0 unchanged, 1 already imported, 0 refused" in dry, dry
    assert "2 of these rows were imported in the last 7 days: an import leaves their records as they are" in dry, dry
    again = ripple("import", file, data=dev.data)
    assert "0 created, 0 saved, 0 unchanged, 3 already imported, 0 refused" in again, again
    assert "not imported again, even if its record was changed or deleted since" in again, again
    assert dev.ripple().call("GET", "/prj/again-0").status == 410
    assert dev.ripple().get("again-1")["goal"] == "Leeks"


def test_a_corrected_sheet_creates_each_row_once(dev, tmp_path):
    def rows(unit):
        twins = [project(prj_id="", name="corrected", goal="twin")] * 2
        named = project(prj_id="corrected-1", name="corrected", goal="named")
        return [*twins, named, project(prj_id="", name="corrected", goal="wrong", term=unit)]

    wrong = sheet(tmp_path / "wrong.csv", *rows("soon"))
    assert "3 created, 0 saved, 0 unchanged, 0 already imported, 1 refused" in ripple("import", wrong, data=dev.data, ok=False)
    first = project(prj_id="", name="corrected", goal="new")
    corrected = sheet(tmp_path / "corrected.csv", first, *rows(3))
    dry = ripple("import", corrected, "--dry-run", data=dev.data)
    assert "would be: 2 created, 0 saved, 0 unchanged, 3 already imported, 0 refused" in dry, dry
    done = ripple("import", corrected, data=dev.data)
    assert "2 created, 0 saved, 0 unchanged, 3 already imported, 0 refused" in done, done
    goals = sorted(record["goal"] for record in dev.ripple().list("name=corrected"))
    assert goals == ["named", "new", "twin", "twin", "wrong"]


def test_rows_of_one_record_are_saved_in_the_order_of_the_sheet(dev, tmp_path):
    rows = [project(prj_id="ordered-1", version="")]
    for n in range(1, 25):
        rows.append(project(prj_id="ordered-1", version=n, goal=f"goal {n}"))
        rows.append(project(prj_id=f"ordered-{n + 1}", version=""))
    done = ripple("import", sheet(tmp_path / "ordered.csv", *rows), data=dev.data)
    assert "25 created, 24 saved, 0 unchanged, 0 already imported, 0 refused" in done, done
    history = dev.ripple().call("GET", "/prj/ordered-1/versions?limit=100").json()
    assert [write["version"] for write in history] == list(range(25, 0, -1))
    assert dev.ripple().get("ordered-1")["goal"] == "goal 24"


def test_a_row_without_a_version_whose_id_exists_is_refused_by_line(dev, tmp_path):
    dev.ripple().create(project(prj_id="taken", goal="Beans"))
    file = sheet(tmp_path / "taken.csv", project(prj_id="free"), project(prj_id="taken", goal="Peas"))
    for arguments in (["--dry-run"], []):
        told = ripple("import", file, *arguments, data=dev.data, ok=False)
        assert "line 3: there is a record taken already; nothing was changed. An edit of it needs its version" in told, told
        assert "1 created, 0 saved, 0 unchanged, 0 already imported, 1 refused" in told, told
    assert dev.ripple().get("taken")["goal"] == "Beans"


def test_a_line_with_other_content_than_its_record_is_named(dev, tmp_path):
    entries = [{"text": "no id"}, {"id": "own", "text": "x"}]
    same = project(prj_id="same", entries=entries, ratio=2.0, gone=None, tags=["a", "b"])
    file = tmp_path / "lines.jsonl"
    file.write_text(lines(same, project(prj_id="other")))
    assert "2 created" in ripple("import", file, data=dev.data)
    again = ripple("import", file, data=dev.data, both=True)
    assert "0 created, 2 already present" in again and "content" not in again, again
    dev.client().update_item(
        TableName="ripple_prj",
        Key={"prj_id": {"S": "same"}},
        UpdateExpression="SET tags = :tags",
        ExpressionAttributeValues={":tags": {"SS": ["a", "b"]}},
    )
    dev.ripple().call("PATCH", "/prj/other", {"more": 1})
    twice = [project(prj_id="twice", goal=goal) for goal in ("first", "second", "first")]
    file.write_text(lines(same, project(prj_id="other"), *twice))
    told = ripple("import", file, data=dev.data, both=True)
    assert "1 created, 4 already present, 0 deletions skipped, 0 refused" in told, told
    assert "line 2: other is already present with other content, and was left as it is" in told, told
    assert "line 4: twice is earlier in the file with other content, so this one was not imported" in told, told
    assert told.count("other content") == 3 and "2 of those already present have other content than the file" in told, told
    ripple("export", file, "--format", "dynamodb-json", data=dev.data)
    assert "content" not in ripple("import", file, data=dev.data, both=True)


def everything(dev):
    """Returns the items of all tables."""
    client = dev.client()

    def ordered(item):
        """Returns an item as text. Sets and maps have no order."""
        sets = {name: {kind: sorted(value[kind])} for name, value in item.items() for kind in ("SS", "NS", "BS") if kind in value}
        return json.dumps(item | sets, sort_keys=True, default=repr)

    pages = {name: client.get_paginator("scan").paginate(TableName=name) for name in client.list_tables()["TableNames"]}
    return {name: sorted(ordered(item) for page in found for item in page["Items"]) for name, found in pages.items()}


# The forms in which JSON is edited.
FORMS = {
    "lines": lambda records: lines(*records).encode(),
    "array": lambda records: json.dumps(records, indent=2).encode(),
    "gz": lambda records: gzip.compress(lines(*records).encode()),
}


def exported(dev, file, prefix, *options):
    """Exports all records as lines of JSON. Returns those whose ids begin so, in their order."""
    ripple("export", file, *options, data=dev.data)
    records = [json.loads(line) for line in file.read_text().splitlines()]
    return sorted((record for record in records if record["prj_id"].startswith(prefix)), key=lambda record: record["prj_id"])


@pytest.mark.parametrize("form", FORMS)
def test_json_that_was_edited_for_a_week_merges(dev, tmp_path, form):
    file, name = tmp_path / "file", f"json-{form}"
    for n in range(5):
        dev.ripple().create(project(prj_id=f"{name}-{n}", name=name, goal="Beans", issue="Snails", note=["x", {"a": None}]))
    records = exported(dev, file, name)
    file.write_bytes(FORMS[form](records))
    unedited = ripple("import", file, data=dev.data)
    assert "0 created, 0 saved, 5 unchanged, 0 already imported, 0 refused" in unedited, unedited

    dev.ripple().call("PATCH", f"/prj/{name}-0", {"version": 1, "issue": "Slugs", "more": "Seeds"})
    dev.ripple().call("PATCH", f"/prj/{name}-1", {"version": 1, "goal": "Peas"})
    dev.ripple().call("DELETE", f"/prj/{name}-4")
    for record in records:
        record["goal"] = "Leeks"
    # What ripple made is ignored, `null` removes a member, and an absent member stays.
    records[0] |= {"updated_at": 1, "updated_by": "me", "updated_author": "me", "note": None}
    records[2] = {name: records[2][name] for name in ("prj_id", "version", "goal")}
    records[3]["version"] = 9
    new = project(prj_id=f"{name}-new", name=name)
    file.write_bytes(FORMS[form]([*records, new, project(name=name)]))
    place = "entry" if form == "array" else "line"

    before = everything(dev)
    dry = ripple("import", file, "--dry-run", data=dev.data, ok=False, both=True)
    assert everything(dev) == before
    assert "would be: 2 created, 3 saved, 0 unchanged, 0 already imported, 0 already present, 0 deletions skipped, 2 refused" in dry, dry
    kept = "kept as others left it: /issue, /more"
    assert f"{place} 1: {name}-0: saved: it is at version 3; changed: /goal, /note (2 removed); {kept}" in dry, dry
    conflict = "replaced what another client had saved: /goal (version 2 has it)"
    assert f"{place} 2: {name}-1: saved: it is at version 3; {conflict}" in dry, dry
    assert f"{place} 3: {name}-2: saved: it is at version 2; changed: /goal" in dry, dry
    assert f"{place} 4: the edit was made on version 9, the record is at version 1" in dry, dry
    assert f"{place} 5: the record {name}-4 was deleted" in dry, dry
    assert f"{place} 6: {name}-new: created: it is at version 1" in dry, dry

    done = ripple("import", file, data=dev.data, ok=False, both=True)
    assert "\n2 created, 3 saved, 0 unchanged, 0 already imported, 0 already present, 0 deletions skipped, 2 refused\n" in done, done
    assert f"{place} 2: {name}-1: saved: it is at version 3; {conflict}" in done, done
    assert f"{place} 4: the edit was made on version 9" in done and f"{place} 5: the record {name}-4 was deleted" in done, done
    first, third = dev.ripple().get(f"{name}-0"), dev.ripple().get(f"{name}-2")
    assert (first["goal"], first["issue"], first["more"]) == ("Leeks", "Slugs", "Seeds") and "note" not in first
    assert first["updated_by"] == "import" and first["updated_at"] > 1
    assert (third["goal"], third["issue"], third["note"][0]) == ("Leeks", "Snails", "x")
    assert dev.ripple().call("GET", f"/prj/{name}-4").status == 410

    # Again, after another save of the same member: nothing is made twice, and nothing wins again.
    dev.ripple().call("PATCH", f"/prj/{name}-0", {"version": 3, "goal": "Chard"})
    before = everything(dev)
    again = ripple("import", file, data=dev.data, ok=False, both=True)
    assert "\n0 created, 0 saved, 0 unchanged, 3 already imported, 2 already present, 0 deletions skipped, 2 refused\n" in again, again
    assert "not imported again, even if its record was changed or deleted since" in again, again
    assert everything(dev) == before


def test_a_list_of_the_api_comes_back_as_it_was_edited(dev, tmp_path):
    dev.ripple().create(project(prj_id="listed-1", name="listed", goal="Beans"))
    records = dev.ripple().call("GET", "/prj?name=listed").json()
    records[0]["goal"] = "Peas"
    (tmp_path / "list").write_text(json.dumps(records))
    assert "0 created, 1 saved, 0 unchanged, 0 already imported, 0 refused" in ripple("import", tmp_path / "list", data=dev.data)
    assert dev.ripple().get("listed-1")["goal"] == "Peas"


def test_an_unedited_export_changes_nothing_whatever_the_types(dev, tmp_path):
    item = {
        "prj_id": {"S": "typed-1"},
        "tags": {"SS": ["a", "b"]},
        "raw": {"B": b"\x00\xff"},
        "n": {"N": "1.5"},
        "nothing": {"NULL": True},
        "deep": {"M": {"nothing": {"NULL": True}, "list": {"L": [{"M": {"x": {"N": "1"}}}]}}},
    }
    dev.client().put_item(TableName="ripple_prj", Item=item)
    file = tmp_path / "typed.jsonl"
    file.write_text(lines(*exported(dev, file, "typed-")))
    done = ripple("import", file, data=dev.data)
    assert "0 created, 0 saved, 1 unchanged, 0 already imported, 0 refused" in done, done
    stored = dev.client().get_item(TableName="ripple_prj", Key={"prj_id": item["prj_id"]})["Item"]
    stored["tags"]["SS"].sort()
    assert {name: value for name, value in stored.items() if not name.startswith("rpl_")} == item


def test_json_of_one_record_is_saved_in_the_order_of_the_file(dev, tmp_path):
    records = [project(prj_id="serial-1")]
    for n in range(1, 25):
        records.append(project(prj_id="serial-1", version=n, goal=f"goal {n}"))
        records.append(project(prj_id=f"serial-{n + 1}"))
    (tmp_path / "serial").write_text(lines(*records))
    done = ripple("import", tmp_path / "serial", data=dev.data)
    assert "25 created, 24 saved, 0 unchanged, 0 already imported, 0 already present" in done, done
    history = dev.ripple().call("GET", "/prj/serial-1/versions?limit=100").json()
    assert [write["version"] for write in history] == list(range(25, 0, -1))
    assert dev.ripple().get("serial-1")["goal"] == "goal 24"


def test_json_with_a_version_creates_a_record_that_is_missing_and_needs_its_key(dev, tmp_path):
    file = tmp_path / "elsewhere"
    file.write_text(lines(project(prj_id="elsewhere-1", version=7), project(version=7)))
    refused = ripple("import", file, data=dev.data, ok=False, both=True)
    assert "1 created, 0 saved, 0 unchanged, 0 already imported, 1 refused" in refused, refused
    assert "line 2: " in refused and "/prj_id is required beside version" in refused, refused
    assert dev.ripple().get("elsewhere-1")["version"] == 1


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_entry_whose_base_is_gone_from_the_history_replaces_nothing(dev, tmp_path, form):
    """Without the base, each member of the entry would count as edited."""
    api, id = dev.ripple(), f"old-{form}"
    api.create(project(prj_id=id))
    file = tmp_path / f"old.{form}"
    ripple("export", *(["--format", "csv"] if form == "csv" else []), file, data=dev.data)
    kept = [line for line in file.read_text("utf-8-sig").splitlines() if id in line or line.startswith("prj_id")]
    file.write_text("\n".join(kept))
    api.patch(id, {"goal": "by another", "version": 1})
    # The history's retention has ended.
    delete_rows(dev.client(), id, 1)
    told = ripple("import", file, data=dev.data, ok=False)
    assert f"the history of {id} has no version 1 any longer" in told
    assert "1 refused" in told and api.call("GET", f"/prj/{id}").json()["goal"] == "by another"
    if form == "csv":
        headers = {"x-api-key": dev.key, "content-type": "text/csv"}
        request = urllib.request.Request(f"{dev.url}/prj/_batch", file.read_bytes(), headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            [result] = json.load(answer)["results"]
        assert (result["status"], result["problem"]["code"]) == (404, "no_such_version")
        assert api.call("GET", f"/prj/{id}").json()["goal"] == "by another"
    # An entry that would change nothing is none that replaces anything.
    api.patch(id, {"goal": "x", "version": 2})
    assert "1 unchanged" in ripple("import", file, data=dev.data)


def test_a_dry_run_of_items_says_what_each_would_do(dev, tmp_path):
    for n in range(3):
        dev.ripple().create(project(prj_id=f"item-{n}", goal="Beans"))
    file = tmp_path / "items"
    ripple("export", file, "--format", "dynamodb-json", data=dev.data)
    items = [line for line in file.read_text().splitlines() if '"S":"item-' in line]
    file.write_text("".join(f"{line}\n" for line in sorted(items, key=lambda line: json.loads(line)["Item"]["prj_id"]["S"])))
    dev.client().delete_item(TableName="ripple_prj", Key={"prj_id": {"S": "item-0"}})
    dev.ripple().call("PATCH", "/prj/item-1", {"goal": "Peas"})
    before = everything(dev)
    dry = ripple("import", file, "--dry-run", data=dev.data, both=True)
    assert everything(dev) == before
    assert "line 1: item-0: created: it is at version " in dry, dry
    assert "line 2: item-1 is already present with other content, and would be left as it is" in dry, dry
    assert "line 3: item-2 is already present" in dry, dry
    assert "would be: 1 created, 2 already present, 0 deletions skipped, 0 refused" in dry, dry
    assert "1 created, 2 already present, 0 deletions skipped, 0 refused" in ripple("import", file, data=dev.data)
    assert dev.ripple().get("item-1")["goal"] == "Peas"


def killed(dev, file, id):
    """Begins an import, and kills it when it has changed this record."""
    process = subprocess.Popen([_setting("RIPPLE_BIN"), "--data", str(dev.data), "import", str(file)], env=clean(), stderr=subprocess.DEVNULL)
    is_running = True
    while dev.ripple().get(id)["version"] == 1:
        assert is_running, "it has changed nothing"
        is_running = process.poll() is None
    process.kill()
    process.wait()


@pytest.mark.parametrize("form", ["csv", "lines"])
def test_an_import_that_was_killed_is_resumed(dev, tmp_path, form):
    name, count = f"killed-{form}", 200
    (tmp_path / "first").write_text(lines(*(project(prj_id=f"{name}-{n:03}", goal="Beans") for n in range(count))))
    ripple("import", tmp_path / "first", data=dev.data)
    records = [record | {"goal": "Peas"} for record in exported(dev, tmp_path / "file", name)]
    if form == "csv":
        sheet(tmp_path / "file", *records)
    else:
        (tmp_path / "file").write_bytes(FORMS[form](records))
    killed(dev, tmp_path / "file", f"{name}-000")
    # What was imported before does not win again.
    dev.ripple().call("PATCH", f"/prj/{name}-000", {"goal": "Leeks"})
    done = ripple("import", tmp_path / "file", data=dev.data)
    saved, imported = map(int, re.search(r"^0 created, (\d+) saved, 0 unchanged, (\d+) already imported, 0 refused$", done, re.M).groups())
    assert saved + imported == count and imported >= 1, done
    now = exported(dev, tmp_path / "now", name)
    assert [(record["goal"], record["version"]) for record in now] == [("Leeks", 3)] + [("Peas", 2)] * (count - 1)
    again = ripple("import", tmp_path / "file", data=dev.data)
    assert f"0 created, 0 saved, 0 unchanged, {count} already imported, 0 refused" in again, again


def test_a_sheet_of_one_column_comes_in_if_its_name_says_that_it_is_one(dev, tmp_path):
    (tmp_path / "one.csv").write_text("prj_id\nonly-1\n")
    # The row lacks what a project must have, as the same sheet does at the API.
    refused = ripple("import", tmp_path / "one.csv", data=dev.data, ok=False)
    assert "line 2: " in refused and "/name is required" in refused, refused
    (tmp_path / "one").write_text("prj_id\nonly-1\n")
    refused = ripple("import", tmp_path / "one", data=dev.data, ok=False)
    assert "the name of a sheet with one column must end with .csv" in refused, refused


def test_the_help_says_that_an_empty_cell_or_an_absent_member_keeps_the_value(dev):
    told = " ".join(ripple("import", "--help", data=dev.data).split())
    assert "In CSV an empty cell keeps the value that the record has, and the cell `json:null` removes the member" in told
    assert "In JSON an absent member stays as it is, and `null` removes the member" in told


def test_a_sheet_of_something_else_is_refused_in_one_line(dev, tmp_path):
    (tmp_path / "file").write_text("Dear Sir, hello\n" * 100)
    refused = ripple("import", tmp_path / "file", data=dev.data, ok=False, both=True)
    assert "the header names neither prj_id nor another member of projects" in refused
    assert len(refused.splitlines()) == 1, refused


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0\0\0", b"\x1f\x8b\x08\0broken", b"hello\n" * 100, b'{"name":"\xe9"}\n' * 9])
def test_anything_else_is_refused_in_one_line(dev, tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    refused = ripple("import", tmp_path / "file", data=dev.data, ok=False)
    assert len(refused.splitlines()) == 1 and refused.isprintable() is False, refused
    assert all(letter.isprintable() or letter == "\n" for letter in refused), "no binary noise"
