"""JSON text and its numbers."""

from decimal import Decimal

import pytest

from ripple_client import frozen, json_text


def test_numbers_keep_every_digit():
    text = b'{"n":[12345678901234567890123456789012345678,9007199254740993,0.1,-0.5,1.50]}'
    value = json_text.parse(text)
    assert [type(number) for number in value["n"]] == [int, int, Decimal, Decimal, Decimal]
    assert json_text.write(value) == text


def test_a_float_is_sent_by_its_shortest_digits():
    assert json_text.write([0.1, 1e300]) == b"[0.1,1e+300]"


def test_a_number_of_any_size_is_written():
    assert json_text.write([10**400, Decimal("1E+400")]) == b"[1" + b"0" * 400 + b",1E+400]"


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), Decimal("sNaN")])
def test_what_is_no_number_is_refused(number):
    with pytest.raises(ValueError, match="no number"):
        json_text.write({"n": number})


@pytest.mark.parametrize("text", [b"NaN", b"[1", b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        json_text.parse(text)


def test_a_value_without_json_is_refused():
    with pytest.raises(TypeError, match="set"):
        json_text.write({"tags": {"a"}})
    with pytest.raises(TypeError, match="name"):
        json_text.write({1: "one"})


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, Decimal("1.0"), True),
        (0.1, Decimal("0.1"), True),
        (True, 1, False),
        (None, False, False),
        ("1", 1, False),
        ({"a": 1, "b": [1]}, {"b": [Decimal(1)], "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        (9007199254740993, 9007199254740992.0, False),
    ],
)
def test_values_are_equal_by_their_numbers_and_in_any_order_of_members(one, other, equal):
    assert json_text.same(one, other) is equal


def test_a_frozen_value_reads_like_any_other_and_cannot_be_changed():
    value = frozen.freeze({"goal": "G", "tags": ["a", {"b": 1}]})
    assert value == {"goal": "G", "tags": ["a", {"b": 1}]}
    assert json_text.write(value) == b'{"goal":"G","tags":["a",{"b":1}]}'
    for change in (
        lambda: value.update(goal="H"),
        lambda: value["tags"].append("c"),
        lambda: value["tags"][1].pop("b"),
        lambda: value.__setitem__("goal", "H"),
        lambda: value["tags"].__iadd__(["c"]),
    ):
        with pytest.raises(TypeError, match="read-only"):
            change()


def test_a_thawed_value_is_a_copy_at_every_level():
    value = frozen.freeze({"tags": ["a", {"b": 1}]})
    copy = frozen.thaw(value)
    copy["tags"][1]["b"] = 2
    copy["tags"].append("c")
    assert value == {"tags": ["a", {"b": 1}]}
