"""Tables whose key is a number, or has two parts: `tests/resources/meter.json` and others, on the real engine."""

import base64
import json
import re
import time
from decimal import Decimal

import boto3
import pytest

from conftest import dynamodb
from dev import Dev, ripple
from edge import ROOT

METER = json.loads((ROOT / "tests/resources/meter.json").read_text())
ITEM = {"title": "Item", "x-ripple": {"resource": "item", "key": "no", "key_type": "number"}, "type": "object"}
PAIR = {
    "title": "Pair",
    "x-ripple": {"resource": "pair", "key": "one", "sort_key": "two", "sort_key_type": "number"},
    "type": "object",
}


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for file in (METER, ITEM, PAIR):
        (folder / f"{file['x-ripple']['resource']}.json").write_text(json.dumps(file))
    with Dev(folder / "data", "--in-memory", "--resources", folder, feed=True) as dev:
        dev.folder = folder
        yield dev


@pytest.fixture
def client(dev):
    return dev.ripple()


def table(dev, name):
    return dynamodb(boto3.resource, dev.dynamodb).Table(name)


def encoded(text):
    return "_~" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_number_key_is_a_number_in_records_and_in_the_table(dev, client):
    made = client.call("POST", "/item", {"no": 1001, "name": "lamp"})
    assert (made.status, made.headers["location"]) == (201, "item/1001"), made
    assert made.json()["no"] == 1001 and isinstance(made.json()["no"], int)
    assert table(dev, "ripple_item").get_item(Key={"no": 1001})["Item"]["name"] == "lamp"
    assert client.call("PATCH", "/item/1001", {"no": 1001, "name": "torch"}).json()["version"] == 2
    assert client.call("PUT", "/item/1001", {"no": 1002, "name": "torch"}).json()["errors"][0]["pointer"] == "/no"
    assert client.call("POST", "/item", {"no": 1001}).status == 409
    assert client.call("DELETE", "/item/1001").status == 204
    assert client.call("GET", "/item/1001").status == 410
    assert [row["version"] for row in client.call("GET", "/item/1001/versions").json()][-1] == 1


@pytest.mark.parametrize("sent, form", [("1e3", "1000"), ("007", "7"), ("1.0", "1"), ("-0", "0"), ("%2B7", "7")])
def test_a_number_has_one_address(client, sent, form):
    refused = client.call("GET", f"/item/{sent}")
    assert refused.status == 400, refused
    [fault] = refused.json()["errors"]
    assert fault == {"parameter": "itemid", "detail": f"must have the number no as {form}"}


@pytest.mark.parametrize("sent", ["a", "1,2", "_~MWUz", "1e400", "NaN", "%00", "%FF", "_~", "--1", "9" * 39])
def test_hostile_numbers_are_refused(client, sent):
    assert client.call("GET", f"/item/{sent}").status == 400


def test_a_creation_needs_the_whole_key(client):
    for body, pointers in [({}, ["/no"]), ({"no": "1"}, ["/no"]), ({"no": None}, ["/no"])]:
        refused = client.call("POST", "/item", body)
        assert (refused.status, [fault["pointer"] for fault in refused.json()["errors"]]) == (400, pointers)
    refused = client.call("POST", "/pair", {"one": 1, "two": "b"})
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["/one", "/two"]


def test_lists_are_ordered_by_value_and_paged(client):
    numbers = [2, 10, -1, Decimal("0.5"), 100]
    for number in numbers:
        assert client.call("POST", "/item", {"no": number, "kind": "ordered"}).status == 201
    ordered = sorted(numbers)
    listed = client.call("GET", "/item?kind=ordered").json()
    assert [item["no"] for item in listed] == ordered
    assert [item["no"] for item in client.call("GET", "/item?kind=ordered&sort=-no").json()] == ordered[::-1]
    assert [item["no"] for item in client.call("GET", "/item?kind=ordered&sort=kind").json()] == ordered
    assert [item["no"] for item in client.call("GET", "/item?no=1e1&kind=ordered").json()] == [10]
    path, pages = "/item?kind=ordered&limit=2", []
    while path:
        page = client.call("GET", path)
        pages += [item["no"] for item in page.json()]
        link = re.match(r'<([^>]*)>; rel="next"', page.headers.get("link", ""))
        path = link and "/" + link[1]
    assert pages == ordered


