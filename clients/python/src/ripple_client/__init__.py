"""A client of ripple's HTTP API, synchronous and asynchronous.

    with Client("http://127.0.0.1:3000", key) as ripple:
        with ripple.prj.edit("p1") as edit:
            edit.value["goal"] = "Beans by May"
        edit.saved.receipt.won

The client keeps the base of an edit, the session token and the Idempotency-Key. It repeats what may be repeated, and
raises `Problem` for everything that was refused or stays without an answer.

    client, async_client    sockets and sleeps
    live                    the live channel of the synchronous client
    feed, operations        what an operation sends, and reads from the answer
    draft, attempts         the difference of an edit; the rules of repeated tries
    exchange                a request, its tries and its answer, without I/O
    replaced                what others replaced of a person's own work
    record, receipt, problem, author, ids, json_text, frozen    values
"""

from .async_client import AsyncClient, AsyncResource
from .author import Author
from .client import Client, Resource
from .live import Event, Live
from .problem import Problem, TooMany
from .receipt import Receipt, Touched
from .record import ABSENT, Change, Deleted, FieldChange, Members, Page, Record, Saved, Ticket, Updated, Write
from .replaced import Place, Replaced

__all__ = [
    "ABSENT",
    "AsyncClient",
    "AsyncResource",
    "Author",
    "Change",
    "Client",
    "Deleted",
    "Event",
    "FieldChange",
    "Live",
    "Members",
    "Page",
    "Place",
    "Problem",
    "Receipt",
    "Record",
    "Replaced",
    "Resource",
    "Saved",
    "Ticket",
    "TooMany",
    "Touched",
    "Updated",
    "Write",
]
