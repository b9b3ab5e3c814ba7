"""ripple's checks against those of the package `jsonschema`: random schemas of the subset, and bodies near their rules.

Both must say the same of each body. What differs on purpose is pinned by the tests below the comparison:

* DynamoDB's numbers have a range, so a number outside it is refused whatever the schema says.
* `$` of Python also matches before a last line feed, and `\\d` matches digits of every script.
* ripple checks the formats `date`, `date-time` and `uuid`.
* A root member that is `null` counts as absent.
"""

import decimal
import json
import os
import random
import subprocess
from decimal import Decimal

import pytest
from jsonschema import Draft202012Validator, validators

from conftest import _setting
from dev import clean

decimal.getcontext().prec = 300
SCHEMAS, BODIES = int(os.environ.get("RIPPLE_SCHEMAS", "1000")), 10
# Schemas that one process is asked about.
PART = 2000
SEED = int(os.environ.get("RIPPLE_SEED", "20"))


def is_number(_, value):
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def is_integer(_, value):
    return is_number(_, value) and value == int(value)


Validator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("number", is_number).redefine("integer", is_integer),
)
# The patterns in ripple's notation, and the same in Python's.
PATTERNS = {
    "^[a-c]+$": r"^[a-c]+\Z",
    r"\d{2}": r"(?a)\d{2}",
    "a|b{1,3}": "a|b{1,3}",
    "^x?y*": "^x?y*",
    "(ab)+$": r"(ab)+\Z",
    r"^[^a]\w": r"(?a)^[^a]\w",
    ".b": r"[^\n\r  ]b",
}
TEXTS = ["", "a", "ab", "abab", "abc", "xy", "12", "1", "b\n", "a\n", "é", "🚢🚢", "٣٣", "Ab ", " x", "todo"]
NUMBERS = ["0", "1", "-1", "2", "3", "13", "0.5", "0.07", "0.075", "1.0", "1e1", "-2.50", "100", "12345678901234567890", "1e-20"]


