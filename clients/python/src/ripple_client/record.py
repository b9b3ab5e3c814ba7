"""Records and what else the API answers, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeGuard, TypeVar
from urllib.parse import parse_qs, urlsplit

from .author import Author
from .frozen import freeze
from .receipt import Receipt

T = TypeVar("T", bound=Mapping[str, Any])
Item = TypeVar("Item")


@dataclass(frozen=True)
class Members:
    """The names under which a resource shows what ripple keeps about a record."""

    id: str
    version: str = "version"
    updated_at: str = "updated_at"
    updated_by: str = "updated_by"
    updated_author: str = "updated_author"
    deleted: str = "deleted"

    def all(self) -> tuple[str, ...]:
        return self.id, self.version, self.updated_at, self.updated_by, self.updated_author


@dataclass(frozen=True)
class Ticket:
    """What opens a socket of the live channel without the key: for one use, within `expires_in` seconds.

    A web app passes `ticket` and `url` to its page, which opens the socket with the subprotocols `ripple.v1` and
    `ripple.ticket.<ticket>`.
    """

    ticket: str
    url: str
    expires_in: int


@dataclass(frozen=True)
class Updated:
    """The last write of a record: its time in milliseconds since 1970 UTC, the name of its key, and its author."""

    at: int
    by: str
    author: Author | None = None

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.at / 1000, timezone.utc)


@dataclass(frozen=True)
class Record(Generic[T]):
    """A record at one version.

    `id` is the text that names the record in a path, also where the resource has numbers for ids.
    `value` is the whole record as the server showed it, and is read-only. `version` is below zero for a state that
    another program left, and such a state has no `updated`. `age` is in seconds, and set by hosts that answer from a
    snapshot. `partial` marks a record of a list with `fields`: it cannot be edited.
    """

    id: str
    value: T
    version: int
    etag: str | None = None
    updated: Updated | None = None
    age: int | None = None
    partial: bool = False


@dataclass(frozen=True)
class Saved(Generic[T]):
    """The record after a write, and the effect of the write."""

    record: Record[T]
    receipt: Receipt


@dataclass(frozen=True)
class Deleted:
    """The id of a deleted record, and the receipt with the version of its tombstone."""

    id: str
    receipt: Receipt


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a list. `next` is the URL of the next page, and `None` on the last page. `previous` is that of the
    page before. `count` is the number of all matching records, where the server states it."""

    items: tuple[Item, ...]
    next: str | None = None
    etag: str | None = None
    age: int | None = None
    previous: str | None = None
    count: int | None = None

    @property
    def cursor(self) -> str | None:
        """Returns the cursor of the next page, for a program that continues the list later. `None` on the last page."""
        return _cursor(self.next)

    @property
    def cursor_back(self) -> str | None:
        """Returns the cursor of the page before. `None` on the first page."""
        return _cursor(self.previous)


@dataclass(frozen=True)
class Change(Generic[T]):
    """A record that was written, or the id of a record that was deleted.

    Store `cursor` after the change is stored: a reader that starts from it misses nothing.
    """

    id: str
    record: Record[T] | None
    cursor: str | None

    @property
    def deleted(self) -> bool:
        return self.record is None


@dataclass(frozen=True)
class Batch(Generic[T]):
    """An answer of `_changes`. `held` reports that the server waits for a change. `pause`: seconds that it asks for."""

    records: tuple[Record[T], ...]
    deleted: tuple[str, ...]
    cursor: str
    next: str | None
    held: bool
    pause: int


class Absent(Enum):
    """Stands for a value that is not there, because `None` is a value of JSON."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


@dataclass(frozen=True)
class FieldChange:
    """A field that a write changed, or an entry of a list: `field` is a JSON Pointer, `replaced` the value before."""

    field: str
    entry: Any = ABSENT
    replaced: Any = ABSENT
    removed: bool = False


@dataclass(frozen=True)
class Write:
    """A write in the history of a record. `external` marks a state that another program left."""

    version: int
    updated: Updated | None
    base: int | None
    changes: tuple[FieldChange, ...]
    deleted: bool = False
    external: bool = False


def _cursor(url: str | None) -> str | None:
    return parse_qs(urlsplit(url).query).get("cursor", [None])[0] if url else None


def read_record(
    value: Any, members: Members, etag: str | None = None, age: int | None = None, partial: bool = False
) -> Record[Any]:
    """Returns the record of a JSON value. Raises `ValueError` if the value is not a record of the resource."""
    if not isinstance(value, dict):
        raise ValueError("a record must be a JSON object")
    record_id, version = value.get(members.id), value.get(members.version)
    if isinstance(record_id, (int, Decimal)) and not isinstance(record_id, bool):
        record_id = f"{record_id:f}" if isinstance(record_id, Decimal) else str(record_id)
    if not isinstance(record_id, str):
        raise ValueError(f"the record has no member {members.id!r}: name its id with resource(…, members=Members(…))")
    if not _is_whole(version):
        raise ValueError(f"the record has no whole number {members.version!r}")
    return Record(record_id, freeze(value), version, etag, _updated(value, members), age, partial)


def read_write(row: Any, members: Members) -> Write:
    """Returns a row of a history. Raises `ValueError` if the value is not such a row."""
    if not isinstance(row, dict) or not _is_whole(row.get("version")):
        raise ValueError("a row of a history must have a version")
    base = row.get("base")
    return Write(
        version=row["version"],
        updated=_updated(row, Members(members.id)),
        base=base if _is_whole(base) else None,
        changes=tuple(map(_field_change, row.get("changes", ()))),
        deleted=row.get("deleted") is True,
        external=row.get("external") is True,
    )


def _field_change(change: Any) -> FieldChange:
    if not isinstance(change, dict) or not isinstance(change.get("field"), str):
        raise ValueError("a change in a history must have a field")
    entry, replaced = (freeze(change.get(name, ABSENT)) for name in ("entry", "replaced"))
    return FieldChange(change["field"], entry, replaced, change.get("removed") is True)


def _updated(value: Mapping[str, Any], members: Members) -> Updated | None:
    at, by = value.get(members.updated_at), value.get(members.updated_by)
    if not _is_whole(at) or not isinstance(by, str):
        return None
    author = value.get(members.updated_author)
    if not isinstance(author, dict) or not isinstance(author.get("name"), str):
        return Updated(at, by)
    return Updated(at, by, Author(author["name"], author.get("id")))


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
