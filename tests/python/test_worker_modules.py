"""The workers' own JavaScript, under Node: what an isolate keeps of a replica's answers, and what an object keeps."""

import os
import subprocess

import pytest

from dev import clean
from edge import ROOT

BIN = ROOT / "node_modules/.bin"


@pytest.mark.parametrize("file", ["edge/near/objects.test.js", "replica/answers.test.js", "replica/calls.test.js"])
def test_a_module_alone(file):
    environment = clean() | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [str(BIN / "node"), "--no-warnings", "--test", str(ROOT / file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
