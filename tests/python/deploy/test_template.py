"""The template, compared with a running ripple: the API's resources, the tables, the environment, the alarms."""

import http
import json
import os
import re
import shutil
import subprocess

import boto3
import pytest
from template import RESOURCES, TEMPLATE, TEMPLATES, Stack, dashboard, resolve

from dev import Dev
from edge import ROOT, send

VERBS = {"get", "head", "post", "put", "patch", "delete", "options"}


@pytest.fixture(scope="module", params=TEMPLATES)
def name(request):
    """The resources of a template, with a hyphen between their names."""
    return request.param


@pytest.fixture(scope="module")
def template(name):
    return TEMPLATES[name]


@pytest.fixture(scope="module")
def dev(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy")
    files = folder / "resources"
    files.mkdir()
    for resource in name.split("-"):
        shutil.copy(ROOT / f"resources/{resource}.json", files)
    with Dev(folder / "data", "--in-memory", "--resources", str(files)) as running:
        yield running


def concrete(path):
    """Returns a path of a record that is not there."""
    return re.sub(r"\{\w+id\}", "some", path).replace("{version}", "1")


def test_every_resource_is_in_the_template_and_none_more(template):
    assert set(template.paths) == set(template.document["paths"])
    for path, methods in template.document["paths"].items():
        expected = set(methods) & VERBS | {"options"} | ({"head"} if "get" in methods else set())
        assert set(template.paths[path]) - {"parameters"} == expected, path


def test_a_host_shows_the_document_of_its_resources(dev, template):
    assert json.loads(send(dev.url, "GET", "/openapi.json").body) == template.document


def test_a_resource_takes_what_the_template_lets_through(dev, template):
    for path, methods in template.paths.items():
        allow = send(dev.url, "OPTIONS", concrete(path)).headers["allow"]
        assert {verb.strip().lower() for verb in allow.split(",")} == set(methods) - {"parameters"}, path


def test_what_wants_no_key_wants_none_of_api_gateway_either(dev, template):
    for path, methods in template.paths.items():
        for verb in set(methods) - {"parameters"}:
            status = send(dev.url, verb.upper(), concrete(path)).status
            assert (status == 403) == ("security" in methods[verb]), (verb, path, status)


def test_every_method_calls_the_function(template):
    for path, methods in template.paths.items():
        for verb in set(methods) - {"parameters"}:
            integration = methods[verb]["x-amazon-apigateway-integration"]
            assert (integration["type"], integration["httpMethod"]) == ("aws_proxy", "POST"), (verb, path)
            assert "functions/${Function.Arn}:live/invocations" in integration["uri"]["Fn::Sub"]
    assert RESOURCES["FunctionPermission"]["Properties"]["FunctionName"] == {"Ref": "Function.Alias"}


def test_a_new_version_gets_a_part_of_the_requests_and_alarms_send_them_back():
    function = RESOURCES["Function"]["Properties"]
    assert function["AutoPublishAlias"] == "live"
    assert function["AutoPublishAliasAllProperties"] is True, "new settings would wait for new code"
    preference = function["DeploymentPreference"]
    assert {"Ref": "Deployment"} == preference["Type"]
    assert TEMPLATE["Parameters"]["Deployment"]["Default"].startswith("Canary")
    alarms = [alarm["Ref"] for alarm in preference["Alarms"]]
    assert {"CanaryAlarm", "FaultAlarm"} <= set(alarms)
    assert all(RESOURCES[alarm]["Type"] == "AWS::CloudWatch::Alarm" for alarm in alarms)
    canary = {dimension["Name"]: dimension["Value"] for dimension in RESOURCES["CanaryAlarm"]["Properties"]["Dimensions"]}
    assert canary["ExecutedVersion"] == {"Fn::GetAtt": ["Function", "Version.Version"]}
    assert canary["Resource"] == {"Fn::Sub": "${Function}:" + function["AutoPublishAlias"]}


def test_sam_makes_of_it_what_cloudformation_takes(template):
    """Runs the transform that AWS runs at a deployment: alias, versions, deployment group, and the callers of the
    alias."""
    script = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
class Policies:
    def load(self): return {}
template = yaml_parse(open(sys.argv[1]).read())
template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/key"
made = transform(template, {"Architecture": "arm64"}, Policies())
print(json.dumps(made))
"""
    python = ROOT / ".tools/venv-deploy/bin/python"
    settings = {"AWS_DEFAULT_REGION": "us-east-1", "PATH": os.environ["PATH"]}
    command = [str(python), "-c", script, str(template.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=settings)
    assert done.returncode == 0, done.stderr[-3000:]
    made = json.loads(done.stdout)["Resources"]
    kinds = {resource["Type"]: name for name, resource in made.items()}
    alias = kinds["AWS::Lambda::Alias"]
    assert made[alias]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    group = made[kinds["AWS::CodeDeploy::DeploymentGroup"]]["Properties"]["AlarmConfiguration"]
    assert {alarm["Name"]["Ref"] for alarm in group["Alarms"]} == {"CanaryAlarm", "FaultAlarm", "FunctionErrorAlarm"}
    assert made["FunctionPermission"]["Properties"]["FunctionName"] == {"Ref": alias}
    [api] = [resource for resource in made.values() if resource["Type"] == "AWS::ApiGateway::RestApi"]
    called = {
        method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
        for methods in api["Properties"]["Body"]["paths"].values()
        for verb, method in methods.items()
        if verb in VERBS
    }
    assert len(called) == 1 and "functions/${Function.Arn}:" + made[alias]["Properties"]["Name"] in called.pop()
    version = kinds["AWS::Lambda::Version"]
    [executed] = [d["Value"] for d in made["CanaryAlarm"]["Properties"]["Dimensions"] if d["Name"] == "ExecutedVersion"]
    assert executed == {"Fn::GetAtt": [version, "Version"]}


def test_what_api_gateway_says_has_the_status_that_it_has():
    responses = RESOURCES["Api"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "INTEGRATION_FAILURE", "ACCESS_DENIED", "WAF_FILTERED"} <= set(responses)
    for name, response in responses.items():
        text = response["responseTemplates"]["application/json"].replace("$context.error.messageString", '"said"')
        body = json.loads(text)
        assert body["status"] == response["statusCode"], name
        assert body["title"] == http.HTTPStatus(body["status"]).phrase or body["status"] == 413, name
        assert body["type"].endswith(":" + body["code"]) and body["detail"], name
        if body["status"] == 429:
            assert "gatewayresponse.header.Retry-After" in response["responseParameters"], name


def test_the_tables_are_as_ripple_makes_them(dev, name, template):
    """`ripple dev` has made its tables with the code of `ripple table create`."""
    client = boto3.client(
        "dynamodb",
        endpoint_url=dev.dynamodb,
        region_name="us-east-1",
        aws_access_key_id="template",
        aws_secret_access_key="template",
    )
    made = {table["Properties"]["TableName"]["Fn::Sub"]: table for table in template.tables()}
    assert len(made) == 2 * len(name.split("-")) + 1
    for table in made.values():
        properties = resolve(table["Properties"])
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


def test_the_tables_outlive_the_stack_and_can_be_restored(template):
    for table in template.tables():
        # The tables of a failed first deployment are deleted with it. Protected tables could not be.
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
        assert "DeletionProtectionEnabled" not in table["Properties"], "`ripple table create` sets it afterwards"
        assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["Condition"] == "TablesAreMade"


def test_the_function_is_told_what_it_reads():
    """The code reads each variable under exactly this name."""
    readers = [f"core/src/{name}.rs" for name in ("auth/cache", "store/dynamodb/table_names", "store/dynamodb/fed", "http/origin_secret")]
    source = "".join((ROOT / file).read_text() for file in readers)
    source += "".join(file.read_text() for file in (ROOT / "lambda/src").rglob("*.rs"))
    for name in RESOURCES["Function"]["Properties"]["Environment"]["Variables"]:
        assert f'"{name}"' in source, name


# A stream keeps its records for a day. Lambda waits at most about a minute between two tries, and one takes `Timeout`.
DAY, LONGEST_PAUSE = 24 * 60 * 60, 60


def test_the_feed_discards_no_record_that_it_has_not_tried(template):
    for name, mapping in Stack(template).resources("AWS::Lambda::EventSourceMapping").items():
        assert mapping["MaximumRecordAgeInSeconds"] == -1, f"{name}: an age also discards what was never tried"
        slowest = LONGEST_PAUSE + int(TEMPLATE["Parameters"]["Timeout"]["Default"])
        tries = mapping["MaximumRetryAttempts"]
        assert 0 < tries * slowest < DAY, f"{name}: a record must be given up before those behind it expire"
        assert tries * LONGEST_PAUSE > 4 * 60 * 60, f"{name}: an outage of some hours must be survived"
        assert mapping["BisectBatchOnFunctionError"] and mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ParallelizationFactor"] == "1"


def test_both_alarms_of_the_feed_name_the_remedy():
    operating = (ROOT / "docs/OPERATING.md").read_text()
    for name in ("FeedFailureAlarm", "FeedAgeAlarm"):
        [section] = re.findall(rf"^### `{name}`.*?(?=^###? )", operating, re.MULTILINE | re.DOTALL)
        assert "`ripple table backfill`" in section, name


def test_lists_are_read_from_indexes_only_of_tables_whose_every_record_the_feed_has_adopted(name, template):
    every = "".join(f"{resource}," for resource in name.split("-"))

    def fed(**parameters):
        return Stack(template, **parameters).variables()["RIPPLE_FED"]

    assert fed() == every
    # What other programs wrote before the feed was on is adopted by `ripple table backfill`.
    assert fed(Feed="adopt") == ""
    assert fed(Feed="false") == fed(Feed="false", Fed="prj") == ""
    stream = {"CreateTables": "false", "Stream": "arn:aws:dynamodb:us-east-1:123456789012:table/t/stream/1"}
    assert fed(**stream) == fed(**stream, Feed="false", Fed="prj") == ""
    assert fed(**stream, Fed="prj") == "prj"


def test_a_feed_that_only_adopts_reads_the_same_streams(template):
    kind = "AWS::Lambda::EventSourceMapping"
    assert Stack(template, Feed="adopt").resources(kind) == Stack(template).resources(kind) != {}
    streams = [table.get("StreamSpecification") for table in Stack(template, Feed="adopt").resources("AWS::DynamoDB::Table").values()]
    assert {"StreamViewType": "NEW_AND_OLD_IMAGES"} in streams


def test_alarms_watch_what_is_there_and_are_explained():
    operating = (ROOT / "docs/OPERATING.md").read_text()
    metrics = (ROOT / "lambda/src/metrics.rs").read_text()
    alarms = TEMPLATES["prj"].alarms()
    assert len(alarms) >= 5
    for name, alarm in alarms.items():
        assert re.search(rf"^#+ .*`{name}`", operating, re.MULTILINE), f"docs/OPERATING.md has no heading for {name}"
        if alarm.get("Namespace") == "ripple":
            assert f'"{alarm["MetricName"]}"' in metrics, name


def test_throttling_of_every_table_is_watched(name, template):
    watched = set()
    for alarm in template.alarms().values():
        for metric in alarm.get("Metrics", []):
            if "MetricStat" in metric:
                described = resolve(metric["MetricStat"]["Metric"])
                names = tuple(dimension["Value"] for dimension in described["Dimensions"])
                watched.add((described["MetricName"], *names))
                assert f"FILL({metric['Id']}, 0)" in alarm["Metrics"][0]["Expression"]
    tables = [("ripple_key",)]
    for resource in name.split("-"):
        records = f"ripple_{resource}"
        tables += [(records,), (records, "by_update"), (records, "by_id"), (f"{records}_version",)]
    for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
        for names in tables:
            assert (metric, *names) in watched


def test_the_dashboard_shows_every_table(template):
    shown = json.dumps(dashboard(template.resources))
    for table in template.tables():
        assert f'"{resolve(table["Properties"]["TableName"])}"' in shown


def test_no_widget_covers_another(template):
    places = [(widget["x"], widget["y"]) for widget in dashboard(template.resources)["widgets"]]
    assert len(places) == len(set(places))


def test_two_regions_have_dashboards_of_their_own():
    assert resolve(RESOURCES["Dashboard"]["Properties"]["DashboardName"]) == "ripple-us-east-1"


def test_the_parameter_sets_are_the_templates():
    """deploy/samconfig.toml: each name exists and fits, and the two stacks share nothing."""
    sets = {name: found["deploy"]["parameters"] for name, found in samconfig().items() if isinstance(found, dict)}
    assert set(sets) == {"default", "staging"}
    given = {}
    for name, found in sets.items():
        given[name] = dict(pair.split("=", 1) for pair in found["parameter_overrides"])
        for parameter, value in given[name].items():
            described = TEMPLATE["Parameters"][parameter]
            assert re.fullmatch(described.get("AllowedPattern", ".*"), value), (name, parameter)
            assert value in described.get("AllowedValues", [value]) or int(value) in described["AllowedValues"], (name, parameter)
    assert sets["default"]["stack_name"] != sets["staging"]["stack_name"]
    site = TEMPLATE["Parameters"]["Site"]["Default"]
    assert given["staging"]["Site"] != given["default"].get("Site", site)


def samconfig():
    return pytest.importorskip("tomllib").loads((ROOT / "deploy/samconfig.toml").read_text())


def test_the_dashboard_shows_metrics_that_are_written():
    metrics = (ROOT / "lambda/src/metrics.rs").read_text()
    shown = set()
    for widget in dashboard()["widgets"]:
        namespace = name = None
        for row in widget["properties"].get("metrics", []):
            # "." repeats the value above; "..." repeats all except the last.
            namespace, name = (row[0] if row[0] not in (".", "...") else namespace), (row[1] if row[0] != "..." and row[1] != "." else name)
            if namespace == "ripple":
                shown.add(name)
    assert shown >= {"Latency", "Tries", "Conflicts", "CapacityRead", "CapacityWrite"}
    for name in shown:
        assert f'"{name}"' in metrics, name


def by_name(definitions):
    return sorted(definitions, key=lambda definition: definition["AttributeName"])


def test_parameters_are_all_used(template):
    text = template.path.read_text()
    for name in template.data["Parameters"]:
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", text), name