def test_two_parts_are_one_segment(dev, client):
    made = client.call("POST", "/meter", {"meter_no": 7, "read_at": "2026-01-01", "place": "Roof", "kwh": 1})
    assert (made.status, made.headers["location"]) == (201, "meter/7,2026-01-01"), made
    assert client.call("POST", "/meter", {"meter_no": 7, "read_at": "2026-02-01", "place": "Roof"}).status == 201
    read = client.call("GET", "/meter/7,2026-01-01").json()
    assert (read["meter_no"], read["read_at"], read["rev"]) == (7, "2026-01-01", 1)
    assert client.call("GET", "/meter/7").status == 400
    assert client.call("GET", "/meter/7,2026-03-01").status == 404
    base = client.call("PATCH", "/meter/7,2026-01-01", {"kwh": 2, "version": "2.3"}).json()["rev"]
    ours = client.call("PUT", "/meter/7,2026-01-01", {"rev": base, "kwh": 3})
    theirs = client.call("PUT", "/meter/7,2026-01-01", {"rev": base, "place": "Cellar"})
    assert (ours.status, theirs.status) == (200, 200)
    merged = client.call("GET", "/meter/7,2026-01-01").json()
    assert (merged["kwh"], merged["place"], merged["version"]) == (3, "Cellar", "2.3")
    item = table(dev, "ripple_meter").get_item(Key={"meter_no": 7, "read_at": "2026-01-01"})["Item"]
    assert item["place"] == "Cellar"
    assert client.call("DELETE", "/meter/7,2026-01-01").status == 204
    back = client.call("POST", f"/meter/7,2026-01-01/versions/{merged['rev']}", {"rev": merged["rev"] + 1})
    assert back.status == 200 and back.json()["place"] == "Cellar", back
    states = client.call("GET", "/meter/7,2026-01-01/versions?limit=2")
    assert len(states.json()) == 2 and 'rel="next"' in states.headers["link"]


def test_keys_of_another_program_are_addressed_by_base64url(dev, client):
    texts = ["P 001", "2024/07", "A#1", "a+b", "_draft", "프로젝트1", "_~x", "a%41", "a,b", "é" * 300]
    items = table(dev, "ripple_pair")
    for place, text in enumerate(texts):
        items.put_item(Item={"one": text, "two": Decimal(place) / 2, "name": "theirs"})
        address = f"{encoded(text)},{Decimal(place) / 2:f}".removesuffix(".0")
        read = client.call("GET", f"/pair/{address}")
        assert read.status == 200 and read.json()["one"] == text, (text, read)
        saved = client.call("PATCH", f"/pair/{address}", {"name": "ours"})
        assert saved.status == 200 and saved.json()["version"] > 0, (text, saved)
        assert items.get_item(Key={"one": text, "two": Decimal(place) / 2})["Item"]["name"] == "ours"
        assert client.call("DELETE", f"/pair/{address}").status == 204
        assert client.call("GET", f"/pair/{address}/versions").status == 200


def test_a_bare_underscore_is_reserved_and_the_answer_says_the_address(client):
    for path in ["/pair/_draft,1", "/item/_draft"]:
        absent = client.call("GET", path)
        assert (absent.status, absent.json()["code"]) == (404, "not_found")
        assert absent.json()["detail"] == "ids that begin with _ are addressed as _~X2RyYWZ0"


def test_changes_and_sessions_carry_the_keys(client):
    since = client.call("GET", "/pair/_changes").json()["cursor"]
    assert client.call("POST", "/pair", {"one": "changed", "two": 1}).status == 201
    assert client.call("POST", "/pair", {"one": "deleted", "two": 2}).status == 201
    assert client.call("DELETE", "/pair/deleted,2").status == 204
    changes = client.call("GET", f"/pair/_changes?since={since}").json()
    assert {"changed"} <= {record["one"] for record in changes["changed"]}
    assert "deleted,2" in changes["deleted"]
    assert client.call("GET", "/pair?one=changed").json()[0]["two"] == 1


def test_a_retry_finds_its_first_answer(client):
    body = {"one": "once", "two": 1}
    first, again = (client.call("POST", "/pair", body, idempotency_key="k-once") for _ in range(2))
    assert (first.status, again.status) == (201, 201) and first.body == again.body


def test_the_feed_adopts_what_another_program_wrote(dev, client):
    table(dev, "ripple_meter").put_item(Item={"meter_no": 9, "read_at": "2026-01-01", "place": "Hall"})
    deadline = time.monotonic() + 60
    while client.call("GET", "/meter/9,2026-01-01").json()["rev"] < 1:
        assert time.monotonic() < deadline, "the item is not adopted"
        time.sleep(0.02)


