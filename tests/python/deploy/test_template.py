"""The template holds against ripple as it runs: the API's resources, the tables, the environment, what is watched."""

import json
import re

import boto3
import pytest
from template import RESOURCES, TEMPLATE, dashboard, resolve

from dev import Dev
from edge import ROOT, send

VERBS = {"get", "head", "post", "put", "patch", "delete", "options"}
PATHS = RESOURCES["Api"]["Properties"]["DefinitionBody"]["paths"]


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("deploy"), "--in-memory") as running:
        yield running


def test_every_resource_is_in_the_template_and_none_more():
    document = json.loads((ROOT / "deploy/openapi.json").read_text())
    assert set(PATHS) == set(document["paths"])
    for path, methods in document["paths"].items():
        expected = set(methods) & VERBS | {"options"} | ({"head"} if "get" in methods else set())
        assert set(PATHS[path]) - {"parameters"} == expected, path


def test_a_resource_takes_what_the_template_lets_through(dev):
    for path, methods in PATHS.items():
        concrete = path.replace("{prjid}", "some").replace("{version}", "1")
        allow = send(dev.url, "OPTIONS", concrete).headers["allow"]
        assert {verb.strip().lower() for verb in allow.split(",")} == set(methods) - {"parameters"}, path


def test_what_wants_no_key_wants_none_of_api_gateway_either(dev):
    for path, methods in PATHS.items():
        concrete = path.replace("{prjid}", "some").replace("{version}", "1")
        for verb in set(methods) - {"parameters"}:
            status = send(dev.url, verb.upper(), concrete).status
            assert (status == 403) == ("security" in methods[verb]), (verb, path, status)


def test_every_method_calls_the_function():
    for path, methods in PATHS.items():
        for verb in set(methods) - {"parameters"}:
            integration = methods[verb]["x-amazon-apigateway-integration"]
            assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST"), (verb, path)
            assert "functions/${Function.Arn}/invocations" in integration["uri"]["Fn::Sub"]


def test_the_tables_are_as_ripple_makes_them(dev):
    """`ripple dev` has made its own by the code that `ripple table create` runs."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=dev.dynamodb,
        region_name="us-east-1",
        aws_access_key_id="template",
        aws_secret_access_key="template",
    )
    made = {table["Properties"]["TableName"]["Fn::Sub"]: table for table in tables()}
    assert len(made) == 3
    for template in made.values():
        properties = resolve(template["Properties"])
        name = properties["TableName"]
        table = client.describe_table(TableName=name)["Table"]
        assert table["KeySchema"] == properties["KeySchema"], name
        assert by_name(table["AttributeDefinitions"]) == by_name(properties["AttributeDefinitions"]), name
        shape = lambda index: (index["IndexName"], index["KeySchema"], index["Projection"])
        indexes = [shape(index) for index in table.get("GlobalSecondaryIndexes", [])]
        assert indexes == [shape(index) for index in properties.get("GlobalSecondaryIndexes", [])], name
        assert table["BillingModeSummary"]["BillingMode"] == properties["BillingMode"], name
        ttl = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        wanted = properties.get("TimeToLiveSpecification")
        assert (ttl["TimeToLiveStatus"] == "ENABLED") == bool(wanted), name
        assert ttl.get("AttributeName") == (wanted or {}).get("AttributeName"), name
    assert sorted(client.list_tables()["TableNames"]) == sorted(resolve(name) for name in ({"Fn::Sub": n} for n in made))


def test_the_tables_outlive_the_stack_and_can_be_restored():
    for table in tables():
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Condition"] == "TablesAreMade"


def test_the_function_is_told_what_it_reads():
    """Each variable is one that the code asks for, by this very name."""
    source = (ROOT / "core/src/store/dynamodb/layout.rs").read_text()
    source += "".join(file.read_text() for file in (ROOT / "lambda/src").rglob("*.rs"))
    for name in RESOURCES["Function"]["Properties"]["Environment"]["Variables"]:
        assert f'"{name}"' in source, name


def test_alarms_watch_what_is_there_and_are_explained():
    operating = (ROOT / "docs/OPERATING.md").read_text()
    metrics = (ROOT / "lambda/src/metrics.rs").read_text()
    alarms = {name: alarm["Properties"] for name, alarm in RESOURCES.items() if alarm["Type"] == "AWS::CloudWatch::Alarm"}
    assert len(alarms) >= 5
    for name, alarm in alarms.items():
        assert re.search(rf"^#+ .*`{name}`", operating, re.MULTILINE), f"docs/OPERATING.md has no heading for {name}"
        if alarm.get("Namespace") == "ripple":
            assert f'"{alarm["MetricName"]}"' in metrics, name


def test_the_dashboard_shows_metrics_that_are_written():
    metrics = (ROOT / "lambda/src/metrics.rs").read_text()
    shown = set()
    for widget in dashboard()["widgets"]:
        namespace = name = None
        for row in widget["properties"].get("metrics", []):
            # "." repeats what stands above; "..." all but the last.
            namespace, name = (row[0] if row[0] not in (".", "...") else namespace), (row[1] if row[0] != "..." and row[1] != "." else name)
            if namespace == "ripple":
                shown.add(name)
    assert shown >= {"Latency", "Tries", "Conflicts", "CapacityRead", "CapacityWrite"}
    for name in shown:
        assert f'"{name}"' in metrics, name


def tables():
    return [resource for resource in RESOURCES.values() if resource["Type"] == "AWS::DynamoDB::Table"]


def by_name(definitions):
    return sorted(definitions, key=lambda definition: definition["AttributeName"])


def test_parameters_are_all_used():
    text = (ROOT / "deploy/template.yaml").read_text()
    for name in TEMPLATE["Parameters"]:
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", text), name
