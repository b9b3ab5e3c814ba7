"""The Flask app's pages in a real Chromium: what a visitor sees, types, reaches by keyboard and prints."""

import re
import secrets

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from chromium import browsers, look_at, pictures, playwright, press, receipt  # noqa: F401
from conftest import _setting
from flask_app import FIELDS, App, prj_id, texts  # noqa: F401


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with App(tmp_path_factory.mktemp("app"), _setting("RIPPLE_URL"), _setting("RIPPLE_KEY")) as app:
        yield app


# Among people.


def test_an_open_page_says_at_once_what_another_person_saved(app, browsers, ripple, prj_id, pictures):
    north, south = browsers(), browsers()
    north.goto(f"{app.url}/projects/{prj_id}/edit")
    north.get_by_label("Your name").fill("Ann")
    north.get_by_label("Description").fill("The ferries of the north leave every hour, in summer and in winter.")
    press(north, "Control+s")
    assert receipt(north) == "Your description was saved."
    north.get_by_role("link", name="Edit").click()
    north.get_by_label("Issue").fill("Typed, and not saved")

    south.goto(f"{app.url}/projects/{prj_id}/edit")
    south.get_by_label("Your name").fill("Bob")
    south.get_by_label("Description").fill("The ferries of the north leave every hour, in summer only.")
    press(south, "Control+s")
    assert receipt(south) == "Your description was saved."

    news = north.locator("[data-told]")
    expect(news).to_contain_text("Bob saved description")
    expect(news).to_contain_text("Your description was replaced.")
    expect(north.get_by_label("Issue")).to_have_value("Typed, and not saved")
    news.get_by_text("Show what changed").click()
    expect(news.locator("ins")).to_contain_text("only")
    look_at(north, Axe(), pictures / "news-live.png")
    # On opening, the difference and the way back.
    press(north, "Control+s")
    # The open form has taken Bob's description in, so nothing was merged.
    assert receipt(north) == "Your issue was saved."
    south.goto(f"{app.url}/projects/{prj_id}/edit")
    south.get_by_label("Issue").fill("Bob's issue")
    press(south, "Control+s")
    assert receipt(south) == "Your issue was saved."
    north.goto(f"{app.url}/projects/{prj_id}")
    expect(north.get_by_role("heading", name="Since you last saved, Bob replaced your issue")).to_be_visible()
    north.get_by_text("Show the difference").click()
    look_at(north, Axe(), pictures / "news-opening.png")
    north.get_by_role("button", name="Keep mine").click()
    assert "issue" in receipt(north)
    assert ripple.get(prj_id)["issue"] == "Typed, and not saved"


# The list.


def test_the_server_is_asked_while_a_visitor_types(app, browsers, ripple):
    mark = f"beacon{secrets.token_hex(4)}"
    for n in range(30):
        ripple.create(FIELDS | {"name": f"{mark} number{n:02}"})
    for n in range(30):
        ripple.create(FIELDS | {"name": f"Other {n:02}"})
    page = browsers()
    page.goto(app.url)
    press(page, "/")
    page.keyboard.type(mark)
    expect(page.locator("[data-total]")).to_contain_text(f"1 to 25 of 30 projects with “{mark}”.")
    expect(page.locator("tbody tr:visible")).to_have_count(25)
    expect(page.locator("[data-said]")).to_contain_text("1 to 25 of 30 projects")
    expect(page.get_by_label("Search", exact=True)).to_be_focused()
    assert f"q={mark}" in page.url
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("[data-total]")).to_contain_text("26 to 30 of 30")
    page.get_by_role("link", name="Previous page").click()
    expect(page.locator("[data-total]")).to_contain_text("1 to 25 of 30")
    page.get_by_role("columnheader", name="Project").get_by_role("link").click()
    expect(page.locator("tbody th a").first).to_have_text(f"{mark} number00")
    page.reload()
    expect(page.locator("tbody th a").first).to_have_text(f"{mark} number00")
    page.get_by_label("Search", exact=True).fill(f"{mark} number07")
    expect(page.locator("tbody tr")).to_have_count(1)
    # Gone back to, the list is as it was.
    page.get_by_role("link", name=f"{mark} number07").click()
    expect(page.get_by_role("heading", name=f"{mark} number07")).to_be_visible()
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)


