"""The projects that were deleted and can be brought back, newest first.

A deletion leaves a tombstone without content. So the name of a deleted project comes from its history.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ripple_client import Problem

from . import history
from .history import Version

# The number of requests at once for names.
AT_ONCE = 4


@dataclass(frozen=True)
class Deleted:
    """A deleted project. Without its history, only the id is known."""

    prj_id: str
    name: str
    goal: str
    deletion: Version

    @property
    def last(self):
        """Returns the number of its last state."""
        return max(0, self.deletion.number - 1)


def deleted(prj, count):
    """Returns the deleted projects with their names, newest first, and how many there are. At most `count` are
    returned."""
    page = next(prj.list(deleted=True, sort="-updated_at", limit=count, count=True).pages())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda record: _named(prj, record), page.items))
    return found, page.count


def _named(prj, record):
    try:
        rows = next(prj.versions(record.id, limit=2).pages()).items
    except Problem:
        rows = ()
    versions = [version for version in history.told(rows, {}) if version.deleted]
    deletion = versions[0] if versions else Version(record.version)
    texts = {change.pointer: change.before for change in deletion.changes if isinstance(change.before, str)}
    return Deleted(record.id, texts.get("/name", ""), texts.get("/goal", ""), deletion)

