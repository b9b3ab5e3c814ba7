"""An edge with a replica in front of a `ripple dev` whose feed tells it of changes. It stands in for a `Dev` in the tests
of the live channel. The replica reads its tables through a `Switch`.

    python tests/python/near.py COMMAND...    runs a command that is told of an edge without the feed
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from conftest import Ripple
from dev import Dev, ripple
from edge import ROOT, Edge, Switch, free_port, send, wait_for, with_replica

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Near:
    """`feed` is whether the feed tells the edge of changes, or the URL of what passes its messages on. `main` is the
    module of the replica's script, if it is not the real one alone. `limits` are settings of the edge."""

    def __init__(self, folder, feed=True, adopts=True, main=None, limits={}, **replica_settings):
        port, dynamodb = free_port(), free_port()
        origin, tables = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{dynamodb}"
        self.tables = Switch(tables)
        edge, replica = with_replica(folder, self.tables.url, RIPPLE_LIVE_SECRETS=SECRET, **replica_settings)
        if main:
            replica.write_text(replica.read_text().replace(f"{ROOT}/replica/worker.js", str(main)))
        scripts = {"config": edge, "replica": replica}
        self.edge = Edge(folder, origin, tables, RIPPLE_FEED_SECRETS=SECRET, **scripts, **limits)
        receiver = feed if isinstance(feed, str) else f"{self.edge.url}/_feed"
        settings = {"RIPPLE_FEED_URLS": receiver, "RIPPLE_FEED_SECRETS": SECRET} if feed else {}
        options = ["--in-memory", "--dynamodb-port", str(dynamodb)]
        log = folder / "dev.log"
        self.behind = Dev(folder, *options, port=port, feed=adopts, log=log, **settings)
        self.data, self.key, self.dynamodb = self.behind.data, self.behind.key, self.behind.dynamodb
        for resource in ("prj", "task"):
            wait_for(lambda: send(self.url, "POST", f"/{resource}/_ticket", self.key).status == 200)

    @property
    def url(self):
        return self.edge.url

    def ripple(self):
        return Ripple(self.url, self.key)

    def client(self):
        return self.behind.client()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.edge.close()
        self.behind.kill()
        self.tables.close()


def main(command):
    with tempfile.TemporaryDirectory() as folder, Near(Path(folder), feed=False, adopts=False) as near:
        key = lambda scope: ripple("key", "create", "--name", "reader", "--scope", scope, data=near.data).strip()
        told = {
            "RIPPLE_URL": near.url,
            "RIPPLE_KEY": near.key,
            "RIPPLE_READ_KEY": key("read"),
            "RIPPLE_PRJ_READ_KEY": key("prj:read"),
            "RIPPLE_DYNAMODB_ENDPOINT": near.dynamodb,
            "RIPPLE_REQUIRE_URL": "1",
        }
        return subprocess.run(command, env=os.environ | told).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
