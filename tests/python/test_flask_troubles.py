"""Failures of the Flask app's pages, after which no typed text is lost. And its protection against attacks."""

import json
import re
import secrets

import pytest

from conftest import _setting
from dev import Dev
from edge import Switch, deaf_url
from flask_app import FIELDS, App, Form, app, healed, kept, north, prj_id, ripple_switch, south, texts  # noqa: F401

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>{{ 7*7 }}"""

# Failures. No typed text is lost.


def test_a_project_deleted_meanwhile_is_brought_back_with_what_was_typed(north, south, ripple, prj_id):
    ripple.patch(prj_id, {"extra": "kept"})
    page = north.project(prj_id)
    south.save(south.project(prj_id), issue="Meanwhile")
    gone = south.send(south.read(prj_id).form("#delete"))
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
    north.send(north.read(prj_id).form("#delete"))
    page = north.project(prj_id)
    assert page.status == 410 and "“Ferry” was deleted" in page.words()
    assert "The project was deleted" in north.get(f"/projects/{prj_id}/history").words("#version-2")
    # An edit of the tombstone itself must be confirmed.
    form = north.get("/new").form("#edit")
    tombstone = form.filled() | FIELDS | {"version": "2", "seen": "{}", "goal": "Typed"}
    asked = north.post(f"/projects/{prj_id}", tombstone)
    assert asked.status == 409 and "This project was deleted" in asked.alarm and kept(asked, goal="Typed")
    assert north.send(page.form("main .actions form")).receipt == "The project is back as it was in version 1."
    assert ripple.get(prj_id)["version"] == 3


def test_a_deleted_project_is_brought_back_without_a_change(north, south, ripple, prj_id):
    page = north.project(prj_id)
    south.send(south.read(prj_id).form("#delete"))
    page = north.save(page)
    assert page.status == 410 and "This project was deleted" in page.alarm
    page = north.send(page.form("#edit"), press="bring-back")
    assert page.receipt.startswith("The project is back.") and ripple.get(prj_id)["version"] == 3


def forms_to_bring_back(visitor, prj_id):
    """Returns every form that brings a deleted project back as it was in version 1."""
    project, history = visitor.read(prj_id), visitor.get(f"/projects/{prj_id}/history")
    trash, old = visitor.get("/deleted"), visitor.get(history.html.select_one("#version-1 a")["href"])
    [listed] = [li for li in trash.html.select("ul.history > li") if prj_id in str(li)]
    forms = [project.form("main .actions form"), Form(listed.select_one("form"), trash.html, trash.path)]
    direct = visitor.get(f"/projects/{prj_id}/history/1")
    return [*forms, history.form("#version-1 form"), old.form("main form"), direct.form("main form")]


def test_what_was_brought_back_meanwhile_stays_as_it_is(north, south, ripple, prj_id):
    south.send(south.read(prj_id).form("#delete"))
    forms = forms_to_bring_back(north, prj_id)
    south.send(south.read(prj_id).form("main .actions form"))
    south.save(south.project(prj_id), goal="South's goal", row_0_text="South's start")
    before = ripple.get(prj_id)
    for form in forms:
        page = north.send(form)
        assert page.receipt == "The project was brought back already, so nothing was changed."
        assert page.path == f"/projects/{prj_id}" and "South's start" in page.words()
        assert ripple.get(prj_id) == before


def test_what_was_brought_back_and_deleted_again_is_shown_first(north, south, ripple, prj_id):
    south.send(south.read(prj_id).form("#delete"))
    forms = forms_to_bring_back(north, prj_id)
    south.send(south.read(prj_id).form("main .actions form"))
    south.save(south.project(prj_id), goal="South's goal")
    south.send(south.read(prj_id).form("#delete"))
    for form in forms:
        page = north.send(form)
        assert page.status == 410 and page.receipt == (
            "The project was brought back and deleted again, so nothing was changed."
        )
    assert north.send(page.form("main .actions form")).receipt == "The project is back as it was in version 4."
    assert ripple.get(prj_id)["goal"] == "South's goal"


class Interrupted(Switch):
    """Passes requests on. Does something else between two of them."""

    def between(self, passed, action):
        """Before the request after the next `passed` ones, does `action`."""
        self.at, self.action = self.count + passed + 1, action

    @property
    def mode(self):
        if self.count == getattr(self, "at", None):
            self.at = None
            self.action()
        return "pass"

    @mode.setter
    def mode(self, _):
        pass


def test_a_project_is_brought_back_by_two_at_once(tmp_path, south, ripple, prj_id):
    def bring_back():
        south.send(south.read(prj_id).form("main .actions form"))
        page = south.project(prj_id)
        blank = f"row_{len(page.html.select('#rows > li')) - 1}_text"
        south.save(page, goal="South's goal", **{blank: "South's entry"})

    switch = Interrupted(_setting("RIPPLE_URL"))
    with App(tmp_path, switch.url, _setting("RIPPLE_KEY")) as app:
        north = app.visitor("North office")
        typed = north.project(prj_id)
        south.send(south.read(prj_id).form("#delete"))
        form = north.read(prj_id).form("main .actions form")
        switch.between(1, bring_back)
        page = north.send(form)
        assert "your goal replaced the one that South office saved (“South's goal”)" in page.receipt
        assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "South's entry"], "what South added stays"

        south.send(south.read(prj_id).form("#delete"))
        refused = north.save(typed, issue="Typed")
        switch.between(1, bring_back)
        page = north.send(refused.form("#edit"), press="bring-back")
        assert page.receipt.startswith("The project is back. Your issue was saved")
        assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "South's entry", "South's entry"]
    switch.close()


def test_what_was_changed_meanwhile_is_not_deleted(north, south, ripple, prj_id):
    page = north.read(prj_id)
    south.save(south.project(prj_id), goal="Still wanted")
    page = north.send(page.form("#delete"))
    assert page.status == 412 and "This project was changed since you opened the page. So it was not" in page.alarm
    assert "Still wanted" in page.words() and ripple.get(prj_id)["version"] == 2
    assert north.send(page.form("#delete")).path == "/"


def test_a_record_that_was_removed_is_registered_again(north, ripple, table, prj_id):
    page = north.project(prj_id)
    table.delete_item(Key={"prj_id": prj_id})
    page = north.save(page, goal="Typed")
    assert page.status == 404 and "This project does not exist" in page.alarm and kept(page, goal="Typed")
    assert north.send(page.form("#edit"), press="/new").receipt == "The project was registered."
    assert (ripple.get(prj_id)["goal"], texts(ripple.get(prj_id))) == ("Typed", ["Kick-off", "Visit"])


def test_a_table_set_back_loses_nothing_either(north, ripple, table, prj_id):
    before = table.get_item(Key={"prj_id": prj_id})["Item"]
    ripple.patch(prj_id, {"version": 1, "timeline": [{"id": "a", "text": "Kick-off"}]})
    page = north.project(prj_id)
    table.put_item(Item=before)
    page = north.save(page, goal="Typed")
    assert page.status == 200 and ripple.get(prj_id)["goal"] == "Typed"
    assert texts(ripple.get(prj_id)) == ["Kick-off", "Visit"], "the entry that came back was not removed again"


@pytest.mark.parametrize(
    "path, status, title",
    [
        ("/projects/absent", 404, "This project does not exist"),
        ("/projects/_changes", 404, "This project does not exist"),
        ("/projects/..%2e", 404, "This project does not exist"),
        ("/projects/a%00b", 404, "This project does not exist"),
        ("/projects/absent/history", 404, "This project does not exist"),
        ("/projects/absent/history/1", 404, "This version does not exist"),
        ("/projects/absent/history/99999999999999999999999", 404, "This version does not exist"),
        ("/projects/absent/history/" + "9" * 5000, 404, "Not Found"),
        ("/nowhere", 404, "Not Found"),
        ("/projects/absent/delete", 405, "Method Not Allowed"),
    ],
)
def test_absent_pages_are_reported(app, path, status, title):
    page = app.visitor().get(path)
    assert page.status == status and page.alarm.startswith(title)


def test_an_invalid_key_is_reported(tmp_path, app, ripple, prj_id):
    typed = app.visitor()
    form = typed.project(prj_id).form("#edit")
    for key, title in (
        ("rpl_" + "0" * 36, "This app has no access to ripple"),
        (_setting("RIPPLE_READ_KEY"), "This app may only read"),
    ):
        with App(tmp_path, _setting("RIPPLE_URL"), key, FLASK_SECRET_KEY="x" * 32) as refused:
            visitor = refused.visitor()
            token = visitor.get("/new").form("#edit").filled()["csrf_token"]
            page = visitor.post(f"/projects/{prj_id}", form.filled() | {"csrf_token": token, "goal": "Typed"})
            assert page.status == 403 and title in page.alarm and kept(page, goal="Typed")
            if title == "This app has no access to ripple":
                assert visitor.get("/").status == 403
            assert key not in page.text + str(page.headers) and key not in refused.read_log()
    assert ripple.get(prj_id)["version"] == 1


def test_too_much_for_one_project(north, ripple, prj_id):
    page = north.save(north.project(prj_id), description="x" * 410_000)
    assert page.status == 413 and "This is too much for one project" in page.alarm
    assert kept(page, description="x" * 410_000)
    page = north.save(page, description="x" * 200_000)
    assert page.receipt == "Your description was saved." and len(ripple.get(prj_id)["description"]) == 200_000
    page = north.post(f"/projects/{prj_id}", {"description": "x" * 9_000_000})
    assert page.status == 413


def test_a_lost_response_is_not_treated_as_a_refusal(north, ripple, ripple_switch, prj_id):
    page = north.project(prj_id)
    ripple_switch.mode = "lost"
    page = north.save(page, goal="Typed", row_2_text="Typed too")
    assert page.status == 502 and "Your changes may have been saved, or not" in page.alarm and kept(page, goal="Typed")
    assert ripple.get(prj_id)["version"] == 2, "it was"
    assert north.get("/").status == 502
    ripple_switch.mode = "pass"
    page = north.save(page)
    assert page.receipt == "Your timeline entry was added; your goal was saved."
    assert ripple.get(prj_id)["version"] == 2 and texts(ripple.get(prj_id)) == ["Kick-off", "Visit", "Typed too"]
    ripple_switch.mode = "garbage"
    assert "ripple was not found" in north.get("/").alarm


def test_an_unreachable_ripple_is_reported(tmp_path):
    with deaf_url() as url, App(tmp_path, url, "rpl_key") as app:
        page = app.visitor().get("/")
        assert page.status == 502 and page.words(".wrong h1") == "ripple cannot be reached"
        assert "There was no connection, so nothing was sent." in page.alarm


@pytest.fixture
def troubled(tmp_path):
    """A ripple with a switch in front of its DynamoDB, and a visitor of an app on that ripple."""
    dynamodb = Switch(_setting("RIPPLE_DYNAMODB_ENDPOINT"))
    with (
        Dev(tmp_path / "data", "--endpoint-url", dynamodb.url) as dev,
        App(tmp_path, dev.url, _setting("RIPPLE_KEY")) as app,
    ):
        yield dynamodb, app.visitor()
    dynamodb.close()


def test_a_busy_database_says_when_to_try_again(troubled, ripple, prj_id):
    dynamodb, visitor = troubled
    page = visitor.project(prj_id)
    dynamodb.mode = "throttle"
    page = visitor.save(page, goal="Typed")
    assert page.status == 503 and re.search(
        r"ripple is busy\..* Try again in \d+ seconds?\. Nothing was saved", page.alarm
    )
    assert page.headers["retry-after"].isdigit() and kept(page, goal="Typed")
    dynamodb.mode = "pass"
    assert visitor.save(page).receipt == "Your goal was saved."
    assert ripple.get(prj_id)["goal"] == "Typed"


def test_an_unconfirmed_write_is_sent_again_and_made_once(troubled, ripple, prj_id):
    dynamodb, visitor = troubled
    page = visitor.project(prj_id)
    dynamodb.mode = "writes lost"
    page = visitor.save(page, goal="Typed")
    assert page.receipt == "Your goal was saved."
    dynamodb.mode = "pass"
    assert (ripple.get(prj_id)["goal"], ripple.get(prj_id)["version"]) == ("Typed", 2)


# Attacks and leaks.


def test_a_form_without_the_sessions_token_does_nothing(app, north, ripple, prj_id):
    form = north.project(prj_id).form("#edit").filled() | {"goal": "Forged"}
    paths = ["", "/delete", "/history/1", "/mine", "/noted"]
    paths = [*(f"/projects/{prj_id}{path}" for path in paths), "/new"]
    for path in paths:
        for token in ("", "forged", app.visitor().get("/new").form("#edit").filled()["csrf_token"]):
            elsewhere = north.post(
                path, form | {"csrf_token": token}, {"Origin": "http://elsewhere.example"}
            )
            assert elsewhere.status == 400 and not elsewhere.html.select("#edit"), elsewhere
    assert ripple.get(prj_id)["version"] == 1
    # A person whose session has ended sends their own page.
    stranger = app.visitor()
    page = stranger.post(f"/projects/{prj_id}", form, {"Origin": app.url})
    assert page.status == 400 and "Please send this again" in page.alarm and kept(page, goal="Forged")
    assert ripple.get(prj_id)["version"] == 1
    assert stranger.save(page).receipt == "Your goal was saved."


def test_a_damaged_form_is_refused(north, ripple, prj_id):
    token = north.get("/new").form("#edit").filled()["csrf_token"]
    for odd in (
        {"version": "x"},
        {"version": "9" * 5000},
        {"seen": "{"},
        {"seen": "[]"},
        {"seen-goal": "{"},
        {"row-0-entry": "{", "timeline": ""},
        {"version": "٣"},
    ):
        page = north.post(f"/projects/{prj_id}", {"csrf_token": token} | odd)
        assert page.status == 400, page
    assert ripple.get(prj_id)["version"] == 1


def test_names_are_escaped_everywhere(app, ripple, north):
    prj_id = f"hostile-{secrets.token_hex(6)}"
    hostile = {name: HOSTILE for name in ("name", "goal", "issue", "description")}
    timeline = [{"id": HOSTILE, "text": HOSTILE, "date": HOSTILE}, HOSTILE, [HOSTILE]]
    ripple.create(
        FIELDS | hostile | {"prj_id": prj_id, HOSTILE: HOSTILE, "timeline": timeline, "create_date": HOSTILE[:64]}
    )
    visitor = app.visitor(HOSTILE[:60])
    page = north.project(prj_id)
    assert page.form("#edit").filled()["description"] == HOSTILE
    visitor.save(visitor.project(prj_id), goal=f"{HOSTILE}!", row_0_text=f"{HOSTILE}!", row_3_text=HOSTILE)
    told = north.save(page, goal=f"{HOSTILE}?", row_0_text=f"{HOSTILE}?")
    assert "replaced" in told.receipt and "<script>" in told.receipt
    north.get("/", q=HOSTILE, term_unit=HOSTILE)
    for path in ("/history", "/history/1", "/history/2"):
        north.get(f"/projects/{prj_id}{path}")
    north.send(north.read(prj_id).form("#delete"))
    north.project(prj_id)
    for page in visitor.seen + north.seen:
        assert len(page.html.select("script")) == 1 and not page.html.select("img[onerror]"), page.path
        assert page.html.select_one("script")["src"] == "/static/ripple.js"
        assert "49" not in page.html.title.get_text()


def test_every_page_has_its_policy_and_none_has_the_key(app, north, ripple, prj_id):
    key = _setting("RIPPLE_KEY")
    north.save(north.project(prj_id), goal="Ours")
    for path in (
        "/",
        "/new",
        f"/projects/{prj_id}/history",
        f"/projects/{prj_id}/history/1",
        "/projects/absent",
        "/nowhere",
    ):
        north.get(path)
    for path in ("/static/ripple.js", "/static/form.js", "/static/ripple.css", "/static/ripple.svg"):
        assert north.get(path).status == 200
    for page in north.seen:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert all(script.get("src") and not script.get_text() for script in page.html.select("script")), page.path
        inline = [
            name
            for element in page.html.select("*")
            for name in element.attrs
            if name == "style" or name.startswith("on")
        ]
        assert not inline and not page.html.select("style"), page.path
        assert key not in page.text and key not in str(page.headers) and key[4:] not in page.text
    assert key not in app.read_log()
    cookie = north.http.get(f"{app.url}/new").request.headers["cookie"]
    assert key not in cookie
    made = app.visitor()
    header = made.get("/new").headers["set-cookie"]
    assert "HttpOnly" in header and "SameSite=Lax" in header


def test_the_session_stays_in_its_cookie(app, ripple):
    """With the longest ids that ripple accepts, and a long sentence."""
    visitor = app.visitor("x" * 60)
    for n in range(18):
        prj_id = secrets.token_hex(62) + f"{n:03}"
        ripple.create(FIELDS | {"prj_id": prj_id})
        page, other = visitor.project(prj_id), app.visitor("y" * 60)
        other.save(
            other.project(prj_id),
            **{name: f"{n} {secrets.token_hex(30)}" for name in ("name", "goal", "issue", "description")},
        )
        response = visitor.http.post(
            f"{app.url}/projects/{prj_id}",
            page.form("#edit").filled()
            | {"your_name": visitor.name, "row-0-text": "x"}
            | {name: "z" for name in ("goal", "issue")},
            allow_redirects=False,
            timeout=60,
        )
        assert response.status_code == 303
        assert len(response.headers["set-cookie"]) < 4096
    assert "was added" in visitor.read(prj_id).receipt


# Starting the app.


def test_without_a_ripple_a_sentence_says_so(tmp_path):
    with pytest.raises(AssertionError, match="set RIPPLE_URL and RIPPLE_KEY, or start `cargo xtask dev`"):
        App(tmp_path, "", "")
    with pytest.raises(AssertionError, match="set both RIPPLE_URL and RIPPLE_KEY"):
        App(tmp_path, "http://127.0.0.1:1", "")


def test_its_secret_is_made_once_and_its_owners(tmp_path):
    file = {"url": _setting("RIPPLE_URL"), "key": _setting("RIPPLE_KEY")}
    with deaf_url() as url:
        (tmp_path / "dev.json").write_text(json.dumps(file | {"edge_url": url}))
        with App(tmp_path, "", "") as app:
            visitor = app.visitor()
            form = visitor.get("/new").form("#edit")
            assert visitor.get("/").status == 502, "it asks the edge where there is one"
    assert (tmp_path / "flask-secret").stat().st_mode & 0o077 == 0
    (tmp_path / "dev.json").write_text(json.dumps(file))
    with App(tmp_path, "", "") as app:
        visitor.url = app.url
        assert visitor.send(form, **FIELDS).receipt == "The project was registered.", "a form outlives a restart"
