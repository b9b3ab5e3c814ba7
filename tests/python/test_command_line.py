"""`ripple dev` and the other commands, as a person at a terminal uses them."""

import http.client
import json
import re
import secrets
import subprocess
import threading
from pathlib import Path

import pytest

from conftest import _setting
from dev import Dev, clean, ripple
from edge import send, wait_for

# A key of the right form and check that no table has.
UNKNOWN = "rpl_" + "0" * 30 + "2C8GjS"
RECORDS = Path(__file__).parents[1] / "data/projects-100.jsonl"


@pytest.fixture
def dev(tmp_path):
    with Dev(tmp_path / "data") as dev:
        yield dev


def project(prj_id):
    members = {name: "x" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return {"prj_id": prj_id, "term": 1} | members


def test_import_list_walk_export(dev, tmp_path):
    assert "100 created, 0 already present" in ripple("import", RECORDS, data=dev.data)
    assert "0 created, 100 already present" in ripple("import", RECORDS, data=dev.data)
    sent = {record["prj_id"]: record for record in map(json.loads, RECORDS.read_text().splitlines())}

    listed = dev.ripple().list()
    assert [record["prj_id"] for record in listed] == sorted(sent)
    for record in listed:
        kept = {name: record[name] for name in sent[record["prj_id"]]}
        assert kept == sent[record["prj_id"]]
    assert dev.ripple().list("limit=7") == listed

    ripple("export", tmp_path / "out.jsonl", data=dev.data)
    exported = list(map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines()))
    assert sorted(exported, key=lambda record: record["prj_id"]) == listed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out.jsonl"]


def test_an_export_with_types_brings_everything_back(dev, tmp_path):
    table = dict(TableName="ripple_prj")
    client = dev.client()
    theirs = {
        "prj_id": {"S": "of the old function/1"},  # not an id that ripple gives, and without a required member
        "tags": {"SS": ["a", "b"]},
        "sizes": {"NS": ["1", "2.5"]},
        "raw": {"B": b"\x00\xff"},
        "steps": {"L": [{"M": {"text": {"S": "no id"}}}, {"N": "12345678901234567890123456789012345678"}]},
    }
    client.put_item(Item=theirs, **table)
    dev.ripple().create(project("ours"))
    dev.ripple().create(project("kept"))
    dev.ripple().create(project("gone"))
    assert dev.ripple().call("DELETE", "/prj/gone").status == 204

    def items():
        found = client.scan(**table)["Items"]
        return {item["prj_id"]["S"]: {k: v for k, v in item.items() if not k.startswith("rpl_")} for item in found}

    before = items()
    file = tmp_path / "typed.jsonl"
    ripple("export", "--format", "dynamodb-json", file, data=dev.data)
    lines = list(map(json.loads, file.read_text().splitlines()))
    assert all(list(line) == ["Item"] for line in lines) and len(lines) == 3

    client.delete_item(Key={"prj_id": theirs["prj_id"]}, **table)
    assert dev.ripple().call("DELETE", "/prj/ours").status == 204
    kept = dev.ripple().patch("kept", {"goal": "changed since"})
    tombstone = {"Item": client.get_item(Key={"prj_id": {"S": "gone"}}, **table)["Item"]}
    with file.open("a") as more:
        more.write(json.dumps(tombstone) + "\n")
    told = ripple("import", file, data=dev.data)
    assert "2 created, 1 already present, 1 deletions skipped, 0 refused" in told
    assert dev.ripple().get("kept") == kept, "what is there is left alone"
    before["kept"] = before["kept"] | {"goal": {"S": "changed since"}}
    after = items()
    assert sets(after) == sets(before)
    rows = dev.ripple().call("GET", "/prj/ours/versions").json()
    assert [(row["version"], row["updated_by"]) for row in rows][:2] == [(3, "import"), (2, "dev")]

    file.write_text('{"Item":{"prj_id":{"N":"1"}}}\n')
    assert "line 1" in ripple("import", file, data=dev.data, ok=False)


def sets(items):
    """Returns items with ordered sets, for comparison."""
    order = lambda value: {k: sorted(v) if k in ("SS", "NS") else v for k, v in value.items()}
    return {prj_id: {name: order(value) for name, value in item.items()} for prj_id, item in items.items()}


def test_an_import_that_was_cut_short_goes_on(dev, tmp_path):
    lines = RECORDS.read_text().splitlines()
    half = tmp_path / "half.jsonl"
    half.write_text("\n".join(lines[:40] + ["{}", "not JSON"]))
    assert "line 41" in ripple("import", half, data=dev.data, ok=False)
    assert "60 created, 40 already present" in ripple("import", RECORDS, data=dev.data)


