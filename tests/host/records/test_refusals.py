"""Refusals are counted in memory, and logged in two entries for each limit."""

from dsc_host.records.refusals import Counted, Refusals


def test_the_first_refusal_is_to_be_logged_and_no_other() -> None:
    refusals = Refusals()
    assert [refusals.add("a", "name", now, 60.0) for now in (1.0, 2.0, 3.0)] == [True, False, False]
    assert refusals.add("b", "name", 4.0, 60.0)


def test_what_is_taken_is_counted_anew() -> None:
    refusals = Refusals()
    for now in (1.0, 2.0, 3.0):
        refusals.add("a", "name", now, 60.0)
    assert refusals.take(["a", "b"]) == [Counted("a", "name", 3, 1.0, 60.0)]
    assert refusals.take(["a"]) == []
    assert refusals.add("a", "name", 70.0, 90.0)


def test_one_refusal_was_logged_as_the_first() -> None:
    refusals = Refusals()
    refusals.add("a", "name", 1.0, 60.0)
    assert refusals.take(["a"]) == []


def test_what_is_over_is_told_by_its_time() -> None:
    refusals = Refusals()
    for key, until in (("a", 60.0), ("b", 90.0)):
        refusals.add(key, "name", 1.0, until)
        refusals.add(key, "name", 2.0, until)
    assert [counted.key for counted in refusals.take_ended(60.0)] == ["a"]
    assert [counted.key for counted in refusals.take_ended(90.0)] == ["b"]


def test_beyond_the_most_all_are_counted_together() -> None:
    refusals = Refusals(most=2)
    assert [refusals.add(key, "name", 1.0, 60.0) for key in "abcde"] == [True, True, True, False, False]
    assert refusals.take([""]) == [Counted("", "others", 3, 1.0, 60.0)]
