"""`ripple-types`: the module that it writes is Python, and says what the document says."""

import json
import typing

import pytest

from ripple_client import typed_dicts

DOCUMENT = {
    "components": {
        "schemas": {
            "Task": {
                "description": 'It says "done" \\ or not.',
                "required": ["ref", "steps"],
                "properties": {
                    "ref": {"type": "string"},
                    "steps": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
                    "cost": {"type": "number"},
                    "state": {"type": "string", "enum": ["todo", "it's"]},
                    "term": {"oneOf": [{"type": "integer"}, {"type": "string"}]},
                    "due": {"type": ["string", "null"]},
                    "other": {"$ref": "#/components/schemas/Other"},
                    "any": {"oneOf": [{"type": "integer"}, {}]},
                },
            },
            "Other": {"properties": {"class": {"type": "boolean"}, "a-b": {"type": "integer"}}, "required": ["a-b"]},
            "Members": {"type": "object"},
        }
    }
}


def written(tmp_path, document):
    source, target = tmp_path / "openapi.json", tmp_path / "prj.py"
    source.write_text(json.dumps(document))
    typed_dicts.main([str(source), "-o", str(target)])
    module = {"__name__": "prj"}
    exec(compile(target.read_text(), "prj.py", "exec"), module)
    return module, target.read_text()


def test_each_schema_is_a_type(tmp_path):
    module, text = written(tmp_path, DOCUMENT)
    task, other = module["Task"], module["Other"]
    assert task.__required_keys__ == {"ref", "steps"}
    assert other.__required_keys__ == {"a-b"} and other.__optional_keys__ == {"class"}
    # The namespace of the module resolves what the annotations name.
    types = typing.get_type_hints(task, globalns=module)
    assert types["state"] == typing.Literal["todo", "it's"]
    assert types["term"] == int | str
    assert types["due"] == str | None
    assert types["any"] is typing.Any
    assert types["steps"] == list[module["TaskStepsEntry"]]
    assert types["other"] is other
    assert "cost: int | Decimal" in text
    assert task.__doc__ == 'It says "done" \\ or not.'


def test_what_is_no_document_is_refused(tmp_path):
    file = tmp_path / "openapi.json"
    file.write_text("[]")
    with pytest.raises(SystemExit, match="no OpenAPI document"):
        typed_dicts.main([str(file)])
