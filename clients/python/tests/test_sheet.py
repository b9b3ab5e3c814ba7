"""Sheets cut into batches, and put together from pages."""

import csv
import io
import json

import pytest

from ripple_client.exchange import Answer, Context
from ripple_client.operations import Operations
from ripple_client.problem import Problem
from ripple_client.record import Members
from ripple_client.sheet import Sheet, SheetPages


def cells(body):
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def test_a_sheet_is_cut_into_batches_of_100_rows_each_with_the_header():
    sheet = Sheet("prj_id,version\r\n" + "".join(f"p{n},1\r\n" for n in range(250)))
    batches = list(sheet.batches())
    assert [len(rows) for rows, _ in batches] == [100, 100, 50]
    assert all(cells(body)[0] == ["prj_id", "version"] for _, body in batches)
    assert [row[0] for _, body in batches for row in cells(body)[1:]] == [f"p{n}" for n in range(250)]


def test_a_batch_has_less_than_a_megabyte():
    sheet = Sheet("prj_id,goal\n" + "".join(f"p{n},{'x' * 300_000}\n" for n in range(5)))
    assert [len(rows) for rows, _ in sheet.batches()] == [2, 2, 1]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_cells_reach_the_server_as_they_are(separator, end):
    row = ["p1", ' "quoted" ', "two\r\nlines", "a,b;c\td", "'=1", ""]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows([["prj_id", "a", "b", "c", "d", "e"], row])
    [(rows, body)] = Sheet(f"\ufeff{text.getvalue()}").batches()
    assert cells(body)[1:] == [row] == [rows[0].cells]


def test_a_row_has_the_line_on_which_it_begins():
    sheet = Sheet('prj_id,goal\r\n,\r\n\r\np1,"two\r\nlines"\r\np2,x')
    assert [row.line for row in sheet.rows] == [4, 6]


@pytest.mark.parametrize(
    ("text", "said"), [("", "no header"), ("\r\n,,\r\n", "no header"), ('prj_id\r\n"p1', "ends inside a quoted cell")]
)
def test_what_is_no_sheet_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        Sheet(text)


def test_a_row_has_its_receipt_or_its_problem():
    sheet = Sheet("prj_id,name\np1,Garden\n,Shed\n")
    problem = {"status": 409, "code": "exists", "detail": "there is one", "errors": [{"pointer": "/name", "detail": "no"}]}
    results = [{"id": "p1", "status": 200, "receipt": "result=saved, version=2"}, {"status": 409, "problem": problem}]
    saved, refused = sheet.results(sheet.rows, {"results": results})
    assert (saved.line, saved.cells["name"], saved.id, saved.receipt.version) == (2, "Garden", "p1", 2)
    assert (refused.receipt, refused.problem.code, refused.problem.fields) == (None, "exists", {"/name": "no"})
    with pytest.raises(ValueError):
        sheet.results(sheet.rows, {"results": results[:1]})


def test_a_refused_batch_tells_what_became_of_the_rows_before_it():
    operations = Operations(Context("http://ripple", "rpl_key", None, None, 30), "prj", Members("prj_id"))
    steps = operations.import_sheet("prj_id,name\r\n" + "".join(f",N{n}\r\n" for n in range(150)), False, None)
    next(steps)
    results = [{"id": f"p{n}", "status": 201, "receipt": "result=created, version=1"} for n in range(100)]
    steps.send(Answer(200, {}, json.dumps({"results": results}).encode()))
    with pytest.raises(Problem) as refused:
        steps.send(Answer(403, {}, b'{"code": "forbidden"}'))
    assert refused.value.outcome == "not_made"
    assert [(row.line, row.id) for row in refused.value.rows] == [(n + 2, f"p{n}") for n in range(100)]


def test_pages_have_one_header_together():
    pages = SheetPages("1", ["goal"])
    for _ in range(2):
        assert pages.rows("1", b"prj_id,goal\r\np1,x\r\n") + pages.rows("2", b"prj_id,goal\r\np2,y\r\n") == (
            b"prj_id,goal\r\np1,x\r\np2,y\r\n"
        )
    with pytest.raises(ValueError):
        pages.rows("2", b"prj_id,issue\r\np2,y\r\n")
