"""An edge whose workerd a test may kill, and many readers of `ripple.v1` in one process.

    `ripple dev` ──feed──▶ relay ──▶ edge, wherever it listens by now ──▶ readers
"""

import asyncio
import contextlib
import http.client
import itertools
import json
import socket
import threading
import urllib.parse
from collections import defaultdict
from http.server import BaseHTTPRequestHandler

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from edge import ROOT, Server, send, wait_for
from near import Near
from test_live import FIELDS

# A busy machine may need long. The tests go on as soon as they see what they wait for.
LIMIT = 120
# The protocol asks for an acknowledgement after so many events.
BATCH = 32
# The number of handshakes at once.
TOGETHER = 100


# What a Durable Object can have, as the core knows it.
SOCKETS = 32_768
# A frame that the object fails on.
BROKEN = '{"broken":true}'
# The real class, which also logs when an object is begun, the memory after each round of telling, and the most sockets
# that one call was given when it has looked after all of them. The object of `task` counts 32,767 sockets more than are open: `wrangler dev` cannot have as many, since its two servers talk over
# one pair of addresses.
MAIN = f"""
import worker, {{ Replica as Real }} from "{ROOT}/replica/worker.js";
export class Replica extends Real {{
  constructor(context, env) {{
    super(context, env);
    this.rounds = this.most = 0;
    this.log("log", "begun");
  }}
  async one(socket, event, ...more) {{
    if (more[0] === {json.dumps(BROKEN)}) throw new Error("broken");
    await super.one(socket, event, ...more);
  }}
  carryOut(outcome, sockets) {{
    this.most = Math.max(this.most, sockets.length);
    super.carryOut(outcome, sockets);
  }}
  async look() {{
    await super.look();
    this.log("log", "looked", {{ most: this.most, sockets: super.count() }});
  }}
  // A client may let it fail, and `_` begins a parameter without a meaning.
  async fetch(request) {{
    if (new URL(request.url).searchParams.has("_away")) throw new Error("away");
    return await super.fetch(request);
  }}
  async tell() {{
    await super.tell();
    this.log("log", "told", {{ rounds: this.rounds, sockets: super.count() }});
  }}
  // The runtime evicts an object after ten seconds without an event. The next alarm of `task` begins it anew.
  async arm() {{
    if (this.resource() !== "task" || super.count() === 0) return await super.arm();
    if ((await this.storage.getAlarm()) === null) await this.storage.setAlarm(Date.now() + 20_000);
  }}
  sockets() {{
    this.rounds += 1;
    return super.sockets();
  }}
  count() {{
    return super.count() + (this.resource() === "task" ? {SOCKETS - 1} : 0);
  }}
}}
export default worker;
"""


class Relay:
    """Passes the messages of the feed on. `during` is called with a message that the edge has and has not answered
    yet. `count` is the number of answered messages."""

    def __init__(self):
        self.edge, self.during, self.message, self.count = None, None, None, 0
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    status = relay.pass_on(body, self.headers)
                except (OSError, http.client.HTTPException):
                    # Closed without a response, as by a server that has gone.
                    return self.connection.shutdown(socket.SHUT_RDWR)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/_feed"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, body, headers):
        if self.edge is None:
            raise ConnectionRefusedError
        names = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")
        headers = {name: headers[name] for name in names}
        to = urllib.parse.urlsplit(self.edge.url)
        onward = http.client.HTTPConnection(to.hostname, to.port, timeout=30)
        with contextlib.closing(onward):
            onward.request("POST", "/_feed", body, headers)
            if self.during:
                self.message = body, headers
                self.during(body)
            response = onward.getresponse()
            response.read()
            self.count += 1
            return response.status

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Killable(Near):
    """An edge with a replica. The feed finds it after a restart, too."""

    def __init__(self, folder, **settings):
        self.relay, main = Relay(), folder / "main.js"
        main.write_text(MAIN)
        super().__init__(folder, feed=self.relay.url, main=main, **settings)
        self.relay.edge = self.edge

    def __exit__(self, *_):
        super().__exit__()
        self.relay.close()

    def wait_for_the_feed(self, prj_id):
        """Saves until the feed sends a message: after one that failed twice, it sends none for five seconds."""
        before, saves = self.relay.count, itertools.count()
        self.behind.ripple().create({"prj_id": prj_id} | FIELDS)

        def is_sent():
            self.behind.ripple().patch(prj_id, {"goal": f"goal {next(saves)}"})
            return self.relay.count > before

        wait_for(is_sent)

    def said(self, message, resource="prj"):
        """Returns what the object of a resource has logged under a message."""
        lines = map(json.loads, self.edge.lines(f'"message":"{message}"'))
        return [line for line in lines if line["object"].startswith(resource)]

    def shows_what_the_table_has(self):
        """Reports whether the replica's list is that of the origin, byte for byte, on every page."""
        path = "/prj?limit=1000"
        while path:
            found, expected = (send(url, "GET", path, self.key) for url in (self.url, self.behind.url))
            told = lambda answer: (answer.status, answer.headers["etag"], answer.headers["link"], answer.body)
            assert found.status == expected.status == 200, (found, expected)
            # An answer of the replica has an age.
            if found.headers["age"] is None or told(found) != told(expected):
                return False
            link = expected.headers["link"]
            path = "/" + link[link.index("<") + 1 : link.index(">")] if link else None
        return True


class Connection(ClientConnection):
    """A connection that ends with the server's close. Under `wrangler dev` the server may end it much later."""

    def process_event(self, event):
        super().process_event(event)
        if self.protocol.close_rcvd:
            self.loop.call_soon(self.transport.close)


