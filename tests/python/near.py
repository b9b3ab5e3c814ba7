"""An edge with a replica in front of a `ripple dev` whose feed tells it of changes. It stands in for a `Dev` in the tests
of the live channel. The replica reads its tables through a `Switch`."""

from conftest import Ripple
from dev import Dev
from edge import Edge, Switch, free_port, send, wait_for, with_replica

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Near:
    def __init__(self, folder, feed=True, **replica_settings):
        port, dynamodb = free_port(), free_port()
        origin, tables = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{dynamodb}"
        self.tables = Switch(tables)
        edge, replica = with_replica(folder, self.tables.url, RIPPLE_LIVE_SECRETS=SECRET, **replica_settings)
        scripts = {"config": edge, "replica": replica}
        self.edge = Edge(folder, origin, tables, RIPPLE_FEED_SECRETS=SECRET, **scripts)
        settings = {"RIPPLE_FEED_URLS": f"{self.edge.url}/_feed", "RIPPLE_FEED_SECRETS": SECRET} if feed else {}
        options = ["--in-memory", "--dynamodb-port", str(dynamodb)]
        log = folder / "dev.log"
        self.behind = Dev(folder, *options, port=port, feed=True, log=log, **settings)
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
