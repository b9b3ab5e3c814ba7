"""Forwards DynamoDB's requests, and records the access key and the actions of each."""

import http.client
import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler

from edge import Server

# IAM has no TransactWriteItems. It requires the permission of each operation in it.
ITEMS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


class Recorder:
    """The operations by the access key that signed them: {key: {(action, "table" or "table/index/name")}}."""

    def __init__(self, target):
        self.operations = {}
        recorder, target = self, urllib.parse.urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                self.onward = http.client.HTTPConnection(target.hostname, target.port, timeout=60)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                recorder.note(self.headers, body)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                self.onward.request("POST", self.path, body, headers)
                response = self.onward.getresponse()
                payload = response.read()
                self.send_response_only(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def finish(self):
                self.onward.close()
                super().finish()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def note(self, headers, body):
        who = re.search(r"Credential=([^/]+)/", headers["authorization"])[1]
        noted = self.operations.setdefault(who, set())
        noted.update(operations(headers["x-amz-target"].split(".")[1], json.loads(body)))

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def operations(action, request):
    if action == "BatchGetItem":
        yield from ((action, table) for table in request["RequestItems"])
    elif action == "TransactWriteItems":
        for item in request["TransactItems"]:
            for kind, member in item.items():
                yield ITEMS[kind], member["TableName"]
    elif "IndexName" in request:
        yield action, f"{request['TableName']}/index/{request['IndexName']}"
    else:
        yield action, request["TableName"]
