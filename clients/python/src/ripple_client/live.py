"""The live channel of a resource: its changes over a WebSocket (`ripple.v1`), or by asking where there is none."""

import json
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal

from .channel import ASKING, PONG, SILENCE, Channel, Event, OnPresence, Present, State
from .problem import Problem
from .record import T

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from .client import Resource


class Live(Generic[T]):
    """The changes of a resource as they come. `close` ends the iteration, also from another thread."""

    def __init__(self, resource: "Resource[T]", since: str | None = None, on_presence: OnPresence | None = None) -> None:
        operations = resource._operations
        self._resource = resource
        self._channel = Channel(operations.context, operations.name, since, on_presence)
        self._closed = False
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
        self._closed = True
        if self._socket is not None:
            self._socket.close(1000, "bye")

    def __enter__(self) -> "Live[T]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        connect, channel = _connect(), self._channel
        while not self._closed:
            if connect is None or channel.mode == "wait":
                yield from self._ask(None if connect is None else time.monotonic() + ASKING)
                channel.mode = "live"
                continue
            pause = yield from self._connect(connect)
            if pause and not self._closed:
                self._sleep(pause)

    def _ask(self, until: float | None) -> Iterator[Event]:
        self._channel.mode = "wait"
        for event in self._changes(wait=25):
            yield event
            if self._closed or until is not None and time.monotonic() >= until:
                return

    def _changes(self, wait: int | None = None) -> Iterator[Event]:
        """Reads changes by asking. A reader whose cursor is too old hears of every record."""
        channel = self._channel
        channel.ask()
        try:
            changes = self._resource.changes(since=channel.base, wait=wait)
            for change in changes:
                if (event := channel.asked(change)) is not None:
                    yield event
                channel.base = change.cursor or channel.base
            channel.base = changes.cursor
        except Problem as problem:
            if problem.code != "cursor_expired":
                raise
            channel.base = None
            yield from self._changes(wait)

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
        return channel.closed(code, time.monotonic() - begun, self._closed)

    def _exchange(self, socket: "ClientConnection") -> Iterator[Event]:
        channel = self._channel
        while (text := self._frame(socket)) is not None:
            frame: Mapping[str, Any] = json.loads(text)
            if "hello" in frame:
                # What was missed is read from the own cursor. What follows on the socket waits until then.
                if channel.misses(frame):
                    yield from self._changes()
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
        for seconds in (SILENCE, PONG):
            try:
                while (text := str(socket.recv(timeout=seconds))) == "pong":
                    seconds = SILENCE
                return text
            except TimeoutError:
                socket.send("ping")
        socket.close(4000, "silent")
        return None

    def _send(self, socket: "ClientConnection", frame: str) -> None:
        """Sends what the next socket sends again. A socket that has just closed needs no frame."""
        from websockets.exceptions import ConnectionClosed

        try:
            socket.send(frame)
        except ConnectionClosed:
            pass

    def _sleep(self, seconds: float) -> None:
        self._resource._client._sleep(seconds)


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
