"""How the edge is watched: the points that it writes to Analytics Engine, and the check that a cron trigger starts."""

import json
import re
import secrets
import subprocess
import time

import pytest

from dev import Dev
from edge import ROOT, Edge, Switch, own_config, send, wait_for

PROJECT = {"term": 1} | dict.fromkeys(("name", "goal", "issue", "description", "term_unit", "create_date"), "x")
COLUMNS = ("answers", "ms", "age", "bytes", "too_large")


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("tables"), "--in-memory") as running:
        yield running


@pytest.fixture(scope="module")
def origin(dev):
    switch = Switch(dev.url)
    yield switch
    switch.close()


# ── Analytics Engine ──


class Watched(Edge):
    """An edge whose dataset is the log: on one machine there is no other that could be read."""

    def __init__(self, folder, origin, dev):
        (folder / "main.js").write_text(f"""
            import worker from "{ROOT}/edge/worker.js";
            const WATCH = {{ writeDataPoint: (point) => console.log(JSON.stringify({{ point }})) }};
            export default {{ fetch: (request, env, context) => worker.fetch(request, {{ ...env, WATCH }}, context) }};
        """)
        config = own_config().replace(f'"{ROOT}/edge/worker.js"', f'"{folder}/main.js"')
        (folder / "wrangler.toml").write_text(config)
        super().__init__(folder, origin.url, dev.dynamodb, config=folder / "wrangler.toml")

    def points(self):
        """Each point with its columns by their names, and what must be the same in all of them."""
        lines = re.findall(r'\{"point":\{.*\}\}', self.read_log())
        for point in (json.loads(line)["point"] for line in lines):
            assert point["indexes"] == point["blobs"][:1]
            route, status, cache, refresh = point["blobs"]
            named = dict(zip(COLUMNS, point["doubles"], strict=True))
            yield {"route": route, "status": status, "cache": cache, "refresh": refresh} | named

    def point(self, route, **expected):
        """The newest point of a route, when there is one that is so."""
        found = []

        def there():
            found[:] = [p for p in self.points() if p["route"] == route and expected.items() <= p.items()]
            return found

        wait_for(there, seconds=30)
        return found[-1]


@pytest.fixture(scope="module")
def watched(dev, origin, tmp_path_factory):
    edge = Watched(tmp_path_factory.mktemp("watched"), origin, dev)
    yield edge
    edge.close()


def test_an_answer_is_a_point(watched, dev):
    made = send(watched.url, "POST", "/prj", dev.key, PROJECT)
    path = f"/prj/{made.json()['prj_id']}"
    point = watched.point("POST /prj", status="201")
    assert point["answers"] == 1 and point["ms"] >= 0 and point["age"] == -1 and point["bytes"] == len(made.body)
    read = send(watched.url, "GET", path, dev.key)
    point = watched.point("GET /prj/{prjid}", status="200")
    assert (point["bytes"], point["too_large"]) == (len(read.body), 0) and point["age"] >= 0
    send(watched.url, "GET", f"{path}/versions?limit=1", dev.key)
    assert watched.point("GET /prj/{prjid}/versions", status="200")["cache"] == ""
    send(watched.url, "GET", path, dev.key, cache_control="no-cache")
    assert watched.point("GET /prj/{prjid}", cache="request")["refresh"] == "done"
    send(watched.url, "GET", path)
    assert watched.point("GET /prj/{prjid}", status="403")["too_large"] == 0
    send(watched.url, "GET", f"/{secrets.token_hex(4)}", dev.key)
    assert watched.point("GET other", status="403")


def test_lists_at_once_are_counted_and_not_each_written(watched, dev):
    before = sum(point["answers"] for point in watched.points() if point["route"] == "GET /prj")
    deadline, sent, size = time.monotonic() + 4, 0, 0
    while time.monotonic() < deadline:
        answer = send(watched.url, "GET", "/prj", dev.key)
        assert answer.status == 200
        sent, size = sent + 1, len(answer.body)
    # Those of the last second are written with the next one after it.
    time.sleep(1.1)
    send(watched.url, "GET", "/prj", dev.key)

    def counted():
        points = [point for point in watched.points() if point["route"] == "GET /prj"]
        return sum(point["answers"] for point in points) - before == sent + 1

    wait_for(counted, seconds=30)
    points = [point for point in watched.points() if point["route"] == "GET /prj" and point["cache"] == "hit"]
    assert max(point["answers"] for point in points) > 1
    # wrangler takes gzip in the client's place.
    assert 0 < points[-1]["bytes"] <= size and points[-1]["age"] >= 0


def test_without_a_dataset_nothing_is_written_and_all_is_answered(dev, origin, tmp_path):
    """wrangler.toml's example of the binding is one that wrangler takes."""
    config = own_config()
    example = re.search(r"(?:# .*\n)+", config[config.index("# [[analytics_engine_datasets]]") :])[0]
    (tmp_path / "wrangler.toml").write_text(config.replace(example, example.replace("# ", "")))
    edge = Edge(tmp_path, origin.url, dev.dynamodb, config=tmp_path / "wrangler.toml")
    try:
        assert [send(edge.url, "GET", "/prj", dev.key).status for _ in range(3)] == [200] * 3
    finally:
        edge.close()


