"""The DynamoDB that the command line uses: AWS's default chain, a running `ripple dev`, or a flag. Each command names
it.

    ripple ──▶ a stub of AWS: container credentials, STS, DynamoDB's management ──▶ the embedded engine
"""

import http.client
import json
import os
import re
import subprocess
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

import pytest

from conftest import _setting
from dev import Dev, clean, ripple
from edge import Server

ACCOUNT = "123456789012"
NO_MACHINE = {"AWS_EC2_METADATA_DISABLED": "true"}


class Aws:
    """The part of AWS that the tests need. `protected` has the settings that were made for each table."""

    def __init__(self, dynamodb):
        aws, target = self, urllib.parse.urlsplit(dynamodb)
        self.signers, self.recovery, self.deletion, self.asked = [], set(), set(), []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path != "/credentials":
                    return self.reply(404, b"")
                expires = "2099-01-01T00:00:00Z"
                of_container = {"AccessKeyId": "CONTAINER", "SecretAccessKey": "s", "Token": "t", "Expiration": expires}
                self.reply(200, json.dumps(of_container).encode(), "application/json")

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                operation = (self.headers.get("x-amz-target") or ".").split(".")[1]
                if not operation:
                    return self.sts(urllib.parse.parse_qs(body.decode()))
                aws.signers.append(re.search(r"Credential=([^/]+)/", self.headers["authorization"])[1])
                aws.asked.append(operation)
                request = json.loads(body)
                own = getattr(self, operation, None)
                status, answer = own(request) if own else self.onward(body)
                self.reply(status, json.dumps(answer).encode(), "application/x-amz-json-1.0")

            def sts(self, form):
                action = form["Action"][0]
                if action == "AssumeRoleWithWebIdentity":
                    assert form["WebIdentityToken"] == ["a token"]
                    result = (
                        "<Credentials><AccessKeyId>WEBIDENTITY</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                        "<SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
                        "<AssumedRoleUser><AssumedRoleId>r:s</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>"
                    )
                else:
                    result = f"<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:user/u</Arn><UserId>u</UserId>"
                text = f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{result}</{action}Result></{action}Response>'
                self.reply(200, text.encode(), "text/xml")

            def DescribeContinuousBackups(self, request):
                state = "ENABLED" if request["TableName"] in aws.recovery else "DISABLED"
                recovery = {"PointInTimeRecoveryStatus": state}
                described = {"ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery}
                return 200, {"ContinuousBackupsDescription": described}

            def UpdateContinuousBackups(self, request):
                assert request["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
                aws.recovery.add(request["TableName"])
                return self.DescribeContinuousBackups(request)

            def onward(self, body):
                connection = http.client.HTTPConnection(target.hostname, target.port, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "host")}
                connection.request("POST", "/", body, headers | {"host": target.netloc})
                answer = connection.getresponse()
                read = json.loads(answer.read())
                connection.close()
                return answer.status, read

            def reply(self, status, body, kind="text/plain"):
                self.send_response_only(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("tables"), "--in-memory") as dev:
        yield dev


@pytest.fixture
def aws(tables):
    aws = Aws(tables.dynamodb)
    yield aws
    aws.close()


def run(folder, *arguments, ok=True, **settings):
    """Runs the command line in a folder without a `ripple dev`. Returns its output and its errors."""
    command = [_setting("RIPPLE_BIN"), "--data", str(folder / "none"), *map(str, arguments)]
    environment = clean() | NO_MACHINE | {"HOME": str(folder)} | settings
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode == 0) == ok, (done.returncode, done.stdout, done.stderr)
    return done.stdout, done.stderr


def configured(folder, text, credentials=""):
    (folder / "config").write_text(text)
    (folder / "credentials").write_text(credentials)
    return {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}


