"""The Flask app's pages as a person without JavaScript uses them, on a running `ripple dev`."""

import re
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from conftest import Ripple, _setting
from dev import clean
from flask_app import FIELDS, app, healed, north, prj_id, ripple_switch, south, texts  # noqa: F401

# The list.


def test_the_list_is_searched_narrowed_ordered_and_paged(app, ripple):
    mark = f"lighthouse{secrets.token_hex(4)}"
    ids = [f"page-{mark}-{n:03}" for n in range(60)]
    made = [
        ripple.create(
            FIELDS | {"prj_id": new, "name": f"N{60 - n:03}", "issue": mark, "term_unit": ("week", "month")[n % 2]}
        )
        for n, new in enumerate(ids)
    ]
    # Two records may have the same millisecond.
    made.sort(key=lambda record: (-record["updated_at"], record["prj_id"]))
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
    saved_last_first = [record["prj_id"] for record in made]
    assert walk(visitor.get("/", q=mark)) == saved_last_first, "what was saved last comes first"
    first = visitor.get("/", q=mark, term_unit="week")
    assert "weeks" in first.words("tbody") and "months" not in first.words("tbody")
    assert f"1 to 25 of 30 projects with “{mark}” whose term is in weeks." in first.words()
    assert "No project matches" in visitor.get("/", q=f"{mark}none").words()
    assert visitor.get("/", sort="no such").status == 200


def test_an_invalid_cursor_is_reported(app):
    page = app.visitor().get("/", cursor="nonsense")
    assert page.status == 400 and "This address is not valid" in page.alarm


# Registering.


def test_a_form_sent_twice_registers_one(app, north, ripple):
    form = north.get("/new").form("#edit")
    name = f"Twice {secrets.token_hex(6)}"
    typed = FIELDS | {"name": name, "your_name": north.name, "row_0_date": "2026-11-24", "row_0_text": "Begun"}
    # The same browser. Each response's cookie is kept apart: otherwise one request would read the other's receipt.
    again = app.visitor(north.name)
    again.http.cookies.update(north.http.cookies)
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda visitor: visitor.send(form, **typed), (north, again))
    assert one.path == other.path and one.receipt == other.receipt == "The project was registered."
    [record] = [r for r in ripple.list() if r.get("name") == name]
    assert (record["term"], record["version"], texts(record)) == (6, 1, ["Begun"])
    assert record["updated_author"]["name"] == north.name


def test_a_form_sent_again_with_other_contents_asks_first(north, ripple):
    form = north.get("/new").form("#edit")
    name = f"Changed {secrets.token_hex(6)}"
    assert north.send(form, **FIELDS | {"name": name}).receipt == "The project was registered."
    again = north.send(form, **FIELDS | {"name": name, "goal": "Another goal"})
    assert again.status == 422 and "This form was sent before" in again.alarm
    assert again.form("#edit").filled()["goal"] == "Another goal"
    assert len([r for r in ripple.list() if r.get("name") == name]) == 1
    assert north.send(again.form("#edit")).receipt == "The project was registered."
    assert len([r for r in ripple.list() if r.get("name") == name]) == 2


def test_what_is_filled_in_wrong_is_marked_and_kept(north, ripple):
    page = north.send(
        north.get("/new").form("#edit"), **FIELDS | {"term": "soon", "term_unit": "", "row_0_text": "Kept"}
    )
    assert page.status == 400 and "Some fields need attention" in page.alarm
    assert page.words("#field-term .fault") == "Term must be a whole number."
    assert page.words("#field-term_unit .fault") == "Unit is required, with up to 64 characters."
    for field in ("term", "term_unit"):
        assert page.html.select_one(f"#field-{field} input")["aria-invalid"] == "true"
    assert page.form("#edit").filled() | {"csrf_token": "", "form": ""} == (
        {
            "csrf_token": "",
            "form": "",
            "your_name": "",
            "prj_id": "",
            "timeline": "absent",
            "row-0-date": "",
            "row-0-text": "Kept",
        }
        | {"row-1-date": "", "row-1-text": ""}
        | FIELDS
        | {"term": "soon", "term_unit": ""}
    )
    mended = north.send(page.form("#edit"), term="12", term_unit="day")
    record = ripple.get(mended.path.rsplit("/", 1)[1])
    assert (record["term"], texts(record)) == (12, ["Kept"])


