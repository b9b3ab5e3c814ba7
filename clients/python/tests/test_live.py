"""The readers of the live channel: heartbeats, asking, and the end. Hosts and their time are the test's."""

import asyncio
import heapq
import json
import selectors
import threading

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from ripple_client import AsyncClient, Author, Client, Event, Lost

HELLO = {"hello": 1, "epoch": "k3", "seq": 40, "cursor": "c9", "credit": 64, "ping": 30}
EVENT = {"seq": 41, "id": "p1", "version": 2, "updated_at": 5, "updated_by": "app", "fields": ["/goal"]}
HELD = {"preference-applied": "wait=25"}
# A reader that goes on for so long does not end.
MANY = 100


class Socket:
    """A socket on which frames come at their times. A number closes it. `pongs` are the seconds after which each ping
    is answered."""

    def __init__(self, *frames, pongs=()):
        self.coming = [(at, frame if isinstance(frame, int) else json.dumps(frame)) for at, frame in frames]
        self.pongs, self.sent, self.closed = iter(pongs), [], []

    def due(self):
        """Returns the seconds until the next frame."""
        if self.closed:
            raise ConnectionClosedOK(None, None)
        return max(0, self.coming[0][0] - self.host.now) if self.coming else float("inf")

    def take(self):
        frame = heapq.heappop(self.coming)[1]
        if isinstance(frame, int):
            raise ConnectionClosedError(Close(frame, ""), None)
        return frame

    def say(self, text):
        self.sent.append((round(self.host.now, 3), text))
        assert len(self.sent) < MANY, self.sent
        if text == "ping" and (seconds := next(self.pongs, None)) is not None:
            heapq.heappush(self.coming, (self.host.now + seconds, "pong"))

    def end(self, code):
        if not self.closed:
            self.closed.append((round(self.host.now, 3), code))


class SyncSocket(Socket):
    def recv(self, timeout):
        if (seconds := self.due()) > timeout:
            self.host.now += timeout
            raise TimeoutError
        self.host.now += seconds
        return self.take()

    def send(self, text):
        self.say(text)

    def close(self, code=1000, reason=""):
        self.end(code)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class AsyncSocket(Socket):
    async def recv(self):
        await asyncio.sleep(min(self.due(), 1e6))
        return self.take()

    async def send(self, text):
        self.say(text)

    async def close(self, code=1000, reason=""):
        self.end(code)


class Host:
    """A host with sockets for the readers that come, and with answers to requests for changes. Each request is held for
    25 s, unless its answer says otherwise. The last answer is repeated. `during` is called during the request of a
    number."""

    def __init__(self, *sockets, answers=(({}, HELD),)):
        self.sockets, self.urls, self.answers = list(sockets), [], list(answers)
        self.requests, self.during, self.connecting = [], {}, None
        for socket in sockets:
            socket.host = self

    def begin(self, request):
        self.requests.append(request)
        assert len(self.requests) < MANY, "it asks on and on"

    def answer(self):
        """Returns the answer, and the seconds for which the request is held."""
        more, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = {"changed": [], "deleted": [], "cursor": f"c{len(self.requests)}"} | more
        return httpx.Response(200, headers=headers, json=body), 25 if headers == HELD else 0

    def socket(self, url):
        self.urls.append(url)
        return self.sockets.pop(0)


class Sync(Host):
    Socket, now = SyncSocket, 0.0

    def live(self, monkeypatch, **more):
        monkeypatch.setattr("ripple_client.live._connect", lambda: self.connect)
        client = Client("https://ripple.test", "key", transport=httpx.MockTransport(self.handle))
        client._context.now = lambda: self.now
        self.reader = client.prj.live(**more)
        # A pause is not waited for.
        monkeypatch.setattr(self.reader, "_sleep", self.sleep)
        return self.reader

    def sleep(self, seconds):
        self.now += seconds

    def connect(self, url, additional_headers):
        self.meanwhile(self.connecting)
        return self.socket(url)

    def handle(self, request):
        self.begin(request)
        response, seconds = self.answer()
        self.meanwhile(self.during.get(len(self.requests)))
        self.now += seconds
        return response

    def meanwhile(self, call):
        """Calls something from another thread."""
        if call is not None:
            other = threading.Thread(target=call)
            other.start()
            other.join()

    def events(self, live, count=MANY):
        """Returns the ids of the next events, and then closes the channel."""
        heard = []
        for event in live:
            heard.append(event.id)
            if len(heard) == count:
                live.close()
        return heard


