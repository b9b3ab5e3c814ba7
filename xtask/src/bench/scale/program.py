"""Lists of many records, for `cargo xtask bench scale`: the edge with a replica under `wrangler dev`, and the backend.
It prints what it measured as JSON.

program.py COUNT...   milliseconds, read units and memory at each number of records
"""

import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[4]
sys.path.insert(0, str(ROOT / "tests/python"))

from dev import Dev, clean  # noqa: E402
from edge import Edge, Switch, send, wait_for, with_replica  # noqa: E402

# The requests of a measurement. The first is not counted.
REQUESTS = 21
WORD = "zugzwang"
READS = {
    # Each request of another limit, 50 on average, so that no answer is one that was kept.
    "page by id": "/prj?limit={limit}",
    "page by time": "/prj?limit={limit}&sort=-updated_at",
    "page by a declared member": "/prj?limit={limit}&sort=-name",
    "page that the isolate keeps": "/prj?limit=50",
    "record": "/prj/prj000007",
    "q without a match": f"/prj?q={WORD}{{n}}&limit=50",
    # In the isolate's memory; the object's own is asked with another address.
    "q again": f"/prj?q={WORD}&limit=50",
    "q again, by the object": f"/prj?q={WORD}&limit=50&_={{n}}",
}


def records(count):
    lines = (ROOT / "tests/data/projects-100.jsonl").read_text().splitlines()
    samples = itertools.cycle([json.loads(line) for line in lines])
    return [next(samples) | {"prj_id": f"prj{number:06}"} for number in range(count)]


def fill(dev, count):
    """Writes records as another program does, and lets ripple adopt them."""
    requests = [{"PutRequest": {"Item": {name: of(value) for name, value in record.items()}}} for record in records(count)]
    client = dev.client()
    for at in range(0, count, 25):
        client.batch_write_item(RequestItems={"ripple_prj": requests[at : at + 25]})
    command = [os.environ["RIPPLE_BIN"], "--data", str(dev.data), "table", "backfill"]
    subprocess.run(command, env=clean(), check=True, stdout=sys.stderr)


def of(value):
    """Returns a value as DynamoDB's JSON."""
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [of(entry) for entry in value]}
        case dict():
            return {"M": {name: of(entry) for name, entry in value.items()}}
        case _:
            return {"NULL": True}


def timed(url, key, path):
    """Returns the median of the milliseconds, and the read units of the last answer."""
    times = []
    for number in range(REQUESTS):
        begun = time.perf_counter()
        answer = send(url, "GET", path.format(n=number, limit=50 - REQUESTS // 2 + number), key)
        times.append((time.perf_counter() - begun) * 1e3)
        assert answer.status == 200, answer
    units = re.search(r"read=([\d.]+)", answer.headers.get("ripple-capacity") or "read=0")
    return {"ms": statistics.median(times[1:]), "units": float(units[1])}


def rows(edge, key):
    """Returns the rows of SQLite that the object has read and written so far."""
    lines = len(reports(edge))
    # A refresh reports the rows since the last one.
    while len(reports(edge)) == lines:
        send(edge.url, "GET", "/prj/absent", key, cache_control="no-cache")
        time.sleep(0.2)
    return [sum(report[name] for report in reports(edge)) for name in ("rows_read", "rows_written")]


def is_quiet(edge, key):
    """Reports whether a refresh finds little that was written lately. It reads a row for each such record."""
    before = rows(edge, key)
    return rows(edge, key)[0] - before[0] < 30


def edit_rows(edge, dev):
    """Returns the rows that a refresh writes for an edit, beyond those of a refresh without one."""
    first, second = rows(edge, dev.key), rows(edge, dev.key)
    dev.ripple().patch("prj000007", {"goal": "Another goal"})
    third = rows(edge, dev.key)
    return third[1] - second[1] - (second[1] - first[1])


def reports(edge):
    lines = [line[line.index("{") :] for line in edge.read_log().splitlines() if '"rows_read"' in line]
    return [json.loads(line) for line in lines]


def measure(count, folder):
    folder.mkdir()
    with Dev(folder / "data") as dev:
        fill(dev, count)
        far = Switch(dev.dynamodb)
        configs = dict(zip(("config", "replica"), with_replica(folder, far.url, RIPPLE_FRESH_SECONDS="5")))
        edge = Edge(folder, dev.url, dev.dynamodb, **configs, RIPPLE_FRESH_SECONDS="5")
        begun = time.monotonic()

        def by_replica():
            send(edge.url, "GET", "/prj/absent", dev.key)
            return '"by":"replica"' in edge.read_log()

        wait_for(by_replica, 600)
        result = {"fill": time.monotonic() - begun}
        result["rows written by the fill"] = rows(edge, dev.key)[1]
        wait_for(lambda: is_quiet(edge, dev.key), 600)
        before = rows(edge, dev.key)
        after = rows(edge, dev.key)
        # Each count ends with a refresh, which reads rows too.
        refresh, before = after[0] - before[0], after
        for name, path in READS.items():
            result[name] = timed(edge.url, dev.key, path)
            after = rows(edge, dev.key)
            result[name]["rows"] = (after[0] - before[0] - refresh) / REQUESTS
            before = after
        result["rows written by an edit"] = edit_rows(edge, dev)
        memory = [int(size) for size in re.findall(r'"memory":(\d+)', edge.read_log())]
        result["memory"] = max(memory)
        edge.close()
        far.close()
    # With the feed, since every record has been adopted, pages come from the indexes.
    with Dev(folder / "data", feed=True) as dev:
        result["backend"] = timed(dev.url, dev.key, "/prj?limit=50")
        # Records that were only adopted have no time.
        for record in records(60):
            dev.ripple().patch(record["prj_id"], {"goal": "A third goal"})
        result["backend by time"] = timed(dev.url, dev.key, "/prj?limit=50&sort=-updated_at")
    return result


def main():
    with tempfile.TemporaryDirectory() as folder:
        return {count: measure(int(count), Path(folder) / count) for count in sys.argv[1:]}


if __name__ == "__main__":
    print(json.dumps(main()))
