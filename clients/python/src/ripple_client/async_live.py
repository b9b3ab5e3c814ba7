"""The live channel of the asynchronous client, with the words of `live`."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import anyio

from .channel import ASKING, PONG, SILENCE, Channel, Event, OnPresence, Present, State
from .feed import LONGEST_WAIT, Feed
from .problem import Problem
from .record import T

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from .async_client import AsyncResource

R = TypeVar("R")


class AsyncLive(Generic[T]):
    """The changes of a resource as they come. `close` ends the iteration at once, also from another task."""

    def __init__(
        self, resource: "AsyncResource[T]", since: str | None = None, on_presence: OnPresence | None = None
    ) -> None:
        operations = resource._operations
        self._resource = resource
        self._channel = Channel(operations.context, operations.name, since, on_presence)
        self._closed = False
        self._waiting: anyio.CancelScope | None = None
        self._socket: "ClientConnection | None" = None

    @property
    def mode(self) -> Literal["live", "wait"]:
        """Returns `live` over a socket, and `wait` where the client asks: without the package `websockets`, on another
        event loop than asyncio's, or if the host has no live channel."""
        return self._channel.mode

    @property
    def cursor(self) -> str | None:
        """Returns where a reader goes on that has dealt with every event so far."""
        return self._channel.cursor

    async def present(self, id: str | None, state: State = "view", field: str | None = None) -> None:
        """Tells the others what is open here. See `Live.present`."""
        frame = self._channel.place(id, state, field)
        if self._socket is not None:
            await self._send(self._socket, frame)

    def who(self, id: str) -> tuple[Present, ...]:
        """Returns who else has the record open, if it is the one that is open here."""
        return self._channel.who(id)

    async def close(self) -> None:
        """Ends the iteration."""
        self._closed = True
        if self._waiting is not None:
            self._waiting.cancel()
        if self._socket is not None:
            await self._socket.close(1000, "bye")

    async def __aenter__(self) -> "AsyncLive[T]":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def __aiter__(self) -> AsyncIterator[Event]:
        connect, channel, now = _connect(), self._channel, self._resource._operations.context.now
        while not self._closed:
            if connect is not None and channel.mode == "live":
                pause = 0.0
                async for found in self._connect(connect):
                    if isinstance(found, Event):
                        yield found
                    else:
                        pause = found
                await self._sleep(pause)
                continue
            channel.mode = "wait"
            async for event in self._changes(LONGEST_WAIT, math.inf if connect is None else now() + ASKING):
                yield event
            channel.mode = "live"

    async def _changes(self, wait: int | None = None, until: float = math.inf) -> AsyncIterator[Event]:
        """Reads changes by asking, until that time or `close`. A reader whose cursor is too old hears of every record."""
        channel, operations = self._channel, self._resource._operations
        channel.ask()
        feed = Feed(operations, channel.base, wait)
        try:
            # A host may have no news for hours, so both ends are looked for after every answer.
            while not self._closed and operations.context.now() < until:
                changes = await self._until_closed(self._resource._client._run(feed.batch()))
                if changes is None:
                    return
                for change in changes:
                    if (event := channel.asked(change)) is not None:
                        yield event
                    channel.base = change.cursor or channel.base
                    if self._closed:
                        return
                channel.base = feed.reached
            return
        except Problem as problem:
            if problem.code != "cursor_expired":
                raise
        channel.base = None
        async for event in self._changes(wait, until):
            yield event

    async def _connect(self, connect: Callable[..., Any]) -> AsyncIterator[Event | float]:
        """Serves one socket to its end. The last item is the number of seconds to wait."""
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        channel = self._channel
        headers = self._resource._operations.context.live_headers()
        try:
            socket = await self._until_closed(connect(channel.url, additional_headers=headers))
        except InvalidStatus as refused:
            yield channel.not_opened(refused.response.status_code)
            return
        except (OSError, InvalidHandshake, TimeoutError):
            yield channel.not_opened(None)
            return
        if socket is None:
            return
        channel.opened()
        self._socket, begun, code = socket, time.monotonic(), 4000
        try:
            async for event in self._exchange(socket):
                yield event
        except ConnectionClosed as end:
            code = end.rcvd.code if end.rcvd else 1006
        finally:
            self._socket = None
            await socket.close()
        yield channel.closed(code, time.monotonic() - begun, self._closed)

    async def _exchange(self, socket: "ClientConnection") -> AsyncIterator[Event]:
        channel = self._channel
        while not self._closed and (text := await self._frame(socket)) is not None:
            frame: Mapping[str, Any] = json.loads(text)
            if "hello" in frame:
                # What was missed is read from the own cursor. What follows on the socket waits until then.
                if channel.misses(frame):
                    async for event in self._changes():
                        yield event
                    if self._closed:
                        return  # the cursor must stay before what was not read
                if (place := channel.begin(frame)) is not None:
                    await self._send(socket, place)
                continue
            if (news := channel.event(frame)) is not None:
                yield news
            if (due := channel.finish(frame, len(text), time.monotonic())) is not None:
                pause, acknowledgement = due
                if pause:
                    await self._sleep(pause)
                await socket.send(acknowledgement)

    async def _frame(self, socket: "ClientConnection") -> str | None:
        """Returns the next frame. Returns `None` if the host is silent even when it is asked."""
        asked = False
        while True:
            try:
                text = str(await asyncio.wait_for(socket.recv(), PONG if asked else SILENCE))
            except asyncio.TimeoutError:
                if asked:
                    await socket.close(4000, "silent")
                    return None
                asked = True
                await socket.send("ping")
            else:
                if text != "pong":
                    return text
                asked = False

    async def _send(self, socket: "ClientConnection", frame: str) -> None:
        """Sends what the next socket sends again. A socket that has just closed needs no frame."""
        from websockets.exceptions import ConnectionClosed

        try:
            await socket.send(frame)
        except ConnectionClosed:
            pass

    async def _sleep(self, seconds: float) -> None:
        await self._until_closed(self._resource._client._sleep(seconds))

    async def _until_closed(self, result: Awaitable[R]) -> R | None:
        """Returns the result. Returns `None` if `close` comes first."""
        with anyio.CancelScope() as self._waiting:
            return await result
        return None


def _connect() -> Callable[..., Any] | None:
    """Returns what opens sockets. Returns `None` without the package `websockets`, and outside asyncio, on which that
    package runs."""
    try:
        asyncio.get_running_loop()
        from websockets.asyncio.client import connect
        from websockets.typing import Subprotocol
    except (ImportError, RuntimeError):
        return None
    offered = [Subprotocol("ripple.v1")]
    return lambda url, **more: connect(url, subprotocols=offered, ping_interval=None, max_size=65536, **more)
