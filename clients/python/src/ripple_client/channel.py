"""The protocol `ripple.v1` without I/O: what a reader of the live channel knows, and what it does next."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from .author import Author
from .exchange import Context
from .problem import Problem
from .record import Change

# Seconds, as the protocol has them.
SILENCE = 30.0
PONG = 10.0
_LONGEST_BACKOFF = 60.0
# How long a reader asks before it tries the socket again.
ASKING = 600.0
# The events, and the bytes of their frames, after which they are acknowledged.
_ACK, _ACK_BYTES = 32, 8192
# A small acknowledgement is sent at most this often, since the host limits the rate of frames.
_ACK_PAUSE = 1.0
# The upgrades that may fail in a row. A proxy may not let them through.
_UPGRADES = 3
# The records of which a reader remembers the version that it was told.
_REMEMBERED = 10_000

State = Literal["view", "edit"]


@dataclass(frozen=True)
class Lost:
    """A value that a write replaced, although its author had not seen it.

    `field` is a JSON Pointer, `author` the id of the person on whose behalf the value was written, and `version` the
    one in which it was written.
    """

    field: str
    author: str | None
    version: int


@dataclass(frozen=True)
class Event:
    """A change that the reader has heard of. It does not have the record.

    `version` is missing for a deletion that was asked for. `fields` are JSON Pointers, and an empty one means any
    field. `cursor` is where to go on, to be stored once the change is dealt with. `lost` names values of others that the
    write replaced, if a socket told of it.
    """

    id: str
    version: int | None
    deleted: bool
    fields: tuple[str, ...]
    cursor: str | None
    updated_at: int | None = None
    updated_by: str | None = None
    author: Author | None = None
    lost: tuple[Lost, ...] = ()


@dataclass(frozen=True)
class Present:
    """A person who has a record open, to read or to edit, and the JSON Pointer of the field in which the person is."""

    author: Author
    state: State
    field: str | None = None


OnPresence = Callable[[str, tuple[Present, ...]], None]


class Channel:
    """The state of a reader. `mode` is `live` over a socket, and `wait` where the client asks."""

    def __init__(self, context: Context, name: str, since: str | None, on_presence: OnPresence | None) -> None:
        self.mode: Literal["live", "wait"] = "live"
        self._url = f"{context.url.replace('http', 'ws', 1)}/{name}/_live"
        base, _, position = (since or "").partition("~")
        self.base: str | None = base or None
        self._position = f"~{position}" if position else ""
        self._on_presence = on_presence
        self._known: dict[str, int] = {}
        self._failures = self._unopened = 0
        # What is not acknowledged, and when the last acknowledgement was.
        self._events = self._size = 0
        self._acknowledged = 0.0
        self._place: Mapping[str, str] | None = None
        self._room: tuple[str, tuple[Present, ...]] = ("", ())

    @property
    def cursor(self) -> str | None:
        """Returns where a reader goes on that has dealt with every event so far."""
        return None if self.base is None else self.base + self._position

    @property
    def url(self) -> str:
        """Returns the URL of the next socket."""
        return self._url if self.cursor is None else f"{self._url}?since={quote(self.cursor)}"

    # Frames.

    def misses(self, hello: Mapping[str, Any]) -> bool:
        """Reports whether the host cannot tell what was missed. The reader then asks for that, from its own cursor."""
        return "resync" in hello and self.base is not None

    def begin(self, hello: Mapping[str, Any]) -> str | None:
        """Takes over where the socket begins. Returns the frame with what is open here, if anything is."""
        self.base, self._position = hello["cursor"], f"~{hello['epoch']}.{hello['seq']}"
        self._events = self._size = 0
        return None if self._place is None else json.dumps({"presence": self._place})

    def event(self, frame: Mapping[str, Any]) -> Event | None:
        """Returns the event of a frame. Returns `None` if it has no news."""
        if "mark" in frame:
            self.base = frame["mark"]
        elif "presence" in frame:
            self._hear(frame)
        elif "id" in frame:
            event = _event(frame, f"{self.base}{self._after(frame)}")
            return event if self._is_new(event) else None
        return None

    def finish(self, frame: Mapping[str, Any], size: int, now: float) -> tuple[float, str] | None:
        """Takes note that the reader is done with a frame. Returns the seconds to wait and the acknowledgement to send
        then, if it is time for one."""
        if "id" not in frame:
            return None
        self._position = self._after(frame)
        self._events, self._size = self._events + 1, self._size + size
        if self._events < _ACK and self._size < _ACK_BYTES:
            return None
        pause = 0.0 if self._events >= _ACK else max(0.0, self._acknowledged + _ACK_PAUSE - now)
        self._events, self._size, self._acknowledged = 0, 0, now + pause
        return pause, json.dumps({"ack": frame["seq"]})

    # Changes that were asked for.

    def ask(self) -> None:
        """Forgets the place in the host's log, which is worth nothing once the reader asks."""
        self._position = ""

    def asked(self, change: Change[Any]) -> Event | None:
        """Returns the event of a change. Returns `None` if it is no news."""
        event = _asked(change)
        return event if self._is_new(event) else None

    # Presence.

    def place(self, record_id: str | None, state: State, field: str | None) -> str:
        """Sets what is open here, and returns the frame that says so."""
        self._place = None
        if record_id is not None:
            self._place = {"id": record_id, "state": state} | ({} if field is None else {"field": field})
        return json.dumps({"presence": self._place})

    def who(self, record_id: str) -> tuple[Present, ...]:
        return self._room[1] if self._room[0] == record_id else ()

    # Sockets and their ends.

    def not_opened(self, status: int | None) -> float:
        """Returns the seconds to wait after a socket that did not open. `status` is that of the answer, if there was
        one. Raises `Problem` if the key may not open it."""
        if status in (401, 403):
            raise Problem(status, "forbidden", "the key may not open the channel")
        self._unopened += 1
        if status in (404, 501) or self._unopened >= _UPGRADES:
            self.mode, self._unopened = "wait", 0
            return 0.0
        return self._backoff()

    def opened(self) -> None:
        self._unopened = 0

    def closed(self, code: int, seconds: float, own: bool) -> float:
        """Returns the seconds to wait after a socket that was open for some seconds. `own`: the reader closed it.
        Raises `Problem` if the key or the resource is no longer there."""
        self._room = ("", ())
        if seconds > _LONGEST_BACKOFF:
            self._failures = 0
        if code in (4001, 4003, 4004) and not own:
            raise Problem(403 if code != 4004 else 404, "forbidden", "the key is no longer valid, or the resource")
        if code == 4009:
            self.mode = "wait"
            return 0.0
        if code in (1008, 1009):
            return SILENCE + self._backoff()
        return 1.0 if code == 4008 else 5 * random.random()

    def _backoff(self) -> float:
        self._failures += 1
        return random.random() * min(_LONGEST_BACKOFF, 2.0 ** (self._failures - 1))

    def _after(self, frame: Mapping[str, Any]) -> str:
        return f"{self._position.rpartition('.')[0]}.{frame['seq']}"

    def _hear(self, frame: Mapping[str, Any]) -> None:
        people = tuple(_present(*person) for person in frame["who"])
        self._room = (frame["presence"], people)
        if self._on_presence is not None:
            self._on_presence(*self._room)

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


def _present(name: str, person_id: str, state: State, field: str) -> Present:
    return Present(Author(name, person_id or None), state, field or None)


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
        tuple(Lost(field, author or None, version) for field, author, version in frame.get("lost", ())),
    )
