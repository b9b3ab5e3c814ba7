"""The page /app with several people on one device, with slow and broken networks, and with others who act meanwhile."""

import csv
import json
import re

import pytest
from playwright.sync_api import expect

from chromium import browsers, playwright  # noqa: F401
from edge import wait_for
from test_app import GARDEN, dev, field, garden, save, save_as, serve, sign_in  # noqa: F401


def switch(page):
    return page.get_by_role("switch", name="Offline")


def sign_out(page):
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_have_value("")


def is_shown(page, name):
    expect(page.get_by_role("banner").get_by_text(name, exact=True)).to_be_visible()


def authors(dev, prj_id):
    answer = dev.ripple().call("GET", f"/prj/{prj_id}/versions")
    return [row.get("updated_author", {}).get("name") for row in answer.json()]


def test_edits_of_a_person_wait_while_another_person_uses_the_device(dev, browsers, garden):
    page = browsers()
    sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    expect(field(page, "Goal")).to_have_value("Beans by June")
    switch(page).click()
    field(page, "Goal").fill("Peas by June")
    save(page)
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()
    sign_out(page)
    sign_in(page, dev, "Bo", f"#/record/prj/{garden}")
    is_shown(page, "Bo")
    expect(field(page, "Goal")).to_have_value("Beans by June")
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    sign_out(page)
    expect(page.get_by_label("Your name")).to_have_value("Bo")  # the last one
    sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()
    expect(field(page, "Goal")).to_have_value("Peas by June")
    switch(page).click()
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    assert authors(dev, garden) == ["Ann", None]


def test_each_tab_keeps_its_person(dev, browsers, garden):
    page = browsers()
    sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    other = page.context.new_page()
    sign_in(other, dev, "Bo", f"#/record/prj/{garden}")
    page.reload()
    is_shown(page, "Ann")
    field(page, "Goal").fill("Peas by June")
    save(page)
    expect(page.locator("main").get_by_text("Your goal was saved.")).to_be_visible()
    assert authors(dev, garden) == ["Ann", None]
    other.reload()
    is_shown(other, "Bo")


def test_a_device_of_an_earlier_version_keeps_its_person(dev, browsers):
    page = browsers()
    page.goto(f"{dev.url}/app")
    page.evaluate("""localStorage.setItem('ripple.person', '{"name":"Ann","id":"ann-of-old"}')""")
    sign_in(page, dev, "Bo")
    sign_out(page)
    sign_in(page, dev, "Ann")
    prj_id = dev.ripple().create(GARDEN)["prj_id"]
    page.goto(f"{dev.url}/app#/record/prj/{prj_id}")
    field(page, "Goal").fill("Peas")
    save(page)
    expect(page.locator("main").get_by_text("Your goal was saved.")).to_be_visible()
    assert dev.ripple().get(prj_id)["updated_author"] == {"name": "Ann", "id": "ann-of-old"}


def test_a_receipt_names_who_wrote_the_replaced_text(dev, browsers, garden):
    entries = [{"id": "a", "text": "Dig"}, {"id": "b", "text": "Sow"}]
    save_as(dev, "Di", garden, {"timeline": entries, "address": {"city": "Bern", "zip": "1"}})
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    switch(page).click()
    group = main.get_by_role("group", name=re.compile("^Timeline: entry"))
    group.nth(0).get_by_label("text").fill("Dig deep")
    save(page)
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()
    entries[0]["text"] = "Dig twice"
    save_as(dev, "Bo", garden, {"timeline": entries})
    entries[1]["text"] = "Sow twice"
    save_as(dev, "Cy", garden, {"timeline": entries})
    switch(page).click()
    expect(main.get_by_text("Bo’s change to the text of an entry of timeline was replaced by yours.")).to_be_visible()


def test_who_is_overwritten_is_told_on_any_page(dev, browsers, garden):
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    field(page, "Goal").fill("Peas by June")
    save(page)
    expect(main.get_by_text("Your goal was saved.")).to_be_visible()
    page.get_by_role("navigation", name="Records").get_by_role("link", name="Projects").click()
    expect(main.get_by_role("heading", name="Projects")).to_be_visible()
    told = page.locator(".overwritten")
    save_as(dev, "Cy", garden, {"issue": "Slugs"})
    expect(main.get_by_text("Cy changed this")).to_be_visible()
    expect(told).to_be_empty()
    # Bo has not seen what Ann saved.
    save_as(dev, "Bo", garden, {"goal": "Leeks by June", "version": 1})
    expect(told).to_contain_text("Bo replaced your goal in Garden.")
    told.get_by_role("link", name="Garden").click()
    expect(main.get_by_text("Since you last saved, Bo replaced your goal.")).to_be_visible()
    expect(told).to_be_empty()


