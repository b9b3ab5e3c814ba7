"""A third resource is one file, and no Rust: then it has routes, a document, an edge, a template and the command line."""

import json
import re
import shutil

from conftest import Ripple
from dev import Dev, ripple
from edge import ROOT, Edge, own_config, send

NOTE = {
    "title": "Note",
    "x-ripple": {"resource": "note", "key": "no", "fresh": 0},
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "maxLength": 40}, "rank": {"type": "integer"}},
}

# What ripple adds to each record.
RIPPLES = {"version", "updated_at", "updated_by"}


def edge_of(deployment, folder):
    """Assembles the worker with what a deployment has for it. Returns its configuration."""
    shutil.copytree(ROOT / "edge", folder, ignore=shutil.ignore_patterns("src", "build.*"))
    shutil.copy(deployment / "edge/resources.js", folder)
    shutil.copy(deployment / "openapi.json", folder / "site")
    config = folder / "wrangler.toml"
    config.write_text(own_config().replace(f"{ROOT}/edge", str(folder)))
    return config


def test_a_third_resource_is_one_file(tmp_path):
    resources, out = tmp_path / "resources", tmp_path / "deployment"
    shutil.copytree(ROOT / "resources", resources)
    (resources / "note.json").write_text(json.dumps(NOTE))
    assert "deployment of prj, note, task" in ripple("resource", "build", resources, "--out", out, data=tmp_path)
    paths = json.loads((out / "openapi.json").read_text())["paths"]
    for path in ("/prj/{prjid}", "/task/{taskid}", "/note", "/note/{noteid}", "/note/{noteid}/versions/{version}"):
        assert path in paths
    template = (out / "template.yaml").read_text()
    for part in ("  NoteTable:", "  NoteVersions:", "  NoteThrottleAlarm:", "/note/{noteid}"):
        assert part in template, part

    with Dev(tmp_path / "data", "--in-memory", "--resources", resources) as dev:
        edge = Edge(tmp_path, dev.url, dev.dynamodb, config=edge_of(out, tmp_path / "edge"))
        try:
            # One host writes, and each shows it.
            near, far = Ripple(edge.url, dev.key), dev.ripple()
            assert near.call("POST", "/note", {"no": "a", "text": "By the edge"}).status == 201
            assert near.call("POST", "/note", {"no": "b", "text": 1}).status == 400
            for host in (near, far):
                assert [note["text"] for note in host.call("GET", "/note").json()] == ["By the edge"]
                assert "/note/{noteid}" in host.call("GET", "/openapi.json").json()["paths"]
            assert re.search(r"hit|fwd=", near.call("GET", "/note").headers["cache-status"]), "the edge itself answers"
            # The check at the edge knows it, too.
            assert '"path":"/note"' in (out / "edge/resources.js").read_text()
            assert send(edge.url, "GET", "/note").status == 403
        finally:
            edge.close()

        (tmp_path / "notes.jsonl").write_text('{"no":"c","text":"Of a file"}\n')
        options = ("--resources", resources)
        ripple(*options, "import", tmp_path / "notes.jsonl", "--resource", "note", data=dev.data)
        exported = map(json.loads, ripple(*options, "export", "--resource", "note", data=dev.data).splitlines())
        own = [{name: note[name] for name in note if name not in RIPPLES} for note in exported]
        assert sorted(own, key=lambda note: note["no"]) == [
            {"no": "a", "text": "By the edge"},
            {"no": "c", "text": "Of a file"},
        ]
        assert "note" in ripple("resource", "list", resources, data=dev.data)
