"""The Flask app in a real Firefox, which restores typed text after a reload."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from conftest import _setting
from firefox import Firefox
from flask_app import FIELDS, app, healed, ripple_switch  # noqa: F401

PROGRAM = "RIPPLE_FIREFOX"


@pytest.fixture
def firefox(tmp_path):
    with Firefox(_setting(PROGRAM), tmp_path / "firefox") as firefox:
        yield firefox


ENTRIES = {
    "with ids": [{"id": name, "date": "2026-11-02", "text": name} for name in ("first", "second", "third")],
    "of text": ["first", "second", "third"],
    "all the same": ["same", "same", "same"],
}


@pytest.mark.parametrize("timeline", ENTRIES.values(), ids=ENTRIES.keys())
def test_a_reload_ticks_no_other_entry(firefox, app, ripple, timeline):
    """North ticks "Remove" at the second entry, South removes the first entry, North reloads the page and saves."""
    prj_id = ripple.create(FIELDS | {"timeline": timeline})["prj_id"]
    firefox.goto(f"{app.url}/projects/{prj_id}/edit")
    firefox.click(firefox.labelled("Remove entry 2"))
    left = ripple.put(prj_id, {"version": 1, "timeline": timeline[1:]})["timeline"]
    firefox.reload()
    assert firefox.run("document.querySelectorAll('input:checked').length") == 0
    firefox.click(firefox.button("Save"))
    assert firefox.text(".notice.done").startswith("You had changed nothing")
    assert ripple.get(prj_id)["timeline"] == left


def test_a_reload_puts_no_typed_text_over_what_others_saved(firefox, app, ripple):
    timeline = ENTRIES["with ids"]
    prj_id = ripple.create(FIELDS | {"timeline": timeline})["prj_id"]
    firefox.goto(f"{app.url}/projects/{prj_id}/edit")
    firefox.type(firefox.labelled("Goal"), "North's")
    firefox.type(firefox.labelled("Date of entry 2"), "2027-01-05")
    ripple.put(prj_id, {"version": 1, "goal": "South's", "timeline": timeline[1:]})
    firefox.reload()
    assert firefox.value(firefox.labelled("Goal")) == "South's"
    assert firefox.value(firefox.labelled("Date of entry 2")) == "2026-11-02"


def test_a_restored_tab_puts_nothing_old_over_what_others_saved(firefox, app, ripple):
    """Firefox then identifies controls by their ids, and also restores textareas that were not edited."""
    timeline = ENTRIES["with ids"]
    prj_id = ripple.create(FIELDS | {"timeline": timeline})["prj_id"]
    firefox.goto(f"{app.url}/projects/{prj_id}/edit")
    firefox.type(firefox.labelled("Your name"), "North")
    firefox.type(firefox.labelled("Goal"), "North's")
    firefox.type(firefox.labelled("Date of entry 2"), "2027-01-05")
    firefox.click(firefox.labelled("Remove entry 2"))
    ripple.put(prj_id, {"version": 1, "goal": "South's", "issue": "South's", "timeline": timeline[1:]})
    firefox.duplicate()
    assert firefox.value(firefox.labelled("Your name")) == "North", "Firefox has restored the tab"
    assert firefox.value(firefox.labelled("Issue")) == "South's"
    assert firefox.value(firefox.labelled("Goal")) == "South's"
    assert firefox.value(firefox.labelled("Date of entry 2")) == "2026-11-02"
    assert firefox.run("document.querySelectorAll('input:checked').length") == 0


def test_a_reload_after_a_move_puts_no_text_into_another_entry(firefox, app, ripple):
    """Firefox restores text by the place of a control, and the script has moved the controls."""
    timeline = ENTRIES["with ids"]
    prj_id = ripple.create(FIELDS | {"timeline": timeline})["prj_id"]
    firefox.goto(f"{app.url}/projects/{prj_id}/edit")
    firefox.type(firefox.labelled("Text of entry 1"), "first, typed")
    firefox.click(firefox.button("↓Move entry 1 down"))
    assert firefox.value(firefox.labelled("Text of entry 2")) == "first, typed"
    firefox.reload()
    assert firefox.value(firefox.labelled("Text of entry 2")) == "second"
    firefox.click(firefox.button("Save"))
    texts = [(entry["id"], entry["text"]) for entry in ripple.get(prj_id)["timeline"]]
    assert [(name, text.removesuffix(", typed")) for name, text in texts] == [(e["id"], e["text"]) for e in timeline]


def test_a_reload_of_the_same_project_keeps_what_was_typed(firefox, app, ripple):
    prj_id = ripple.create(FIELDS | {"timeline": ENTRIES["of text"]})["prj_id"]
    firefox.goto(f"{app.url}/projects/{prj_id}/edit")
    firefox.type(firefox.labelled("Goal"), "Typed")
    firefox.click(firefox.labelled("Remove entry 2"))
    firefox.reload()
    firefox.click(firefox.button("Save"))
    assert firefox.text(".notice.done") == "Your timeline entry was removed; your goal was saved."
    record = ripple.get(prj_id)
    assert (record["goal"], record["timeline"]) == ("Typed", ["first", "third"])


def test_a_project_is_registered_on_the_readers_day(tmp_path, app):
    """In a zone whose date differs from the date in UTC, now and for the next hours."""
    zone = "Etc/GMT-14" if datetime.now(timezone.utc).hour >= 11 else "Etc/GMT+12"
    today = datetime.now(ZoneInfo(zone)).date()
    assert today != datetime.now(timezone.utc).date()
    with Firefox(_setting(PROGRAM), tmp_path / "firefox", TZ=zone) as firefox:
        firefox.goto(f"{app.url}/new")
        assert firefox.value(firefox.labelled("Created on")) == today.isoformat()
