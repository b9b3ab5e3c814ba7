"""A project's fields as the app shows them, and JSON Pointers into a record."""

from dataclasses import dataclass
from datetime import date

import simplejson

TIMELINE = "timeline"
# The app's own member with the user's name, since all users share one API key. See `history`.
SAVED_BY = "saved_by"
# The members that may hold the text of a timeline's entry. New entries use the first.
TEXT_MEMBERS = ("text", "title")
UNITS = ("day", "week", "month", "year")


@dataclass(frozen=True)
class Field:
    """A field that every project has. `kind` is line, text, natural or date."""

    name: str
    label: str
    kind: str
    # ripple's rule for the field (docs/API.md, "Records"), in words that follow the label.
    rule: str = ""
    hint: str = ""


FIELDS = (
    Field("name", "Name", "line", hint="What everybody calls it"),
    Field("goal", "Goal", "text", hint="What is to be reached"),
    Field("issue", "Issue", "text", hint="What stands in the way"),
    Field("description", "Description", "text"),
    Field("term", "Term", "natural", "must be a whole number"),
    Field("term_unit", "Unit", "line", "is needed, in up to 64 characters"),
    Field("create_date", "Created on", "date", "needs a date, in up to 64 characters"),
)
# The members that ripple itself adds to a record.
OWN = ("prj_id", "version", "updated_at", "updated_by")
_LABELS = {field.name: field.label.lower() for field in FIELDS} | {
    TIMELINE: "timeline",
    "term_unit": "unit of the term",
    "create_date": "date of creation",
}


class _Missing:
    """The absence of a value. A JSON null is a value."""

    def __bool__(self):
        return False

    def __repr__(self):
        return "MISSING"


MISSING = _Missing()


def others(record):
    """Returns the members without a field in the app. The app keeps them."""
    known = {field.name for field in FIELDS} | {SAVED_BY, *OWN}
    if isinstance(record.get(TIMELINE, []), list):
        known.add(TIMELINE)
    return {name: value for name, value in record.items() if name not in known}


def label(pointer):
    """Returns the name of a field for a sentence."""
    if not pointer:
        return "whole project"
    first, *rest = tokens(pointer)
    return _LABELS.get(first) or f"field “{shortened(' › '.join([first, *rest]), 40)}”"


def tokens(pointer):
    """Returns the names in a JSON Pointer (RFC 6901)."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def is_date(text):
    """Reports whether a browser's date field can show the text."""
    try:
        return isinstance(text, str) and len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def text_member(entry):
    """Returns the member that holds the text of a timeline's entry."""
    return next((name for name in TEXT_MEMBERS if name in entry), TEXT_MEMBERS[0])


def title(entry):
    """Returns a short title of an entry."""
    if isinstance(entry, dict):
        entry = entry.get(text_member(entry)) or entry.get("date")
    return shortened(str(entry), 60) if entry not in (None, "") else ""


def json(value):
    """Returns any value as JSON."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False)


def shortened(text, length):
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
