"""Runs the cases of clients/conformance.jsonl with the Python client. clients/README.md describes the format."""

import asyncio
import dataclasses
import queue
import re
import socket
import sys
import threading
import time

import httpx

from edge import ROOT

sys.path.insert(0, str(ROOT / "clients/python/src"))

from ripple_client import AsyncClient, Client, Problem, ids, json_text  # noqa: E402

PROJECT = {
    "name": "Garden",
    "goal": "Beans by June",
    "issue": "Snails",
    "description": "Raised beds behind the house",
    "term": 3,
    "term_unit": "month",
    "create_date": "2026-03-01",
}


def cases():
    """Returns the cases, one a line."""
    return [json_text.parse(line) for line in (ROOT / "clients/conformance.jsonl").read_bytes().splitlines()]


class Wire:
    """What the transport of a client does: it counts requests, keeps the last body, and carries out faults."""

    def __init__(self):
        self.faults, self.requests, self.body = [], 0, None
        self.before = lambda: None  # called before each request

    def begin(self, request):
        """Returns the fault of this request."""
        self.before()
        self.requests += 1
        self.body = request.content
        fault = self.faults.pop(0) if self.faults else None
        if fault == "drop_request":
            raise httpx.ConnectError("dropped on the way there", request=request)
        return fault

    @staticmethod
    def answer(fault):
        """Returns the answer of a fault that needs no server, such as `status:503:unavailable`."""
        if fault and fault.startswith("status:"):
            _, status, code = fault.split(":")
            return httpx.Response(int(status), json={"status": int(status), "code": code, "detail": "a fault"})


class FaultyTransport(httpx.BaseTransport):
    def __init__(self, wire):
        self.wire, self.inner = wire, httpx.HTTPTransport()

    def handle_request(self, request):
        request.read()
        fault = self.wire.begin(request)
        if answer := self.wire.answer(fault):
            return answer
        if fault in ("twice", "drop_answer"):
            self.inner.handle_request(request).read()
        if fault == "drop_answer":
            raise httpx.ReadError("dropped on the way back", request=request)
        return self.inner.handle_request(request)

    def close(self):
        self.inner.close()


class FaultyAsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, wire):
        self.wire, self.inner = wire, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request):
        await request.aread()
        fault = self.wire.begin(request)
        if answer := self.wire.answer(fault):
            return answer
        if fault in ("twice", "drop_answer"):
            await (await self.inner.handle_async_request(request)).aread()
        if fault == "drop_answer":
            raise httpx.ReadError("dropped on the way back", request=request)
        return await self.inner.handle_async_request(request)

    async def aclose(self):
        await self.inner.aclose()


class Sync:
    """The synchronous client under test."""

    def __init__(self, url, key, **more):
        self.wire = Wire()
        self.client = Client(url, key, transport=FaultyTransport(self.wire), **more)
        self.client._context.jitter = lambda: 0.0

    def wait(self, result):
        return result

    def all(self, listing):
        return listing.all()

    def follow(self, live):
        return Following(live)

    def edit(self, record, change):
        with self.client.prj.edit(record) as edit:
            change(edit.value)
        return edit.saved

    def close(self):
        self.client.close()


