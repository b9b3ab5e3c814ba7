"""What others replaced of a person's own work, from the rows of a history."""

from dataclasses import replace

import pytest

from ripple_client import ABSENT, Author, FieldChange, Place, Record, Updated, Write
from ripple_client.replaced import replaced

BO, ANN = Author("Bo", "u7"), Author("Ann", "u3")


def write(version, author, *changes):
    return Write(version, Updated(version, "app", author), version - 1, changes)


def record(version, **value):
    return Record("p1", value, version)


def short(found):
    return [(one.place.field, one.place.entry, one.mine, one.now, one.version, one.my_version) for one in found]


GOAL = FieldChange("/goal", replaced="first")
# Bo wrote the goal, then Ann wrote another one.
ROWS = [write(3, ANN, FieldChange("/goal", replaced="Bo's")), write(2, BO, GOAL), write(1, ANN, FieldChange("/goal"))]


def test_the_authors_value_the_present_one_and_the_other_person_are_named():
    [lost] = replaced(record(3, goal="Ann's"), ROWS, BO)
    assert short([lost]) == [("/goal", ABSENT, "Bo's", "Ann's", 3, 2)]
    assert lost.updated.author == ANN


def test_what_another_person_wrote_is_no_loss():
    assert replaced(record(3, goal="Ann's"), ROWS, ANN) == ()
    rows = [write(4, ANN, FieldChange("/issue", replaced="Ann's")), *ROWS[1:]]
    assert replaced(record(4, goal="Bo's", issue="other"), rows, BO) == ()
    assert replaced(record(3, goal="Ann's"), ROWS, Author("Cy")) == (), "Cy never wrote"


def test_a_value_that_is_back_is_no_loss():
    rows = [write(4, ANN, FieldChange("/goal", replaced="Ann's")), *ROWS]
    assert replaced(record(4, goal="Bo's"), rows, BO) == ()
    [lost] = replaced(record(4, goal="third"), rows, BO)
    assert (lost.mine, lost.version) == ("Bo's", 4), "the author's value, and the last write"


def test_an_author_who_knows_of_a_version_hears_of_later_ones():
    assert replaced(record(3, goal="Ann's"), ROWS, BO, known=3) == ()


def test_a_record_older_than_its_newest_row_is_compared_with_its_own_rows():
    assert replaced(record(2, goal="Bo's"), ROWS, BO) == ()


def test_an_author_is_known_by_the_id_and_without_one_by_the_name():
    rows = [ROWS[0], replace(ROWS[1], updated=Updated(2, "app", Author("Bo")))]
    assert len(replaced(record(3, goal="Ann's"), rows, BO)) == 1
    other = replace(ROWS[1], updated=Updated(2, "app", Author("Bo", "u8")))
    assert replaced(record(3, goal="Ann's"), [ROWS[0], other], BO) == (), "another person of this name"


def test_an_entry_is_lost_by_itself_and_a_removed_one_returns_to_its_place():
    mine = [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}, {"id": "c", "text": "three"}]
    rows = [
        write(3, ANN, FieldChange("/timeline", "b", {"id": "b", "text": "two"}), FieldChange("/timeline", "d")),
        write(2, BO, FieldChange("/timeline", "b"), FieldChange("/timeline", "c")),
    ]
    now = [mine[0], mine[2], {"id": "d", "text": "new"}]
    [lost] = replaced(record(3, timeline=now), rows, BO)
    assert short([lost]) == [("/timeline", "b", {"id": "b", "text": "two"}, ABSENT, 3, 2)]
    value = {"timeline": list(now)}
    lost.place.put(value, {"timeline": mine})
    assert [entry["id"] for entry in value["timeline"]] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("place", "old", "value", "expected"),
    [
        (Place("/goal"), {"goal": "old"}, {"goal": "new"}, {"goal": "old"}),
        (Place("/a~1b/c"), {"a/b": {"c": 1}}, {}, {"a/b": {"c": 1}}),
        (Place("/a/b"), {"a": {"b": 1}}, {"a": 3}, {"a": 3}),
        (Place("/goal"), {}, {"goal": "new"}, {"goal": "new"}),
        (Place("/tags", "x"), {"tags": ["x"]}, {"tags": "text"}, {"tags": "text"}),
        (Place("/tags", "x"), {"tags": ["x", "y"]}, {}, {"tags": ["x"]}),
        (Place("/tags", "z"), {"tags": ["x"]}, {"tags": ["y"]}, {"tags": ["y"]}),
        (Place("/tags", 1), {"tags": [1]}, {"tags": [True]}, {"tags": [1, True]}),
    ],
)
def test_a_place_puts_back_what_it_finds(place, old, value, expected):
    place.put(value, old)
    assert value == expected and list(map(repr, value.values())) == list(map(repr, expected.values()))


def test_a_change_of_a_member_is_one_of_the_whole():
    rows = [write(3, ANN, FieldChange("/budget", replaced={"sum": 1})), write(2, BO, FieldChange("/budget/sum"))]
    [lost] = replaced(record(3, budget={"sum": 2}), rows, BO)
    assert (lost.mine, lost.now) == ({"sum": 1}, {"sum": 2})
    assert not Place("/goal").covers(Place("/goals")) and Place("/tags", "a").covers(Place("/tags"))
