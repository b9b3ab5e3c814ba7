"""The copy that isolates of a data centre share through the Cache API: a new isolate uses what another isolate has
read. Here the isolates are successive `wrangler dev`s whose workerd keeps its cache in one folder."""

import re
import time

import boto3
import pytest

from conftest import dynamodb
from dev import Dev
from edge import ROOT, Edge, own_config, send, wait_for
from keys import unknown_key

RECORDS = 200
# An isolate ignores a cache that takes longer than a second (edge/src/cache.rs). On a busy machine that may happen, and
# then the test is repeated.
TRIES = 5


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("tables"), "--in-memory") as dev:
        # Written a while ago: younger records than the index's lag are read again.
        at = int(time.time() * 1000) - 100_000
        table = dynamodb(boto3.resource, dev.dynamodb).Table("ripple_prj")
        with table.batch_writer() as batch:
            for n in range(RECORDS):
                batch.put_item(Item=project(n) | {"rpl_version": 1, "rpl_at": at, "rpl_by": "t", "rpl_shard": "0"})
        yield dev


def project(n):
    members = {"prj_id": f"p{n:03}", "name": f"Project {n}", "goal": "g", "issue": "i", "description": "d" * 1000}
    return members | {"term": 1, "term_unit": "day", "create_date": "2026-01-01"}


def read_units(answer):
    return float(re.match(r"read=([\d.]+),", answer.headers["ripple-capacity"])[1])


class Isolate(Edge):
    """An isolate. Its list is fresh for a second, unless the test says otherwise."""

    def __init__(self, dev, folder, **changed):
        super().__init__(folder, dev.url, dev.dynamodb, **changed)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def test_an_isolate_starts_from_the_copy_of_another(dev, tmp_path):
    for number in range(TRIES):
        folder = tmp_path / str(number)
        folder.mkdir()
        with Isolate(dev, folder) as first:
            filled = send(first.url, "GET", "/prj", dev.key)
            assert filled.headers["cache-status"].startswith("ripple; fwd=miss")
        read_at = time.monotonic()
        everything = read_units(filled)
        # Clients without a key cannot reach the copy, and the copy has no key.
        kept = b"".join(file.read_bytes() for file in (folder / "state").rglob("*") if file.is_file())
        assert dev.key.encode() not in kept
        if b"Project 17" not in kept:
            continue

        # With a copy that is young enough, DynamoDB is asked for the key only.
        with Isolate(dev, folder, RIPPLE_FRESH_SECONDS="600") as second:
            for key in (None, unknown_key()):
                assert send(second.url, "GET", "/prj", key).status == 403
            wait_for(lambda: time.monotonic() - read_at > 1)
            waited = time.monotonic() - read_at
            answer = send(second.url, "GET", "/prj", dev.key)
        if not answer.headers["cache-status"].startswith("ripple; fwd=miss"):
            break
    else:
        pytest.fail("nothing was kept, or nothing found of it")
    assert answer.headers["cache-status"].startswith("ripple; hit")
    assert read_units(answer) <= 0.5, answer.headers
    assert int(answer.headers["age"]) >= int(waited)
    assert (answer.body, answer.headers["etag"]) == (filled.body, filled.headers["etag"])

    # From an older copy on, the isolate reads later writes from the index.
    assert send(dev.url, "PATCH", "/prj/p017", dev.key, {"name": "Another name"}).status == 200
    assert send(dev.url, "DELETE", "/prj/p018", dev.key).status == 204
    assert send(dev.url, "POST", "/prj", dev.key, project(RECORDS)).status == 201
    table = send(dev.url, "GET", "/prj", dev.key)
    for _ in range(TRIES):
        with Isolate(dev, folder) as third:
            asked = time.monotonic()
            answer = send(third.url, "GET", "/prj", dev.key, cache_control="no-cache")
            assert int(answer.headers["age"]) <= time.monotonic() - asked
            assert (answer.body, answer.headers["etag"]) == (table.body, table.headers["etag"])
            assert send(third.url, "GET", "/prj/p018", dev.key).status == 410
        if 10 * read_units(answer) < everything:
            break
    else:
        pytest.fail(f"it reads {read_units(answer)} units of {everything}")


CACHES = {
    "keeps nothing": "async () => ({ match: async () => undefined, put: async () => {} })",
    "is none": "undefined",
    "never answers": "() => new Promise(() => {})",
}


@pytest.mark.parametrize("open", CACHES.values(), ids=CACHES.keys())
def test_without_the_cache_each_isolate_reads_by_itself(dev, tmp_path, open):
    """As on workers.dev, which has no cache, and during an outage of the cache."""
    main = f'''
        Object.defineProperty(globalThis, "caches", {{ value: {{ open: {open} }} }});
        export {{ default }} from "{ROOT}/edge/worker.js";
    '''
    (tmp_path / "main.js").write_text(main)
    config = own_config().replace(f'"{ROOT}/edge/worker.js"', f'"{tmp_path}/main.js"')
    (tmp_path / "wrangler.toml").write_text(config)
    with Isolate(dev, tmp_path, config=tmp_path / "wrangler.toml") as isolate:
        answer = send(isolate.url, "GET", "/prj", dev.key)
        assert answer.status == 200 and answer.headers["cache-status"].startswith("ripple; fwd=miss")
        assert answer.body == send(dev.url, "GET", "/prj", dev.key).body
