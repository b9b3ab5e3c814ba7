"""Sockets of the live channel, for `cargo xtask bench live`. It prints what it measured as JSON: the seconds from the
answer to a save until each of the other sockets has its event, and the same for a write of another program.

program.py dev SOCKETS SAVES    at `ripple dev`
program.py edge SOCKETS SAVES   at an edge with a replica under `wrangler dev`, with and without the feed
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import connect

sys.path.insert(0, str(Path(__file__).parents[4] / "tests/python"))

from dev import Dev  # noqa: E402
from near import Near  # noqa: E402

RECORD = {
    "prj_id": "bench", "name": "Garden", "goal": "Beans", "issue": "Snails", "description": "Beds", "term": 3,
    "term_unit": "month", "create_date": "2026-03-01",
}
# A credit of events lasts for longer than this number.
ACKNOWLEDGED = 16


class Listener:
    """An open socket, and when it heard of each version."""

    def __init__(self, socket):
        self.socket, self.heard, self.news = socket, {}, asyncio.Condition()

    async def listen(self):
        async for text in self.socket:
            at, frame = time.perf_counter(), json.loads(text)
            if "version" not in frame:
                continue
            async with self.news:
                self.heard[frame["id"], frame["version"]] = at
                self.news.notify_all()
            if frame["seq"] % ACKNOWLEDGED == 0:
                await self.socket.send(json.dumps({"ack": frame["seq"]}))

    async def when(self, found):
        """Returns when the first version was heard of that `found` accepts."""
        async with self.news:
            await self.news.wait_for(lambda: any(found(*what) for what in self.heard))
            return min(at for what, at in self.heard.items() if found(*what))


async def measure(host, sockets, saves, writes):
    """Returns the times of saves, and of so many writes of another program."""
    ripple, table = host.ripple(), host.client()
    await asyncio.to_thread(ripple.create, RECORD)
    url = host.url.replace("http", "ws", 1) + "/prj/_live"
    settings = {"subprotocols": ["ripple.v1"], "additional_headers": {"x-api-key": host.key}, "open_timeout": 120}
    listeners = [Listener(await connect(url, ping_interval=None, **settings)) for _ in range(sockets)]
    listening = [asyncio.create_task(listener.listen()) for listener in listeners]

    def save(number):
        answer = ripple.call("PATCH", "/prj/bench", {"goal": f"goal {number}"})
        assert answer.status == 200, answer
        return answer.json()["version"], time.perf_counter()

    def write(number):
        item = {name: {"S": str(value)} for name, value in RECORD.items()} | {"prj_id": {"S": f"other{number}"}}
        table.put_item(TableName="ripple_prj", Item=item)
        return time.perf_counter()

    async def heard(begun, found):
        async with asyncio.timeout(120):
            times = await asyncio.gather(*(listener.when(found) for listener in listeners))
        return [max(at - begun, 0) for at in times]

    of_saves, of_writes = [], []
    for number in range(saves):
        version, answered = await asyncio.to_thread(save, number)
        of_saves += await heard(answered, lambda prj_id, heard: prj_id == "bench" and heard >= version)
        # The pauses of the feed and of this loop must not follow each other.
        await asyncio.sleep(number * 37 % 100 / 1000)
    for number in range(writes):
        written = await asyncio.to_thread(write, number)
        of_writes += await heard(written, lambda prj_id, _: prj_id == f"other{number}")
        await asyncio.sleep(number * 37 % 250 / 1000)
    for task, listener in zip(listening, listeners):
        task.cancel()
        await listener.socket.close()
    return summary("save", of_saves) | summary("write", of_writes)


def summary(name, times):
    times = sorted(times)
    return {f"{name}_p50": times[len(times) // 2], f"{name}_p99": times[len(times) * 99 // 100]} if times else {}


def dev(sockets, saves):
    with tempfile.TemporaryDirectory() as folder, Dev(Path(folder), "--in-memory", feed=True) as host:
        return {"fed": asyncio.run(measure(host, sockets, saves, saves // 5))}


def edge(sockets, saves):
    found = {}
    for name, feed, writes in (("fed", True, saves // 5), ("unfed", False, 0)):
        with tempfile.TemporaryDirectory() as folder, Near(Path(folder), feed=feed) as host:
            found[name] = asyncio.run(measure(host, sockets, saves, writes))
    return found


if __name__ == "__main__":
    works = {"dev": dev, "edge": edge}
    print(json.dumps(works[sys.argv[1]](int(sys.argv[2]), int(sys.argv[3]))))
