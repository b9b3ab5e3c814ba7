"""The page /app in real browsers: lists and forms made of the resource files, an outbox, and receipts in words."""

import contextlib
import csv
import gzip
import io
import json
import os
import re
import subprocess
from decimal import Decimal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from chromium import browsers, look_at, pictures, playwright  # noqa: F401
from conftest import _setting
from dev import Dev, clean
from edge import ROOT, wait_for
from firefox import Firefox

SITE = ROOT / "edge/site"
BIN = ROOT / "node_modules/.bin"
# The most that the page loads, gzipped.
MOST = 60_000

GARDEN = {"name": "Garden", "goal": "Beans by June", "issue": "Snails"}
GARDEN |= {"description": "Raised beds\nbehind the house\nand a fence"}
GARDEN |= {"term": 3, "term_unit": "month", "create_date": "2026-03-01"}


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Starts a ripple with the page. Only with its feed it has the live channel."""
    with contextlib.ExitStack() as running:

        def start(*more, **settings):
            folder = tmp_path_factory.mktemp("app")
            options = ("--in-memory", "--pages", str(SITE), *more)
            return running.enter_context(Dev(folder / "data", *options, log=folder / "log", cwd=ROOT, **settings))

        yield start


@pytest.fixture(scope="module")
def dev(serve):
    return serve(feed=True)


@pytest.fixture
def garden(dev):
    """Returns the id of a new project."""
    return dev.ripple().create(GARDEN)["prj_id"]


def save_as(dev, name, record_id, edit, resource="prj"):
    """Saves as another person, on what that person has just read."""
    ripple, path = dev.ripple(), f"/{resource}/{record_id}"
    body = {"version": ripple.call("GET", path).json()["version"]} | edit
    answer = ripple.call("PATCH", path, body, ripple_author=f'"{name}";id="{name.lower()}"')
    assert answer.status == 200, answer


def sign_in(page, dev, name, address=""):
    page.goto(f"{dev.url}/app{address}")
    page.get_by_label("Key").fill(dev.key)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("switch", name="Offline")).to_be_visible()
    return page.locator("main")


def field(page, label):
    return page.get_by_label(re.compile(rf"^{label}( \(required\))?$", re.IGNORECASE))


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


@pytest.mark.parametrize("command", ["tsc --noEmit --project .", "node --test test/words.test.ts"])
def test_types_are_strict_and_words_are_right(command):
    program, *arguments = command.split()
    environment = clean() | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    run = {"cwd": ROOT / "app", "env": environment, "capture_output": True, "text": True, "timeout": 600}
    done = subprocess.run([str(BIN / program), *arguments], **run)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_is_small():
    files = [SITE / "app.html", *(SITE / "app").iterdir()]
    sizes = {file.name: len(gzip.compress(file.read_bytes())) for file in files}
    assert {"app.html", "app.js", "app.css"} <= set(sizes) and sum(sizes.values()) < MOST, sizes


def test_a_stranger_creates_a_record_and_another_person_sees_it_change(dev, browsers, tmp_path):
    ann = browsers()
    main = sign_in(ann, dev, "Ann")
    ann.get_by_role("link", name="New project").click()
    ann.get_by_role("button", name="Create the project").click()
    expect(field(ann, "Name")).to_be_focused()
    expect(main.get_by_text("Name is required.")).to_be_visible()
    for name, value in GARDEN.items():
        field(ann, name.replace("_", " ")).fill(str(value))
    ann.get_by_role("button", name="Create the project").click()
    expect(main.get_by_text("The project was created.")).to_be_visible()
    address = ann.url.split("/app")[1]
    prj_id = address.rsplit("/", 1)[1]
    found = dev.ripple().get(prj_id)
    assert found["term"] == 3 and found["description"] == GARDEN["description"]
    assert found["updated_author"]["name"] == "Ann"

    with Firefox(_setting("RIPPLE_FIREFOX"), tmp_path / "profile") as bo:
        bo.goto(f"{dev.url}/app{address}")
        bo.type(bo.labelled("Key"), dev.key)
        bo.type(bo.labelled("Your name"), "Bo")
        bo.click(bo.button("Sign in"))
        goal = bo.labelled("Goal (required)")
        assert bo.value(goal) == "Beans by June"
        bo.type(goal, "Beans by May")
        bo.click(bo.button("Save"))
        wait_for(lambda: "Your goal was saved." in bo.text("main"))
        # Ann's page is open, and hears of it.
        expect(main.get_by_text("Bo changed the goal.")).to_be_visible()
        expect(field(ann, "Goal")).to_have_value("Beans by May")
        field(ann, "Goal").fill("Beans by April")
        ann.keyboard.press("Control+s")
        expect(main.get_by_text("Your goal was saved.")).to_be_visible()
        expect(field(ann, "Goal")).to_be_focused()
        # Ann replaced the goal knowingly, so no receipt names it. Bo's page still tells Bo.
        wait_for(lambda: "Since you last saved, Ann replaced your goal." in bo.text("main"))
        bo.click(bo.button("Bring mine back"))
        wait_for(lambda: dev.ripple().get(prj_id)["goal"] == "Beans by May")
        assert dev.key not in bo.run("location.href + JSON.stringify(localStorage)")


def test_two_browsers_see_each_other_and_each_others_edits(dev, browsers, garden):
    ann, bo = browsers(), browsers()
    mine, list_of_ann = sign_in(ann, dev, "Ann", f"#/record/prj/{garden}"), browsers()
    theirs = sign_in(bo, dev, "Bo", f"#/record/prj/{garden}")
    rows = sign_in(list_of_ann, dev, "Cy", "#/list/prj").locator("tbody tr")
    expect(mine.get_by_text("Bo has this project open.")).to_be_visible()
    field(bo, "Goal").focus()
    expect(mine.get_by_text("Bo is editing goal.")).to_be_visible()
    field(bo, "Goal").fill("Peas by June")
    save(bo)
    # What Ann has not touched changes in place, and is marked. The list of a third person changes too.
    expect(field(ann, "Goal")).to_have_value("Peas by June")
    expect(mine.locator("[data-member=goal].changed")).to_contain_text("Bo changed this just now.")
    expect(rows.filter(has_text="Peas by June")).to_contain_text("Bo changed this")
    # What Bo has touched stays, and names who changed it.
    field(bo, "Issue").fill("Slugs")
    field(ann, "Issue").fill("Mice")
    expect(theirs.get_by_text("Ann is editing issue.")).to_be_visible()
    save(ann)
    expect(theirs.get_by_text("Ann saved this meanwhile: “Mice”")).to_be_visible()
    expect(field(bo, "Issue")).to_have_value("Slugs")
    ann.get_by_role("link", name="All projects").click()
    expect(theirs.locator(".people")).to_be_empty()


HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_the_tabs_of_a_person_share_one_socket(dev, browsers, garden):
    first, sockets = browsers(), []
    second = first.context.new_page()
    for page in (first, second):
        page.on("websocket", lambda socket: sockets.append(socket))
        sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
        expect(field(page, "Goal")).to_have_value("Beans by June")

    def both_hear(goal):
        save_as(dev, "Bo", garden, {"goal": goal})
        for page in (first, second):
            expect(field(page, "Goal")).to_have_value(goal)

    def one_is_open(number):
        wait_for(lambda: first.wait_for_timeout(20) or len(sockets) == number)
        wait_for(lambda: first.wait_for_timeout(20) or [socket.is_closed() for socket in sockets].count(False) == 1)

    both_hear("Peas")
    one_is_open(1)
    first.evaluate(HIDE, True)  # it hands over to the visible tab
    one_is_open(2)
    both_hear("Carrots")
    first.evaluate(HIDE, False)
    second.evaluate(HIDE, True)
    one_is_open(3)
    both_hear("Leeks")


def test_a_host_without_a_live_channel_is_asked(serve, browsers):
    """The page reads every record once, for the position. From then on it goes on from there, also after a reload."""
    dev = serve()
    prj_id = dev.ripple().create(GARDEN)["prj_id"]
    page = browsers()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "_changes" in request.url else None)
    with page.expect_response(lambda answer: "_changes?since=" in answer.url):
        main = sign_in(page, dev, "Ann", f"#/record/prj/{prj_id}")
    save_as(dev, "Bo", prj_id, {"goal": "Peas"})
    page.evaluate("dispatchEvent(new Event('online'))")  # else it asks five seconds later
    expect(field(page, "Goal")).to_have_value("Peas")
    expect(main.get_by_text("Bo changed the goal.")).to_be_visible()
    asked.clear()
    page.reload()
    wait_for(lambda: page.wait_for_timeout(20) or asked)
    assert all("since=" in url for url in asked), asked


def test_edits_made_offline_survive_a_reload_and_are_merged(dev, browsers, garden):
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    switch = page.get_by_role("switch", name="Offline")
    expect(field(page, "Goal")).to_have_value("Beans by June")
    switch.click()
    field(page, "Goal").fill("Peas by June")
    save(page)
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()
    field(page, "Description").fill("Raised beds, watered\nbehind the house\nand a fence")
    save(page)
    page.reload()
    expect(field(page, "Goal")).to_have_value("Peas by June")
    expect(field(page, "Description")).to_have_value("Raised beds, watered\nbehind the house\nand a fence")
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()  # the second was folded into the first
    assert dev.ripple().get(garden)["version"] == 1

    hedge = GARDEN["description"].replace("fence", "hedge")
    save_as(dev, "Bo", garden, {"goal": "Beans by May", "issue": "Slugs", "description": hedge})
    switch.click()
    expect(main.get_by_text("Bo’s change to the goal was replaced by yours.")).to_be_visible()
    expect(main.get_by_text("Your description was merged with what Bo wrote there")).to_be_visible()
    expect(field(page, "Issue")).to_have_value("Slugs")
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    assert dev.ripple().get(garden)["description"] == "Raised beds, watered\nbehind the house\nand a hedge"

    page.get_by_role("button", name="Show the difference of the goal").click()
    expect(main.locator("del").first).to_contain_text("Beans")
    page.get_by_role("button", name="Bring back the other goal").click()
    expect(field(page, "Goal")).to_have_value("Beans by May")
    wait_for(lambda: dev.ripple().get(garden)["goal"] == "Beans by May")


def test_the_page_opens_without_a_network(dev, browsers, garden):
    page = browsers()
    sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    expect(field(page, "Goal")).to_have_value("Beans by June")
    page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    page.wait_for_function("navigator.serviceWorker.controller")
    page.context.set_offline(True)
    page.reload()
    expect(field(page, "Goal")).to_have_value("Beans by June")
    field(page, "Goal").fill("Peas")
    save(page)
    expect(page.get_by_role("link", name="1 edit waits")).to_be_visible()
    assert dev.ripple().get(garden)["version"] == 1
    page.context.set_offline(False)
    expect(page.get_by_role("link", name="All saved")).to_be_visible()
    assert dev.ripple().get(garden)["goal"] == "Peas"
    urls = page.evaluate("caches.open('ripple-app').then(async (kept) => (await kept.keys()).map(({ url }) => url))")
    assert {url.removeprefix(dev.url) for url in urls} == {"/app", "/app/app.js", "/app/app.css", "/app/icon.svg", "/openapi.json"}


def test_typed_text_stays_while_others_save(dev, browsers, garden):
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    field(page, "Goal").fill("Peas")
    save_as(dev, "Bo", garden, {"goal": "Beans", "issue": "Slugs"})
    expect(field(page, "Issue")).to_have_value("Slugs")
    expect(field(page, "Goal")).to_have_value("Peas")
    expect(main.get_by_text("Bo saved this meanwhile: “Beans”")).to_be_visible()
    expect(main.locator("[data-member=issue]")).to_contain_text("Bo changed this just now.")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("link", name="All projects").click()
    wait_for(lambda: page.wait_for_timeout(20) or asked)
    expect(field(page, "Goal")).to_have_value("Peas")
    save(page)
    expect(main.get_by_text("Bo’s change to the goal was replaced by yours.")).to_be_visible()
    assert dev.ripple().get(garden)["issue"] == "Slugs"


def test_what_the_server_refuses_stays_with_its_reason(dev, browsers, garden):
    page = browsers()
    main = sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    switch = page.get_by_role("switch", name="Offline")
    expect(field(page, "Goal")).to_be_visible()
    switch.click()
    field(page, "Goal").fill("Peas")
    save(page)
    dev.ripple().delete(garden)
    switch.click()
    expect(page.get_by_role("link", name="1 change needs you")).to_be_visible()
    page.get_by_role("link", name="1 change needs you").click()
    expect(page.get_by_role("heading", name="What waits", exact=True)).to_be_visible()
    expect(main.get_by_text("This project was deleted before your change arrived.")).to_be_visible()
    main.get_by_role("button", name="Drop").click()
    expect(main.get_by_text("Nothing waits to be sent.")).to_be_visible()

    # The page does not check `multipleOf`. The server's reason is beside the field, and the text stays.
    page.goto(f"{dev.url}/app#/new/task")
    field(page, "Subject").fill("Dig")
    field(page, "State").select_option("todo")
    field(page, "Cost").fill("0.001")
    page.get_by_role("button", name="Create the task").click()
    expect(main.locator("[data-member=cost] .fault")).to_contain_text("Cost must be")
    expect(field(page, "Cost")).to_have_value("0.001")
    field(page, "Cost").fill("0.01")
    save(page)
    expect(main.get_by_text("The task was created.")).to_be_visible()


def test_a_form_keeps_every_digit_and_what_it_does_not_know(dev, browsers):
    ripple = dev.ripple()
    steps = [{"step": "a", "text": "Dig", "done": False, "who": {"x": 1}}, {"step": "b", "text": "Sow"}]
    steps.append({"text": "Eat"})
    task = {"ref": "digits", "subject": "Dig", "state": "todo", "labels": ["x", "y"], "steps": steps}
    task |= {"more": {"deep": [1]}}
    body = json.dumps(task)[:-1] + ', "cost": 123456789012345678901234567890123456.78}'
    assert ripple.call("POST", "/task", json.loads(body, parse_float=Decimal)).status == 201
    before = ripple.call("GET", "/task/digits").json()

    page = browsers()
    main = sign_in(page, dev, "Ann", "#/record/task/digits")
    expect(field(page, "Cost")).to_have_value("123456789012345678901234567890123456.78")
    page.get_by_text("Other members").click()
    expect(main.get_by_text('{"deep":[1]}')).to_be_visible()
    save(page)
    expect(main.get_by_text("You have changed nothing.")).to_be_visible()
    field(page, "Cost").fill("999999999999999999999999999999999999.01")
    field(page, "Labels").fill("y\nz")
    entries = main.get_by_role("group", name=re.compile("^Steps: entry"))
    entries.nth(0).get_by_label("done").check()
    entries.nth(1).get_by_label("text").press("Alt+ArrowUp")
    expect(entries.nth(0).get_by_label("text")).to_be_focused()
    page.get_by_role("button", name="Remove: entry 3 of steps").click()
    page.get_by_role("button", name="Add an entry to steps").click()
    page.keyboard.type("Water")
    save(page)
    expect(main.get_by_text("Your cost was saved")).to_be_visible()
    after = ripple.call("GET", "/task/digits").json()
    assert str(after["cost"]) == "999999999999999999999999999999999999.01"
    assert after["labels"] == ["y", "z"] and after["more"] == before["more"] and "due" not in after
    [sow, dig, water] = after["steps"]
    assert (sow["text"], dig["text"], water["text"]) == ("Sow", "Dig", "Water") and water["step"]
    assert dig == before["steps"][0] | {"done": True}


def test_the_list_is_searched_sorted_and_turned(dev, browsers):
    ripple = dev.ripple()
    for number in range(30):
        names = {"prj_id": f"harbour-{number}", "name": f"Harbour {number:02}", "goal": f"Aim {59 - number}"}
        ripple.create(GARDEN | names)
    page = browsers()
    main = sign_in(page, dev, "Ann")
    rows = main.locator("tbody tr")
    page.get_by_label("Search projects").press_sequentially("harbour", delay=1)
    expect(main.get_by_text("1–25 of 30 projects")).to_be_visible()
    main.get_by_role("button", name="Goal").click()
    expect(rows.first).to_contain_text("Harbour 29")
    main.get_by_role("button", name="Next page").click()
    expect(main.get_by_text("26–30 of 30 projects")).to_be_visible()
    expect(rows).to_have_count(5)
    main.get_by_role("button", name="Previous page").click()
    expect(rows).to_have_count(25)
    page.get_by_label("Search projects").fill("harbour 07")
    expect(main.get_by_text("1 project", exact=True)).to_be_visible()
    page.get_by_role("switch", name="Offline").click()
    expect(main.get_by_text("Without the network: 1 project on this device")).to_be_visible()
    page.get_by_role("switch", name="Offline").click()
    page.get_by_label("Search projects").fill("nowhere at all")
    expect(main.get_by_text("No project has these words.")).to_be_visible()


def test_a_list_that_is_read_again_keeps_the_focus_and_lets_its_reader_go(dev, browsers, garden):
    other = dev.ripple().create(GARDEN | {"name": "Meadow"})["prj_id"]
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/list/prj")
    link = main.get_by_role("link", name="Garden", exact=True).first
    link.focus()
    save_as(dev, "Bo", other, {"goal": "Hay"})
    expect(main.get_by_text("Bo changed this")).to_be_visible()
    expect(link).to_be_focused()
    # The list is read after the reader has followed a link, and before the page knows that.
    follow = "to => { location.hash = to; document.querySelector('[data-sort=name]').click(); }"
    page.evaluate(follow, f"#/record/prj/{garden}")
    expect(field(page, "Goal")).to_be_visible()


def test_records_with_a_sort_key_are_listed_edited_and_created(serve, browsers):
    dev = serve("--resources", str(ROOT / "tests/resources"), feed=True)
    ripple = dev.ripple()
    hall = {"meter_no": 7, "read_at": "2026-01-01", "place": "Hall", "kwh": 1}
    assert ripple.call("POST", "/meter", hall).status == 201
    # Another program has chosen a key that no address can have as it is.
    item = {"meter_no": {"N": "7"}, "read_at": {"S": "noon, or so"}, "place": {"S": "Attic"}}
    dev.client().put_item(TableName="ripple_meter", Item=item)
    page = browsers()
    main = sign_in(page, dev, "Ann")
    expect(main.get_by_text("2 readings")).to_be_visible()
    for place, name, address in [("Hall", "Porch", "7,2026-01-01"), ("Attic", "Loft", "7,_~bm9vbiwgb3Igc28")]:
        page.get_by_role("link", name=place, exact=True).click()
        field(page, "Place").fill(name)
        save(page)
        expect(main.get_by_text("Your place was saved.")).to_be_visible()
        assert ripple.call("GET", f"/meter/{address}").json()["place"] == name
        page.get_by_role("link", name="All readings").click()
    page.get_by_role("link", name="New reading").click()
    field(page, "Meter no").fill("8")
    page.get_by_role("button", name="Create the reading").click()
    expect(main.get_by_text("Read at is required.")).to_be_visible()
    field(page, "Read at").fill("2026-02-01")
    field(page, "Place").fill("Cellar")
    page.get_by_role("button", name="Create the reading").click()
    expect(main.get_by_text("The reading was created.")).to_be_visible()
    assert ripple.call("GET", "/meter/8,2026-02-01").json()["place"] == "Cellar"
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    # This resource has other names for the version and for deletions.
    assert ripple.call("DELETE", "/meter/8,2026-02-01").status == 204
    page.goto(f"{dev.url}/app#/trash/meter")
    page.get_by_role("button", name="Bring back Cellar").click()
    wait_for(lambda: page.wait_for_timeout(20) or ripple.call("GET", "/meter/8,2026-02-01").status == 200)


def test_a_list_is_exported_edited_as_a_sheet_and_imported(dev, browsers, tmp_path):
    ripple = dev.ripple()
    quarry = GARDEN | {"description": 'a "b",\r\nc'}
    ids = [ripple.create(quarry | {"name": f"Quarry {number}"})["prj_id"] for number in range(3)]
    page = browsers()
    main = sign_in(page, dev, "Ann", "#/list/prj?q=quarry&sort=name")
    expect(main.get_by_text("3 projects")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    exported = download.value.path().read_bytes()
    assert exported.startswith(b"\xef\xbb\xbfprj_id,"), "programs for sheets see that it is UTF-8"
    rows = list(csv.DictReader(io.StringIO(exported.decode("utf-8-sig"), newline="")))
    assert [row["prj_id"] for row in rows] == ids and rows[0]["description"] == 'a "b",\r\nc'
    rows[0]["goal"] = "Stone"
    rows[1]["term"] = "soon"
    rows.append(rows[0] | {"prj_id": "", "version": "", "name": "Quarry 4"})
    save_as(dev, "Bo", ids[0], {"goal": "Sand", "issue": "Dust"})
    with open(tmp_path / "sheet.csv", "w", newline="") as file:
        sheet = csv.DictWriter(file, rows[0].keys())
        sheet.writeheader()
        sheet.writerows(rows)

    page.get_by_role("link", name="Import CSV").click()
    expect(main.get_by_text("An empty cell leaves its value as it is, and json:null removes it.")).to_be_visible()
    page.get_by_label("A CSV file").set_input_files(tmp_path / "sheet.csv")
    expect(main.get_by_text("2 rows change something, 1 row would change nothing, 1 row would be refused.")).to_be_visible()
    said = [re.compile("replaces what others saved in the goal since the export", re.IGNORECASE), "Refused: Term must be"]
    said += ["Changes nothing.", "Creates a new project."]
    for number, text in enumerate(said):
        expect(main.locator("tbody tr").nth(number)).to_contain_text(text)
    assert ripple.get(ids[0])["goal"] == "Sand"
    page.get_by_role("button", name="Save 2 rows").click()
    expect(main.get_by_text("2 rows were saved, and 1 row was refused.")).to_be_visible()
    found = ripple.get(ids[0])
    assert (found["goal"], found["issue"], found["updated_author"]["name"]) == ("Stone", "Dust", "Ann")
    assert ripple.get(ids[1])["version"] == 1 and len(ripple.list("q=quarry")) == 4


def test_a_deleted_record_is_found_and_brought_back(dev, browsers):
    prj_id = dev.ripple().create(GARDEN | {"name": "Lost lighthouse"})["prj_id"]
    save_as(dev, "Bo", prj_id, {"goal": "Light"})
    page = browsers()
    page.on("dialog", lambda dialog: dialog.accept())
    main = sign_in(page, dev, "Ann", f"#/record/prj/{prj_id}")
    page.get_by_role("link", name="History").click()
    page.get_by_role("button", name="Show the difference of version 2").click()
    expect(main.locator("ins")).to_contain_text("Light")
    page.get_by_role("button", name="Restore version 1").click()
    expect(main.get_by_text("The project is back as it was in version 1")).to_be_visible()
    expect(field(page, "Goal")).to_have_value(GARDEN["goal"])
    # The deletion reaches the server when the page of what is deleted is open.
    late = []
    page.route("**/prj/*", lambda route: late.append(route) if route.request.method == "DELETE" else route.continue_())
    page.get_by_role("button", name="Delete this project").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()
    page.get_by_role("link", name="Deleted").click()
    expect(page.locator(".said .hint")).to_be_visible()
    wait_for(lambda: page.wait_for_timeout(20) or late)
    late[0].continue_()
    page.get_by_role("button", name="Bring back Lost lighthouse").click()
    expect(page.get_by_role("heading", name="Lost lighthouse")).to_be_visible()
    wait_for(lambda: dev.ripple().call("GET", f"/prj/{prj_id}").status == 200)


def test_a_restoration_keeps_what_was_saved_since_the_history_was_shown(dev, browsers, garden):
    save_as(dev, "Bo", garden, {"goal": "Beans by May"})
    page = browsers()
    sign_in(page, dev, "Ann", f"#/record/prj/{garden}")
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="Version 2")).to_be_visible()
    with page.expect_response(lambda answer: answer.url.endswith(f"/prj/{garden}")):
        save_as(dev, "Bo", garden, {"issue": "Slugs"})
    page.wait_for_timeout(500)  # the device keeps what it has read
    page.get_by_role("button", name="Restore version 1").click()
    wait_for(lambda: page.wait_for_timeout(20) or dev.ripple().get(garden)["goal"] == GARDEN["goal"])
    assert dev.ripple().get(garden)["issue"] == "Slugs"


def test_a_refused_key_is_told_and_none_is_kept(dev, browsers):
    page = browsers()
    page.goto(f"{dev.url}/app")
    page.get_by_label("Key").fill(dev.key[:-1])
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("ripple refuses this key")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0
    sign_in(page, dev, "Ann")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Key")).to_have_value("")
    assert dev.key not in page.evaluate("JSON.stringify([{ ...sessionStorage }, { ...localStorage }, location.href])")


def test_names_in_records_are_text(dev, browsers):
    script = "<img src=x onerror=alert(1)><script>alert(1)</script>"
    prj_id = dev.ripple().create(GARDEN | {"name": script, script: {script: [script]}})["prj_id"]
    page = browsers()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    main = sign_in(page, dev, "Ann", f"#/record/prj/{prj_id}")
    expect(page.get_by_role("heading", name=script)).to_be_visible()
    page.get_by_text("Other members").click()
    expect(main.locator(".others")).to_contain_text(script)
    page.goto(f"{dev.url}/app#/list/prj?q=onerror")
    expect(page.get_by_role("link", name=script)).to_be_visible()
    assert page.locator("main img, main script").count() == 0


def test_a_link_names_no_author(dev, browsers):
    page = browsers()
    page.goto(f"{dev.url}/app?pane=bo")
    expect(page.get_by_label("Your name")).to_have_value("")
    sign_in(page, dev, "Ann", "?pane=bo")
    expect(page.get_by_role("banner").get_by_text("Ann")).to_be_visible()


def test_the_demonstration_has_two_people_and_one_is_offline(dev, browsers, pictures):
    page = browsers(viewport={"width": 1300, "height": 950})
    page.goto(f"{dev.url}/app?demo")
    page.get_by_label("Key").fill(dev.key)
    page.get_by_label("Your name").fill("Visitor")
    page.get_by_role("button", name="Sign in").click()
    ann, bo = (page.frame_locator("iframe").nth(number) for number in (0, 1))
    expect(bo.get_by_role("switch", name="Offline")).to_be_checked()
    field(bo, "Goal").fill("Peas by June")
    bo.get_by_role("button", name="Save", exact=True).click()
    expect(bo.get_by_role("link", name="1 edit waits")).to_be_visible()
    field(ann, "Goal").fill("Beans by May")
    field(ann, "Issue").fill("Slugs")
    ann.get_by_role("button", name="Save", exact=True).click()
    expect(ann.locator("main").get_by_text("Your goal and issue were saved.")).to_be_visible()
    bo.get_by_role("switch", name="Offline").click()
    expect(bo.locator("main").get_by_text("Ann’s change to the goal was replaced by yours.")).to_be_visible()
    expect(field(bo, "Issue")).to_have_value("Slugs")
    expect(ann.locator("main").get_by_text("Since you last saved, Bo replaced your goal.")).to_be_visible()
    ann.get_by_role("heading", name="Garden").scroll_into_view_if_needed()
    look_at(page, Axe(), pictures / "app-demo.png")  # docs/app-demo.png is one of these


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_pages_are_fit_to_be_seen(dev, browsers, garden, pictures, look):
    """axe finds no violation, contrast included. The dark window is narrow, and needs no horizontal scrolling."""
    save_as(dev, "Bo", garden, {"goal": "Word" * 40, "timeline": [{"id": "a", "text": "Start"}], "x" * 90: "y" * 90})
    narrow = {"viewport": {"width": 390, "height": 800}} if look == "dark" else {}
    page, axe = browsers(color_scheme=look, **narrow), Axe()
    page.goto(f"{dev.url}/app")
    expect(page.get_by_label("Key")).to_be_focused()
    look_at(page, axe, pictures / f"app-signin-{look}.png")
    sign_in(page, dev, "Ann")
    views = {"list/prj": "Projects", "trash/prj": "Deleted projects", "outbox": "What waits", "new/task": "New task"}
    views |= {f"record/prj/{garden}": "Garden", f"history/prj/{garden}": "History of Garden"}
    if look == "dark":  # the others are made of the same parts
        views = {address: heading for address, heading in views.items() if not address.startswith(("trash", "outbox"))}
    for address, heading in views.items():
        page.goto(f"{dev.url}/app#/{address}")
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        if address == "new/task":
            page.get_by_role("button", name="Add an entry to steps").click()
            page.on("dialog", lambda dialog: dialog.accept())
        if address.startswith("history"):
            page.get_by_role("button", name="Show the difference of version 2").click()
            expect(page.locator("ins").first).to_be_visible()
        look_at(page, axe, pictures / f"app-{address.split('/')[0]}-{look}.png")
    page.goto(f"{dev.url}/app#/record/prj/{garden}")
    field(page, "Goal").fill("")
    page.keyboard.press("Control+s")
    expect(page.locator("main").get_by_text("Goal is required.")).to_be_visible()
    expect(field(page, "Goal")).to_be_focused()
    look_at(page, axe, pictures / f"app-refused-{look}.png")
