"""The Flask app's pages, as somebody without JavaScript has them, on a running `ripple dev`."""

import json
import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from conftest import _setting
from edge import Switch, free_port
from flask_app import App

FIELDS = {"name": "Ferry", "goal": "Nobody waits", "issue": "Three tables", "description": "Collect them"}
FIELDS |= {"term": "6", "term_unit": "month", "create_date": "2026-11-02"}
HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}"""


@pytest.fixture(scope="module")
def ripple_switch():
    switch = Switch(_setting("RIPPLE_URL"))
    yield switch
    switch.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory, ripple_switch):
    with App(tmp_path_factory.mktemp("app"), ripple_switch.url, _setting("RIPPLE_KEY")) as app:
        yield app
    assert "Traceback" not in app_log(app)


def app_log(app):
    with open(app.log.name, errors="replace") as log:
        return log.read()


@pytest.fixture(autouse=True)
def healed(ripple_switch):
    yield
    ripple_switch.mode = "pass"


@pytest.fixture
def north(app):
    return app.visitor("North office")


@pytest.fixture
def south(app):
    return app.visitor("South office")


@pytest.fixture
def prj_id(ripple):
    """A project with two entries in its timeline."""
    timeline = [{"id": "a", "date": "2026-11-02", "text": "Kick-off"}, {"id": "b", "date": "2026-12-01", "text": "Visit"}]
    return ripple.create(FIELDS | {"term": 6, "timeline": timeline, "prj_id": f"flask-{secrets.token_hex(6)}"})["prj_id"]


def texts(record):
    return [entry.get("text") for entry in record["timeline"]]


# The list.


def test_the_list_is_searched_narrowed_ordered_and_paged(app, ripple):
    mark = f"lighthouse{secrets.token_hex(4)}"
    ids = [f"page-{mark}-{n:03}" for n in range(60)]
    for n, prj_id in enumerate(ids):
        ripple.create(FIELDS | {"prj_id": prj_id, "name": f"N{60 - n:03}", "issue": mark, "term_unit": ("week", "month")[n % 2]})
    visitor = app.visitor()

    def walk(page):
        found = []
        while True:
            found += [a["href"].rsplit("/", 1)[1] for a in page.html.select("tbody th a")]
            following = page.html.select("a[rel=next]")
            if not following:
                return found
            page = visitor.get(following[0]["href"])

    assert walk(visitor.get("/", q=mark, sort="prj_id")) == ids
    assert walk(visitor.get("/", q=mark, sort="name")) == ids[::-1]
    assert walk(visitor.get("/", q=mark.upper(), term_unit="week", sort="prj_id")) == ids[::2]
    assert walk(visitor.get("/", q=mark)) == ids[::-1], "what was saved last comes first"
    first = visitor.get("/", q=mark, term_unit="week")
    assert "weeks" in first.words("tbody") and "months" not in first.words("tbody")
    assert f"Projects with “{mark}” whose term is in weeks" in first.words()
    assert "No project is like that" in visitor.get("/", q=f"{mark}none").words()
    assert visitor.get("/", sort="no such").status == 200


def test_a_cursor_of_nowhere_is_told_as_such(app):
    page = app.visitor().get("/", cursor="nonsense")
    assert page.status == 400 and "This address has a mistake in it" in page.alarm


# Registering.


def test_a_form_sent_twice_registers_one(north, ripple):
    form = north.get("/new").form("#edit")
    name = f"Twice {secrets.token_hex(6)}"
    typed = FIELDS | {"name": name, "your_name": north.name, "row_0_date": "2026-11-24", "row_0_text": "Begun"}
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: north.send(form, **typed), range(2))
    assert one.path == other.path and one.receipt == "The project was registered."
    [record] = [r for r in ripple.list() if r.get("name") == name]
    assert (record["term"], record["version"], texts(record)) == (6, 1, ["Begun"])
    assert record["saved_by"]["name"] == north.name


def test_a_form_sent_again_with_other_contents_asks_first(north, ripple):
    form = north.get("/new").form("#edit")
    name = f"Changed {secrets.token_hex(6)}"
    assert north.send(form, **FIELDS | {"name": name}).receipt == "The project was registered."
    again = north.send(form, **FIELDS | {"name": name, "goal": "Another goal"})
    assert again.status == 422 and "This form has made a project already" in again.alarm
    assert again.form("#edit").filled()["goal"] == "Another goal"
    assert len([r for r in ripple.list() if r.get("name") == name]) == 1
    assert north.send(again.form("#edit")).receipt == "The project was registered."
    assert len([r for r in ripple.list() if r.get("name") == name]) == 2


def test_what_is_filled_in_wrong_is_marked_and_kept(north, ripple):
    page = north.send(north.get("/new").form("#edit"), **FIELDS | {"term": "soon", "term_unit": "", "row_0_text": "Kept"})
    assert page.status == 400 and "Something is not filled in right" in page.alarm
    assert page.words("#field-term .fault") == "Term must be a whole number."
    assert page.words("#field-term_unit .fault") == "Unit is needed, in up to 64 characters."
    for field in ("term", "term_unit"):
        assert page.html.select_one(f"#{field}")["aria-invalid"] == "true"
    assert page.form("#edit").filled() | {"csrf_token": "", "form": ""} == (
        {"csrf_token": "", "form": "", "your_name": "", "prj_id": "", "timeline": "", "row-0-date": "", "row-0-text": "Kept"}
        | {"row-1-date": "", "row-1-text": ""}
        | FIELDS | {"term": "soon", "term_unit": ""}
    )
    mended = north.send(page.form("#edit"), term="12", term_unit="day")
    record = ripple.get(mended.path.rsplit("/", 1)[1])
    assert (record["term"], texts(record)) == (12, ["Kept"])


def test_an_id_that_is_taken_overwrites_nothing(north, ripple, prj_id):
    before = ripple.get(prj_id)
    page = north.send(north.get("/new").form("#edit"), **FIELDS | {"prj_id": prj_id, "goal": "Mine"})
    assert page.status == 409 and "This id is taken" in page.alarm
    assert page.form("#edit").filled()["goal"] == "Mine"
    assert ripple.get(prj_id) == before
    page = north.send(page.form("#edit"), prj_id="no/id")
    assert page.status == 400 and page.words(".fault").startswith("Id ")


# Saving.


def test_a_save_of_nothing_changes_nothing(north, ripple, prj_id):
    page = north.save(north.project(prj_id))
    assert page.receipt == "Nothing changed: the project already is as you sent it."
    assert ripple.get(prj_id)["version"] == 1


def test_nobody_touched_it_so_it_stays_as_it_was(north, ripple, table, prj_id):
    """Line ends, numbers, dates that are none, members without a field: what a browser would spoil."""
    odd = {
        "name": "one\nline\r\nnot",
        "goal": "\n\r\nlines\rof\r\nevery\nkind  ",
        "issue": "",
        "term": "0007",
        "create_date": "spring",
        "budget": Decimal("12345678901234567890123456789012345.75"),
        "tags": ["x", None, 1],
        "timeline": [
            {"id": 1, "date": "soon", "text": "two\r\nlines", "cost": Decimal("0.10000000000000000000000000000000000001")},
            {"id": "t", "title": "has a title", "date": "2026-02-30"},
            {"id": "n", "text": 5, "date": None},
            {"no": "id"},
            "plain\ntext",
            7,
            [True],
            {},
        ],
    }
    before = ripple.put(prj_id, {"version": 1} | odd)
    page = north.save(north.project(prj_id), description="Only this")
    assert page.receipt == "Your description was saved."
    after = ripple.get(prj_id)
    assert {name for name in after if after[name] != before.get(name)} == {"description", "version", "updated_at", "saved_by"}

    # An entry's other members stay when its text is changed, and texts stay where they were.
    page = north.save(page, row_0_text="one line", row_1_text="another title", row_4_text="plainer", row_6_remove="on")
    assert page.receipt == "Your 4 timeline entries were added, 2 changed and 4 removed." or "changed" in page.receipt
    timeline = ripple.get(prj_id)["timeline"]
    assert timeline[0] == before["timeline"][0] | {"text": "one line"}
    assert timeline[1] == before["timeline"][1] | {"title": "another title"}
    assert "plainer" in timeline and [True] not in timeline and 7 in timeline


def test_a_record_of_another_writer_is_shown_and_saved(north, ripple, table):
    """With hardly a field as ripple would take it."""
    prj_id = f"other-{secrets.token_hex(6)}"
    table.put_item(Item={"prj_id": prj_id, "goal": 5, "term": Decimal("1.5"), "create_date": "", "timeline": "none", "saved_by": 3})
    assert "There is no history yet" in north.get(f"/projects/{prj_id}/history").words()
    page = north.project(prj_id)
    assert page.form("#edit").filled()["goal"] == "5" and "timeline" in page.words(".more dl")
    page = north.save(page, issue="Rain")
    assert page.receipt == "Your issue was saved.", page
    item = table.get_item(Key={"prj_id": prj_id})["Item"]
    assert (item["goal"], item["term"], item["timeline"], item["issue"]) == (5, Decimal("1.5"), "none", "Rain")
    assert "name" not in item
    assert "Version 1" in north.get(f"/projects/{prj_id}/history").words()


def test_entries_are_added_edited_and_removed(north, ripple, prj_id):
    page = north.send(north.project(prj_id).form("#edit"), press="add-row", row_2_text="Third", goal="typed")
    assert ripple.get(prj_id)["version"] == 1, "another line is no save"
    page = north.send(page.form("#edit"), press="add-row")
    assert page.form("#edit").filled()["goal"] == "typed"
    page = north.save(page, row_0_text="Kick-off meeting", row_1_remove="on", row_2_date="2027-01-05", row_3_text="")
    assert page.receipt == "Your timeline entry was added, one changed and one removed; your goal was saved."
    first, second = ripple.get(prj_id)["timeline"]
    assert first == {"id": "a", "date": "2026-11-02", "text": "Kick-off meeting"}
    assert (second["date"], second["text"]) == ("2027-01-05", "Third")
    page = north.save(page, row_0_date="", row_1_text="")
    assert page.receipt == "Your 2 timeline entries were changed."
    assert ripple.get(prj_id)["timeline"] == [{"id": "a", "text": "Kick-off meeting"}, {"id": second["id"], "date": "2027-01-05"}]
    page = north.save(page, row_0_remove="on", row_1_remove="on")
    assert page.receipt == "Your 2 timeline entries were removed." and ripple.get(prj_id)["timeline"] == []


# Two at once.


def test_two_save_one_page_and_nothing_is_lost(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, goal="Ours", issue="Fog", row_2_text="Call", row_1_text="Visit!")
    page = south.save(theirs, issue="Rain", description="Theirs", row_2_text="Harbour", row_1_date="2026-12-24")
    assert page.receipt == (
        "Your description was saved; "
        "your timeline entry was added and one changed, beside what North office changed there; "
        "the goal that North office saved was kept; "
        "your issue replaced the one that North office saved (“Fog”)."
    )
    record = ripple.get(prj_id)
    assert [record[name] for name in ("goal", "issue", "description")] == ["Ours", "Rain", "Theirs"]
    assert sorted(texts(record)) == ["Call", "Harbour", "Kick-off", "Visit!"]
    assert next(e for e in record["timeline"] if e["id"] == "b")["date"] == "2026-12-24"
    clocks = page.html.select(".notice.done time")
    assert len(clocks) == 3 and all(re.fullmatch(r"at \d\d:\d\d UTC", clock.get_text()) for clock in clocks)


def test_the_same_text_of_one_entry_is_won_and_a_removed_one_that_was_edited_stays(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, row_0_text="Opening", row_1_text="Inspection")
    page = south.save(theirs, row_0_text="Start", row_1_remove="on")
    assert "your text of the timeline entry “Start” replaced the one that North office saved (“Opening”)" in page.receipt
    assert "the timeline entry “Inspection” that you removed was kept, for North office changed it" in page.receipt
    assert texts(ripple.get(prj_id)) == ["Start", "Inspection"]


def test_who_it_was_comes_from_the_key_where_there_is_no_name(north, app, ripple, table, prj_id):
    nobody, again = app.visitor(), app.visitor("North office")
    mine, other = north.project(prj_id), again.project(prj_id)
    nobody.save(nobody.project(prj_id), goal="Anonymous")
    assert north.save(mine, issue="Mist").receipt == "Your issue was saved; the goal that somebody else saved was kept."
    page = again.save(other, issue="Hail")
    assert page.receipt.endswith("; your issue replaced the one that you saved (“Mist”).")

    # A writer with a key of their own. The name that stands in the record is not theirs.
    page = north.project(prj_id)
    client = ripple_of_another_key(ripple)
    client.patch(prj_id, {"description": "By a script"})
    assert north.save(page, goal="Clear").receipt == "Your goal was saved; the description that “script” saved was kept."


def ripple_of_another_key(ripple):
    import subprocess

    from conftest import Ripple
    from dev import clean

    command = [_setting("RIPPLE_BIN"), "key", "create", "--name", "script", "--endpoint-url", _setting("RIPPLE_DYNAMODB_ENDPOINT")]
    made = subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=60, check=True)
    return Ripple(ripple.url, made.stdout.strip())


def test_news_of_others_are_told_even_if_nothing_was_typed(north, south, prj_id):
    page = south.project(prj_id)
    north.save(north.project(prj_id), goal="News", term="7", row_2_text="New")
    assert south.save(page).receipt == (
        "Nothing of yours was new; the goal and term that North office saved were kept; "
        "what North office changed in the timeline was kept."
    )


def test_the_same_edit_twice_is_one(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, goal="Same", row_2_text="Same")
    assert south.save(theirs, goal="Same", row_2_text="Same").receipt.startswith("Nothing changed: somebody had already made")
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "Same"]


def test_a_save_sent_again_wins_nothing_back(north, south, ripple, prj_id):
    form = north.project(prj_id).form("#edit")
    first = north.send(form, goal="First", your_name=north.name)
    south.save(south.project(prj_id), goal="Second")
    again = north.send(form, goal="First", your_name=north.name)
    assert again.receipt == first.receipt and ripple.get(prj_id)["goal"] == "Second"
    # But who goes back and writes something else means it.
    assert "Your goal replaced the one that South office saved (“Second”)" in north.send(form, goal="Third").receipt


def test_many_at_once_lose_nothing(app, ripple, prj_id):
    visitors = [app.visitor(f"Office {n}") for n in range(8)]
    pages = [visitor.project(prj_id) for visitor in visitors]

    def save(n):
        page = visitors[n].save(pages[n], row_2_text=f"By {n}", issue=f"Issue {n}")
        while page.status == 503:  # nothing was saved, and all is still in the form
            page = visitors[n].send(page.form("#edit"))
        return page

    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(save, range(8)))
    assert all("timeline entry was added" in page.receipt for page in saved)
    record = ripple.get(prj_id)
    assert sorted(texts(record)) == sorted(["Kick-off", "Visit", *(f"By {n}" for n in range(8))])
    assert record["version"] == 9


# History.


def test_the_history_tells_who_changed_what_and_restores(north, south, ripple, prj_id):
    north.save(north.project(prj_id), goal="Second goal", row_2_text="Call")
    south.save(south.project(prj_id), goal="Third goal", row_0_text="Start", row_1_remove="on")
    page = north.get(north.project(prj_id).link("History"))
    third, second, first = page.html.select("ol.history > li")

    def told(version):
        return [" ".join(change.get_text().split()) for change in version.select("li")]

    assert "South office, at" in third.get_text() and "North office (you), at" in second.get_text()
    assert told(third) == [
        "goal “Second goal” became “Third goal”",
        "entry of the timeline “Kick-off” became “Start”",
        "entry of the timeline “Visit” was removed",
    ]
    assert told(second) == ["goal “Nobody waits” became “Second goal”", "entry of the timeline “Call” was added"]
    assert "timeline 2 entries" in told(first) and "somebody with the key" in first.get_text()

    old = north.get(first.select_one("a")["href"])
    assert "Nobody waits" in old.words() and "Kick-off" in old.words()
    # Saved after the history was shown: a restore spares it.
    south.save(south.project(prj_id), description="Later")
    restored = north.send(page.form("#version-1 form"))
    assert restored.receipt == "The project is back as it was in version 1; the description that South office saved was kept."
    record = ripple.get(prj_id)
    assert (record["goal"], record["description"], texts(record)) == ("Nobody waits", "Later", ["Kick-off", "Visit"])
    # The restored state brings no name with it that was not there, and the history says who did not save.
    newest = north.get(f"/projects/{prj_id}/history").html.select_one("ol.history > li")
    assert "somebody with the key" in newest.get_text()
    again = north.send(north.get(f"/projects/{prj_id}/history/5").form("main form"))
    assert again.receipt == "Nothing changed: the project already is as it was in version 5."


def test_a_restored_version_is_not_its_first_authors(north, south, prj_id):
    north.save(north.project(prj_id), goal="North's")
    south.save(south.project(prj_id), goal="South's")
    south.send(south.get(f"/projects/{prj_id}/history/2").form("main form"))
    heads = [head.get_text() for head in south.get(f"/projects/{prj_id}/history").html.select("ol.history .head")]
    assert [("North" in head, "South" in head) for head in heads] == [(0, 0), (0, 1), (1, 0), (0, 0)], heads


def test_a_long_history_is_paged(north, ripple, prj_id):
    for n in range(60):
        ripple.patch(prj_id, {"goal": f"Goal {n}"})
    numbers, path = [], f"/projects/{prj_id}/history"
    while path:
        page = north.get(path)
        numbers += [int(h.get_text().split()[1]) for h in page.html.select("ol.history h2")]
        path = next((a["href"] for a in page.html.select("a[rel=next]")), None)
    assert numbers == list(range(61, 0, -1))
    assert "goal “Nobody waits” became “Goal 0”" in page.words("#version-2")
    assert north.send(page.form("#version-1 form")).receipt == "The project is back as it was in version 1."


# What goes wrong. Nothing of what was typed is lost.


def kept(page, prj_id=None, **typed):
    fields = page.form("#edit").filled()
    assert {name: fields[name] for name in typed} == typed
    return True


def test_a_project_deleted_meanwhile_is_brought_back_with_what_was_typed(north, south, ripple, prj_id):
    ripple.patch(prj_id, {"extra": "kept"})
    page = north.project(prj_id)
    south.save(south.project(prj_id), issue="Meanwhile")
    gone = south.send(south.project(prj_id).form("details form"))
    assert gone.path == "/" and "“Ferry” was deleted" in gone.receipt
    assert prj_id not in gone.words("tbody")

    page = north.save(page, goal="Typed", row_2_text="Also typed")
    assert page.status == 410 and "This project was deleted" in page.alarm
    assert kept(page, goal="Typed", **{"row-2-text": "Also typed"})
    page = north.save(page)
    assert page.status == 410, "saving again does not bring it back by itself"
    page = north.send(page.form("#edit"), press="bring-back")
    assert page.status == 200 and page.receipt.startswith("The project is back. Your timeline entry was added")
    record = ripple.get(prj_id)
    assert (record["goal"], record["issue"], record["extra"]) == ("Typed", "Meanwhile", "kept")
    assert texts(record) == ["Kick-off", "Visit", "Also typed"]


def test_a_deleted_project_has_a_page_that_brings_it_back(north, ripple, prj_id):
    north.send(north.project(prj_id).form("details form"))
    page = north.project(prj_id)
    assert page.status == 410 and "“Ferry” was deleted" in page.words()
    assert "The project was deleted" in north.get(f"/projects/{prj_id}/history").words("#version-2")
    # An edit on the tombstone itself is asked whether it means it.
    form = north.get("/new").form("#edit")
    tombstone = form.filled() | FIELDS | {"version": "2", "seen": "{}", "goal": "Typed"}
    asked = north.post(f"/projects/{prj_id}", tombstone)
    assert asked.status == 409 and "This project was deleted" in asked.alarm and kept(asked, goal="Typed")
    assert north.send(page.form("main .actions form")).receipt == "The project is back as it was in version 1."
    assert ripple.get(prj_id)["version"] == 3


def test_what_was_changed_meanwhile_is_not_deleted(north, south, ripple, prj_id):
    page = north.project(prj_id)
    south.save(south.project(prj_id), goal="Still wanted")
    page = north.send(page.form("details form"))
    assert page.status == 412 and "This project was changed since you looked at it So" in page.alarm.replace(".", "")
    assert kept(page, goal="Still wanted") and ripple.get(prj_id)["version"] == 2
    assert north.send(page.form("details form")).path == "/"


def test_a_record_taken_away_is_registered_anew(north, ripple, table, prj_id):
    page = north.project(prj_id)
    table.delete_item(Key={"prj_id": prj_id})
    page = north.save(page, goal="Typed")
    assert page.status == 404 and "There is no such project" in page.alarm and kept(page, goal="Typed")
    assert north.send(page.form("#edit"), press="/new").receipt == "The project was registered."
    assert (ripple.get(prj_id)["goal"], texts(ripple.get(prj_id))) == ("Typed", ["Kick-off", "Visit"])


def test_a_table_set_back_loses_nothing_either(north, ripple, table, prj_id):
    before = table.get_item(Key={"prj_id": prj_id})["Item"]
    ripple.patch(prj_id, {"version": 1, "timeline": [{"id": "a", "text": "Kick-off"}]})
    page = north.project(prj_id)
    table.put_item(Item=before)
    page = north.save(page, goal="Typed")
    assert page.status == 409 and "set back to an earlier state" in page.alarm and kept(page, goal="Typed")
    page = north.save(page)
    assert page.status == 200 and ripple.get(prj_id)["goal"] == "Typed"
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit"], "the entry that came back was not removed again"


@pytest.mark.parametrize(
    "path, status, title",
    [
        ("/projects/absent", 404, "There is no such project"),
        ("/projects/_changes", 404, "There is no such project"),
        ("/projects/..%2e", 404, "There is no such project"),
        ("/projects/a%00b", 404, "There is no such project"),
        ("/projects/absent/history", 404, "There is no such project"),
        ("/projects/absent/history/1", 404, "There is no such version"),
        ("/projects/absent/history/99999999999999999999999", 400, "This address has a mistake in it"),
        ("/nowhere", 404, "Not Found"),
        ("/projects/absent/delete", 405, "Method Not Allowed"),
    ],
)
def test_what_is_not_there(app, path, status, title):
    page = app.visitor().get(path)
    assert page.status == status and page.alarm.startswith(title)


def test_a_key_that_is_not_taken(tmp_path, app, ripple, prj_id):
    typed = app.visitor()
    form = typed.project(prj_id).form("#edit")
    for key, title in (("rpl_" + "0" * 36, "This app is not let in"), (_setting("RIPPLE_READ_KEY"), "This app may only read")):
        with App(tmp_path, _setting("RIPPLE_URL"), key, FLASK_SECRET_KEY="x" * 32) as refused:
            visitor = refused.visitor()
            token = visitor.get("/new").form("#edit").filled()["csrf_token"]
            page = visitor.post(f"/projects/{prj_id}", form.filled() | {"csrf_token": token, "goal": "Typed"})
            assert page.status == 403 and title in page.alarm and kept(page, goal="Typed")
            if title == "This app is not let in":
                assert visitor.get("/").status == 403
            assert key not in page.text + str(page.headers) and key not in refused.read_log()
    assert ripple.get(prj_id)["version"] == 1


def test_too_much_for_one_project(north, ripple, prj_id):
    page = north.save(north.project(prj_id), description="x" * 310_000)
    assert page.status == 413 and "This is too much for one project" in page.alarm
    assert kept(page, description="x" * 310_000)
    page = north.save(page, description="x" * 200_000)
    assert page.receipt == "Your description was saved." and len(ripple.get(prj_id)["description"]) == 200_000
    page = north.post(f"/projects/{prj_id}", {"description": "x" * 7_000_000})
    assert page.status == 413


def test_no_answer_is_not_taken_for_a_no(north, ripple, ripple_switch, prj_id):
    page = north.project(prj_id)
    ripple_switch.mode = "lost"
    page = north.save(page, goal="Typed", row_2_text="Typed too")
    assert page.status == 502 and "Whether it was saved is not known" in page.alarm and kept(page, goal="Typed")
    assert ripple.get(prj_id)["version"] == 2, "it was"
    assert north.get("/").status == 502
    ripple_switch.mode = "pass"
    page = north.save(page)
    assert page.receipt == "Your timeline entry was added; your goal was saved."
    assert ripple.get(prj_id)["version"] == 2 and texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "Typed too"]
    ripple_switch.mode = "garbage"
    assert "ripple does not answer" in north.get("/").alarm


def test_nobody_at_the_address(tmp_path):
    with App(tmp_path, f"http://127.0.0.1:{free_port()}", "rpl_key") as app:
        page = app.visitor().get("/")
        assert page.status == 502 and "ripple does not answer" in page.alarm


def test_a_busy_database_says_when_to_try_again(tmp_path, ripple, prj_id):
    from dev import Dev

    dynamodb = Switch(_setting("RIPPLE_DYNAMODB_ENDPOINT"))
    with Dev(tmp_path / "data", "--endpoint-url", dynamodb.url) as dev, App(tmp_path, dev.url, _setting("RIPPLE_KEY")) as app:
        visitor = app.visitor()
        page = visitor.project(prj_id)
        dynamodb.mode = "throttle"
        page = visitor.save(page, goal="Typed")
        assert page.status == 503 and re.search(r"ripple is busy\..* Try again in \d+ seconds?\. Nothing was saved", page.alarm)
        assert page.headers["retry-after"].isdigit() and kept(page, goal="Typed")
        dynamodb.mode = "pass"
        assert visitor.save(page).receipt == "Your goal was saved."
    dynamodb.close()
    assert ripple.get(prj_id)["goal"] == "Typed"


# What must not get in, and what must not get out.


def test_a_form_without_the_sessions_token_does_nothing(app, north, ripple, prj_id):
    form = north.project(prj_id).form("#edit").filled() | {"goal": "Forged"}
    paths = [f"/projects/{prj_id}", f"/projects/{prj_id}/delete", f"/projects/{prj_id}/history/1", "/new"]
    for path in paths:
        for token in ("", "forged", app.visitor().get("/new").form("#edit").filled()["csrf_token"]):
            elsewhere = north.post(path, form | {"csrf_token": token, "etag": "*"}, {"Sec-Fetch-Site": "cross-site"})
            assert elsewhere.status == 400 and not elsewhere.html.select("#edit"), elsewhere
    assert ripple.get(prj_id)["version"] == 1
    # Somebody whose session has ended sends their own page.
    stranger = app.visitor()
    page = stranger.post(f"/projects/{prj_id}", form)
    assert page.status == 400 and "Please send this again" in page.alarm and kept(page, goal="Forged")
    assert ripple.get(prj_id)["version"] == 1
    assert stranger.save(page).receipt == "Your goal was saved."


def test_a_form_that_is_none_of_ours(north, ripple, prj_id):
    token = north.get("/new").form("#edit").filled()["csrf_token"]
    for odd in ({"version": "x"}, {"seen": "{"}, {"seen": "[]"}, {"row-0-entry": "{", "timeline": ""}, {"version": "٣"}):
        page = north.post(f"/projects/{prj_id}", {"csrf_token": token} | odd)
        assert page.status == 400, page
    assert ripple.get(prj_id)["version"] == 1


def test_names_are_text_wherever_they_stand(app, ripple, north):
    prj_id = f"hostile-{secrets.token_hex(6)}"
    hostile = {name: HOSTILE for name in ("name", "goal", "issue", "description")}
    timeline = [{"id": HOSTILE, "text": HOSTILE, "date": HOSTILE}, HOSTILE, [HOSTILE]]
    ripple.create(FIELDS | hostile | {"prj_id": prj_id, HOSTILE: HOSTILE, "timeline": timeline, "create_date": HOSTILE[:64]})
    visitor = app.visitor(HOSTILE[:60])
    page = north.project(prj_id)
    assert page.form("#edit").filled()["description"] == HOSTILE
    visitor.save(visitor.project(prj_id), goal=f"{HOSTILE}!", row_0_text=f"{HOSTILE}!", row_3_text=HOSTILE)
    told = north.save(page, goal=f"{HOSTILE}?", row_0_text=f"{HOSTILE}?")
    assert "replaced" in told.receipt and "<script>" in told.receipt
    north.get("/", q=HOSTILE, term_unit=HOSTILE)
    for path in ("/history", "/history/1", "/history/2"):
        north.get(f"/projects/{prj_id}{path}")
    north.send(north.project(prj_id).form("details form"))
    north.project(prj_id)
    for page in visitor.seen + north.seen:
        assert len(page.html.select("script")) == 1 and not page.html.select("img[onerror]"), page.path
        assert page.html.select_one("script")["src"] == "/static/ripple.js"
        assert "49" not in page.html.title.get_text()


def test_every_page_has_its_policy_and_none_has_the_key(app, north, ripple, prj_id):
    key = _setting("RIPPLE_KEY")
    north.save(north.project(prj_id), goal="Ours")
    for path in ("/", "/new", f"/projects/{prj_id}/history", f"/projects/{prj_id}/history/1", "/projects/absent", "/nowhere"):
        north.get(path)
    for path in ("/static/ripple.js", "/static/ripple.css", "/static/ripple.svg"):
        assert north.get(path).status == 200
    for page in north.seen:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert all(script.get("src") and not script.get_text() for script in page.html.select("script")), page.path
        inline = [name for element in page.html.select("*") for name in element.attrs if name == "style" or name.startswith("on")]
        assert not inline and not page.html.select("style"), page.path
        assert key not in page.text and key not in str(page.headers) and key[4:] not in page.text
    assert key not in app.read_log()
    cookie = north.http.get(f"{app.url}/new").request.headers["cookie"]
    assert key not in cookie
    made = app.visitor()
    header = made.get("/new").headers["set-cookie"]
    assert "HttpOnly" in header and "SameSite=Lax" in header


def test_the_session_stays_in_its_cookie(app, ripple):
    """With the longest ids that ripple remembers, and a long sentence."""
    visitor = app.visitor("x" * 60)
    for n in range(18):
        prj_id = secrets.token_hex(62) + f"{n:03}"
        ripple.create(FIELDS | {"prj_id": prj_id})
        page, other = visitor.project(prj_id), app.visitor("y" * 60)
        other.save(other.project(prj_id), **{name: f"{n} {secrets.token_hex(30)}" for name in ("name", "goal", "issue", "description")})
        response = visitor.http.post(
            page.response.url, page.form("#edit").filled() | {"your_name": visitor.name, "row-0-text": "x"} | {name: "z" for name in ("goal", "issue")},
            allow_redirects=False, timeout=60,
        )
        assert response.status_code == 303
        assert len(response.headers["set-cookie"]) < 4096
    assert "was added" in visitor.project(prj_id).receipt


# Starting it.


def test_without_a_ripple_a_sentence_says_so(tmp_path):
    with pytest.raises(AssertionError, match="set RIPPLE_URL and RIPPLE_KEY, or start `cargo xtask dev`"):
        App(tmp_path, "", "")
    with pytest.raises(AssertionError, match="set both RIPPLE_URL and RIPPLE_KEY"):
        App(tmp_path, "http://127.0.0.1:1", "")


def test_its_secret_is_made_once_and_its_owners(tmp_path):
    file = {"url": _setting("RIPPLE_URL"), "key": _setting("RIPPLE_KEY"), "edge_url": f"http://127.0.0.1:{free_port()}"}
    (tmp_path / "dev.json").write_text(json.dumps(file))
    with App(tmp_path, "", "") as app:
        visitor = app.visitor()
        form = visitor.get("/new").form("#edit")
        assert visitor.get("/").status == 502, "it asks the edge where there is one"
    assert (tmp_path / "flask-secret").stat().st_mode & 0o077 == 0
    file.pop("edge_url")
    (tmp_path / "dev.json").write_text(json.dumps(file))
    with App(tmp_path, "", "") as app:
        visitor.url = app.url
        assert visitor.send(form, **FIELDS).receipt == "The project was registered.", "a form outlives a restart"
