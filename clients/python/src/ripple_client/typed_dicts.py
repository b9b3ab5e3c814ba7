"""The command `ripple-types`: writes the schemas of an OpenAPI document as `TypedDict`s."""

import argparse
import json
import keyword
import re
import sys
from pathlib import Path
from typing import Any

_HEAD = '''"""Types of the records of a ripple. Written by `ripple-types`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, TypeAlias, TypedDict
'''
_SIMPLE = {"string": "str", "integer": "int", "number": "int | Decimal", "boolean": "bool", "null": "None"}


class Module:
    """The module of one document. `blocks` are its definitions, each after those that it inherits from."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.blocks: list[str] = []
        schemas = document.get("components", {}).get("schemas", {})
        for name, schema in schemas.items():
            if schema.get("properties"):
                self._define(_class_name(name), schema)
            else:
                self.blocks.append(f"{_class_name(name)}: TypeAlias = {self._type(schema, _class_name(name))!r}")

    def text(self) -> str:
        return _HEAD + "".join(f"\n\n{block}\n" for block in self.blocks)

    def _define(self, name: str, schema: dict[str, Any]) -> None:
        required = set(schema.get("required", ()))
        types = {member: self._type(of, name + _class_name(member)) for member, of in schema["properties"].items()}
        needed = {member: of for member, of in types.items() if member in required}
        optional = {member: of for member, of in types.items() if member not in required}
        description = schema.get("description", "")
        if not needed:
            self._add(name, "TypedDict", optional, description, total=False)
        elif not optional:
            self._add(name, "TypedDict", needed, description, total=True)
        else:
            self._add(f"_{name}Required", "TypedDict", needed, "", total=True)
            if all(map(_is_name, optional)):
                self._add(name, f"_{name}Required", optional, description, total=False)
            else:
                self._add(f"_{name}Optional", "TypedDict", optional, "", total=False)
                self.blocks.append(f"class {name}(_{name}Required, _{name}Optional):\n    {_text(description)}")

    def _add(self, name: str, base: str, types: dict[str, str], description: str, total: bool) -> None:
        """Adds a class, or a call where a member's name is no name of Python."""
        if not all(map(_is_name, types)):
            self.blocks.append(f"{name} = TypedDict({name!r}, {types!r}, total={total})")
            return
        lines = [f"class {name}({base}{'' if total else ', total=False'}):"]
        if description:
            lines += [f"    {_text(description)}", ""]
        lines += [f"    {member}: {of}" for member, of in types.items()]
        self.blocks.append("\n".join(lines))

    def _type(self, schema: Any, name: str) -> str:
        """Returns the type of a schema. `name` is for an object in it."""
        if not isinstance(schema, dict):
            return "Any"
        if "$ref" in schema:
            return _class_name(schema["$ref"].rsplit("/", 1)[-1])
        if "enum" in schema or "const" in schema:
            values = schema.get("enum", [schema.get("const")])
            literal = all(value is None or isinstance(value, (str, bool, int)) for value in values)
            return f"Literal[{', '.join(map(repr, values))}]" if literal else "Any"
        for union in ("oneOf", "anyOf"):
            if union in schema:
                places = enumerate(schema[union])
                return _union(self._type(one, f"{name}{place or ''}") for place, one in places)
        kind = schema.get("type")
        if isinstance(kind, list):
            return _union(self._type({**schema, "type": one}, name) for one in kind)
        if kind == "array":
            return f"list[{self._type(schema['items'], name + 'Entry') if schema.get('items') else 'Any'}]"
        if kind == "object":
            if not schema.get("properties"):
                return "dict[str, Any]"
            self._define(name, schema)
            return name
        return _SIMPLE.get(str(kind), "Any")


def _union(types: Any) -> str:
    distinct = list(dict.fromkeys(types))
    return "Any" if "Any" in distinct else " | ".join(distinct)


def _class_name(text: str) -> str:
    name = "".join(word[0].upper() + word[1:] for word in re.findall(r"\w+", text.replace("_", " ")))
    return name if name[:1].isalpha() else f"Type{name}"


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text) and not text.startswith("__")


def _text(description: str) -> str:
    """Returns a docstring, whatever the description contains."""
    line = " ".join(description.split())
    return f'"""{line}"""' if line and '"' not in line and "\\" not in line else repr(line)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="ripple-types", description="Write the types of an OpenAPI document.")
    parser.add_argument("document", type=Path, help="The file of GET /openapi.json")
    parser.add_argument("-o", "--output", type=Path, help="The Python file to write [default: standard output]")
    options = parser.parse_args(arguments)
    try:
        text = Module(json.loads(options.document.read_text(encoding="utf-8"))).text()
    except (OSError, ValueError, AttributeError) as error:
        sys.exit(f"ripple-types: {options.document} is no OpenAPI document: {error}")
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
