"""The embedded DynamoDB serves programs of this machine. No web page can read or write it."""

import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

import pytest

from conftest import _setting
from dev import Dev
from edge import Server

SIGNED = {
    "content-type": "application/x-amz-json-1.0",
    "x-amz-target": "DynamoDB_20120810.ListTables",
    "x-amz-date": "20260301T000000Z",
    "authorization": "AWS4-HMAC-SHA256 Credential=a/20260301/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
}


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("embedded"), "--in-memory") as dev:
        yield dev


def ask(dev, method="POST", times=1, **headers):
    """Sends a number of requests on one connection, and returns the last response."""
    address = urllib.parse.urlsplit(dev.dynamodb)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    answers = []
    for _ in range(times):
        connection.putrequest(method, "/", skip_host="host" in headers)
        for name, value in (SIGNED | headers).items():
            connection.putheader(name.replace("_", "-"), value)
        connection.putheader("content-length", "2")
        connection.endheaders(b"{}")
        answer = connection.getresponse()
        answers.append((answer.status, dict(answer.getheaders()), answer.read()))
    connection.close()
    return answers[-1]


def test_programs_of_this_machine_are_answered(dev):
    status, _, body = ask(dev, times=3)
    assert (status, b"ripple_prj" in body) == (200, True)
    for host in ("localhost", "127.0.0.1:1", "[::1]:8000"):
        assert ask(dev, host=host)[0] == 200, host


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3000"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_a_request_with_an_origin_is_refused(dev, method, origin):
    status, headers, body = ask(dev, method, origin=origin, access_control_request_method="POST")
    assert status == 403 and b"ripple_prj" not in body
    assert not [name for name in headers if name.lower().startswith("access-control")]
    assert "AccessDeniedException" in json.loads(body)["__type"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "169.254.169.254"])
def test_a_host_name_other_than_loopback_is_refused(dev, host):
    status, _, body = ask(dev, host=host)
    assert status == 403 and b"ripple_prj" not in body


ATTACK = """async ([url, headers]) => {
  const tried = {};
  for (const [name, request] of Object.entries({
    read: {method: 'POST', body: '{}', headers},
    simple: {method: 'POST', body: '{}', headers: {'content-type': 'text/plain'}},
    look: {method: 'GET'},
  })) {
    try { const answer = await fetch(url, request); tried[name] = [answer.status, await answer.text()]; }
    catch (error) { tried[name] = String(error); }
  }
  return tried;
}"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a page</title>")

    def log_message(self, *_):
        pass


def test_a_page_of_another_origin_cannot_use_it(dev):
    from playwright.sync_api import sync_playwright

    served = Server(("127.0.0.1", 0), Page)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    flags = ["--no-sandbox", "--disable-dev-shm-usage"]
    port = urllib.parse.urlsplit(dev.dynamodb).port
    with sync_playwright() as playwright:
        # A name of the page's own that resolves to this machine, as the owner's name server may arrange at any time.
        rebound = [f"--host-resolver-rules=MAP rebound.example 127.0.0.1"]
        browser = playwright.chromium.launch(executable_path=_setting("RIPPLE_BROWSER"), args=flags + rebound)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{served.server_port}/")
        tried = page.evaluate(ATTACK, [dev.dynamodb, SIGNED])
        assert all("Failed to fetch" in told for told in tried.values()), tried
        page.goto(f"http://rebound.example:{port}/")
        tried = page.evaluate(ATTACK, [f"http://rebound.example:{port}/", SIGNED])
        assert all(told[0] == 403 and "ripple_prj" not in told[1] for told in tried.values()), tried
        browser.close()
    served.shutdown()
