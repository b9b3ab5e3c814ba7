"""`ripple resource infer`, `check --table` and `diff`, on tables that another program made."""

import json
import subprocess

import pytest

from conftest import _setting
from dev import Dev, clean
from edge import ROOT

TABLE = "Orders-2024"
KEY = "order_no"
STATES = ("done", "open", "sent")
TASK = json.loads((ROOT / "resources/task.json").read_text())


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("dev") / "data", "--in-memory") as dev:
        make(dev.client(), TABLE, KEY)
        fill(dev.client(), TABLE, map(order, range(500)))
        yield dev


def make(client, table, key, kind="S", sort_key=None):
    keys = [(key, kind, "HASH")] + ([(sort_key, "N", "RANGE")] if sort_key else [])
    client.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": role} for name, _, role in keys],
        BillingMode="PAY_PER_REQUEST",
    )


def fill(client, table, items):
    requests = [{"PutRequest": {"Item": item}} for item in items]
    for start in range(0, len(requests), 25):
        client.batch_write_item(RequestItems={table: requests[start : start + 25]})


def order(n):
    """Returns an item as a program writes it that has grown for years: of several shapes."""
    line = lambda place: {"M": {"sku": {"S": f"sku-{n}-{place}"}, "count": {"N": "2"}}}
    item = {
        KEY: {"S": f"A-{n:04}"},
        "state": {"S": STATES[n % 3]},
        "total": {"N": f"{n}.50" if n % 2 else f"{n}"},
        "size": {"S": "large"} if n in (7, 8) else {"N": f"{n % 9}"},
        "created": {"S": f"2026-01-{n % 28 + 1:02}T09:30:00Z"},
        "shipped": {"N": f"{1_700_000_000 + n}"},
        "note": {"NULL": True} if n % 10 else {"S": f"note {n}"},
        "zip": {"S": f"{n:05}"},
        "labels": {"SS": ["a", f"b{n}"]},
        "lines": {"L": [line(place) for place in range(n % 3 + 1)]},
        "place": {"L": [{"N": "52.5"}, {"N": "13.4"}]},
        "photo": {"B": b"\x00\xff"},
        "mixed": {"BOOL": True} if n % 2 else {"L": [{"S": "x"}, {"N": "1"}]},
    }
    if n >= 10:
        item["version"] = {"S": "2.3"}
    if n % 5 == 0:
        item["address"] = {"M": {"city": {"S": f"city {n}"}, "floor": {"N": "3"}}}
    return item


def run(dev, *arguments, code=0):
    """Runs `ripple resource`, and returns its standard output and standard error."""
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), "resource", *map(str, arguments)]
    done = subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def inferred(dev, folder, *options):
    """Returns the file and the questions for the table, with the file written into a folder."""
    file, said = run(dev, "infer", TABLE, "--resource", "order", *options)
    folder.mkdir(exist_ok=True)
    (folder / "order.json").write_text(file)
    return json.loads(file), said


