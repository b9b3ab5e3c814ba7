"""The projects that were deleted, newest first.

A deletion leaves a tombstone for 97 days, and `_changes` lists the ids of those since a cursor. The API gives out
cursors of the present only. So this module makes one of the past, in the API's own form.
"""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ripple_client import Problem

from . import history
from .history import Version

# The API refuses older cursors than 97 days. The rest is for clocks that differ.
DAYS = 96
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
    since = _cursor(int((time.time() - DAYS * 24 * 60 * 60) * 1000))
    gone = {change.id: change.deleted for change in prj.changes(since=since)}
    # The API lists them in the order of their deletions.
    ids = [prj_id for prj_id, is_deleted in gone.items() if is_deleted][::-1]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda prj_id: _named(prj, prj_id), ids[:count]))
    return found, len(ids)


def _named(prj, prj_id):
    try:
        rows = next(prj.versions(prj_id, limit=2).pages()).items
    except Problem:
        rows = ()
    versions = [version for version in history.told(rows, {}) if version.deleted]
    deletion = versions[0] if versions else Version(0)
    texts = {change.pointer: change.before for change in deletion.changes if isinstance(change.before, str)}
    return Deleted(prj_id, texts.get("/name", ""), texts.get("/goal", ""), deletion)


def _cursor(milliseconds):
    """Returns the cursor of changes since a time, as core/src/service/changes.rs writes it."""
    place = [3, ["prj", {"since": [{"at": milliseconds, "within": None}]}]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
