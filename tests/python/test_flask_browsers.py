"""The Flask app in two real browsers on one project, through the backend and through the edge, and the look of its
pages."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from chromium import browsers, look_at, pictures, playwright, press, receipt  # noqa: F401
from conftest import _setting
from dev import clean
from edge import Edge, send, wait_for
from flask_app import FIELDS, App, texts


@pytest.fixture(scope="module")
def edge(tmp_path_factory):
    """An edge whose snapshot stays unchanged for longer than these tests take. A reader that sees more sees its own
    writes."""
    edge = Edge(
        tmp_path_factory.mktemp("edge"),
        _setting("RIPPLE_URL"),
        _setting("RIPPLE_DYNAMODB_ENDPOINT"),
        RIPPLE_FRESH_SECONDS="60",
    )
    yield edge
    edge.close()


@pytest.fixture(scope="module", params=["backend", "edge"])
def app(request, tmp_path_factory):
    url = _setting("RIPPLE_URL") if request.param == "backend" else request.getfixturevalue("edge").url
    with App(tmp_path_factory.mktemp("app"), url, _setting("RIPPLE_KEY")) as app:
        app.way, app.upstream = request.param, url
        yield app


@pytest.fixture
def prj_id(ripple, app):
    timeline = [
        {"id": "a", "date": "2026-11-02", "text": "Kick-off"},
        {"id": "b", "date": "2026-12-01", "text": "Visit"},
    ]
    name = "Ferry timetable"
    made = ripple.create(
        FIELDS | {"name": name, "term": 6, "timeline": timeline, "prj_id": f"ferry-{os.urandom(4).hex()}"}
    )
    # So that the edge has a snapshot with the record.
    asked = send(app.upstream, "GET", f"/prj/{made['prj_id']}", _setting("RIPPLE_KEY"), cache_control="no-cache")
    assert asked.status == 200, asked
    return made["prj_id"]


def test_two_browsers_on_one_project_lose_nothing(app, browsers, ripple, prj_id, pictures):
    north, south = browsers(), browsers(color_scheme="dark")
    for page, name in ((north, "North office"), (south, "South office")):
        page.goto(f"{app.url}/projects/{prj_id}/edit")
        page.get_by_label("Your name").fill(name)

    north.get_by_label("Goal").fill("No one waits longer than ten minutes")
    north.get_by_label("Issue").fill("Fog in the morning")
    north.get_by_label("Text of entry 2").fill("Visit to the harbour")
    north.get_by_role("button", name="Add another entry").click()
    expect(north.get_by_label("Date of entry 4")).to_be_focused()
    north.get_by_label("Date of entry 4").fill("2027-01-05")
    north.get_by_label("Text of entry 4").fill("First boat")

    south.get_by_label("Issue").fill("Three tables that disagree")
    south.get_by_label("Description").fill("Collect them, compare them,\nkeep one")
    south.get_by_label("Date of entry 2").fill("2026-12-08")
    south.get_by_label("Text of entry 3").fill("Printed")
    south.get_by_label("Remove entry 1").check()

    press(north, "Control+s")
    assert receipt(north) == "Your timeline entry was added and one changed; your goal and issue were saved."
    # Each person sees their own save at once, on any host.
    expect(north.locator(".read dl")).to_contain_text("Fog in the morning")
    south.get_by_role("button", name="Save").first.click()
    assert receipt(south) == (
        "Your description was saved; "
        "your timeline entry was added, one changed and one removed, beside what North office changed there; "
        "the goal that North office saved was kept; "
        "your issue replaced the one that North office saved (“Fog in the morning”)."
    )
    for page, name in ((north, "first"), (south, "second")):
        page.screenshot(path=pictures / f"two-browsers-{app.way}-{name}.png", full_page=True)

    record = ripple.get(prj_id)
    assert (record["goal"], record["issue"], record["description"]) == (
        "No one waits longer than ten minutes",
        "Three tables that disagree",
        "Collect them, compare them,\nkeep one",
    )
    visit, *added = record["timeline"]
    assert visit == {"id": "b", "date": "2026-12-08", "text": "Visit to the harbour"}
    assert {entry["text"]: entry.get("date") for entry in added} == {"First boat": "2027-01-05", "Printed": None}
    assert len(added) == 2

    # The second person's page has both edits.
    expect(south.locator(".read dl")).to_contain_text(record["goal"])
    expect(south.locator(".read .timeline")).to_contain_text("Visit to the harbour")
    # The first person's page has stayed open. It takes over what the second one saved; the edge knows of that later.
    if app.way == "backend":
        expect(north.locator(".read dl")).to_contain_text("Three tables that disagree")
    # The first person opens the form, and learns that the second one replaced the issue.
    north.get_by_role("link", name="Edit").click()
    expect(north.get_by_label("Your name")).to_have_value("North office")
    north.get_by_label("Term", exact=True).fill("7")
    press(north, "Control+s")
    assert "Your term was saved" in receipt(north)
    assert ripple.get(prj_id)["timeline"] == record["timeline"]


def test_a_new_project_is_in_its_makers_list_at_once(app, browsers):
    page = browsers()
    page.goto(app.url)  # the edge's snapshot is from now
    page.get_by_role("link", name="Register a project").click()
    name = f"Lighthouse {os.urandom(4).hex()}"
    for label, text in (("Name", name), ("Term", "3"), ("Unit", "month"), ("Created on", "2026-11-24")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Unit").press("Enter")
    assert receipt(page) == "The project was registered."
    page.get_by_role("link", name="Projects").first.click()
    expect(page.get_by_role("link", name=name)).to_be_visible()
    # Also when the person goes back to it after a restore.
    page.get_by_role("link", name=name).click()
    page.get_by_text("Delete this project").click()
    page.get_by_role("button", name="Delete").click()
    assert "was deleted" in receipt(page)
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    page.get_by_role("link", name="Its history").click()
    page.get_by_role("button", name="Restore version 1").click()
    assert receipt(page) == "The project is back as it was in version 1."
    # And again from the same page, after a change.
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Goal").fill("Another")
    page.get_by_role("button", name="Save").first.click()
    assert "goal" in receipt(page)
    while "/history" not in page.url:
        page.go_back()
    page.get_by_role("button", name="Restore version 1").click()
    assert receipt(page) == "The project is back as it was in version 1."
    expect(page.locator(".read dl")).not_to_contain_text("Another")


def test_back_to_a_saved_page_ticks_no_other_entry(app, browsers, ripple, prj_id):
    ripple.put(prj_id, {"version": 1, "timeline": ["first", "second", "third"]})
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    while page.locator("#rows textarea").count() < 4:  # the edge refreshes within seconds
        page.reload()
    page.get_by_label("Remove entry 2").check()
    press(page, "Control+s")
    assert receipt(page) == "Your timeline entry was removed."
    page.go_back()
    press(page, "Control+s")
    assert "nothing" in receipt(page)
    assert ripple.get(prj_id)["timeline"] == ["first", "third"]


def test_a_project_is_registered_on_the_readers_day(app, browsers, ripple):
    """At eight in the morning in Seoul, it is still yesterday in UTC. The page then stays open until the next day."""
    page = browsers(timezone_id="Asia/Seoul")
    created = page.get_by_label("Created on")
    page.clock.set_fixed_time("2027-03-01T23:00:00Z")
    page.goto(f"{app.url}/new")
    expect(created).to_have_value("2027-03-02")
    page.clock.set_fixed_time("2027-03-02T15:00:00Z")
    come_back(page)
    expect(created).to_have_value("2027-03-03")
    for label, text in (("Name", "Lighthouse"), ("Term", "3"), ("Unit", "month")):
        page.get_by_label(label, exact=True).fill(text)
    press(page, "Control+s")
    assert receipt(page) == "The project was registered."
    assert ripple.get(page.url.rsplit("/", 1)[1])["create_date"] == "2027-03-03"
    # A date that the reader chose stays.
    page.goto(f"{app.url}/new")
    created.fill("2027-02-01")
    come_back(page)
    expect(created).to_have_value("2027-02-01")


def come_back(page):
    """Reports to the page that its tab is visible again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")


