"""The list of projects: searched, sorted, counted and paged by ripple; and the list of deleted projects."""

from dataclasses import dataclass

from flask import render_template, request, url_for

from .. import history, people, trash
from ..backend import prj
from ..record import UNITS
from . import pages, sheets
from .answers import for_one_use, new_form

PAGE = 25
LISTED = ("name", "goal", "issue", "term", "term_unit", "create_date", "updated_at", "updated_by", "updated_author")
# The columns and the member by which each is sorted.
COLUMNS = {"Project": "name", "Issue": "issue", "Term": "term", "Created": "create_date", "Saved": "updated_at"}
# What is best first in a column that is sorted for the first time.
FALLING = ("create_date", "updated_at")
ORDERS = {
    "-updated_at": "Saved last",
    "updated_at": "Saved first",
    "name": "Name, A to Z",
    "-name": "Name, Z to A",
    "issue": "Issue, A to Z",
    "-issue": "Issue, Z to A",
    "term": "Shortest term",
    "-term": "Longest term",
    "-create_date": "Newest",
    "create_date": "Oldest",
    "prj_id": "Id",
}


@dataclass(frozen=True)
class Place:
    """The page of a list: which rows it has, of how many, and the addresses of the pages beside it."""

    first: int
    last: int
    total: int
    previous: str | None
    following: str | None


@pages.get("/")
def projects():
    asked = {name: request.args.get(name, "") for name in ("q", "term_unit")}
    order = request.args.get("sort") if request.args.get("sort") in ORDERS else "-updated_at"
    where = {"term_unit": asked["term_unit"]} if asked["term_unit"] else {}
    q, cursor = asked["q"] or None, request.args.get("cursor") or None
    if request.args.get("format") == "csv":
        return sheets.export(q, order, where)
    found = prj().list(q=q, sort=order, where=where, limit=PAGE, fields=LISTED, cursor=cursor, count=True)
    page = next(found.pages())
    place = _place(asked | {"sort": order}, page, cursor)
    rows = [(row, history.moment(row.updated), people.writer(row)) for row in page.items]
    context = {
        "rows": rows,
        "asked": asked,
        "cursor": cursor,
        "order": order,
        "columns": [_column(name, member, order, asked) for name, member in COLUMNS.items()],
        "place": place,
        "export": url_for(".projects", **asked, sort=order, format="csv"),
    }
    # The script asks for the rows alone, while a visitor types.
    if request.headers.get("X-Part") == "results":
        return render_template("_results.html", **context)
    units = [*UNITS, *({asked["term_unit"]} - {"", *UNITS})]
    return render_template("projects.html", orders=ORDERS, units=units, **context)


@pages.get("/deleted")
def deleted():
    found, total = trash.deleted(prj(), PAGE * 4)
    return for_one_use("trash.html", found=found, total=total, form=new_form())


def _place(asked, page, cursor):
    """Returns the place of a page. The number of the page is in its address, since a cursor has none."""
    number = max(1, request.args.get("page", 1, type=int)) if cursor else 1
    first = (number - 1) * PAGE + 1
    previous = following = None
    if page.cursor_back:
        # The second page leads to the first one itself, which may have got more rows meanwhile.
        back = {"cursor": page.cursor_back, "page": number - 1} if number > 2 else {}
        previous = url_for(".projects", **asked, **back)
    if page.cursor:
        following = url_for(".projects", **asked, cursor=page.cursor, page=number + 1)
    return Place(first, first + len(page.items) - 1, page.count, previous, following)


def _column(name, member, order, asked):
    """Returns a column: its name, its sorting as ARIA names it, and the address that sorts by it."""
    rising, falling = order == member, order == f"-{member}"
    turned = member if falling or (member not in FALLING and not rising) else f"-{member}"
    sorting = "ascending" if rising else "descending" if falling else None
    return name, sorting, url_for(".projects", **asked, sort=turned)