def test_a_file_follows_from_the_items(dev, tmp_path):
    file, said = inferred(dev, tmp_path / "files")
    assert said.splitlines()[0].startswith(f"{TABLE}: 500 items; ")
    assert file["x-ripple"] == {
        "resource": "order",
        "key": KEY,
        "table": TABLE,
        "members": {"version": "record_version"},
        "entries": {"lines": "sku"},
    }
    assert '98 % have their own "version": the member of ripple is shown as "record_version"' in said
    properties = file["properties"]
    assert KEY not in properties and "note" not in file["required"] and "total" in file["required"]
    assert properties["state"] == {"type": "string", "enum": list(STATES)}
    assert properties["total"] == {"type": "number"} and properties["zip"] == {"type": "string"}
    assert properties["created"] == {"type": "string", "format": "date-time"}
    assert properties["shipped"] == {"type": "integer", "$comment": "seconds since 1970"}
    assert properties["note"] == {"type": ["string", "null"]} and properties["photo"] == {"type": "string"}
    assert properties["labels"] == {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    assert properties["size"]["type"] == "integer"
    assert properties["size"]["$comment"] == "2 of 500 values have another type: string"
    assert "#/properties/size: 2 of 500 values have another type: string\n" in said
    assert "type" not in properties["mixed"] and "several types" in properties["mixed"]["$comment"]
    assert "tuple" in properties["place"]["$comment"]
    assert properties["address"]["properties"] == {"city": {"type": "string"}, "floor": {"type": "integer"}}
    assert properties["lines"]["items"]["required"] == ["count", "sku"]


def test_a_file_of_all_items_refuses_none_of_them(dev, tmp_path):
    inferred(dev, tmp_path / "files", "--all")
    checked, said = run(dev, "check", tmp_path / "files", "--table", "--all")
    assert "order.json: 0 of 500 items are outside" in checked and f"{TABLE}: 500 items" in said
    assert run(dev, "check", tmp_path / "files", "--table", "order", "--all")[0] == checked


def test_open_questions_are_refused_if_that_is_asked(dev, tmp_path):
    inferred(dev, tmp_path / "files")
    assert "is valid: order" in run(dev, "check", tmp_path / "files")[0]
    checked, _ = run(dev, "check", tmp_path / "files", "--strict", code=1)
    assert f"{tmp_path}/files/order.json#/properties/size/$comment: is a comment" in checked


def test_a_sample_reads_no_more_than_that(dev):
    _, said = run(dev, "infer", TABLE, "--sample", 100)
    assert said.splitlines()[0].startswith(f"{TABLE}: 100 of about 500 items; ")


def test_items_outside_a_file_are_counted_by_rule(dev, tmp_path):
    file, _ = inferred(dev, tmp_path / "files")
    file["properties"]["state"]["enum"] = ["open", "sent"]
    (tmp_path / "files/order.json").write_text(json.dumps(file))
    checked, said = run(dev, "check", tmp_path / "files", "--table", code=1)
    [state] = [line for line in checked.splitlines() if line.startswith("order.json /state ")]
    assert ': 167 of 500 items (33.4 %): "A-' in state and '" ("done"), "A-' in state and state.count("A-") == 3
    [size] = [line for line in checked.splitlines() if line.startswith("order.json /size ")]
    assert "must be a whole number: 2 of 500 items (0.4 %): " in size and '("large")' in size
    assert checked.splitlines()[-1] == "order.json: 169 of 500 items are outside and stay editable"
    assert "some items break the rules of order" in said
    checked, _ = run(dev, "check", tmp_path / "files", "--table", "order", "--ids-only", code=1)
    assert '"A-' in checked and "large" not in checked


def test_a_resource_that_is_not_there_or_has_another_key_is_refused(dev, tmp_path):
    file, _ = inferred(dev, tmp_path / "files")
    assert "has no resource task" in run(dev, "check", tmp_path / "files", "--table", "task", code=1)[1]
    file["x-ripple"]["key"] = "other"
    (tmp_path / "files/order.json").write_text(json.dumps(file))
    said = run(dev, "check", tmp_path / "files", "--table", code=1)[1]
    assert f"{TABLE} has the key {KEY}, which is not the key of order.json" in said


def test_a_table_of_ripple_has_its_resource_and_no_deleted_records(dev, tmp_path):
    members = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    for prj_id in ("kept", "gone"):
        dev.ripple().create({"prj_id": prj_id, "term": 1} | members)
    assert dev.ripple().call("DELETE", "/prj/gone").status == 204
    file, said = run(dev, "infer", "ripple_prj", "--all")
    assert said.startswith("ripple_prj: 1 item; ")
    file = json.loads(file)
    assert file["x-ripple"] == {"resource": "prj", "key": "prj_id"}
    assert set(file["properties"]) == set(members) | {"term"}


def test_a_number_key_is_stated(dev, tmp_path):
    make(dev.client(), "meter", "no", kind="N")
    fill(dev.client(), "meter", [{"no": {"N": f"{n}"}, "kw": {"S": "x"} if n == 3 else {"N": "1"}} for n in range(9)])
    (tmp_path / "meter.json").write_text(run(dev, "infer", "meter", "--all")[0])
    file = json.loads((tmp_path / "meter.json").read_text())
    assert file["x-ripple"] == {"resource": "meter", "key": "no", "key_type": "number", "table": "meter"}
    file["properties"]["kw"] = {"type": "number"}
    (tmp_path / "meter.json").write_text(json.dumps(file))
    assert 'items (11.1 %): 3 ("x")' in run(dev, "check", tmp_path, "--table", code=1)[0]


@pytest.mark.parametrize(
    "table, keys, said",
    [
        ("absent", None, "there is no table absent"),
        ("ripple_prj_version", None, "is a history table of ripple: give the table of its records, ripple_prj"),
        ("ripple_key", None, "is the table of API keys"),
        ("binary", {"key": "a", "kind": "B"}, "the key a of binary is binary and has no text form"),
        ("2024", {"key": "a"}, "give one with --resource"),
    ],
)
def test_a_table_without_a_resource_is_refused_in_one_line(dev, table, keys, said):
    if keys:
        make(dev.client(), table, **keys)
    file, refused = run(dev, "infer", table, code=1)
    assert (file, len(refused.splitlines())) == ("", 1) and said in refused, refused


def test_the_exit_code_of_a_comparison_is_that_of_its_worst_change(dev, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"

    def compared(code, **changes):
        for folder, file in ((old, TASK), (new, TASK | changes)):
            folder.mkdir(exist_ok=True)
            (folder / "task.json").write_text(json.dumps(file))
        return run(dev, "diff", old, new, code=code)[0].splitlines()

    assert compared(0) == ["the files have the same rules"]
    assert compared(0, required=["subject"]) == ["task.json#/required/state: present → absent: looser"]
    merged = TASK["x-ripple"] | {"entries": {"steps": "no"}}
    assert compared(3, **{"x-ripple": merged}) == ['task.json#/x-ripple/entries/steps: "step" → "no": two rules meanwhile']
    size = TASK["properties"] | {"size": TASK["properties"]["size"] | {"maximum": 8}}
    renamed = TASK["x-ripple"] | {"members": {"version": "rev"}}
    assert compared(4, properties=size, **{"x-ripple": renamed}) == [
        'task.json#/x-ripple/members/version: "version" → "rev": breaking',
        "task.json#/properties/size/maximum: 13 → 8: tighter",
    ]
    whole = {"type": "array", "x-merge": "whole"}
    assert compared(3, properties=TASK["properties"] | {"new": whole}) == [
        'task.json#/properties/new: absent → {"type":"array","x-merge":"whole"}: new member',
        'task.json#/properties/new/x-merge: absent → "whole": two rules meanwhile',
    ]
    compared(4, properties=size, **{"x-ripple": renamed})
    one_file = run(dev, "diff", old / "task.json", new / "task.json", code=4)[0]
    assert len(one_file.splitlines()) == 2
    (new / "task.json").write_text("{")
    assert "has faults" in run(dev, "diff", old, new, code=1)[1]


def test_a_comparison_counts_the_items_outside_of_a_tighter_rule(dev, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    file, _ = inferred(dev, old)
    rules = file["properties"]
    rules["total"]["maximum"] = 99
    rules["lines"]["items"]["properties"]["count"]["minimum"] = 3
    file["required"] += ["address", "note"]
    file["x-ripple"]["retention"] = 30
    new.mkdir()
    (new / "order.json").write_text(json.dumps(file))
    told, said = run(dev, "diff", old, new, "--table", "--all")
    assert told.splitlines() == [
        "order.json#/x-ripple/retention: 90 → 30: tighter",
        "order.json#/properties/lines/items/properties/count/minimum: absent → 3: tighter; "
        "500 of 500 items are outside and stay editable",
        "order.json#/properties/total/maximum: absent → 99: tighter; 401 of 500 items are outside and stay editable",
        "order.json#/required/address: absent → present: tighter; 400 of 500 items are outside and stay editable",
        "order.json#/required/note: absent → present: tighter; 450 of 500 items are outside and stay editable",
    ]
    assert said.startswith(f"{TABLE}: 500 items; ")
    assert run(dev, "diff", new, old, "--table")[1] == "", "looser rules need no item"
    file["x-ripple"]["table"] = "elsewhere"
    (new / "order.json").write_text(json.dumps(file))
    assert "400 of 500 items" in run(dev, "diff", old, new, "--table", code=4)[0], "the items are in the old table"
    (old / "order.json").write_text(json.dumps(json.loads((old / "order.json").read_text()) | {"x-ripple": file["x-ripple"]}))
    assert "there is no table elsewhere" in run(dev, "diff", old, new, "--table", code=1)[1]


def test_a_second_resource_without_a_default_is_breaking(dev, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    note = {"title": "Note", "x-ripple": {"resource": "note", "key": "no"}, "type": "object"}

    def compared(code, task=TASK):
        for folder, files in ((old, {"task": TASK}), (new, {"task": task, "note": note})):
            folder.mkdir(exist_ok=True)
            for name, file in files.items():
                (folder / f"{name}.json").write_text(json.dumps(file))
        return run(dev, "diff", old, new, code=code)[0].splitlines()

    added = "note.json: absent → present: new resource"
    assert compared(4) == [added, "task.json#/x-ripple/default: true → false: breaking"]
    assert compared(0, TASK | {"x-ripple": TASK["x-ripple"] | {"default": True}}) == [added]
