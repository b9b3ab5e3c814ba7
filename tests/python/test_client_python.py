"""The Python client of clients/python: the shared cases, and what only this client promises."""

import os
import re
import subprocess
import sys

import pytest

from conformance import PROJECT, Async, Run, Sync, cases
from dev import Dev, ripple
from edge import ROOT, send


PACKAGE = ROOT / "clients/python"


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("client") / "data", "--in-memory") as dev:
        yield dev


@pytest.fixture(scope="module")
def keys(dev):
    """Returns the client's key, and one of another person."""
    return dev.key, ripple("key", "create", "--name", "Another person", data=dev.data).strip()


@pytest.fixture(scope="module")
def lacks(dev):
    """Returns what cases need and are skipped for, with the reasons."""
    lacking = {"live": "the client has no live channel"}
    answer = send(dev.url, "POST", "/prj", dev.key, {}, ripple_author="not quoted")
    if b"ripple-author" not in answer.body.lower():
        lacking["author"] = "the server keeps no authors"
    return lacking


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def tested(request, dev, keys):
    tested = request.param(dev.url, keys[0])
    yield tested
    tested.close()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["n"])
def test_conformance(case, tested, dev, keys, lacks):
    if case.get("needs") in lacks:
        pytest.skip(lacks[case["needs"]])
    run = Run(tested, dev.url, keys)
    try:
        for step in case["do"]:
            run.step(step)
    finally:
        run.close()


def test_the_example_of_the_readme(dev):
    examples = re.findall(r"^```python\n(.*?)^```", (PACKAGE / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(examples) == 2, "the synchronous and the asynchronous one"
    settings = {"PYTHONPATH": str(PACKAGE / "src"), "RIPPLE_URL": dev.url, "RIPPLE_KEY": dev.key}
    for example in examples:
        # A record that the second example finds too.
        send(dev.url, "POST", "/prj", dev.key, PROJECT)
        printed = run("-c", example, env=os.environ | settings)
        for promised in re.findall(r"print\(.*\)  # (.*)$", example, re.MULTILINE):
            assert promised in printed.splitlines(), (promised, printed)
        assert printed.strip()


def run(*arguments, **more):
    """Runs Python, and returns what it prints."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout
