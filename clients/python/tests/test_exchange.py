"""Tries, outcomes and answers, without a network: each test plays the client's part in the generators."""

import json

import httpx
import pytest

from ripple_client import Client, Problem
from ripple_client.exchange import Answer, Context, NoAnswer, Send, Sleep
from ripple_client.operations import Operations
from ripple_client.record import Members, read_record

URL = "https://ripple.example/stage"
RECORD = {"prj_id": "p1", "version": 1, "goal": "G"}
SAVED = {"ripple-receipt": "result=saved, version=2, base=1", "ripple-session": "S2"}


class Script:
    """Answers requests from a list, in a time of its own. An answer may be a function of the request."""

    def __init__(self, *answers, timeout=60.0, session=None, author=None):
        self.answers, self.sent, self.slept, self.time = list(answers), [], [], 1000.0
        self.context = Context(URL, "rpl_key", author, session, timeout)
        self.context.now = lambda: self.time
        self.context.jitter = lambda: 0.5
        self.prj = Operations(self.context, "prj", Members("prj_id"))

    def run(self, steps):
        outcome = None
        try:
            while True:
                step = steps.send(outcome)
                if isinstance(step, Sleep):
                    self.slept.append(step.seconds)
                    self.time += step.seconds
                    outcome = None
                else:
                    assert isinstance(step, Send)
                    self.sent.append(step)
                    outcome = self.answers.pop(0)
        except StopIteration as end:
            return end.value

    def raised(self, steps):
        with pytest.raises(Problem) as raised:
            self.run(steps)
        assert not self.answers, "every answer was needed"
        return raised.value

    def edit(self):
        return self.prj.edit(read_record(RECORD, Members("prj_id")), RECORD | {"goal": "H"}, None)


def answer(status, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, headers, b"" if body is None else json.dumps(body).encode())


def refused(status, code, **headers):
    return answer(status, {"status": status, "code": code, "detail": "why"}, **headers)


LOST = NoAnswer("ReadError")
UNSENT = NoAnswer("ConnectError", left=False)


@pytest.mark.parametrize(
    "failure",
    [LOST, UNSENT, answer(408), answer(500), answer(502), answer(504), answer(503), refused(503, "outcome_unknown")],
)
def test_a_write_without_a_clear_answer_is_sent_again_with_the_same_bytes_and_key(failure):
    script = Script(failure, failure, failure, answer(200, RECORD | {"version": 2}, **SAVED))
    saved = script.run(script.edit())
    assert saved.receipt.version == 2
    requests = [step.request for step in script.sent]
    assert len({(request.body, request.headers["idempotency-key"]) for request in requests}) == 1
    assert len(requests) == 4
    assert script.context.session == "S2"


@pytest.mark.parametrize(("failure", "status"), [(LOST, 0), (answer(502), 502), (answer(503), 503)])
def test_the_outcome_is_unknown_after_four_tries(failure, status):
    script = Script(*[failure] * 4)
    problem = script.raised(script.edit())
    assert (problem.status, problem.outcome) == (status, "unknown")
    assert {step.request.headers["idempotency-key"] for step in script.sent} == {problem.key}


def test_a_write_that_never_left_was_not_made():
    script = Script(*[UNSENT] * 4)
    assert script.raised(script.edit()).outcome == "not_made"


def test_a_read_has_no_outcome_to_doubt():
    script = Script(*[LOST] * 4)
    problem = script.raised(script.prj.get("p1"))
    assert (problem.code, problem.outcome, problem.key) == ("no_answer", "not_made", None)


def test_retry_after_is_kept_and_tries_are_not_counted():
    busy = refused(429, "too_many_requests", retry_after="2")
    script = Script(*[busy] * 6, answer(200, RECORD))
    assert script.run(script.prj.get("p1")).version == 1
    assert all(pause >= 2 for pause in script.slept) and len(script.slept) == 6


def test_a_retry_after_beyond_the_deadline_is_raised_at_once():
    script = Script(refused(503, "unavailable", retry_after="61"))
    problem = script.raised(script.edit())
    assert (problem.retry_after, problem.outcome, script.slept) == (61, "not_made", [])


def test_all_tries_end_at_the_deadline():
    script = Script(*[refused(429, "too_many_requests")] * 1000)
    with pytest.raises(Problem):
        script.run(script.edit())
    assert script.time <= 1060
    assert 8 < len(script.sent) < 100


def test_a_clear_refusal_is_not_followed_by_a_try_that_is_too_short():
    script = Script(refused(503, "unavailable", retry_after="2"), timeout=11.0)
    problem = script.raised(script.edit())
    assert (problem.code, problem.outcome, script.slept) == ("unavailable", "not_made", [])


def test_one_try_has_thirty_seconds_and_the_last_one_what_is_left():
    script = Script(refused(503, "unavailable", retry_after="50"), answer(200, RECORD))
    script.run(script.prj.get("p1"))
    assert script.sent[0].seconds == 30
    assert script.sent[1].seconds == pytest.approx(9.75)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422, 501])
def test_a_refusal_is_raised_at_once(status):
    script = Script(refused(status, "no"))
    problem = script.raised(script.prj.get("p1"))
    assert (problem.status, problem.code, problem.outcome) == (status, "no", "not_made")


@pytest.mark.parametrize("status", [400, 403, 409, 410])
def test_a_refusal_after_an_unclear_try_leaves_the_outcome_unknown(status):
    script = Script(LOST, refused(status, "no"))
    assert script.raised(script.edit()).outcome == "unknown"


@pytest.mark.parametrize(
    "page",
    [
        Answer(200, {}, b"<html>log in to the network</html>"),
        Answer(302, {"location": "https://portal.example"}, b""),
        answer(302, RECORD, ripple_receipt="result=saved, version=2"),
        answer(200, RECORD),  # no receipt
        answer(200, RECORD, ripple_receipt="result=?"),
        answer(200, [], ripple_receipt="result=saved, version=2"),
    ],
)
def test_only_an_answer_with_a_receipt_is_a_save(page):
    script = Script(*[page] * 4)
    problem = script.raised(script.edit())
    assert (problem.status, problem.code, problem.outcome) == (0, "not_ripple", "unknown")


def test_a_refused_session_is_dropped_and_the_request_sent_once_more():
    refusal = answer(400, {"code": "invalid_request", "errors": [{"header": "ripple-session", "detail": "no token"}]})
    script = Script(refusal, answer(200, RECORD), session="x")
    script.run(script.prj.get("p1"))
    assert ["ripple-session" in step.request.headers for step in script.sent] == [True, False]
    assert (script.context.session, script.slept) == (None, [])


def test_a_creation_whose_id_exists_after_an_unclear_try_was_made():
    script = Script(LOST, refused(409, "exists"), answer(200, RECORD | {"version": 4}))
    saved = script.run(script.prj.create({"goal": "G"}, None, None))
    assert (saved.receipt.result, saved.record.version) == ("created", 4)
    sent = json.loads(script.sent[0].request.body)
    assert script.sent[2].request.url == f"{URL}/prj/{sent['prj_id']}"


def test_a_creation_with_an_id_of_the_caller_may_be_another_ones():
    script = Script(LOST, refused(409, "exists"))
    assert script.raised(script.prj.create({"goal": "G"}, "p1", None)).outcome == "unknown"


def test_a_resource_with_another_member_for_its_id_is_found_out():
    created = answer(201, RECORD, ripple_receipt="result=created, version=1", location="prj/made-by-the-server")
    script = Script(created)
    with pytest.raises(RuntimeError, match="name the member"):
        script.run(script.prj.create({"goal": "G"}, None, None))


def test_a_write_names_the_version_as_the_file_of_the_resource_does():
    saved = answer(200, {"ref": "a", "rev": 4, "version": "mine"}, **SAVED)
    script = Script(saved, saved, answer(204, None, **SAVED))
    tasks = Operations(script.context, "task", Members("ref", version="rev"))
    record = read_record({"ref": "a", "rev": 3, "version": "mine"}, tasks.members)
    script.run(tasks.edit(record, {"ref": "a", "version": "new"}, None))
    script.run(tasks.restore("a", 1, 3, None))
    script.run(tasks.delete(record, None))
    bodies = [json.loads(step.request.body) for step in script.sent]
    assert [body["rev"] for body in bodies] == [3, 3, 3]
    assert bodies[0]["set"] == {"version": "new"} and "version" not in bodies[1] | bodies[2]


def test_a_deletion_of_what_is_gone_after_an_unclear_try_was_made():
    gone = answer(410, {"code": "gone", "version": 2})
    script = Script(LOST, gone)
    assert script.run(script.prj.delete("p1", None)).receipt.version == 2
    script = Script(gone)
    assert script.raised(script.prj.delete("p1", None)).version == 2


def test_a_stale_base_comes_with_the_record():
    script = Script(answer(409, {"code": "stale", "current": RECORD | {"version": 7}}))
    assert script.raised(script.edit()).current.version == 7


def test_the_link_to_the_next_page_is_followed_only_on_the_same_server():
    here = answer(200, [RECORD], link='<prj?limit=1&cursor=c>; rel="next"')
    script = Script(here)
    assert script.run(script.prj.list_page(f"{URL}/prj?limit=1", False)).next == f"{URL}/prj?limit=1&cursor=c"
    for away in ("https://other.example/prj", "//other.example/prj", "/prj", "../prj"):
        script = Script(*[answer(200, [RECORD], link=f'<{away}>; rel="next"')] * 4)
        assert script.raised(script.prj.list_page(f"{URL}/prj?limit=1", False)).code == "not_ripple"


def test_an_author_is_sent_with_writes_only():
    from ripple_client import Author

    script = Script(answer(200, RECORD), answer(200, RECORD | {"version": 2}, **SAVED), author=Author("Bo", "u7"))
    script.run(script.prj.get("p1"))
    script.run(script.edit())
    assert [step.request.headers.get("ripple-author") for step in script.sent] == [None, '"Bo";id="u7"']


def test_a_list_has_its_parameters_and_a_partial_record_its_version():
    script = Script()
    url = script.prj.list_url("a b", ["-updated_at", "name"], ["goal"], 5, {"term": 3, "done": True, "n": 0.5})
    assert url == f"{URL}/prj?term=3&done=true&n=0.5&q=a+b&limit=5&sort=-updated_at%2Cname&fields=goal%2Cversion"
    for name in ("limit", "cursor", "count", "deleted", "_x"):
        with pytest.raises(ValueError):
            script.prj.list_url(where={name: 1})


def test_conditions_have_operators_and_a_comma_in_a_value_is_escaped():
    prj = Script().prj
    where = {"term": {"gte": 3, "lt": 1.5}, "name": {"in": ["a,b", "c\\", 7]}, "/a/b": {"exists": False}, "/q": "x"}
    url = httpx.URL(prj.list_url(where=where, count=True, deleted=True))
    assert dict(url.params) == {
        "term[gte]": "3",
        "term[lt]": "1.5",
        "name[in]": "a\\,b,c\\\\,7",
        "/a/b[exists]": "false",
        "/q": "x",
        "count": "true",
        "deleted": "true",
    }
    for wrong in ("a", 1):
        with pytest.raises(TypeError):
            prj.list_url(where={"name": {"in": wrong}})
    with pytest.raises(TypeError):
        prj.list_url(where={"name": {"gte": [1]}})


def test_a_page_has_its_count_and_the_page_before():
    links = '<prj?limit=1&cursor=n>; rel="next", <prj?limit=1&cursor=p>; rel="prev", <prj?limit=1>; rel="first"'
    script = Script(answer(200, [RECORD], **{"link": links, "ripple-count": "7"}))
    page = script.run(script.prj.list_page(script.prj.list_url(limit=1, cursor="c", count=True), False))
    assert (page.cursor, page.cursor_back, page.count) == ("n", "p", 7)
    script = Script(answer(200, [], **{"ripple-count": "7"}), answer(200, []))
    assert script.run(script.prj.count("a", {"term": {"gt": 1}}, False)) == 7
    assert script.sent[0].request.url == f"{URL}/prj?term%5Bgt%5D=1&q=a&limit=1&count=true&fields=prj_id%2Cversion"
    with pytest.raises(RuntimeError):
        script.run(script.prj.count(None, None, True))


def test_a_page_has_the_cursor_with_which_a_later_request_continues():
    script = Script(answer(200, [RECORD], link='<prj?q=a&limit=1&cursor=c%2Bd>; rel="next"'), answer(200, [RECORD]))
    first = script.run(script.prj.list_page(script.prj.list_url(q="a", limit=1), False))
    assert first.cursor == "c+d"
    following = script.prj.list_url(q="a", limit=1, cursor=first.cursor)
    assert following == f"{URL}/prj?q=a&limit=1&cursor=c%2Bd"
    assert script.run(script.prj.list_page(following, False)).cursor is None
    assert script.prj.history_url("p1", 5, "c+d") == f"{URL}/prj/p1/versions?limit=5&cursor=c%2Bd"


def test_a_client_for_another_author_has_its_own_session_and_the_same_connections():
    sent = []

    def respond(request):
        sent.append((request.headers.get("ripple-author"), request.headers.get("ripple-session")))
        return httpx.Response(200, json=RECORD | {"version": 2}, headers=SAVED)

    with Client(URL, "rpl_key", transport=httpx.MockTransport(respond)) as shared:
        bo, ann = shared.for_author(("Bo", "u7"), session="S1"), shared.for_author(None)
        for client in (bo, ann):
            client.prj.restore("p1", 1)
        assert (bo.session, ann.session, shared.session) == ("S2", "S2", None)
    assert sent == [('"Bo";id="u7"', "S1"), (None, None)]


@pytest.mark.parametrize(
    ("url", "key"), [("ripple.example", "rpl_key"), (URL, "rpl_key\n"), (URL, ""), ("ftp://ripple.example", "k")]
)
def test_an_impossible_setting_is_refused(url, key):
    with pytest.raises(ValueError):
        Context(url, key, None, None, 60)
