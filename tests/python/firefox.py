"""A real Firefox, driven by Marionette: Firefox's own protocol below geckodriver, WebDriver commands as JSON over TCP.

Playwright drives its own build of Firefox. Its support for WebDriver BiDi needs commands that Firefox ESR lacks.
"""

import json
import socket
import subprocess
import time

from dev import clean

# The time limit of a command in seconds, on a busy machine.
LIMIT = 120
# The member that holds an element's id (W3C WebDriver, "Elements").
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

# Scripts for Firefox's own window. Calls what F5 calls, and waits for the end of the load:
RELOAD = """
const [done] = arguments;
const browser = gBrowser.selectedBrowser;
const listener = {
  QueryInterface: ChromeUtils.generateQI(["nsIWebProgressListener", "nsISupportsWeakReference"]),
  onStateChange(progress, request, flags) {
    if (!progress.isTopLevel || !(flags & Ci.nsIWebProgressListener.STATE_STOP)) return;
    browser.removeProgressListener(listener);
    done();
  },
};
browser.addProgressListener(listener, Ci.nsIWebProgress.NOTIFY_STATE_WINDOW);
BrowserCommands.reload();
"""
# Calls what "Duplicate Tab" calls. The same code restores the tabs after a crash of Firefox.
DUPLICATE = """
const [done] = arguments;
SessionStore.duplicateTab(window, gBrowser.selectedTab).addEventListener("SSTabRestored", () => done());
"""


class Firefox:
    """A Firefox with one window and its own profile. `environment`: further variables, such as `TZ`."""

    def __init__(self, program, profile, **environment):
        profile.mkdir()
        (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')
        command = [program, "--marionette", "--remote-allow-system-access", "--headless", "--no-remote"]
        command += ["--profile", str(profile)]
        with open(profile / "log", "wb") as log:
            self.process = subprocess.Popen(
                command, env=clean() | environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        try:
            self._connect(profile)
        except BaseException:
            self.close()
            raise

    def _connect(self, profile):
        port, deadline = profile / "MarionetteActivePort", time.monotonic() + LIMIT
        while not (port.exists() and port.read_text().strip()):
            assert self.process.poll() is None and time.monotonic() < deadline, (profile / "log").read_text()
            time.sleep(0.05)
        self._socket = socket.create_connection(("127.0.0.1", int(port.read_text())), LIMIT)
        self._answers = self._socket.makefile("rb")
        self._read()  # Firefox sends the protocol's version first
        self._call("WebDriver:NewSession", timeouts=dict.fromkeys(("pageLoad", "implicit", "script"), LIMIT * 1000))

    def goto(self, url):
        self._call("WebDriver:Navigate", url=url)

    def reload(self):
        """Reloads as F5 does. WebDriver's own command bypasses the cache, and then Firefox restores nothing."""
        self._in_its_window(RELOAD)

    def duplicate(self):
        """Continues in a copy of the tab."""
        before = set(self._call("WebDriver:GetWindowHandles"))
        self._in_its_window(DUPLICATE)
        [copy] = set(self._call("WebDriver:GetWindowHandles")) - before
        self._call("WebDriver:SwitchToWindow", handle=copy)

    def labelled(self, text):
        """Returns the control with this label. Waits for it."""
        path = f"//*[@id=//label[normalize-space()='{text}']/@for] | //label[normalize-space()='{text}']//input"
        return self._call("WebDriver:FindElement", using="xpath", value=path)["value"][ELEMENT]

    def button(self, text):
        path = f"//button[normalize-space()='{text}']"
        return self._call("WebDriver:FindElement", using="xpath", value=path)["value"][ELEMENT]

    def click(self, element):
        """Clicks, and waits for the page that the click opens."""
        self._call("WebDriver:ElementClick", id=element)

    def type(self, element, text):
        """Replaces the text of a control."""
        self._call("WebDriver:ElementClear", id=element)
        self._call("WebDriver:ElementSendKeys", id=element, text=text)

    def value(self, element):
        return self._call("WebDriver:GetElementProperty", id=element, name="value")["value"]

    def text(self, selector):
        """Returns the text of an element. Waits for the element."""
        found = self._call("WebDriver:FindElement", using="css selector", value=selector)["value"][ELEMENT]
        return self._call("WebDriver:GetElementText", id=found)["value"]

    def run(self, script):
        """Returns the value of an expression in the page."""
        return self._call("WebDriver:ExecuteScript", script=f"return {script}", args=[])["value"]

    def _in_its_window(self, script):
        self._call("Marionette:SetContext", value="chrome")
        self._call("WebDriver:ExecuteAsyncScript", script=script, args=[])
        self._call("Marionette:SetContext", value="content")

    def _call(self, command, **parameters):
        body = json.dumps([0, 1, command, parameters])
        self._socket.sendall(f"{len(body)}:{body}".encode())
        _, _, error, result = self._read()
        assert error is None, (command, parameters, error)
        return result

    def _read(self):
        length = b""
        while (byte := self._answers.read(1)) != b":":
            assert byte, "Firefox has gone"
            length += byte
        return json.loads(self._answers.read(int(length)))

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
