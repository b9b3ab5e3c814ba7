"""The workflows: jobs that build have no identity, jobs that deploy build nothing, and each deployment is tested."""

import os
import re
import subprocess

import pytest
import yaml

from dev import Dev, ripple
from edge import ROOT

WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").glob("*.yml")}
JOBS = WORKFLOWS["deploy"]["jobs"]


def steps(job):
    return job.get("steps", [])


def runs(job):
    return "\n".join(step.get("run", "") for step in steps(job))


def test_every_action_is_pinned_by_its_commit():
    text = "".join(path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml"))
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert len(used) > 5
    for action, comment in used:
        if not action.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}: its version helps the reviewer of the next update"


def test_what_builds_has_no_identity_and_what_has_one_builds_nothing():
    assert WORKFLOWS["deploy"]["permissions"] == {}
    identified = {name for name, job in JOBS.items() if job["permissions"].get("id-token") == "write"}
    assert identified == {"attest", "function", "edge"}
    for name, job in JOBS.items():
        builds = re.findall(r"\b(cargo|rustup|pip|make|npx(?! --no-install))\b", runs(job))
        assert not (name in identified and builds), (name, builds)
        # The environment is what the role at AWS trusts.
        assert ("environment" in job) == (name in identified - {"attest"})
        for step in steps(job):
            assert "npm ci" not in step.get("run", "") or "--ignore-scripts" in step["run"]
    assert "cargo xtask package" in runs(JOBS["build"])
    order = runs(JOBS["build"])
    assert order.index("cargo xtask sbom") < order.index("sha256sum"), "a bill of materials has its checksum too"
    [attested] = [step["with"]["subject-path"] for step in steps(JOBS["attest"]) if "subject-path" in step.get("with", {})]
    assert "built/sbom/*" in attested


def test_nothing_is_deployed_that_was_not_tested_and_built_here():
    assert set(JOBS["function"]["needs"]) == {"test", "build", "attest"}
    assert JOBS["test"]["uses"] == "./.github/workflows/test.yml"
    assert "workflow_call" in WORKFLOWS["test"][True]  # `on`, as YAML 1.1 reads it
    for name in ("function", "edge"):
        order = [step.get("name") or step.get("uses") for step in steps(JOBS[name])]
        assert order.index("See that it is what was built") < order.index("Take the role")
        assert "sha256sum --check --strict SHA256SUMS" in runs(JOBS[name])


@pytest.mark.parametrize("name, back", [("function", "aws lambda update-alias"), ("edge", "wrangler rollback")])
def test_a_deployment_is_tried_with_a_key_and_taken_back(name, back):
    tried, taken_back = steps(JOBS[name])[-2:]
    assert ".ci/smoke" in tried["run"]
    assert taken_back["if"].startswith("failure()") and back in taken_back["run"]


def smoke(dev, key, *edge):
    command = [str(ROOT / ".ci/smoke"), dev.url, *edge]
    return subprocess.run(command, input=key + "\n", capture_output=True, text=True, timeout=120)


def test_the_smoke_test_finds_what_is_wrong(tmp_path):
    with Dev(tmp_path / "data", "--in-memory") as dev:
        done = smoke(dev, dev.key)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert "answer as they must" in done.stdout
        # `ripple dev` in place of the edge: it answers reads too.
        assert smoke(dev, dev.key, dev.url).returncode == 0
        assert dev.ripple().list() == [], "it leaves nothing"

        reader = ripple("key", "create", "--name", "reader", "--scope", "read", data=dev.data).strip()
        refused = smoke(dev, reader)
        assert refused.returncode == 1 and "POST /prj was answered with 403, not 201" in refused.stderr
        with Dev(tmp_path / "other", "--in-memory") as other:
            elsewhere = smoke(dev, dev.key, other.url)
            assert elsewhere.returncode == 1 and "403, not 200" in elsewhere.stderr
        assert dev.ripple().list() == []
        for done in (refused, elsewhere):
            assert dev.key not in done.stderr + done.stdout
    gone = smoke(dev, dev.key)
    assert gone.returncode != 0


AWS = """#!/bin/sh
echo "$*" >> "$LOG"
case "$1 $2" in
  "cloudformation describe-stacks") echo ripple-Function-1 ;;
  "lambda publish-version") echo "$NEWEST" ;;
  "lambda get-alias") echo 7 ;;
  "lambda update-alias") echo "$NEWEST" ;;
  *) exit 1 ;;
esac
"""


@pytest.mark.parametrize("newest, told", [("7", "version 7 serves"), ("8", "version 8 serves")])
def test_new_settings_are_published(tmp_path, newest, told):
    """An AWS CLI that records its arguments."""
    (tmp_path / "aws").write_text(AWS)
    (tmp_path / "aws").chmod(0o755)
    settings = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(tmp_path / "log"), "NEWEST": newest}
    done = subprocess.run([ROOT / "deploy/publish", "ripple"], env=settings, capture_output=True, text=True)
    assert done.returncode == 0 and told in done.stdout, done
    moved = "update-alias" in (tmp_path / "log").read_text()
    assert moved == (newest == "8")


def test_each_step_of_the_tests_runs_for_a_change():
    tests = (ROOT / "xtask/src/test.rs").read_text()
    long = set(re.findall(r'name: "([\w-]+)"', tests[tests.index("const LONG") :]))
    jobs = [job["run"] for job in WORKFLOWS["test"]["jobs"]["test"]["strategy"]["matrix"]["include"]]
    assert jobs[0] == ".ci/run" and (ROOT / ".ci/run").read_text().endswith("exec cargo xtask test\n")
    assert set(re.findall(r"--only ([\w-]+)", jobs[1])) == long
