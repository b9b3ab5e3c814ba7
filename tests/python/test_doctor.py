"""`ripple doctor` at a site of other resources than `prj`, and of other names of ripple's members."""

import json
import shutil

import pytest

from dev import Dev, ripple
from edge import ROOT

RENAMED = {"version": "rev", "updated_at": "geändert & wann"}
READING = {
    "title": "Reading",
    "x-ripple": {"resource": "reading", "key": "no", "members": RENAMED},
    "type": "object",
}


@pytest.fixture(params=["task", "reading"])
def resources(request, tmp_path):
    folder = tmp_path / "resources"
    folder.mkdir()
    if request.param == "task":
        shutil.copy(ROOT / "resources/task.json", folder)
    else:
        (folder / "reading.json").write_text(json.dumps(READING))
    return folder


def test_a_site_without_prj_is_healthy(tmp_path, resources):
    with Dev(tmp_path / "data", "--in-memory", "--resources", resources) as dev:
        told = ripple("doctor", "--resources", resources, data=dev.data)
        assert "WRONG" not in told
        for line in ("refuses requests without a key", "accepts the key"):
            assert f"ok     api         {line}\n" in told
        # `ripple dev` in place of the edge answers the same list, but not from a snapshot.
        told = ripple("doctor", "--resources", resources, "--edge-url", dev.url, data=dev.data, ok=False)
        assert "edge        accepts the key" in told and "without Age" in told