def test_what_the_script_adds(app, browsers, ripple, prj_id):
    page = browsers(timezone_id="Asia/Tokyo")
    page.goto(app.url)
    press(page, "/")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    saved = page.locator("time").first
    zulu = saved.get_attribute("datetime")
    hour = (int(zulu[11:13]) + 9) % 24
    expect(saved).to_contain_text(f"at {hour:02}:{zulu[14:16]}")
    # Typed text that is not saved cannot be left by mistake.
    asked = []
    page.on("dialog", lambda dialog: (dialog.dismiss(), asked.append(dialog.type)))
    page.get_by_label("Goal").fill("Not saved")
    page.get_by_role("link", name="History").click()
    wait_for(lambda: page.wait_for_timeout(20) or asked)
    assert asked == ["beforeunload"] and page.url.endswith("/edit")
    press(page, "Control+s")
    assert receipt(page) == "Your goal was saved."
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="History")).to_be_visible()
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("look", ["light", "dark", "narrow"])
def test_the_pages_are_fit_to_be_seen(app, browsers, ripple, prj_id, pictures, look):
    """axe finds no violation, contrast included, and a narrow window needs no horizontal scrolling."""
    if app.way == "edge":
        pytest.skip("the pages are the same")
    edit = {
        "version": 1,
        "goal": "No one waits",
        "timeline": [{"id": "a", "date": "2026-11-02", "text": "Start"}, {"text": "Word" * 40}],
    }
    ripple.put(prj_id, edit | {"budget": 1200, "x" * 90: "y" * 90})
    settings = {"viewport": {"width": 390, "height": 800}} if look == "narrow" else {"color_scheme": look}
    page, axe = browsers(**settings), Axe()
    paths = {"list": "/", "new": "/new", "deleted": "/deleted", "absent": "/projects/absent"}
    pages = {"project": "", "edit": "/edit", "history": "/history", "version": "/history/1"}
    paths |= {name: f"/projects/{prj_id}{path}" for name, path in pages.items()}
    for name, path in paths.items():
        page.goto(app.url + path)
        look_at(page, axe, pictures / f"{name}-{look}.png")
    page.goto(app.url + paths["project"])
    page.get_by_text("Delete this project").click()
    look_at(page, axe, pictures / f"delete-{look}.png")
    page.goto(app.url + paths["edit"])
    page.get_by_label("Remove entry 2").check()
    page.get_by_label("Term", exact=True).fill("soon")
    page.get_by_text("Other fields").click()
    press(page, "Control+s")
    expect(page.get_by_label("Term", exact=True)).to_be_focused()
    expect(page.get_by_text("Term must be a whole number.")).to_be_visible()
    look_at(page, axe, pictures / f"refused-{look}.png")
    page.get_by_label("Term", exact=True).fill("8")
    press(page, "Control+s")
    assert receipt(page) == "Your timeline entry was removed; your term was saved."
    look_at(page, axe, pictures / f"saved-{look}.png")


