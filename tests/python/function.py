"""The Lambda function, with a Runtime API that the tests play."""

import http.server
import json
import queue
import subprocess
import threading
import urllib.parse

from conftest import _setting
from dev import clean


class RuntimeApi:
    """The part of Lambda's Runtime API that sends events to a function and receives its responses."""

    def __init__(self):
        events, self.outcomes = queue.Queue(), queue.Queue()
        self.events, outcomes = events, self.outcomes

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = events.get()
                self.send_response(200)
                self.send_header("lambda-runtime-aws-request-id", "00000001-0000-4000-8000-000000000000")
                self.send_header("lambda-runtime-deadline-ms", "9999999999999")
                self.send_header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:f")
                self.end(body)

            def do_POST(self):
                outcome = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(202)
                self.end(b"{}")
                outcomes.put(outcome)

            def end(self, body):
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, event):
        self.events.put(json.dumps(event).encode())
        return self.outcomes.get(timeout=120)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Function:
    """`bootstrap` with these variables, and its log in a file."""

    def __init__(self, folder, dynamodb, **variables):
        self.api = RuntimeApi()
        settings = {
            "AWS_LAMBDA_RUNTIME_API": self.api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "ripple_prj",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/ripple_prj",
            "AWS_LAMBDA_LOG_STREAM_NAME": "1",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        } | variables
        log = open(folder / "function.log", "wb")
        self.process = subprocess.Popen([_setting("RIPPLE_BOOTSTRAP")], env=clean() | settings, stdout=log, stderr=log)

    def call(self, method, path, headers):
        body = headers.pop("body", None)
        url = urllib.parse.urlsplit(path)
        event = {
            "httpMethod": method,
            "path": url.path,
            "headers": headers,
            "multiValueQueryStringParameters": urllib.parse.parse_qs(url.query) or None,
            "body": body,
            "isBase64Encoded": False,
            "requestContext": {"stage": "prod", "requestId": "r", "httpMethod": method, "path": url.path},
        }
        return self.api.invoke(event)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.api.close()
