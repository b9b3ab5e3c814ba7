"""Documents tell the truth: README's lines work as pasted, and what other documents call is there to be called."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from conftest import _setting
from dev import Dev, clean
from edge import ROOT, Edge

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/README.md")])
# The last is what README says after it has said the one before.
OWN = ("ripple", "cargo xtask", "cargo run -p ripple --", "cargo run --release -p ripple --", "--")


def blocks(document):
    """What stands in a document to be pasted into a shell."""
    return re.findall(r"^```sh\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def commands(document):
    """The lines of those blocks, and what is set as code in the text, as far as they call ripple's own tools."""
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
            # As pasted, but that a refusal ends it.
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
def test_what_documents_call_is_there(document):
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
    """The help of a subcommand. What has subcommands takes nothing else: each word that follows it must be one."""
    start = [str(Path(_setting("RIPPLE_BIN")).with_name("xtask"))] if "xtask" in tool else [_setting("RIPPLE_BIN")]
    for length in range(len(named) + 1):
        asked = subprocess.run([*start, *named[:length], "--help"], env=clean(), capture_output=True, text=True)
        assert asked.returncode == 0, f"there is no `{tool} {' '.join(named[:length])}`"
        if "\nCommands:\n" not in asked.stdout:
            break
    return asked.stdout


def test_a_subcommand_that_is_not_there_is_found():
    help_of("ripple", ["key", "rotate", "something"])  # an argument, as far as can be told
    for named in (["state"], ["table", "status"]):
        with pytest.raises(AssertionError, match=f"there is no `ripple {' '.join(named)}`"):
            help_of("ripple", named)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not re.match(r"https?://", target):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"
    for named in re.findall(r"`((?:core|lambda|edge|cli|tests|xtask|docs|deploy|examples|fuzz)/[\w/.-]+)`", text):
        to_be_made = f"**The file**, `{named}`" in text
        assert (ROOT / named).exists() or to_be_made, f"{document.name} names {named}"
