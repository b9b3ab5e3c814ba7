"""A machine without a toolchain: a PATH of a few basic programs, curl, and Node.js if asked for."""

import json
import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

from conftest import _setting
from edge import ROOT, wait_for

#: What every Linux has, and curl.
BASICS = ("sh", "cat", "curl", "env", "gzip", "ls", "mkdir", "sed", "sha256sum", "tar", "uname")


class Machine:
    """`folder` is where the machine's user works. It is empty, except for the archive."""

    def __init__(self, folder, node=True):
        self.folder, self.programs = folder / "empty", folder / "bin"
        self.folder.mkdir(parents=True)
        self.programs.mkdir()
        for name in BASICS:
            (self.programs / name).symlink_to(shutil.which(name))
        if node:
            # The Node.js of package.json, not that of the machine, and `npx` of the machine's npm.
            (self.programs / "node").symlink_to(ROOT / "node_modules/node/bin/node")
            (self.programs / "npx").symlink_to(os.path.realpath(shutil.which("npx")))
            # npx finds wrangler here, so that the test needs no network.
            (folder / "node_modules").symlink_to(ROOT / "node_modules")
        self.env = {"PATH": str(self.programs), "HOME": str(folder / "home")}
        shutil.copy(archive(), self.folder)

    def unpack(self):
        """Unpacks the archive, and returns its folder."""
        with tarfile.open(archive()) as packed:
            packed.extractall(self.folder, filter="data")
        return next(path for path in self.folder.iterdir() if path.is_dir())

    def run(self, *command, cwd=None, ok=True, **more):
        """Runs a command to its end, and returns what it prints."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd or self.folder,
            env=self.env | more,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (done.returncode == 0) == ok, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr


class Shell:
    """A shell that runs a block of lines, the last of which starts a `ripple dev`."""

    def __init__(self, machine, lines, data, cwd=None):
        self.data, self.log = data, machine.folder.parent / f"{data.parent.name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [machine.programs / "sh", "-ec", lines.rstrip().replace("\nbin/ripple dev", "\nexec bin/ripple dev")],
                cwd=cwd or machine.folder,
                env=machine.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, *names):
        """Waits until dev.json has these members, and returns them."""
        found = {}

        def has_them():
            told = self.read()
            assert self.process.poll() is None and ("edge_url" not in names or "The API continues" not in told), told
            try:
                found.update(json.loads((self.data / "dev.json").read_text()))
            except (OSError, ValueError):
                pass
            return all(name in found for name in names)

        wait_for(has_them, 300)
        return [found[name] for name in names]

    def read(self):
        return self.log.read_text(errors="replace")

    def interrupt(self):
        """Sends Ctrl-C, and returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.interrupt()


def archives():
    """Returns the folder of the archive and the packages."""
    return Path(_setting("RIPPLE_ARCHIVES"))


def archive():
    return next(archives().glob("ripple-*.tar.gz"))
