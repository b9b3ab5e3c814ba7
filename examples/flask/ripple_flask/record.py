"""A project's fields, as the app shows them, and what JSON Pointers say of a record."""

from dataclasses import dataclass
from datetime import date

import simplejson

TIMELINE = "timeline"
# The app's own: who saved, for everybody here shares one API key. See `history`.
SAVED_BY = "saved_by"
# What an entry of a timeline may have its text in; the first is for new ones.
TEXT_MEMBERS = ("text", "title")
UNITS = ("day", "week", "month", "year")


@dataclass(frozen=True)
class Field:
    """One that every project has. `kind`: line, text, natural or date."""

    name: str
    label: str
    kind: str
    # What ripple asks of it (docs/API.md, "Records"), in words that follow the label.
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
# What ripple itself adds to a record.
OWN = ("prj_id", "version", "updated_at", "updated_by")
_LABELS = {field.name: field.label.lower() for field in FIELDS} | {
    TIMELINE: "timeline",
    "term_unit": "unit of the term",
    "create_date": "date of creation",
}


class _Missing:
    """That there is nothing: a JSON null is something."""

    def __bool__(self):
        return False

    def __repr__(self):
        return "MISSING"


MISSING = _Missing()


def others(record):
    """Members that the app has no field for. It keeps them."""
    known = {field.name for field in FIELDS} | {SAVED_BY, *OWN}
    if isinstance(record.get(TIMELINE, []), list):
        known.add(TIMELINE)
    return {name: value for name, value in record.items() if name not in known}


def label(pointer):
    """What a field is called in a sentence."""
    if not pointer:
        return "whole project"
    first, *rest = tokens(pointer)
    return _LABELS.get(first) or f"field “{shortened(' › '.join([first, *rest]), 40)}”"


def tokens(pointer):
    """The names in a JSON Pointer (RFC 6901)."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def is_date(text):
    """Whether a browser's date field can show this."""
    try:
        return isinstance(text, str) and len(text) == 10 and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def text_member(entry):
    """Where a timeline's entry has its text."""
    return next((name for name in TEXT_MEMBERS if name in entry), TEXT_MEMBERS[0])


def title(entry):
    """An entry in a few words."""
    if isinstance(entry, dict):
        entry = entry.get(text_member(entry)) or entry.get("date")
    return shortened(str(entry), 60) if entry not in (None, "") else ""


def json(value):
    """Anything, as it came."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False)


def shortened(text, length):
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
