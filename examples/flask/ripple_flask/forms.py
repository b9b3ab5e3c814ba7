"""The form of a project: built from a record, and converted back into the record that a save sends.

A save sends the whole record as the form shows it, with the version that the form was built from. ripple merges it with
saves by others since then. So a form must not change values that the user did not touch. But a browser changes line
ends, drops them from one-line fields, and has no numbers. So the form carries the original values. If the browser
returns a value as it was shown, the original value is sent.

A browser restores typed text and ticks when it reloads a page, goes back to it or reopens it after a crash. By then
the page may show another state of the project. Browsers identify a control by the form's name and the control's place
in it (Firefox, reload), by the control's name (Chromium) or by its id (Firefox, restored tab). So each of these ends
in `@` and the form's `state`. A browser then restores input only on the state on which the user typed it.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property

import simplejson
from werkzeug.exceptions import BadRequest

from .record import FIELDS, MISSING, SAVED_BY, TIMELINE, is_date, text_member

NAME_LENGTH = 60
_ROW = re.compile(r"row-(\d{1,6})-(?:entry|date|text)", re.ASCII)


@dataclass
class Row:
    """An entry of the timeline. `original` is its previous value, or `MISSING` for a new entry."""

    original: object = MISSING
    date: str = ""
    text: str = ""
    removed: bool = False

    @classmethod
    def of(cls, entry):
        row = cls(original=entry)
        row.date, row.text = row.shown_date, row.shown_text
        return row

    @property
    def editable(self):
        return self.original is MISSING or isinstance(self.original, (dict, str))

    @property
    def dated(self):
        """Reports whether the entry can have a date. An entry that is a text cannot."""
        return self.original is MISSING or isinstance(self.original, dict)

    @property
    def shown_date(self):
        return _shown(self.original.get("date", "")) if isinstance(self.original, dict) else ""

    @property
    def shown_text(self):
        if isinstance(self.original, dict):
            return _shown(self.original.get(text_member(self.original), ""))
        return "" if self.original is MISSING else _shown(self.original)

    @property
    def original_json(self):
        return None if self.original is MISSING else simplejson.dumps(self.original, use_decimal=True)

    @property
    def multiline(self):
        return "\n" in _lines(self.shown_text)

    @property
    def same_text(self):
        return _same(self.text, self.shown_text, self.multiline)

    @property
    def same_date(self):
        return _same(self.date, self.shown_date)

    @property
    def blank(self):
        """Reports whether the row is new and empty."""
        return self.original is MISSING and not self.date and not self.text

    def entry(self, text_name):
        """Returns the current value of the entry. `text_name` is the member for the text of a new entry."""
        if not self.editable:
            return self.original
        if isinstance(self.original, str):
            return self.original if self.same_text else self.text
        entry = {} if self.original is MISSING else dict(self.original)
        name = text_name if self.original is MISSING else text_member(entry)
        for member, now, same in ((name, self.text, self.same_text), ("date", self.date, self.same_date)):
            if same:
                continue
            if now:
                entry[member] = now
            else:
                entry.pop(member, None)
        return entry


@dataclass
class Form:
    """A project's fields as text, as the user sees them."""

    values: dict
    rows: list = field(default_factory=list)
    # The fields of the record that the form was built from.
    seen: dict = field(default_factory=dict)
    version: int | None = None
    # Identifies this form: if it is sent twice, it is one save.
    number: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    your_name: str = ""
    prj_id: str = ""
    has_timeline: bool = True
    # Whether the form is for a new project.
    creating: bool = False
    errors: dict = field(default_factory=dict)

    @classmethod
    def of(cls, record, your_name=""):
        timeline = record.get(TIMELINE, [])
        has_timeline = isinstance(timeline, list)
        return cls(
            values={f.name: _shown(record.get(f.name, "")) for f in FIELDS},
            rows=[Row.of(entry) for entry in timeline] if has_timeline else [],
            seen={f.name: record[f.name] for f in FIELDS if f.name in record},
            version=record.get("version"),
            your_name=your_name,
            has_timeline=has_timeline,
        )

    @classmethod
    def sent(cls, form):
        """Returns the form that a browser sent."""
        form = {name.partition("@")[0]: value for name, value in form.items()}
        version, seen = whole(form.get("version", "")), _json(form.get("seen", "{}"))
        if not isinstance(seen, dict) or (version is None and form.get("version")):
            raise BadRequest("This is not one of the app's forms.")
        places = sorted({int(match[1]) for match in map(_ROW.fullmatch, form) if match})
        return cls(
            values={f.name: _lines(form.get(f.name, "")) for f in FIELDS},
            rows=[_row(form, place) for place in places],
            seen=seen,
            version=version,
            number=form.get("form", "")[:64] or secrets.token_urlsafe(12),
            your_name=plain(form.get("your_name", "")),
            prj_id=form.get("prj_id", "").strip(),
            has_timeline="timeline" in form,
        )

    @property
    def seen_json(self):
        return simplejson.dumps(self.seen, use_decimal=True)

    @cached_property
    def state(self):
        """Returns a hash of the fields and entries that the form was built from."""
        made_of = simplejson.dumps([self.seen, [row.original_json for row in self.rows]], use_decimal=True)
        return hashlib.sha256(made_of.encode()).hexdigest()[:12]

    @property
    def changed(self):
        """Reports whether the form differs from the record that it was built from."""
        before = [row.original for row in self.rows if row.original is not MISSING]
        return self.timeline() != before or not all(self._untouched(f) for f in FIELDS)

    def record(self):
        """Returns the record that a save sends."""
        record = {}
        for f in FIELDS:
            value = self._value(f)
            if value is not MISSING:
                record[f.name] = value
        if self.has_timeline and (self.rows and not all(row.blank for row in self.rows)):
            record[TIMELINE] = self.timeline()
        base = None if self.creating else self.version
        if base is not None:
            record["version"] = base
        if self.your_name and (self.creating or self.changed):
            record[SAVED_BY] = {"name": self.your_name, "form": self.number}
            if base is not None:
                record[SAVED_BY]["base"] = base
        if self.creating and self.prj_id:
            record["prj_id"] = self.prj_id
        return record

    def timeline(self):
        known = (text_member(row.original) for row in self.rows if isinstance(row.original, dict))
        text_name = next(known, text_member({}))
        return [row.entry(text_name) for row in self.rows if not row.removed and not row.blank]

    def save_key(self):
        """Returns an `Idempotency-Key` for this form with this content. With other content the form is another save."""
        content = simplejson.dumps(self.record(), use_decimal=True, sort_keys=True)
        return f"{self.number}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"

    def renew(self):
        """Makes this another form, with a new number."""
        self.number = secrets.token_urlsafe(12)

    def add_row(self):
        self.rows.append(Row())

    def rows_with_blank(self):
        """Returns the rows, with at least one blank row to write in."""
        return self.rows if any(row.blank for row in self.rows) else [*self.rows, Row()]

    def _untouched(self, f):
        return _same(self.values[f.name], _shown(self.seen.get(f.name, "")), f.kind == "text")

    def _value(self, f):
        text, before = self.values[f.name], self.seen.get(f.name, MISSING)
        if self._untouched(f) and not self.creating:
            # A missing value stays missing. Another writer's value that ripple would refuse is omitted, so it stays.
            return before if _fits(f, before) else MISSING
        is_number = f.kind == "natural" and not isinstance(before, str)
        return int(text) if is_number and text.isascii() and text.isdigit() and len(text) <= 38 else text


