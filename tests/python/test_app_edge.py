"""The page /app of an edge with a replica, under the real workerd: two people in two browsers see each other's edits."""

import re

import pytest
from playwright.sync_api import expect

from chromium import browsers, playwright  # noqa: F401
from conftest import _setting
from edge import wait_for
from firefox import Firefox
from near import Near
from test_app import GARDEN, field, save, sign_in


@pytest.fixture
def near(tmp_path):
    with Near(tmp_path) as near:
        yield near


# The edge ends after the browsers, whose pages would complain otherwise.
def shows(firefox, label, text):
    """Reports whether a field has a value. The page may draw its form again between the two requests of Firefox."""
    try:
        return firefox.value(firefox.labelled(label)) == text
    except AssertionError as error:
        assert "stale element" in str(error)
        return False


def test_two_browsers_at_the_edge_see_each_others_edits(near, browsers, tmp_path):
    with Firefox(_setting("RIPPLE_FIREFOX"), tmp_path / "profile") as bo:
        garden = near.ripple().create(GARDEN)["prj_id"]
        ann, sockets = browsers(), []
        ann.on("websocket", lambda socket: sockets.append(socket))
        main = sign_in(ann, near, "Ann", f"#/record/prj/{garden}")
        expect(field(ann, "Goal")).to_have_value("Beans by June")
        bo.goto(f"{near.url}/app#/record/prj/{garden}")
        bo.type(bo.labelled("Key"), near.key)
        bo.type(bo.labelled("Your name"), "Bo")
        bo.click(bo.button("Sign in"))
        wait_for(lambda: shows(bo, "Goal (required)", "Beans by June"))
        expect(main.get_by_text("Bo has this project open.")).to_be_visible()
        bo.type(bo.labelled("Goal (required)"), "Beans by May")
        bo.click(bo.button("Save"))
        expect(field(ann, "Goal")).to_have_value("Beans by May")
        expect(main.get_by_text("Bo changed the goal.")).to_be_visible()
        field(ann, "Issue").fill("Slugs")
        save(ann)
        wait_for(lambda: shows(bo, "Issue (required)", "Slugs"))
        # It was the live channel that told Ann, of the edge itself.
        live = [socket for socket in sockets if re.match(rf"ws://{near.url[7:]}/prj/_live", socket.url)]
        assert [socket.is_closed() for socket in live].count(False) == 1
        # The list of a third person is the edge's too, and changes with them.
        cy, frames = browsers(), []
        cy.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
        rows = sign_in(cy, near, "Cy", "#/list/prj").locator("tbody tr")
        expect(rows.filter(has_text="Beans by May")).to_be_visible()
        # Before the channel greets, the page does not hear who changes something.
        wait_for(lambda: cy.wait_for_timeout(20) or frames)
        bo.type(bo.labelled("Goal (required)"), "Beans by April")
        bo.click(bo.button("Save"))
        expect(rows.filter(has_text="Beans by April")).to_contain_text("Bo changed this")
