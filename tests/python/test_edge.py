"""The edge worker under the real workerd: the rules of its cache, the writes that a reader sees, and outages of
DynamoDB and of the origin. No other test writes to its table: another write would change the list between two
answers."""

import gzip
import json
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dev import Dev, ripple
from edge import Edge, Switch, own_config, send, wait_for
from keys import damaged, unknown_key


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("dev"), "--in-memory", log="/dev/null") as dev:
        yield dev


@pytest.fixture(scope="module")
def key(dev):
    return dev.key


@pytest.fixture(scope="module")
def reader(dev):
    return ripple("key", "create", "--name", "reader", "--scope", "read", data=dev.data).strip()


@pytest.fixture(scope="module")
def origin(dev):
    switch = Switch(dev.url)
    yield switch
    switch.close()


@pytest.fixture(scope="module")
def dynamodb(dev):
    switch = Switch(dev.dynamodb)
    yield switch
    switch.close()


@pytest.fixture(scope="module")
def edge(tmp_path_factory, origin, dynamodb):
    edge = Edge(tmp_path_factory.mktemp("edge"), origin.url, dynamodb.url)
    yield edge
    edge.close()


@pytest.fixture(scope="module")
def other_edge(tmp_path_factory, origin, dynamodb):
    edge = Edge(tmp_path_factory.mktemp("other-edge"), origin.url, dynamodb.url)
    yield edge
    edge.close()


@pytest.fixture(autouse=True)
def healed(origin, dynamodb):
    yield
    origin.mode = dynamodb.mode = "pass"


def project(**members):
    return {
        "prj_id": f"edge-{secrets.token_hex(6)}",
        "name": "Ferry timetable",
        "goal": "Nobody waits",
        "issue": "Three tables",
        "description": "Collect them",
        "term": 6,
        "term_unit": "month",
        "create_date": "2026-11-02",
    } | members


def created(url, key, **members):
    answer = send(url, "POST", "/prj", key, project(**members))
    assert answer.status == 201, answer
    return answer.json(), answer.headers["ripple-session"]


def test_no_cached_answer_without_a_key(edge, key):
    assert send(edge.url, "GET", "/prj", key).status == 200
    for wrong in (None, "", damaged(key), unknown_key(), key.lower()):
        answer = send(edge.url, "GET", "/prj", wrong)
        assert answer.status == 403, answer
        assert answer.headers["cache-control"] == "no-store"
        assert "age" not in answer.headers and "etag" not in answer.headers


def test_concurrent_callers_get_their_own_answers(edge, key):
    def call(index):
        good = index % 2 == 0
        answer = send(edge.url, "GET", "/prj", key if good else damaged(key), x_request_id=f"r{index}")
        assert (answer.status, answer.headers["x-request-id"]) == (200 if good else 403, f"r{index}")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(call, range(200)))


def test_a_read_key_writes_nothing(edge, reader):
    answer = send(edge.url, "POST", "/prj", reader, project())
    assert (answer.status, answer.json()["code"]) == (403, "insufficient_scope")


def test_errors_are_not_kept(edge, key):
    absent = f"/prj/absent-{secrets.token_hex(4)}"
    for path, status in ((absent, 404), ("/prj?limit=0", 400), ("/nowhere", 403)):
        answer = send(edge.url, "GET", path, key)
        assert (answer.status, answer.headers["cache-control"]) == (status, "no-store"), answer
        # An absent record is known as of some moment too.
        assert ("age" in answer.headers) == (status == 404)
    made = send(edge.url, "POST", "/prj", key, project(prj_id=absent.removeprefix("/prj/")))
    assert made.status == 201
    assert send(edge.url, "GET", absent, key, ripple_session=made.headers["ripple-session"]).status == 200


