"""The Python client of clients/python: the shared cases, and what only this client promises."""

import asyncio
import itertools
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from conformance import PROJECT, Async, AsyncClient, Client, Problem, Run, Sync, cases, ids
from dev import Dev, ripple
from edge import Edge, Switch, own_config
from ripple_client import Author
from second_writer import TABLE

# What cases need, and who lacks it.
LACKS = {"live": {"edge": "the edge has no live channel"}}


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("client") / "data", "--in-memory", feed=True) as dev:
        yield dev


@pytest.fixture(scope="module")
def edge(dev, tmp_path_factory):
    folder = tmp_path_factory.mktemp("edge")
    config = folder / "wrangler.toml"
    config.write_text(own_config())
    edge = Edge(folder, dev.url, dev.dynamodb, config=config)
    yield edge
    edge.close()


@pytest.fixture(scope="module")
def keys(dev):
    """Returns the client's key, and one of another person."""
    return dev.key, ripple("key", "create", "--name", "Another person", data=dev.data).strip()


@pytest.fixture
def client(dev):
    with Client(dev.url, dev.key) as client:
        yield client


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["n"])
@pytest.mark.parametrize("under_test", [Sync, Async], ids=["sync", "async"])
@pytest.mark.parametrize("host", ["dev", "edge"])
def test_conformance(request, case, under_test, host, keys):
    lacking = LACKS.get(case.get("needs"), {})
    if why := lacking.get(host) or lacking.get(under_test):
        pytest.skip(why)
    url = request.getfixturevalue(host).url
    tested = under_test(url, keys[0])
    run = Run(tested, url, keys)
    try:
        for step in case["do"]:
            run.step(step)
    finally:
        run.close()
        tested.close()


@pytest.mark.parametrize("under_test", [Sync, Async], ids=["sync", "async"])
def test_an_author_hears_what_another_replaced_and_brings_it_back(dev, under_test):
    bo, ann = under_test(dev.url, dev.key, author=("Bo", "u7")), under_test(dev.url, dev.key, author="Ann")
    record = bo.wait(bo.client.prj.create(PROJECT)).record
    before = bo.wire.requests
    assert bo.wait(bo.client.prj.replaced(record.id)) == () and bo.wire.requests == before + 1, "no history is asked for"
    ann.edit(record, lambda value: value.update(goal="Ann's", issue=PROJECT["issue"]))
    shown = bo.wait(bo.client.prj.get(record.id))
    [lost] = bo.wait(bo.client.prj.replaced(shown))
    assert (lost.place.field, lost.mine, lost.now, lost.version) == ("/goal", PROJECT["goal"], "Ann's", 2)
    assert lost.updated.author == Author("Ann")
    assert ann.wait(ann.client.prj.replaced(shown, author=("Bo", "u7"))) == (lost,)
    assert bo.wait(bo.client.prj.replaced(shown, known=2)) == ()
    # What Ann saves meanwhile is merged, and the receipt names what the edit replaced.
    ann.edit(shown, lambda value: value.update(goal="Ann's other", description="Ann's"))
    old = bo.wait(bo.client.prj.version(record.id, lost.my_version))
    saved = bo.edit(shown, lambda value: lost.place.put(value, old.value))
    assert (saved.record.value["goal"], saved.record.value["description"]) == (PROJECT["goal"], "Ann's")
    assert [(one.pointer, one.replaced) for one in saved.receipt.won] == [("/goal", 3)]
    for tested in (bo, ann):
        tested.close()


@pytest.mark.parametrize("under_test", [Sync, Async], ids=["sync", "async"])
def test_a_sheet_goes_out_and_comes_back(dev, under_test):
    tested, name = under_test(dev.url, dev.key), ids.new_id()
    made = [tested.wait(tested.client.prj.create(PROJECT | {"name": name, "goal": f"{n}"})).record for n in range(3)]
    listing = tested.client.prj.sheet(["name", "goal"], where={"name": name}, sort="goal", limit=2)
    text = b"".join(tested.all(listing)).decode()
    assert text == "prj_id,version,name,goal\r\n" + "".join(f"{one.id},1,{name},{n}\r\n" for n, one in enumerate(made))
    assert b"".join(tested.all(listing)).decode() == text, "each iteration asks anew"
    changed = text.replace(f"{name},0", f"{name},first") + f"{made[0].id},,{name},x\r\n"
    checked = tested.wait(tested.client.prj.import_sheet(changed, dry_run=True))
    assert [row.line for row in checked] == [2, 3, 4, 5]
    assert tested.wait(tested.client.prj.get(made[0].id)).version == 1
    for _ in range(2):  # the same call again is done once
        saved = tested.wait(tested.client.prj.import_sheet(changed, key="monday-" + name))
        assert [row.receipt and row.receipt.result for row in saved] == ["saved", "unchanged", "unchanged", None]
        assert (saved[3].problem.status, saved[3].cells["goal"]) == (400, "x"), "members are missing"
    assert tested.wait(tested.client.prj.get(made[0].id)).value["goal"] == "first"
    tested.close()


