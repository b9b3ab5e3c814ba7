"""The synchronous client."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

import httpx

from .author import Author
from .channel import OnPresence
from .draft import Draft
from .exchange import Answer, Context, NoAnswer, Send, Sleep, Steps
from .feed import Feed
from .live import Live
from .operations import Operations
from .problem import TooMany
from .record import Change, Deleted, Item, Members, Page, Record, Saved, T, Ticket, Write
from .replaced import Replaced
from .sheet import SheetPages, SheetRow
from .transport import late, no_answer, timeouts, user_agent

R = TypeVar("R")


class Client:
    """A client of ripple for one key, safe to share between threads.

    `client.prj` is the resource `prj`. `author` is the person for whom the program writes: a name, and an id if there
    is one. `timeout` limits a call with all its tries, in seconds. `transport` replaces the network.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        author: Author | tuple[str, str | None] | str | None = None,
        session: str | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._context = Context(url, key, Author.of(author), session, timeout)
        self._http = httpx.Client(transport=transport, headers=user_agent())
        self._sleep: Callable[[float], None] = time.sleep

    def for_author(
        self, author: Author | tuple[str, str | None] | str | None, *, session: str | None = None
    ) -> "Client":
        """Returns a client that writes for a person, with this client's connections. `session` is the person's own.
        So a web app has one client for each request, and one pool of connections."""
        client = copy.copy(self)
        client._context = self._context.for_author(Author.of(author), session)
        return client

    @property
    def session(self) -> str | None:
        """Returns the token of the newest write. A client that starts with it sees that write on any host."""
        return self._context.session

    @session.setter
    def session(self, token: str | None) -> None:
        self._context.session = token

    @overload
    def resource(self, name: str, *, members: Members | None = None) -> "Resource[dict[str, Any]]": ...
    @overload
    def resource(self, name: str, type: type[T], *, members: Members | None = None) -> "Resource[T]": ...
    def resource(self, name: str, type: Any = None, *, members: Members | None = None) -> "Resource[Any]":
        """Returns a resource. `type` is the type of its values, such as one that `ripple-types` wrote. `members` names
        what ripple keeps about a record, where the id is not in the member `<name>_id`."""
        return Resource(self, Operations(self._context, name, members or Members(f"{name}_id")))

    def __getattr__(self, name: str) -> "Resource[dict[str, Any]]":
        if name.startswith("_"):
            raise AttributeError(name)
        return self.resource(name)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._context.url!r})"

    def _run(self, steps: Steps[R], sleep: Callable[[float], object] | None = None) -> R:
        outcome: Answer | NoAnswer | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: R = end.value
                return result
            if isinstance(step, Sleep):
                (sleep or self._sleep)(step.seconds)
                outcome = None
            else:
                outcome = self._send(step)

    def _send(self, step: Send) -> Answer | NoAnswer:
        request, ends = step.request, time.monotonic() + step.seconds
        try:
            with self._http.stream(
                request.method,
                request.url,
                content=request.body,
                headers=dict(request.headers),
                timeout=timeouts(step.seconds),
            ) as response:
                chunks = []
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    # httpx limits each operation on the socket, and not the request.
                    if time.monotonic() > ends:
                        return late(step.seconds)
                return Answer(response.status_code, dict(response.headers), b"".join(chunks))
        except httpx.RequestError as error:
            return no_answer(error)


