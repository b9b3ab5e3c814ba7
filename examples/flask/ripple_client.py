"""A client of ripple's HTTP API.

    ripple = Client("http://127.0.0.1:3000", key)
    record = ripple.get("prj0001").record
    saved = ripple.save("prj0001", {"version": record["version"], "goal": "Beans by May"})
    saved.receipt.result, saved.receipt.won

A client that sends the token of its last write (`Client.session`) sees that write on any host.
"""

import re
import threading
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

import http_sf
import requests
import simplejson
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

# ripple waits for its database for 8 s, and API Gateway waits for ripple for 29 s.
TIMEOUT = (3.05, 30)
# The rule in docs/API.md, "Records". Any other text is not an id of a project, and must not get into a URL ("..").
ID = re.compile(r"(?!_|\.{1,2}$)[A-Za-z0-9._~-]{1,128}", re.ASCII)
# Every write below has a key or a condition that makes a repetition harmless. So a broken connection is retried without
# telling the user. A request that got an answer is not retried.
AGAIN = Retry(
    total=1, status=0, other=0, redirect=0, backoff_factor=0.2, allowed_methods=None, respect_retry_after_header=False
)


class Problem(Exception):
    """An error answer: problem details (RFC 9457). `status` is 0 if there was no answer."""

    def __init__(self, status, body=None, headers=None):
        self.status = status
        self.body = body if isinstance(body, dict) else {}
        headers = headers or {}
        self.code = self._text("code")
        self.detail = self._text("detail")
        self.request_id = headers.get("x-request-id", "")
        seconds = headers.get("retry-after", "")
        self.retry_after = int(seconds) if seconds.isascii() and seconds.isdigit() else None
        super().__init__(f"{status} {self.code}: {self.detail}")

    def _text(self, name):
        value = self.body.get(name)
        return value if isinstance(value, str) else ""

    @property
    def fields(self):
        """Returns the faults of the body: a sentence for each JSON Pointer."""
        return {fault["pointer"]: fault.get("detail", "") for fault in self._faults() if "pointer" in fault}

    def blames_header(self, name):
        return any(fault.get("header") == name for fault in self._faults())

    def _faults(self):
        faults = self.body.get("errors")
        return [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []

    @property
    def maybe_done(self):
        """Reports whether a write may have been applied although its answer is missing."""
        return self.status in (0, 500, 502, 504) or self.code == "outcome_unknown"


@dataclass(frozen=True)
class Touched:
    """A field in a receipt, by its JSON Pointer."""

    pointer: str
    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Receipt:
    """`Ripple-Receipt`: the outcome of a write, field by field. See docs/API.md, "The receipt"."""

    result: str
    version: int
    base: int | None = None
    base_missing: bool = False
    taken: list = field(default_factory=list)
    merged: list = field(default_factory=list)
    won: list = field(default_factory=list)
    kept: list = field(default_factory=list)
    omitted: int = 0

    @classmethod
    def parse(cls, text):
        members = http_sf.parse(text.encode("ascii"), tltype="dictionary")
        base, about_base = members.get("base", (None, {}))

        def fields(name):
            known = ("added", "removed", "changed")
            entries, _ = members.get(name, ([], {}))
            return [
                Touched(str(pointer), **{k: v for k, v in counts.items() if k in known}) for pointer, counts in entries
            ]

        return cls(
            result=str(members["result"][0]),
            version=members["version"][0],
            base=base,
            base_missing="missing" in about_base,
            omitted=members.get("omitted", (0, {}))[0],
            **{name: fields(name) for name in ("taken", "merged", "won", "kept")},
        )


@dataclass(frozen=True)
class Answer:
    """A current record. The answer to a write has a receipt."""

    record: dict | None
    etag: str | None
    receipt: Receipt | None


@dataclass(frozen=True)
class Page:
    """A page of a list, and the cursor of the next page. `None` on the last page."""

    rows: list
    cursor: str | None


class Client:
    """A client of ripple for one user. `session` is the token of the user's last write."""

    _local = threading.local()

    def __init__(self, url, key, session=None):
        self.url, self.key, self.session = url.rstrip("/"), key, session

    def list(self, **parameters):
        return self._page("/prj", parameters)

    def get(self, prj_id):
        return self._record("GET", _path(prj_id))

    def create(self, record, idempotency_key):
        return self._record("POST", "/prj", record, {"idempotency-key": idempotency_key})

    def save(self, prj_id, record, idempotency_key=None):
        """Saves a whole record. Its `version` is the version that it was edited from."""
        return self._record("PUT", _path(prj_id), record, {"idempotency-key": idempotency_key})

    def delete(self, prj_id, etag=None):
        return self._record("DELETE", _path(prj_id), headers={"if-match": etag})

    def versions(self, prj_id, **parameters):
        """Returns the history, newest first."""
        return self._page(f"{_path(prj_id)}/versions", parameters)

    def version(self, prj_id, number):
        return self._record("GET", f"{_path(prj_id)}/versions/{int(number)}")

    def restore(self, prj_id, number, base=None, idempotency_key=None):
        """Restores a state of the history. With `base`, changes since that version stay."""
        body = None if base is None else {"version": base}
        return self._record(
            "POST", f"{_path(prj_id)}/versions/{int(number)}", body, {"idempotency-key": idempotency_key}
        )

    def _page(self, path, parameters):
        response = self._call("GET", path, parameters={k: v for k, v in parameters.items() if v not in (None, "")})
        following = urlsplit(response.links.get("next", {}).get("url", "")).query
        return Page(_json(response), parse_qs(following).get("cursor", [None])[0])

    def _record(self, method, path, body=None, headers=None):
        response = self._call(method, path, body, headers or {})
        receipt = response.headers.get("ripple-receipt")
        record = None if response.status_code == 204 else _json(response)
        return Answer(record, response.headers.get("etag"), Receipt.parse(receipt) if receipt else None)

    def _call(self, method, path, body=None, headers=None, parameters=None):
        sent = {"x-api-key": self.key, "ripple-session": self.session, **(headers or {})}
        data = None
        if body is not None:
            data = simplejson.dumps(body, use_decimal=True).encode()
            sent["content-type"] = "application/json"
        try:
            response = self._connections().request(
                method,
                self.url + path,
                params=parameters,
                data=data,
                headers=sent,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Problem(0) from error
        if response.ok:
            self.session = response.headers.get("ripple-session", self.session)
            return response
        problem = Problem(response.status_code, _json_or_none(response), response.headers)
        if self.session and problem.blames_header("ripple-session"):
            # The token belongs to another ripple or an older version. Without it a read may be some seconds old.
            self.session = None
            return self._call(method, path, body, headers, parameters)
        raise problem

    @classmethod
    def _connections(cls):
        """Returns the open connections of this thread."""
        if not hasattr(cls._local, "connections"):
            cls._local.connections = requests.Session()
            for scheme in ("http://", "https://"):
                cls._local.connections.mount(scheme, HTTPAdapter(max_retries=AGAIN))
        return cls._local.connections


def _path(prj_id):
    if not ID.fullmatch(prj_id):
        raise Problem(404, {"code": "not_found", "detail": "no project can have this id"})
    return f"/prj/{quote(prj_id, safe='')}"


def _json(response):
    found = _json_or_none(response)
    if found is None:
        raise Problem(502, {"detail": "the answer is not JSON: is this the URL of a ripple?"}, response.headers)
    return found


def _json_or_none(response):
    try:
        return simplejson.loads(response.content, use_decimal=True)
    except ValueError:
        return None