def plain(name):
    """Returns a name on one line, short enough for a sentence."""
    return " ".join("".join(c for c in name if c.isprintable()).split())[:NAME_LENGTH].strip()


def whole(text):
    """Returns the number of a version. Returns `None` for any other text. Numbers below zero are external states."""
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text) else None


def _fits(f, value):
    """Reports whether ripple would accept the value: see docs/API.md, "Records"."""
    if f.kind == "natural":
        return str(value).isdigit() and str(value).isascii() and not isinstance(value, bool)
    return isinstance(value, str) and (not f.rule or 1 <= len(value) <= 64)


def _shown(value):
    """Returns a value as text for a form."""
    return value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True)


def _row(form, place):
    text = form.get(f"row-{place}-entry")
    row = Row.of(MISSING if text is None else _json(text))
    if row.editable:
        row.text = _lines(form.get(f"row-{place}-text", ""))
        row.date = form.get(f"row-{place}-date", "") if row.dated else ""
    row.removed = f"row-{place}-remove" in form
    return row


def _json(text):
    try:
        return simplejson.loads(text, use_decimal=True)
    except ValueError as error:
        raise BadRequest("This is not one of the app's forms.") from error


def _lines(text):
    """Returns a text with line ends of one character. Browsers send two."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _same(sent, shown, multiline=False):
    """Reports whether a browser sent back the text that it was shown. It drops line ends from one-line fields."""
    shown = _lines(shown).replace("\0", "\ufffd")
    return sent == (shown if multiline else shown.replace("\n", ""))


def date_kind(text):
    """Returns the type of a date's input field. A date field shows only dates, so any other text needs a text field."""
    return "date" if not text or is_date(text) else "text"