class Resource(Generic[T]):
    """The records of a resource."""

    def __init__(self, client: Client, operations: Operations[T]) -> None:
        self._client, self._operations = client, operations

    def get(self, id: str) -> Record[T]:
        """Returns the record. Raises `Problem` 404 or 410 if there is none."""
        return self._client._run(self._operations.get(id))

    def list(
        self,
        *,
        q: str | None = None,
        sort: str | Sequence[str] | None = None,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        cursor: str | None = None,
        count: bool = False,
        deleted: bool = False,
    ) -> "Listing[Record[T]]":
        """Returns the matching records, read page by page. docs/API.md, "Lists", describes the parameters. `where`
        states conditions on members: `{"term": 3}` for equality, `{"term": {"gte": 3, "lt": 12}}` with operators. A
        name that begins with `/` is a JSON Pointer. `cursor` is that of a `Page` of the same list: reading continues there.
        With `count`, each page states the number of all matches. With `deleted`, the records are those that were
        deleted and can be restored."""
        first = self._operations.list_url(q, sort, fields, limit, where, cursor, count, deleted)
        partial = fields is not None
        return Listing(self._client, first, lambda url: self._operations.list_page(url, partial))

    def count(
        self, *, q: str | None = None, where: Mapping[str, Any] | None = None, deleted: bool = False
    ) -> int:
        """Returns the number of matching records."""
        return self._client._run(self._operations.count(q, where, deleted))

    def create(self, value: Mapping[str, Any], *, id: str | None = None, key: str | None = None) -> Saved[T]:
        """Creates a record. Without an id the client makes one. `key` is the Idempotency-Key, by default random."""
        return self._client._run(self._operations.create(value, id, key))

    def edit(self, record: Record[T] | str, *, key: str | None = None) -> "Edit[T]":
        """Returns an edit of a record, for `with`. An id gets the record first."""
        return Edit(self, record, key)

    def delete(self, record: Record[Any] | str, *, key: str | None = None) -> Deleted:
        """Deletes a record. A `Record` must still be at its version, otherwise `Problem` 412 is raised."""
        return self._client._run(self._operations.delete(record, key))

    def restore(self, id: str, version: int, *, base: int | None = None, key: str | None = None) -> Saved[T]:
        """Makes a state of the history the newest version. With `base`, changes since that version stay."""
        return self._client._run(self._operations.restore(id, version, base, key))

    def version(self, id: str, number: int) -> Record[T]:
        """Returns the record at a version."""
        return self._client._run(self._operations.version(id, number))

    def versions(self, id: str, *, limit: int | None = None, cursor: str | None = None) -> "Listing[Write]":
        """Returns the writes of a record, newest first."""
        return Listing(self._client, self._operations.history_url(id, limit, cursor), self._operations.history_page)

    def replaced(
        self,
        record: Record[T] | str,
        *,
        author: Author | tuple[str, str | None] | str | None = None,
        known: int = 0,
    ) -> tuple[Replaced, ...]:
        """Returns what others replaced of the author's own work since the author last saved. The author is by default
        the client's. Without a later write of another person this asks for the record alone, and otherwise for one
        page of its history. The author knows already of the writes up to the version `known`."""
        return self._client._run(self._operations.replaced(record, Author.of(author), known))

    def sheet(
        self,
        fields: Sequence[str],
        *,
        q: str | None = None,
        sort: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        deleted: bool = False,
    ) -> "Listing[bytes]":
        """Returns the matching records as CSV, with the columns id, version and `fields`: one sheet, in pieces of up to
        `limit` records."""
        url = self._operations.list_url(q, sort, fields, limit, where, deleted=deleted, format="csv")
        pages = SheetPages(url, fields)
        return Listing(self._client, url, lambda page: self._operations.sheet_page(page, pages))

    def import_sheet(self, text: str, *, dry_run: bool = False, key: str | None = None) -> tuple[SheetRow, ...]:
        """Saves the rows of a sheet: one with a version is an edit on that version, and one without is a new record.
        Returns what became of each row. A refused row stops no other. `dry_run` changes nothing, and returns what
        would become of them. The same call with the same `key` saves only the rows that were not saved. Raises
        `ValueError` if the sheet has no header, or was cut off inside a cell."""
        return self._client._run(self._operations.import_sheet(text, dry_run, key))

    def changes(self, *, since: str | None = None, wait: int | None = None) -> "Changes[T]":
        """Returns what changed after the cursor `since`; without it, every record. With `wait` the iteration goes on:
        the server answers when something changes, or after so many seconds. Where the server does not wait, the client
        asks again at intervals of 5 to 60 s."""
        return Changes(self._client, Feed(self._operations, since, wait))

    def ticket(self) -> Ticket:
        """Returns what opens a socket of the live channel for a page, which must not have the key. The author of this
        client is the person in front of the page. Raises `Problem` 501 if the host has no live channel."""
        return self._client._run(self._operations.ticket())

    def live(self, *, since: str | None = None, on_presence: OnPresence | None = None) -> Live[T]:
        """Returns the changes as they come, without the records. `since` is where an earlier reader was. With the
        package `websockets` they come over a socket, where the host has a live channel. Otherwise the client asks.
        `on_presence` hears who else has the record open that is open here: its id, and the people."""
        return Live(self, since, on_presence)

    def _commit(self, record: Record[T], value: Mapping[str, Any], key: str | None) -> Saved[T]:
        return self._client._run(self._operations.edit(record, value, key))


class Listing(Generic[Item]):
    """The items of a list, read page by page. Each iteration sends new requests."""

    def __init__(self, client: Client, first: str, page: Callable[[str], Steps[Page[Item]]]) -> None:
        self._client, self._first, self._page = client, first, page

    def __iter__(self) -> Iterator[Item]:
        for page in self.pages():
            yield from page.items

    def pages(self) -> Iterator[Page[Item]]:
        """Yields the pages."""
        url: str | None = self._first
        while url is not None:
            page = self._client._run(self._page(url))
            yield page
            url = page.next

    def all(self, max: int = 10_000) -> list[Item]:
        """Returns all items. Raises `TooMany` if there are more than `max`."""
        items: list[Item] = []
        for page in self.pages():
            items += page.items
            if len(items) > max:
                raise TooMany(max)
        return items


class Changes(Generic[T]):
    """Changes, in the order of the answers. A second iteration goes on at the change where the first was left."""

    def __init__(self, client: Client, feed: Feed[T]) -> None:
        self._client, self._feed = client, feed

    @property
    def cursor(self) -> str | None:
        """Returns where a reader starts after the last change that the iteration has finished."""
        return self._feed.cursor

    def __iter__(self) -> Iterator[Change[T]]:
        while (change := self._client._run(self._feed.next())) is not None:
            yield change
            self._feed.finish()


class Edit(Draft[T]):
    """An edit of a record. Change `value` inside `with`. On leaving, only what differs is sent, together with what
    `record` showed. After an exception nothing is sent."""

    def __init__(self, resource: Resource[T], target: Record[T] | str, key: str | None) -> None:
        super().__init__()
        self._resource, self._target, self._key = resource, target, key

    def __enter__(self) -> "Edit[T]":
        target = self._target
        self._begin(self._resource.get(target) if isinstance(target, str) else target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._saved = self._resource._commit(self.record, self.value, self._key)