def test_age_and_cache_status_are_true(edge, key):
    asked = time.monotonic()
    first = send(edge.url, "GET", "/prj", key, cache_control="no-cache")
    answered = time.monotonic()
    assert age(first) <= answered - asked, first
    assert re.fullmatch(r"ripple; (fwd=request|fwd=miss; stored); ttl=-?\d+", first.headers["cache-status"])
    time.sleep(2.1)
    least = time.monotonic() - answered
    second = send(edge.url, "GET", "/prj", key)
    most = time.monotonic() - asked
    assert int(least) <= age(second) <= most, second.headers
    assert re.fullmatch(r"ripple; hit; ttl=-\d+", second.headers["cache-status"])
    for answer in (first, second):
        # Within the one second for which it is fresh.
        left = int(answer.headers["cache-status"].rpartition("=")[2])
        assert left in (1 - age(answer), -age(answer)), answer.headers
    # That response triggers a refresh.
    wait_for(lambda: age(send(edge.url, "GET", "/prj", key)) < age(second))


def age(answer):
    return int(answer.headers["age"])


def test_an_unchanged_list_is_not_sent_again(edge, key):
    etag = send(edge.url, "GET", "/prj", key).headers["etag"]
    answer = send(edge.url, "GET", "/prj", key, if_none_match=etag)
    # `wrangler dev` accepts gzip for every client. That form has a weak tag, and is made after the first answer.
    opaque = lambda tag: tag.removeprefix("W/")
    assert (answer.status, answer.body, opaque(answer.headers["etag"])) == (304, b"", opaque(etag))


def own_headers(answer):
    """Returns the headers that do not depend on the request, the connection or the time. Some requests look the key up
    again."""
    others = ("x-request-id", "age", "cache-status", "date", "connection", "content-length", "transfer-encoding")
    others += ("ripple-capacity",)
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in others}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("status", [200, 304])
def test_both_paths_return_the_same_list(edge, key, coding, status):
    created(edge.url, key)

    def both():
        # A request with `max-age` takes the general path, and ten minutes allow every snapshot.
        long = send(edge.url, "GET", "/prj", key, accept_encoding=coding, cache_control="max-age=600")
        return send(edge.url, "GET", "/prj", key, accept_encoding=coding), long

    wait_for(lambda: all(answer.headers.get("content-encoding", "identity") == coding for answer in both()))
    condition = {"if_none_match": both()[0].headers["etag"]} if status == 304 else {}
    pair = []

    def for_nothing():
        """Reports whether neither request had to look the key up."""
        long = send(edge.url, "GET", "/prj", key, accept_encoding=coding, cache_control="max-age=600", **condition)
        pair[:] = send(edge.url, "GET", "/prj", key, accept_encoding=coding, **condition), long
        return all(answer.headers["ripple-capacity"] == "read=0, write=0" for answer in pair)

    wait_for(for_nothing)
    at_once, long = pair
    assert (at_once.status, at_once.body) == (long.status, long.body)
    assert at_once.status == status
    assert own_headers(at_once) == own_headers(long)
    assert at_once.headers["vary"] == "accept-encoding"
    for answer in (at_once, long):
        assert re.fullmatch(r"ripple; hit; ttl=-?\d+", answer.headers["cache-status"])
        assert re.fullmatch(r"\d+", answer.headers["age"])


def test_a_list_in_gzip_is_the_same_list(edge, dev, key):
    created(edge.url, key)
    plain = send(edge.url, "GET", "/prj", key)
    assert "content-encoding" not in plain.headers

    def encoded():
        return send(edge.url, "GET", "/prj", key, accept_encoding="gzip, br")

    wait_for(lambda: encoded().headers.get("content-encoding") == "gzip")
    answer = encoded()
    assert gzip.decompress(answer.body) == plain.body
    assert len(answer.body) < len(plain.body)
    weak = answer.headers["etag"]
    assert weak == "W/" + plain.headers["etag"], "other bytes have no strong tag in common"
    # A client with either form has the list, at every host, and does not get the other form.
    for url in (edge.url, dev.url):
        for tag in (weak, plain.headers["etag"], f'"another", {weak}', "*"):
            for coding in ("gzip", "identity"):
                same = send(url, "GET", "/prj", key, if_none_match=tag, accept_encoding=coding)
                assert (same.status, same.body) == (304, b""), same
    head = send(edge.url, "HEAD", "/prj", key, accept_encoding="gzip")
    assert own_headers(head) == own_headers(answer)


