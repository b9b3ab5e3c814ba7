"""The difference between a record and its author's draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from . import json_text
from .frozen import thaw
from .record import Members, Record, Saved, T

EDIT_TYPE = "application/vnd.ripple.edit+json"


@dataclass(frozen=True)
class Difference:
    """The members that an edit changes: as its author saw them, as they are to be, and the removed ones.

    A member that is in `set` and not in `seen` was absent.
    """

    seen: Mapping[str, Any]
    set: Mapping[str, Any]
    remove: tuple[str, ...]

    @classmethod
    def of(cls, record: Record[Any], draft: Mapping[str, Any], members: Members) -> "Difference":
        """Returns what the draft changes. Raises `ValueError` if it changes what only ripple may change."""
        if record.partial:
            raise ValueError(f"the list showed only some fields of {record.id!r}: get the record to edit it")
        value: Mapping[str, Any] = record.value
        own = members.all()
        for name in own:
            if name in draft and not (name in value and json_text.same(value[name], draft[name])):
                raise ValueError(f"{name!r} cannot be edited")
        changed = {
            name: member
            for name, member in draft.items()
            if name not in own and not (name in value and json_text.same(value[name], member))
        }
        removed = tuple(name for name in value if name not in draft and name not in own)
        seen = {name: value[name] for name in (*changed, *removed) if name in value}
        return cls(seen, changed, removed)

    def __bool__(self) -> bool:
        return bool(self.set or self.remove)

    def body(self, version: int, name: str = "version") -> bytes:
        """Returns the body of the edit, made on a version. `name` is the member with the version."""
        edit = {name: version, "seen": self.seen, "set": self.set, "remove": self.remove}
        return json_text.write(edit)


class Draft(Generic[T]):
    """The state of an edit: the record that its author sees, the value that becomes of it, and the outcome."""

    value: T

    def __init__(self) -> None:
        self._record: Record[T] | None = None
        self._saved: Saved[T] | None = None

    @property
    def record(self) -> Record[T]:
        """Returns the record that is edited."""
        if self._record is None:
            raise RuntimeError("the edit has not begun")
        return self._record

    @property
    def saved(self) -> Saved[T]:
        """Returns the outcome, after the `with` block."""
        if self._saved is None:
            raise RuntimeError("the edit is not saved")
        return self._saved

    def _begin(self, record: Record[T]) -> None:
        self._record = record
        self.value = thaw(record.value)
