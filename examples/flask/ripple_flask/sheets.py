"""Sheets: the list of projects as CSV, and what became of the rows of a sheet, in words."""

from base64 import b64decode, b64encode
from dataclasses import dataclass

from markupsafe import Markup, escape
from ripple_client.sheet import Sheet

from . import problems
from .record import FIELDS, TIMELINE, label, shortened, tokens
from .sentences import names, were

COLUMNS = (*(f.name for f in FIELDS), TIMELINE)
# The records of one request of an export, and the most rows of an import: a visitor waits for 100 rows some seconds.
PAGE = 250
MOST_ROWS = 1_000
# The largest sheet, in bytes. A form holds it in four thirds of that.
MOST_BYTES = 4 * 1024 * 1024


class NoSheet(Exception):
    """A file that is no sheet, in a sentence for the visitor."""


@dataclass(frozen=True)
class Told:
    """What became of a row, in words. `kind` is saved, same, refused or later: it may be saved by another attempt."""

    line: int
    name: str
    prj_id: str | None
    kind: str
    words: Markup


def read(content):
    """Returns the text of a file."""
    if len(content) > MOST_BYTES:
        raise NoSheet(f"The file has {len(content) / 1024 / 1024:.1f} MB. A sheet may have up to 4 MB.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise NoSheet("The file is not in UTF-8. Save the sheet as “CSV UTF-8”.") from None


def check(text):
    """Refuses a text that is no sheet, or one that would take too long."""
    try:
        rows = len(Sheet(text).rows)
    except ValueError as error:
        said = str(error)
        raise NoSheet(f"{said[:1].upper()}{said[1:]}.") from None
    if rows > MOST_ROWS:
        raise NoSheet(f"It has {rows:,} rows, and may have up to {MOST_ROWS:,}. Cut it into several sheets.")


def packed(text):
    """Returns a sheet for a field of a form. A browser would change the line ends in it."""
    return b64encode(text.encode()).decode()


def unpacked(field):
    try:
        return b64decode(field, validate=True).decode()
    except ValueError:
        raise NoSheet("The sheet did not arrive as it was sent. Choose the file again.") from None


def told(row, dry_run):
    """Reports what became of a row, or would become of it."""
    name = shortened(row.cells.get("name") or row.id or "", 80)
    if row.problem is not None:
        kind = "later" if problems.is_temporary(row.problem) else "refused"
        return Told(row.line, name, None, kind, _refused(row.problem))
    kind = "same" if row.receipt.result == "unchanged" else "saved"
    made = dry_run and row.receipt.result == "created"
    return Told(row.line, name, None if made else row.id, kind, _receipt(row.receipt, dry_run))


def summary(rows, dry_run):
    """Returns the numbers of the rows by what became of them, in words."""
    counts = {kind: sum(row.kind == kind for row in rows) for kind in ("saved", "same", "refused", "later")}
    said = {
        "saved": "can be saved" if dry_run else "saved",
        "same": "without a change",
        "refused": "refused",
        "later": "not tried yet",
    }
    return [f"{counts[kind]} {words}" for kind, words in said.items() if counts[kind]] or ["no rows"]


def _receipt(receipt, dry_run):
    if receipt.result == "created":
        return Markup("Would be a new project." if dry_run else "Was registered as a new project.")
    if receipt.result == "unchanged":
        return Markup("Would change nothing." if dry_run else "Changed nothing.")
    written = _tops([*receipt.taken, *receipt.merged, *receipt.won])
    clauses = [Markup("The {} {} saved").format(names(written), "would be" if dry_run else were(written))]
    if receipt.won:
        verb = "would replace" if dry_run else "replaced"
        clauses.append(Markup("the {} {} what others have saved since").format(names(_tops(receipt.won)), verb))
    if receipt.merged:
        verb = "would be joined" if dry_run else f"{were(_tops(receipt.merged))} joined"
        clauses.append(Markup("the {} {} with what others have saved since").format(names(_tops(receipt.merged)), verb))
    if receipt.kept:
        stays = "would stay" if dry_run else "stays"
        clauses.append(Markup("what others have saved of the {} {}").format(names(_tops(receipt.kept)), stays))
    if receipt.base_missing:
        clauses.append(Markup("the row is older than the history, so each of its cells counts as changed"))
    return Markup("{}.").format(Markup("; ").join(clauses))


def _refused(problem):
    if problem.code == "not_tried":
        return Markup("Not tried yet, because ripple is busy.")
    rules = {f.name: f.rule for f in FIELDS if f.rule}
    faults = []
    for pointer, detail in problem.fields.items():
        name = (tokens(pointer) or [""])[0]
        what = label(pointer) if name else ""
        said = f"{what} {rules.get(name, detail)}" if name else detail
        faults.append(escape(f"{said[:1].upper()}{said[1:]}."))
    if faults:
        return Markup(" ").join(faults)
    words = problems.words(problem)
    return Markup("{}. {}").format(words.title, words.text)


def _tops(touched):
    """Returns the pointers to the members, each once, in the order of the page."""
    order = {f"/{name}": place for place, name in enumerate(COLUMNS)}
    found = dict.fromkeys("/".join(one.pointer.split("/")[:2]) for one in touched)
    return sorted(found, key=lambda pointer: order.get(pointer, len(order)))