def test_a_double_click_creates_one_record(dev, browsers):
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/new/prj")
    for name, value in (GARDEN | {"name": "Double dahlia"}).items():
        field(page, name.replace("_", " ")).fill(str(value))
    page.get_by_role("button", name="Create the project").dblclick()
    expect(main.get_by_text("The project was created.")).to_be_visible()
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    assert len(dev.ripple().list("q=dahlia")) == 1


def test_nothing_can_be_typed_that_the_next_view_would_discard(dev, browsers, garden):
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    goal = field(page, "Goal")
    expect(goal).to_have_value("Beans by June")
    held = []
    page.route("**/versions?*", lambda route: held.append(route))
    page.get_by_role("link", name="History").click()
    wait_for(lambda: page.wait_for_timeout(20) or held)
    goal.evaluate("goal => goal.focus()")
    page.keyboard.type("lost")
    expect(goal).to_have_value("Beans by June")
    expect(main).to_have_attribute("aria-busy", "true")
    style = "main => { const { content, visibility } = getComputedStyle(main, '::after'); return content + visibility; }"
    wait_for(lambda: page.wait_for_timeout(20) or main.evaluate(style) == '"Loading…" / ""visible')
    # Another link still works, also while the first one loads.
    page.get_by_role("link", name="Tasks").click()
    expect(page.get_by_role("heading", level=1, name="Tasks")).to_be_focused()
    expect(main).not_to_have_attribute("aria-busy", "true")
    page.get_by_label("Search tasks").fill("x")
    for route in held:
        route.abort()


def sheet(path, rows):
    with open(path, "w", newline="") as file:
        written = csv.DictWriter(file, rows[0].keys())
        written.writeheader()
        written.writerows(rows)
    return path


@pytest.mark.parametrize("answer", ["none", "refused"])
def test_an_import_that_stops_halfway_shows_what_was_saved(dev, browsers, tmp_path, answer):
    """A request takes a hundred rows, so this file is sent in two."""
    word = f"allotment{answer}"
    rows = [GARDEN | {"description": "Beds", "name": f"{word} {number}"} for number in range(101)]
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/import/prj")
    page.get_by_label("A CSV file").set_input_files(sheet(tmp_path / "sheet.csv", rows))
    sent = []

    def passes(route):
        sent.append(route)
        if len(sent) == 1:
            return route.continue_()
        if answer == "none":
            # The page of a proxy, and no answer of ripple.
            return route.fulfill(status=404, body="There is no such page.")
        problem = {"code": "insufficient_scope", "detail": "the key may not write", "status": 403}
        return route.fulfill(status=403, body=json.dumps(problem), content_type="application/problem+json")

    save_button = page.get_by_role("button", name="Save 101 rows")
    expect(save_button).to_be_visible()
    page.route("**/prj/_batch", passes)
    save_button.click()
    expect(main.get_by_text("100 rows were saved")).to_be_visible()
    assert "on this device" not in main.inner_text()
    rest = "The rows from line 102 on were not saved."
    if answer == "none":
        rest = "It is not known whether the rows from line 102 on were saved."
    expect(main.get_by_text(rest)).to_be_visible()
    expect(main.locator("tbody tr")).to_have_count(100)
    assert len(dev.ripple().list(f"q={word}")) == 100
    page.unroute("**/prj/_batch")
    page.get_by_role("button", name="Save the rest").click()
    expect(main.get_by_text("101 rows were saved.")).to_be_visible()
    assert len(dev.ripple().list(f"q={word}")) == 101


COLUMNS = "prj_id,version,name,goal,issue,description,term,term_unit,create_date"
# The cells of the last columns.
LAST = "3,month,2026-03-01"


def choose(page, content):
    page.get_by_label("A CSV file").set_input_files({"name": "sheet.csv", "mimeType": "text/csv", "buffer": content})


def test_a_sheet_in_utf_16_is_imported_with_its_quotes(dev, browsers):
    text = f'\ufeff{COLUMNS}\r\n,,Müller 日本 🌱,5" pipe,"a ""b""\r\nc",d,{LAST}\r\n'
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/import/prj")
    choose(page, text.encode("utf-16-le"))
    page.get_by_role("button", name="Save 1 row").click()
    expect(main.get_by_text("1 row was saved.")).to_be_visible()
    [found] = dev.ripple().list("q=pipe")
    assert [found[name] for name in ("name", "goal", "issue")] == ["Müller 日本 🌱", '5" pipe', 'a "b"\r\nc']