def test_the_server_assumes_no_day_for_the_reader(north, prj_id):
    """Without JavaScript, the date of a new project is empty, and a time has its date and zone."""
    page = north.get("/new")
    assert page.form("#edit").filled()["create_date"] == ""
    page = north.send(page.form("#edit"), **FIELDS | {"create_date": ""})
    assert page.status == 400
    assert page.words("#field-create_date .fault") == "Created on is required: enter a date."
    times = [time.get_text() for time in north.project(prj_id).html.select("time")]
    assert times and all(re.fullmatch(r"on \d+ \w+ \d+ at \d\d:\d\d UTC", time) for time in times)


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
    assert page.receipt == "You had changed nothing, so nothing was saved."
    assert ripple.get(prj_id)["version"] == 1


def test_untouched_controls_change_nothing(north, ripple, table, prj_id):
    """Line ends, numbers, invalid dates and members without a field, which a browser would change."""
    odd = {
        "name": "one\nline\r\nnot",
        "goal": "\n\r\nlines\rof\r\nevery\nkind  ",
        "issue": "",
        "term": "0007",
        "create_date": "spring",
        "budget": Decimal("12345678901234567890123456789012345.75"),
        "tags": ["x", None, 1],
        "timeline": [
            {
                "id": 1,
                "date": "soon",
                "text": "two\r\nlines",
                "cost": Decimal("0.10000000000000000000000000000000000001"),
            },
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
    assert {name for name in after if after[name] != before.get(name)} == {
        "description",
        "version",
        "updated_at",
        "updated_author",
    }

    # An entry keeps its other members when its text changes, and texts keep their places.
    page = north.save(page, row_0_text="one line", row_1_text="another title", row_4_text="plainer", row_6_remove="on")
    assert page.receipt == "Your 4 timeline entries were added, 2 changed and 4 removed." or "changed" in page.receipt
    timeline = ripple.get(prj_id)["timeline"]
    assert timeline[0] == before["timeline"][0] | {"text": "one line"}
    assert timeline[1] == before["timeline"][1] | {"title": "another title"}
    assert "plainer" in timeline and [True] not in timeline and 7 in timeline


def test_a_record_of_another_writer_is_shown_and_saved(north, ripple, table):
    """A record with hardly any field in the form that ripple requires."""
    prj_id = f"other-{secrets.token_hex(6)}"
    table.put_item(
        Item={"prj_id": prj_id, "goal": 5, "term": Decimal("1.5"), "create_date": "", "timeline": "none", "updated_author": 3}
    )
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
    page = north.send(north.project(prj_id).form("#edit"), press="add", row_2_text="Third", goal="typed")
    assert ripple.get(prj_id)["version"] == 1, "another line is no save"
    page = north.send(page.form("#edit"), press="add")
    assert page.form("#edit").filled()["goal"] == "typed"
    page = north.save(page, row_0_text="Kick-off meeting", row_1_remove="on", row_2_date="2027-01-05", row_3_text="")
    assert page.receipt == "Your timeline entry was added, one changed and one removed; your goal was saved."
    first, second = ripple.get(prj_id)["timeline"]
    assert first == {"id": "a", "date": "2026-11-02", "text": "Kick-off meeting"}
    assert (second["date"], second["text"]) == ("2027-01-05", "Third")
    page = north.save(page, row_0_date="", row_1_text="")
    assert page.receipt == "Your 2 timeline entries were changed."
    assert ripple.get(prj_id)["timeline"] == [
        {"id": "a", "text": "Kick-off meeting"},
        {"id": second["id"], "date": "2027-01-05"},
    ]
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
    assert len(clocks) == 3
    assert all(re.fullmatch(r"on \d+ \w+ \d+ at \d\d:\d\d UTC", clock.get_text()) for clock in clocks)


def test_the_same_text_of_one_entry_is_won_and_a_removed_one_that_was_edited_stays(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, row_0_text="Opening", row_1_text="Inspection")
    page = south.save(theirs, row_0_text="Start", row_1_remove="on")
    assert (
        "your text of the timeline entry “Start” replaced the one that North office saved (“Opening”)" in page.receipt
    )
    assert "the timeline entry “Inspection” that you removed stays, because North office changed it" in page.receipt
    assert texts(ripple.get(prj_id)) == ["Start", "Inspection"]


def test_what_was_replaced_in_an_entry_is_of_the_one_who_saved_that_member(north, south, app, ripple, prj_id):
    """Another person has changed another member of the same entry since."""
    ours, east = north.project(prj_id), app.visitor("East office")
    south.save(south.project(prj_id), row_0_text="Opening")
    east.save(east.project(prj_id), row_0_date="2026-11-03")
    assert north.save(ours, row_0_text="Start").receipt.endswith(
        "; your text of the timeline entry “Start” replaced the one that South office saved (“Opening”)."
    )
    # The same in a list that the form does not show.
    for text in ("One", "1"):
        ripple.patch(prj_id, {"steps": [{"id": "s", "text": text, "day": 1}, {"id": "t", "text": "Two"}]})
    page = north.get(f"/projects/{prj_id}/history")
    for author, text, day, other in (("South", "I", 1, "Two"), ("East", "I", 2, "Two"), ("West", "I", 2, "II")):
        steps = [{"id": "s", "text": text, "day": day}, {"id": "t", "text": other}]
        edit = {"version": ripple.get(prj_id)["version"], "steps": steps}
        assert ripple.call("PATCH", f"/prj/{prj_id}", edit, ripple_author=f'"{author}"').status == 200
    told = north.send(page.form("#version-5 form")).receipt
    assert "replaced the one that South saved" in told and "East" not in told.split("; ")[-1], told


def test_who_it_was_comes_from_the_key_where_there_is_no_name(north, app, ripple, table, prj_id):
    nobody = app.visitor()
    mine, other = north.project(prj_id), north.project(prj_id)
    nobody.save(nobody.project(prj_id), goal="Anonymous")
    assert north.save(mine, issue="Mist").receipt == "Your issue was saved; the goal that somebody else saved was kept."
    page = north.save(other, issue="Hail")
    assert page.receipt.endswith("; your issue replaced the one that you saved (“Mist”).")
    # Another person of the same name is another person.
    namesake = app.visitor("North office")
    other = namesake.project(prj_id)
    north.save(north.project(prj_id), issue="Snow")
    assert namesake.save(other, issue="Sleet").receipt == (
        "Your issue replaced the one that North office saved (“Snow”)."
    )

    # A writer with another key. The name in the record is not that writer's.
    page = north.project(prj_id)
    client = ripple_of_another_key(ripple)
    client.patch(prj_id, {"description": "By a script"})
    assert (
        north.save(page, goal="Clear").receipt == "Your goal was saved; the description that “script” saved was kept."
    )


def ripple_of_another_key(ripple):
    command = [
        _setting("RIPPLE_BIN"),
        "key",
        "create",
        "--name",
        "script",
        "--endpoint-url",
        _setting("RIPPLE_DYNAMODB_ENDPOINT"),
    ]
    made = subprocess.run(command, env=clean(), capture_output=True, text=True, timeout=60, check=True)
    return Ripple(ripple.url, made.stdout.strip())


def test_news_of_others_are_told_even_if_nothing_was_typed(north, south, prj_id):
    page = south.project(prj_id)
    north.save(north.project(prj_id), goal="News", term="7", row_2_text="New")
    assert south.save(page).receipt == (
        "You had changed nothing, so nothing was saved; the goal and term that North office saved were kept; "
        "what North office changed in the timeline was kept."
    )


def test_the_same_edit_of_two_is_one_and_each_adds_an_entry(north, south, ripple, prj_id):
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, goal="Same", row_2_text="Same")
    assert south.save(theirs, goal="Same", row_2_text="Same").receipt == (
        "Your timeline entry was added, beside what North office changed there."
    )
    assert ripple.get(prj_id)["goal"] == "Same"
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "Same", "Same"]
    # The fields have no remaining change.
    ours, theirs = north.project(prj_id), south.project(prj_id)
    north.save(ours, goal="Same again")
    assert south.save(theirs, goal="Same again").receipt == (
        "Your save changed nothing; North office had already saved the same goal."
    )


