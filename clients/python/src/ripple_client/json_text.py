"""JSON text whose numbers keep every digit.

A number of ripple has up to 38 digits, so a `float` would round it. Numbers are read as `int` or `Decimal`. A `float`
that a caller sends is written with the shortest digits that identify it.
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def parse(text: bytes) -> Any:
    """Returns the value of a JSON text. Raises `ValueError` if the text is not JSON in UTF-8."""
    try:
        return json.loads(text.decode("utf-8"), parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("the text is nested too deeply") from None


def write(value: Any) -> bytes:
    """Returns compact JSON. Raises `ValueError` or `TypeError` if the value has no JSON text."""
    parts: list[str] = []
    try:
        _write(value, parts)
    except RecursionError:
        raise ValueError("the value is nested too deeply") from None
    return "".join(parts).encode("utf-8")


def same(one: Any, other: Any) -> bool:
    """Reports whether two JSON values are equal. Numbers are compared by value, and members in any order.

    Python's own `==` finds `True` equal to 1, and 0.1 different from `Decimal("0.1")`.
    """
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if _is_number(one) and _is_number(other):
        return bool(_exact(one) == _exact(other))
    return type(one) is type(other) and bool(one == other)


def _write(value: Any, parts: list[str]) -> None:
    if value is None or isinstance(value, (bool, str)):
        parts.append(json.dumps(value, ensure_ascii=False))
    elif _is_number(value):
        parts.append(_digits(value))
    elif isinstance(value, Mapping):
        parts.append("{")
        for place, (name, member) in enumerate(value.items()):
            if not isinstance(name, str):
                raise TypeError(f"the name of a member must be a text, not {name!r}")
            parts.append(("," if place else "") + json.dumps(name, ensure_ascii=False) + ":")
            _write(member, parts)
        parts.append("}")
    elif isinstance(value, (list, tuple)):
        parts.append("[")
        for place, entry in enumerate(value):
            parts.append("," if place else "")
            _write(entry, parts)
        parts.append("]")
    else:
        raise TypeError(f"JSON has no {type(value).__name__}: {value!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _digits(number: Any) -> str:
    # The text of the base type, whatever a subclass such as an IntEnum shows.
    if isinstance(number, int):
        return int.__repr__(number)
    if not (number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)):
        raise ValueError(f"JSON has no number {number}")
    return Decimal.__str__(number) if isinstance(number, Decimal) else float.__repr__(number)


def _exact(number: Any) -> Any:
    return Decimal(float.__repr__(number)) if isinstance(number, float) else number


def _no_number(name: str) -> Any:
    raise ValueError(f"JSON has no number {name}")
