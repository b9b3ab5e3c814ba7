"""The form of a project: built from a record, and converted back into the edit that a save sends.

A save sends only what the visitor changed, together with what the visitor saw of it. ripple merges that with saves by
others since then. So a form must not change values that the visitor did not touch. But a browser changes line ends,
drops them from one-line fields, and has no numbers. So the form carries the original values. If the browser returns a
value as it was shown, the original value stands.

While a form is open, the script puts what others save into the fields that the visitor has not touched, and moves the
base of these fields: `seen-goal` is what the visitor sees of the goal by then. Each entry of the timeline has a base of
its own, `row-3-entry`. What the visitor has touched keeps its base. `version` is that of the oldest base.

A browser restores typed text and ticks when it reloads a page, goes back to it or reopens it after a crash. By then
the page may show another state of the project. Browsers identify a control by the form's name and the control's place
in it (Firefox, reload), by the control's name (Chromium) or by its id (Firefox, restored tab). So each of these ends
in `@` and the form's `state`. A browser then restores input only on the state on which the visitor typed it.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from functools import cached_property

import simplejson
from ripple_client import Record
from ripple_client.ids import new_id
from werkzeug.exceptions import BadRequest

from . import people, rows
from .record import FIELDS, MISSING, TIMELINE, text_member
from .rows import Row, lines, read_json, same_text, shown


@dataclass
class Form:
    """A project's fields as text, as the visitor sees them."""

    values: dict
    rows: list = field(default_factory=list)
    # The fields of the record that the form was built from.
    seen: dict = field(default_factory=dict)
    version: int | None = None
    # Identifies this form: if it is sent twice, it is one save. That of a new project is also its id.
    number: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    your_name: str = ""
    prj_id: str = ""
    # The record's timeline: "listed", "absent", or "other" for a value that is no list.
    timeline_was: str = "absent"
    # Whether the form is for a new project.
    creating: bool = False
    errors: dict = field(default_factory=dict)

    @classmethod
    def new(cls, your_name):
        return cls({f.name: "" for f in FIELDS}, creating=True, your_name=your_name, number=new_id())

    @classmethod
    def of(cls, record, your_name=""):
        value = record.value
        timeline = value.get(TIMELINE, MISSING)
        listed = isinstance(timeline, list)
        return cls(
            values={f.name: shown(value.get(f.name, "")) for f in FIELDS},
            rows=[Row.of(entry, place) for place, entry in enumerate(timeline)] if listed else [],
            seen={f.name: value[f.name] for f in FIELDS if f.name in value},
            version=record.version,
            your_name=your_name,
            prj_id=record.id,
            timeline_was="absent" if timeline is MISSING else "listed" if listed else "other",
        )

    @classmethod
    def sent(cls, form):
        """Returns the form that a browser sent."""
        form = {name.partition("@")[0]: value for name, value in form.items()}
        version, seen = whole(form.get("version", "")), read_json(form.get("seen", "{}"))
        if not isinstance(seen, dict) or (version is None and form.get("version")):
            raise BadRequest("This is not one of the app's forms.")
        _fold(seen, form)
        return cls(
            values={f.name: lines(form.get(f.name, "")) for f in FIELDS},
            rows=rows.sent_rows(form),
            seen=seen,
            version=version,
            number=form["form"] if is_number(form.get("form", "")) else new_id(),
            your_name=people.plain(form.get("your_name", "")),
            prj_id=form.get("prj_id", "").strip(),
            timeline_was=form["timeline"] if form.get("timeline") in ("listed", "absent") else "other",
        )

    @property
    def has_timeline(self):
        return self.timeline_was != "other"

    @property
    def seen_json(self):
        return simplejson.dumps(self.seen, use_decimal=True)

    def seen_text(self, f):
        """Returns a field of the record that the form was built from, as JSON. Returns an empty text if it has none."""
        return simplejson.dumps(self.seen[f.name], use_decimal=True) if f.name in self.seen else ""

    def base(self, f):
        """Returns the text that the form showed for a field, if the visitor has typed another one."""
        return None if self.creating or self._untouched(f) else shown(self.seen.get(f.name, ""))

    @cached_property
    def state(self):
        """Returns a hash of the fields and entries that the form was built from."""
        made_of = simplejson.dumps([self.seen, [row.original_json for row in self.rows]], use_decimal=True)
        return hashlib.sha256(made_of.encode()).hexdigest()[:12]

    def record(self):
        """Returns the record that the visitor saw, as far as the form shows it."""
        value = dict(self.seen)
        if self.timeline_was == "listed":
            originals = [row for row in self.rows if row.original is not MISSING]
            value[TIMELINE] = [row.original for row in sorted(originals, key=lambda row: row.place)]
        return Record(self.prj_id, value, self.version or 0)

    def value(self):
        """Returns the members of the form as the visitor wants them."""
        value = {}
        for f in FIELDS:
            now = self._value(f)
            if now is not MISSING:
                value[f.name] = now
        if self.has_timeline and (self.timeline_was == "listed" or not all(row.blank for row in self.rows)):
            value[TIMELINE] = self.timeline()
        return value

    @property
    def changed(self):
        """Reports whether the form differs from the record that it was built from."""
        return self.creating or self.value() != self.record().value

    @property
    def changes(self):
        """Returns the pointers to the members that the visitor changed."""
        now, before = self.value(), self.record().value
        return [f"/{name}" for name in now if name not in before or now[name] != before[name]]

    def timeline(self):
        known = (text_member(row.original) for row in self.rows if isinstance(row.original, dict))
        text_name = next(known, text_member({}))
        return [row.entry(text_name) for row in self.rows if not row.removed and not row.blank]

    def save_key(self):
        """Returns an `Idempotency-Key` for this form with this content. With other content the form is another save."""
        content = simplejson.dumps([self.seen, self.version, self.value()], use_decimal=True, sort_keys=True)
        return f"{self.number}-{hashlib.sha256(content.encode()).hexdigest()[:32]}"

    def renew(self):
        """Makes this another form, with a new number."""
        self.number = new_id() if self.creating else secrets.token_urlsafe(12)

    def check(self):
        """Marks the fields that break their rules. Fields that the visitor did not touch stay as they are."""
        for f in FIELDS:
            if (self.creating or not self._untouched(f)) and not f.accepts(self.values[f.name]):
                self.errors[f.name] = f.rule
        return not self.errors

    def arrange(self, asked):
        """Does what a button of the timeline asks for: "add", "by-date", "up 3" or "down 3"."""
        what, _, place = asked.partition(" ")
        if what == "add":
            self.rows.append(Row(self._next_place()))
        elif what == "by-date":
            self.rows = rows.by_date(self.rows)
        elif what in ("up", "down") and re.fullmatch("[0-9]{1,6}", place):
            self.rows = rows.moved(self.rows, int(place), -1 if what == "up" else 1)
        else:
            raise BadRequest("This is not one of the app's forms.")

    def rows_with_blank(self):
        """Returns the rows, with at least one blank row to write in."""
        return self.rows if any(row.blank for row in self.rows) else [*self.rows, Row(self._next_place())]

    def _next_place(self):
        return max((row.place for row in self.rows), default=-1) + 1

    def _untouched(self, f):
        return same_text(self.values[f.name], shown(self.seen.get(f.name, "")), f.kind == "text")

    def _value(self, f):
        text, before = self.values[f.name], self.seen.get(f.name, MISSING)
        if self._untouched(f) and not self.creating:
            return before
        is_number = f.kind == "natural" and not isinstance(before, str)
        return int(text) if is_number and text.isascii() and text.isdigit() and len(text) <= 38 else text


def _fold(seen, form):
    """Takes over what the script has put into an open form since others saved: `seen-goal` is the goal as JSON, and an
    empty text if the project has no goal any more."""
    for f in FIELDS:
        text = form.get(f"seen-{f.name}")
        if text:
            seen[f.name] = read_json(text)
        elif text is not None:
            seen.pop(f.name, None)


def is_number(text):
    """Reports whether a text is the number of a form."""
    return re.fullmatch("[A-Za-z0-9_-]{8,64}", text) is not None


def whole(text):
    """Returns the number of a version. Returns `None` for any other text. Numbers below zero are external states."""
    return int(text) if re.fullmatch("-?[0-9]{1,18}", text) else None
