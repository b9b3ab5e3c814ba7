"""The header Ripple-Receipt: the effect of a write, field by field."""

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import http_sf

Result = Literal["created", "saved", "unchanged", "restored", "deleted"]


@dataclass(frozen=True)
class Touched:
    """A field that a write touched, by its JSON Pointer (RFC 6901).

    `replaced` is the version with the replaced value, and `author` the id of that value's author. `added`, `removed`
    and `changed` count entries of a list.
    """

    pointer: str
    replaced: int | None = None
    author: str | None = None
    added: int | None = None
    removed: int | None = None
    changed: int | None = None


@dataclass(frozen=True)
class Receipt:
    """The effect of a write. docs/SAVING.md, "The receipt", defines each member.

    `won`: fields that others changed too, where this write replaced their value. `taken`: fields that only this write
    changed. `merged`: lists and texts with the changes of both. `kept`: fields with the change of others.
    """

    result: Result
    version: int
    base: int | None = None
    base_missing: bool = False
    won: tuple[Touched, ...] = ()
    taken: tuple[Touched, ...] = ()
    merged: tuple[Touched, ...] = ()
    kept: tuple[Touched, ...] = ()
    omitted: int = 0

    @classmethod
    def parse(cls, text: str) -> "Receipt":
        """Returns the receipt of a header. Raises `ValueError` if the text is not a receipt."""
        try:
            members = cast(dict[str, Any], http_sf.parse(text.encode("ascii"), tltype="dictionary"))
            base, about_base = members.get("base", (None, {}))
            result = str(members["result"][0])
            if result not in get_args(Result):
                raise ValueError(f"there is no result {result!r}")
            return cls(
                result=cast(Result, result),
                version=_number(members["version"][0]),
                base=None if base is None else _number(base),
                base_missing="missing" in about_base,
                won=_fields(members, "won"),
                taken=_fields(members, "taken"),
                merged=_fields(members, "merged"),
                kept=_fields(members, "kept"),
                omitted=_number(members.get("omitted", (0, {}))[0]),
            )
        except (KeyError, TypeError, IndexError) as error:
            raise ValueError(f"it is not a receipt: {text!r}") from error


def _fields(members: dict[str, Any], name: str) -> tuple[Touched, ...]:
    entries, _ = members.get(name, ([], {}))
    return tuple(_touched(str(pointer), about) for pointer, about in entries)


def _touched(pointer: str, about: dict[str, Any]) -> Touched:
    author = about.get("author")
    numbers = {name: _number(about[name]) for name in ("replaced", "added", "removed", "changed") if name in about}
    return Touched(pointer, author=None if author is None else str(author), **numbers)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value