def test_the_default_profile_is_found_with_its_region_and_endpoint(aws, tmp_path):
    config = f"[default]\nregion = eu-west-3\nservices = stub\n[services stub]\ndynamodb =\n  endpoint_url = {aws.url}\n"
    credentials = "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n"
    run(tmp_path, "key", "list", **configured(tmp_path, config, credentials))
    assert set(aws.signers) == {"DEFAULT"}


@pytest.mark.parametrize("way", ["container", "web identity", "keys"])
def test_what_aws_hands_a_process_is_taken(aws, tmp_path, way):
    (tmp_path / "token").write_text("a token")
    settings = {
        "container": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{aws.url}/credentials"},
        "web identity": {
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
            "AWS_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/r",
            "AWS_ENDPOINT_URL_STS": aws.url,
        },
        "keys": {"AWS_ACCESS_KEY_ID": "KEYS", "AWS_SECRET_ACCESS_KEY": "s"},
    }[way]
    config = configured(tmp_path, f"[default]\nservices = stub\n[services stub]\ndynamodb =\n  endpoint_url = {aws.url}\n")
    run(tmp_path, "key", "list", AWS_REGION="eu-west-3", **config, **settings)
    assert set(aws.signers) == {way.upper().replace(" ", "")}


def test_without_credentials_a_sentence_says_what_to_do(tmp_path):
    _, said = run(tmp_path, "key", "list", ok=False, AWS_REGION="eu-west-3")
    assert "no AWS credentials were found" in said and "start `ripple dev`" in said
    assert len(said.splitlines()) == 1, said
    _, said = run(tmp_path, "key", "list", ok=False, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    assert "no AWS region" in said


def tables_of(site):
    """Returns the tables of a site with the resources of this project."""
    return [f"{site}_{name}" for name in ("prj", "prj_version", "task", "task_version", "key")]


def test_every_command_that_changes_something_says_where_first(tables, tmp_path):
    where = f"DynamoDB at {tables.dynamodb} (the `ripple dev` of {tables.data}), tables {', '.join(tables_of('ripple'))}"
    (tmp_path / "empty.jsonl").write_text("")
    made = ripple("key", "create", "--name", "where", data=tables.data, both=True)
    key_id = re.search(r"key_[0-9a-f]{12}", made)[0]
    for arguments in (
        ("table", "create"),
        ("import", tmp_path / "empty.jsonl"),
        ("key", "rotate", key_id),
        ("key", "revoke", key_id),
    ):
        said = ripple(*arguments, data=tables.data, both=True)
        assert said.splitlines()[0] == where, said
    assert made.splitlines()[0] == where
    assert "DynamoDB at" not in ripple("key", "list", data=tables.data, both=True)


def test_the_account_and_region_are_told(tmp_path):
    """An endpoint of AWS that does not answer. The message before the first request counts."""
    settings = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-3"}
    with_account = settings | {"AWS_ACCOUNT_ID": ACCOUNT}
    endpoint = "https://127.0.0.1.nip.invalid"
    _, said = run(tmp_path, "--endpoint-url", endpoint, "--site", "shop", "key", "create", "--name", "a", ok=False, **with_account)
    first = said.splitlines()[0]
    assert first == f"DynamoDB at {endpoint}, account {ACCOUNT}, region eu-west-3, tables {', '.join(tables_of('shop'))}"


def test_sts_is_asked_where_the_credentials_do_not_name_the_account(aws, tmp_path):
    settings = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL_STS": aws.url}
    endpoint = "https://127.0.0.1.nip.invalid"
    _, said = run(tmp_path, "--endpoint-url", endpoint, "key", "create", "--name", "a", ok=False, **settings)
    assert f"account {ACCOUNT}, region eu-west-3" in said.splitlines()[0]


def test_a_running_dev_gives_way_to_what_is_asked_for(aws, tables):
    profile = {"AWS_ACCESS_KEY_ID": "ASKED", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL_DYNAMODB": aws.url}
    command = [_setting("RIPPLE_BIN"), "--data", str(tables.data), "key", "list"]
    done = subprocess.run(command, env=clean() | profile, capture_output=True, text=True)
    assert done.returncode == 0 and set(aws.signers) == {"ASKED"}


def test_a_dev_that_has_ended_is_named(tmp_path):
    with Dev(tmp_path) as dev:
        assert dev.interrupt() == 0
    said = ripple("key", "list", data=tmp_path, ok=False)
    assert f"the `ripple dev` of {tmp_path} has ended" in said and len(said.splitlines()) == 1, said
    assert "has ended" in ripple("doctor", data=tmp_path, ok=False)


def test_dev_is_embedded_whatever_is_exported(aws, tmp_path):
    exported = {
        "AWS_PROFILE": "work",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ENDPOINT_URL_DYNAMODB": aws.url,
    }
    with Dev(tmp_path / "exported", **exported) as dev:
        assert dev.dynamodb != aws.url and not aws.asked
        assert (tmp_path / "exported/dynamodb.sqlite").exists()
        dev.process.terminate()
        assert "ignores the credentials and the endpoint in the environment" in dev.process.stdout.read().decode()
    command = [_setting("RIPPLE_BIN"), "--data", str(tmp_path / "asked"), "dev", "--port", "0", "--endpoint-url", aws.url]
    asked = subprocess.Popen(command, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines = [asked.stdout.readline() for _ in range(3)]
        assert f"DynamoDB at {aws.url}" in "".join(lines) and "CreateTable" not in exported
    finally:
        asked.kill()
        asked.wait()
    assert aws.asked


def test_tables_are_protected_where_dynamodb_can(aws, tmp_path):
    settings = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL": aws.url}
    settings |= {"RIPPLE_SITE": "shop_order", "RIPPLE_KEY": "rpl_" + "0" * 30 + "2C8GjS"}
    names = tables_of("shop_order")
    made, said = run(tmp_path, "table", "create", **settings)
    assert ", ".join(names) in said.splitlines()[0], "their names come first"
    assert aws.recovery == set(names) and made.count("ready") == len(names)
    described = lambda: [aws_table(aws, name) for name in names]
    assert all(table["DeletionProtectionEnabled"] for table in described())
    asked = len(aws.asked)
    run(tmp_path, "table", "create", **settings)
    assert not {"CreateTable", "UpdateTable", "UpdateContinuousBackups"} & set(aws.asked[asked:]), "nothing is done twice"

    aws.recovery.discard("shop_order_key")
    looked, _ = run(tmp_path, "table", "describe", ok=False, **settings)
    assert "shop_order_key" in looked and "lacks point-in-time recovery; `ripple table create` adds it" in looked
    looked, _ = run(tmp_path, "doctor", ok=False, **settings)
    assert "shop_order_key lacks point-in-time recovery: run `ripple table create`" in looked
    unprotect = subprocess.run(
        [_setting("RIPPLE_BIN"), "table", "describe"], env=clean() | settings, capture_output=True, text=True
    )
    assert unprotect.returncode == 1


def aws_table(aws, name):
    from conftest import dynamodb
    import boto3

    return dynamodb(boto3.client, aws.url).describe_table(TableName=name)["Table"]


def test_every_setting_is_in_the_help(tmp_path):
    told, _ = run(tmp_path, "--help")
    sources = "".join(path.read_text() for path in (_root() / "cli/src").rglob("*.rs"))
    sources += (_root() / "core/src/store/dynamodb/table_names.rs").read_text()
    named = set(re.findall(r'"((?:AWS|RIPPLE)_[A-Z_]+)"', sources))
    assert {"RIPPLE_SITE", "RIPPLE_SHARDS", "AWS_CA_BUNDLE"} <= named
    # Settings of one command are in that command's help.
    own = "".join(run(tmp_path, command, "--help")[0] for command in ("doctor", "dev", "key"))
    assert not {name for name in named if name not in told and name not in own}


def _root():
    from edge import ROOT

    return ROOT
