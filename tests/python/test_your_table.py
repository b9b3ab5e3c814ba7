"""The walk of docs/YOUR_TABLE.md: its commands run, and print what the document shows.

A block of `text` lists what the commands before it print, in any order. The first block of `sh` runs in the first
terminal.
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from conftest import _setting
from dev import Dev, clean
from edge import ROOT

DOCUMENT = (ROOT / "docs/YOUR_TABLE.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LIMIT = 60


class Terminal:
    """The second terminal: a folder, the variables that its commands export, and what they printed."""

    def __init__(self, folder, dev):
        self.folder, self.dev, self.said, self.script = folder, dev, "", []
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "ripple").symlink_to(_setting("RIPPLE_BIN"))
        (self.bin / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (self.bin / "python3").chmod(0o755)

    def here(self, text):
        """Returns text of the document with the ports of this test."""
        return text.replace("http://127.0.0.1:8000", self.dev.dynamodb).replace("http://127.0.0.1:3000", self.dev.url)

    def run(self, commands):
        exported = "\n".join(self.script)
        self.script += [line for line in commands.splitlines() if line.startswith("export ")]
        if "export " in commands:
            # A key is created once, and later blocks have it.
            commands += '\necho "KEY=$KEY"'
        done = subprocess.run(
            ["bash", "-euc", exported + "\n" + self.here(commands)],
            cwd=self.folder,
            env=clean() | {"PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.said = done.stdout + done.stderr
        assert done.returncode == 0, (commands, self.said)
        key = re.search(r"^KEY=(\S+)$", self.said, re.MULTILINE)
        if key:
            self.script = [f"export KEY={key[1]}"]

    def has(self, line):
        return line in self.said


def test_the_walk_is_true(tmp_path):
    first, *blocks = BLOCK.findall(DOCUMENT)
    assert first == ("sh", "ripple dev\n"), first
    with Dev(tmp_path / ".ripple", log=tmp_path / "log", feed=True, cwd=tmp_path) as dev:
        terminal, last = Terminal(tmp_path, dev), ""
        for kind, text in blocks:
            if kind == "python":
                name = re.match(r"# (\S+\.py)\n", text)[1]
                (tmp_path / name).write_text(terminal.here(text))
            elif kind == "sh":
                last = text
                terminal.run(text)
            else:
                expect(terminal, last, text)


def expect(terminal, commands, text):
    """What another process does is waited for: `ripple dev` reads a file, or the feed a change."""
    deadline = time.monotonic() + LIMIT
    while missing := [line for line in text.splitlines() if not terminal.has(line)]:
        assert "curl" in commands and "PATCH" not in commands, (missing, terminal.said)
        assert time.monotonic() < deadline, (missing, terminal.said)
        time.sleep(0.1)
        terminal.run(commands)


def test_every_block_has_a_kind():
    assert DOCUMENT.count("```") == 2 * len(BLOCK.findall(DOCUMENT))
    assert {kind for kind, _ in BLOCK.findall(DOCUMENT)} == {"sh", "python", "text"}
