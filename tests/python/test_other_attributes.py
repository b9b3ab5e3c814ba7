"""Attributes of other programs, whatever their names and types. ripple shows, keeps and edits them as data, and the
other programs continue to use them."""

from decimal import Decimal

import pytest

from second_writer import TABLE, event, handler
from test_other_programs import external, get_item, project

#: Attributes with names of ripple's members in the API, or of ripple's attributes in an earlier layout.
NAMED_ALIKE = {
    "version": "2.3",
    "updated_at": "2026-03-01T10:00:00Z",
    "updated_by": {"team": Decimal(7)},
    "deleted": True,
    "expires_at": Decimal(1735689600),
    "list_shard": Decimal(7),
}
#: The API has its own members with these names.
UNSEEN = ("version", "updated_at", "updated_by", "deleted")


def kept(table, prj_id, attributes):
    item = get_item(table, prj_id)
    return {name: item.get(name) for name in attributes} == attributes


def test_attributes_that_are_called_like_ripples_own_are_data(table, ripple, prj_id):
    table.put_item(Item=project(prj_id) | NAMED_ALIKE)
    record = external(ripple.get(prj_id))
    assert (record["expires_at"], record["list_shard"]) == (1735689600, 7)
    assert "deleted" not in record
    assert ripple.list(f"prj_id={prj_id}") == [record]
    assert [found["prj_id"] for found in ripple.list(f"prj_id={prj_id}&list_shard=7")] == [prj_id]

    saved = ripple.put(prj_id, record | {"goal": "ours"})
    assert saved["version"] == 2 and saved["updated_at"] > 1_600_000_000_000
    assert kept(table, prj_id, NAMED_ALIKE)
    assert ripple.restore(prj_id, 1)["version"] == 3
    assert kept(table, prj_id, NAMED_ALIKE)
    assert ripple.list(f"prj_id={prj_id}") == [ripple.get(prj_id)]

    edited = ripple.patch(prj_id, {"version": 3, "expires_at": "never", "list_shard": None})
    assert edited["expires_at"] == "never" and "list_shard" not in edited
    assert kept(table, prj_id, {name: NAMED_ALIKE[name] for name in UNSEEN})


@pytest.mark.parametrize("name", NAMED_ALIKE)
def test_each_of_them_alone_is_data(table, ripple, prj_id, name):
    attribute = {name: NAMED_ALIKE[name]}
    table.put_item(Item=project(prj_id) | attribute)
    record = external(ripple.get(prj_id))
    assert (name in record and record[name] != record["version"]) == (name not in UNSEEN)
    ripple.patch(prj_id, {"goal": "ours"})
    assert kept(table, prj_id, attribute)
    ripple.delete(prj_id)
    assert name not in get_item(table, prj_id)
    ripple.restore(prj_id, 1)
    assert kept(table, prj_id, attribute)


def test_a_program_goes_on_counting_with_its_own_attribute(table, ripple, prj_id):
    """The program's lock on its own version works while ripple saves."""
    table.put_item(Item=project(prj_id) | {"version": 1, "checks": {}})
    for count in range(1, 6):
        ripple.patch(prj_id, {"goal": f"ours {count}"})
        table.update_item(
            Key={"prj_id": prj_id},
            UpdateExpression="SET version = version + :one, checks.#day = :day",
            ConditionExpression="version = :seen",
            ExpressionAttributeNames={"#day": f"d{count}"},
            ExpressionAttributeValues={":one": 1, ":seen": count, ":day": count},
        )
    item = get_item(table, prj_id)
    assert (item["version"], item["goal"]) == (6, "ours 5")
    assert item["checks"] == {f"d{count}": count for count in range(1, 6)}
    # Two for each save over a state of the program.
    assert ripple.get(prj_id)["version"] < 0
    assert ripple.patch(prj_id, {})["version"] == ripple.versions(prj_id)[0]


# Types.


def typed_entry(**members):
    return {"M": {"tags": {"SS": ["a", "b"]}, "raw": {"B": b"\x00\xff"}, "sizes": {"NS": ["1", "2.5"]}} | members}


def put_typed(client, prj_id, **attributes):
    texts = ("name", "goal", "issue", "description", "term_unit", "create_date")
    item = {"prj_id": {"S": prj_id}, "term": {"N": "8"}, **{name: {"S": name} for name in texts}} | attributes
    client.put_item(TableName=TABLE, Item=item)


