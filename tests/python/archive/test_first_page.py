"""README's first page as pasted, on the unpacked archive, on a machine without cargo, a C compiler and Python."""

import re
import shutil
import urllib.error

import pytest
from machine import Machine, Shell

from conftest import Ripple
from edge import ROOT, send
from test_docs import blocks

HTML = {"accept": "text/html,application/xhtml+xml"}
# Other tests use the default ports.
PORTS = " --port 0 --dynamodb-port 0"


@pytest.fixture(scope="module")
def first_page():
    """The blocks before the section about the source."""
    page = ROOT / "README.md"
    before, _ = page.read_text().split("\n## From the source\n")
    found = [block for block in blocks(page) if block in before]
    assert len(found) >= 4, "start, first look, edge, a project"
    return found


def test_the_first_page_as_pasted(tmp_path, first_page):
    machine = Machine(tmp_path)
    for missing in ("cargo", "cc", "python3"):
        assert shutil.which(missing, path=machine.env["PATH"]) is None
    start, *look, project = first_page
    assert start.rstrip().endswith("bin/ripple dev --edge")
    home = machine.folder / re.search(r"ripple-[^/]*(?=\.tar\.gz)", str(next(machine.folder.iterdir()))).group()
    with Shell(machine, start.rstrip() + PORTS + " --edge-port 0", home / ".ripple") as shell:
        url, key, edge = shell.wait_for("url", "key", "edge_url")
        # As pasted, except that a refused request ends the script.
        script = 'set -eu\ncurl() { command curl --silent --show-error --fail-with-body "$@"; echo; }\n'
        printed = machine.run("sh", "-c", script + "\n".join(look), cwd=home)
        for promised in re.findall(r"^# (Ripple-\w+: .*)$", "\n".join(look), re.MULTILINE):
            assert promised.lower() in printed.lower(), printed
        record = Ripple(url, key).get("prj0001")
        assert record["issue"] == "Slugs"
        assert [entry["text"] for entry in record["timeline"]] == ["Seeds bought", "Beds dug"]
        for host in (url, edge):
            check_pages(host)
        assert machine.run("sh", "-c", "sha256sum --check --quiet SHA256SUMS", cwd=home) == ""
        assert shell.interrupt() == 0, shell.read()
    with pytest.raises(urllib.error.URLError):
        send(edge, "GET", "/health")
    machine.run("sh", "-c", "set -eu\n" + project, cwd=home)
    assert (home / "garden/deployment/function/bootstrap").stat().st_mode & 0o111


def check_pages(host):
    for path, told in (("/app", "app/app.js"), ("/docs", "docs/scalar.js"), ("/openapi.json", '"openapi"')):
        answer = send(host, "GET", path)
        assert answer.status == 200 and told in answer.body.decode(), (host, path, answer)
    for path in ("/app/app.js", "/app/app.css", "/docs/scalar.js", "/docs/page.js"):
        assert send(host, "GET", path).status == 200, (host, path)
    first = send(host, "GET", "/", **HTML)
    assert first.status == 200 and 'href="app"' in first.body.decode(), first
    assert send(host, "GET", "/").json()["code"] == "missing_authentication_token"


def test_without_node_a_sentence_says_so_and_the_api_runs(tmp_path):
    machine = Machine(tmp_path, node=False)
    home = machine.unpack()
    with Shell(machine, "exec bin/ripple dev --in-memory --edge" + PORTS, home / ".ripple", cwd=home) as shell:
        (url,) = shell.wait_for("url")
        assert send(url, "GET", "/health").status == 200
        assert send(url, "GET", "/app").status == 200
        assert shell.interrupt() == 0
        assert "cannot start the edge: it needs Node.js 22 or newer" in shell.read()
