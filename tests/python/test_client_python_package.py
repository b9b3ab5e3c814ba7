"""The package of clients/python: its own tests, its types, its build, and the example of its README."""

import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile

import httpx
import pytest

from conformance import PROJECT
from dev import Dev
from edge import ROOT, send

PACKAGE = ROOT / "clients/python"


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("package") / "data", "--in-memory") as dev:
        yield dev


def test_the_package_without_a_network():
    printed = run("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=PACKAGE)
    assert re.search(r"^\d+ passed", printed, re.MULTILINE), printed


def test_the_types_hold(tmp_path):
    run("-m", "mypy", "--cache-dir", tmp_path / "mypy", cwd=PACKAGE)
    environment = os.environ | {"PYTHONPATH": str(PACKAGE / "src"), "MYPYPATH": str(PACKAGE / "src")}
    document = ROOT / "deploy/openapi.json"
    run("-m", "ripple_client.typed_dicts", document, "-o", "prj.py", cwd=tmp_path, env=environment)
    (tmp_path / "use.py").write_text(USE)
    check = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "mypy", "use.py"]
    done = subprocess.run(check, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    faults = re.findall(r"use.py:(\d+): error", done.stdout)
    wrong = [str(number) for number, line in enumerate(USE.splitlines(), 1) if line.endswith("# wrong")]
    assert faults == wrong, done.stdout


USE = """
from prj import Project
from ripple_client import AsyncClient, Client

async def use(client: Client, later: AsyncClient) -> None:
    projects = client.resource("prj", Project)
    goal: str = projects.get("p1").value["goal"]
    number: int = projects.get("p1").value["goal"]  # wrong
    projects.get("p1").value["gaol"]  # wrong
    with projects.edit("p1") as edit:
        edit.value["goal"] = "G"
        edit.value["goal"] = 7  # wrong
    version: int = edit.saved.record.version + edit.saved.receipt.version
    names = [record.value["name"] for record in projects.list()]
    client.prj.get("p1").value["anything"] = goal
    async for change in later.resource("prj", Project).changes():
        change.record.value  # wrong
    (await later.prj.get("p1")).version.real
    later.prj.get("p1").version  # wrong
"""


def test_the_package_is_built_and_runs_in_an_empty_environment(dev, tmp_path):
    built = tmp_path / "dist"
    run("-m", "hatchling", "build", "-d", built, cwd=PACKAGE)
    [wheel], [source] = built.glob("*.whl"), built.glob("*.tar.gz")
    names = zipfile.ZipFile(wheel).namelist()
    modules = {f"ripple_client/{file.name}" for file in (PACKAGE / "src/ripple_client").iterdir() if file.is_file()}
    assert modules == {name for name in names if name.startswith("ripple_client/")}
    assert "ripple_client/py.typed" in modules
    inside = {name.split("/", 1)[1] for name in tarfile.open(source).getnames()}
    assert {"pyproject.toml", "README.md", "tests/test_feed.py", *(f"src/{name}" for name in modules)} <= inside
    assert not [name for name in inside if "__pycache__" in name or ".venv" in name]

    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin/python"
    run("-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, python=python)
    example = f"""
from ripple_client import Client
with Client({dev.url!r}, {dev.key!r}) as client:
    print(client.prj.create({PROJECT!r}).receipt.result, client._http.headers["user-agent"])
"""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert re.match(r"created ripple-client/0\.\d+\.\d+ httpx/", run("-c", example, python=python, env=clean))
    program = environment / "bin/ripple-types"
    helped = subprocess.run([program, "--help"], capture_output=True, text=True, check=True)
    assert "openapi.json" in helped.stdout


def test_the_pins_of_the_suite_are_releases_that_the_package_allows():
    wanted = re.search(r"dependencies = \[(.*?)^\]", (PACKAGE / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE)
    assert '"httpx>=0.28,<0.29"' in wanted[1] and httpx.__version__.startswith("0.28.")


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


def run(*arguments, python=sys.executable, **more):
    """Runs Python, and returns what it prints."""
    done = subprocess.run([python, *arguments], capture_output=True, text=True, timeout=300, **more)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout
