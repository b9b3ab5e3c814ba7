"""The secret that the edge and its origin share: who is answered with it and without it, and that it shows nowhere."""

import re
import secrets
import subprocess

import pytest

from conftest import _setting
from dev import Dev, clean
from edge import Edge, Switch, send

OLD, NEW = secrets.token_hex(16), secrets.token_hex(16)
PROJECT = {"term": 1} | dict.fromkeys(("name", "goal", "issue", "description", "term_unit", "create_date"), "x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("secret")


@pytest.fixture(scope="module")
def dev(folder):
    settings = {"RIPPLE_ORIGIN_SECRET": f"{NEW},{OLD}", "RIPPLE_LOG": "trace"}
    with Dev(folder / "data", "--in-memory", log=folder / "dev.log", **settings) as running:
        yield running


def test_the_origin_answers_what_carries_the_secret(dev):
    for secret in (OLD, NEW):
        assert send(dev.url, "GET", "/prj", dev.key, x_ripple_origin=secret).status == 200
    keyless = send(dev.url, "GET", "/prj", x_ripple_origin=NEW)
    for wrong in ({}, {"x_ripple_origin": ""}, {"x_ripple_origin": NEW[:-1]}, {"x_ripple_origin": f"{NEW},{OLD}"}):
        for path in ("/prj", "/prj/a", "/docs", "/openapi.json"):
            refused = send(dev.url, "GET", path, dev.key, **wrong)
            assert (refused.status, refused.json()) == (403, keyless.json()), (path, wrong)
            assert "etag" not in refused.headers
    assert send(dev.url, "POST", "/prj", dev.key, PROJECT).status == 403
    assert send(dev.url, "GET", "/health").status == 200
    assert send(dev.url, "OPTIONS", "/prj").status == 204


def doctor(dev, edge, **settings):
    command = [_setting("RIPPLE_BIN"), "--data", str(dev.data), "doctor", "--edge-url", edge.url]
    return subprocess.run(command, env=clean() | settings, capture_output=True, text=True, timeout=120)


def test_the_edge_has_it_and_its_clients_do_not(dev, folder):
    switch = Switch(dev.url)
    edge = Edge(folder, switch.url, dev.dynamodb, log_level="debug", RIPPLE_ORIGIN_SECRET=OLD)
    try:
        made = send(edge.url, "POST", "/prj", dev.key, PROJECT, x_ripple_origin="a client's own")
        assert made.status == 201, made
        assert switch.seen["x-ripple-origin"] == OLD
        history = send(edge.url, "GET", f"/prj/{made.json()['prj_id']}/versions", dev.key)
        assert history.status == 200, history
        echoed = send(edge.url, "POST", "/prj", dev.key, PROJECT | {"term": "x"})
        assert echoed.status == 400
        for answer in (made, history, echoed):
            assert OLD not in str(answer.headers) and OLD.encode() not in answer.body
        looked = doctor(dev, edge, RIPPLE_ORIGIN_SECRET=f"{NEW},{OLD}")
        assert looked.returncode == 0, looked
        for host in ("api ", "edge"):
            assert re.search(rf"ok     {host} +runs ripple \d", looked.stdout), looked
        assert re.search(r"edge +its list has Age: \d+, Cache-Status: ripple; ", looked.stdout), looked
        without = doctor(dev, edge)
        assert without.returncode == 1 and "responds with 403 to /openapi.json" in without.stdout, without
        assert NEW not in looked.stdout + looked.stderr
    finally:
        edge.close()
        switch.close()
    logs = edge.read_log(), (folder / "dev.log").read_text()
    # wrangler itself lists variables as it starts; a secret, which this one is meant to be, it does not show.
    for text in (NEW, OLD):
        assert not any(text in line for log in logs for line in log.splitlines() if "answered" in line or "x-ripple-origin" in line)
    assert OLD not in logs[1] and NEW not in logs[1]


def test_an_edge_without_it_is_refused(dev, tmp_path):
    switch = Switch(dev.url)
    edge = Edge(tmp_path, switch.url, dev.dynamodb)
    try:
        refused = send(edge.url, "POST", "/prj", dev.key, PROJECT, x_ripple_origin=OLD)
        assert (refused.status, refused.json()["code"]) == (403, "forbidden")
        assert "x-ripple-origin" not in switch.seen, "a client cannot send it through the edge"
    finally:
        edge.close()
        switch.close()


def test_a_secret_that_is_none_is_refused_at_the_start(tmp_path):
    for wrong in ("hush", f"{OLD},{NEW},{OLD}"):
        with pytest.raises(AssertionError) as failed:
            Dev(tmp_path / "data", "--in-memory", RIPPLE_ORIGIN_SECRET=wrong)
        assert "RIPPLE_ORIGIN_SECRET must be one value" in str(failed.value)
