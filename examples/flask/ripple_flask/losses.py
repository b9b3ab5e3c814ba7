"""What others replaced of the visitor's own work since the visitor last saved.

A save that runs into another one names in its receipt what it replaced. But a person may also replace a text knowingly,
and its author hears nothing. So the app compares when the author opens the project, by one page of its history.
"""

from dataclasses import dataclass

from . import record
from .history import Change, Version, is_within, place_of
from .record import MISSING, tokens

# The number of versions that are looked through: one page of the history.
LOOKED_THROUGH = 100


@dataclass(frozen=True)
class Loss:
    """A value of the visitor that another person replaced. `change` has the visitor's value and the present one."""

    change: Change
    by: Version
    # The visitor's last version, which has the value.
    mine: int

    @property
    def place(self):
        """Returns the field, and the entry if it is one of a list, as JSON."""
        entry = [] if self.change.entry is MISSING else [self.change.entry]
        return record.json([self.change.pointer, *entry])


def found(versions, me, noted=0):
    """Returns the losses of a person. `versions`: from the newest on. The person knows of those up to `noted`."""
    mine = next((version for version in versions if version.by.is_same(me)), None)
    if mine is None:
        return []
    before = [version for version in versions if version.number <= mine.number]
    losses = {}
    for version in reversed([version for version in versions if version.number > max(mine.number, noted)]):
        for change in version.changes:
            place = record.json([change.pointer, None if change.entry is MISSING else [change.entry]])
            if place in losses:
                first = losses[place].change
                merged = Change(change.pointer, change.entry, first.before, change.after)
                losses[place] = Loss(merged, version, mine.number)
            elif change.before is not MISSING and _is_work_of(me, before, change):
                losses[place] = Loss(change, version, mine.number)
    return [loss for loss in losses.values() if not record.same(loss.change.before, loss.change.after)]


def put_back(value, place, mine):
    """Puts the visitor's value of a field or entry into a record. `mine` is the record with that value."""
    pointer, *entry = place
    *parents, last = tokens(pointer)
    there, here = mine, value
    for parent in parents:
        there = there.get(parent) if isinstance(there, dict) else None
        here = here.setdefault(parent, {}) if isinstance(here, dict) else None
    if not isinstance(there, dict) or not isinstance(here, dict) or last not in there:
        return
    if not entry:
        here[last] = there[last]
        return
    old = place_of(there[last], entry[0])
    if old is None:
        return
    entries = here.setdefault(last, [])
    now = place_of(entries, entry[0])
    if isinstance(entries, list):
        entries[slice(old, old) if now is None else slice(now, now + 1)] = [there[last][old]]


def _is_work_of(me, versions, change):
    """Reports whether a person made the value that a change replaced. `versions` go back from then."""
    for version in versions:
        for other in version.changes:
            related = is_within(other.pointer, change.pointer) or is_within(change.pointer, other.pointer)
            whole = other.entry is MISSING or change.entry is MISSING
            if related and (whole or record.same(other.entry, change.entry)):
                return version.by.is_same(me)
    return False