class Waits(selectors.DefaultSelector):
    """Lets the time of its event loop pass at once."""

    now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "every task waits for ever"
        self.now += max(0, timeout)
        return super().select(0)


class Async(Host):
    Socket = AsyncSocket

    def __init__(self, *sockets, **more):
        super().__init__(*sockets, **more)
        self.selector = Waits()
        self.loop = asyncio.SelectorEventLoop(self.selector)
        self.loop.time = lambda: self.now

    @property
    def now(self):
        return self.selector.now

    def live(self, monkeypatch, **more):
        monkeypatch.setattr("ripple_client.async_live._connect", lambda: self.connect)
        client = AsyncClient("https://ripple.test", "key", transport=httpx.MockTransport(self.handle))
        client._context.now = lambda: self.now
        self.reader = client.prj.live(**more)
        return self.reader

    async def connect(self, url, additional_headers):
        await self.meanwhile(self.connecting)
        return self.socket(url)

    async def handle(self, request):
        self.begin(request)
        response, seconds = self.answer()
        await self.meanwhile(self.during.get(len(self.requests)))
        await asyncio.sleep(seconds)
        return response

    async def meanwhile(self, call):
        """Calls something from another task."""
        if call is not None:
            await asyncio.create_task(call())

    def events(self, live, count=MANY):
        """Returns the ids of the next events, and then closes the channel."""

        async def run():
            heard = []
            async for event in live:
                heard.append(event.id)
                if len(heard) == count:
                    await live.close()
            return heard

        try:
            return self.loop.run_until_complete(run())
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def kind(request):
    return request.param


def test_an_event_names_whose_values_it_replaced(kind, monkeypatch):
    told = EVENT | {"author": ["Bo", "u7"], "lost": [["/goal", "u3", 1], ["/issue", "", 1]]}
    host = kind(kind.Socket((0, HELLO), (0, told)))
    heard = []
    monkeypatch.setattr("ripple_client.channel.Event", lambda *members: heard.append(Event(*members)) or heard[-1])
    assert host.events(host.live(monkeypatch), 1) == ["p1"]
    lost = (Lost("/goal", "u3", 1), Lost("/issue", None, 1))
    assert heard == [Event("p1", 2, False, ("/goal",), "c9~k3.41", 5, "app", Author("Bo", "u7"), lost)]


@pytest.mark.parametrize("late", [0.25, 9.5])
def test_a_quiet_socket_stays_open_as_long_as_its_host_answers(kind, monkeypatch, late):
    socket = kind.Socket((0, HELLO), (600, EVENT), pongs=[late] * MANY)
    host = kind(socket)
    assert host.events(host.live(monkeypatch), 1) == ["p1"]
    pings = [at for at, text in socket.sent if text == "ping"]
    assert pings == [30 + n * (30 + late) for n in range(len(pings))] and len(pings) >= 15
    assert socket.closed == [(600, 1000)] and len(host.urls) == 1


def test_a_host_that_is_silent_for_ten_seconds_after_a_ping_is_left(kind, monkeypatch):
    sockets = [
        kind.Socket((0, HELLO)),
        kind.Socket((0, HELLO), pongs=[2]),
        # A frame shows as much as a pong.
        kind.Socket((0, HELLO), (155, EVENT)),
        kind.Socket((0, HELLO | {"seq": 41}), (0, EVENT | {"seq": 42, "version": 3})),
    ]
    monkeypatch.setattr("ripple_client.channel.random.random", lambda: 1.0)
    host = kind(*sockets)
    assert host.events(host.live(monkeypatch), 2) == ["p1", "p1"]
    assert [socket.sent for socket in sockets[:3]] == [
        [(30, "ping")],
        # Each socket opens 5 s after the end of the one before.
        [(75, "ping"), (107, "ping")],
        [(152, "ping"), (185, "ping")],
    ]
    assert [socket.closed for socket in sockets[:3]] == [[(40, 4000)], [(117, 4000)], [(195, 4000)]]


