"""`ripple init`, `ripple template`, and what a deployment is made of, from the unpacked archive."""

import shutil

import pytest
from machine import Machine, Shell

from edge import ROOT, send

FILES = {
    ".dev.vars.example",
    ".gitignore",
    "README.md",
    "replica.toml",
    "resources/prj.json",
    "samconfig.toml",
    "wrangler.toml",
}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def written(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_project_begins_with_these_files_and_none_is_overwritten(machine):
    ripple = machine.unpack() / "bin/ripple"
    project = machine.folder / "project"
    printed = machine.run(ripple, "init", project)
    begun = written(project)
    assert set(begun) == FILES and str(project / "README.md") in printed
    assert len(begun["README.md"].splitlines()) == 10
    (project / "wrangler.toml").write_text("mine")
    (project / "samconfig.toml").unlink()
    told = machine.run(ripple, "init", project, ok=False)
    assert "nothing was written" in told and str(project / "wrangler.toml") in told
    assert written(project) == {name: text for name, text in begun.items() if name != "samconfig.toml"} | {
        "wrangler.toml": b"mine"
    }


def test_a_project_with_a_resource_of_its_own_runs_and_is_ready_to_deploy(machine):
    ripple = machine.unpack() / "bin/ripple"
    project = machine.folder / "project"
    machine.run(ripple, "init", project)
    shutil.copy(ROOT / "resources/task.json", project / "resources")

    with Shell(machine, f"exec {ripple} dev --in-memory --edge --port 0 --edge-port 0", project / ".ripple", cwd=project) as shell:
        key, edge = shell.wait_for("key", "edge_url")
        task = {"ref": "t1", "subject": "Dig", "state": "todo"}
        assert send(edge, "POST", "/task", key, task).status == 201
        assert [item["ref"] for item in send(edge, "GET", "/task", key).json()] == ["t1"]
        assert "/task" in send(edge, "GET", "/openapi.json").json()["paths"]
        assert shell.interrupt() == 0, shell.read()

    machine.run(ripple, "resource", "build", "--out", "deployment", cwd=project)
    template = (project / "deployment/template.yaml").read_text()
    assert machine.run(ripple, "template", cwd=project) == template
    assert "CodeUri: function" in template
    # In front of the replica, the configuration names another worker, and the replica.
    edge = (project / "wrangler.toml").read_text().replace("deployment/edge/worker.js", "deployment/near/worker.js")
    for line in ("[[durable_objects.bindings]]", 'name = "REPLICA"', 'class_name = "Replica"', 'script_name = "ripple-replica"'):
        assert f"# {line}\n" in edge
        edge = edge.replace(f"# {line}\n", f"{line}\n")
    (project / "near.toml").write_text(edge)
    for config in ("wrangler.toml", "near.toml", "replica.toml"):
        command = ("npx", "--yes", "wrangler@4.156.0", "deploy", "--dry-run", "--config", config)
        out = machine.folder / f"{config}-out"
        machine.run(machine.programs / "npx", *command[1:], "--outdir", out, cwd=project, WRANGLER_SEND_METRICS="false")
        assert {"worker.js", "resources.js"} <= {path.name for path in out.iterdir()}


def test_a_program_without_its_files_names_them(machine):
    ripple = machine.unpack() / "bin/ripple"
    alone = machine.folder / "alone/bin/ripple"
    alone.parent.mkdir(parents=True)
    shutil.copy(ripple, alone)
    told = machine.run(alone, "init", machine.folder / "project", ok=False)
    assert "share/ripple" in told and not (machine.folder / "project").exists()
    with Shell(machine, f"exec {alone} dev --in-memory --port 0", alone.parent / ".ripple", cwd=alone.parent) as shell:
        (url,) = shell.wait_for("url")
        answer = send(url, "GET", "/app")
        assert answer.status == 404 and "a release's archive" in answer.json()["message"]
        assert shell.interrupt() == 0
        assert "There is no page /app here" in shell.read()
