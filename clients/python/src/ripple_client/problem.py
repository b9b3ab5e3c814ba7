"""Refusals and failures of requests, as an exception."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .sheet import SheetRow

Outcome = Literal["not_made", "unknown"]

# Codes of status 0, which no server sends.
NO_ANSWER = "no_answer"
NOT_RIPPLE = "not_ripple"


class Problem(Exception):
    """A request that was refused (RFC 9457), or that ripple did not answer.

    * `status`: the status, or 0 if ripple did not answer. `code` is then `no_answer` or `not_ripple`.
    * `code`, `detail`: docs/API.md, "Errors".
    * `fields`: a sentence for each faulty field of the body, by its JSON Pointer.
    * `parameters`, `request_headers`: the same for parameters of the query and for headers.
    * `retry_after`: seconds to wait before the next request.
    * `current`: the record as the server has it now, for code `stale`. `version`: the tombstone's, for code `gone`.
    * `key`: the Idempotency-Key of a write. The same call with `key=problem.key` is applied once at most.
    * `rows`: what became of the rows of a sheet in the batches before the one that failed.
    * `outcome`: `not_made` if the request changed nothing. `unknown` if one of its tries may have been applied.
    """

    def __init__(
        self,
        status: int,
        code: str = "",
        detail: str = "",
        *,
        fields: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        request_headers: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after: int | None = None,
        current: Any = None,
        version: int | None = None,
        key: str | None = None,
        outcome: Outcome = "not_made",
    ) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = dict(fields or {})
        self.parameters = dict(parameters or {})
        self.request_headers = dict(request_headers or {})
        self.request_id = request_id
        self.retry_after = retry_after
        self.current = current
        self.version = version
        self.key = key
        self.outcome: Outcome = outcome
        self.rows: "tuple[SheetRow, ...]" = ()

    def __str__(self) -> str:
        faults = [f"{place}: {text}" for place, text in (self.fields | self.parameters | self.request_headers).items()]
        sentence = f"{self.status} {self.code}: {self.detail}" + (f" ({'; '.join(faults)})" if faults else "")
        return sentence + (" [it may have been applied]" if self.outcome == "unknown" else "")


class TooMany(Exception):
    """A list has more items than `all(max)` allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"the list has more than {self.limit} items: read it page by page, or raise max"
