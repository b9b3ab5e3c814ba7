"""ripple and a second writer on one table. Each reads the other's writes, and neither damages them."""

import time
from decimal import Decimal
from urllib.parse import quote

import pytest
from boto3.dynamodb.conditions import Key

from second_writer import TABLE, event, handler

#: A value of every DynamoDB type, on the wire. `nested` nests them again.
EVERY_TYPE = {
    "text": {"S": "Zürich ⛴"},
    "empty_text": {"S": ""},
    "digits": {"N": "12345678901234567890123456789012345678"},
    "small": {"N": "-0.00000000000000000000000000000000000012345678901234567890123456789012345678"},
    "binary": {"B": b"\x00\xff\xfe salt"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "map": {"M": {"a": {"N": "1.5"}, "b": {"M": {}}}},
    "list": {"L": [{"S": "x"}, {"N": "2"}, {"L": []}]},
    "texts": {"SS": ["lamp", "bearing"]},
    "numbers": {"NS": ["10", "9", "12345678901234567890123456789012345678"]},
    "binaries": {"BS": [b"\x01", b"\x02\x03"]},
}
EVERY_TYPE["nested"] = {"M": {"entries": {"L": [{"M": dict(EVERY_TYPE, id={"S": "t1"})}]}, **EVERY_TYPE}}


def wire(client, prj_id):
    """Returns the item as DynamoDB has it, with ordered sets for comparison."""
    answer = client.get_item(TableName=TABLE, Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)
    return {name: ordered(value) for name, value in answer["Item"].items()}


def ordered(value):
    (kind, content), *_ = value.items()
    match kind:
        case "SS" | "NS" | "BS":
            return {kind: sorted(content)}
        case "L":
            return {kind: [ordered(entry) for entry in content]}
        case "M":
            return {kind: {name: ordered(member) for name, member in content.items()}}
        case _:
            return value


@pytest.fixture
def typed(client, prj_id):
    """Creates a record of the second writer with a value of every type. Returns its item."""
    texts = ("name", "goal", "issue", "description", "term_unit", "create_date")
    item = {"prj_id": {"S": prj_id}, "term": {"N": "8"}, **{name: {"S": name} for name in texts}, **EVERY_TYPE}
    client.put_item(TableName=TABLE, Item=item)
    return wire(client, prj_id)


def assert_kept(client, item, *changed):
    """Asserts that the item in the table is unchanged, except for the named members and those that ripple adds."""
    now = wire(client, item["prj_id"]["S"])
    assert set(now) - set(item) <= {"rpl_version", "rpl_seal", "rpl_at", "rpl_by", "rpl_shard"}
    for name in set(item) - set(changed):
        assert now[name] == item[name], name


def content(record):
    """Returns a record without the members that ripple adds."""
    return {name: value for name, value in record.items() if name not in ("version", "updated_at", "updated_by")}


# The second writer alone.


def test_it_creates_reads_and_lists(table, prj_id):
    created = event(prj_id, term="8")
    handler(table, created)
    expected = {name: value for name, value in created.items() if name != "method"}
    assert handler(table, {"method": "get", "prj_id": prj_id}) == expected
    assert expected in handler(table, {"method": "search"})


# ripple with what it wrote.


@pytest.mark.parametrize("term", [Decimal(8), "8"])
def test_ripple_reads_and_lists_its_records(table, ripple, prj_id, term):
    created = event(prj_id, term=term)
    handler(table, created)
    record = ripple.get(prj_id)
    expected = {name: value for name, value in created.items() if name != "method"}
    assert record.pop("version") < 0, "a number of its content"
    assert record == expected
    assert type(record["term"]) is (str if term == "8" else int)
    record = ripple.get(prj_id)
    assert ripple.list(f"prj_id={prj_id}") == [record]
    assert record in ripple.list()


@pytest.mark.parametrize("term", [Decimal(8), "8"])
def test_ripple_saves_its_records_in_place(table, ripple, prj_id, term):
    handler(table, event(prj_id, term=term))
    saved = ripple.put(prj_id, {"version": ripple.get(prj_id)["version"], "name": "Lighthouse, restored"})
    assert saved["version"] == 2, "version 1 is what was there"
    item = handler(table, {"method": "get", "prj_id": prj_id})
    assert item["name"] == "Lighthouse, restored"
    assert (item["term"], type(item["term"])) == (term, type(term))
    assert item["goal"] == "The lamp turns again"


def test_ripple_saves_a_record_that_lacks_what_is_required(table, ripple, prj_id):
    table.put_item(Item={"prj_id": prj_id, "name": "half a record", "term": "unknown"})
    saved = ripple.patch(prj_id, {"name": "still half a record"})
    assert saved["version"] == 2
    assert handler(table, {"method": "get", "prj_id": prj_id})["term"] == "unknown"


def test_every_type_shows_in_json(ripple, typed):
    record = ripple.get(typed["prj_id"]["S"])
    assert record["digits"] == 12345678901234567890123456789012345678
    assert record["small"] == Decimal("-1.2345678901234567890123456789012345678E-37")
    assert record["binary"] == "AP/+IHNhbHQ="
    assert (record["flag"], record["nothing"], record["empty_text"]) == (False, None, "")
    assert record["map"] == {"a": Decimal("1.5"), "b": {}}
    assert record["list"] == ["x", 2, []]
    assert sorted(record["texts"]) == ["bearing", "lamp"]
    assert sorted(record["numbers"]) == [9, 10, 12345678901234567890123456789012345678]
    assert sorted(record["binaries"]) == ["AQ==", "AgM="]
    entry = record["nested"]["entries"][0]
    assert entry == {"id": "t1", **{name: record[name] for name in EVERY_TYPE if name != "nested"}}


def test_every_type_survives_reading(client, ripple, typed):
    prj_id = typed["prj_id"]["S"]
    assert ripple.list(f"prj_id={prj_id}") == [ripple.get(prj_id)]
    assert wire(client, prj_id) == typed


@pytest.mark.parametrize("save", ["put", "patch"])
def test_every_type_survives_an_edit_of_another_field(client, ripple, typed, save):
    getattr(ripple, save)(typed["prj_id"]["S"], {"name": "edited"})
    assert_kept(client, typed, "name")


def test_every_type_survives_coming_back_in_a_whole_record(client, ripple, typed):
    prj_id = typed["prj_id"]["S"]
    record = ripple.get(prj_id)
    adopted = ripple.put(prj_id, record)
    assert content(adopted) == content(record), "nothing has changed"
    assert adopted["version"] == 1, "it has a number now"
    assert_kept(client, typed)
    assert ripple.put(prj_id, record | {"name": "edited"})["version"] == 2
    assert_kept(client, typed, "name")


def test_an_edit_inside_an_object_keeps_the_types_beside_it(client, ripple, typed):
    prj_id = typed["prj_id"]["S"]
    ripple.patch(prj_id, {"nested": {"text": "edited"}})
    now = wire(client, prj_id)
    typed["nested"]["M"]["text"] = {"S": "edited"}
    assert now["nested"] == typed["nested"]
    assert_kept(client, typed, "nested")


def test_a_set_that_is_edited_stays_a_set(client, ripple, typed):
    prj_id = typed["prj_id"]["S"]
    # A client that names the version has seen the members that it leaves out.
    edit = {"texts": ["lamp", "bearing", "grease"], "numbers": [7], "binaries": ["Aw=="]}
    ripple.patch(prj_id, {"version": ripple.get(prj_id)["version"]} | edit)
    item = wire(client, prj_id)
    assert item["texts"] == {"SS": ["bearing", "grease", "lamp"]}
    assert item["numbers"] == {"NS": ["7"]}
    assert item["binaries"] == {"BS": [b"\x03"]}
    assert_kept(client, typed, "texts", "numbers", "binaries")


def test_what_cannot_be_a_set_is_a_list(client, ripple, typed):
    prj_id = typed["prj_id"]["S"]
    base = {"version": ripple.get(prj_id)["version"]}
    ripple.patch(prj_id, base | {"texts": ["lamp", 5], "numbers": [], "binary": "no base64!"})
    item = wire(client, prj_id)
    assert item["texts"] == {"L": [{"S": "lamp"}, {"N": "5"}]}
    assert "numbers" not in item, "DynamoDB has no empty set"
    assert item["binary"] == {"S": "no base64!"}


def test_a_filter_looks_into_sets(ripple, typed):
    prj_id = typed["prj_id"]["S"]
    for query, found in [("texts=lamp", True), ("numbers=9", True), ("texts=lam", False), ("numbers=1", False)]:
        assert bool(ripple.list(f"prj_id={prj_id}&{query}")) is found, query


@pytest.mark.parametrize("form", ["P {}", "프로젝트{}", "2024/{}", "A#{}", "a+{}", "_{}", "100%{}", "?{}=1", "{}" + "x" * 200])
def test_a_record_with_an_id_that_ripple_would_not_give(table, ripple, prj_id, form):
    """It is read, listed, saved and deleted under its percent-encoded id. ripple itself makes no such id."""
    strange = form.format(prj_id)
    handler(table, event(strange))
    # A bare `_` begins a path of ripple's own.
    path = quote(strange, safe="").replace("_", "%5F")
    assert [record["prj_id"] for record in ripple.list(f"prj_id={path}")] == [strange]
    read = ripple.get(path)
    assert read["prj_id"] == strange
    saved = ripple.put(path, {"version": read["version"], "prj_id": strange, "goal": "saved by its id"})
    assert ripple.get(path) == saved
    assert ripple.state(path, saved["version"]) == saved
    assert ripple.versions(path)[0] == saved["version"]
    ripple.delete(path)
    assert ripple.call("GET", f"/prj/{path}").status == 410
    answer = ripple.call("POST", "/prj", {**saved, "prj_id": strange})
    assert (answer.status, answer.json()["code"]) == (400, "invalid_body")


def test_members_named_like_ripples_own_do_no_harm(client, ripple, prj_id):
    """Attributes with these names belong to the other program. They are kept and not shown."""
    item = {"prj_id": {"S": prj_id}, "name": {"S": "flagged"}, "deleted": {"BOOL": True}, "updated_by": {"N": "7"}}
    client.put_item(TableName=TABLE, Item=item)
    assert ripple.get(prj_id)["name"] == "flagged"
    ripple.patch(prj_id, {"name": "edited"})
    assert ripple.get(prj_id)["name"] == "edited"
    assert [record["name"] for record in ripple.list(f"prj_id={prj_id}")] == ["edited"]
    now = wire(client, prj_id)
    assert (now["deleted"], now["updated_by"]) == (item["deleted"], item["updated_by"])


def test_a_record_written_over_behind_ripples_back_is_seen(table, ripple, prj_id):
    handler(table, event(prj_id))
    mine = ripple.put(prj_id, {"name": "ripple's"})
    handler(table, event(prj_id, name="the second writer's"))
    assert ripple.get(prj_id)["name"] == "the second writer's"
    answer = ripple.call("PUT", f"/prj/{prj_id}", {"version": mine["version"] + 1, "name": "never seen"})
    assert (answer.status, answer.json()["code"]) == (409, "stale")
    assert answer.json()["current"] == ripple.get(prj_id)
    assert handler(table, {"method": "get", "prj_id": prj_id})["name"] == "the second writer's"


def test_a_save_is_merged_into_what_was_written_over_its_base(table, ripple, prj_id):
    """The history still has the base. The state of the second writer that the save replaces gets a version there
    too."""
    handler(table, event(prj_id))
    seen = ripple.put(prj_id, {"name": "ripple's"})
    handler(table, event(prj_id, name="the second writer's", goal="The lamp shines"))
    answer = ripple.call("PUT", f"/prj/{prj_id}", seen | {"name": "late", "issue": "Rust"})
    assert answer.status == 200
    assert answer.headers["ripple-receipt"] == (
        'result=saved, version=4, base=2, won=("/name";replaced=3), taken=("/issue"), kept=("/goal")'
    )
    record = answer.json()
    assert (record["name"], record["goal"], record["issue"]) == ("late", "The lamp shines", "Rust")
    first, replaced = (ripple.state(prj_id, number) for number in (1, 3))
    assert (first["name"], replaced["name"]) == ("Lighthouse", "the second writer's")
    assert ripple.versions(prj_id) == [4, 3, 2, 1]


# The second writer with what ripple wrote.


def project(prj_id):
    return {name: value for name, value in event(prj_id, term=8).items() if name != "method"}


def test_it_reads_and_lists_ripples_records(table, ripple, prj_id):
    ripple.create(project(prj_id) | {"timeline": [{"id": "t1", "date": "2026-11-22", "days": 3}]})
    item = handler(table, {"method": "get", "prj_id": prj_id})
    for name, value in project(prj_id).items():
        assert item[name] == value
    assert item["timeline"] == [{"id": "t1", "date": "2026-11-22", "days": Decimal(3)}]
    assert item in handler(table, {"method": "search"})


def test_ripples_records_are_in_the_index_of_changes(table, ripple, prj_id):
    created = ripple.create(project(prj_id))
    item = handler(table, {"method": "get", "prj_id": prj_id})
    assert item["rpl_version"] == 1
    assert item["rpl_at"] == created["updated_at"]
    assert item["rpl_by"] == created["updated_by"]
    assert isinstance(item["rpl_shard"], str) and isinstance(item["rpl_seal"], str)

    saved = ripple.patch(prj_id, {"name": "saved"})
    condition = Key("rpl_shard").eq(item["rpl_shard"]) & Key("rpl_at").eq(saved["updated_at"])
    changed = table.query(IndexName="by_update", KeyConditionExpression=condition)["Items"]
    [changed] = [item for item in changed if item["prj_id"] == prj_id]
    # The keys and the version only: more would make each write more expensive.
    assert changed == {
        "prj_id": prj_id,
        "rpl_shard": item["rpl_shard"],
        "rpl_at": saved["updated_at"],
        "rpl_version": 2,
    }


def test_a_deleted_record_leaves_a_tombstone_that_expires(table, ripple, prj_id):
    ripple.create(project(prj_id))
    assert ripple.call("DELETE", f"/prj/{prj_id}").status == 204
    item = handler(table, {"method": "get", "prj_id": prj_id})
    assert item["rpl_version"] == 2
    assert "rpl_deleted" in item and "rpl_shard" in item
    own = {name for name in item if name.startswith("rpl_")}
    assert set(item) - own == {"prj_id"}, "nothing of the record is kept in it"
    in_97_days = time.time() + 97 * 24 * 60 * 60
    assert abs(int(item["rpl_expires_at"]) - in_97_days) < 600, "in seconds, as DynamoDB's TTL wants it"


def test_both_tables_expire_by_ripples_own_attribute(client):
    for table in (TABLE, f"{TABLE}_version"):
        ttl = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "rpl_expires_at"), table
    described = client.describe_table(TableName=TABLE)["Table"]
    indexes = {index["IndexName"]: index for index in described["GlobalSecondaryIndexes"]}
    assert set(indexes) == {"by_update", "by_id"}
    for name, sort_key, projected in [("by_update", "rpl_at", "rpl_version"), ("by_id", "prj_id", "rpl_deleted")]:
        keys = {key["AttributeName"]: key["KeyType"] for key in indexes[name]["KeySchema"]}
        assert keys == {"rpl_shard": "HASH", sort_key: "RANGE"}
        assert indexes[name]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": [projected]}
    history = client.describe_table(TableName=f"{TABLE}_version")["Table"]
    keys = {key["AttributeName"]: key["KeyType"] for key in history["KeySchema"]}
    assert keys == {"prj_id": "HASH", "version": "RANGE"}
