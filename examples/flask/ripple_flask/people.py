"""The visitor of a request, and the authors of versions.

The app has no accounts. A visitor types a name, and the browser's session has an id. Two visitors of one name are two
people, and a visitor who takes another name stays the same person.
"""

import secrets
import unicodedata
from dataclasses import dataclass

from flask import session

# The longest name and the characters that ripple accepts: docs/SAVING.md, "Authors".
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


def writer(write):
    """Returns the person who made a version. `write` is its row of the history, or the record at that version."""
    updated = write.updated
    if updated is None:
        return Person()
    author = updated.author
    return Person(author.name, author.id, updated.by) if author else Person(key=updated.by)
