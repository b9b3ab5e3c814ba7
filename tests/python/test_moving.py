"""docs/OPERATING.md, "Moving an existing ripple_prj over": a table of the legacy function becomes ripple's, and the legacy
function goes on."""

import second_writer
from dev import Dev, ripple
from test_feed import adopted, eventually, is_version, rows_of, table_of

OLD = 30


def legacy_table(client):
    """Creates the table as the article does, without what ripple adds."""
    for table in client.list_tables()["TableNames"]:
        client.delete_table(TableName=table)
    client.create_table(
        TableName=second_writer.TABLE,
        AttributeDefinitions=[{"AttributeName": "prj_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "prj_id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_the_legacy_function_goes_on_for_as_long_as_it_likes(tmp_path):
    with Dev(tmp_path) as engine:
        legacy_table(engine.client())
        for number in range(OLD):
            second_writer.handler(table_of(engine), second_writer.event(f"old{number:02}"))
        assert "ready" in ripple("table", "create", data=tmp_path)
        described = engine.client().describe_table(TableName=second_writer.TABLE)["Table"]
        assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert "ready" in ripple("table", "create", data=tmp_path), "it can be repeated"
        # Step 5, before a function reads the stream.
        said = ripple("table", "backfill", data=tmp_path, both=True)
        assert f"{OLD} of {OLD} projects" in said and f"{OLD} adopted" in said
        engine.interrupt()

    with Dev(tmp_path, feed=True) as dev:
        client = dev.ripple()
        records = client.list("limit=100")
        assert [record["version"] for record in records] == [1] * OLD
        # Each turn, a team edits a record with ripple, and the legacy function overwrites it with its old form.
        for turn in range(3):
            record = client.get("old00")
            mine = client.put("old00", record | {"goal": f"The team's goal {turn}", "notes": "kept"})
            second_writer.handler(table_of(dev), second_writer.event("old00", issue=f"Rust {turn}"))
            theirs = adopted(dev, "old00", mine["version"] + 1)
            assert (theirs["issue"], theirs.get("notes")) == (f"Rust {turn}", None)
            row = rows_of(dev, "old00")[0]
            assert row["external"] and {"field": "/notes", "replaced": "kept", "removed": True} in row["changes"]
            restored = client.call("POST", f"/prj/old00/versions/{mine['version']}", {"version": theirs["version"]})
            assert restored.status == 200
            assert (restored.json()["goal"], restored.json()["notes"]) == (f"The team's goal {turn}", "kept")
        # New records of the legacy function are in the list of changes like any other.
        second_writer.handler(table_of(dev), second_writer.event("new"))
        eventually(lambda: client.call("GET", "/prj/new"), lambda answer: is_version(answer, 1))