def test_what_is_written_is_in_the_next_list_in_gzip(edge, key):
    for _ in range(3):
        record, token = created(edge.url, key)
        answer = send(edge.url, "GET", "/prj", key, accept_encoding="gzip", ripple_session=token)
        body = gzip.decompress(answer.body) if answer.headers.get("content-encoding") == "gzip" else answer.body
        assert record["prj_id"] in body.decode()
        send(edge.url, "GET", "/prj", key, accept_encoding="gzip")


def test_fresh_reads_ask_dynamodb_nothing(edge, key, dynamodb):
    def nothing_is_asked():
        """Reports whether DynamoDB got no request. Some is due if the list is no longer fresh, or if the key must be
        looked up again."""
        send(edge.url, "GET", "/prj", key, cache_control="no-cache")
        before = dynamodb.count
        answers = [send(edge.url, "GET", path, key) for path in ("/prj", "/prj?q=ferry", "/prj?sort=-name&limit=1")]
        assert [answer.status for answer in answers] == [200] * 3
        costs = {answer.headers["ripple-capacity"] for answer in answers}
        return costs == {"read=0, write=0"} and dynamodb.count == before

    wait_for(nothing_is_asked)


@pytest.mark.parametrize("snapshot", ["fresh", "old"])
def test_a_reader_sees_its_own_writes_through_every_host(edge, other_edge, dev, key, snapshot):
    hosts = (edge.url, other_edge.url)
    for url in hosts:
        send(url, "GET", "/prj", key, cache_control="no-cache")
    if snapshot == "old":
        time.sleep(1.5)
    record, token = created(dev.url, key, goal="written at the backend")
    for url in hosts:
        one = send(url, "GET", f"/prj/{record['prj_id']}", key, ripple_session=token)
        assert one.json() == record
        listed = send(url, "GET", f"/prj?prj_id={record['prj_id']}", key, ripple_session=token)
        assert listed.json() == [record]
    gone = send(edge.url, "DELETE", f"/prj/{record['prj_id']}", key, ripple_session=token)
    assert gone.status == 204, gone
    for url in hosts:
        answer = send(url, "GET", f"/prj/{record['prj_id']}", key, ripple_session=gone.headers["ripple-session"])
        assert answer.status == 410, answer


def test_a_write_through_the_edge_shows_at_once(edge, key, dynamodb):
    assert send(edge.url, "GET", "/prj", key, cache_control="no-cache").status == 200
    dynamodb.mode = "stopped"  # so no refresh can bring the write
    record, _ = created(edge.url, key, goal="through the edge")
    answer = send(edge.url, "GET", f"/prj/{record['prj_id']}", key)
    assert (answer.status, answer.json()) == (200, record)


@pytest.mark.parametrize("mode", ["stopped", "throttle", "garbage", "slow"])
def test_reads_go_on_without_dynamodb(edge, key, dynamodb, mode):
    record, token = created(edge.url, key)
    fresh = send(edge.url, "GET", "/prj", key, cache_control="no-cache", ripple_session=token)
    assert fresh.status == 200
    dynamodb.mode = mode
    time.sleep(2.2)
    stale = send(edge.url, "GET", "/prj", key)
    assert (stale.status, stale.body) == (200, fresh.body)
    assert age(stale) >= 2
    # A client that requires a fresh list waits for the attempt, and gets the last list.
    forced = send(edge.url, "GET", f"/prj/{record['prj_id']}", key, cache_control="no-cache")
    assert (forced.status, forced.json()) == (200, record)
    assert age(forced) >= 2
    dynamodb.mode = "pass"

    def is_of_now():
        asked = time.monotonic()
        answer = send(edge.url, "GET", "/prj", key, cache_control="no-cache")
        return age(answer) <= time.monotonic() - asked

    # After failures the next attempt is some seconds away.
    wait_for(is_of_now)


def test_writes_say_that_the_origin_is_away(edge, key, origin):
    record, _ = created(edge.url, key)
    path = f"/prj/{record['prj_id']}"
    origin.mode = "stopped"
    answer = send(edge.url, "PATCH", path, key, {"goal": "new"})
    assert (answer.status, answer.json()["code"]) == (502, "bad_gateway"), answer
    assert answer.headers["cache-control"] == "no-store"
    assert send(edge.url, "GET", path, key).status == 200
    origin.mode = "pass"
    assert send(edge.url, "PATCH", path, key, {"goal": "new"}).json()["goal"] == "new"