def test_a_reader_that_found_the_host_full_asks_for_ten_minutes_and_then_tries_the_socket(kind, monkeypatch):
    host = kind(kind.Socket((0, HELLO), (1, 4009)), kind.Socket((0, HELLO), (0, EVENT)))
    live = host.live(monkeypatch)
    assert host.events(live, 1) == ["p1"]
    assert (len(host.requests), live.mode) == (24, "live")
    assert host.requests[0].url.params["since"] == "c9" and host.requests[23].url.params["since"] == "c23"
    assert host.urls == ["wss://ripple.test/prj/_live", "wss://ripple.test/prj/_live?since=c24"]


def test_close_ends_a_reader_that_asks_although_nothing_changes(kind, monkeypatch):
    host = kind()
    live = host.live(monkeypatch, since="c0")
    monkeypatch.setattr(f"ripple_client.{'live' if kind is Sync else 'async_live'}._connect", lambda: None)
    host.during[3] = live.close
    assert host.events(live) == []
    # A thread hears the answer that is on its way. A task does not wait for it.
    assert len(host.requests) == 3
    assert (host.now, live.cursor) == ((75, "c3") if kind is Sync else (50, "c2"))


def test_close_ends_a_reader_between_the_changes_of_an_answer(kind, monkeypatch):
    changed = [{"prj_id": name, "version": 2} for name in ("a", "b", "c")]
    host = kind(kind.Socket((0, HELLO | {"resync": "too_old"})), answers=[({"changed": changed}, {})])
    live = host.live(monkeypatch, since="c0")
    assert host.events(live, 2) == ["a", "b"]
    assert live.cursor == "c0", "c is not dealt with, so neither the answer's cursor nor the socket's counts"


def test_close_ends_a_reader_that_is_about_to_connect(kind, monkeypatch):
    socket = kind.Socket((0, HELLO), (1, EVENT), pongs=[0.25] * MANY)
    host = kind(socket)
    live = host.live(monkeypatch)
    host.connecting = live.close
    assert host.events(live) == []
    # A thread closes the socket that has opened. A task does not wait for it.
    assert socket.closed == [(0, 1000)] if kind is Sync else host.urls == []


def test_close_ends_a_pause_of_a_task(monkeypatch):
    host = Async(answers=[({}, {"retry-after": "3600"})])
    live = host.live(monkeypatch, since="c0")
    monkeypatch.setattr("ripple_client.async_live._connect", lambda: None)
    host.loop.call_later(9, lambda: host.loop.create_task(live.close()))
    assert host.events(live) == []
    assert (len(host.requests), host.now) == (1, 9)


def test_close_ends_a_pause_of_a_thread(monkeypatch):
    monkeypatch.setattr("ripple_client.live._connect", lambda: None)
    asked = threading.Event()

    def handle(request):
        asked.set()
        return httpx.Response(200, headers={"retry-after": "3600"}, json={"changed": [], "deleted": [], "cursor": "c1"})

    live = Client("https://ripple.test", "key", transport=httpx.MockTransport(handle)).prj.live(since="c0")
    reader = threading.Thread(target=list, args=(live,), daemon=True)
    reader.start()
    assert asked.wait(60)
    live.close()
    reader.join(60)
    assert not reader.is_alive()


def test_a_reader_that_is_closed_sends_no_refused_request_again(monkeypatch):
    monkeypatch.setattr("ripple_client.live._connect", lambda: None)
    requests = []

    def handle(request):
        requests.append(request)
        live.close()
        body = {"type": "about:blank", "code": "unavailable", "status": 503}
        return httpx.Response(503, json=body, headers={"retry-after": "1"})

    live = Client("https://ripple.test", "key", transport=httpx.MockTransport(handle)).prj.live(since="c0")
    assert list(live) == []
    assert len(requests) == 1
