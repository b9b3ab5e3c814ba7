"""The asynchronous client, on asyncio and trio. It has the words of the synchronous client, with `await`."""

import copy
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar, overload

import anyio
import httpx

from .async_live import AsyncLive
from .author import Author
from .channel import OnPresence
from .draft import Draft
from .exchange import Answer, Context, NoAnswer, Send, Sleep, Steps
from .feed import Feed
from .operations import Operations
from .problem import TooMany
from .record import Change, Deleted, Item, Members, Page, Record, Saved, T, Ticket, Write
from .replaced import Replaced
from .sheet import SheetPages, SheetRow
from .transport import late, no_answer, timeouts, user_agent

R = TypeVar("R")


class AsyncClient:
    """A client of ripple for one key, for the tasks of one event loop. See `Client`.

    A cancelled write may have been applied. The same call with the same `key=` is safe.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        author: Author | tuple[str, str | None] | str | None = None,
        session: str | None = None,
        timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._context = Context(url, key, Author.of(author), session, timeout)
        self._http = httpx.AsyncClient(transport=transport, headers=user_agent())
        self._sleep: Callable[[float], Awaitable[None]] = anyio.sleep

    def for_author(
        self, author: Author | tuple[str, str | None] | str | None, *, session: str | None = None
    ) -> "AsyncClient":
        """Returns a client that writes for a person, with this client's connections. See `Client.for_author`."""
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
    def resource(self, name: str, *, members: Members | None = None) -> "AsyncResource[dict[str, Any]]": ...
    @overload
    def resource(self, name: str, type: type[T], *, members: Members | None = None) -> "AsyncResource[T]": ...
    def resource(self, name: str, type: Any = None, *, members: Members | None = None) -> "AsyncResource[Any]":
        """Returns a resource. See `Client.resource`."""
        return AsyncResource(self, Operations(self._context, name, members or Members(f"{name}_id")))

    def __getattr__(self, name: str) -> "AsyncResource[dict[str, Any]]":
        if name.startswith("_"):
            raise AttributeError(name)
        return self.resource(name)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncClient({self._context.url!r})"

    async def _run(self, steps: Steps[R]) -> R:
        outcome: Answer | NoAnswer | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as end:
                result: R = end.value
                return result
            if isinstance(step, Sleep):
                await self._sleep(step.seconds)
                outcome = None
            else:
                outcome = await self._send(step)

    async def _send(self, step: Send) -> Answer | NoAnswer:
        request = step.request
        try:
            with anyio.fail_after(step.seconds):
                response = await self._http.request(
                    request.method,
                    request.url,
                    content=request.body,
                    headers=dict(request.headers),
                    timeout=timeouts(step.seconds),
                )
        except TimeoutError:
            return late(step.seconds)
        except httpx.RequestError as error:
            return no_answer(error)
        return Answer(response.status_code, dict(response.headers), response.content)


