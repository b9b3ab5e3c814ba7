"""A proxy in front of the edge that compresses responses and weakens their tags, as Cloudflare's proxy does."""

import gzip
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conftest import _setting
from edge import Edge, send

#: Headers of one connection (RFC 9110 §7.6.1), and headers that the proxy writes itself.
OWN = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date", "server"}


def project(prj_id):
    texts = {name: "Ferry" for name in ("name", "goal", "issue", "description", "term_unit", "create_date")}
    return {"prj_id": prj_id, "term": 6, **texts}


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def forward(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0)) or None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
        request = urllib.request.Request(self.server.behind + self.path, body, headers, method=self.command)
        try:
            answer = urllib.request.urlopen(request)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            self.pass_on(answer.status, answer.headers, answer.read())

    def pass_on(self, status, headers, body):
        headers = [(name.lower(), value) for name, value in headers.items() if name.lower() not in OWN]
        directives = dict(headers).get("cache-control", "")
        if body and "no-transform" not in directives:
            body = gzip.compress(body)
            headers = [(name, f"W/{value}" if name.lower() == "etag" else value) for name, value in headers]
            headers.append(("content-encoding", "gzip"))
        self.send_response(status)
        for name, value in [*headers, ("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_PATCH = do_POST = do_DELETE = forward

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    edge = Edge(tmp_path_factory.mktemp("edge"), _setting("RIPPLE_URL"), _setting("RIPPLE_DYNAMODB_ENDPOINT"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    server.behind = edge.url
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    edge.close()


def test_a_records_tag_stays_strong(front, prj_id):
    key = _setting("RIPPLE_KEY")
    created = send(front, "POST", "/prj", key, project(prj_id))
    assert (created.status, created.headers["etag"][0]) == (201, '"')
    read = send(front, "GET", f"/prj/{prj_id}", key)
    assert read.headers["content-encoding"] is None and read.headers["etag"][0] == '"'
    saved = send(front, "PUT", f"/prj/{prj_id}", key, {"goal": "saved through the front"}, if_match=read.headers["etag"])
    assert saved.status == 200, saved
    # The tag in the response to a write names the new version.
    assert send(front, "DELETE", f"/prj/{prj_id}", key, if_match=saved.headers["etag"]).status == 204


def test_a_list_may_be_compressed(front, prj_id):
    """The tag of a list is only used with `If-None-Match`, which matches weak tags."""
    key = _setting("RIPPLE_KEY")
    assert send(front, "POST", "/prj", key, project(prj_id)).status == 201
    listed = send(front, "GET", f"/prj?prj_id={prj_id}", key)
    assert (listed.headers["content-encoding"], listed.headers["etag"][:2]) == ("gzip", "W/")
    again = send(front, "GET", f"/prj?prj_id={prj_id}", key, if_none_match=listed.headers["etag"])
    assert again.status == 304