# The keyboard.


def test_two_hundred_entries_by_keyboard(app, browsers, ripple, prj_id):
    ripple.put(prj_id, {"version": 1, "timeline": [{"id": f"e{n}", "text": f"Entry {n}"} for n in range(200)]})
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    page.get_by_label("Created on").focus()
    stops = 0
    while page.evaluate("document.activeElement.id") != "add-row":
        press(page, "Tab")
        stops += 1
        assert stops < 20, "from the field before the timeline to the button behind it"
    page.get_by_label("Text of entry 1", exact=True).focus()
    for _ in range(150):
        press(page, "Control+ArrowDown")
    expect(page.get_by_label("Text of entry 151", exact=True)).to_be_focused()
    press(page, "End")
    page.keyboard.type(", typed")
    press(page, "Control+End")
    expect(page.get_by_label("Text of entry 201", exact=True)).to_be_focused()
    press(page, "Control+Home")
    expect(page.get_by_label("Text of entry 1", exact=True)).to_be_focused()
    press(page, "Control+s")
    assert receipt(page) == "Your timeline entry was changed."
    assert ripple.get(prj_id)["timeline"][150] == {"id": "e150", "text": "Entry 150, typed"}


def test_entries_are_moved_by_keyboard_and_by_button(app, browsers, ripple, prj_id):
    ripple.put(prj_id, {"version": 1, "timeline": [{"id": name, "text": name} for name in ("one", "two", "three")]})
    page = browsers()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    page.get_by_label("Text of entry 3").focus()
    press(page, "Alt+ArrowUp")
    moved = page.get_by_label("Text of entry 2")
    expect(moved).to_be_focused()
    expect(moved).to_have_value("three")
    expect(page.locator("[data-moved]")).to_have_text("Moved to place 2 of 4.")
    page.get_by_role("button", name="Move entry 1 down").press("Enter")
    expect(page.get_by_role("button", name="Move entry 2 down")).to_be_focused()
    page.get_by_label("Text of entry 4").fill("four\nin two lines")
    press(page, "Control+s")
    assert "Your timeline entry was added" in receipt(page)
    assert texts(ripple.get(prj_id)) == ["three", "one", "two", "four\nin two lines"]


def test_a_walk_by_keyboard_sees_its_focus(app, browsers, ripple, prj_id):
    """Each element that Tab reaches is visible, below the bar, and has an outline."""
    timeline = [{"id": f"e{n}", "date": "2026-11-02", "text": f"Entry {n}"} for n in range(9)]
    ripple.put(prj_id, {"version": 1, "timeline": timeline})
    page = browsers(viewport={"width": 900, "height": 500})
    for path in ("/", "/new", f"/projects/{prj_id}", f"/projects/{prj_id}/edit", f"/projects/{prj_id}/history"):
        page.goto(app.url + path)
        if path.endswith("/edit"):
            # Backwards too: there the bar at the top is in the way.
            page.evaluate("scrollTo(0, document.body.scrollHeight)")
            page.get_by_role("button", name="Move entry 10 down").focus()
            walk(page, "Shift+Tab", 30)
            page.goto(app.url + path)
        walk(page, "Tab", 40)


def walk(page, key, steps):
    for _ in range(steps):
        press(page, key)
        found = page.evaluate(
            """() => {
              const element = document.activeElement;
              if (element === document.body) return null;
              const box = element.getBoundingClientRect(), style = getComputedStyle(element);
              const bar = element.closest(".bar") ? null : document.querySelector(".bar")?.getBoundingClientRect();
              return {
                what: element.outerHTML.slice(0, 120),
                seen: box.bottom > 0 && box.top < innerHeight && box.width > 0,
                covered: bar && bar.top <= 0 && box.top < bar.bottom && box.bottom > bar.top,
                outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
              };
            }"""
        )
        if found is None:
            return
        assert found["seen"] and not found["covered"] and found["outlined"], (page.url, found)


# Fields.


