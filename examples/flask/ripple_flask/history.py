"""The history: for each change the author, the time, the value before and the value after.

ripple's rows have the values that each write replaced. The app derives the values after from the newest state, by
undoing row by row.
"""

import copy
from dataclasses import dataclass, field
from datetime import datetime, timezone

from . import people
from .people import Person
from .record import MISSING, known_by, same, tokens


@dataclass(frozen=True)
class Change:
    """A change of one field, or of one entry of a list. The value before or after may be missing."""

    pointer: str
    entry: object = MISSING
    before: object = MISSING
    after: object = MISSING

    @property
    def added(self):
        return self.before is MISSING and self.after is not MISSING

    @property
    def removed(self):
        return self.after is MISSING and self.before is not MISSING

    def is_of(self, other):
        """Reports whether both changes are of one field or entry."""
        return self.pointer == other.pointer and same(self.entry, other.entry)


@dataclass(frozen=True)
class Version:
    number: int
    at: datetime | None = None
    by: Person = Person()
    deleted: bool = False
    changes: list = field(default_factory=list)


def told(rows, newest):
    """Returns the versions in rows of ripple's history, newest first. `newest` is the record at the first of them."""
    state = copy.deepcopy(newest)
    versions = []
    for row in rows:
        told = [_change(state, change) for change in row.changes]
        versions.append(
            Version(
                number=row.version,
                at=moment(row.updated),
                by=people.writer(row),
                deleted=row.deleted,
                changes=told,
            )
        )
        for change in row.changes:
            _undo(state, change)
    return versions


def savers(versions, pointer, entry=MISSING, member=()):
    """Returns the versions that changed a field, newest first. With `entry`, the field is a list, and only changes of
    that entry count. With `member`, the names that lead to a member of the entry, only changes of that member count."""

    def touches(change):
        if not (is_within(change.pointer, pointer) or is_within(pointer, change.pointer)):
            return False
        if entry is MISSING:
            return True
        before, after = change.before, change.after
        if change.entry is MISSING:  # a change of the whole list, or of what contains it
            names = tokens(pointer.removeprefix(change.pointer))
            before, after = (_entry(inside(value, names), entry) for value in (before, after))
        elif not same(change.entry, entry):
            return False
        return not same(inside(before, member), inside(after, member))

    return [version for version in versions if any(map(touches, version.changes))]


def moment(updated):
    """Returns the time of a write. Returns `None` if the write has none."""
    try:
        return updated and datetime.fromtimestamp(updated.at / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def is_within(pointer, other):
    return pointer == other or pointer.startswith(f"{other}/")


def inside(value, names):
    """Returns the member of a value that names lead to, or the first list on the way. The member may be missing."""
    for name in names:
        if isinstance(value, list):
            return value
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def place_of(entries, entry):
    """Returns the place of an entry in a list, by its `id` or its value. Returns `None` if it is not there."""
    if not isinstance(entries, list):
        return None
    return next((place for place, found in enumerate(entries) if same(known_by(found), entry)), None)


def _entry(entries, entry):
    place = place_of(entries, entry)
    return MISSING if place is None else entries[place]


def _change(state, change):
    pointer, entry = change.field, change.entry
    after = inside(state, tokens(pointer))
    if entry is not MISSING:
        after = _entry(after, entry)
    return Change(pointer, entry, change.replaced, MISSING if change.removed else copy.deepcopy(after))


def _undo(state, change):
    pointer, entry, before = change.field, change.entry, copy.deepcopy(change.replaced)
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
    place = place_of(entries, entry)
    if place is None:
        entries.extend([] if before is MISSING else [before])
    else:
        entries[place : place + 1] = [] if before is MISSING else [before]
