"""The history: for each change the author, the time, the value before and the value after.

ripple's rows have the values that each write replaced. The app derives the values after from the newest state, by
undoing row by row.

ripple identifies a writer by the name of the API key, and this app has one key for all users. So the app writes the
user's name into the record's member `saved_by`, with the version that the user saw and the number of the form. A write
is by that user only if it changed `saved_by` and has the base that `saved_by` states. Otherwise a restored old state
would count as a write by its old author, and so would a write by another program that leaves `saved_by` alone.
"""

import copy
from dataclasses import dataclass, field
from datetime import datetime, timezone

from .record import MISSING, SAVED_BY, tokens


@dataclass(frozen=True)
class Change:
    """A change of one field, or of one entry of a list. The value before or after may be missing."""

    pointer: str
    entry: object = MISSING
    before: object = MISSING
    after: object = MISSING


@dataclass(frozen=True)
class Version:
    number: int
    at: datetime | None = None
    # The user's own name. If it is missing, only the key is known.
    name: str | None = None
    key: str | None = None
    deleted: bool = False
    changes: list = field(default_factory=list)


def told(rows, newest):
    """Returns the versions in rows of ripple's history, newest first. `newest` is the record at the first of them."""
    state = copy.deepcopy(newest)
    versions = []
    for row in rows:
        changes = row.get("changes", [])
        told = [_change(state, change) for change in changes]
        versions.append(
            Version(
                number=row["version"],
                at=moment(row.get("updated_at")),
                name=_name(state, row),
                key=row.get("updated_by"),
                deleted=row.get("deleted", False),
                changes=[change for change in told if not _is_within(change.pointer, f"/{SAVED_BY}")],
            )
        )
        for change in changes:
            _undo(state, change)
    return versions


def savers(versions, pointer, entry=MISSING):
    """Returns the versions that changed a field, newest first."""
    return [
        version
        for version in versions
        if any(
            (_is_within(change.pointer, pointer) or _is_within(pointer, change.pointer))
            and (entry is MISSING or _same(change.entry, entry))
            for change in version.changes
        )
    ]


def moment(milliseconds):
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None  # a value of another writer


def saved_by(state):
    """Returns the name in a record, whether or not that user wrote it last."""
    found = state.get(SAVED_BY)
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) and name else None


def _name(state, row):
    name = saved_by(state)
    fields = [change.get("field", "") for change in row.get("changes", [])]
    touched = any(not field or _is_within(field, f"/{SAVED_BY}") for field in fields)
    return name if name and touched and state[SAVED_BY].get("base") == row.get("base") else None


def _is_within(pointer, other):
    return pointer == other or pointer.startswith(f"{other}/")


def _change(state, change):
    pointer, entry = change.get("field", ""), change.get("entry", MISSING)
    after = _found(state, pointer)
    if entry is not MISSING:
        place = _place(after, entry)
        after = MISSING if place is None else after[place]
    return Change(pointer, entry, change.get("replaced", MISSING), MISSING if change.get("removed") else after)


def _undo(state, change):
    pointer, entry, before = change.get("field", ""), change.get("entry", MISSING), change.get("replaced", MISSING)
    if not pointer:
        return  # the row has only one change of the whole record, since there were too many
    *parents, last = tokens(pointer)
    for parent in parents:
        state = state.setdefault(parent, {}) if isinstance(state, dict) else None
    if not isinstance(state, dict):
        return
    if entry is MISSING:
        if before is MISSING:
            state.pop(last, None)
        else:
            state[last] = before
        return
    entries = state.get(last)
    if not isinstance(entries, list):
        entries = state[last] = []
    place = _place(entries, entry)
    if place is None:
        entries.extend([] if before is MISSING else [before])
    else:
        entries[place : place + 1] = [] if before is MISSING else [before]


def _found(state, pointer):
    for token in tokens(pointer):
        if not isinstance(state, dict) or token not in state:
            return MISSING
        state = state[token]
    return state


def _place(entries, entry):
    """Returns the place of an entry in a list, by its `id` or its value."""
    if not isinstance(entries, list):
        return None
    known_by = ((e["id"] if isinstance(e, dict) and "id" in e else e) for e in entries)
    return next((place for place, known in enumerate(known_by) if _same(known, entry)), None)


def _same(one, other):
    """Compares values as in JSON, where `true` is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