class Random(random.Random):
    """Schemas and bodies. Numbers are `int` and `Decimal`, written with all digits."""

    def number(self):
        text = self.choice(NUMBERS)
        return int(text) if text.lstrip("-").isdigit() else Decimal(text)

    def maybe(self, schema, keyword, value, odds=0.4):
        if self.random() < odds:
            schema[keyword] = value

    def bounds(self, schema, least, most, values):
        low, high = sorted(values)
        self.maybe(schema, least, low)
        self.maybe(schema, most, high)

    def scalar(self, kind):
        schema = {"type": kind}
        if kind == "string":
            if self.random() < 0.3:
                schema |= {"pattern": self.choice(list(PATTERNS)), "maxLength": self.randint(1, 20)}
            elif self.random() < 0.3:
                schema["enum"] = self.sample(TEXTS, self.randint(1, 4))
            else:
                self.bounds(schema, "minLength", "maxLength", [self.randint(0, 3), self.randint(0, 4)])
        elif kind in ("integer", "number"):
            if self.random() < 0.2:
                schema["enum"] = self.distinct(self.randint(1, 3))
            else:
                self.bounds(schema, "minimum", "maximum", self.distinct(2, short=True))
                self.maybe(schema, "multipleOf", self.choice([1, 2, 3, Decimal("0.01"), Decimal("0.5"), Decimal("2.5")]), 0.3)
                if "minimum" not in schema and "maximum" not in schema:
                    self.maybe(schema, self.choice(["exclusiveMinimum", "exclusiveMaximum"]), self.number_short(), 0.3)
        elif kind == "boolean" and self.random() < 0.2:
            schema["const"] = self.random() < 0.5
        return schema

    def number_short(self):
        return self.choice([0, 1, -1, 13, Decimal("0.5"), Decimal("-2.5"), 100])

    def distinct(self, count, short=False):
        found = []
        while len(found) < count:
            number = self.number_short() if short else self.number()
            if number not in found:
                found.append(number)
        return found

    def schema(self, depth=0):
        kinds = ["string", "integer", "number", "boolean", "any", "nullable"]
        kinds += [] if depth > 2 else ["array", "tuple", "set", "object", "oneOf"]
        kind = self.choice(kinds)
        if kind == "any":
            return {}
        if kind == "nullable":
            schema = self.scalar(self.choice(["string", "integer", "number"]))
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            return schema | {"type": [schema["type"], "null"]}
        if kind == "array":
            schema = {"type": "array"}
            self.maybe(schema, "items", self.schema(depth + 1), 0.7)
            self.bounds(schema, "minItems", "maxItems", [self.randint(0, 2), self.randint(0, 4)])
            return schema
        if kind == "tuple":
            places = [self.schema(depth + 1) for _ in range(self.randint(1, 3))]
            schema = {"type": "array", "prefixItems": places, "items": False}
            self.maybe(schema, "minItems", self.randint(0, len(places)))
            return schema
        if kind == "set":
            return {"type": "array", "uniqueItems": True, "items": self.scalar(self.choice(["string", "number"]))}
        if kind == "object":
            return self.object(depth + 1)
        if kind == "oneOf":
            kinds = self.sample(["string", self.choice(["integer", "number"]), "boolean", "null"], self.randint(2, 3))
            return {"oneOf": [self.scalar(kind) for kind in kinds]}
        return self.scalar(kind)

    def object(self, depth=0):
        names = self.sample(["p", "q", "r", "s"], self.randint(0, 3))
        schema = {"type": "object", "properties": {name: self.schema(depth) for name in names}}
        self.maybe(schema, "required", [name for name in names if self.random() < 0.5])
        if depth:
            self.maybe(schema, "additionalProperties", False, 0.3)
        return schema

    def any(self, depth=0):
        leaves = [None, True, False, self.choice(TEXTS), self.number()]
        if depth < 2 and self.random() < 0.3:
            return self.choice([[self.any(depth + 1) for _ in range(self.randint(0, 3))], {"p": self.any(depth + 1)}])
        return self.choice(leaves)

    def near(self, schema, depth=0):
        """Returns a value that keeps most of a schema's rules."""
        if self.random() < 0.12 or not schema:
            return self.any(depth)
        if "oneOf" in schema:
            return self.near(self.choice(schema["oneOf"]), depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.choice(schema["enum"])
        kind = schema["type"]
        kind = self.choice(kind) if isinstance(kind, list) else kind
        if kind == "string":
            return self.choice(TEXTS)
        if kind in ("integer", "number"):
            edges = [schema[name] for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum") if name in schema]
            return self.choice(edges + [self.number()]) + self.choice([0, 0, 1, -1])
        if kind == "array":
            if "prefixItems" in schema:
                list_ = [self.near(place, depth + 1) for place in schema["prefixItems"]]
                return list_[: self.randint(0, len(list_))] if self.random() < 0.3 else list_ + [1] * (self.random() < 0.1)
            return [self.near(schema.get("items", {}), depth + 1) for _ in range(self.randint(0, 4))]
        if kind == "object":
            members = {name: self.near(member, depth + 1) for name, member in schema["properties"].items() if self.random() < 0.85}
            if self.random() < 0.1:
                members["z"] = self.any(depth + 1)
            return members
        return None if kind == "null" else self.random() < 0.5


class Exact(json.JSONEncoder):
    """Writes a Decimal with its own digits."""

    def iterencode(self, value, _one_shot=False):
        if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
            yield json.dumps(value, ensure_ascii=False)
        elif isinstance(value, Decimal):
            yield str(value)
        elif isinstance(value, dict):
            members = (json.dumps(name) + ":" + "".join(self.iterencode(member)) for name, member in value.items())
            yield "{" + ",".join(members) + "}"
        else:
            yield "[" + ",".join("".join(self.iterencode(element)) for element in value) + "]"

    def encode(self, value):
        return "".join(self.iterencode(value))


def file_of(schema):
    return {"title": "Test", "x-ripple": {"resource": "test", "key": "id"}} | schema


def verdicts(cases):
    """Asks ripple about each (schema, bodies)."""
    lines = [Exact().encode({"file": file_of(schema), "bodies": bodies}) for schema, bodies in cases]
    command = [_setting("RIPPLE_BIN"), "resource", "validate"]
    done = subprocess.run(command, input="\n".join(lines), env=clean(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def in_python(schema):
    """Returns the schema with patterns in Python's notation."""
    if isinstance(schema, dict):
        return {
            name: PATTERNS.get(value, value) if name == "pattern" else in_python(value) for name, value in schema.items()
        }
    return [in_python(value) for value in schema] if isinstance(schema, list) else schema


def without_nulls(body):
    return {name: value for name, value in body.items() if value is not None}


def body_near(seeded, schema):
    while True:
        body = seeded.near(schema)
        if isinstance(body, dict):
            return body


def all_verdicts(seeded):
    """Returns each (schema, bodies) with ripple's verdict. They are asked for in parts, since all do not fit into memory."""
    for first in range(0, SCHEMAS, PART):
        cases = []
        for _ in range(min(PART, SCHEMAS - first)):
            schema = seeded.object()
            cases.append((schema, [body_near(seeded, schema) for _ in range(BODIES)]))
        yield from zip(cases, verdicts(cases), strict=True)


def test_both_say_the_same_of_every_body():
    seeded = Random(SEED)
    refused, valid, differing = [], 0, []
    for (schema, bodies), verdict in all_verdicts(seeded):
        if isinstance(verdict, str):
            refused.append((verdict, schema))
            continue
        validator = Validator(in_python(schema))
        for body, said in zip(bodies, verdict, strict=True):
            expected = validator.is_valid(without_nulls(body))
            valid += expected
            if said != expected:
                differing.append((said, schema, body))
    assert not refused, (len(refused), refused[:3])
    assert not differing, (len(differing), differing[:3])
    # Half of everything is near the rules, on both sides.
    assert SCHEMAS * BODIES * 0.2 < valid < SCHEMAS * BODIES * 0.9, valid


def one(member, value):
    """Asks both about one value of a member."""
    schema = {"type": "object", "properties": {"p": member}}
    [[ripples]] = verdicts([(schema, [{"p": value}])])
    return ripples, Validator(schema).is_valid({"p": value})


@pytest.mark.parametrize(
    "member, value, ripples",
    [
        ({"type": "number"}, Decimal("1e126"), False),
        ({"type": "number"}, Decimal("1." + "1" * 38), False),
        ({"type": "string", "pattern": "^a$", "maxLength": 9}, "a\n", False),
        ({"type": "string", "pattern": r"\d", "maxLength": 9}, "٣", False),
        ({"type": "string", "format": "date"}, "2026-02-29", False),
        ({"type": "string", "format": "date-time"}, "2026-02-28 10:00", False),
        ({"type": "string", "format": "uuid"}, "x", False),
        ({"type": "string", "format": "email"}, "x", True),
        ({"type": "number"}, None, True),
    ],
)
def test_differences_on_purpose(member, value, ripples):
    said, packages = one(member, value)
    assert said == ripples
    assert (said == packages) == (member.get("format") == "email"), "this is no difference any more"
