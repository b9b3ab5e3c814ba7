"""The walk of docs/YOUR_TABLE.md: its commands run, and print what the document shows.

A block of `text` lists what the commands before it print, in any order. The first block of `sh` runs in the first
terminal.
"""

import os
import re
import shutil
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
    """The second terminal: a folder, the variables that its commands export, and what they printed.

    `ripple` is its command, and `path` has all others but Python, which only the blocks of the old program have."""

    def __init__(self, folder, dev, ripple, path):
        self.folder, self.dev, self.said, self.script = folder, dev, "", []
        ours, theirs = folder.parent / "ripple", folder.parent / "python"
        for programs in (ours, theirs):
            programs.mkdir()
        (ours / "ripple").symlink_to(ripple)
        (theirs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (theirs / "python3").chmod(0o755)
        self.path, self.python = f"{ours}:{path}", theirs

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
            [shutil.which("bash"), "-euc", exported + "\n" + self.here(commands)],
            cwd=self.folder,
            env=clean() | {"PATH": f"{self.python}:{self.path}" if "python3" in commands else self.path},
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
    folder = tmp_path / "folder"
    folder.mkdir()
    with Dev(folder / ".ripple", log=tmp_path / "log", feed=True, cwd=folder) as dev:
        walk(Terminal(folder, dev, _setting("RIPPLE_BIN"), os.environ["PATH"]))


def walk(terminal):
    """Runs the blocks after the first one."""
    first, *blocks = BLOCK.findall(DOCUMENT)
    assert first == ("sh", "ripple dev\n"), first
    last = ""
    for kind, text in blocks:
        if kind == "python":
            name = re.match(r"# (\S+\.py)\n", text)[1]
            (terminal.folder / name).write_text(terminal.here(text))
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
