"""What others save goes into an open page of the Flask app, in real browsers: into what the reader has not touched."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from chromium import browsers, look_at, pictures, playwright, press, receipt  # noqa: F401
from conftest import _setting
from dev import Dev
from edge import wait_for
from firefox import Firefox
from flask_app import FIELDS, App, prj_id, texts  # noqa: F401


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """A `ripple dev` with the live channel, which needs the feed."""
    with Dev(tmp_path_factory.mktemp("live"), "--in-memory", feed=True) as dev:
        yield dev


@pytest.fixture
def ripple(dev):
    return dev.ripple()


@pytest.fixture(scope="module")
def app(tmp_path_factory, dev):
    with App(tmp_path_factory.mktemp("app"), dev.url, dev.key) as app:
        yield app


@pytest.fixture
def north(browsers, app, prj_id):
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    page.get_by_label("Your name").fill("North office")
    return page


@pytest.fixture
def south(app):
    return app.visitor("South office")


def test_an_open_page_hears_who_else_is_there_and_what_was_saved(app, browsers, dev, prj_id):
    north, south = browsers(), browsers()
    sockets = []
    for page, name in ((north, "North office"), (south, "South office")):
        page.on("websocket", lambda socket: sockets.append(socket.url))
        page.goto(f"{app.url}/projects/{prj_id}/edit")
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Save").first.click()
        receipt(page)
    for page in (north, south):
        page.goto(f"{app.url}/projects/{prj_id}/edit")
    south.get_by_label("Goal").focus()
    expect(north.locator("[data-live]")).to_have_text("South office is at the goal.")
    expect(south.locator("[data-live]")).to_contain_text("North office")
    north.get_by_label("Issue").fill("Typed and not saved")
    south.get_by_label("Goal").fill("Heard at once")
    press(south, "Control+s")
    expect(north.locator("[data-told]")).to_contain_text("South office saved goal")
    expect(north.get_by_label("Issue")).to_have_value("Typed and not saved")
    expect(north.locator("[data-live]")).to_have_text("")
    assert sockets and not any(dev.key in told for told in (*sockets, north.content()))


def test_an_open_page_hears_of_many_large_changes_over_one_socket(app, browsers, ripple, prj_id):
    """ripple sends at most 16 KB that the page has not acknowledged, and closes the socket of a slow page."""
    page, sockets, heard = browsers(), [], []

    def opened(socket):
        sockets.append(socket)
        socket.on("framereceived", lambda frame: heard.append(str(frame)))

    page.on("websocket", opened)
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    wait_for(lambda: page.wait_for_timeout(20) or any('"hello"' in frame for frame in heard))
    other = ripple.create(FIELDS | {"prj_id": f"{prj_id}-{'x' * 90}"})["prj_id"]
    for n in range(40):
        ripple.patch(other, {f"{'member' * 5}{m:02}": n for m in range(15)})
    wait_for(lambda: page.wait_for_timeout(20) or any(f'"{other}","version":41' in frame for frame in heard))
    frames = [frame for frame in heard if other in frame]
    assert len(frames) == 41 and sum(map(len, frames)) > 1.5 * 16_384 and len(sockets) == 1


def note(page, field):
    return page.locator(f"#{field}-note")


def field(page, name):
    return page.locator(f"#field-{name}")


def test_untouched_fields_change_in_place_and_touched_ones_stay(north, south, ripple, prj_id, pictures):
    north.get_by_label("Issue", exact=True).fill("North's issue")
    south.save(south.project(prj_id), goal="South's goal", issue="South's issue", row_0_text="South's start")
    expect(north.get_by_label("Goal", exact=True)).to_have_value("South's goal")
    expect(note(north, "goal")).to_contain_text(re.compile("South office saved this (at|on) "))
    expect(field(north, "goal")).to_have_class(re.compile("folded"))
    expect(north.get_by_label("Text of entry 1")).to_have_value("South's start")
    expect(north.get_by_label("Goal", exact=True)).to_have_accessible_description(re.compile("South office saved this"))
    # What the reader has typed stays, and the note has the other text.
    expect(north.get_by_label("Issue", exact=True)).to_have_value("North's issue")
    expect(note(north, "issue")).to_contain_text("South office changed this")
    expect(note(north, "issue")).to_contain_text("South's issue")
    assert not north.locator("#field-issue.folded").count() and not note(north, "description").count()
    look_at(north, Axe(), pictures / "folded.png")
    press(north, "Control+s")
    assert receipt(north) == (
        "The goal that South office saved was kept; what South office changed in the timeline was kept; "
        "your issue replaced the one that South office saved (“South's issue”)."
    )
    record = ripple.get(prj_id)
    assert (record["goal"], record["issue"], record["version"]) == ("South's goal", "North's issue", 3)
    assert texts(record) == ["South's start", "Visit"]


def test_a_field_that_was_folded_is_edited_from_what_it_shows(north, south, ripple, prj_id):
    """The edit replaces nothing unseen, so its receipt names no other person."""
    south.save(south.project(prj_id), goal="South's goal", row_2_text="South's entry")
    expect(north.get_by_label("Goal", exact=True)).to_have_value("South's goal")
    expect(north.locator("[name=version]")).to_have_value("2")
    north.get_by_label("Goal", exact=True).fill("South's goal, and North's")
    north.get_by_role("button", name="Add another entry").click()
    north.get_by_label("Text of entry 5").fill("North's entry")
    north.get_by_label("Remove entry 1").check()
    press(north, "Control+s")
    assert receipt(north) == "Your timeline entry was added and one removed; your goal was saved."
    assert ripple.get(prj_id)["goal"] == "South's goal, and North's"
    assert texts(ripple.get(prj_id)) == ["Visit", "South's entry", "North's entry"]
    # Back to the first text, which no longer is the base.
    north.get_by_role("link", name="Edit").click()
    south.save(south.project(prj_id), goal="Third")
    expect(north.get_by_label("Goal", exact=True)).to_have_value("Third")
    north.get_by_label("Goal", exact=True).fill("South's goal, and North's")
    press(north, "Control+s")
    assert receipt(north) == "Your goal was saved."
    assert ripple.get(prj_id)["goal"] == "South's goal, and North's"


def test_an_older_answer_changes_nothing_after_a_newer_one(north, south, prj_id):
    """A page that asks twice may get the answers in the other order."""
    held, told = [], lambda request: "/news?" in request.url

    def answer(route):
        response = route.fetch()
        if response.headers.get("x-version") == "2" and not held:
            held.append((route, response))
        else:
            route.fulfill(response=response)

    north.route(lambda url: "/news?" in url, answer)
    south.save(south.project(prj_id), goal="South's first goal")
    wait_for(lambda: north.wait_for_timeout(20) or held)
    south.save(south.project(prj_id), goal="South's second goal")
    expect(north.get_by_label("Goal", exact=True)).to_have_value("South's second goal")
    [(route, response)] = held
    with north.expect_request_finished(told):
        route.fulfill(response=response)
    north.wait_for_timeout(200)
    expect(north.get_by_label("Goal", exact=True)).to_have_value("South's second goal", timeout=1)
    expect(north.locator("[name=version]")).to_have_value("3", timeout=1)


def entry_text(page, number):
    return page.get_by_label(f"Text of entry {number}")


def test_an_untouched_entry_changes_in_place_while_the_reader_types_in_another_one(north, south, ripple, prj_id, pictures):
    entry_text(north, 2).fill("North's visit")
    entry_text(north, 3).fill("North's entry")
    south.save(south.project(prj_id), row_0_text="South's start", row_2_text="South's entry")
    expect(entry_text(north, 1)).to_have_value("South's start")
    expect(entry_text(north, 3)).to_have_value("South's entry")
    expect(entry_text(north, 2)).to_have_value("North's visit")
    expect(entry_text(north, 4)).to_have_value("North's entry")
    expect(north.locator("#rows > li.folded")).to_have_count(2)
    expect(note(north, "timeline")).to_contain_text("South office saved this")
    assert not north.locator("#rows .note").count()
    # Every base is new, so the receipt names no other person.
    expect(north.locator("[name=version]")).to_have_value("2")
    look_at(north, Axe(), pictures / "folded-entries.png")
    press(north, "Control+s")
    assert receipt(north) == "Your timeline entry was added and one changed."
    assert texts(ripple.get(prj_id)) == ["South's start", "North's visit", "South's entry", "North's entry"]


def test_a_touched_entry_stays_and_says_what_it_was_changed_to(north, south, ripple, prj_id, pictures):
    entry_text(north, 1).fill("North's start")
    entry_text(north, 2).focus()
    south.save(south.project(prj_id), row_0_text="South's start", row_1_text="South's visit")
    expect(entry_text(north, 2)).to_have_value("South's visit")
    expect(entry_text(north, 2)).to_be_focused()
    expect(entry_text(north, 1)).to_have_value("North's start")
    expect(note(north, "row-0")).to_contain_text("changed this entry to 2026-11-02 South's start")
    expect(entry_text(north, 1)).to_have_accessible_description(re.compile("Yours stays here"))
    expect(note(north, "timeline")).to_contain_text("South office changed this")
    look_at(north, Axe(), pictures / "kept-entry.png")
    # Back on its base, it takes theirs when the page hears the next time.
    entry_text(north, 2).fill("North's visit")
    south.save(south.project(prj_id), goal="South's goal")
    expect(north.get_by_label("Goal", exact=True)).to_have_value("South's goal")
    expect(note(north, "row-0")).to_contain_text("South's start")
    entry_text(north, 1).fill("Kick-off")
    south.save(south.project(prj_id), goal="South's second goal")
    expect(entry_text(north, 1)).to_have_value("South's start")
    expect(north.locator("#rows .note")).to_have_count(0)
    expect(entry_text(north, 1)).not_to_have_attribute("aria-describedby", re.compile("row"))
    press(north, "Control+s")
    assert receipt(north) == "Your timeline entry was changed."
    assert texts(ripple.get(prj_id)) == ["South's start", "North's visit"]


def test_entries_that_both_edit_or_remove_are_merged_as_the_notes_say(north, south, ripple, prj_id):
    entry_text(north, 1).fill("North's start")
    north.get_by_label("Remove entry 2").check()
    south.save(south.project(prj_id), row_0_remove="on", row_1_text="South's visit")
    expect(note(north, "row-0")).to_contain_text("removed this entry, 2026-11-02 Kick-off")
    expect(note(north, "row-1")).to_contain_text("changed this entry to 2026-12-01 South's visit, so a save does not")
    press(north, "Control+s")
    assert "timeline" in receipt(north)
    assert sorted(texts(ripple.get(prj_id))) == ["North's start", "South's visit"]


def test_firefox_folds_entries_and_restores_nothing_old_onto_them(tmp_path, app, south, ripple, prj_id):
    """Firefox restores what was typed, and also the controls that a script has changed."""
    with Firefox(_setting("RIPPLE_FIREFOX"), tmp_path / "profile") as north:
        text = lambda number: north.value(north.labelled(f"Text of entry {number}"))
        north.goto(f"{app.url}/projects/{prj_id}/edit")
        north.type(north.labelled("Your name"), "North office")
        north.type(north.labelled("Text of entry 2"), "North's visit")
        south.save(south.project(prj_id), row_0_text="South's start", row_2_text="South's entry")
        wait_for(lambda: text(1) == "South's start")
        assert (text(2), text(3)) == ("North's visit", "South's entry")
        assert north.run("document.querySelectorAll('#rows > li.folded').length") == 2
        south.save(south.project(prj_id), row_0_text="South's second start", row_2_remove="on")
        wait_for(lambda: text(1) == "South's second start")
        for again in (north.reload, north.duplicate):
            again()
            assert [text(number) for number in (1, 2, 3)] == ["South's second start", "Visit", ""]
        north.type(north.labelled("Text of entry 2"), "North's last visit")
        north.click(north.button("Save"))
        assert north.text(".notice.done") == "Your timeline entry was changed."
        assert texts(ripple.get(prj_id)) == ["South's second start", "North's last visit"]


def test_moved_entries_keep_their_order_when_another_person_adds_one(north, south, ripple, prj_id):
    north.get_by_role("button", name="Move entry 2 up").click()
    south.save(south.project(prj_id), row_0_text="South's start", row_2_text="South's entry")
    expect(entry_text(north, 3)).to_have_value("South's entry")
    expect(entry_text(north, 2)).to_have_value("South's start")
    expect(entry_text(north, 1)).to_have_value("Visit")
    press(north, "Control+s")
    assert "timeline" in receipt(north)
    assert texts(ripple.get(prj_id)) == ["Visit", "South's start", "South's entry"]


def test_entries_that_another_program_writes_without_ids_keep_their_places(app, browsers, south, ripple, dev):
    """The first save gives each entry an id, and the page that is open still knows which is which."""
    prj_id = ripple.create(FIELDS | {"term": 6})["prj_id"]
    entries = [{"M": {"date": {"S": f"2026-11-0{n}"}, "text": {"S": f"Entry {n}"}}} for n in (1, 2)]
    dev.client().update_item(
        TableName="ripple_prj",
        Key={"prj_id": {"S": prj_id}},
        UpdateExpression="SET timeline = :entries",
        ExpressionAttributeValues={":entries": {"L": entries}},
    )
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    entry_text(page, 2).fill("Mine")
    south.save(south.project(prj_id), row_0_text="Theirs")
    expect(entry_text(page, 1)).to_have_value("Theirs")
    expect(entry_text(page, 2)).to_have_value("Mine")
    expect(page.locator("#rows > li")).to_have_count(3)
    press(page, "Control+s")
    receipt(page)
    assert texts(ripple.get(prj_id)) == ["Theirs", "Mine"]


def test_a_number_is_folded_with_every_digit(north, south, ripple, prj_id):
    term = 12345678901234567890123456789012345678
    ripple.put(prj_id, {"version": 1, "term": term, "goal": ""})
    expect(north.get_by_label("Term", exact=True)).to_have_value(str(term))
    expect(north.get_by_label("Goal", exact=True)).to_have_value("")
    north.get_by_label("Issue", exact=True).fill("North's")
    press(north, "Control+s")
    assert receipt(north) == "Your issue was saved."
    record = ripple.get(prj_id)
    assert (record["term"], record["goal"], record["issue"]) == (term, "", "North's")


def test_a_refused_form_folds_and_keeps_what_was_typed(app, browsers, south, ripple, prj_id):
    """The page of a refused save has typed text as its first content."""
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    page.get_by_label("Goal", exact=True).fill("Typed")
    page.get_by_label("Term", exact=True).fill("soon")
    page.evaluate("document.querySelector('#edit').submit()")
    expect(page.get_by_text("Term must be a whole number.").last).to_be_visible()
    south.save(south.project(prj_id), goal="South's", issue="South's issue")
    expect(page.get_by_label("Issue", exact=True)).to_have_value("South's issue")
    expect(note(page, "goal")).to_contain_text("South office changed this")
    expect(page.get_by_label("Goal", exact=True)).to_have_value("Typed")
    page.get_by_label("Term", exact=True).fill("6")
    press(page, "Control+s")
    assert "your goal replaced the one that South office saved (“South's”)" in receipt(page)
    assert ripple.get(prj_id)["issue"] == "South's issue"


def test_a_page_to_read_shows_what_others_save_and_marks_it(app, browsers, south, ripple, prj_id, pictures):
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}")
    south.save(south.project(prj_id), goal="South's goal", row_2_text="South's entry")
    expect(page.locator("dd.folded")).to_have_text("South's goal")
    expect(page.locator("li.folded")).to_contain_text("South's entry")
    expect(page.locator("[data-line]")).to_contain_text("Version 2, saved by South office")
    south.save(south.project(prj_id), issue="South's issue")
    expect(page.locator("dd.folded")).to_have_text(["South's goal", "South's issue"])
    look_at(page, Axe(), pictures / "folded-reading.png")
    # What the reader sees is what the reader deletes.
    page.get_by_text("Delete this project").click()
    page.get_by_role("button", name="Delete").click()
    assert "was deleted" in receipt(page)


def test_what_was_replaced_is_offered_on_the_open_page_and_brought_back(north, south, ripple, prj_id):
    north.get_by_label("Goal", exact=True).fill("North's goal")
    press(north, "Control+s")
    receipt(north)
    south.save(south.project(prj_id), goal="South's goal", issue="South's issue")
    lost = north.locator("#lost")
    expect(lost).to_contain_text("Since you last saved, South office replaced your goal")
    lost.get_by_text("Show the difference").click()
    expect(lost.locator("ins")).to_contain_text("South")
    lost.get_by_role("button", name="Keep mine").click()
    assert "goal" in receipt(north)
    assert (ripple.get(prj_id)["goal"], ripple.get(prj_id)["issue"]) == ("North's goal", "South's issue")
