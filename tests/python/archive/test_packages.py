"""The packages for pip and npm, installed from their files."""

import subprocess
import venv

from machine import Machine, Shell, archives

from dev import clean
from edge import send


def run(*command, cwd):
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=clean(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout + done.stderr


def check(machine, ripple, project):
    """The installed program begins a project, and has the pages."""
    assert (project / "wrangler.toml").exists() and (project / ".gitignore").exists()
    with Shell(machine, f"exec {ripple} dev --in-memory --port 0", project / ".ripple", cwd=project) as shell:
        (url,) = shell.wait_for("url")
        assert send(url, "GET", "/app").status == 200
        assert send(url, "GET", "/docs/scalar.js").status == 200
        assert shell.interrupt() == 0


def test_the_wheel(tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv/bin"
    wheel = next(archives().glob("ripple_cli-*.whl"))
    run(programs / "python", "-m", "pip", "install", "--no-index", wheel, cwd=tmp_path)
    project = tmp_path / "project"
    run(programs / "ripple", "init", project, cwd=tmp_path)
    check(Machine(tmp_path / "machine", node=False), programs / "ripple", project)
    run(programs / "python", "-m", "pip", "uninstall", "--yes", "ripple-cli", cwd=tmp_path)
    # pip leaves empty folders.
    left = [path for path in (tmp_path / "venv/share").rglob("*") if path.is_file()]
    assert left == [] and not (programs / "ripple").exists()


def test_the_npm_package(tmp_path):
    package = next(archives().glob("create-ripple-*.tgz"))
    run("npm", "install", "--offline", "--no-audit", "--no-fund", package, cwd=tmp_path)
    programs = tmp_path / "node_modules/.bin"
    project = tmp_path / "project"
    run(programs / "create-ripple", project, cwd=tmp_path)
    check(Machine(tmp_path / "machine", node=False), programs / "ripple", project)
