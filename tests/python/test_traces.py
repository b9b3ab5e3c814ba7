"""One trace in the logs of all hosts that a request comes through (https://www.w3.org/TR/trace-context/)."""

import json
import re
import secrets

import pytest

from dev import Dev
from edge import Edge, Switch, send, wait_for

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
AMAZON = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"


class Hosts:
    """An edge in front of a `ripple dev`, both with logs."""

    def __init__(self, folder, dev, switch, edge):
        self.folder, self.dev, self.switch, self.edge = folder, dev, switch, edge

    def lines(self, request_id):
        """What the edge and the origin have logged of a request."""
        logs = self.edge.read_log(), (self.folder / "dev.log").read_text()
        lines = [json.loads(line) for log in logs for line in re.findall(r'\{.*"message":"answered".*\}', log)]
        return [line for line in lines if line["request_id"] == request_id]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    with Dev(folder / "data", "--in-memory", log=folder / "dev.log", RIPPLE_LOG="info") as dev:
        switch = Switch(dev.url)
        edge = Edge(folder, switch.url, dev.dynamodb)
        yield Hosts(folder, dev, switch, edge)
        edge.close()
        switch.close()


def asked(hosts, path, number, **headers):
    """The trace ids that `number` lines have of one request through the edge."""
    request_id = secrets.token_hex(8)
    assert send(hosts.edge.url, "GET", path, hosts.dev.key, x_request_id=request_id, **headers).status in (200, 404)
    wait_for(lambda: len(hosts.lines(request_id)) >= number)
    lines = hosts.lines(request_id)
    assert len(lines) == number, lines
    return [line["trace_id"] for line in lines]


# The history is the origin's to answer.
FORWARDED = "/prj/absent/versions"


def test_the_edge_names_the_trace_to_the_origin(hosts):
    sent = f"00-{TRACE}-{PARENT}-01"
    assert asked(hosts, FORWARDED, 2, traceparent=sent, tracestate="rojo=00f067aa0ba902b7") == [TRACE, TRACE]
    onward = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", hosts.switch.seen["traceparent"])
    assert onward and onward[1] != PARENT, hosts.switch.seen["traceparent"]
    assert hosts.switch.seen["tracestate"] == "rojo=00f067aa0ba902b7"


def test_amazons_header_names_it_where_there_is_no_traceparent(hosts):
    assert asked(hosts, FORWARDED, 2, x_amzn_trace_id=AMAZON) == [TRACE, TRACE]
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", hosts.switch.seen["traceparent"])
    assert hosts.switch.seen["x-amzn-trace-id"] == AMAZON


@pytest.mark.parametrize("sent", [None, "00-x", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01"])
def test_a_trace_is_begun_where_none_is_named(hosts, sent):
    headers = {} if sent is None else {"traceparent": sent}
    at_edge, at_origin = asked(hosts, FORWARDED, 2, tracestate="rojo=1", **headers)
    assert at_edge == at_origin and re.fullmatch("[0-9a-f]{32}", at_edge) and at_edge not in (TRACE, "0" * 32)
    # What tracestate says is of a trace that is not continued.
    assert "tracestate" not in hosts.switch.seen


def test_the_list_that_is_there_has_its_trace(hosts):
    for more in ({}, {"cache_control": "max-age=600"}):
        assert asked(hosts, "/prj", 1, traceparent=f"00-{TRACE}-{PARENT}-01", **more) == [TRACE]
        assert asked(hosts, "/prj", 1, x_amzn_trace_id=AMAZON, **more) == [TRACE]
        assert asked(hosts, "/prj", 1, **more) != asked(hosts, "/prj", 1, **more)
