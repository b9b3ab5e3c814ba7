"""Another program beside ripple, for `cargo xtask bench feed`. It prints what it measured as JSON.

program.py writes COUNT        the seconds from `put_item` until `GET` shows a version
program.py revocations COUNT   the seconds from a revocation until the key is refused
program.py edge COUNT          both, at an edge with a replica under `wrangler dev`
program.py fill COUNT          writes records of about 1 KB
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3

sys.path.insert(0, str(Path(__file__).parents[4] / "tests/python"))

from dev import Dev  # noqa: E402
from edge import Edge, send, wait_for, with_replica  # noqa: E402

URL, KEY = os.environ["RIPPLE_URL"], os.environ["RIPPLE_KEY"]
ENDPOINT = os.environ["RIPPLE_DYNAMODB_ENDPOINT"]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROSE = "Raised beds behind the house, with a fence against deer and a barrel for rain. "


def table(endpoint):
    resource = boto3.resource(
        "dynamodb", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="b", aws_secret_access_key="b"
    )
    return resource.Table("ripple_prj")


def item(prj_id):
    return {"prj_id": prj_id, "name": "Garden", "goal": "Beans by June", "description": (PROSE * 12)[:800], "term": 3}


def get(url, path, key):
    """Returns the status and the JSON of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, headers={"x-api-key": key})) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def seconds_until(holds):
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() < begun + 120, "it does not happen"
        time.sleep(0.005)
    return time.monotonic() - begun


def writes(count, url=URL, key=KEY, endpoint=ENDPOINT):
    records, times = table(endpoint), []
    for number in range(count):
        prj_id = f"bench{number}"
        records.put_item(Item=item(prj_id))
        times.append(seconds_until(lambda: shows_a_version(get(url, f"/prj/{prj_id}", key)[1])))
        # The pauses of the feed and of this loop must not follow each other.
        time.sleep(number * 37 % 250 / 1000)
    times.sort()
    return {"p50": times[count // 2], "p99": times[count * 99 // 100]}


def shows_a_version(record):
    return record is not None and record["version"] > 0


def ripple(endpoint, *arguments):
    command = [os.environ["RIPPLE_BIN"], *arguments, "--endpoint-url", endpoint]
    return subprocess.run(command, check=True, capture_output=True, text=True)


def revocations(count, url=URL, endpoint=ENDPOINT):
    times = []
    for number in range(count):
        made = ripple(endpoint, "key", "create", "--name", f"leaver{number}")
        key, key_id = made.stdout.strip(), made.stderr.split("created ")[1].split()[0]
        assert get(url, "/prj/absent", key)[0] == 404
        ripple(endpoint, "key", "revoke", key_id)
        times.append(seconds_until(lambda: get(url, "/prj/absent", key)[0] == 403))
    return {"longest": max(times)}


def edge(count):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        before = Dev(folder / "data", log=folder / "before.log")
        configs = dict(zip(("config", "replica"), with_replica(folder, before.dynamodb)))
        worker = Edge(folder, before.url, before.dynamodb, **configs, RIPPLE_FEED_SECRETS=SECRET)
        # `ripple dev` starts again, since it is now known where the edge is.
        before.interrupt()
        port, dynamodb_port = (url.rsplit(":", 1)[1] for url in (before.url, before.dynamodb))
        feed = {"RIPPLE_FEED_URLS": f"{worker.url}/_feed", "RIPPLE_FEED_SECRETS": SECRET}
        log = folder / "dev.log"
        with Dev(folder / "data", "--dynamodb-port", dynamodb_port, port=port, log=log, feed=True, **feed) as dev:

            def by_replica():
                send(worker.url, "GET", "/prj/absent", dev.key)
                return '"by":"replica"' in worker.read_log()

            wait_for(by_replica)
            seen = writes(count, worker.url, dev.key, dev.dynamodb)
            refused = revocations(count // 10, worker.url, dev.dynamodb)
            worker.close()
    return seen | refused


def fill(count):
    with table(ENDPOINT).batch_writer() as batch:
        for number in range(count):
            batch.put_item(Item=item(f"prj{number:06}"))
    return {}


if __name__ == "__main__":
    works = {"writes": writes, "revocations": revocations, "edge": edge, "fill": fill}
    print(json.dumps(works[sys.argv[1]](int(sys.argv[2]))))
