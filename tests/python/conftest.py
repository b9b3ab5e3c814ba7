"""The running ripple and the DynamoDB of the tests.

RIPPLE_URL, RIPPLE_KEY            a running ripple and a key with the scopes read and write
RIPPLE_DYNAMODB_ENDPOINT          its DynamoDB, such as the one that `ripple dev` prints
RIPPLE_BROWSER, RIPPLE_FIREFOX    the programs of a Chromium and a Firefox
RIPPLE_REQUIRE_URL=1              a missing variable is a failure, and not a reason to skip
"""

import json
import os
import re
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal

import boto3
import pytest

from second_writer import TABLE


@dataclass
class Answer:
    """A response of ripple. Numbers keep every digit."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body, parse_float=Decimal)


class Ripple:
    """ripple's HTTP API. Each request carries the session token of the last write."""

    def __init__(self, url, key):
        self.url, self.key, self.session = url.rstrip("/"), key, None

    def call(self, method, path, body=None, **more):
        """Sends a request. `more` are further headers, with `_` for `-`."""
        headers = {"x-api-key": self.key} | {name.replace("_", "-"): value for name, value in more.items()}
        if self.session:
            headers["ripple-session"] = self.session
        if body is not None:
            body = write_json(body).encode()
            headers.setdefault("content-type", "application/json")
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            response = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as error:
            response = error  # an error status is a response too
        with response:
            answer = Answer(response.status, response.headers, response.read())
        self.session = answer.headers.get("ripple-session", self.session)
        return answer

    def get(self, prj_id):
        return self._expect(200, "GET", f"/prj/{prj_id}")

    def create(self, project):
        return self._expect(201, "POST", "/prj", project)

    def put(self, prj_id, project):
        return self._expect(200, "PUT", f"/prj/{prj_id}", project)

    def patch(self, prj_id, edit):
        return self._expect(200, "PATCH", f"/prj/{prj_id}", edit)

    def delete(self, prj_id, body=None):
        answer = self.call("DELETE", f"/prj/{prj_id}", body)
        assert answer.status == 204, answer
        return answer

    def restore(self, prj_id, version):
        return self._expect(200, "POST", f"/prj/{prj_id}/versions/{version}")

    def versions(self, prj_id):
        """Returns the numbers in the history, newest first."""
        rows, path = [], f"/prj/{prj_id}/versions"
        while path:
            answer = self.call("GET", path)
            assert answer.status == 200, answer
            rows += answer.json()
            link = answer.headers.get("link")
            path = f"/prj/{prj_id}/" + link[link.index("<") + 1 : link.index(">")] if link else None
        return [row["version"] for row in rows]

    def state(self, prj_id, version):
        """Returns the record at a version."""
        return self._expect(200, "GET", f"/prj/{prj_id}/versions/{version}")

    def list(self, query=""):
        """Returns the whole list, page by page."""
        records, path = [], f"/prj?{query}"
        while path:
            answer = self.call("GET", path)
            assert answer.status == 200, answer
            records += answer.json()
            link = re.match(r'<([^>]*)>; rel="next"', answer.headers.get("link", ""))
            path = "/" + link[1] if link else None
        return records

    def _expect(self, status, method, path, body=None):
        answer = self.call(method, path, body)
        assert answer.status == status, answer
        return answer.json()


def write_json(value):
    """Returns JSON text in which a Decimal keeps its digits. json itself accepts only floats. So it gets a unique
    string, and the string's quotes are removed."""
    text = json.dumps(value, default=lambda decimal: f"\0{decimal:f}\0")
    return re.sub(r'"\\u0000(.*?)\\u0000"', r"\1", text)


def _setting(name):
    value = os.environ.get(name)
    if not value:
        absent = pytest.fail if os.environ.get("RIPPLE_REQUIRE_URL") == "1" else pytest.skip
        absent(f"{name} is not set")
    return value


def dynamodb(make, endpoint):
    """Returns the endpoint. It accepts any credentials, because it is an engine on this machine."""
    return make(
        "dynamodb",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="second",
        aws_secret_access_key="writer",
    )


@pytest.fixture(scope="session")
def client():
    """Returns DynamoDB with its types as on the wire."""
    return dynamodb(boto3.client, _setting("RIPPLE_DYNAMODB_ENDPOINT"))


@pytest.fixture(scope="session")
def table():
    """Returns the project table as the second writer sees it."""
    return dynamodb(boto3.resource, _setting("RIPPLE_DYNAMODB_ENDPOINT")).Table(TABLE)


@pytest.fixture
def ripple():
    return Ripple(_setting("RIPPLE_URL"), _setting("RIPPLE_KEY"))


@pytest.fixture
def prj_id():
    """Returns an id that no record has."""
    return f"py-{secrets.token_hex(6)}"
