"""The walk "I have a table" as pasted, with the unpacked archive in place of a toolchain. Only the old program has Python."""

import shutil
import time
from types import SimpleNamespace

from machine import Machine, Shell

from test_your_table import Terminal, walk

#: The list is on a screen, and a sheet was put back, in less than this many seconds after unpacking.
LIMIT = 300


def test_a_table_of_ones_own_from_the_archive(tmp_path):
    machine = Machine(tmp_path, node=False)
    began = time.monotonic()
    ripple = machine.unpack() / "bin/ripple"
    for name in ("mv", "bash"):
        (machine.programs / name).symlink_to(shutil.which(name))
    for missing in ("cargo", "cc", "python3", "node"):
        assert shutil.which(missing, path=machine.env["PATH"]) is None
    folder = machine.folder / "folder"
    folder.mkdir()
    with Shell(machine, f"exec {ripple} dev --port 0 --dynamodb-port 0", folder / ".ripple", cwd=folder) as shell:
        url, dynamodb = shell.wait_for("url", "dynamodb_endpoint")
        walk(Terminal(folder, SimpleNamespace(url=url, dynamodb=dynamodb), ripple, machine.env["PATH"]))
        assert machine.run("curl", "--silent", "--fail", f"{url}/app").count("app/app.js"), "the page shows the list"
        assert time.monotonic() - began < LIMIT
        assert shell.interrupt() == 0, shell.read()
