"""A `ripple dev` of a test, on a folder, started and ended by the test."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import boto3

from conftest import Ripple, _setting, dynamodb


class Dev:
    """`ripple dev` on free ports, or on the given ones. `log` is a file for its log, if the test does not read its
    output. `feed` lets it adopt what the test writes to its DynamoDB. `cwd` is its working folder. Settings become
    variables."""

    def __init__(self, data, *options, port=0, log=None, feed=False, cwd=None, **settings):
        self.data, self.feed = Path(data), feed
        if not feed:
            options = (*options, "--no-feed")
        file = self.data / "dev.json"
        before = file.stat().st_mtime_ns if file.exists() else 0
        command = [_setting("RIPPLE_BIN"), "--data", str(data), "dev", "--port", str(port), *options]
        output = (subprocess.PIPE, subprocess.STDOUT) if log is None else (subprocess.DEVNULL, open(log, "wb"))
        self.process = subprocess.Popen(command, env=clean() | settings, cwd=cwd, stdout=output[0], stderr=output[1])
        deadline = time.monotonic() + 120
        while not (file.exists() and file.stat().st_mtime_ns > before):
            assert self.process.poll() is None, self.process.stdout and self.process.stdout.read().decode()
            assert time.monotonic() < deadline, "it does not serve"
            time.sleep(0.02)
        found = json.loads(file.read_text())
        self.url, self.key, self.dynamodb = found["url"], found["key"], found["dynamodb_endpoint"]

    def ripple(self):
        return Ripple(self.url, self.key)

    def client(self):
        """Returns boto3 on its DynamoDB."""
        return dynamodb(boto3.client, self.dynamodb)

    def interrupt(self):
        """Sends Ctrl-C, and returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def again(self):
        """Starts it again with the same data and ports."""
        port, dynamodb_port = (url.rsplit(":", 1)[1] for url in (self.url, self.dynamodb))
        return Dev(self.data, "--dynamodb-port", dynamodb_port, port=port, feed=self.feed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def ripple(*arguments, data, ok=True, stdin=None, both=False):
    """Runs the command line and returns its output. `both` adds standard error in front."""
    command = [_setting("RIPPLE_BIN"), "--data", str(data), *map(str, arguments)]
    done = subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=120, input=stdin)
    assert (done.returncode == 0) == ok, (done.returncode, done.stdout, done.stderr)
    if both:
        return done.stderr + done.stdout
    return done.stdout if ok else done.stdout + done.stderr


def clean():
    """Returns the environment without variables that would select another target."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RIPPLE_"))}