@pytest.mark.parametrize(
    "content, said",
    [
        (
            f"{COLUMNS}\n,,Müller,a,b,c,{LAST}\n".encode("latin-1"),
            "The sheet is not UTF-8. In the spreadsheet program, save it as “CSV UTF-8”. Nothing is saved.",
        ),
        (
            b'prj_id,version,goal\np1,1,a\np2,1,"b\np3,61,c',
            "The quoted cell that begins on line 3 does not end. Nothing is saved.",
        ),
    ],
    ids=["latin", "quote"],
)
def test_a_sheet_that_cannot_be_read_is_not_sent(dev, browsers, content, said):
    page, sent = browsers(), []
    page.on("request", lambda request: sent.append(request.url) if "/_batch" in request.url else None)
    main = sign_in(page, dev, "Ann", "#/import/prj")
    choose(page, content)
    expect(main.locator(".said")).to_have_text(said)
    assert sent == []
    # The same sheet, mended.
    choose(page, b"prj_id,version,goal\nmissing,1,x\n")
    expect(main.get_by_text("1 row would be refused")).to_be_visible()
    expect(main.locator("tbody tr")).to_contain_text(["Line 2"])


def test_a_sheet_in_a_script_of_many_bytes_is_saved_and_a_row_that_is_too_large_is_told(dev, browsers):
    """The server takes 1 MB. A character of Korean has three bytes."""
    rows = [f",,Seoul {number},a,b,{'한' * 3_900},{LAST}\n" for number in range(100)]
    rows.append(f",,Seoul too large,a,b,{'x' * 1_100_000},{LAST}\n")
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/import/prj")
    choose(page, f"{COLUMNS}\n{''.join(rows)}".encode())
    page.get_by_role("button", name="Save 100 rows").click()
    expect(main.get_by_text("100 rows were saved, and 1 row was refused.")).to_be_visible()
    refused = main.locator("tbody tr.refused")
    expect(refused).to_contain_text(["Line 102"])
    expect(refused).to_contain_text(["Refused: This is too large for one project."])
    assert len(dev.ripple().list("q=seoul&fields=name")) == 100


def test_a_row_without_a_version_is_refused_where_its_record_exists(dev, browsers, garden):
    text = f"{COLUMNS}\n,,Fence,a,b,c,{LAST}\n{garden},,Taken,a,b,c,{LAST}\n"
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/import/prj")
    choose(page, text.encode())
    refused = main.locator("tbody tr.refused")
    told = re.compile("Line 3.*Refused: Another project has this id. It was not changed.")
    expect(main.get_by_text("1 row changes something")).to_contain_text("1 row would be refused.")
    expect(refused).to_have_count(1)
    expect(refused).to_have_text(told)
    page.get_by_role("button", name="Save 1 row").click()
    expect(main.get_by_text("1 row was saved, and 1 row was refused.")).to_be_visible()
    expect(refused).to_have_count(1)
    expect(refused).to_have_text(told)
    assert dev.ripple().get(garden)["name"] == GARDEN["name"]


def test_a_record_that_another_person_brings_back_leaves_the_list_of_what_is_deleted(dev, browsers):
    ripple = dev.ripple()
    ids = [ripple.create(GARDEN | {"name": name})["prj_id"] for name in ("Sunken orchard", "Lost meadow")]
    for prj_id in ids:
        ripple.delete(prj_id)
    page, frames = browsers(), []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    main = sign_in(page, dev, "Ann", "#/trash/prj")
    titles = main.locator("ol.rows h2")
    expect(titles.filter(has_text="Sunken orchard")).to_be_visible()
    expect(titles.filter(has_text="Lost meadow")).to_be_visible()
    wait_for(lambda: page.wait_for_timeout(20) or frames)
    number = titles.count()
    main.get_by_role("button", name="Bring back Sunken orchard").focus()
    ripple.restore(ids[0], 1)
    expect(titles.filter(has_text="Sunken orchard")).to_have_count(0)
    expect(titles.filter(has_text="Lost meadow")).to_be_visible()
    expect(main.get_by_text(re.compile(rf"^{number - 1} projects?$"))).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    # Deleted again, it is in the list again.
    ripple.delete(ids[0])
    expect(titles.filter(has_text="Sunken orchard")).to_be_visible()
