"""The Flask app of examples/flask as a process of a test, and a visitor of its pages without JavaScript."""

import re
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from bs4 import BeautifulSoup

from conftest import _setting
from dev import clean
from edge import Switch, free_port

FOLDER = Path(__file__).parents[2] / "examples/flask"

FIELDS = {"name": "Ferry", "goal": "Nobody waits", "issue": "Three tables", "description": "Collect them"}
FIELDS |= {"term": "6", "term_unit": "month", "create_date": "2026-11-02"}


class App:
    """The app under waitress, as `cargo xtask dev --flask` starts it."""

    def __init__(self, folder, url, key, **environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"app-{self.port}.log"
        settings = {"RIPPLE_URL": url, "RIPPLE_KEY": key, "RIPPLE_DATA": str(folder), **environment}
        command = [
            sys.executable,
            "-m",
            "waitress",
            f"--listen=127.0.0.1:{self.port}",
            "--call",
            "ripple_flask:create_app",
        ]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, cwd=FOLDER, env=clean() | settings, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + 120
        while True:
            assert self.process.poll() is None, self.read_log()
            assert time.monotonic() < deadline, self.read_log()
            try:
                requests.get(f"{self.url}/static/ripple.css", timeout=5).raise_for_status()
                return
            except (requests.ConnectionError, requests.Timeout):
                time.sleep(0.05)

    def read_log(self):
        return self.log.read_text(errors="replace")

    def visitor(self, name=""):
        return Visitor(self.url, name)

    def close(self):
        self.process.terminate()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Visitor:
    """A person with a browser. Every page that the person saw is kept."""

    def __init__(self, url, name=""):
        self.url, self.name, self.http, self.seen = url, name, requests.Session(), []

    def get(self, path="/", **parameters):
        return self._page(self.http.get(self.url + path, params=parameters, timeout=60))

    def post(self, path, data, headers=None):
        return self._page(self.http.post(self.url + path, data=data, headers=headers, timeout=60))

    def project(self, prj_id):
        """Opens the form of a project."""
        return self.get(f"/projects/{prj_id}/edit")

    def read(self, prj_id):
        return self.get(f"/projects/{prj_id}")

    def save(self, page, **changes):
        """Sends the form of a project with the typed values. A page to read leads to the form first."""
        if not page.html.select("#edit"):
            page = self.get(page.link("Edit"))
        return self.send(page.form("#edit"), **({"your_name": self.name} | changes))

    def send(self, form, press=None, **changes):
        """Presses the button of that name, address or value, or otherwise the one of the form itself. Names have `_` where the form has `-`, for
        rows."""
        fields = form.filled()
        for name, value in changes.items():
            name = name.replace("_", "-") if name.startswith("row_") else name
            assert name in form.names or value is None, (name, sorted(form.names))
            fields = {other: kept for other, kept in fields.items() if other != name}
            if value is not None:
                fields[name] = value.replace("\n", "\r\n")
        button, action = form.button(press)
        return self.post(action, {form.sent_as.get(name, name): value for name, value in fields.items()} | button)

    def _page(self, response):
        page = Page(response, self.url)
        self.seen.append(page)
        return page


class Page:
    def __init__(self, response, base):
        self.response, self.status, self.text, self.headers = (
            response,
            response.status_code,
            response.text,
            response.headers,
        )
        self.path = response.url.removeprefix(base)
        self.html = BeautifulSoup(response.text, "html.parser")

    def form(self, selector):
        found = self.html.select(selector)
        assert len(found) == 1, f"{len(found)} of {selector} in {self.text}"
        return Form(found[0], self.html, self.path)

    def words(self, selector="main"):
        """Returns the text of one element as displayed. Of a time, it contains the clock time only."""
        return " ".join(" ".join(found.get_text().split()) for found in self.html.select(selector))

    @property
    def receipt(self):
        """Returns the sentence without its times."""
        return re.sub(r" (at|on [\w ]+ at) \d\d:\d\d UTC", "", self.words(".notice.done"))

    @property
    def alarm(self):
        return self.words(".notice.wrong")

    def link(self, text):
        return next(a["href"] for a in self.html.select("a") if a.get_text(strip=True).startswith(text))

    def __repr__(self):
        return f"{self.status} {self.path}\n{self.words()}"


class Form:
    """A form as a browser fills and sends it. `names` and `filled` have the names without the form's state."""

    def __init__(self, form, html, path):
        inside = [e for e in form.select("input, textarea, select, button") if e.find_parent("template") is None]
        outside = html.select(f"[form={form['id']}]") if form.get("id") else []
        self.path, self.form, self.buttons = path, form, [e for e in [*inside, *outside] if e.name == "button"]
        self.controls = [e for e in inside if e.name != "button" and e.get("name")]
        self.sent_as = {without_state(e["name"]): e["name"] for e in self.controls}
        self.names = set(self.sent_as)

    def filled(self):
        fields = {}
        for control in self.controls:
            kind, name = control.get("type", "text"), without_state(control["name"])
            if kind == "checkbox" and not control.has_attr("checked"):
                continue
            fields[name] = shown(control)
        return fields

    def button(self, name):
        def wanted(button):
            if name is None:
                return not button.get("name")
            return name in (button.get("name"), button.get("value"), button.get("formaction"))

        found = next(filter(wanted, self.buttons))
        sent = {found["name"]: found.get("value", "")} if found.get("name") else {}
        return sent, found.get("formaction") or self.form.get("action") or self.path


def without_state(name):
    return name.partition("@")[0]


def shown(control):
    """Returns what a browser sends for an untouched control, by HTML's rules for each kind."""
    if control.name == "textarea":
        text = re.sub(r"\r\n?", "\n", control.get_text())
        return text.removeprefix("\n").replace("\n", "\r\n")
    if control.name == "select":
        chosen = control.select_one("option[selected]") or control.select_one("option")
        return chosen.get("value", chosen.get_text())
    value = control.get("value", "on" if control.get("type") == "checkbox" else "")
    if control.get("type") == "date":
        return value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else ""
    return value if control.get("type") == "hidden" else re.sub(r"[\r\n]", "", value)


def kept(page, prj_id=None, **typed):
    fields = page.form("#edit").filled()
    assert {name: fields[name] for name in typed} == typed
    return True


# Fixtures. A module imports those that it uses.


@pytest.fixture(scope="module")
def ripple_switch():
    switch = Switch(_setting("RIPPLE_URL"))
    yield switch
    switch.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory, ripple_switch):
    with App(tmp_path_factory.mktemp("app"), ripple_switch.url, _setting("RIPPLE_KEY")) as app:
        yield app
    assert "Traceback" not in app.read_log()


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
    """Returns a project with two entries in its timeline."""
    timeline = [
        {"id": "a", "date": "2026-11-02", "text": "Kick-off"},
        {"id": "b", "date": "2026-12-01", "text": "Visit"},
    ]
    return ripple.create(FIELDS | {"term": 6, "timeline": timeline, "prj_id": f"flask-{secrets.token_hex(6)}"})[
        "prj_id"
    ]


def texts(record):
    return [entry.get("text") for entry in record["timeline"]]
