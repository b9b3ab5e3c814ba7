"""The way of a page to ripple's live channel. The page gets a ticket, and never the key."""

from ripple_client import Problem

from .. import problems
from ..backend import prj
from . import pages
from .answers import log


@pages.post("/projects/<id:prj_id>/live")
def live(prj_id):
    """Answers with a ticket, in the visitor's name. Answers 204 if ripple has no live channel, or refuses the key: then
    the page asks for news at intervals, as it does in any case. Answers 503 if the page should try again later."""
    try:
        ticket = prj().ticket()
    except Problem as problem:
        if problem.status != 501:
            log(problem)
        return "", 503 if problems.is_temporary(problem) else 204
    return {"ticket": ticket.ticket, "url": ticket.url}, {"Cache-Control": "no-store"}