def test_a_client_with_the_session_of_another_sees_its_writes(dev, edge):
    """The edge answers from its snapshot, except where the session says that it is too old."""
    with Client(edge.url, dev.key) as reader, Client(dev.url, dev.key) as writer:
        record = writer.prj.create(PROJECT).record
        reader.session = writer.session
        assert reader.prj.get(record.id).version == 1
        with writer.prj.edit(record) as edit:
            edit.value["goal"] = "Beans by May"
        reader.session = writer.session
        [listed] = reader.prj.list(where={"prj_id": record.id})
        assert listed.value["goal"] == "Beans by May"
        assert listed.age is not None, "the edge states the age of what it shows"


def test_an_edit_begins_from_what_its_author_saw_and_not_from_a_number(client):
    """Two edits in a row from one page: the second goes back to what the page showed first."""
    record = client.prj.create(PROJECT | {"tags": ["own"]}).record
    with client.prj.edit(record) as first:
        first.value["tags"].append("more")
    with client.prj.edit(first.saved.record) as back:
        back.value["tags"] = ["own"]
    assert back.saved.record.value["tags"] == ["own"]
    assert back.saved.receipt.taken[0].removed == 1


def test_an_exception_in_the_block_sends_nothing(client):
    record = client.prj.create(PROJECT).record
    with pytest.raises(KeyError):
        with client.prj.edit(record) as edit:
            edit.value["goal"] = "Beans by May"
            edit.value["absent"]
    with pytest.raises(RuntimeError, match="not saved"):
        edit.saved
    assert client.prj.get(record.id).version == 1


def test_a_member_is_removed_by_deleting_it(client):
    record = client.prj.create(PROJECT | {"note": "n", "nothing": {"a": None}}).record
    with client.prj.edit(record) as edit:
        del edit.value["note"]
        edit.value["nothing"] = None
    assert "note" not in edit.saved.record.value
    assert edit.saved.record.value["nothing"] is None


def test_a_deletion_of_a_record_needs_its_version_and_of_an_id_does_not(client):
    record = client.prj.create(PROJECT).record
    with client.prj.edit(record) as edit:
        edit.value["goal"] = "Beans by May"
    with pytest.raises(Problem) as refused:
        client.prj.delete(record)
    assert (refused.value.status, refused.value.outcome) == (412, "not_made")
    assert client.prj.delete(record.id).receipt.version == 3
    with pytest.raises(Problem) as gone:
        client.prj.get(record.id)
    assert (gone.value.code, gone.value.version) == ("gone", 3)
    restored = client.prj.restore(record.id, 1)
    assert (restored.receipt.result, restored.record.version) == ("restored", 4)


def test_the_history_has_each_write_and_its_state(client):
    record = client.prj.create(PROJECT).record
    for goal in ("A", "B"):
        with client.prj.edit(record.id) as edit:
            edit.value["goal"] = goal
    writes = client.prj.versions(record.id, limit=1).all()
    assert [write.version for write in writes] == [3, 2, 1]
    assert [(change.field, change.replaced) for change in writes[0].changes] == [("/goal", "A")]
    assert writes[0].base == 2 and writes[0].updated.by == "dev"
    assert client.prj.version(record.id, 2).value["goal"] == "A"
    merged = client.prj.restore(record.id, 1, base=2)
    assert merged.record.value["goal"] == PROJECT["goal"]


def test_a_list_is_read_page_by_page_and_never_cut(client):
    name = ids.new_id()
    made = sorted(client.prj.create(PROJECT | {"name": name}).record.id for _ in range(3))
    listing = client.prj.list(where={"name": name}, limit=2)
    assert [len(page.items) for page in listing.pages()] == [2, 1]
    assert [record.id for record in listing] == made == [record.id for record in listing.all(max=3)]
    with pytest.raises(Exception, match="more than 2 items"):
        listing.all(max=2)
    assert [record.id for record in client.prj.list(q=name.upper(), sort="-prj_id")] == made[::-1]
    [partial, *_] = client.prj.list(where={"name": name}, fields=["goal"])
    assert partial.partial and partial.version == 1 and "issue" not in partial.value
    with pytest.raises(ValueError, match="only some fields"):
        with client.prj.edit(partial) as edit:
            edit.value["goal"] = "Beans by May"
    numbers = client.prj.create(PROJECT | {"name": name, "size": 0.5, "done": True}).record
    for where in ({"size": 0.5}, {"done": True}):
        assert [record.id for record in client.prj.list(where={"name": name, **where})] == [numbers.id]


