"""An edge worker of a test: the real `wrangler dev`, with switches in front of its DynamoDB and its origin.

    edge ──▶ switch ──▶ `ripple dev`'s DynamoDB
     └─────▶ switch ──▶ `ripple dev`
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
THROTTLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"slow down"}'


class Server(ThreadingHTTPServer):
    """A server that accepts more than five waiting connections. By default a sixth would be accepted a second later."""

    request_queue_size = 128


class Switch:
    """Passes requests on, or lets them fail. `mode` is one of: pass, stopped, throttle, garbage, slow, lost (done, but
    the response is lost), writes lost (the same, but of DynamoDB's operations only transactions), broken (done, but the
    response ends halfway), no index (reads of an index are throttled). `seen` and `body` are those of the last request."""

    def __init__(self, target):
        self.mode, self.count, self.seen, self.body = "pass", 0, None, b""
        switch, target = self, urllib.parse.urlsplit(target)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                switch.count += 1
                switch.seen, switch.body = self.headers, body
                operation = self.headers.get("x-amz-target", "").rpartition(".")[2]
                match switch.mode:
                    case "no index" if b'"IndexName"' in body:
                        return self.send(400, {"content-type": "application/x-amz-json-1.0"}, THROTTLED)
                    case "stopped":
                        # Closed without a response, as by a server that has gone.
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
                    case "throttle":
                        return self.send(400, {"content-type": "application/x-amz-json-1.0"}, THROTTLED)
                    case "garbage":
                        return self.send(200, {"content-type": "text/html"}, b"<html>not DynamoDB</html>")
                    case "slow":
                        time.sleep(20)
                onward = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                onward.request(self.command, self.path, body or None, headers)
                response = onward.getresponse()
                payload = response.read()
                writes = operation == "TransactWriteItems"
                if switch.mode in ("lost", "broken") or switch.mode == "writes lost" and writes:
                    if switch.mode == "broken":
                        self.send(response.status, {"content-length": str(len(payload))}, payload[: len(payload) // 2])
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                own = ("connection", "content-length", "date", "transfer-encoding")
                self.send(response.status, {k: v for k, v in response.getheaders() if k.lower() not in own}, payload)
                onward.close()

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def send(self, status, headers, payload):
                try:
                    self.send_response_only(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    if status != 204 and "content-length" not in headers:
                        self.send_header("content-length", str(len(payload)))
                    self.end_headers()
                    self.wfile.write(payload)
                except OSError:
                    pass  # the client did not wait

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def own_config():
    """Returns wrangler.toml for a test to change. The worker is built already, and the file works in any folder."""
    config = (ROOT / "wrangler.toml").read_text()
    for path in ("edge/worker.js", "edge/site"):
        config = config.replace(f'"{path}"', f'"{ROOT}/{path}"')
    return re.sub(r"\[build\]\n(?:\w.*\n)+", "", config)


BINDING = """
[[durable_objects.bindings]]
name = "REPLICA"
class_name = "Replica"
script_name = "ripple-replica"
"""


def with_replica(folder, dynamodb, **changed):
    """Writes the configuration of an edge that binds the replica, and that of the replica's script. Returns both."""
    edge, replica = folder / "edge.toml", folder / "replica.toml"
    near = own_config().replace("/edge/worker.js", "/edge/near/worker.js")
    edge.write_text(re.sub(r"\[secrets\]\n(?:\w.*\n)+", "", near) + BINDING)
    config = (ROOT / "replica/wrangler.toml").read_text().replace('"worker.js"', f'"{ROOT}/replica/worker.js"')
    config = re.sub(r"\[(build|secrets)\]\n(?:\w.*\n)+", "", config)
    variables = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "RIPPLE_FRESH_SECONDS": "1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    } | changed
    for name in variables:
        config = re.sub(rf"^{name} = .*\n", "", config, flags=re.MULTILINE)
    values = "".join(f'{name} = "{value}"\n' for name, value in variables.items())
    replica.write_text(config.replace("[vars]\n", f"[vars]\n{values}"))
    return edge, replica


class Edge:
    """A `wrangler dev`. It ends with all processes that it started. `replica` is the configuration of a second script,
    and `health` is the status that /health has once it runs."""

    def __init__(self, folder, origin, dynamodb, config=None, replica=None, log_level="log", health=200, **changed):
        variables = {
            "RIPPLE_ORIGIN": origin,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
            "AWS_REGION": "us-east-1",
            "RIPPLE_FRESH_SECONDS": "1",
            "RIPPLE_RATE_LIMIT": "0",
            "RIPPLE_ADDRESS_LIMIT": "0",
        } | changed
        command = [str(ROOT / "node_modules/.bin/wrangler"), "dev", "--ip", "127.0.0.1", "--log-level", log_level]
        command += ["--inspector-port", "0", "--show-interactive-dev-session=false", "--persist-to", str(folder / "state")]
        if config is None:
            # `wrangler dev` would watch the sources, and build and restart the worker when one of them changes.
            config = folder / "edge.toml"
            config.write_text(own_config())
        for file in filter(None, (config, replica)):
            command += ["--config", str(file)]
        for name, value in variables.items():
            command += ["--var", f"{name}:{value}"]
        env = os.environ | {
            "PATH": f"{ROOT / 'node_modules/.bin'}:{os.environ['PATH']}",
            "WRANGLER_SEND_METRICS": "false",
            "X_LOCAL_OBSERVABILITY": "false",
            "WRANGLER_LOG_PATH": str(folder / "wrangler.log"),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        self.log = folder / "log"
        self.command, self.env, self.health = command, env, health
        # Another process may take a free port before the worker listens on it.
        while not self.start(command, env):
            self.close()
            assert re.search("address already in use", self.read_log(), re.IGNORECASE), self.read_log()

    def start(self, command, env):
        """Starts the worker. Reports whether it serves, and has not ended before."""
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, "--port", str(port)],
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 600
        while self.process.poll() is None:
            try:
                if send(self.url, "GET", "/health").status == self.health:
                    return True
            except OSError:
                pass
            assert time.monotonic() < deadline, self.read_log()
            time.sleep(0.1)
        return False

    def kill(self):
        """Ends all its processes at once, whatever they are doing."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def again(self):
        """Starts it again, with the state that it left."""
        while not self.start(self.command, self.env):
            self.close()

    def read_log(self):
        return self.log.read_text(errors="replace")

    def lines(self, mark):
        """Returns the objects of the log, as text, whose lines have a mark. A line that is being written is none yet."""
        whole, _, _ = self.read_log().rpartition("\n")
        return [line[line.index("{") :] for line in whole.splitlines() if mark in line]

    def close(self):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:300]!r}"


def send(url, method, path, key=None, body=None, timeout=40, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        headers["x-api-key"] = key
    if body is not None:
        body = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    request = urllib.request.Request(url + path, body, headers, method=method)
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return Answer(response.status, response.headers, response.read())


def wait_for(happens, seconds=120):
    """Waits until the condition holds. The time limit allows for a busy machine."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)


@contextlib.contextmanager
def deaf_url():
    """Gives a URL on which nothing listens. Its port is held, so that no other test gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
