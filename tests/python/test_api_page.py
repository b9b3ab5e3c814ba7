"""The page /docs in a real browser, at `ripple dev` and at the edge. It shows every operation, tries a request, and
contacts no other host."""

import json
import urllib.parse
import urllib.request

import pytest
from playwright.sync_api import expect, sync_playwright

from conftest import _setting
from dev import Dev
from edge import ROOT, Edge, send

# As root, which is common in containers, Chromium has no sandbox. In a container, /dev/shm is small too.
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
# The time limit of the page in milliseconds. It has 4 MB of script.
LIMIT = 120_000

# `ripple dev` makes the document of the files in resources/, and the edge serves it as a file.
WHOLE = ROOT / "edge/openapi.json"
SITE = ROOT / "edge/site"
DOCUMENT = json.loads((ROOT / "deploy/openapi.json").read_text())
SCREENSHOTS = ROOT / "target/screenshots"


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("page"), "--in-memory", "--pages", str(SITE)) as running:
        yield running


@pytest.fixture(scope="module")
def edge(dev, tmp_path_factory):
    edge = Edge(tmp_path_factory.mktemp("page-edge"), dev.url, dev.dynamodb)
    yield edge
    edge.close()


@pytest.fixture(params=["dev", "edge"])
def host(request):
    return request.param, request.getfixturevalue(request.param).url


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_setting("RIPPLE_BROWSER"), args=FLAGS, timeout=LIMIT)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(LIMIT)
        yield page
        browser.close()


def test_a_browser_is_led_to_the_pages_and_another_client_is_not(host):
    _, url = host
    first = send(url, "GET", "/", accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert (first.status, first.body) == (200, (ROOT / "deploy/site/index.html").read_bytes())
    assert "accept" in first.headers["vary"].lower() and "default-src 'none'" in first.headers["content-security-policy"]
    for method, headers in (("GET", {}), ("GET", {"accept": "application/json"}), ("POST", {"accept": "text/html"})):
        answer = send(url, method, "/", **headers)
        assert (answer.status, answer.json()["code"]) == (403, "missing_authentication_token"), (method, headers)


def test_the_document_and_the_page_are_as_generated(host):
    name, url = host
    document = send(url, "GET", "/openapi.json")
    assert (document.status, document.body) == (200, WHOLE.read_bytes())
    assert document.headers["content-type"] == "application/json"
    page = send(url, "GET", "/docs")
    assert (page.status, page.body) == (200, (ROOT / "deploy/site/docs.html").read_bytes())
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy and "default-src 'none';" in policy and "connect-src 'self';" in policy
    for answer in (document, page):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "no-cache" in answer.headers["cache-control"]
    script = send(url, "GET", "/docs/page.js")
    assert script.status == 200 and script.headers["content-type"].startswith("text/javascript"), name
    for other in ("/docs/other.js", "/docs/", "/docs.html"):
        assert send(url, "GET", other).status == 403, other
    for path in ("/docs", "/openapi.json"):
        assert send(url, "POST", path).headers["allow"] == "GET, HEAD, OPTIONS" == send(url, "OPTIONS", path).headers["allow"]


# The operations in the order of a record's life. The live channel has no example: it is no request and answer.
LIFE = ("create", "batch", "update", "patch", "get", "search", "history", "version", "changes", "delete", "restore")


def test_every_example_succeeds_as_it_stands(dev):
    document = json.loads(WHOLE.read_bytes())
    tried = set()
    for resource in ("prj", "task"):
        operations = {
            operation: (method.upper(), path)
            for path, methods in document["paths"].items()
            for method, description in methods.items()
            if path.startswith(f"/{resource}") and isinstance(description, dict)
            for operation in LIFE
            if description["operationId"].removeprefix(f"{resource}_") == operation
        }
        for operation in LIFE:
            method, path = operations[operation]
            description = document["paths"][path][method.lower()]
            for parameter in description["parameters"]:
                if parameter["in"] == "path":
                    path = path.replace("{%s}" % parameter["name"], urllib.parse.quote(str(parameter["example"])))
            bodies = description.get("requestBody", {"content": {None: {}}})["content"]
            for media_type, content in bodies.items():
                example = content.get("example")
                body = example if isinstance(example, str) or example is None else json.dumps(example)
                headers = {"x-api-key": dev.key} | ({"content-type": media_type} if body else {})
                request = urllib.request.Request(dev.url + path, body and body.encode(), headers, method=method)
                with urllib.request.urlopen(request) as answer:
                    results = json.load(answer)["results"] if operation == "batch" else []
                assert all(result["status"] in (200, 201) for result in results), (operation, media_type, results)
                tried.add((operation, media_type))
    assert len(tried) >= len(LIFE)


def test_the_app_is_the_same_everywhere(host):
    name, url = host
    page = send(url, "GET", "/app")
    assert (page.status, page.body) == (200, (ROOT / "app/app.html").read_bytes())
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "'unsafe" not in policy and "connect-src 'self';" in policy and "frame-ancestors 'self'" in policy
    assert page.headers["x-frame-options"] == "SAMEORIGIN" and page.headers["x-content-type-options"] == "nosniff"
    assert send(url, "GET", "/app?demo").body == page.body == send(url, "GET", "/app?pane=bo").body
    for file, media_type in (("app.js", "text/javascript"), ("app.css", "text/css"), ("icon.svg", "image/svg+xml")):
        answer = send(url, "GET", f"/app/{file}")
        assert (answer.status, answer.body) == (200, (SITE / "app" / file).read_bytes()), name
        assert answer.headers["content-type"].startswith(media_type) and "no-cache" in answer.headers["cache-control"]
    assert send(url, "GET", "/app/offline.js").headers["service-worker-allowed"] == "../app"
    for other in ("/app/other.js", "/app/", "/app.html"):
        assert send(url, "GET", other).status == 403, other


def test_the_page_shows_every_method_and_tries_one(host, dev, page):
    name, url = host
    complaints, asked = [], set()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(urllib.parse.urlsplit(request.url).netloc))
    page.goto(f"{url}/docs")
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            # The page renders the visible operations only. Its list of operations leads to the others.
            page.locator("[data-sidebar-id]").get_by_role("link", name=operation["summary"]).first.click()
            expect(page.get_by_role("button", name=f"Test Request ({verb} {path})", exact=True)).to_be_attached(timeout=LIMIT)
    page.locator("[data-sidebar-id]").get_by_role("link", name="Introduction").first.click()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"docs-{name}.png")

    project = {"prj_id": f"page-{name}", "name": "Seen on the page", "goal": "g", "issue": "i", "description": "d"}
    project |= {"term": 1, "term_unit": "day", "create_date": "2026-01-01"}
    assert send(dev.url, "POST", "/prj", dev.key, project).status == 201
    page.get_by_role("button", name="Test Request (get /prj)", exact=True).click()
    client = page.get_by_role("dialog")
    client.locator("input[type=text]").first.fill(dev.key)
    client.get_by_role("button", name="Send get request to").click()
    expect(client).to_contain_text("200 OK", timeout=LIMIT)
    expect(client).to_contain_text(project["prj_id"], timeout=LIMIT)
    page.screenshot(path=SCREENSHOTS / f"docs-{name}-tried.png")

    assert not complaints, "such as of what the page's policy forbids"
    assert asked - {""} == {urllib.parse.urlsplit(url).netloc}, "and of no other host"