@pytest.mark.parametrize("prj_id", ["P 001/ä%", "_draft", "_changes"])
def test_ids_that_other_programs_chose(client, dev, prj_id):
    item = {name: {"N" if isinstance(value, int) else "S": str(value)} for name, value in PROJECT.items()}
    dev.client().put_item(TableName=TABLE, Item=item | {"prj_id": {"S": prj_id}})
    record = client.prj.get(prj_id)
    # On a busy machine the feed may have adopted it by now.
    assert record.version < 0 and record.updated is None or record.updated.by == "external"
    with client.prj.edit(record) as edit:
        edit.value["goal"] = "Beans by May"
    assert (edit.saved.record.id, edit.saved.record.version) == (prj_id, 2)
    assert [write.external for write in client.prj.versions(prj_id)] == [False, True]
    client.prj.delete(edit.saved.record)


def test_changes_follow_the_writes_of_others(tmp_path):
    """A host without the feed does not hold requests, so the client asks at intervals. The test makes them short, and
    writes in them."""
    with Dev(tmp_path / "data", "--in-memory") as dev, Client(dev.url, dev.key) as client, Client(dev.url, dev.key) as other:
        known = client.prj.changes()
        list(known)
        slept = []
        record = other.prj.create(PROJECT).record

        def sleep(seconds):
            slept.append(seconds)
            assert len(slept) < 1000, "the change does not come"
            if len(slept) == 1:
                with other.prj.edit(record) as edit:
                    edit.value["goal"] = "Beans by May"
            if len(slept) == 2:
                other.prj.delete(record.id)

        client._sleep = sleep
        changes = client.prj.changes(since=known.cursor, wait=25)
        # The server repeats what was written in the minute before the cursor.
        own = (change for change in changes if change.id == record.id)
        found = [change.record and change.record.version for change in itertools.islice(own, 3)]
        assert found == [1, 2, None]
        assert set(slept) == {5.0}
        again = [change.id for change in other.prj.changes(since=changes.cursor)]
        assert record.id in again, "the loop has not finished its last change"


def test_threads_share_a_client(client):
    record = client.prj.create(PROJECT | {"tags": []}).record
    failures = []

    def add(number):
        try:
            with client.prj.edit(record.id) as edit:
                edit.value["tags"].append(f"t{number}")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(client.prj.get(record.id).value["tags"]) == [f"t{number}" for number in range(8)]


@pytest.mark.parametrize("mode", ["lost", "broken", "stopped"])
@pytest.mark.parametrize("under_test", [Sync, Async], ids=["sync", "async"])
def test_a_connection_that_breaks_during_a_write_costs_nothing(under_test, mode, dev):
    """The server carries the write out in the first two modes, and closes the connection without a whole answer."""
    switch = Switch(dev.url)
    tested = under_test(switch.url, dev.key)
    try:
        record = tested.wait(tested.client.prj.create(PROJECT)).record
        before = switch.count
        tested.wire.before = lambda: setattr(switch, "mode", mode if switch.count == before else "pass")
        saved = tested.edit(record, lambda value: value.update(goal="Beans by May"))
        assert switch.count == before + 2
        assert (saved.receipt.result, saved.record.version) == ("saved", 2)
        assert len(tested.all(tested.client.prj.versions(record.id))) == 2
    finally:
        tested.close()
        switch.close()


class Dripping(BaseHTTPRequestHandler):
    """Answers with a byte now and then, without an end."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        try:
            while not self.server.stopped.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            pass  # the client has gone

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("under_test", [Client, AsyncClient])
def test_an_answer_without_an_end_is_given_up(under_test):
    """httpx limits each operation on the socket. Without a limit of the whole request this test would not end."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    server.stopped = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = under_test(f"http://127.0.0.1:{server.server_port}", "rpl_key", timeout=1)

    async def get():
        async with client:
            await client.prj.get("p1")

    try:
        with pytest.raises(Problem) as problem:
            client.prj.get("p1") if under_test is Client else asyncio.run(get())
        assert (problem.value.status, problem.value.code) == (0, "no_answer")
    finally:
        server.stopped.set()
        server.shutdown()
        server.server_close()


def test_a_server_that_is_not_there_is_a_problem_and_not_an_exception_of_httpx():
    with Client("http://127.0.0.1:1", "rpl_key", timeout=1) as client:
        client._context.jitter = lambda: 0.0
        with pytest.raises(Problem) as problem:
            client.prj.create(PROJECT)
    assert (problem.value.status, problem.value.code, problem.value.outcome) == (0, "no_answer", "not_made")


def test_the_key_is_not_shown(dev, client):
    assert dev.key not in repr(client) + repr(vars(client.prj))
