"""Ids, authors, receipts and the difference of an edit."""

import copy
import pickle
import re
from decimal import Decimal

import pytest

from ripple_client import Author, Members, Problem, Receipt, Touched, ids
from ripple_client.draft import Difference
from ripple_client.record import read_record

MEMBERS = Members("prj_id")


def record(**members):
    return read_record({"prj_id": "p1", "version": 3, "updated_at": 5, "updated_by": "dev", **members}, MEMBERS)


def test_an_id_is_a_uuid_of_version_7_and_sorts_by_time(monkeypatch):
    made = []
    for millisecond in (1_764_000_000_000, 1_764_000_000_001):
        monkeypatch.setattr(ids.time, "time_ns", lambda: millisecond * 1_000_000)
        made.append(ids.new_id())
    assert made == sorted(made)
    for one in made:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
    assert int(made[0].replace("-", "")[:12], 16) == 1_764_000_000_000
    assert ids.new_id() != ids.new_id()


def test_an_idempotency_key_has_128_random_bits():
    assert re.fullmatch(r"[\w-]{22}", ids.new_idempotency_key())
    with pytest.raises(ValueError):
        ids.checked_idempotency_key("two words")


@pytest.mark.parametrize(
    ("record_id", "segment"), [("p1", "p1"), ("_changes", "%5Fchanges"), ("a/b c", "a%2Fb%20c"), ("ä", "%C3%A4")]
)
def test_an_id_is_one_segment_of_a_path(record_id, segment):
    assert ids.segment(record_id) == segment


@pytest.mark.parametrize("record_id", ["", ".", ".."])
def test_an_id_that_no_path_names_is_refused(record_id):
    with pytest.raises(ValueError):
        ids.segment(record_id)


def test_an_author_is_a_string_or_a_display_string():
    assert Author("Bo", "u7").header() == '"Bo";id="u7"'
    assert Author("Bo Müller").header() == '%"Bo M%c3%bcller"'
    assert Author.of(("Bo", None)) == Author.of("Bo") == Author.of(Author("Bo")) == Author("Bo")
    assert Author.of(None) is None


@pytest.mark.parametrize(
    ("name", "author_id"),
    [
        ("", None),
        (" Bo", None),
        ("B" * 61, None),
        ("B\n", None),
        ("B\u202eo", None),
        ("Mu\u0308ller", None),
        ("Bo", "a b"),
    ],
)
def test_an_author_that_the_api_refuses_is_refused_before(name, author_id):
    with pytest.raises(ValueError):
        Author(name, author_id).header()


def test_a_receipt_has_every_part():
    text = (
        'result=saved, version=8, base=6;missing, won=("/issue";replaced=7;author="u3"), taken=("/goal"), '
        'merged=("/timeline";added=1;removed=0;changed=2), kept=(%"/%e7%9b%ae"), omitted=4, later="unknown"'
    )
    assert Receipt.parse(text) == Receipt(
        "saved",
        8,
        6,
        True,
        won=(Touched("/issue", replaced=7, author="u3"),),
        taken=(Touched("/goal"),),
        merged=(Touched("/timeline", added=1, removed=0, changed=2),),
        kept=(Touched("/目"),),
        omitted=4,
    )


@pytest.mark.parametrize(
    "text", ["", "version=1", "result=saved", "result=eaten, version=1", "result=saved, version=?1", "<html>", "é"]
)
def test_what_is_not_a_receipt_is_a_value_error(text):
    with pytest.raises(ValueError):
        Receipt.parse(text)


def test_the_value_of_a_record_cannot_be_changed_because_an_edit_sends_what_was_seen():
    with pytest.raises(TypeError, match="read-only"):
        record(goal="G").value["goal"] = "H"


@pytest.mark.parametrize(("number", "text"), [(7, "7"), (Decimal("0.50"), "0.50"), (Decimal("1E+2"), "100")])
def test_an_id_may_be_a_number(number, text):
    assert record(prj_id=number).id == text


@pytest.mark.parametrize("value", [[], {}, {"prj_id": True, "version": 1}, {"prj_id": "p1", "version": "1"}])
def test_what_is_not_a_record_is_refused(value):
    with pytest.raises(ValueError):
        read_record(value, MEMBERS)


def test_an_edit_sends_only_what_differs_and_what_was_seen():
    shown = record(goal="G", issue="I", term=3, tags=["a"], note=None)
    draft = copy.deepcopy(shown.value) | {"goal": "H", "new": None, "term": 3.0, "tags": ["a", "b"]}
    del draft["note"]
    difference = Difference.of(shown, draft, MEMBERS)
    assert difference.set == {"goal": "H", "new": None, "tags": ["a", "b"]}
    assert difference.remove == ("note",)
    assert difference.seen == {"goal": "G", "tags": ["a"], "note": None}
    assert difference.body(3).startswith(b'{"version":3,"seen":{"goal":"G"')


def test_an_edit_without_a_difference_is_empty():
    shown = record(goal="G", flag=True)
    assert not Difference.of(shown, dict(shown.value), MEMBERS)
    assert Difference.of(shown, dict(shown.value) | {"flag": 1}, MEMBERS).set == {"flag": 1}


def test_a_new_value_without_the_members_of_ripple_does_not_remove_them():
    difference = Difference.of(record(goal="G"), {"goal": "H"}, MEMBERS)
    assert (difference.set, difference.remove) == ({"goal": "H"}, ())


@pytest.mark.parametrize("name", ["prj_id", "version", "updated_at", "updated_by", "updated_author"])
def test_an_edit_of_what_ripple_keeps_is_refused(name):
    with pytest.raises(ValueError, match=name):
        Difference.of(record(), {name: "other"}, MEMBERS)


def test_a_partial_record_is_not_edited():
    partial = read_record({"prj_id": "p1", "version": 3}, MEMBERS, partial=True)
    with pytest.raises(ValueError, match="only some fields"):
        Difference.of(partial, {"goal": "H"}, MEMBERS)


def test_a_problem_survives_a_process_and_says_all_it_knows():
    problem = Problem(400, "invalid_body", "the body has faults", fields={"/goal": "must be a string"})
    again = pickle.loads(pickle.dumps(problem))
    assert again.fields == problem.fields
    assert str(again) == "400 invalid_body: the body has faults (/goal: must be a string)"