def of_watch(expression):
    """What edge/watch.js makes of it, under Node."""
    program = f'import {{ cache, route }} from "{ROOT}/edge/watch.js"; console.log(JSON.stringify({expression}))'
    command = [str(ROOT / "node_modules/.bin/node"), "--input-type=module", "--no-warnings", "-e", program]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize(
    "path, resource",
    [
        ("/prj?q=a/b", "/prj"),
        ("/prj/_changes", "/prj/_changes"),
        ("/prj/a%2Fb?x", "/prj/{prjid}"),
        ("/prj/a/versions", "/prj/{prjid}/versions"),
        ("/prj/a/versions/2", "/prj/{prjid}/versions/{version}"),
        ("/prj/a/versions/2/3", "other"),
        ("/prj/", "other"),
        ("/health", "/health"),
        ("/secret", "other"),
        ("", "other"),
    ],
)
def test_a_route_has_no_ids_in_it(path, resource):
    assert of_watch(f'route("GET", "https://edge.example{path}")') == f"GET {resource}"
    assert of_watch(f'route("PROPFIND", "https://edge.example{path}")') == f"other {resource}"


def test_every_resource_has_its_route():
    for path in json.loads((ROOT / "deploy/openapi.json").read_text())["paths"]:
        concrete = path.replace("{prjid}", "some").replace("{version}", "1")
        assert of_watch(f'route("GET", "https://edge.example{concrete}")') == f"GET {path}"


@pytest.mark.parametrize(
    "status, words",
    [
        ("ripple; hit; ttl=3", ["hit", ""]),
        ("ripple; hit; ttl=-70; detail=stale-if-error", ["hit", "failed"]),
        ("ripple; fwd=miss; stored; ttl=4", ["miss", "done"]),
        ("ripple; fwd=stale; ttl=4", ["stale", "done"]),
        ("ripple; fwd=request; ttl=4", ["request", "done"]),
        (None, ["", ""]),
    ],
)
def test_cache_status_is_two_words(status, words):
    assert of_watch(f"cache({json.dumps(status)})") == words


# ── The check ──


class Checked(Edge):
    def __init__(self, folder, origin, dev, **changed):
        settings = {"RIPPLE_CHECK_KEY": dev.key, "RIPPLE_EDGE_URL": "https://edge.example/"} | changed
        super().__init__(folder, origin.url, dev.dynamodb, **settings)

    def check(self):
        """Has the trigger go off; whether the invocation succeeded, and the line of the check."""
        number = len(self.lines())
        # https://developers.cloudflare.com/workers/configuration/cron-triggers/#test-cron-triggers-locally
        answer = send(self.url, "GET", "/cdn-cgi/handler/scheduled?cron=*/5+*+*+*+*")
        wait_for(lambda: len(self.lines()) > number)
        return answer.status == 200 and answer.body == b"ok", self.lines()[-1]

    def lines(self):
        return [json.loads(line) for line in re.findall(r'\{"message":"checked".*\}', self.read_log())]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_the_check_saves_a_record_and_reads_it_back(dev, origin, tmp_path):
    with Checked(tmp_path, origin, dev) as edge:
        succeeded, first = edge.check()
        assert succeeded and first["check"] == "ok" and 0 <= first["age"] <= 60 and first["duration_ms"] >= 0, first
        assert re.fullmatch("[0-9a-f]{32}", first["trace_id"])
        assert first["trace_id"] in origin.seen["traceparent"], "the origin's log has the same"
        client = dev.ripple()
        paths = ("/prj/ripple-check", "/task/ripple-check")
        before = [client.call("GET", path).json() for path in paths]
        succeeded, second = edge.check()
        assert succeeded and second["trace_id"] != first["trace_id"]
        for path, record in zip(paths, before, strict=True):
            again = client.call("GET", path).json()
            assert again["version"] == record["version"] + 1, "one record of each resource, saved again"
            assert again["ripple_check"] != record["ripple_check"]
        # Deleted by a person, it comes back.
        dev.ripple().delete("ripple-check")
        assert edge.check()[0]
        assert all(dev.key not in json.dumps(line) for line in edge.lines())


def test_a_check_that_fails_says_why_and_counts_as_failed(dev, origin, tmp_path):
    with Checked(tmp_path, origin, dev) as edge:
        origin.mode = "stopped"
        try:
            succeeded, line = edge.check()
        finally:
            origin.mode = "pass"
        assert not succeeded
        assert (line["check"], line["error"]) == ("failed", "PATCH /prj/ripple-check was answered with 502 bad_gateway")
        assert edge.check()[0], "it is well again"
        # Requests go on as ever.
        assert send(edge.url, "GET", "/prj", dev.key).status == 200


@pytest.mark.parametrize(
    "changed, error",
    [
        ({"RIPPLE_CHECK_KEY": ""}, "RIPPLE_CHECK_KEY is not set"),
        ({"RIPPLE_EDGE_URL": ""}, "RIPPLE_EDGE_URL is not set"),
        ({"RIPPLE_CHECK_KEY": "rpl_wrong"}, "PATCH /prj/ripple-check was answered with 403 forbidden"),
    ],
)
def test_a_check_without_its_settings_says_so(dev, origin, tmp_path, changed, error):
    with Checked(tmp_path, origin, dev, **changed) as edge:
        succeeded, line = edge.check()
        assert not succeeded and line["error"] == error
