"""The live channel of a resource: its changes over a WebSocket (`ripple.v1`), or by asking where there is none."""

import json
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal

from .channel import ASKING, PONG, SILENCE, Channel, Event, OnPresence, Present, State
from .feed import LONGEST_WAIT, Feed
from .problem import Problem
from .record import T

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from .client import Resource


class Live(Generic[T]):
    """The changes of a resource as they come. `close` ends the iteration, also from another thread.

    Where the client asks, it ends with the next answer, which the host may hold back for 25 s.
    """

    def __init__(self, resource: "Resource[T]", since: str | None = None, on_presence: OnPresence | None = None) -> None:
        operations = resource._operations
        self._resource = resource
        self._channel = Channel(operations.context, operations.name, since, on_presence)
        self._closed = threading.Event()
        self._socket: "ClientConnection | None" = None

    @property
    def mode(self) -> Literal["live", "wait"]:
        """Returns `live` over a socket, and `wait` where the client asks: without the package `websockets`, or if the
        host has no live channel."""
        return self._channel.mode

    @property
    def cursor(self) -> str | None:
        """Returns where a reader goes on that has dealt with every event so far."""
        return self._channel.cursor

    def present(self, id: str | None, state: State = "view", field: str | None = None) -> None:
        """Tells the others what is open here: a record, to read or to edit, and the JSON Pointer of a field. `None`
        means no record. The client's author is the person. The host takes about one such frame a second."""
        frame = self._channel.place(id, state, field)
        if self._socket is not None:
            self._send(self._socket, frame)

    def who(self, id: str) -> tuple[Present, ...]:
        """Returns who else has the record open, if it is the one that is open here."""
        return self._channel.who(id)

    def close(self) -> None:
        """Ends the iteration."""
        # A reader that connects sets the socket before it looks at this. So one of the two threads closes the socket.
        self._closed.set()
        if (socket := self._socket) is not None:
            socket.close(1000, "bye")

    def __enter__(self) -> "Live[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        connect, channel, now = _connect(), self._channel, self._resource._operations.context.now
        while not self._closed.is_set():
            if connect is not None and channel.mode == "live":
                self._sleep((yield from self._connect(connect)))
                continue
            channel.mode = "wait"
            yield from self._changes(LONGEST_WAIT, math.inf if connect is None else now() + ASKING)
            channel.mode = "live"

    def _changes(self, wait: int | None = None, until: float = math.inf) -> Iterator[Event]:
        """Reads changes by asking, until that time or `close`. A reader whose cursor is too old hears of every record."""
        channel, operations = self._channel, self._resource._operations
        channel.ask()
        feed = Feed(operations, channel.base, wait)
        try:
            # A host may have no news for hours, so both ends are looked for after every answer.
            while not self._closed.is_set() and operations.context.now() < until:
                changes = self._resource._client._run(feed.batch(), self._pause)
                if changes is None:
                    return
                for change in changes:
                    if (event := channel.asked(change)) is not None:
                        yield event
                    channel.base = change.cursor or channel.base
                    if self._closed.is_set():
                        return
                channel.base = feed.reached
        except _Closed:
            return
        except Problem as problem:
            if problem.code != "cursor_expired":
                raise
            channel.base = None
            yield from self._changes(wait, until)

    def _connect(self, connect: Callable[..., "ClientConnection"]) -> Generator[Event, None, float]:
        """Serves one socket to its end. Returns the seconds to wait."""
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        channel, stack = self._channel, ExitStack()
        headers = self._resource._operations.context.live_headers()
        try:
            socket = stack.enter_context(connect(channel.url, additional_headers=headers))
        except InvalidStatus as refused:
            return channel.not_opened(refused.response.status_code)
        except (OSError, InvalidHandshake, TimeoutError):
            return channel.not_opened(None)
        channel.opened()
        self._socket, begun = socket, time.monotonic()
        try:
            yield from self._exchange(socket)
        except ConnectionClosed as end:
            code = end.rcvd.code if end.rcvd else 1006
        else:
            code = 4000
        finally:
            self._socket = None
            stack.close()
        return channel.closed(code, time.monotonic() - begun, self._closed.is_set())

    def _exchange(self, socket: "ClientConnection") -> Iterator[Event]:
        channel = self._channel
        while not self._closed.is_set() and (text := self._frame(socket)) is not None:
            frame: Mapping[str, Any] = json.loads(text)
            if "hello" in frame:
                # What was missed is read from the own cursor. What follows on the socket waits until then.
                if channel.misses(frame):
                    yield from self._changes()
                    if self._closed.is_set():
                        return  # the cursor must stay before what was not read
                if (place := channel.begin(frame)) is not None:
                    self._send(socket, place)
                continue
            if (event := channel.event(frame)) is not None:
                yield event
            if (due := channel.finish(frame, len(text), time.monotonic())) is not None:
                pause, acknowledgement = due
                if pause:
                    self._sleep(pause)
                socket.send(acknowledgement)

    def _frame(self, socket: "ClientConnection") -> str | None:
        """Returns the next frame. Returns `None` if the host is silent even when it is asked."""
        asked = False
        while True:
            try:
                text = str(socket.recv(timeout=PONG if asked else SILENCE))
            except TimeoutError:
                if asked:
                    socket.close(4000, "silent")
                    return None
                asked = True
                socket.send("ping")
            else:
                if text != "pong":
                    return text
                asked = False

    def _send(self, socket: "ClientConnection", frame: str) -> None:
        """Sends what the next socket sends again. A socket that has just closed needs no frame."""
        from websockets.exceptions import ConnectionClosed

        try:
            socket.send(frame)
        except ConnectionClosed:
            pass

    def _pause(self, seconds: float) -> None:
        """Waits before a request is sent again. It is not sent again after `close`."""
        self._sleep(seconds)
        if self._closed.is_set():
            raise _Closed

    def _sleep(self, seconds: float) -> None:
        """Waits, but not longer than until `close`."""
        self._closed.wait(seconds)


class _Closed(Exception):
    """The reader was closed while it waited."""


def _connect() -> Callable[..., "ClientConnection"] | None:
    """Returns what opens sockets. Returns `None` without the package `websockets`."""
    try:
        from websockets.sync.client import connect
        from websockets.typing import Subprotocol
    except ImportError:
        return None
    # The protocol has its own ping, and frames of 1 KB.
    offered = [Subprotocol("ripple.v1")]
    return lambda url, **more: connect(url, subprotocols=offered, ping_interval=None, max_size=65536, **more)
