"""The live channel of a resource: its changes over a WebSocket (`ripple.v1`), or by asking where there is none."""

import json
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal
from urllib.parse import quote

from .author import Author
from .problem import Problem
from .record import Change, T

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

    from .client import Resource

# Seconds, as the protocol has them.
_SILENCE = 30.0
_PONG = 10.0
_LONGEST_BACKOFF = 60.0
# How long a reader asks before it tries the socket again.
_ASKING = 600.0
# The events, and the bytes of their frames, after which they are acknowledged.
_ACK, _ACK_BYTES = 32, 8192
# A small acknowledgement is sent at most this often, since the host limits the rate of frames.
_ACK_PAUSE = 1.0
# The upgrades that may fail in a row. A proxy may not let them through.
_UPGRADES = 3
# The records of which a reader remembers the version that it was told.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Event:
    """A change that the reader has heard of. It does not have the record.

    `version` is missing for a deletion that was asked for. `fields` are JSON Pointers, and an empty one means any
    field. `cursor` is where to go on, to be stored once the change is dealt with.
    """

    id: str
    version: int | None
    deleted: bool
    fields: tuple[str, ...]
    cursor: str | None
    updated_at: int | None = None
    updated_by: str | None = None
    author: Author | None = None


class Live(Generic[T]):
    """The changes of a resource as they come. `close` ends the iteration, also from another thread.

    `mode` is `live` over a socket, and `wait` where the client asks: without the package `websockets`, or if the host
    has no live channel.
    """

    def __init__(self, resource: "Resource[T]", since: str | None = None) -> None:
        self.mode: Literal["live", "wait"] = "live"
        self._resource = resource
        base, _, position = (since or "").partition("~")
        self._base: str | None = base or None
        self._position = f"~{position}" if position else ""
        self._known: dict[str, int] = {}
        self._failures = self._unopened = 0
        self._closed = False
        self._socket: "ClientConnection | None" = None

    @property
    def cursor(self) -> str | None:
        """Returns where a reader goes on that has dealt with every event so far."""
        return None if self._base is None else self._base + self._position

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
        connect = _connect()
        while not self._closed:
            if connect is None or self.mode == "wait":
                yield from self._ask(None if connect is None else time.monotonic() + _ASKING)
                self.mode = "live"
                continue
            pause = yield from self._connect(connect)
            if pause and not self._closed:
                self._sleep(pause)

    def _ask(self, until: float | None) -> Iterator[Event]:
        self.mode = "wait"
        for event in self._changes(wait=25):
            yield event
            if self._closed or until is not None and time.monotonic() >= until:
                return

    def _changes(self, wait: int | None = None) -> Iterator[Event]:
        """Reads changes by asking. A reader whose cursor is too old hears of every record."""
        self._position = ""
        try:
            changes = self._resource.changes(since=self._base, wait=wait)
            for change in changes:
                event = _asked(change)
                if self._is_new(event):
                    yield event
                self._base = change.cursor or self._base
            self._base = changes.cursor
        except Problem as problem:
            if problem.code != "cursor_expired":
                raise
            self._base = None
            yield from self._changes(wait)

    def _connect(self, connect: Callable[..., "ClientConnection"]) -> Generator[Event, None, float]:
        """Serves one socket to its end. Returns the seconds to wait."""
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

        context = self._resource._operations.context
        url = f"{context.url.replace('http', 'ws', 1)}/{self._resource._operations.name}/_live"
        if self.cursor is not None:
            url += f"?since={quote(self.cursor)}"
        stack = ExitStack()
        try:
            socket = stack.enter_context(connect(url, additional_headers=context.live_headers()))
        except InvalidStatus as refused:
            if refused.response.status_code in (401, 403):
                raise Problem(refused.response.status_code, "forbidden", "the key may not open the channel") from None
            return self._not_opened(refused.response.status_code in (404, 501))
        except (OSError, InvalidHandshake, TimeoutError):
            return self._not_opened(False)
        self._socket = socket
        begun, self._unopened = time.monotonic(), 0
        try:
            yield from self._exchange(socket)
        except ConnectionClosed as end:
            code = end.rcvd.code if end.rcvd else 1006
        else:
            code = 4000
        finally:
            self._socket = None
            stack.close()
        if time.monotonic() - begun > _LONGEST_BACKOFF:
            self._failures = 0
        if code in (4001, 4003, 4004) and not self._closed:
            raise Problem(403 if code != 4004 else 404, "forbidden", "the key is no longer valid, or the resource")
        if code == 4009:
            self.mode = "wait"
            return 0.0
        if code in (1008, 1009):
            return _SILENCE + self._backoff()
        return 1.0 if code == 4008 else 5 * random.random()

    def _not_opened(self, never: bool) -> float:
        self._unopened += 1
        if never or self._unopened >= _UPGRADES:
            self.mode, self._unopened = "wait", 0
            return 0.0
        return self._backoff()

    def _exchange(self, socket: "ClientConnection") -> Iterator[Event]:
        events = size = 0
        acknowledged = 0.0
        while (text := self._frame(socket)) is not None:
            frame = json.loads(text)
            if "hello" in frame:
                position, own = f"~{frame['epoch']}.{frame['seq']}", self._base
                # What was missed is read from the own cursor. What follows on the socket waits until then.
                if "resync" in frame and own is not None:
                    yield from self._changes()
                self._base, self._position = frame["cursor"], position
            elif "mark" in frame:
                self._base = frame["mark"]
            elif "id" in frame:
                position = self._position.rpartition(".")[0] + f".{frame['seq']}"
                event = _event(frame, f"{self._base}{position}")
                if self._is_new(event):
                    yield event
                self._position = position
                events, size = events + 1, size + len(text)
                if events >= _ACK or size >= _ACK_BYTES:
                    if events < _ACK and time.monotonic() < acknowledged + _ACK_PAUSE:
                        self._sleep(_ACK_PAUSE)
                    socket.send(json.dumps({"ack": frame["seq"]}))
                    events, size, acknowledged = 0, 0, time.monotonic()

    def _frame(self, socket: "ClientConnection") -> str | None:
        """Returns the next frame. Returns `None` if the host is silent even when it is asked."""
        for seconds in (_SILENCE, _PONG):
            try:
                while (text := str(socket.recv(timeout=seconds))) == "pong":
                    seconds = _SILENCE
                return text
            except TimeoutError:
                socket.send("ping")
        socket.close(4000, "silent")
        return None

    def _backoff(self) -> float:
        self._failures += 1
        return random.random() * min(_LONGEST_BACKOFF, 2.0 ** (self._failures - 1))

    def _sleep(self, seconds: float) -> None:
        self._resource._client._sleep(seconds)

    def _is_new(self, event: Event) -> bool:
        """Reports whether the reader has not heard of the version, and takes note of it."""
        if event.version is None:
            return True
        known = self._known.get(event.id)
        if known is not None and 0 < event.version <= known:
            return False
        if len(self._known) >= _REMEMBERED:
            self._known.clear()  # then some are told twice
        self._known[event.id] = event.version
        return True


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


def _asked(change: Change[Any]) -> Event:
    record = change.record
    if record is None:
        return Event(change.id, None, True, ("",), change.cursor)
    at, by, author = None, None, None
    if record.updated is not None:
        at, by, author = record.updated.at, record.updated.by, record.updated.author
    return Event(change.id, record.version, False, ("",), change.cursor, at, by, author)


def _event(frame: Mapping[str, Any], cursor: str) -> Event:
    name, person = frame.get("author", ("", ""))
    return Event(
        frame["id"],
        frame["version"],
        frame.get("deleted", False),
        tuple(frame["fields"]),
        cursor,
        frame["updated_at"],
        frame.get("updated_by"),
        Author(name, person or None) if name else None,
    )
