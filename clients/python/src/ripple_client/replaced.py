"""What others replaced of a person's own work since that person last saved.

The receipt of a save names what the save replaced unseen. A person may also replace a text knowingly, and its author
hears nothing of that. So a program compares when the author opens the record, by one page of the history.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import json_text
from .author import Author
from .frozen import thaw
from .record import ABSENT, FieldChange, Record, Updated, Write

# The number of writes that are looked through: one page of the history.
LOOKED_THROUGH = 100


@dataclass(frozen=True)
class Place:
    """A field of a record, or an entry of a list in it. `field` is a JSON Pointer, `entry` the entry's id or value."""

    field: str
    entry: Any = ABSENT

    def find(self, value: Mapping[str, Any]) -> Any:
        """Returns what a record has there. Returns `ABSENT` if it has nothing there."""
        found: Any = value
        for name in _names(self.field):
            if not isinstance(found, Mapping) or name not in found:
                return ABSENT
            found = found[name]
        if self.entry is ABSENT:
            return found
        at = self._index(found)
        return ABSENT if at is None else found[at]

    def put(self, value: MutableMapping[str, Any], old: Mapping[str, Any]) -> None:
        """Puts what an older state of a record has there into the value of an edit. An entry that was removed returns
        to where it was. Changes nothing if the older state has nothing there."""
        mine = thaw(self.find(old))
        *parents, last = _names(self.field) or [""]
        there: Any = value
        for name in parents:
            there = there.setdefault(name, {}) if isinstance(there, MutableMapping) else None
        if mine is ABSENT or not isinstance(there, MutableMapping):
            return
        if self.entry is ABSENT:
            there[last] = mine
            return
        entries = there.setdefault(last, [])
        if isinstance(entries, list):
            before, now = self._index(Place(self.field).find(old)), self._index(entries)
            entries[slice(before, before) if now is None else slice(now, now + 1)] = [mine]

    def is_same(self, other: "Place") -> bool:
        """Reports whether both are the same place. Values of entries are compared as JSON."""
        return self.field == other.field and json_text.same(self.entry, other.entry)

    def covers(self, other: "Place | FieldChange") -> bool:
        """Reports whether a change of one of the places changes the other."""
        within = f"{self.field}/".startswith(f"{other.field}/") or f"{other.field}/".startswith(f"{self.field}/")
        either_whole = self.entry is ABSENT or other.entry is ABSENT
        return within and (either_whole or json_text.same(self.entry, other.entry))

    def _index(self, entries: Any) -> int | None:
        if not isinstance(entries, Sequence) or isinstance(entries, str):
            return None
        known = (entry["id"] if isinstance(entry, Mapping) and "id" in entry else entry for entry in entries)
        return next((at for at, found in enumerate(known) if json_text.same(found, self.entry)), None)


@dataclass(frozen=True)
class Replaced:
    """A value of a person that another writer replaced.

    `mine` is the person's value, and `now` the present one, which is `ABSENT` if it was removed. `version` and
    `updated` are those of the last write that changed it. The person's own last version is `my_version`.
    """

    place: Place
    mine: Any
    now: Any
    version: int
    updated: Updated | None
    my_version: int


@dataclass
class _Found:
    place: Place
    mine: Any
    by: list[Write] = field(default_factory=list)


def replaced(
    record: Record[Any], writes: Iterable[Write], author: Author, known: int = 0
) -> tuple[Replaced, ...]:
    """Returns what others replaced of the author's work. `writes` are those of the record, newest first. The author
    knows of the writes up to the version `known`."""
    # A host may answer with a record that is older than its newest write.
    rows = [write for write in writes if record.version < 0 or write.version <= record.version]
    at = next((at for at, write in enumerate(rows) if _is_by(write, author)), None)
    if at is None:
        return ()
    found: list[_Found] = []
    for write in reversed([write for write in rows[:at] if write.version > known]):
        for change in write.changes:
            place = Place(change.field, change.entry)
            same = next((one for one in found if one.place.is_same(place)), None)
            if same is None and change.replaced is not ABSENT and _made(rows[at:], change, author):
                same = _Found(place, change.replaced)
                found.append(same)
            if same is not None:
                same.by.append(write)
    return tuple(
        Replaced(one.place, one.mine, now, one.by[-1].version, one.by[-1].updated, rows[at].version)
        for one in found
        if not json_text.same(one.mine, now := one.place.find(record.value))
    )


def _is_by(write: Write, author: Author) -> bool:
    return write.updated is not None and author.is_same(write.updated.author)


def _made(writes: Sequence[Write], change: FieldChange, author: Author) -> bool:
    """Reports whether the author made the value that a change replaced. `writes` go back from then."""
    place = Place(change.field, change.entry)
    last = next((write for write in writes if any(place.covers(other) for other in write.changes)), None)
    return last is not None and _is_by(last, author)


def _names(pointer: str) -> list[str]:
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