def item_of(client, prj_id):
    return client.get_item(TableName=TABLE, Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)["Item"]


@pytest.mark.parametrize("save", ["put", "patch"])
def test_types_in_entries_without_an_id_survive_an_edit_beside_them(client, ripple, prj_id, save):
    entries = [typed_entry(note={"S": note}) for note in ("first", "second")]
    put_typed(client, prj_id, steps={"L": entries})
    record = ripple.get(prj_id)
    record["steps"][0]["note"] = "edited"
    getattr(ripple, save)(prj_id, record)
    steps = item_of(client, prj_id)["steps"]["L"]
    assert [step["M"]["note"]["S"] for step in steps] == ["edited", "second"]
    for step in steps:
        assert sorted(step["M"]["tags"]["SS"]) == ["a", "b"]
        assert step["M"]["raw"] == {"B": b"\x00\xff"}
        assert sorted(step["M"]["sizes"]["NS"]) == ["1", "2.5"]


@pytest.mark.parametrize(
    "sent, kept",
    [([], None), (["x", "y", "y"], {"x", "y"}), (["x", "x"], {"x"}), (["new"], {"new"})],
)
@pytest.mark.parametrize("save", ["put", "patch"])
def test_another_program_goes_on_adding_to_a_set(client, ripple, prj_id, sent, kept, save):
    put_typed(client, prj_id, tags={"SS": ["x", "z"]}, meta={"M": {"tags": {"SS": ["x", "z"]}}})
    base = {"version": ripple.get(prj_id)["version"]}
    getattr(ripple, save)(prj_id, base | {"tags": sent, "meta": {"tags": sent}})
    item = item_of(client, prj_id)
    if kept is None:
        assert "tags" not in item and "tags" not in item.get("meta", {"M": {}})["M"]
    else:
        assert set(item["tags"]["SS"]) == kept and set(item["meta"]["M"]["tags"]["SS"]) == kept
    client.update_item(
        TableName=TABLE,
        Key={"prj_id": {"S": prj_id}},
        UpdateExpression="ADD tags :more",
        ExpressionAttributeValues={":more": {"SS": ["added"]}},
    )
    assert "added" in item_of(client, prj_id)["tags"]["SS"]
    assert set(ripple.get(prj_id)["tags"]) == (kept or set()) | {"added"}


def test_a_number_set_and_a_binary_set_stay_sets(client, ripple, prj_id):
    put_typed(client, prj_id, sizes={"NS": ["1"]}, keys={"BS": [b"\x01"]})
    base = {"version": ripple.get(prj_id)["version"]}
    ripple.patch(prj_id, base | {"sizes": [2, Decimal("2.0"), 3], "keys": ["Ag==", "Ag=="]})
    item = item_of(client, prj_id)
    assert sorted(item["sizes"]["NS"]) == ["2", "3"] and item["keys"] == {"BS": [b"\x02"]}
    ripple.patch(prj_id, {"version": ripple.get(prj_id)["version"], "sizes": [], "keys": []})
    item = item_of(client, prj_id)
    assert "sizes" not in item and "keys" not in item
    client.update_item(
        TableName=TABLE,
        Key={"prj_id": {"S": prj_id}},
        UpdateExpression="ADD #sizes :size",
        ExpressionAttributeNames={"#sizes": "sizes"},
        ExpressionAttributeValues={":size": {"NS": ["7"]}},
    )
    assert ripple.get(prj_id)["sizes"] == [7]


def test_the_legacy_function_goes_on_with_ripples_records(table, ripple, prj_id):
    ripple.create(project(prj_id) | {"timeline": [{"id": "a"}]})
    item = handler(table, {"method": "get", "prj_id": prj_id})
    assert {name: item[name] for name in project(prj_id)} == project(prj_id)
    handler(table, event(prj_id, goal="theirs"))
    assert "timeline" not in external(ripple.get(prj_id)), "it writes whole items"
    # The history has what it overwrote, and can restore it.
    assert ripple.patch(prj_id, {"issue": "ours"})["version"] == 3
    assert ripple.state(prj_id, 1)["timeline"] == [{"id": "a"}]
    assert ripple.restore(prj_id, 1)["timeline"] == [{"id": "a"}]
