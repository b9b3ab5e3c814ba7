"""deploy/openapi.json, compared with the hosts. schemathesis generates valid and invalid requests from it. Every
response is compared with it: no 5xx but 501, the status, the type, the body and the headers, 405 with `Allow` for other
methods, and 403 without the key."""

import contextlib
from decimal import Decimal
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core import NOT_SET
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from dev import Dev
from edge import ROOT, Edge

# Headers that HTTP itself does not allow (RFC 9110 §5.5). The server's parser refuses them before ripple.
CONTROL_CHARACTERS = "".join(chr(code) for code in (*range(32), 127) if chr(code) != "\t")

CONFIG = {
    "seed": 1,
    # Seconds. The duration of a response is not tested here.
    "request-timeout": 120,
    # The test sends the key. schemathesis would repeat accepted requests without it and with another one.
    "generation": {"with-security-parameters": False, "exclude-header-characters": CONTROL_CHARACTERS},
    # A valid request may still conflict with the current record. That is not a 400.
    # These hosts have no live channel, which is a 501.
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", 304, 404, 409, 410, 412, 422, 501]},
        "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", 501]},
    },
}
api = schemathesis.openapi.from_path(ROOT / "deploy/openapi.json", config=schemathesis.Config.from_dict(CONFIG))

# Members of an edit with a required form.
RULED = {"prj_id", "version", "updated_at", "updated_by", "updated_author", "deleted", "name", "goal", "issue", "description"}
RULED |= {"term", "term_unit", "create_date"}

# Parameters of a list that are no conditions.
LISTED = {"q", "sort", "fields", "limit", "count", "format"}

SESSIONS = 8
# Failing requests are not shrunk: a host remembers earlier requests.
PHASES = [Phase.explicit, Phase.generate]
BOUNDED = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None, "phases": PHASES}


@pytest.fixture(scope="module", params=["ripple dev", "edge"])
def host(request, tmp_path_factory):
    with Dev(tmp_path_factory.mktemp("dev"), "--in-memory", log="/dev/null") as dev:
        if request.param == "ripple dev":
            yield dev
            return
        edge = Edge(tmp_path_factory.mktemp("edge"), dev.url, dev.dynamodb)
        edge.key = dev.key
        yield edge
        edge.close()


@api.parametrize()
@settings(max_examples=30, **BOUNDED)
def test_every_answer_is_as_the_document_says(case, host):
    mean_what_is_sent(case)
    try:
        case.call_and_validate(host.url, headers={"x-api-key": host.key})
    except FailureGroup as failure:
        if not is_a_body_left_out(case, failure):
            raise


def is_a_body_left_out(case, failure):
    """Whether all that was to be wrong of a deletion may have been its body, which is not sent."""
    bodiless = case.method == "DELETE" and case.body is NOT_SET
    return bodiless and all(isinstance(one, AcceptedNegativeData) for one in failure.exceptions)


@api.parametrize()
@settings(max_examples=1, **BOUNDED)
def test_refusals_without_a_key_are_as_the_document_says(case, host):
    # A valid request without a key is refused too.
    response = case.call_and_validate(host.url, excluded_checks=[positive_data_acceptance])
    wants_key = "security" in case.operation.definition.raw and case.method != "OPTIONS"
    assert response.status_code == 403 or not wants_key, response


def test_follow_up_requests_are_as_the_document_says(host):
    statuses, failures = set(), []

    class Session(api.as_state_machine()):
        def before_call(self, case):
            mean_what_is_sent(case)

        def get_call_kwargs(self, case):
            return {"base_url": host.url, "headers": {"x-api-key": host.key}}

        def validate_response(self, response, case, **given):
            statuses.add(response.status_code)
            # Kept and not raised: Hypothesis would repeat everything before it reports, and the host has changed by
            # then.
            try:
                super().validate_response(response, case, **given)
            except FailureGroup as failure:
                if not is_a_body_left_out(case, failure):
                    failures.append(failure)

    for number in range(SESSIONS):
        # The next requests depend on earlier responses, which differ the second time. So there are few at a time.
        with contextlib.suppress(FlakyStrategyDefinition):
            seed(number)(Session).run(settings=settings(max_examples=4, stateful_step_count=8, **BOUNDED))
    if failures:
        raise failures[0]
    assert {200, 201, 204} <= statuses, "it came to reads, creations and deletions"


def mean_what_is_sent(case):
    """Corrects a valid request for rules that the document states in words, because its schemas cannot express them."""
    if not case.meta.generation.mode.is_positive:
        return
    # Tokens are as ripple issued them, and authors have the form of RFC 9651.
    for name in ("ripple-session", "ripple-author"):
        case.headers.pop(name, None)
    for name in ("cursor", "since"):
        case.query.pop(name, None)
    # A list takes 64 conditions, and the document has more parameters for them. Each is on a member that some record has.
    if case.method == "GET" and case.path.endswith("/prj"):
        known = [name for name in case.query if name.partition("[")[0] in RULED | LISTED]
        conditions = [name for name in known if "[" in name]
        case.query = {name: case.query[name] for name in known if name not in conditions[32:]}
    # A deletion on another version does nothing.
    if case.method == "DELETE":
        case.body, case.media_type = NOT_SET, None
    if case.path.endswith("/_batch"):
        # Each operation has the members that it takes. A batch that is made as a whole is refused with one of them.
        if case.media_type == "text/csv":
            case.body = "prj_id,version,goal\r\nabsent,1,x\r\n"
            case.query.pop("atomic", None)
        else:
            case.query = {}
            case.body = {**storable(case.body), "atomic": False}
            case.body["operations"] = list(map(well_formed, case.body["operations"]))
        return
    if isinstance(case.body, dict):
        case.body = storable(case.body)
        # An id in an edit is the one in the path.
        if "prjid" in case.path_parameters and "prj_id" in case.body:
            case.body["prj_id"] = unquote(case.path_parameters["prjid"])
        if case.media_type == "application/vnd.ripple.edit+json":
            case.body = consistent(case.body)


def well_formed(operation):
    """Gives an operation of a batch the members that it takes, and no others."""
    made = {"op": operation["op"], "body": operation.get("body", {})}
    if made["op"] != "create":
        made["id"] = operation.get("id", "absent")
    if made["op"] == "restore":
        made["to"] = operation.get("to", 1)
    return made


def consistent(edit):
    """Makes an edit consistent: `seen` names only edited members, and no member is both set and removed."""
    free = lambda names: {name: names[name] for name in names if name not in RULED and not name.startswith("rpl_")}
    edit["set"] = free(edit.get("set", {}))
    names = {name for name in edit.get("remove", []) if 0 < len(name.encode()) <= 255} - set(edit["set"])
    edit["remove"] = list(free(dict.fromkeys(sorted(names))))
    edit["seen"] = {name: value for name, value in edit.get("seen", {}).items() if name in {*edit["set"], *edit["remove"]}}
    return edit


def storable(value):
    """Makes a value storable in DynamoDB: no empty or very long names, and numbers within its range."""
    if isinstance(value, dict):
        return {name: storable(member) for name, member in value.items() if 0 < len(name.encode()) <= 255}
    if isinstance(value, list):
        return list(map(storable, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = Decimal(str(value))
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        return value if len(digits) <= 38 and -130 <= number.adjusted() <= 125 else 0
    return value
