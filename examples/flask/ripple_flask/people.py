"""The visitor of a request, and the authors of versions.

The app has no accounts. A visitor types a name, and the browser's session has an id. Two visitors of one name are two
people, and a visitor who takes another name stays the same person.
"""

import secrets
import unicodedata
from dataclasses import dataclass

from flask import session

from .record import SAVED_BY

# The longest name and the characters that ripple accepts: docs/API.md, "Authors".
NAME_LENGTH = 60


@dataclass(frozen=True)
class Person:
    """An author. `name` and `id` are missing if only the key of the program is known."""

    name: str | None = None
    id: str | None = None
    key: str | None = None

    def is_same(self, other):
        """Reports whether both are the same person. Without ids, names decide."""
        if self.id and other.id:
            return self.id == other.id
        return bool(self.name) and self.name == other.name


def me():
    """Returns the visitor of this request."""
    return Person(session.get("name") or None, session.get("person"))


def meet():
    """Gives the visitor an id. A page with a form does that, so that a form sent twice is by one person."""
    if "person" not in session:
        session.permanent = True
        session["person"] = secrets.token_urlsafe(9)


def author():
    """Returns the author of what the visitor writes. Returns `None` for a visitor without a name."""
    name = session.get("name")
    if not name:
        return None
    meet()
    return name, session["person"]


def plain(name):
    """Returns a name on one line, as ripple accepts it."""
    seen = "".join(c for c in unicodedata.normalize("NFC", name) if c.isprintable() or c.isspace())
    return " ".join(seen.split())[:NAME_LENGTH].strip()


def writer(write, state):
    """Returns the person who made a version. `write` is its row of the history, `state` the record after it."""
    key = write.updated.by if write.updated else None
    if write.updated and write.updated.author:
        return Person(write.updated.author.name, write.updated.author.id, key)
    fields = [change.field for change in write.changes]
    touched = any(not field or field == f"/{SAVED_BY}" or field.startswith(f"/{SAVED_BY}/") for field in fields)
    found = state.get(SAVED_BY)
    claimed = isinstance(found, dict) and touched and found.get("base") == write.base
    return Person(*_named(state), key) if claimed else Person(key=key)


def last_writer(record):
    """Returns the author of a record's newest version, as far as the record tells."""
    updated = record.updated
    if updated and updated.author:
        return Person(updated.author.name, updated.author.id, updated.by)
    return Person(*_named(record.value), updated.by if updated else None)


def stamp(number, base):
    """Returns the member with the author, for a server that keeps none itself. `number` is the form's."""
    name, person = author()
    return {"name": name, "person": person, "form": number} | ({} if base is None else {"base": base})


def _named(state):
    found = state.get(SAVED_BY)
    if not isinstance(found, dict):
        return None, None
    name, person = found.get("name"), found.get("person")
    return (name if isinstance(name, str) and name else None), (person if isinstance(person, str) else None)