class Reader:
    """A reader of a channel. It asserts the protocol's guarantees at each frame: the numbers of the log have no gaps,
    and the versions of a record rise."""

    def __init__(self, host, key=None, author=None):
        self.host, self.key, self.author = host, key or host.key, author
        # The versions that it was told of each record, in order.
        self.told = defaultdict(list)
        self.position, self.seq, self.unacknowledged = None, None, 0
        # The people whom it was told last, and the number of those that were not named.
        self.who, self.more = [], 0
        self.hello, self.closed, self.failure = None, None, None
        self.news = asyncio.Event()

    async def open(self):
        """Opens a socket at its position, and begins to read."""
        url = self.host.url.replace("http", "ws", 1) + "/prj/_live"
        if self.position:
            url += "?since=" + urllib.parse.quote(self.since())
        settings = {"open_timeout": LIMIT, "close_timeout": 1, "ping_interval": None, "max_queue": None}
        settings |= {"subprotocols": ["ripple.v1"], "compression": None, "create_connection": Connection}
        author = {"ripple-author": self.author} if self.author else {}
        opening = connect(url, additional_headers={"x-api-key": self.key} | author, **settings)
        self.closed, self.hello, self.unacknowledged = None, None, 0
        self.socket = await opening
        self.reading = asyncio.create_task(self.read())
        await self.until(lambda: self.hello or self.closed)
        return self

    def since(self):
        cursor, epoch = self.position
        return f"{cursor}~{epoch}.{self.seq}"

    async def read(self):
        try:
            async for text in self.socket:
                await self.take(json.loads(text))
                self.wake()
        except ConnectionClosed:
            pass
        except BaseException as failure:  # reported by the test's own task
            self.failure = failure
        end = self.socket.protocol.close_rcvd
        self.closed = (end.code, end.reason) if end else (1006, "")
        self.wake()

    def wake(self):
        self.news.set()
        self.news = asyncio.Event()

    async def take(self, frame):
        if "hello" in frame:
            if self.hello is None and self.position and "resync" not in frame:
                assert (frame["epoch"], frame["seq"]) == (self.position[1], self.seq), frame
            self.hello, self.seq = frame, frame["seq"]
            self.position = frame["cursor"], frame["epoch"]
        elif "mark" in frame:
            self.position = frame["mark"], self.position[1]
        elif "presence" in frame:
            self.who, self.more = frame["who"], frame["more"]
        elif "seq" in frame:
            assert frame["seq"] == self.seq + 1, (frame, self.seq)
            versions = self.told[frame["id"]]
            assert not versions or versions[-1] < frame["version"], (frame, versions)
            versions.append(frame["version"])
            self.seq = frame["seq"]
            self.unacknowledged += 1
            if self.unacknowledged == BATCH:
                self.unacknowledged = 0
                await self.socket.send(json.dumps({"ack": self.seq}))

    async def until(self, holds):
        """Reads until the condition holds."""
        while not self.failure and not holds():
            await self.news.wait()
        if self.failure:
            raise self.failure

    async def hears(self, newest):
        """Reads until it was told of the newest version of each record."""
        for prj_id, version in newest.items():
            await self.until(lambda: self.closed or self.told[prj_id][-1:] == [version])
            assert self.closed is None, self.closed

    async def end(self):
        await self.socket.close()
        await self.reading
        if self.failure:
            raise self.failure


class Deaf:
    """A client that has done the handshake, and then reads nothing until the test asks for it. Its buffer is small."""

    def __init__(self, host):
        to = urllib.parse.urlsplit(host.url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(LIMIT)
        self.socket.connect((to.hostname, to.port))
        self.protocol = ClientProtocol(parse_uri(f"ws://{to.netloc}/prj/_live"), subprotocols=["ripple.v1"])
        request = self.protocol.connect()
        request.headers["x-api-key"] = host.key
        self.protocol.send_request(request)
        self.flush()
        # Byte by byte, so that no frame is read.
        while self.protocol.state is State.CONNECTING:
            self.protocol.receive_data(self.socket.recv(1))
        assert self.protocol.handshake_exc is None, self.protocol.handshake_exc
        self.protocol.events_received()

    def flush(self):
        for data in self.protocol.data_to_send():
            self.socket.sendall(data)

    def send(self, text):
        self.protocol.send_text(text.encode())
        self.flush()

    def read_until(self, last=None):
        """Returns the texts up to a last one, or up to the close."""
        texts = []
        while self.protocol.close_rcvd is None:
            self.protocol.receive_data(self.socket.recv(65536))
            frames = (frame for frame in self.protocol.events_received() if isinstance(frame, Frame))
            texts += [frame.data.decode() for frame in frames if frame.opcode is Opcode.TEXT]
            if last in texts:
                break
        return texts

    def closed(self):
        self.read_until()
        return self.protocol.close_rcvd.code, self.protocol.close_rcvd.reason

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


async def all_of(readers, step):
    """Runs a step of all readers, a part of them at once."""
    places = asyncio.Semaphore(TOGETHER)

    async def run(reader):
        async with places:
            return await step(reader)

    return await asyncio.gather(*map(run, readers))


@contextlib.asynccontextmanager
async def opened(host, count, author="".format):
    """Gives readers whose sockets are open. `author` returns the author of each number."""
    readers = [Reader(host, author=author(number)) for number in range(count)]
    try:
        await all_of(readers, Reader.open)
        yield readers
    finally:
        await all_of([reader for reader in readers if reader.hello], Reader.end)


def run(work, seconds=LIMIT):
    """Runs a test's own task, within bounds."""

    async def bounded():
        async with asyncio.timeout(seconds):
            return await work()

    return asyncio.run(bounded())