def test_without_javascript_it_all_works(app, browsers, ripple, prj_id):
    page = browsers(java_script_enabled=False)
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    for text in ("Third", "Fourth"):
        page.get_by_label(re.compile(r"Text of entry [34]")).last.fill(text)
        with page.expect_navigation():
            page.get_by_role("button", name="Add another entry").click()
    page.get_by_label("Remove entry 1").check()
    page.get_by_label("Name", exact=True).press("Enter")
    assert receipt(page) == "Your 2 timeline entries were added and one removed."
    assert texts(ripple.get(prj_id)) == ["Visit", "Third", "Fourth"]


def test_a_limit_on_requests_delays_a_save_and_loses_no_text(tmp_path, ripple):
    prj_id = ripple.create(FIELDS)["prj_id"]
    edge = Edge(tmp_path, _setting("RIPPLE_URL"), _setting("RIPPLE_DYNAMODB_ENDPOINT"), RIPPLE_RATE_LIMIT="1")
    try:
        with App(tmp_path, edge.url, _setting("RIPPLE_KEY")) as app:
            visitor = app.visitor()
            for n in range(4):
                page = visitor.project(prj_id)
                assert page.status == 200, "the app waits as long as ripple asks"
                page = visitor.save(page, goal=f"Typed {n}")
                assert page.receipt == "Your goal was saved.", page
            assert ripple.get(prj_id)["goal"] == "Typed 3"
    finally:
        edge.close()


def test_xtask_dev_starts_the_app_and_ends_it(tmp_path):
    command = [_setting("RIPPLE_XTASK"), "dev", "--flask", "--optimised", "--in-memory", "--data", str(tmp_path / "data")]
    command += [argument for name in ("--port", "--edge-port", "--flask-port") for argument in (name, "0")]
    with open(tmp_path / "log", "w+b") as log:
        env = clean() | {"RIPPLE_BIN": _setting("RIPPLE_BIN")}
        xtask = subprocess.Popen(command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            file, found = tmp_path / "data/dev.json", {}
            deadline = time.monotonic() + 600
            while "flask_url" not in found:
                assert xtask.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                time.sleep(0.1)
                found = json.loads(file.read_text()) if file.exists() else {}
            assert "There are no projects yet" in requests.get(found["flask_url"], timeout=30).text
            assert found["edge_url"], "which it asks"
        finally:
            xtask.send_signal(signal.SIGINT)
            assert xtask.wait(120) == 0
        said = (tmp_path / "log").read_text()
        assert (
            f"the Flask app is at {found['flask_url']}" in said and found["key"] not in said.split("the Flask app")[1]
        )
    with pytest.raises(requests.ConnectionError):
        requests.get(found["flask_url"], timeout=5)
