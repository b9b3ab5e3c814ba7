"""The list as a sheet to download, and a sheet to save: first checked, then saved, row by row."""

import hashlib
from itertools import chain

from flask import Response, render_template, request, session, stream_with_context
from ripple_client import Problem

from .. import people, problems, sheets
from ..backend import prj
from ..forms import is_number
from . import pages
from .answers import log, new_form

# Programs for sheets take a file without it for another encoding.
MARK = b"\xef\xbb\xbf"


def export(q, order, where):
    """Returns all matching projects as a file."""
    pieces = iter(prj().sheet(sheets.COLUMNS, q=q, sort=order, where=where, limit=sheets.PAGE))
    # A problem with the first page is a page of the app. After that it breaks the download.
    whole = chain([MARK, next(pieces)], pieces)
    name = {"Content-Disposition": 'attachment; filename="projects.csv"', "Cache-Control": "no-store"}
    return Response(stream_with_context(whole), mimetype="text/csv", headers=name)


@pages.get("/import")
def sheet():
    return _page()


@pages.post("/import")
def check():
    """Checks a sheet that was chosen, or saves one that was checked."""
    saves = "sheet" in request.form
    try:
        if saves:
            text = sheets.unpacked(request.form["sheet"])
        else:
            file = request.files.get("file")
            if not file or not file.filename:
                raise sheets.NoSheet("Choose a file first.")
            text = sheets.read(file.read(sheets.MOST_BYTES + 1))
        sheets.check(text)
        number = request.form.get("form", "")
        rows = prj().import_sheet(text, dry_run=not saves, key=_key(number, text))
    except sheets.NoSheet as fault:
        return _page(words=problems.Words(400, "This sheet cannot be saved", str(fault)))
    except Problem as problem:
        log(problem)
        words = problems.words_of_save(problem) if saves else problems.words(problem)
        # A sheet has many batches. What was saved before the problem is told row by row.
        told = [sheets.told(row, False) for row in problem.rows] if saves and problem.rows else None
        number = number if saves else None
        return _page(text=text, number=number, saved=saves, rows=told, words=words, problem=problem)
    told = [sheets.told(row, not saves) for row in rows]
    return _page(text=text, number=number if saves else None, saved=saves, rows=told)


def _page(text="", number=None, saved=False, rows=None, words=None, problem=None):
    people.meet()
    form = new_form()
    if is_number(number or ""):
        form.number = number  # what is sent again is saved once
    again = bool(text) and (words is not None or any(row.kind == "later" for row in rows or ()))
    savable = bool(text) and any(row.kind in ("saved", "later") for row in rows or ())
    page = render_template(
        "import.html",
        form=form,
        rows=rows,
        summary=sheets.summary(rows, not saved) if rows is not None else None,
        sheet=sheets.packed(text) if (again if saved else savable) else None,
        saved=saved,
        words=words,
        problem=problem,
        name=session.get("name"),
        most=sheets.MOST_ROWS,
    )
    return page, words.status if words else 200, {"Cache-Control": "no-store"}


def _key(number, text):
    """Returns the `Idempotency-Key` of a sheet in a form. With another sheet the form is another save."""
    return f"{number}-{hashlib.sha256(text.encode()).hexdigest()[:32]}" if is_number(number) else None
