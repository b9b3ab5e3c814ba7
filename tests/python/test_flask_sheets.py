"""The Flask app's sheets: the list as CSV, and a sheet that is checked and then saved, row by row."""

import csv
import io
import math
import secrets

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from chromium import browsers, look_at, pictures, playwright  # noqa: F401
from conftest import _setting
from edge import Switch
from flask_app import FIELDS, App, app, healed, north, prj_id, ripple_switch, south, texts  # noqa: F401


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def sheet_of(rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def export(visitor, query):
    """Presses "Export" on the list."""
    page = visitor.get("/", **query)
    response = visitor.http.get(visitor.url + page.link("Export"), timeout=60)
    assert response.headers["content-type"].startswith("text/csv") and "projects.csv" in response.headers["content-disposition"]
    return response.content.decode()


def check(visitor, content):
    """Chooses a file and presses "Check"."""
    form = visitor.get(visitor.get("/").link("Import")).form("#choose")
    fields = {name: value for name, value in form.filled().items() if name != "file"}
    answer = visitor.http.post(f"{visitor.url}/import", data=fields, files={"file": ("projects.csv", content)}, timeout=60)
    return visitor._page(answer)


def told(page):
    """Returns the words about each row, by its line."""
    rows = page.html.select("#rows-of-sheet tbody tr")
    cells = [[" ".join(cell.get_text().split()) for cell in row.select("th, td")] for row in rows]
    return {int(line): words for line, _, words in cells}


def test_the_list_is_downloaded_as_it_is_filtered_and_sorted(app, ripple):
    mark = f"buoy{secrets.token_hex(4)}"
    for n, unit in enumerate(("month", "week", "month")):
        ripple.create(FIELDS | {"name": f"Ümlaut {n}", "issue": mark, "term_unit": unit, "goal": "two\r\nlines, \"quoted\""})
    text = export(app.visitor(), {"q": mark, "term_unit": "month", "sort": "-name"})
    assert text.startswith("\ufeffprj_id,version,name,goal,"), "programs for sheets see that it is UTF-8"
    rows = rows_of(text)
    assert [row["name"] for row in rows] == ["Ümlaut 2", "Ümlaut 0"]
    assert rows[0]["goal"] == "two\r\nlines, \"quoted\"" and rows[0]["version"] == "1"


def test_a_list_of_many_pages_is_one_sheet(app, ripple):
    mark = f"pages{secrets.token_hex(4)}"
    operations = [{"op": "create", "body": FIELDS | {"name": f"P {n}", "goal": mark, "term": 1}} for n in range(100)]
    for _ in range(3):
        assert ripple.call("POST", "/prj/_batch", {"operations": operations}).status == 200
    rows = rows_of(export(app.visitor(), {"q": mark}))
    assert len(rows) == 300 and {row["goal"] for row in rows} == {mark}


def test_a_sheet_is_checked_and_saved_and_merges_with_what_others_save(north, south, ripple, prj_id):
    mark = f"sheet{secrets.token_hex(4)}"
    ripple.patch(prj_id, {"issue": mark})
    same = ripple.create(FIELDS | {"name": "Same", "issue": mark})["prj_id"]
    north.save(north.project(prj_id), description="North's")  # so that the visitor has a name
    rows = {row["prj_id"]: row for row in rows_of(export(north, {"q": mark, "sort": "name"}))}
    edited = rows[prj_id] | {"goal": "North's goal", "description": "a\r\nb"}
    new = dict.fromkeys(edited, "") | {name: str(value) for name, value in FIELDS.items()} | {"name": "New", "issue": mark}
    taken, wrong = new | {"prj_id": prj_id}, new | {"name": "Wrong", "term": "soon"}
    south.save(south.project(prj_id), goal="South's goal", row_2_text="South's entry")

    page = check(north, sheet_of([edited, rows[same], new, taken, wrong]))
    assert page.status == 200 and page.words("h1") == "What the sheet would change"
    assert "Nothing is saved yet. Rows: 2 can be saved, 1 without a change, 2 refused." in page.words()
    lines = list(told(page).items())
    assert [words for _, words in lines] == [
        "The goal and description would be saved; the goal would replace what others have saved since; "
        "what others have saved of the timeline would stay.",
        "Would change nothing.",
        "Would be a new project.",
        "Refused. This id is taken. Another project has it, and that project was not changed. "
        "Choose another id, or leave the field empty.",
        "Refused. Term must be a whole number.",
    ]
    assert lines[0][0] == 2 and lines[1][0] == 4, "a cell of the first row has two lines"
    assert ripple.get(prj_id)["goal"] == "South's goal" and ripple.get(prj_id)["version"] == 4

    form = page.form("#save")
    page = north.send(form)
    assert page.words("h1") == "What became of the sheet"
    assert page.words(".notice.done") == "Rows: 2 saved, 1 without a change, 2 refused."
    assert [words for words in told(page).values()][:3] == [
        "The goal and description were saved; the goal replaced what others have saved since; "
        "what others have saved of the timeline stays.",
        "Changed nothing.",
        "Was registered as a new project.",
    ]
    record = ripple.get(prj_id)
    assert (record["goal"], record["description"], record["version"]) == ("North's goal", "a\r\nb", 5)
    assert texts(record) == ["Kick-off", "Visit", "South's entry"]
    assert record["updated_author"]["name"] == "North office"
    [made] = ripple.list(f"q={mark}&name=New")
    # Sent twice, it is saved once.
    assert told(north.send(form)) == told(page)
    assert [one["prj_id"] for one in ripple.list(f"q={mark}&name=New")] == [made["prj_id"]]
    assert ripple.get(prj_id)["version"] == 5


def test_a_file_that_is_no_sheet_is_refused_in_a_sentence(north):
    for content, said in (
        (b"", "The sheet has no header row."),
        (b"\xff\xfe", "The file is not in UTF-8."),
        (b"colour,size\r\nred,1\r\n", "Some fields need attention"),
        (b'prj_id,version\r\n"p1', "The sheet ends inside a quoted cell"),
        (b"prj_id\r\n" + b"p\r\n" * 1001, "It has 1,001 rows, and may have up to 1,000."),
        (b"x" * (4 * 1024 * 1024 + 1), "A sheet may have up to 4 MB."),
    ):
        page = check(north, content)
        assert page.status == 400 and said in page.alarm, (content[:20], page)
        assert not page.html.select("#save")
    assert "Choose a file first." in north.send(north.get("/import").form("#choose"), file="").alarm
    token = north.get("/import").form("#choose").filled()["csrf_token"]
    assert "did not arrive" in north.post("/import", {"csrf_token": token, "sheet": "%"}).alarm


def test_a_sheet_that_got_no_answer_is_saved_again_and_once(north, ripple, ripple_switch):
    mark = f"again{secrets.token_hex(4)}"
    page = check(north, sheet_of([FIELDS | {"name": mark}]))
    ripple_switch.mode = "stopped"
    failed = north.send(page.form("#save"))
    assert failed.status == 502 and "nothing is saved twice" in failed.alarm
    ripple_switch.mode = "pass"
    saved = north.send(failed.form("#save"))
    assert list(told(saved).values()) == ["Was registered as a new project."]
    assert len(ripple.list(f"name={mark}")) == 1


class Ending(Switch):
    """Passes one batch of a sheet that is saved, and no later one."""

    def __init__(self, target, end):
        self.end = end
        super().__init__(target)

    @property
    def mode(self):
        return "pass" if self.count <= self.passed else self.end

    @mode.setter
    def mode(self, _):
        self.passed = math.inf


@pytest.mark.parametrize("end, wrong, said", [
    ("throttle", 0, "The first 100 rows were saved. Save again for the rest: nothing is saved twice."),
    ("stopped", 1, "The first 100 rows were tried, as listed below. The next ones may have been saved, or not. Save again"),
])
def test_a_sheet_that_was_saved_by_half_says_which_half(tmp_path, ripple, end, wrong, said):
    mark = f"half{secrets.token_hex(4)}"
    rows = [FIELDS | {"name": f"{mark} {n}", "term": "soon" if n < wrong else "6"} for n in range(130)]
    switch = Ending(_setting("RIPPLE_URL"), end)
    with App(tmp_path, switch.url, _setting("RIPPLE_KEY")) as app:
        visitor = app.visitor()
        page = check(visitor, sheet_of(rows))
        switch.passed = switch.count + 1
        page = visitor.send(page.form("#save"))
        assert page.status >= 400 and said in page.alarm and "Nothing was saved" not in page.alarm
        refused, made = ["Refused. Term must be a whole number."], ["Was registered as a new project."]
        assert list(told(page).values()) == refused * wrong + made * (100 - wrong)
        assert len(ripple.list(f"q={mark}")) == 100 - wrong
        switch.passed = math.inf
        page = visitor.send(page.form("#save"))
        assert f"Rows: {130 - wrong} saved" in page.words() and len(ripple.list(f"q={mark}")) == 130 - wrong
        # If the first batch fails, no row is told.
        page = check(visitor, sheet_of(rows))
        switch.passed = switch.count
        page = visitor.send(page.form("#save"))
        assert not told(page) and ("Nothing was saved." in page.alarm) == (end == "throttle")
    switch.close()


def test_the_pages_of_a_sheet_are_fit_to_be_seen(app, browsers, ripple, prj_id, pictures, tmp_path):
    page, axe = browsers(), Axe()
    page.goto(f"{app.url}/import")
    look_at(page, axe, pictures / "import.png")
    file = tmp_path / "projects.csv"
    edit = {"prj_id": prj_id, "version": "1", "goal": "From a sheet", "term": ""}
    file.write_text(sheet_of([edit, edit | {"prj_id": "", "version": "", "term": "soon"}]))
    page.get_by_label("Sheet (CSV)").set_input_files(file)
    page.get_by_role("button", name="Check").press("Enter")
    expect(page.get_by_role("heading", name="What the sheet would change")).to_be_visible()
    look_at(page, axe, pictures / "import-checked.png")
    page.get_by_role("button", name="Save these rows").click()
    expect(page.locator(".notice.done")).to_have_text("Rows: 1 saved, 1 refused.")
    look_at(page, axe, pictures / "import-saved.png")
    assert ripple.get(prj_id)["goal"] == "From a sheet"
    # The search narrows what is exported, also while the reader types.
    page.goto(app.url)
    page.get_by_label("Search", exact=True).fill("From a sheet")
    expect(page.get_by_role("link", name="Export these projects as CSV")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert "From a sheet" in download.value.path().read_text(encoding="utf-8")