def test_required_fields_are_checked_in_the_page(app, browsers):
    page, asked = browsers(), []
    page.goto(f"{app.url}/new")
    page.on("request", lambda request: asked.append(request.method) if request.method == "POST" else None)
    expect(page.locator(".caption", has_text="Name")).to_contain_text("required")
    page.get_by_label("Term", exact=True).fill("soon")
    press(page, "Control+s")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    for text in ("Name is required.", "Term must be a whole number.", "Unit is required, with up to 64 characters."):
        expect(page.get_by_text(text)).to_be_visible()
    assert not asked, "nothing was sent"
    look_at(page, Axe(), None)
    for label, text in (("Name", "Ferry"), ("Term", "3"), ("Unit", "month"), ("Created on", "2026-11-24")):
        page.get_by_label(label, exact=True).fill(text)
    expect(page.locator(".fault")).to_have_count(0)
    press(page, "Control+s")
    assert receipt(page) == "The project was registered."


def test_a_long_name_wraps_and_covers_nothing(app, browsers, ripple):
    prj_id = ripple.create(FIELDS | {"name": "Timetable " * 90})["prj_id"]
    page = browsers(viewport={"width": 1000, "height": 400})
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    bar = page.locator(".bar").bounding_box()
    assert bar["y"] <= 0.5 and bar["height"] < 120
    look_at(page, Axe(), None)


# Contrast and paper.


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_borders_of_controls_have_contrast(app, browsers, prj_id, look):
    """WCAG 2.2, 1.4.11: 3:1 against what is beside the border."""
    page = browsers(color_scheme=look)
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    found = page.evaluate(
        """() => [...document.querySelectorAll("input:not([type=hidden]):not([type=checkbox]), textarea, select, .quiet")]
          .filter((e) => e.offsetParent).map((e) => {
            let outside = e.parentElement;
            while (/rgba\\(.*, 0\\)/.test(getComputedStyle(outside).backgroundColor)) outside = outside.parentElement;
            const style = getComputedStyle(e);
            const inside = /rgba\\(.*, 0\\)/.test(style.backgroundColor) ? outside : e;
            return [style.borderTopColor, getComputedStyle(outside).backgroundColor,
              getComputedStyle(inside).backgroundColor];
          })"""
    )
    assert len(found) > 10
    for border, *beside in found:
        for other in beside:
            assert contrast(border, other) >= 3, (border, other)


def contrast(one, other):
    """Returns the contrast ratio of WCAG 2.2."""
    light, dark = sorted(map(luminance, (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def test_a_printed_project_is_worth_keeping(app, browsers, ripple, prj_id, pictures):
    ripple.patch(prj_id, {"description": "\n".join(f"Line {n}" for n in range(80))})
    page = browsers()
    page.emulate_media(media="print")
    for path in ("", "/edit"):
        page.goto(f"{app.url}/projects/{prj_id}{path}")
        for gone in (".top", ".keys", ".actions", ".bar", ".tools", "button"):
            expect(page.locator(f"{gone}:visible")).to_have_count(0)
        expect(page.get_by_role("heading", name="Ferry")).to_be_visible()
    page.goto(f"{app.url}/projects/{prj_id}/edit")
    cut = page.evaluate("[...document.querySelectorAll('textarea')].filter((e) => e.scrollHeight > e.clientHeight + 2).length")
    assert cut == 0, "the whole text of a form is on paper"
    page.goto(f"{app.url}/projects/{prj_id}")
    expect(page.get_by_text("Line 79")).to_be_visible()
    page.pdf(path=pictures / "project.pdf")


def test_a_refusal_of_the_server_is_on_the_screen_and_leads_to_the_field(app, browsers, ripple):
    page = browsers(viewport={"width": 1000, "height": 500})
    page.goto(f"{app.url}/new")
    for label, text in (("Name", "Ferry"), ("Term", "3"), ("Unit", "month"), ("Created on", "2026-11-24")):
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_text("An id of your own").click()
    page.get_by_label("Id", exact=True).fill("not/an id")
    press(page, "Control+s")
    alarm = page.get_by_role("alert")
    expect(alarm).to_be_focused()
    expect(alarm).to_be_in_viewport()
    page.get_by_role("alert").get_by_role("link").click()
    expect(page.get_by_label("Id", exact=True)).to_be_focused()
    expect(page.get_by_label("Id", exact=True)).to_be_in_viewport()
