"""Programs that write with boto3 while ripple writes. Each of their states has a number and a row, and no answered save
is lost. Their items are put, updated, deleted, put back and copied as consoles and scripts do."""

import threading

import pytest

from second_writer import TABLE, event, handler

HISTORY = f"{TABLE}_version"


def get_item(table, prj_id):
    return table.get_item(Key={"prj_id": prj_id}, ConsistentRead=True).get("Item")


def set_attribute(table, prj_id, name, value):
    """Sets one attribute, and ignores the others."""
    table.update_item(
        Key={"prj_id": prj_id},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


def rows(client, prj_id):
    """Returns the rows of a record from the history table."""
    condition = {"KeyConditionExpression": "prj_id = :id", "ExpressionAttributeValues": {":id": {"S": prj_id}}}
    return client.query(TableName=HISTORY, ConsistentRead=True, **condition)["Items"]


def delete_rows(client, prj_id, *versions):
    """Deletes rows as TTL does."""
    for version in versions:
        client.delete_item(TableName=HISTORY, Key={"prj_id": {"S": prj_id}, "version": {"N": str(version)}})


def external(record):
    """Returns the record as another program left it."""
    assert record["version"] < 0, record
    assert "updated_at" not in record and "updated_by" not in record
    return record


def project(prj_id, **members):
    return {name: value for name, value in event(prj_id, term=8, **members).items() if name != "method"}


# Numbers.


@pytest.mark.parametrize("deleted_before", [False, True])
def test_numbers_go_on_where_rows_have_expired(client, table, ripple, prj_id, deleted_before):
    ripple.create(project(prj_id))
    for number in range(3):
        ripple.patch(prj_id, {"goal": f"goal {number}"})
    delete_rows(client, prj_id, 1, 2)
    if deleted_before:
        table.delete_item(Key={"prj_id": prj_id})
        assert ripple.create(project(prj_id))["version"] == 5
        assert ripple.versions(prj_id) == [5, 4, 3]
    else:
        handler(table, event(prj_id, goal="theirs"))
        external(ripple.get(prj_id))
        assert ripple.patch(prj_id, {"issue": "ours"})["version"] == 6
        assert ripple.versions(prj_id) == [6, 5, 4, 3]
        assert ripple.state(prj_id, 5)["goal"] == "theirs"


def test_edits_of_one_state_of_theirs_are_both_kept(table, ripple, prj_id):
    ripple.create(project(prj_id))
    set_attribute(table, prj_id, "goal", "theirs")
    ann = external(ripple.get(prj_id))
    bo = dict(ann)
    assert ripple.put(prj_id, bo | {"goal": "Bo's"})["version"] == 3
    record = ripple.put(prj_id, ann | {"issue": "Ann's"})
    assert (record["goal"], record["issue"], record["version"]) == ("Bo's", "Ann's", 4)
    assert ripple.state(prj_id, 2)["goal"] == "theirs"


def test_every_state_of_a_program_that_counts_versions_itself_has_a_row(table, ripple, prj_id):
    for version in (5, 6):
        table.put_item(Item=project(prj_id, goal=f"theirs {version}") | {"version": version})
        seen = external(ripple.get(prj_id))
    ripple.put(prj_id, seen | {"issue": "ours"})
    table.put_item(Item=project(prj_id, goal="theirs 8") | {"version": 8})
    seen = external(ripple.get(prj_id))
    assert ripple.put(prj_id, seen | {"issue": "ours again"})["version"] == 4
    assert get_item(table, prj_id)["version"] == 8, "it is theirs"
    assert ripple.versions(prj_id) == [4, 3, 2, 1]
    goals = [ripple.state(prj_id, version)["goal"] for version in (1, 2, 3, 4)]
    assert goals == ["theirs 6", "theirs 6", "theirs 8", "theirs 8"]


def test_two_states_of_theirs_are_two_bases(table, ripple, prj_id):
    table.put_item(Item=project(prj_id, goal="first") | {"tags": ["a", "b"]})
    ann = external(ripple.get(prj_id))
    ripple.patch(prj_id, {"note": "between"})
    table.put_item(Item=project(prj_id, goal="second") | {"tags": ["a", "b", "c"]})
    bo = external(ripple.get(prj_id))
    assert ann["version"] != bo["version"]
    ripple.put(prj_id, bo | {"tags": ["b", "c"]})
    answer = ripple.call("PUT", f"/prj/{prj_id}", ann | {"tags": ["a", "b", "d"]})
    assert "missing" not in answer.headers["ripple-receipt"]
    assert (sorted(answer.json()["tags"]), answer.json()["goal"]) == (["b", "c", "d"], "second")


# An answered save.


def test_what_was_answered_unchanged_has_a_row(table, ripple, prj_id):
    ripple.create(project(prj_id))
    set_attribute(table, prj_id, "goal", "theirs")
    answer = ripple.call("PUT", f"/prj/{prj_id}", {"version": 1, "goal": "theirs"})
    assert answer.headers["ripple-receipt"].startswith("result=unchanged, version=2")
    assert answer.json()["version"] == 2
    table.put_item(Item=project(prj_id, goal="another"))
    assert ripple.state(prj_id, 2)["goal"] == "theirs"
    assert ripple.patch(prj_id, {"issue": "ours"})["version"] == 4
    assert ripple.versions(prj_id) == [4, 3, 2, 1]


def test_an_item_put_back_byte_for_byte_uses_no_number_twice(client, ripple, prj_id):
    ripple.create(project(prj_id, goal="one"))
    old = client.get_item(TableName=TABLE, Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)["Item"]
    answered = {1: ripple.state(prj_id, 1)}
    for goal in ("two", "three"):
        saved = ripple.patch(prj_id, {"goal": goal})
        answered[saved["version"]] = saved
    client.put_item(TableName=TABLE, Item=old)
    assert ripple.get(prj_id) == answered[1], "readers see the old version until the next save"
    for name in ("issue", "description"):
        saved = ripple.patch(prj_id, {name: "ours"})
        answered[saved["version"]] = saved
        client.put_item(TableName=TABLE, Item=old)
    ripple.delete(prj_id)
    assert sorted(answered) == [1, 2, 3, 4, 5]
    assert ripple.versions(prj_id) == [6, 5, 4, 3, 2, 1]
    for version, record in answered.items():
        assert ripple.state(prj_id, version) == record, version


def test_an_item_put_back_while_others_save_uses_no_number_twice(client, ripple, prj_id):
    ripple.create(project(prj_id))
    old = client.get_item(TableName=TABLE, Key={"prj_id": {"S": prj_id}}, ConsistentRead=True)["Item"]
    done = threading.Event()

    def put_back():
        while not done.is_set():
            client.put_item(TableName=TABLE, Item=old)
            done.wait(0.003)

    program = threading.Thread(target=put_back)
    program.start()
    answered = {}
    try:
        for number in range(60):
            answer = ripple.call("PATCH", f"/prj/{prj_id}", {f"field{number % 7}": number})
            # 503: contention, and nothing was changed.
            assert answer.status in (200, 503), answer
            if answer.status == 200:
                record = answer.json()
                assert answered.setdefault(record["version"], record) == record, "one number, two contents"
    finally:
        done.set()
        program.join()
    assert len(answered) > 30
    for version, record in answered.items():
        assert ripple.state(prj_id, version) == record


# Copies, deletions, tombstones.


def test_a_copy_under_another_id_is_a_state_of_theirs(client, table, ripple, prj_id):
    ripple.create(project(prj_id, goal="original"))
    ripple.patch(prj_id, {"note": "second"})
    copy = get_item(table, prj_id) | {"prj_id": f"{prj_id}-copy"}
    table.put_item(Item=copy)
    seen = external(ripple.get(copy["prj_id"]))
    assert ripple.put(copy["prj_id"], seen | {"goal": "copy"})["version"] == 2
    assert (ripple.versions(copy["prj_id"]), ripple.versions(prj_id)) == ([2, 1], [2, 1])
    assert ripple.get(prj_id)["goal"] == "original"


def test_no_part_of_a_change_is_made_if_the_record_is_deleted_meanwhile(table, ripple, prj_id):
    """Another program deletes the item as often as possible, also between ripple's reads and writes."""
    whole = project(prj_id)
    writes = [
        lambda number: ("POST", "/prj", whole),
        lambda number: ("PATCH", f"/prj/{prj_id}", {"note": number}),
        lambda number: ("PUT", f"/prj/{prj_id}", {"goal": f"goal {number}"}),
        lambda number: ("DELETE", f"/prj/{prj_id}", None),
    ]
    done = threading.Event()

    def delete():
        while not done.is_set():
            table.delete_item(Key={"prj_id": prj_id})
            done.wait(0.002)

    program = threading.Thread(target=delete)
    program.start()
    seen, last = set(), 0
    try:
        for number in range(150):
            method, path, body = writes[number % len(writes)](number)
            answer = ripple.call(method, path, body)
            assert answer.status in (200, 201, 204, 404, 409, 410, 503), answer
            seen.add(answer.status)
            if answer.status in (200, 201):
                assert answer.json()["version"] > last, "a number is used twice"
                last = answer.json()["version"]
            item = get_item(table, prj_id)
            if item and not item.get("rpl_deleted"):
                assert set(whole) <= set(item), f"a part of a record: {item}"
    finally:
        done.set()
        program.join()
    assert {201, 404} <= seen, "both came to pass"
    numbers = ripple.versions(prj_id)
    assert len(set(numbers)) == len(numbers)


def test_a_row_that_has_gone_is_not_made_again(client, ripple, prj_id):
    ripple.create(project(prj_id))
    ripple.patch(prj_id, {"goal": "second"})
    delete_rows(client, prj_id, 1, 2)
    ripple.patch(prj_id, {"goal": "third"})
    assert [row["version"]["N"] for row in rows(client, prj_id)] == ["3"]
    assert ripple.versions(prj_id) == [3]


def test_a_row_gets_its_expiry_when_it_is_replaced(client, table, ripple, prj_id):
    ripple.create(project(prj_id))
    ripple.patch(prj_id, {"goal": "second"})
    set_attribute(table, prj_id, "goal", "theirs")
    ripple.patch(prj_id, {"issue": "fourth"})
    for row in rows(client, prj_id):
        assert ("rpl_expires_at" in row) == (row["version"]["N"] != "4"), row["version"]


@pytest.mark.parametrize("whole", [False, True])
def test_a_tombstone_that_they_write_onto_lives(table, ripple, prj_id, whole):
    ripple.create(project(prj_id))
    ripple.delete(prj_id)
    if whole:
        # As a script does that has read the item: with every attribute.
        table.put_item(Item=get_item(table, prj_id) | {"name": "back"})
    else:
        set_attribute(table, prj_id, "name", "back")
    assert external(ripple.get(prj_id))["name"] == "back"
    assert [record["name"] for record in ripple.list(f"prj_id={prj_id}")] == ["back"]
    assert ripple.patch(prj_id, {"goal": "ours"})["version"] == 4
    item = get_item(table, prj_id)
    assert "rpl_expires_at" not in item and "rpl_deleted" not in item, "TTL would delete it"
    assert ripple.state(prj_id, 3)["name"] == "back"

    ripple.delete(prj_id)
    set_attribute(table, prj_id, "name", "back again")
    assert ripple.patch(prj_id, {"name": "back again"})["version"] == 6, "adopted"
    assert "rpl_expires_at" not in get_item(table, prj_id)


def test_changes_are_walked_past_what_they_wrote(table, ripple, prj_id):
    cursor = ripple.call("GET", "/prj/_changes").json()["cursor"]
    ids = [f"{prj_id}-{number}" for number in range(6)]
    for one in ids:
        ripple.create(project(one))
    set_attribute(table, ids[0], "goal", "theirs")
    set_attribute(table, ids[1], "rpl_version", "x")
    set_attribute(table, ids[2], "rpl_version", 0)
    table.update_item(Key={"prj_id": ids[3]}, UpdateExpression="REMOVE rpl_version, rpl_seal")
    table.put_item(Item=get_item(table, ids[5]) | {"prj_id": ids[4]})
    told, path = set(), f"/prj/_changes?since={cursor}&limit=1"
    for _ in range(1000):
        answer = ripple.call("GET", path)
        assert answer.status == 200, answer
        page = answer.json()
        told |= {record["prj_id"] for record in page["changed"]}
        assert ripple.call("GET", f"/prj/_changes?since={page['cursor']}&limit=1").status == 200
        link = answer.headers.get("link")
        if not link:
            break
        path = "/prj/" + link[link.index("<") + 1 : link.index(">")]
    else:
        pytest.fail("the walk does not end")
    assert ids[5] in told


def test_a_deletion_names_the_state_of_theirs_that_its_author_saw(table, ripple, prj_id):
    table.put_item(Item=project(prj_id, goal="first"))
    seen = external(ripple.get(prj_id))
    table.put_item(Item=project(prj_id, goal="second"))
    answer = ripple.call("DELETE", f"/prj/{prj_id}", {"version": seen["version"]})
    assert (answer.status, answer.json()["code"]) == (412, "precondition_failed")
    ripple.delete(prj_id, {"version": ripple.get(prj_id)["version"]})
    assert ripple.state(prj_id, 1)["goal"] == "second"
