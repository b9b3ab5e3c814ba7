"""The rows of SQLite that the replica's object reads and writes under the real workerd, as Cloudflare bills them."""

import json

import pytest

from dev import Dev
from edge import Edge, send, wait_for, with_replica

RECORDS = 60
# An event reads the state of the copy a few times.
STATE = 6
PROJECT = {"term": 1} | dict.fromkeys(("name", "goal", "issue", "description", "term_unit", "create_date"), "x")


class Counted:
    """An edge whose replica refreshes only when a client requires it. A refresh reports the rows since the last one. The
    key is looked up once, since a lookup reads rows too."""

    def __init__(self, folder, dev):
        self.key = dev.key
        seconds = {"RIPPLE_FRESH_SECONDS": "600", "RIPPLE_KEY_SECONDS": "600"}
        config, replica = with_replica(folder, dev.dynamodb, **seconds)
        self.edge = Edge(folder, dev.url, dev.dynamodb, config=config, replica=replica, **seconds)

    def get(self, path, **headers):
        answer = send(self.edge.url, "GET", path, self.key, **headers)
        assert answer.status in (200, 304, 404), answer
        return answer

    def reports(self):
        return [json.loads(line) for line in self.edge.lines('"rows_read"')]

    def total(self):
        seen = len(self.reports())
        self.get("/prj/absent", cache_control="no-cache")
        wait_for(lambda: len(self.reports()) > seen)
        return [sum(report[name] for report in self.reports()) for name in ("rows_read", "rows_written")]

    def between(self, work):
        """Returns the rows that were read and written by work, and by a refresh after it."""
        before = self.total()
        work()
        return [after - earlier for after, earlier in zip(self.total(), before)]

    def read_by(self, *paths):
        """Returns the rows that reads take, without the refresh."""
        alone = self.between(lambda: None)[0]
        return self.between(lambda: [self.get(path) for path in paths])[0] - alone


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("table"), "--in-memory") as dev:
        for number in range(RECORDS):
            dev.ripple().create(PROJECT | {"prj_id": f"r-{number:03}", "name": f"Garden {number}"})
        yield dev


@pytest.fixture(scope="module")
def counted(dev, tmp_path_factory):
    counted = Counted(tmp_path_factory.mktemp("counted"), dev)

    def is_filled():
        counted.get("/prj/absent")
        return '"by":"replica"' in counted.edge.read_log()

    wait_for(is_filled)
    counted.filled = counted.total()[1]
    yield counted
    counted.edge.close()


def test_a_page_by_id_reads_the_rows_that_it_shows(counted):
    limits = range(11, 21)
    read = counted.read_by(*(f"/prj?limit={limit}" for limit in limits))
    assert read <= sum(limit + 1 + STATE for limit in limits), read


def test_a_page_by_time_reads_the_rows_that_it_shows(counted):
    read = counted.read_by(*(f"/prj?limit={limit}&sort=-updated_at" for limit in range(11, 21)))
    assert read <= sum(limit + 1 + STATE for limit in range(11, 21)), read


def test_a_page_by_a_declared_member_reads_each_record_once_and_then_those_that_it_shows(counted):
    # Those that it shows are looked up after all were ordered.
    read = counted.read_by(*(f"/prj?limit={limit}&sort=-name" for limit in range(5, 10)))
    assert read <= sum(RECORDS + 2 * (limit + 2) + STATE for limit in range(5, 10)), read


def test_the_number_of_all_records_is_known(counted):
    read = counted.read_by("/prj?limit=3&count=true")
    assert read <= 3 + 1 + STATE, read


def test_a_record_is_one_row(counted):
    read = counted.read_by(*(f"/prj/r-{number:03}" for number in range(10)))
    assert read <= 10 * (1 + STATE), read


def test_a_query_that_is_asked_again_reads_no_record(counted):
    read = counted.read_by("/prj?q=garden&sort=-name&limit=5")
    assert read >= RECORDS, read
    # Another order of the parameters, so that the isolate asks the object.
    read = counted.read_by("/prj?limit=5&sort=-name&q=garden", "/prj?limit=5&q=garden&sort=-name")
    assert read <= 2 * STATE, read


def test_a_list_that_the_isolate_keeps_reads_nothing(counted):
    first = counted.get("/prj?limit=30")
    read = counted.read_by(*["/prj?limit=30"] * 20)
    # It may have been asked for once more, since five seconds had passed.
    assert read <= 2 * STATE, read
    again = counted.get("/prj?limit=30", if_none_match=first.headers["etag"])
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_a_full_read_writes_three_rows_a_record(counted):
    # The record and its index by time, and its columns. The tables and each step write rows too, whatever the records.
    assert counted.filled <= 3 * RECORDS + 30, counted.filled


def test_a_save_writes_a_row_for_each_place_that_shows_it(counted, dev):
    save = lambda: dev.ripple().patch("r-007", {"goal": "Peas"})
    written = counted.between(save)[1] - counted.between(lambda: None)[1]
    # The record and its index by time, its columns, and the log, whose last row has the state.
    assert written <= 4, written