def large(dev, table, count=40):
    """Creates more than one page of a scan: 1 MB."""
    for n in range(count):
        item = {"prj_id": {"S": f"{table}-{n:02}"}, "name": {"S": "x" * 60_000}}
        dev.client().put_item(TableName=table, Item=item)


def interrupted(dev, file, *site, format="json"):
    """Returns the files of an export that was killed after its first page."""
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), *site, "export", "--format", format, str(file)]
    mark = file.with_name(file.name + ".mark")
    for _ in range(200):
        process = subprocess.Popen(command, env=clean(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not mark.exists():
            pass
        process.kill()
        process.wait()
        if mark.exists():
            return json.loads(mark.read_text())
        file.unlink(missing_ok=True)
    raise AssertionError("it was never interrupted")


def test_an_interrupted_export_goes_on_where_all_is_the_same(dev, tmp_path):
    large(dev, "ripple_prj")
    file = tmp_path / "out.jsonl"
    assert interrupted(dev, file)["projects"] > 0
    assert "continuing the export" in ripple("export", file, data=dev.data, both=True)
    ids = [json.loads(line)["prj_id"] for line in file.read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 40


def test_an_interrupted_export_of_other_data_starts_again(dev, tmp_path):
    large(dev, "ripple_prj")
    ripple("--site", "other", "table", "create", data=dev.data)
    large(dev, "other_prj")
    file = tmp_path / "out.jsonl"
    mark_file = file.with_name("out.jsonl.mark")

    def exported(*site):
        told = ripple(*site, "export", file, data=dev.data, both=True)
        assert "starting a new export" in told and "continuing" not in told, told
        ids = [json.loads(line)["prj_id"] for line in file.read_text().splitlines()]
        file.unlink()
        return told, ids

    interrupted(dev, file)
    told, ids = exported("--site", "other")
    assert "ripple_prj" in told and len(ids) == 40 and {prj_id.split("-")[0] for prj_id in ids} == {"other_prj"}

    # An export that began a month ago.
    mark = interrupted(dev, file)
    mark_file.write_text(json.dumps(mark | {"started": mark["started"] - 30 * 86_400_000}))
    told, ids = exported()
    assert "it began at" in told and len(ids) == 40

    # The mark of an earlier version of ripple does not name the source.
    mark = interrupted(dev, file)
    mark_file.write_text(json.dumps({name: mark[name] for name in ("after", "bytes", "projects")}))
    assert len(exported()[1]) == 40
    assert not mark_file.exists()


def test_an_export_to_a_folder_leaves_nothing(dev, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "is a folder" in ripple("export", folder, data=dev.data, ok=False)
    assert not list(folder.iterdir()) and sorted(path.name for path in tmp_path.iterdir()) == ["data", "folder"]


@pytest.mark.parametrize("arguments", [["export", "-"], ["key", "list"], ["table", "describe"], ["completions", "zsh"]])
def test_a_closed_pipe_ends_an_export_quietly(dev, arguments):
    large(dev, "ripple_prj")
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), *arguments]
    process = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    assert (process.stderr.read(), process.wait()) == ("", 0)


def test_the_use_of_a_key_is_shown_by_day(dev):
    dev.ripple().list()
    wait_for(lambda: "never" not in ripple("key", "list", data=dev.data))
    [row] = ripple("key", "list", data=dev.data).splitlines()[1:]
    assert len(re.findall(r"\d{4}-\d\d-\d\dT\S*", row)) == 2, row
    assert re.search(r"\b1 r 0 w\b", row), row


@pytest.mark.parametrize("duration", ["0h", "0s", "0ms"])
def test_a_key_that_has_expired_is_not_made(dev, duration):
    assert "would have expired" in ripple("key", "create", "--name", "a", "--expires-in", duration, data=dev.data, ok=False)
    assert len(ripple("key", "list", "--json", data=dev.data).splitlines()) == 1


def test_keys_are_made_listed_and_revoked(dev):
    key = ripple("key", "create", "--name", "somebody", "--scope", "read", "--expires-in", "1h", data=dev.data).strip()
    reader = dev.ripple()
    reader.key = key
    assert reader.call("GET", "/prj").status == 200
    assert reader.call("POST", "/prj", project("a")).status == 403
    listed = ripple("key", "list", "--json", data=dev.data)
    assert key not in listed and "hash" not in listed
    [record] = [line for line in map(json.loads, listed.splitlines()) if line["name"] == "somebody"]
    assert record["scopes"] == ["read"] and record["expires"] - record["created"] == 3_600_000
    assert "Every host rejects it after" in ripple("key", "revoke", record["key_id"], data=dev.data)
    ripple("key", "revoke", "key_000000000000", data=dev.data, ok=False)


def test_a_key_of_one_author_stays_so_when_it_is_rotated(dev):
    def writes_as(key, author):
        writer = dev.ripple()
        writer.key = key
        return writer.call("POST", "/prj", project(f"by-{author}-{key[-6:]}"), ripple_author=f'"Bo";id="{author}"').status

    assert "an id has 1 to 64" in ripple("key", "create", "--name", "a", "--author", "a b", data=dev.data, ok=False)
    old = ripple("key", "create", "--name", "of one author", "--author", "u7", data=dev.data).strip()
    [record] = [line for line in map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines()) if line["author"] == "u7"]
    new = ripple("key", "rotate", record["key_id"], data=dev.data).strip()
    for key in [old, new]:
        assert (writes_as(key, "u7"), writes_as(key, "u8")) == (201, 403)


def test_a_key_is_rotated_with_an_overlap(dev):
    def record(name):
        listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
        return [line for line in listed if line["name"] == name]

    old = ripple("key", "create", "--name", "turning", "--scope", "read", data=dev.data).strip()
    key_id = record("turning")[0]["key_id"]
    new = ripple("key", "rotate", key_id, "--overlap", "2h", data=dev.data).strip()
    for key in (old, new):
        caller = dev.ripple()
        caller.key = key
        assert caller.call("GET", "/prj").status == 200
        assert caller.call("POST", "/prj", project("a")).status == 403
    [before, after] = sorted(record("turning"), key=lambda line: line["created"])
    assert before["expires"] - after["created"] == pytest.approx(7_200_000, abs=60_000)
    assert after["expires"] is None and after["scopes"] == ["read"]
    assert before["last_used"] and after["last_used"]
    # A key's first use is noted at once. A refusal is no use.
    used = [(line["reads_today"] + line["reads_yesterday"], line["writes_today"]) for line in (before, after)]
    assert used == [(1, 0), (1, 0)]

    assert f"{key_id}  turning  read  valid until" in ripple("key", "verify", data=dev.data, stdin=old + "\n")
    assert "not in the table" in ripple("key", "verify", data=dev.data, ok=False, stdin=UNKNOWN)
    assert "not a ripple key" in ripple("key", "verify", data=dev.data, ok=False, stdin=old[:-1])
    ripple("key", "revoke", key_id, data=dev.data)
    assert "not valid" in ripple("key", "verify", data=dev.data, ok=False, stdin=old)
    assert "is revoked" in ripple("key", "rotate", key_id, data=dev.data, ok=False)


def test_a_key_that_asks_too_often_is_told_when_to_ask_again(tmp_path):
    with Dev(tmp_path / "data", "--rate-limit", "3") as dev:
        taken = 0
        while (refused := dev.ripple().call("GET", "/prj")).status == 200:
            taken += 1
            assert taken < 1000
        assert taken >= 6, "two seconds' worth may come at once"
        assert refused.status == 429
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["cache-control"] == "no-store"
        assert refused.headers["access-control-allow-origin"] == "*"
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["ratelimit-policy"] == '"key";q=6;w=2'
        assert refused.headers["ratelimit"] == '"key";r=0;t=1'
        assert refused.json()["code"] == "too_many_requests"
        # Another key has its own limit.
        other = dev.ripple()
        other.key = ripple("key", "create", "--name", "other", data=dev.data).strip()
        assert other.call("GET", "/prj").status == 200
        assert dev.ripple().call("GET", "/health").status == 200


def test_nothing_is_made_at_an_endpoint_elsewhere(tmp_path):
    """It may be a VPC endpoint of AWS. ripple may create tables only on this machine."""
    elsewhere = "http://dynamodb.invalid:8000"
    (tmp_path / "data").mkdir()
    (tmp_path / "data/dev.json").write_text('{"url": "", "key": "", "dynamodb_endpoint": "of an earlier run"}')
    command = [_setting("RIPPLE_BIN"), "--data", str(tmp_path / "data"), "--endpoint-url", elsewhere, "dev", "--port", "0"]
    started = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        told = started.stdout.readline() + started.stdout.readline()
    finally:
        started.kill()
        started.wait()
    assert f"on DynamoDB at {elsewhere}. It has created nothing there." in told, told
    assert f"`ripple table create --endpoint-url {elsewhere}`" in told, told
    assert not (tmp_path / "data/dev.json").exists(), "it would lead the commands there"


def test_tables_are_described(dev):
    described = ripple("table", "describe", data=dev.data)
    for table in ("ripple_prj ", "ripple_prj_version ", "ripple_key "):
        [line] = [line for line in described.splitlines() if line.startswith(table)]
        assert line.endswith("ready"), described


def test_doctor_says_what_is_wrong(dev):
    healthy = ripple("doctor", data=dev.data)
    assert "WRONG" not in healthy
    for told in ("ripple_prj\n", "ripple_prj_version\n", "is valid", f"{dev.url} responds", "accepts the key"):
        assert told in healthy

    def told(*arguments, stdin=None):
        return ripple("doctor", *arguments, data=dev.data, ok=False, stdin=stdin)

    assert "not in the table" in told("--key-stdin", stdin=UNKNOWN)
    assert "its form or its checksum" in told("--key-stdin", stdin=UNKNOWN[:-1])
    assert "does not respond" in told("--url", "http://127.0.0.1:9")
    assert "check that the URL is ripple's" in told("--url", dev.dynamodb)
    assert "without Age" in told("--edge-url", dev.url)
    version = json.loads(send(dev.url, "GET", "/openapi.json").body)["info"]["version"]
    assert f"ok     api         runs ripple {version}\n" in healthy
    assert "edge        its list has Age: none, Cache-Status: none" in told("--edge-url", dev.url)

    listed = map(json.loads, ripple("key", "list", "--json", data=dev.data).splitlines())
    [key_id] = [line["key_id"] for line in listed]
    other = ripple("key", "rotate", key_id, "--overlap", "1h", data=dev.data).strip()
    assert re.search(r"valid for 5\dm", ripple("doctor", data=dev.data))
    ripple("key", "revoke", key_id, data=dev.data)
    assert f"{key_id} is revoked" in told()
    assert "WRONG" not in ripple("doctor", "--key-stdin", data=dev.data, stdin=other)

    client = dev.client()
    client.delete_table(TableName="ripple_prj_version")
    assert "ripple_prj_version is missing: run `ripple table create`" in told()
    key = {"AttributeName": "id", "AttributeType": "S"}
    client.create_table(
        TableName="ripple_prj_version",
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert "is not a table of ripple, since its key is id" in told()
    client.delete_table(TableName="ripple_prj_version")
    ripple("table", "create", data=dev.data)
    client.update_time_to_live(
        TableName="ripple_prj", TimeToLiveSpecification={"Enabled": False, "AttributeName": "rpl_expires_at"}
    )
    assert "ripple_prj lacks a TTL on rpl_expires_at" in told()


def test_the_key_outlives_the_process_and_its_file_is_its_owners(tmp_path):
    with Dev(tmp_path) as first:
        first.ripple().create(project("kept"))
        assert first.interrupt() == 0
    assert (tmp_path / "dev.json").stat().st_mode & 0o077 == 0
    with Dev(tmp_path) as second:
        assert second.key == first.key
        assert second.ripple().get("kept")["version"] == 1


def test_a_second_process_on_one_folder_is_refused(dev):
    assert "another `ripple dev` runs on" in ripple("dev", "--port", "0", data=dev.data, ok=False)


def test_without_a_dynamodb_a_sentence_says_so(tmp_path):
    assert "start `ripple dev`" in ripple("key", "list", data=tmp_path, ok=False)


def test_kill_9_loses_no_answered_write(tmp_path):
    answered = {}

    def write(dev, name):
        client, prj_id = dev.ripple(), f"{name}-{secrets.token_hex(4)}"
        try:
            answered[prj_id] = client.create(project(prj_id))["version"]
            while True:
                answered[prj_id] = client.patch(prj_id, {"goal": secrets.token_hex(8)})["version"]
        except (OSError, http.client.HTTPException):
            pass  # no response

    for round_ in range(3):
        with Dev(tmp_path) as dev:
            writers = [threading.Thread(target=write, args=(dev, f"w{round_}{n}")) for n in range(4)]
            for writer in writers:
                writer.start()
            mine = f"w{round_}"
            wait_for(lambda: any(version > 5 for prj_id, version in answered.copy().items() if prj_id.startswith(mine)))
            dev.kill()
            for writer in writers:
                writer.join()
    with Dev(tmp_path) as dev:
        for prj_id, version in answered.items():
            # A write may have been made although its response was lost: one more, and no fewer.
            assert dev.ripple().get(prj_id)["version"] in (version, version + 1)
