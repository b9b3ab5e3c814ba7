"""`ripple resource build`: a folder that SAM deploys, from resource files."""

import json
import os
import re
import shutil
import subprocess

import pytest
from template import FOLDERS, TEMPLATES, Stack, Template, resolve

from dev import ripple
from edge import ROOT

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE, MANAGED = 10_240, 6_144


def build(folder, out, *options, ok=True):
    return ripple("resource", "build", folder, "--out", out, *options, data=out / "unused", ok=ok)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lint(template):
    done = subprocess.run(
        [ROOT / ".tools/venv-deploy/bin/cfn-lint", template], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode == 0, done.stdout


def test_the_folder_has_all_that_a_deployment_is_made_of(tmp_path):
    out = tmp_path / "out"
    told = build(ROOT / "resources", out)
    assert "deployment of prj, task" in told and "function/bootstrap" in told
    document = (ROOT / "edge/openapi.json").read_bytes()
    assert files(out) == {
        "template.yaml": (FOLDERS["prj-task"] / "template.yaml").read_bytes(),
        "openapi.json": document,
        "_headers": (ROOT / "deploy/site/_headers").read_bytes(),
        "edge/resources.js": (ROOT / "edge/resources.js").read_bytes(),
        "function/openapi.json": document,
        "function/resources/prj.json": (ROOT / "resources/prj.json").read_bytes(),
        "function/resources/task.json": (ROOT / "resources/task.json").read_bytes(),
    }


def test_the_binary_becomes_executable_and_a_removed_file_goes(tmp_path):
    source, out = tmp_path / "resources", tmp_path / "out"
    shutil.copytree(ROOT / "resources", source)
    binary = tmp_path / "downloaded"
    binary.write_bytes(b"\x7fELF")
    told = build(source, out, "--bootstrap", binary)
    assert f"sam deploy --guided --capabilities CAPABILITY_IAM --template-file {out}/template.yaml" in told
    assert (out / "function/bootstrap").stat().st_mode & 0o777 == 0o755
    (source / "task.json").unlink()
    build(source, out, "--allow-breaking")
    assert [path.name for path in (out / "function/resources").iterdir()] == ["prj.json"]
    assert (out / "openapi.json").read_bytes() == (ROOT / "deploy/openapi.json").read_bytes()
    assert (out / "function/bootstrap").read_bytes() == b"\x7fELF"


def test_a_breaking_change_of_what_was_built_needs_a_word(tmp_path):
    source, out = tmp_path / "resources", tmp_path / "out"
    shutil.copytree(ROOT / "resources", source)
    build(source, out)
    before = files(out)
    task = json.loads((source / "task.json").read_text())
    task["properties"]["size"]["maximum"] = 8
    task["x-ripple"]["entries"] = {"steps": "no"}
    (source / "task.json").write_text(json.dumps(task))
    build(source, out)
    tighter = files(out)
    assert tighter != before, "a tighter rule and another way to merge break nothing"
    task["x-ripple"]["members"] = {"version": "rev"}
    (source / "task.json").write_text(json.dumps(task))
    told = build(source, out, ok=False)
    assert 'task.json#/x-ripple/members/version: "version" → "rev": breaking' in told and "--allow-breaking" in told
    assert files(out) == tighter, "nothing is written"
    build(source, out, "--allow-breaking")
    assert json.loads(files(out)["function/resources/task.json"]) == task
    build(source, out)
    (out / "function/resources/prj.json").write_text("{")
    told = build(source, out, ok=False)
    assert "function/resources/prj.json:1:1: " in told and "--allow-breaking" in told
    build(source, out, "--allow-breaking")


def test_a_faulty_file_makes_nothing(tmp_path):
    source, out = tmp_path / "resources", tmp_path / "out"
    source.mkdir()
    (source / "task.json").write_text('{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "anyOf": []}')
    told = build(source, out, ok=False)
    assert "task.json#/anyOf" in told and not out.exists()


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    """The template of twenty resources, each with something that prj does not have."""
    folder = tmp_path_factory.mktemp("twenty")
    source = folder / "resources"
    source.mkdir()
    for number in range(20):
        own = {"resource": f"kind{number:02}resourcewithalongname", "key": "no"}
        own |= [{}, {"fresh": 60}, {"table": f"existing-{number}"}, {"access": "read-only"}][number % 4]
        schema = {"title": f"Kind {number}", "x-ripple": own, "type": "object"}
        (source / f"{own['resource']}.json").write_text(json.dumps(schema))
    build(source, folder / "out")
    return Template(folder / "out")


def test_a_template_of_twenty_resources_is_valid(twenty):
    lint(twenty.path)
    assert len(twenty.tables()) == 15 + 20 + 1, "existing tables are no part of the stack, but their history is"
    assert len(twenty.path.read_bytes()) < 1_000_000


def test_a_number_key_and_a_sort_key_are_in_the_template(tmp_path):
    source = tmp_path / "resources"
    source.mkdir()
    (source / "meter.json").write_text((ROOT / "tests/resources/meter.json").read_text())
    build(source, tmp_path / "out")
    template = Template(tmp_path / "out")
    lint(template.path)
    table = template.data["Resources"]["MeterTable"]["Properties"]
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    assert (types["meter_no"], types["read_at"]) == ("N", "S")
    assert [key["KeyType"] for key in table["KeySchema"]] == ["HASH", "RANGE"]


@pytest.fixture(scope="module")
def existing(tmp_path_factory):
    """The template of one resource whose table is outside the stack."""
    folder = tmp_path_factory.mktemp("existing")
    source = folder / "resources"
    source.mkdir()
    own = {"resource": "order", "key": "order_no", "table": "orders"}
    (source / "order.json").write_text(json.dumps({"title": "Order", "x-ripple": own, "type": "object"}))
    build(source, folder / "out")
    return Template(folder / "out")


STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-11-27T00:00:00.000"
MAPPING, KEYS = "AWS::Lambda::EventSourceMapping", {"Fn::GetAtt": ["Keys", "StreamArn"]}


def read_streams(template, **parameters):
    """Returns the streams that the function reads. It may read just these, if a queue takes what it gives up."""
    stack = Stack(template, **parameters)
    read = [mapping["EventSourceArn"] for mapping in stack.resources(MAPPING).values()]
    policies, queues = stack.resources("AWS::IAM::Policy"), stack.resources("AWS::SQS::Queue")
    assert bool(read) == ("FeedPolicy" in policies) == ("FeedFailures" in queues), parameters
    if read:
        allowed = policies["FeedPolicy"]["PolicyDocument"]["Statement"][0]["Resource"]
        assert allowed == read, parameters
    assert "" not in read, f"a mapping of no stream: {parameters}"
    return read


def test_a_table_outside_the_stack_is_read_if_its_stream_is_named(existing):
    lint(existing.path)
    assert read_streams(existing) == [KEYS]
    assert read_streams(existing, Stream=STREAM) == [STREAM, KEYS]
    assert read_streams(existing, CreateTables="false") == []
    assert read_streams(existing, CreateTables="false", Stream=STREAM) == [STREAM]
    assert read_streams(existing, Feed="false", Stream=STREAM) == []


def test_the_tables_of_the_stack_are_read_without_a_named_stream():
    two = TEMPLATES["prj-task"]
    tables = [{"Fn::GetAtt": [name, "StreamArn"]} for name in ("Projects", "TaskTable")]
    assert read_streams(two) == [*tables, KEYS]
    assert read_streams(two, CreateTables="false") == []
    assert read_streams(two, CreateTables="false", Stream=STREAM) == [STREAM]
    assert read_streams(two, Feed="false") == []


def test_policies_of_twenty_resources_have_room_for_the_longest_site(twenty):
    longest = int(re.search(r"\{1,(\d+)\}", twenty.data["Parameters"]["Site"]["AllowedPattern"])[1])
    assert len("ripple_staging") < longest < 200

    def size(document):
        text = json.dumps(resolve(document), separators=(",", ":"))
        longest_arn = "arn:aws-us-gov:dynamodb:ap-northeast-1:"
        return len(text.replace("arn:aws:dynamodb:us-east-1:", longest_arn).replace("table/ripple_", "table/" + "x" * longest + "_"))

    role = twenty.resources["FunctionRole"]["Properties"]["Policies"]
    assert size(role[0]["PolicyDocument"]) + 600 <= INLINE
    assert size(twenty.resources["EdgePolicy"]["Properties"]["PolicyDocument"]) <= MANAGED


def test_read_only_resources_have_no_write_anywhere(twenty):
    read_only = f"kind{3:02}resourcewithalongname"
    for path, methods in twenty.paths.items():
        # A ticket for the live channel is a POST, and changes nothing.
        if path.startswith(f"/{read_only}") and not path.endswith("/_ticket"):
            assert set(methods) <= {"parameters", "get", "head", "options"}, path
    for statement in resolve(twenty.resources["FunctionRole"])["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
        if any(action.endswith(("PutItem", "UpdateItem")) for action in statement["Action"]):
            assert read_only not in json.dumps(statement["Resource"])