def test_a_write_whose_answer_breaks_off_may_have_been_made(edge, key, origin):
    record, _ = created(edge.url, key)
    path = f"/prj/{record['prj_id']}"
    origin.mode = "broken"
    answer = send(edge.url, "PATCH", path, key, {"goal": "made"})
    assert (answer.status, answer.json()["code"]) == (502, "bad_gateway"), answer
    assert "may or may not have been made" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == "*"
    origin.mode = "pass"
    assert send(edge.url, "GET", path, key, cache_control="no-cache").json()["goal"] == "made"


def test_a_key_that_asks_too_often_waits(tmp_path, origin, dynamodb, key, reader):
    edge = Edge(tmp_path, origin.url, dynamodb.url, RIPPLE_RATE_LIMIT="1")
    try:
        asked, answers, refused = time.monotonic(), [], []
        while len(refused) < 8:
            answers.append(send(edge.url, "GET", "/prj", key))
            refused = [answer for answer in answers if answer.status == 429]
            assert len(answers) < 1000, "hardly any is refused"
        # Two seconds' worth at once, then one each second.
        assert len(answers) - len(refused) <= 3 + (time.monotonic() - asked)
        assert {answer.status for answer in answers} == {200, 429}
        for answer in refused:
            assert answer.json()["code"] == "too_many_requests"
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
        assert send(edge.url, "GET", "/prj", reader).status == 200, "it counts by key"
        assert send(edge.url, "GET", "/health").status == 200
        time.sleep(1.1)
        assert send(edge.url, "GET", "/prj", key).status == 200
    finally:
        edge.close()


def test_an_address_without_a_key_is_limited(tmp_path, origin, dynamodb, key):
    """A client with a key that the edge knows is not limited."""
    edge = Edge(tmp_path, origin.url, dynamodb.url, RIPPLE_ADDRESS_LIMIT="1")
    try:
        assert send(edge.url, "GET", "/prj", key).status == 200
        statuses = []
        while 429 not in statuses:
            statuses.append(send(edge.url, "GET", "/prj", None).status)
            assert len(statuses) < 1000, "hardly any is refused"
        assert set(statuses) <= {403, 429}, statuses
        assert send(edge.url, "GET", "/prj", key).status == 200
    finally:
        edge.close()


@pytest.mark.parametrize("rate", ["1000", "0"])
def test_the_rate_limit_binding_refuses_for_the_whole_data_centre(tmp_path, origin, dynamodb, key, reader, rate):
    """The example in wrangler.toml, with a low limit. The isolate's own limit does not matter."""
    config = own_config()
    binding = re.search(r"(?:# .*\n)+", config[config.index("# [[ratelimits]]") :])[0]
    config = config.replace(binding, binding.replace("# ", "")).replace("limit = 1000", "limit = 5")
    (tmp_path / "wrangler.toml").write_text(config)
    edge = Edge(tmp_path, origin.url, dynamodb.url, config=tmp_path / "wrangler.toml", RIPPLE_RATE_LIMIT=rate)
    try:
        refused = None
        deadline = time.monotonic() + 120
        while refused is None and time.monotonic() < deadline:
            answer = send(edge.url, "GET", "/prj", key)
            refused = answer if answer.status == 429 else None
        assert refused is not None, edge.read_log()
        assert 1 <= int(refused.headers["retry-after"]) <= 10
        assert refused.json()["code"] == "too_many_requests"
        assert send(edge.url, "GET", "/prj", reader).status == 200, "it counts by key"
    finally:
        edge.close()


def test_logs_hold_no_key(edge, key):
    def lists():
        lines = map(json.loads, re.findall(r'\{"message":"answered".*\}', edge.read_log()))
        return [line for line in lines if line.get("method") == "search" and line["status"] == 200]

    assert send(edge.url, "GET", "/prj", key).status == 200
    wait_for(lists)
    log = edge.read_log()
    assert key not in log and key[4:34] not in log
    assert all(line["cache_status"].startswith("ripple; ") and line["age"] >= 0 for line in lists())