class Async:
    """The asynchronous client under test, in a loop of its own."""

    def __init__(self, url, key, **more):
        self.wire, self.loop = Wire(), asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.client = AsyncClient(url, key, transport=FaultyAsyncTransport(self.wire), **more)
        self.client._context.jitter = lambda: 0.0

    def wait(self, result):
        return asyncio.run_coroutine_threadsafe(result, self.loop).result(120)

    def all(self, listing):
        return self.wait(listing.all())

    def follow(self, live):
        return AsyncFollowing(live, self)

    def edit(self, record, change):
        async def run():
            async with self.client.prj.edit(record) as edit:
                change(edit.value)
            return edit.saved

        return self.wait(run())

    def close(self):
        self.wait(self.client.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(60)
        self.loop.close()


class Run:
    """One run of a case. `plain` sends requests without the client under test, with its key and with another one."""

    def __init__(self, tested, url, keys):
        self.tested, self.url, self.keys = tested, url, keys
        self.plain = httpx.Client(timeout=30)
        self.names = {"u": ids.new_id(), "P": PROJECT}

    def step(self, step):
        return self.http(step) if "m" in step or "o" in step else self.call(step)

    def http(self, step):
        method, key = (step["m"], self.keys[0]) if "m" in step else (step["o"], self.keys[1])
        headers = {"x-api-key": key, **self.fill(step.get("h", {}))}
        body = json_text.write(self.fill(step["b"])) if "b" in step else None
        if body is not None:
            headers.setdefault("content-type", "application/json")
        answer = self.plain.request(method, self.url + self.fill(step["p"]), content=body, headers=headers)
        assert answer.status_code == step["is"], (step, answer.status_code, answer.text)
        value = json_text.parse(answer.content) if answer.content else None
        self.compare(step.get("want", {}), value)
        for name, pattern in step.get("head", {}).items():
            assert re.search(pattern, answer.headers.get(name, "")), (step, dict(answer.headers))
        if "text" in step:
            assert re.search(step["text"], answer.text), (step, answer.text)
        for name, place in step.get("keep", {}).items():
            self.names[name] = answer.headers[place[1:]] if place.startswith("@") else at(value, place)

    def call(self, step):
        wire = self.tested.wire
        wire.faults, before = list(step.get("fault", ())), wire.requests
        try:
            result = self.perform(step)
        except Problem as problem:
            assert "raises" in step, (step, problem)
            self.raised(self.fill(step["raises"]), problem)
        else:
            assert "raises" not in step, (step, result)
            self.compare(step.get("gives", {}), plain(result))
            for name, place in step.get("keep", {}).items():
                self.names[name] = at(plain(result), place)
            if "as" in step:
                self.names[step["as"]] = result
        assert not wire.faults, (step, "a fault was left over", wire.faults)
        if "requests" in step:
            assert wire.requests - before == step["requests"], (step, wire.requests - before)
        if "sent" in step:
            self.compare(step["sent"], json_text.parse(wire.body))

    def perform(self, step):
        prj, given = self.tested.client.prj, self.fill(step.get("with"))
        record_id = self.fill(step.get("id"))
        match step["call"]:
            case "create":
                return self.tested.wait(prj.create(given, id=record_id))
            case "get":
                return self.tested.wait(prj.get(record_id))
            case "edit":
                target = self.names[step["on"]] if "on" in step else record_id
                return self.tested.edit(target, lambda value: value.update(self.fill(step["set"])))
            case "delete":
                return self.tested.wait(prj.delete(record_id))
            case "list":
                given.pop("session", None)  # every request of the client carries its session
                return self.tested.all(prj.list(**given))
            case "count":
                return self.tested.wait(prj.count(**given))
            case "session":
                self.tested.client.session = given
            case "live":
                return self.tested.follow(prj.live())
            case "next":
                wanted = self.fill(step["where"])
                return self.names[step["on"]].next(wanted)
            case "cut":
                self.names[step["on"]].cut()
            case other:
                raise AssertionError(f"there is no call {other}")

    def raised(self, expected, problem):
        for name, value in expected.items():
            if name == "fields":
                for pointer, pattern in value.items():
                    assert re.search(pattern, problem.fields[pointer]), problem
            else:
                assert getattr(problem, name) == value, (name, value, problem)

    def compare(self, expected, value):
        for place, wanted in expected.items():
            found = at(value, place)
            assert json_text.same(found, self.fill(wanted)), (place, wanted, found, value)

    def fill(self, value):
        """Returns the value with its `$names` replaced."""
        if isinstance(value, dict):
            filled = {}
            for name, member in value.items():
                filled.update(self.fill(member) if name == "…" else {name: self.fill(member)})
            return filled
        if isinstance(value, list):
            return [self.fill(entry) for entry in value]
        if not isinstance(value, str):
            return value
        if whole := re.fullmatch(r"\$(\w+)(?:\.(\w+))?", value):
            named = self.names[whole[1]]
            return named[whole[2]] if whole[2] else named
        return re.sub(r"\$(\w+)", lambda found: str(self.names[found[1]]), value)

    def close(self):
        for named in self.names.values():
            if isinstance(named, Following):
                named.close()
        self.plain.close()


class Following:
    """A live channel, read by a thread of its own."""

    def __init__(self, live):
        self.live, self.heard = live, queue.Queue()
        self.start()
        deadline = time.monotonic() + 60
        # Only what comes after the first frame is heard.
        while live.cursor is None:
            assert time.monotonic() < deadline, "it does not open"
            time.sleep(0.01)

    def start(self):
        self.live._sleep = lambda seconds: None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for event in self.live:
            self.heard.put(event)

    def cut(self):
        self.live._socket.socket.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.live.close()

    def next(self, wanted):
        while event := plain(self.heard.get(timeout=60)):
            if all(json_text.same(at(event, place), value) for place, value in wanted.items()):
                return event


class AsyncFollowing(Following):
    """A live channel of the asynchronous client, read by a task of its loop."""

    def __init__(self, live, tested):
        self.tested = tested
        super().__init__(live)

    def start(self):
        async def sleep(seconds):
            pass

        self.live._sleep = sleep
        self.reader = asyncio.run_coroutine_threadsafe(self.read(), self.tested.loop)

    async def read(self):
        async for event in self.live:
            self.heard.put(event)

    def cut(self):
        self.tested.loop.call_soon_threadsafe(self.live._socket.transport.abort)

    def close(self):
        self.tested.wait(self.live.close())
        self.reader.result(60)


def at(value, pointer):
    """Returns the value at a JSON Pointer. `length` is the length of a list."""
    for name in pointer.split("/")[1:]:
        if isinstance(value, (list, tuple)):
            value = len(value) if name == "length" else value[int(name)]
        else:
            value = value[name.replace("~1", "/").replace("~0", "~")]
    return value


def plain(result):
    """Returns the client's result as dictionaries and lists."""
    if dataclasses.is_dataclass(result):
        return {field.name: plain(getattr(result, field.name)) for field in dataclasses.fields(result)}
    if isinstance(result, (list, tuple)):
        return [plain(entry) for entry in result]
    return result
