"""A client of ripple's HTTP API, synchronous and asynchronous.

    with Client("http://127.0.0.1:3000", key) as ripple:
        with ripple.prj.edit("p1") as edit:
            edit.value["goal"] = "Beans by May"
        edit.saved.receipt.won

The client keeps the base of an edit, the session token and the Idempotency-Key. It repeats what may be repeated, and
raises `Problem` for everything that was refused or stays without an answer.

    client, async_client    sockets and sleeps
    live, async_live        the live channel of both
    channel                 its protocol, without I/O
    feed, operations        what an operation sends, and reads from the answer
    draft, attempts         the difference of an edit; the rules of repeated tries
    exchange                a request, its tries and its answer, without I/O
    replaced                what others replaced of a person's own work
    sheet                   lists as CSV, and CSV as edits
    record, receipt, problem, author, ids, json_text, frozen    values
"""

from .async_client import AsyncClient, AsyncResource
from .async_live import AsyncLive
from .author import Author
from .channel import Event, Lost, Present
from .client import Client, Resource
from .live import Live
from .problem import Problem, TooMany
from .receipt import Receipt, Touched
from .record import ABSENT, Change, Deleted, FieldChange, Members, Page, Record, Saved, Ticket, Updated, Write
from .replaced import Place, Replaced
from .sheet import SheetRow

__all__ = [
    "ABSENT",
    "AsyncClient",
    "AsyncLive",
    "AsyncResource",
    "Author",
    "Change",
    "Client",
    "Deleted",
    "Event",
    "FieldChange",
    "Live",
    "Lost",
    "Members",
    "Page",
    "Place",
    "Present",
    "Problem",
    "Receipt",
    "Record",
    "Replaced",
    "Resource",
    "Saved",
    "SheetRow",
    "Ticket",
    "TooMany",
    "Touched",
    "Updated",
    "Write",
]
