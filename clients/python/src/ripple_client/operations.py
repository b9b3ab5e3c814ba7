"""The operations on a resource, as generators without I/O."""

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import unquote, urlencode, urljoin

from . import ids, json_text
from .author import Author
from .draft import EDIT_TYPE, Difference
from .exchange import Answer, Context, Request, Send, Sleep, Steps, exchange, read_json, seconds
from .problem import Problem
from .receipt import Receipt
from .record import Batch, Deleted, Item, Members, Page, Record, Saved, T, Ticket, Write, read_record, read_write
from .replaced import LOOKED_THROUGH, Replaced, replaced
from .sheet import MEDIA_TYPE, Row, Sheet, SheetPages, SheetRow

R = TypeVar("R")

_NAME = re.compile(r"[a-z][a-z0-9_-]*")
# How much longer than its wait an answer may take, in seconds.
WAIT_MARGIN = 10.0
_LIST_PARAMETERS = ("q", "sort", "fields", "limit", "cursor", "count", "format")


class Operations(Generic[T]):
    """The operations on one resource."""

    def __init__(self, context: Context, name: str, members: Members) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"no resource is named {name!r}")
        self.context, self.name, self.members = context, name, members

    def get(self, record_id: str) -> Steps[Record[T]]:
        return self._exchange(self._request("GET", self._path(record_id)), self._record)

    def version(self, record_id: str, number: int) -> Steps[Record[T]]:
        return self._exchange(self._request("GET", f"{self._path(record_id)}/versions/{number:d}"), self._record)

    def create(self, value: Mapping[str, Any], record_id: str | None, key: str | None) -> Steps[Saved[T]]:
        body = dict(value)
        # The client makes the id, so a repetition cannot make a second record.
        made = record_id is None and body.get(self.members.id) is None
        body[self.members.id] = record_id or body.get(self.members.id) or ids.new_id()
        request = self._write("POST", f"/{self.name}", json_text.write(body), key)
        try:
            return (yield from self._exchange(request, self._created))
        except Problem as problem:
            # Another client cannot have made this id. So an earlier try, whose answer was lost, has created the record.
            if not (made and problem.code == "exists" and problem.outcome == "unknown"):
                raise
        record = yield from self.get(body[self.members.id])
        return Saved(record, Receipt("created", record.version))

    def edit(self, record: Record[T], draft: Mapping[str, Any], key: str | None) -> Steps[Saved[T]]:
        difference = Difference.of(record, draft, self.members)
        if not difference:
            return Saved(record, Receipt("unchanged", record.version, record.version))
        body = difference.body(record.version, self.members.version)
        request = self._write("PATCH", self._path(record.id), body, key, EDIT_TYPE)
        return (yield from self._exchange(request, self._saved))

    def delete(self, record: Record[Any] | str, key: str | None) -> Steps[Deleted]:
        record_id = record if isinstance(record, str) else record.id
        body = None if isinstance(record, str) else json_text.write({self.members.version: record.version})
        request = self._write("DELETE", self._path(record_id), body, key)
        try:
            receipt = yield from self._exchange(request, _receipt)
        except Problem as problem:
            # An earlier try, whose answer was lost, may have deleted the record. It is deleted either way.
            if not (problem.code == "gone" and problem.outcome == "unknown" and problem.version is not None):
                raise
            receipt = Receipt("deleted", problem.version)
        return Deleted(record_id, receipt)

    def restore(self, record_id: str, number: int, base: int | None, key: str | None) -> Steps[Saved[T]]:
        body = None if base is None else json_text.write({self.members.version: base})
        request = self._write("POST", f"{self._path(record_id)}/versions/{number:d}", body, key)
        return self._exchange(request, self._saved)

    def list_url(
        self,
        q: str | None = None,
        sort: str | Sequence[str] | None = None,
        fields: Sequence[str] | None = None,
        limit: int | None = None,
        where: Mapping[str, Any] | None = None,
        cursor: str | None = None,
        count: bool = False,
        deleted: bool = False,
        format: str | None = None,
    ) -> str:
        """Returns the URL of the first page. Raises `ValueError` if a condition has the name of another parameter."""
        query: dict[str, Any] = {}
        for member, wanted in (where or {}).items():
            query.update(_conditions(member, wanted))
        for name in query:
            if name in (*_LIST_PARAMETERS, self.members.deleted) or name.startswith("_"):
                raise ValueError(f"a list has no condition {name!r}: the member of this name is written {f'/{name}'!r}")
        query["q"], query["limit"], query["cursor"] = q, limit, cursor
        query["count"] = "true" if count else None
        query[self.members.deleted] = "true" if deleted else None
        query["format"] = format
        query["sort"] = sort if sort is None or isinstance(sort, str) else ",".join(sort)
        if fields is not None:
            query["fields"] = ",".join(dict.fromkeys((*fields, self.members.version)))
        return self._query(f"/{self.name}", query)

    def list_page(self, url: str, is_partial: bool) -> Steps[Page[Record[T]]]:
        def read(value: Any, answer: Answer) -> Record[T]:
            return read_record(value, self.members, age=seconds(answer, "age"), partial=is_partial)

        return self._page(url, read)

    def count(self, q: str | None, where: Mapping[str, Any] | None, deleted: bool) -> Steps[int]:
        """Returns the number of matching records."""
        url = self.list_url(q, None, [self.members.id], 1, where, None, True, deleted)
        page = yield from self.list_page(url, True)
        if page.count is None:
            raise RuntimeError("this ripple does not count: its answer has no Ripple-Count")
        return page.count

    def history_url(self, record_id: str, limit: int | None, cursor: str | None = None) -> str:
        return self._query(f"{self._path(record_id)}/versions", {"limit": limit, "cursor": cursor})

    def history_page(self, url: str) -> Steps[Page[Write]]:
        return self._page(url, lambda row, _: read_write(row, self.members))

    def replaced(self, record: Record[Any] | str, author: Author | None, known: int) -> Steps[tuple[Replaced, ...]]:
        author = author or self.context.author
        if author is None:
            raise ValueError("name the author whose work may be replaced: the client has none")
        if isinstance(record, str):
            record = yield from self.get(record)
        if record.partial:
            raise ValueError(f"the list showed only some fields of {record.id!r}: get the record to compare it")
        if record.updated is not None and author.is_same(record.updated.author):
            return ()  # the author has seen what was there
        page = yield from self.history_page(self.history_url(record.id, LOOKED_THROUGH))
        return replaced(record, page.items, author, known)

    def changes_page(self, url: str, wait: int | None) -> Steps[Batch[T]]:
        """Returns what changed. With `wait`, the server may wait so many seconds for a change."""
        request = Request("GET", url, headers={} if wait is None else {"prefer": f"wait={wait}"})

        def read(answer: Answer) -> Batch[T]:
            body = read_json(answer)
            if not isinstance(body, dict) or not isinstance(body.get("cursor"), str):
                raise ValueError("changes must have a cursor")
            return Batch(
                records=tuple(read_record(value, self.members) for value in body.get("changed", ())),
                deleted=tuple(map(str, body.get("deleted", ()))),
                cursor=body["cursor"],
                next=self.context.linked(request, answer),
                held=re.match(r"wait\b", answer.headers.get("preference-applied", "")) is not None,
                pause=seconds(answer, "retry-after") or 0,
            )

        return self._exchange(request, read, None if wait is None else wait + WAIT_MARGIN)

    def sheet_page(self, url: str, pages: SheetPages) -> Steps[Page[bytes]]:
        """Returns a page of a list as CSV, and only the first one with its header."""
        request = Request("GET", url, headers={"accept": "text/csv"})

        def read(answer: Answer) -> Page[bytes]:
            if not answer.headers.get("content-type", "").startswith("text/csv"):
                raise ValueError("a sheet must be CSV")
            return Page((pages.rows(url, answer.body),), self.context.linked(request, answer))

        return self._exchange(request, read)

    def import_sheet(self, text: str, dry_run: bool, key: str | None) -> Steps[tuple[SheetRow, ...]]:
        sheet = Sheet(text)
        found: list[SheetRow] = []
        key = ids.new_idempotency_key() if key is None else ids.checked_idempotency_key(key)
        for number, (rows, body) in enumerate(sheet.batches()):
            url = self._query(f"/{self.name}/_batch", {"dry_run": "true" if dry_run else None})
            headers = {"content-type": MEDIA_TYPE} | ({} if dry_run else {"idempotency-key": f"{key}-{number}"})
            request = Request("POST", url, body, headers)
            read = partial(_results, sheet, rows)
            try:
                found += yield from self._exchange(request, read)
            except Problem as problem:
                problem.key, problem.rows = key, tuple(found)
                raise
        return tuple(found)

    def ticket(self) -> Steps[Ticket]:
        request = Request("POST", f"{self.context.url}/{self.name}/_ticket")

        def read(answer: Answer) -> Ticket:
            body = read_json(answer)
            if not isinstance(body, dict) or not isinstance(body.get("ticket"), str):
                raise ValueError("it is no ticket")
            url = urljoin(request.url, str(body.get("url")))
            return Ticket(body["ticket"], re.sub("^http", "ws", url), int(body.get("expires_in", 0)))

        return self._exchange(request, read)

    def changes_url(self, since: str | None) -> str:
        return self._query(f"/{self.name}/_changes", {"since": since})

    def _page(self, url: str, read: Callable[[Any, Answer], Item]) -> Steps[Page[Item]]:
        request = Request("GET", url)

        def page(answer: Answer) -> Page[Item]:
            rows = read_json(answer)
            if not isinstance(rows, list):
                raise ValueError("a list must be a JSON array")
            return Page(
                items=tuple(read(row, answer) for row in rows),
                next=self.context.linked(request, answer),
                etag=answer.headers.get("etag"),
                age=seconds(answer, "age"),
                previous=self.context.linked(request, answer, "prev"),
                count=seconds(answer, "ripple-count"),
            )

        return self._exchange(request, page)

    def _exchange(
        self, request: Request, read: Callable[[Answer], R], longest: float | None = None
    ) -> Generator[Send | Sleep, Any, R]:
        try:
            return (yield from exchange(self.context, request, read, longest))
        except Problem as problem:
            if problem.current is not None:
                problem.current = self._current(problem.current)
            raise

    def _current(self, value: Any) -> Record[T] | None:
        try:
            return read_record(value, self.members)
        except ValueError:
            return None

    def _record(self, answer: Answer) -> Record[T]:
        return read_record(read_json(answer), self.members, answer.headers.get("etag"), seconds(answer, "age"))

    def _saved(self, answer: Answer) -> Saved[T]:
        return Saved(self._record(answer), _receipt(answer))

    def _created(self, answer: Answer) -> Saved[T]:
        """Returns the created record. Raises `RuntimeError` if its id is not the one that the client has sent."""
        saved = self._saved(answer)
        location = unquote(answer.headers.get("location", "").rsplit("/", 1)[-1])
        if location not in ("", saved.record.id):
            raise RuntimeError(
                f"{self.name} {location!r} was created, but its id is not in its member {self.members.id!r}: "
                "name the member with resource(…, members=Members(…))"
            )
        return saved

    def _request(self, method: str, path: str) -> Request:
        return Request(method, self.context.url + path)

    def _write(
        self, method: str, path: str, body: bytes | None, key: str | None, media_type: str | None = None
    ) -> Request:
        headers = {"idempotency-key": ids.new_idempotency_key() if key is None else ids.checked_idempotency_key(key)}
        if media_type is not None:
            headers["content-type"] = media_type
        return Request(method, self.context.url + path, body, headers)

    def _path(self, record_id: str) -> str:
        return f"/{self.name}/{ids.segment(record_id)}"

    def _query(self, path: str, parameters: Mapping[str, Any]) -> str:
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return self.context.url + path + (f"?{query}" if query else "")


def _receipt(answer: Answer) -> Receipt:
    text = answer.headers.get("ripple-receipt")
    if text is None:
        raise ValueError("it has no Ripple-Receipt")
    return Receipt.parse(text)


def _results(sheet: Sheet, rows: Sequence[Row], answer: Answer) -> tuple[SheetRow, ...]:
    return sheet.results(rows, read_json(answer))


def _conditions(member: str, wanted: Any) -> dict[str, str]:
    """Returns the parameters of a member: a value that it equals, or the values of operators by their names."""
    if not isinstance(wanted, Mapping):
        return {member: _operand(wanted)}
    return {f"{member}[{operator}]": _operands(operator, value) for operator, value in wanted.items()}


def _operands(operator: str, value: Any) -> str:
    if operator != "in":
        return _operand(value)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"the operator in takes several values, not {value!r}")
    return ",".join(re.sub(r"[,\\]", r"\\\g<0>", _operand(one)) for one in value)


def _operand(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float, Decimal)):
        return json_text.write(value).decode()
    raise TypeError(f"a condition compares with a text, a number or a boolean, not {value!r}")
