"""A real Chromium on the Flask app's pages, driven by Playwright. Screenshots are kept in `target/flask`."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from conftest import _setting

# As root, Chromium has no sandbox. The other flags stop requests to third parties.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
# The time limit of a page in milliseconds, on a busy machine.
LIMIT = 120_000
expect.set_options(timeout=LIMIT)


@pytest.fixture(scope="module")
def pictures():
    folder = Path(_setting("RIPPLE_BIN")).parents[1] / "flask"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def playwright():
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture
def browsers(playwright):
    """Starts browsers, each with its own profile. A console error on a page fails the test."""
    started, complaints = [], []

    def start(**settings):
        browser = playwright.chromium.launch(executable_path=_setting("RIPPLE_BROWSER"), args=FLAGS, timeout=LIMIT)
        started.append(browser)
        page = browser.new_context(
            **{"viewport": {"width": 1200, "height": 900}, "locale": "en-GB"} | settings
        ).new_page()
        page.set_default_timeout(LIMIT)
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield start
    for browser in started:
        browser.close()
    expected = r"(400|403|404|409|410|412|501) \(|ERR_INTERNET_DISCONNECTED"
    faults = [said for said in complaints if not re.search(expected, said)]
    assert not faults, f"beside what a test does wrong itself: {faults}"


def press(page, key):
    """Presses a key once the scripts of the page have run: the handler of the key is theirs."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def receipt(page):
    """Returns the sentence without its times."""
    expect(page.locator(".notice.done")).to_be_visible()
    return re.sub(r" (at|on [\w ]+ at) \d\d:\d\d( UTC)?", "", page.locator(".notice.done").inner_text())


def look_at(page, axe, picture):
    # Colours have transitions.
    page.evaluate("Promise.allSettled(document.getAnimations().map((change) => change.finished)).then(() => {})")
    if picture:
        page.screenshot(path=picture, full_page=True)
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], (page.url, width)
    found = axe.run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
