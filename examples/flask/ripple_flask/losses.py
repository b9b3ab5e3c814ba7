"""What others replaced of the visitor's own work since the visitor last saved, as a page shows it.

The client compares when the visitor opens the project: `replaced` in clients/python.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from ripple_client import Place

from . import history, people, record
from .history import Change
from .people import Person
from .record import MISSING


@dataclass(frozen=True)
class Loss:
    """A value of the visitor that another person replaced. `change` has the visitor's value and the present one."""

    change: Change
    by: Person
    at: datetime | None
    # The visitor's last version, which has the value.
    mine: int

    @classmethod
    def of(cls, replaced):
        place = replaced.place
        change = Change(place.field, place.entry, replaced.mine, replaced.now)
        return cls(change, people.writer(replaced), history.moment(replaced.updated), replaced.my_version)

    @property
    def place(self):
        """Returns the field, and the entry if it is one of a list, as JSON."""
        entry = [] if self.change.entry is MISSING else [self.change.entry]
        return record.json([self.change.pointer, *entry])


def place(text):
    """Returns the place that a form names. Raises `ValueError` if the text is not one."""
    named = json.loads(text)
    if not isinstance(named, list) or not 1 <= len(named) <= 2 or not isinstance(named[0], str):
        raise ValueError("a place is a field, and an entry if it is one of a list")
    return Place(*named)
