"""The rows of a form's timeline: entries as a visitor sees and changes them, and their order."""

import re
from dataclasses import dataclass

import simplejson
from werkzeug.exceptions import BadRequest

from .record import MISSING, is_date, text_member

_ROW = re.compile(r"row-(\d{1,6})-(?:entry|date|text)", re.ASCII)


@dataclass
class Row:
    """An entry of the timeline. `original` is its previous value, or `MISSING` for a new entry. `place` names its
    controls, and stays when the row moves."""

    place: int = 0
    original: object = MISSING
    date: str = ""
    text: str = ""
    removed: bool = False

    @classmethod
    def of(cls, entry, place):
        row = cls(place, entry)
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
        return shown(self.original.get("date", "")) if isinstance(self.original, dict) else ""

    @property
    def shown_text(self):
        if isinstance(self.original, dict):
            return shown(self.original.get(text_member(self.original), ""))
        return "" if self.original is MISSING else shown(self.original)

    @property
    def original_json(self):
        return None if self.original is MISSING else simplejson.dumps(self.original, use_decimal=True)

    @property
    def same_text(self):
        return same_text(self.text, self.shown_text, multiline=True)

    @property
    def same_date(self):
        return same_text(self.date, self.shown_date)

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


def sent_rows(form):
    """Returns the rows of a form that a browser sent, in the order of the page: a script may have moved them."""
    places = dict.fromkeys(int(match[1]) for match in map(_ROW.fullmatch, form) if match)
    return [_row(form, place) for place in places]


def by_date(rows):
    """Returns the rows ordered by date. A row without a date follows the row that it followed."""
    dated, latest = [], ""
    for row in rows:
        latest = row.date if is_date(row.date) else latest
        dated.append((latest, row))
    return [row for _, row in sorted(dated, key=lambda found: found[0])]


def moved(rows, place, step):
    """Returns the rows with one of them moved up (-1) or down (1)."""
    rows, at = list(rows), next((at for at, row in enumerate(rows) if row.place == place), None)
    if at is not None and 0 <= at + step < len(rows):
        rows.insert(at + step, rows.pop(at))
    return rows


def shown(value):
    """Returns a value as text for a form."""
    return value if isinstance(value, str) else simplejson.dumps(value, use_decimal=True)


def lines(text):
    """Returns a text with line ends of one character. Browsers send two."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def same_text(sent, before, multiline=False):
    """Reports whether a browser sent back the text that it was shown. It drops line ends from one-line fields."""
    before = lines(before).replace("\0", "\ufffd")
    return sent == (before if multiline else before.replace("\n", ""))


def read_json(text):
    try:
        return simplejson.loads(text, use_decimal=True)
    except ValueError as error:
        raise BadRequest("This is not one of the app's forms.") from error


def date_kind(text):
    """Returns the type of a date's input field. A date field shows only dates, so any other text needs a text field."""
    return "date" if not text or is_date(text) else "text"


def _row(form, place):
    text = form.get(f"row-{place}-entry")
    row = Row.of(MISSING if text is None else read_json(text), place)
    if row.editable:
        row.text = lines(form.get(f"row-{place}-text", ""))
        row.date = form.get(f"row-{place}-date", "") if row.dated else ""
    row.removed = f"row-{place}-remove" in form
    return row