class AsyncResource(Generic[T]):
    """The records of a resource. See `Resource`."""

    def __init__(self, client: AsyncClient, operations: Operations[T]) -> None:
        self._client, self._operations = client, operations

    async def get(self, id: str) -> Record[T]:
        return await self._client._run(self._operations.get(id))

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
    ) -> "AsyncListing[Record[T]]":
        first = self._operations.list_url(q, sort, fields, limit, where, cursor, count, deleted)
        partial = fields is not None
        return AsyncListing(self._client, first, lambda url: self._operations.list_page(url, partial))

    async def count(
        self, *, q: str | None = None, where: Mapping[str, Any] | None = None, deleted: bool = False
    ) -> int:
        return await self._client._run(self._operations.count(q, where, deleted))

    async def create(self, value: Mapping[str, Any], *, id: str | None = None, key: str | None = None) -> Saved[T]:
        return await self._client._run(self._operations.create(value, id, key))

    def edit(self, record: Record[T] | str, *, key: str | None = None) -> "AsyncEdit[T]":
        """Returns an edit of a record, for `async with`. An id gets the record first."""
        return AsyncEdit(self, record, key)

    async def delete(self, record: Record[Any] | str, *, key: str | None = None) -> Deleted:
        return await self._client._run(self._operations.delete(record, key))

    async def restore(self, id: str, version: int, *, base: int | None = None, key: str | None = None) -> Saved[T]:
        return await self._client._run(self._operations.restore(id, version, base, key))

    async def version(self, id: str, number: int) -> Record[T]:
        return await self._client._run(self._operations.version(id, number))

    def versions(
        self, id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> "AsyncListing[Write]":
        first = self._operations.history_url(id, limit, cursor)
        return AsyncListing(self._client, first, self._operations.history_page)

    async def replaced(
        self,
        record: Record[T] | str,
        *,
        author: Author | tuple[str, str | None] | str | None = None,
        known: int = 0,
    ) -> tuple[Replaced, ...]:
        return await self._client._run(self._operations.replaced(record, Author.of(author), known))

    def sheet(
        self,
        fields: Sequence[str],
        *,
        q: str | None = None,
        sort: str | Sequence[str] | None = None,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        deleted: bool = False,
    ) -> "AsyncListing[bytes]":
        url = self._operations.list_url(q, sort, fields, limit, where, deleted=deleted, format="csv")
        pages = SheetPages(url, fields)
        return AsyncListing(self._client, url, lambda page: self._operations.sheet_page(page, pages))

    async def import_sheet(self, text: str, *, dry_run: bool = False, key: str | None = None) -> tuple[SheetRow, ...]:
        return await self._client._run(self._operations.import_sheet(text, dry_run, key))

    def changes(self, *, since: str | None = None, wait: int | None = None) -> "AsyncChanges[T]":
        return AsyncChanges(self._client, Feed(self._operations, since, wait))

    async def ticket(self) -> Ticket:
        return await self._client._run(self._operations.ticket())

    def live(self, *, since: str | None = None, on_presence: OnPresence | None = None) -> AsyncLive[T]:
        """Returns the changes as they come, without the records. See `Resource.live`. Sockets run on asyncio; on trio
        the client asks."""
        return AsyncLive(self, since, on_presence)

    async def _commit(self, record: Record[T], value: Mapping[str, Any], key: str | None) -> Saved[T]:
        return await self._client._run(self._operations.edit(record, value, key))


class AsyncListing(Generic[Item]):
    """The items of a list, read page by page. See `Listing`."""

    def __init__(self, client: AsyncClient, first: str, page: Callable[[str], Steps[Page[Item]]]) -> None:
        self._client, self._first, self._page = client, first, page

    async def __aiter__(self) -> AsyncIterator[Item]:
        async for page in self.pages():
            for item in page.items:
                yield item

    async def pages(self) -> AsyncIterator[Page[Item]]:
        url: str | None = self._first
        while url is not None:
            page = await self._client._run(self._page(url))
            yield page
            url = page.next

    async def all(self, max: int = 10_000) -> list[Item]:
        items: list[Item] = []
        async for page in self.pages():
            items += page.items
            if len(items) > max:
                raise TooMany(max)
        return items


class AsyncChanges(Generic[T]):
    """Changes, in the order of the answers. See `Changes`."""

    def __init__(self, client: AsyncClient, feed: Feed[T]) -> None:
        self._client, self._feed = client, feed

    @property
    def cursor(self) -> str | None:
        """Returns where a reader starts after the last change that the iteration has finished."""
        return self._feed.cursor

    async def __aiter__(self) -> AsyncIterator[Change[T]]:
        while (change := await self._client._run(self._feed.next())) is not None:
            yield change
            self._feed.finish()


class AsyncEdit(Draft[T]):
    """An edit of a record. See `Edit`."""

    def __init__(self, resource: AsyncResource[T], target: Record[T] | str, key: str | None) -> None:
        super().__init__()
        self._resource, self._target, self._key = resource, target, key

    async def __aenter__(self) -> "AsyncEdit[T]":
        target = self._target
        self._begin(await self._resource.get(target) if isinstance(target, str) else target)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._saved = await self._resource._commit(self.record, self.value, self._key)
