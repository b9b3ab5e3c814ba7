"""Checks of the documents: README's commands work as pasted, and every command in a document exists."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from conftest import _setting
from dev import Dev, clean
from edge import ROOT, Edge

PATTERNS = ("*.md", "docs/*.md", "examples/**/README.md", "clients/README.md", "clients/*/README.md")
DOCUMENTS = sorted(document for pattern in PATTERNS for document in ROOT.glob(pattern))
# The last one abbreviates the one before it.
OWN = ("ripple", "cargo xtask", "cargo run -p ripple --", "cargo run --release -p ripple --", "--")


def blocks(document):
    """Returns the blocks of a document that readers paste into a shell."""
    return re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def commands(document):
    """Yields the calls of ripple's own tools in those blocks and in inline code."""
    text = document.read_text()
    lines = [line for block in blocks(document) for line in block.replace("\\\n", " ").splitlines()]
    for line in lines + re.findall(r"`([^`\n]+)`", text):
        line = line.strip().removeprefix("$ ")
        tool = next((tool for tool in OWN if line.startswith(tool + " ")), None)
        if tool:
            yield tool, line.removeprefix(tool).split("#")[0].strip()


def test_the_first_look_of_the_readme(tmp_path):
    look = [block for block in blocks(ROOT / "README.md") if "curl" in block]
    assert len(look) >= 2, "the backend's lines and the edge's"
    with Dev(tmp_path / ".ripple") as dev:
        edge = Edge(tmp_path, dev.url, dev.dynamodb)
        try:
            file = tmp_path / ".ripple/dev.json"
            file.write_text(json.dumps(json.loads(file.read_text()) | {"edge_url": edge.url}, indent=2))
            # As pasted, except that a refused request ends the script.
            script = "set -euo pipefail\ncurl() { command curl --silent --show-error --fail-with-body \"$@\"; echo; }\n"
            done = subprocess.run(
                ["bash", "-c", script + "\n".join(look)], cwd=tmp_path, capture_output=True, text=True, timeout=120
            )
        finally:
            edge.close()
        assert done.returncode == 0, (done.stdout, done.stderr)
        for promised in re.findall(r"^# (Ripple-\w+: .*)$", "\n".join(look), re.MULTILINE):
            assert promised.lower() in done.stdout.lower(), (promised, done.stdout)
        record = dev.ripple().get("prj0001")
        assert record["issue"] == "Slugs"
        assert [entry["text"] for entry in record["timeline"]] == ["Seeds bought", "Beds dug"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documented_commands_exist(document):
    for tool, line in commands(document):
        words = shlex.split(line.replace("…", "").replace("|", " "))
        named = []
        for word in words:
            if not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            named.append(word)
        found = help_of(tool, named)
        for flag in (word.split("=")[0] for word in words if word.startswith("--") and len(word) > 2):
            assert flag in found, f"{document.name}: `{tool} {line}`: there is no {flag}"


def help_of(tool, named):
    """Returns the help of a subcommand. A command with subcommands takes no other arguments, so each following word
    must be a subcommand."""
    start = [str(Path(_setting("RIPPLE_BIN")).with_name("xtask"))] if "xtask" in tool else [_setting("RIPPLE_BIN")]
    for length in range(len(named) + 1):
        asked = subprocess.run([*start, *named[:length], "--help"], env=clean(), capture_output=True, text=True)
        assert asked.returncode == 0, f"there is no `{tool} {' '.join(named[:length])}`"
        if "\nCommands:\n" not in asked.stdout:
            break
    return asked.stdout


def test_a_subcommand_that_is_not_there_is_found():
    help_of("ripple", ["key", "rotate", "something"])  # an argument, because `rotate` has no subcommands
    for named in (["state"], ["table", "status"]):
        with pytest.raises(AssertionError, match=f"there is no `ripple {' '.join(named)}`"):
            help_of("ripple", named)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_resolve(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"https?://", target):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
    for named in re.findall(r"`((?:core|lambda|edge|cli|tests|xtask|docs|deploy|examples|fuzz)/[\w/.-]+)`", text):
        to_be_made = f"**The file**, `{named}`" in text
        assert (ROOT / named).exists() or to_be_made, f"{document.name} names {named}"
