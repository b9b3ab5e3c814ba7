"""Another program beside ripple, for `cargo xtask bench feed`. It prints what it measured as JSON.

program.py writes COUNT        the seconds from `put_item` until `GET` shows a version
program.py revocations COUNT   the seconds from a revocation until the key is refused
program.py fill COUNT          writes records of about 1 KB
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

import boto3

URL, KEY = os.environ["RIPPLE_URL"], os.environ["RIPPLE_KEY"]
ENDPOINT = os.environ["RIPPLE_DYNAMODB_ENDPOINT"]
PROSE = "Raised beds behind the house, with a fence against deer and a barrel for rain. "


def table():
    resource = boto3.resource(
        "dynamodb", endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id="b", aws_secret_access_key="b"
    )
    return resource.Table("ripple_prj")


def item(prj_id):
    return {"prj_id": prj_id, "name": "Garden", "goal": "Beans by June", "description": (PROSE * 12)[:800], "term": 3}


def get(path, key):
    """Returns the status and the JSON of an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, headers={"x-api-key": key})) as answer:
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


def writes(count):
    records, times = table(), []
    for number in range(count):
        prj_id = f"bench{number}"
        records.put_item(Item=item(prj_id))
        times.append(seconds_until(lambda: get(f"/prj/{prj_id}", KEY)[1]["version"] > 0))
        # The pauses of the feed and of this loop must not follow each other.
        time.sleep(number * 37 % 250 / 1000)
    times.sort()
    return {"p50": times[count // 2], "p99": times[count * 99 // 100]}


def ripple(*arguments):
    return subprocess.run(
        [os.environ["RIPPLE_BIN"], *arguments, "--endpoint-url", ENDPOINT], check=True, capture_output=True, text=True
    )


def revocations(count):
    times = []
    for number in range(count):
        made = ripple("key", "create", "--name", f"leaver{number}")
        key, key_id = made.stdout.strip(), made.stderr.split("created ")[1].split()[0]
        assert get("/prj/absent", key)[0] == 404
        ripple("key", "revoke", key_id)
        times.append(seconds_until(lambda: get("/prj/absent", key)[0] == 403))
    return {"longest": max(times)}


def fill(count):
    with table().batch_writer() as batch:
        for number in range(count):
            batch.put_item(Item=item(f"prj{number:06}"))
    return {}


if __name__ == "__main__":
    print(json.dumps({"writes": writes, "revocations": revocations, "fill": fill}[sys.argv[1]](int(sys.argv[2]))))
