"""deploy/openapi.json, held against what the hosts answer. schemathesis makes requests of it, such as it allows and such
as it does not, and every answer is compared with it: no 5xx, the status, the type, the body and the headers that it names,
405 with `Allow` to other methods, 403 without the key."""

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

# What HTTP itself does not have in a header (RFC 9110 §5.5): the server's parser refuses it before ripple sees it.
CONTROL_CHARACTERS = "".join(chr(code) for code in (*range(32), 127) if chr(code) != "\t")

CONFIG = {
    "seed": 1,
    # Seconds. How long an answer takes is not what is tested here.
    "request-timeout": 120,
    # The key is the test's to send; without it, and with another, schemathesis asks again where it was let in.
    "generation": {"with-security-parameters": False, "exclude-header-characters": CONTROL_CHARACTERS},
    # What is well formed may still not fit the record as it is: that is no 400.
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 304, 404, 409, 410, 412, 422]}},
}
api = schemathesis.openapi.from_path(ROOT / "deploy/openapi.json", config=schemathesis.Config.from_dict(CONFIG))

# Members of which an edit must be of a certain form.
RULED = {"prj_id", "version", "updated_at", "updated_by", "deleted", "name", "goal", "issue", "description"}
RULED |= {"term", "term_unit", "create_date"}

SESSIONS = 8
# Nothing is tried again to make it smaller: a host remembers what it was asked.
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
def test_so_is_the_refusal_without_a_key(case, host):
    # However well formed, it is not accepted.
    response = case.call_and_validate(host.url, excluded_checks=[positive_data_acceptance])
    wants_key = "security" in case.operation.definition.raw and case.method != "OPTIONS"
    assert response.status_code == 403 or not wants_key, response


def test_so_is_what_follows_from_what_was_answered(host):
    statuses, failures = set(), []

    class Session(api.as_state_machine()):
        def before_call(self, case):
            mean_what_is_sent(case)

        def get_call_kwargs(self, case):
            return {"base_url": host.url, "headers": {"x-api-key": host.key}}

        def validate_response(self, response, case, **given):
            statuses.add(response.status_code)
            # Kept and not raised: Hypothesis would do it all again before it tells, and the host is another by then.
            try:
                super().validate_response(response, case, **given)
            except FailureGroup as failure:
                if not is_a_body_left_out(case, failure):
                    failures.append(failure)

    for number in range(SESSIONS):
        # What can come next depends on what was answered, which is another thing by the second time. So few at a time.
        with contextlib.suppress(FlakyStrategyDefinition):
            seed(number)(Session).run(settings=settings(max_examples=4, stateful_step_count=8, **BOUNDED))
    if failures:
        raise failures[0]
    assert {200, 201, 204} <= statuses, "it came to reads, creations and deletions"


def mean_what_is_sent(case):
    """Of a request that is to be well formed, makes so what the document says in words, since its schemas cannot."""
    if not case.meta.generation.mode.is_positive:
        return
    # Tokens are as ripple gave them.
    case.headers.pop("ripple-session", None)
    for name in ("cursor", "since"):
        case.query.pop(name, None)
    # A deletion on a version that the record is not at does nothing.
    if case.method == "DELETE":
        case.body, case.media_type = NOT_SET, None
    if isinstance(case.body, dict):
        case.body = storable(case.body)
        # An id in an edit is the one in the path.
        if "prjid" in case.path_parameters and "prj_id" in case.body:
            case.body["prj_id"] = unquote(case.path_parameters["prjid"])
        if case.media_type == "application/vnd.ripple.edit+json":
            case.body = consistent(case.body)


def consistent(edit):
    """As an edit that brings what its author saw: `seen` names what is edited, and nothing is set and removed."""
    free = lambda names: {name: names[name] for name in names if name not in RULED and not name.startswith("rpl_")}
    edit["set"] = free(edit.get("set", {}))
    names = {name for name in edit.get("remove", []) if 0 < len(name.encode()) <= 255} - set(edit["set"])
    edit["remove"] = list(free(dict.fromkeys(sorted(names))))
    edit["seen"] = {name: value for name, value in edit.get("seen", {}).items() if name in {*edit["set"], *edit["remove"]}}
    return edit


def storable(value):
    """As DynamoDB can have it: no member without a name or with a very long one, and numbers of its range."""
    if isinstance(value, dict):
        return {name: storable(member) for name, member in value.items() if 0 < len(name.encode()) <= 255}
    if isinstance(value, list):
        return list(map(storable, value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = Decimal(str(value))
        digits = "".join(map(str, number.as_tuple().digits)).strip("0")
        return value if len(digits) <= 38 and -130 <= number.adjusted() <= 125 else 0
    return value
