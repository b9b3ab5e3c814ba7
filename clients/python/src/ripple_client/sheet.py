"""Sheets: lists as CSV, and CSV as a batch of edits and new records. docs/API.md, "Sheets", describes the cells."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import json_text
from .exchange import Answer, read_problem
from .problem import Problem
from .receipt import Receipt

MEDIA_TYPE = "text/csv; charset=utf-8"
# The rows of a batch, and the bytes. The server takes 100 rows and 1 MB.
_ROWS, _BYTES = 100, 900_000
_SEPARATORS = ",;\t"
_LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True)
class SheetRow:
    """What became of a row, or would become of it in a dry run: a receipt, or a problem.

    `line` is the line of the sheet on which the row begins, and `cells` are its texts by column. `id` is the record's,
    if the row has one or has made one.
    """

    line: int
    cells: Mapping[str, str]
    id: str | None
    receipt: Receipt | None
    problem: Problem | None


@dataclass(frozen=True)
class Row:
    """A row of a sheet, before it is sent."""

    line: int
    cells: Sequence[str]


class Sheet:
    """A sheet, cut into batches."""

    def __init__(self, text: str) -> None:
        """Raises `ValueError` if the sheet has no header, or was cut off inside a cell."""
        text = text.removeprefix("\ufeff")
        # Programs for sheets write rows without any cell after the last one.
        filled = [row for row in _rows(text) if any(row.cells)]
        if not filled:
            raise ValueError("the sheet has no header row")
        self.header, self.rows = filled[0].cells, filled[1:]

    def batches(self) -> Iterator[tuple[Sequence[Row], bytes]]:
        """Yields the rows of each batch, and the body that has them."""
        header = _line(self.header)
        taken: list[Row] = []
        body = header
        for row in self.rows:
            line = _line(row.cells)
            if taken and (len(taken) == _ROWS or len(body) + len(line) > _BYTES):
                yield taken, body
                taken, body = [], header
            taken.append(row)
            body += line
        if taken:
            yield taken, body

    def results(self, rows: Sequence[Row], answer: Any) -> tuple[SheetRow, ...]:
        """Returns what became of the rows of a batch. Raises `ValueError` if the answer is not that of a batch."""
        results = answer.get("results") if isinstance(answer, dict) else None
        if not isinstance(results, list) or len(results) != len(rows):
            raise ValueError("a batch must have a result for each row")
        return tuple(self._result(row, result) for row, result in zip(rows, results))

    def _result(self, row: Row, result: Mapping[str, Any]) -> SheetRow:
        cells = dict(zip(self.header, row.cells))
        receipt, problem = result.get("receipt"), None
        if receipt is None:
            problem = read_problem(Answer(result["status"], {}, json_text.write(result.get("problem"))))
            # A row that the server gave up on may have been applied.
            problem.outcome = "unknown" if problem.code == "outcome_unknown" else "not_made"
        return SheetRow(row.line, cells, result.get("id"), None if receipt is None else Receipt.parse(receipt), problem)


class SheetPages:
    """The pages of a sheet, of which each has a header."""

    def __init__(self, url: str, fields: Sequence[str]) -> None:
        """`url` is that of the first page."""
        if any(end in name for name in fields for end in "\r\n"):
            raise ValueError("no column of a sheet has a line end in its name")
        self._url, self._header = url, b""

    def rows(self, url: str, page: bytes) -> bytes:
        """Returns the first page as it is, and the others without the header. Raises `ValueError` if they differ."""
        header, _, rows = page.partition(b"\r\n")
        if url == self._url:
            self._header = header
            return page
        if header != self._header:
            raise ValueError("the pages of the sheet have different columns")
        return rows


def _rows(text: str) -> Iterator[Row]:
    """Yields all rows. (The module `csv` limits a cell to 128 KB, for the whole process.)"""
    separator = _separator(text)
    # What quotes enclose, what follows up to the end of the cell, and that end.
    cell = re.compile(rf'(?:"([^"]*(?:""[^"]*)*)")?([^{separator}\r\n]*)({separator}|\r\n|\r|\n|\Z)')
    cells: list[str] = []
    at, begun, line = 0, 1, 1
    while True:
        found = cell.match(text, at)
        if found is None or (found[1] is None and found[2].startswith('"')):
            raise ValueError(f"the sheet ends inside a quoted cell, which begins on line {line}")
        cells.append((found[1] or "").replace('""', '"') + found[2])
        line += len(_LINE_END.findall(found[0]))
        at = found.end()
        if found[3] == separator:
            continue
        yield Row(begun, cells)
        if not found[3]:
            return
        cells, begun = [], line


def _separator(text: str) -> str:
    """Returns the character that separates cells: the one that the header has most of, outside quotes."""
    header, quoted = "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in "\r\n":
            break
        elif not quoted:
            header += character
    return max(_SEPARATORS, key=header.count)


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode()
