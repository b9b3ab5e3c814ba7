"""A project's fields as the app shows them, and JSON Pointers into a record."""

from dataclasses import dataclass
from datetime import date

import simplejson
from ripple_client import ABSENT as MISSING

TIMELINE = "timeline"
# The members that may hold the text of a timeline's entry. New entries use the first.
TEXT_MEMBERS = ("text", "title")
UNITS = ("day", "week", "month", "year")


@dataclass(frozen=True)
class Field:
    """A field that every project has. `kind` is line, text, natural or date."""

    name: str
    label: str
    kind: str
    # The field's rule (docs/API.md, "Records"; a name is the app's own wish), in words that follow the label.
    rule: str = ""
    hint: str = ""

    @property
    def required(self):
        return bool(self.rule)

    def accepts(self, text):
        """Reports whether a text keeps the rule."""
        if self.kind == "natural":
            return text.isascii() and text.isdigit()
        return not self.rule or (bool(text.strip()) and (self.name == "name" or len(text) <= 64))


FIELDS = (
    Field("name", "Name", "line", "is required", "What everybody calls it"),
    Field("goal", "Goal", "text", hint="What is to be reached"),
    Field("issue", "Issue", "text", hint="What stands in the way"),
    Field("description", "Description", "text"),
    Field("term", "Term", "natural", "must be a whole number"),
    Field("term_unit", "Unit", "line", "is required, with up to 64 characters"),
    Field("create_date", "Created on", "date", "is required: enter a date"),
)
# The members that ripple itself adds to a record.
OWN = ("prj_id", "version", "updated_at", "updated_by", "updated_author")
_LABELS = {field.name: field.label.lower() for field in FIELDS} | {
    TIMELINE: "timeline",
    "term_unit": "unit of the term",
    "create_date": "date of creation",
}


def others(record):
    """Returns the members without a field in the app. The app keeps them."""
    known = {field.name for field in FIELDS} | set(OWN)
    if isinstance(record.get(TIMELINE, []), list):
        known.add(TIMELINE)
    return {name: value for name, value in record.items() if name not in known}


def label(pointer):
    """Returns the name of a field for a sentence."""
    if not pointer:
        return "whole project"
    first, *rest = tokens(pointer)
    return _LABELS.get(first) or f"field “{shortened(' › '.join([first, *rest]), 40)}”"


def top(pointer):
    """Returns the pointer to the member of the record that a pointer leads into."""
    return "/".join(pointer.split("/")[:2])


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


def known_by(entry):
    """Returns what identifies an entry of a list: its `id`, otherwise its value."""
    return entry["id"] if isinstance(entry, dict) and "id" in entry else entry


def title(entry):
    """Returns a short title of an entry."""
    if isinstance(entry, dict):
        entry = entry.get(text_member(entry)) or entry.get("date")
    return shortened(str(entry), 60) if entry not in (None, "") else ""


def name_of(record, prj_id):
    """Returns the name of a project, or its id if it has none."""
    name = record.get("name")
    return name.strip() if isinstance(name, str) and name.strip() else prj_id


def json(value):
    """Returns any value as JSON."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False)


def shortened(text, length):
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def same(one, other):
    """Compares values as in JSON, where `true` is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


