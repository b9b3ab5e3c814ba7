"""The TypeScript client of clients/typescript: its types, its tests under Node.js, and its outbox in a real browser."""

import os
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import sync_playwright

from conftest import _setting
from dev import Dev, clean, ripple
from edge import ROOT
from chromium import FLAGS, LIMIT

PACKAGE = ROOT / "clients/typescript"
BIN = ROOT / "node_modules/.bin"
# Variables that make the random tests longer, or repeat one.
CHOICES = ("RIPPLE_WALKS", "RIPPLE_EDITS", "RIPPLE_SEED")
# The time limit of a test file in seconds, on a busy machine.
NODE_LIMIT = int(os.environ.get("RIPPLE_NODE_LIMIT", 1800))


def run(*command, **variables):
    """Runs a program of node_modules under its Node.js."""
    path = f"{BIN}:{os.environ['PATH']}"
    chosen = {name: os.environ[name] for name in CHOICES if name in os.environ}
    command = [str(BIN / command[0]), *map(str, command[1:])]
    environment = clean() | {"PATH": path} | chosen | variables
    done = subprocess.run(command, cwd=PACKAGE, env=environment, capture_output=True, text=True, timeout=NODE_LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typescript")
    with Dev(folder / "data", "--in-memory", log=folder / "log", feed=True) as dev:
        yield dev


@pytest.fixture(scope="module")
def variables(dev):
    """Returns what the tests under Node.js need to know of a running ripple."""
    other = ripple("key", "create", "--name", "Another person", data=dev.data).strip()
    return {"RIPPLE_URL": dev.url, "RIPPLE_KEY": dev.key, "RIPPLE_OTHER_KEY": other}


def files(folder):
    return sorted(str(path.relative_to(PACKAGE)) for path in (PACKAGE / folder).glob("*.test.ts"))


def test_types_are_strict():
    run("tsc", "--noEmit")


@pytest.mark.parametrize("file", files("test"))
def test_without_a_server(file):
    run("node", "--test", file)


@pytest.mark.parametrize("file", files("test/live"))
def test_with_a_server(file, variables):
    run("node", "--test", file, **variables)


class Pages(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def page_url(tmp_path_factory):
    """Serves a page that has the client, its outbox and its store as `ripple`."""
    folder = tmp_path_factory.mktemp("page")
    output = f"--outfile={folder}/ripple.js"
    run("esbuild", "test/browser.ts", "--bundle", "--format=iife", "--global-name=ripple", output)
    (folder / "index.html").write_text("<!doctype html><title>ripple</title><script src=ripple.js></script>")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def context():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_setting("RIPPLE_BROWSER"), args=FLAGS, timeout=LIMIT)
        context = browser.new_context()
        context.set_default_timeout(LIMIT)
        yield context
        browser.close()


# Opens the outbox in a page. `sent` counts the requests of this page that write.
OPEN = """async ([url, key]) => {
  window.sent = 0;
  const counted = (input, init) => { if (init.method !== 'GET') window.sent++; return fetch(input, init); };
  const client = new ripple.Client(url, { key, fetch: counted });
  const store = await ripple.openIndexedDb(ripple.databaseName(url, 'bo'));
  window.outbox = await ripple.Outbox.open(client, { store, account: 'bo' });
  window.prj = outbox.resource('prj');
}"""
EDIT = """async ([id, goal]) => {
  await prj.edit(prj.view(id), (draft) => { draft.goal = goal; });
}"""
CREATE = """async () => (await prj.create({ name: 'n', goal: 'A', issue: 'i', description: 'd', term: 1,
  term_unit: 'day', create_date: '2026-01-01' })).record.id"""
EDIT_TEN_TIMES = """([id, name]) => {
  window.work = Promise.all(Array.from({ length: 10 }, (_, number) =>
    prj.edit(prj.view(id), (draft) => { draft[`${name} ${number}`] = 'kept'; })));
}"""


@pytest.fixture
def tab(context, page_url, dev):
    """Opens tabs of one browser profile."""

    def open_tab(own_clock=False):
        page = context.new_page()
        if own_clock:
            page.clock.install()
        page.goto(page_url)
        page.evaluate(OPEN, [dev.url, dev.key])
        return page

    return open_tab


def until(page, condition, *arguments):
    page.wait_for_function(condition, arg=list(arguments))


def test_a_browser_keeps_edits_without_a_network_and_sends_them_after_a_reload(context, tab, dev, page_url):
    page = tab()
    prj_id = page.evaluate(CREATE)
    page.evaluate("outbox.drained()")
    context.set_offline(True)
    page.evaluate(EDIT, [prj_id, "made without a network"])
    until(page, "() => outbox.state.uncertain === 1")
    page.close(run_before_unload=False)
    assert dev.ripple().get(prj_id)["goal"] == "A"
    context.set_offline(False)
    page = tab()
    page.evaluate("outbox.drained()")
    assert dev.ripple().get(prj_id)["goal"] == "made without a network"
    assert dev.ripple().versions(prj_id) == [2, 1]
    assert page.evaluate("id => prj.view(id).pending", prj_id) == 0
    assert page.evaluate("outbox.state.durable")


def test_one_tab_sends_and_all_show_what_waits(context, tab, dev):
    first, second = tab(), tab()
    prj_id = first.evaluate(CREATE)
    first.evaluate("outbox.drained()")
    until(second, "([id]) => prj.view(id)?.version === 1", prj_id)
    second.evaluate(EDIT, [prj_id, "B"])
    until(first, "([id]) => prj.view(id).value.goal === 'B' && prj.view(id).version === 2", prj_id)
    until(second, "([id]) => prj.view(id).version === 2 && prj.view(id).pending === 0", prj_id)
    assert (first.evaluate("sent"), second.evaluate("sent")) == (2, 0)
    # The other tab takes over where the sender is closed.
    first.close()
    second.evaluate(EDIT, [prj_id, "C"])
    second.evaluate("outbox.drained()")
    assert second.evaluate("sent") == 1
    assert dev.ripple().get(prj_id)["goal"] == "C"


def test_a_tab_takes_over_from_a_frozen_one(context, tab, page_url, dev):
    """A frozen tab keeps its lock. The first page holds it here, and does nothing else."""
    frozen = context.new_page()
    frozen.goto(page_url)
    frozen.evaluate(
        """([url]) => new Promise((held) => navigator.locks.request(
          `ripple:send:${ripple.databaseName(url, 'bo')}`, () => (held(), new Promise(() => {}))))""",
        [dev.url],
    )
    page = tab(own_clock=True)
    prj_id = page.evaluate(CREATE)
    page.clock.run_for(10_000)
    assert page.evaluate("[sent, outbox.state.queued]") == [0, 1]
    page.clock.run_for(15_000)
    page.evaluate("outbox.drained()")
    assert dev.ripple().get(prj_id)["version"] == 1


def test_tabs_that_edit_at_once_lose_nothing(context, tab, dev):
    tabs = [tab() for _ in range(3)]
    prj_id = tabs[0].evaluate(CREATE)
    for page in tabs:
        until(page, "([id]) => prj.view(id) !== undefined", prj_id)
        page.evaluate(EDIT_TEN_TIMES, [prj_id, f"tab {tabs.index(page)}"])
    for page in tabs:
        page.evaluate("work.then(() => undefined)")
        page.evaluate("outbox.drained()")
    record = dev.ripple().get(prj_id)
    assert sum(value == "kept" for value in record.values()) == 30
    assert all(page.evaluate("outbox.state.parked") == 0 for page in tabs)


def test_the_store_of_a_browser_makes_all_of_a_commit_or_nothing(tab):
    page = tab()
    found = page.evaluate("""async () => {
      const [one, other] = [await ripple.openIndexedDb('test'), await ripple.openIndexedDb('test')];
      const row = (n, text) => ({ n, rev: 1, text });
      const made = [
        await one.commit(
          { put: [row(2, 'b'), row(1, 'a')], next: 3, records: [['p', 'P'], ['q', 'Q']], meta: 'm', strict: true }, 0),
        await other.commit({ remove: [1], strict: true }, 0),
        await other.commit({ put: [row(2, 'c')], remove: [1], forget: ['p'], strict: false }, 1),
      ];
      const stored = await one.load();
      await one.wipe(); // the other connection closes, and is opened again
      return [made, stored, await other.load()];
    }""")
    stored = {"revision": 2, "next": 3, "rows": [{"n": 2, "rev": 1, "text": "c"}], "records": [["q", "Q"]], "meta": "m"}
    made, kept, wiped = found
    assert made == [True, False, True]
    assert kept == stored
    assert (wiped["revision"], wiped["next"], wiped["rows"], wiped["records"]) == (0, 1, [], [])
