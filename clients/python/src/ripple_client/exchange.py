"""Requests and answers, without I/O.

Every operation of the client is a generator. It yields a `Send` or a `Sleep`, and receives the result. So one
implementation serves the synchronous and the asynchronous client, which only carry out these two.
"""

import random
import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin

from . import json_text
from .attempts import Attempts
from .author import Author
from .problem import NO_ANSWER, NOT_RIPPLE, Problem

R = TypeVar("R")


@dataclass(frozen=True)
class Request:
    """A request, without the headers that the context adds."""

    method: str
    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class Send:
    """Sends a request, and returns an `Answer` or a `NoAnswer` within `seconds`."""

    request: Request
    seconds: float


@dataclass(frozen=True)
class Sleep:
    """Waits."""

    seconds: float


@dataclass(frozen=True)
class Answer:
    """An answer. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class NoAnswer:
    """A failure on the way. `left` is false if the request certainly did not leave this machine."""

    reason: str
    left: bool = True


Steps = Generator[Send | Sleep, Answer | NoAnswer | None, R]


class Context:
    """What all requests of a client share. `session` is the token of the newest write."""

    def __init__(self, url: str, key: str, author: Author | None, session: str | None, timeout: float) -> None:
        if not re.match(r"https?://", url):
            raise ValueError(f"the URL of a ripple begins with https:// or http://, not as {url!r}")
        if not re.fullmatch(r"[!-~]+", key):
            raise ValueError("an API key has visible ASCII characters only")
        self.url, self.session, self.timeout = url.rstrip("/"), session, timeout
        self.saved_at: float | None = None
        self.now: Callable[[], float] = time.monotonic
        self.jitter: Callable[[], float] = random.random
        self._key = key
        self.author = author
        self._author = author.header() if author else None

    def for_author(self, author: Author | None, session: str | None) -> "Context":
        """Returns a context for another person and session."""
        return Context(self.url, self._key, author, session, self.timeout)

    def headers(self, request: Request, session: str | None) -> dict[str, str]:
        """Returns all headers of a request."""
        headers = {"accept": "application/json", "x-api-key": self._key, **request.headers}
        if session is not None:
            headers["ripple-session"] = session
        if self._author is not None and request.writes:
            headers["ripple-author"] = self._author
        if request.body is not None:
            headers.setdefault("content-type", "application/json")
        return headers

    def live_headers(self) -> dict[str, str]:
        """Returns the headers of a request for a socket."""
        headers = {"x-api-key": self._key}
        return headers if self._author is None else {**headers, "ripple-author": self._author}

    def linked(self, request: Request, answer: Answer, relation: str = "next") -> str | None:
        """Returns the URL of the next page, or of another relation. Raises `ValueError` if the link leads to another
        server, which must not get the key."""
        found = re.search(rf'<([^<>]*)>\s*;[^,<]*\brel="?{relation}\b', answer.headers.get("link", ""))
        if not found:
            return None
        url: str = urljoin(request.url, found[1])
        if not url.startswith(self.url + "/"):
            raise ValueError(f"the link to the {relation} page leads away: {url}")
        return url


def exchange(context: Context, request: Request, read: Callable[[Answer], R], longest: float | None = None) -> Steps[R]:
    """Sends a request until it has a clear answer, and returns what `read` makes of that.

    `read` raises `ValueError` if ripple did not send the answer. `longest` replaces the longest time of a try.
    """
    attempts = Attempts(request.writes, context.now() + max(context.timeout, longest or 0), context.jitter)
    refused_session = None
    while True:
        session = context.session if context.session != refused_session else None
        sent = Request(request.method, request.url, request.body, context.headers(request, session))
        outcome = yield Send(sent, longest or attempts.seconds(context.now()))
        result = _read(context, request, outcome, read)
        if not isinstance(result, Problem):
            return result.value
        if session is not None and result.status == 400 and "ripple-session" in result.request_headers:
            # The token is of another ripple or an older version. Without it a read may be some seconds old.
            refused_session = session
            if context.session == session:
                context.session = None
            continue
        left = not isinstance(outcome, NoAnswer) or outcome.left
        pause = attempts.pause(result, context.now(), left)
        if pause is None:
            result.key = request.headers.get("idempotency-key")
            raise result
        yield Sleep(pause)


@dataclass(frozen=True)
class _Read(Generic[R]):
    value: R


def _read(
    context: Context, request: Request, outcome: Answer | NoAnswer | None, read: Callable[[Answer], R]
) -> _Read[R] | Problem:
    if not isinstance(outcome, Answer):
        return Problem(0, NO_ANSWER, outcome.reason if outcome else "")
    if outcome.status >= 400:
        return read_problem(outcome)
    try:
        if not 200 <= outcome.status < 300:
            raise ValueError(f"the status is {outcome.status}")
        value = read(outcome)
    except ValueError as error:
        # The page of a proxy or a captive portal, for example.
        detail = f"{request.method} {request.url} was not answered by ripple: {error}"
        return Problem(0, NOT_RIPPLE, detail, request_id=outcome.headers.get("x-request-id", ""))
    context.session = outcome.headers.get("ripple-session", context.session)
    if request.writes:
        context.saved_at = context.now()
    return _Read(value)


def read_problem(answer: Answer) -> Problem:
    """Returns the problem of an answer with an error status, whatever its body."""
    try:
        body = json_text.parse(answer.body)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    faults = [fault for fault in _list(body.get("errors")) if isinstance(fault, dict)]
    return Problem(
        answer.status,
        _text(body.get("code")),
        _text(body.get("detail")),
        fields=_places(faults, "pointer"),
        parameters=_places(faults, "parameter"),
        request_headers=_places(faults, "header"),
        request_id=answer.headers.get("x-request-id", ""),
        retry_after=seconds(answer, "retry-after"),
        current=body.get("current"),
        version=body["version"] if isinstance(body.get("version"), int) else None,
    )


def read_json(answer: Answer) -> Any:
    """Returns the JSON value of an answer. Raises `ValueError` if there is none."""
    return json_text.parse(answer.body)


def seconds(answer: Answer, header: str) -> int | None:
    """Returns the seconds that a header states. Returns `None` if it states none."""
    text = answer.headers.get(header, "")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _places(faults: list[dict[str, Any]], kind: str) -> dict[str, str]:
    return {fault[kind]: _text(fault.get("detail")) for fault in faults if isinstance(fault.get(kind), str)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