def test_a_repeated_save_does_not_win_again(north, south, ripple, prj_id):
    form = north.project(prj_id).form("#edit")
    first = north.send(form, goal="First", your_name=north.name)
    south.save(south.project(prj_id), goal="Second")
    again = north.send(form, goal="First", your_name=north.name)
    assert again.receipt == first.receipt and ripple.get(prj_id)["goal"] == "Second"
    # A person who goes back and types something else means it.
    assert "Your goal replaced the one that South office saved (“Second”)" in north.send(form, goal="Third").receipt


def test_many_at_once_lose_nothing(app, ripple, prj_id):
    visitors = [app.visitor(f"Office {n}") for n in range(8)]
    pages = [visitor.project(prj_id) for visitor in visitors]

    def save(n):
        page = visitors[n].save(pages[n], row_2_text=f"By {n}", issue=f"Issue {n}")
        while page.status == 503:  # nothing was saved, and the form has all typed values
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

    assert re.search("South office, by “dev”, (at|on) ", third.get_text())
    assert re.search(r"North office \(you\), by “dev”, (at|on) ", second.get_text())
    assert told(third) == [
        "goal [removed: Second ][added: Third ]goal",
        "entry of the timeline [removed: Kick-off][added: Start]",
        "entry of the timeline “Visit” was removed",
    ]
    added = "entry of the timeline “Call” was added"
    assert told(second) == ["goal [removed: Nobody waits][added: Second goal]", added]
    assert "timeline 2 entries" in told(first) and "somebody with the key" in first.get_text()

    old = north.get(first.select_one("a")["href"])
    assert "Nobody waits" in old.words() and "Kick-off" in old.words()
    # Saved after the history was shown. A restore keeps it.
    south.save(south.project(prj_id), description="Later")
    restored = north.send(page.form("#version-1 form"))
    assert (
        restored.receipt
        == "The project is back as it was in version 1; the description that South office saved was kept."
    )
    record = ripple.get(prj_id)
    assert (record["goal"], record["description"], texts(record)) == ("Nobody waits", "Later", ["Kick-off", "Visit"])
    newest = north.get(f"/projects/{prj_id}/history").html.select_one("ol.history > li")
    assert "North office (you)" in newest.get_text()
    again = north.send(north.get(f"/projects/{prj_id}/history/5").form("main form"))
    assert again.receipt == "Nothing changed: the project already is as it was in version 5."
    # The address of a version does not say what was newest, so its page finds out.
    page = north.get(f"/projects/{prj_id}/history/1")
    south.save(south.project(prj_id), term_unit="week")
    told = north.send(page.form("main form")).receipt
    assert told == "The project is back as it was in version 1; the unit of the term that South office saved was kept."
    record = ripple.get(prj_id)
    assert (record["description"], record["term_unit"]) == ("Collect them", "week")


def test_a_long_history_is_paged(north, ripple, prj_id):
    for n in range(60):
        ripple.patch(prj_id, {"goal": f"Goal {n}"})
    numbers, path = [], f"/projects/{prj_id}/history"
    while path:
        page = north.get(path)
        numbers += [int(h.get_text().split()[1]) for h in page.html.select("ol.history h2")]
        path = next((a["href"] for a in page.html.select("a[rel=next]")), None)
    assert numbers == list(range(61, 0, -1))
    assert "goal [removed: Nobody waits][added: Goal 0]" in page.words("#version-2")
    assert north.send(page.form("#version-1 form")).receipt == "The project is back as it was in version 1."