def test_tables_documents_and_tools_have_the_keys(dev, client):
    described = dev.client().describe_table(TableName="ripple_meter")["Table"]
    assert [(key["AttributeName"], key["KeyType"]) for key in described["KeySchema"]] == [
        ("meter_no", "HASH"),
        ("read_at", "RANGE"),
    ]
    schemas = client.call("GET", "/openapi.json").json()["components"]["schemas"]
    assert schemas["MeterReading"]["properties"]["meter_no"]["type"] == "number"
    assert {"meter_no", "read_at", "place"} <= set(schemas["NewMeterReading"]["required"])
    said = ripple("--resources", dev.folder, "table", "describe", data=dev.data)
    assert "ready" in said and "missing" not in said, said
    inferred = json.loads(ripple("resource", "infer", "ripple_meter", "--resource", "reading", data=dev.data))
    assert inferred["x-ripple"] | {"members": None, "entries": None} == {
        "resource": "reading",
        "key": "meter_no",
        "key_type": "number",
        "sort_key": "read_at",
        "table": "ripple_meter",
        "members": None,
        "entries": None,
    }
    ripple("resource", "check", dev.folder, "--table", "pair", "--all", data=dev.data)


@pytest.mark.parametrize("format", ["json", "dynamodb-json"])
def test_records_are_exported_and_imported(dev, client, tmp_path, format):
    sent = [{"one": format, "two": number, "note": f"no. {number}"} for number in (1, 2, 3)]
    for record in sent:
        assert client.call("POST", "/pair", record).status == 201
    of_pair, file = ("--resources", dev.folder), tmp_path / "pair.jsonl"
    ripple(*of_pair, "export", file, "--resource", "pair", "--format", format, data=dev.data)
    with Dev(tmp_path / "other", "--in-memory", "--resources", dev.folder) as other:
        for created in (len(file.read_text().splitlines()), 0):
            done = ripple(*of_pair, "import", file, "--resource", "pair", data=other.data)
            assert done.startswith(f"{created} created, ") and " 0 refused" in done, done
        assert own(other.ripple().call("GET", f"/pair?one={format}")) == sent


def own(listed):
    """Returns the records of a list without what ripple adds to each."""
    ripples = ("version", "updated_at", "updated_by")
    return [{name: record[name] for name in record if name not in ripples} for record in listed.json()]


@pytest.mark.parametrize(
    "resource, items",
    [
        ("item", [{"no": {"N": "7001"}, "kind": {"S": "scanned"}}, {"no": {"N": "-0.5"}, "kind": {"S": "scanned"}}]),
        ("pair", [{"one": {"S": "7ü\"\\"}, "two": {"N": "1"}, "kind": {"S": "scanned"}, "tags": {"SS": ["a"]}}]),
    ],
)
def test_the_output_of_a_scan_is_imported(dev, tmp_path, resource, items):
    (tmp_path / "scan.json").write_text(json.dumps({"Items": items, "Count": len(items), "ScannedCount": 9}))
    done = ripple("--resources", dev.folder, "import", tmp_path / "scan.json", "--resource", resource, data=dev.data)
    assert f"{len(items)} created" in done
    for item in items:
        key = {name: item[name] for name in ("no", "one", "two") if name in item}
        stored = dev.client().get_item(TableName=f"ripple_{resource}", Key=key)["Item"]
        assert {name: stored[name] for name in item} == item


def test_an_import_invents_no_key_that_is_a_number_or_has_two_parts(dev, tmp_path):
    for resource, records, members in [
        ("item", [{"name": "lamp"}, {"no": None}], ["no"]),
        ("pair", [{"name": "lamp"}, {"one": "a"}, {"one": None, "two": 1}], ["one", "two"]),
    ]:
        (tmp_path / "keyless").write_text("".join(json.dumps(record) + "\n" for record in records))
        said = ripple(
            "--resources", dev.folder, "import", tmp_path / "keyless", "--resource", resource, data=dev.data, ok=False
        )
        assert f"0 created, 0 already present, 0 deletions skipped, {len(records)} refused" in said
        assert all(f"/{member} is required" in said for member in members), said


def test_a_table_with_another_key_is_foreign(dev, tmp_path):
    file = ITEM | {"x-ripple": ITEM["x-ripple"] | {"table": "ripple_pair"}}
    (tmp_path / "item.json").write_text(json.dumps(file))
    said = ripple("--resources", tmp_path, "table", "describe", data=dev.data, ok=False)
    assert "one (S), two (N)" in said, said
