"""Owners: a card may have several, each once and with any name. Cards are listed by owner and state, page by page."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, select
from tests.host import databases
from tests.host.verifier_samples import KEY, PIN, SUITE

from dsc_host.errors import InputError, StateError
from dsc_host.schema.card_tables import owners
from dsc_host.verifier import Card, Enrollment, State, Verifier, rows

verifier = databases.verifier

NAMES = [
    *(
        "a",
        "Ada Lovelace",
        "Zoë",
        "Zoe\u0308",
        "Zoe",
        "ZOE",
        "zoe",
        "Z0e",
        "東京",
        "\U0001f600" * 64,
        "x" * 64,
        "O'Hara",
        '"Bob"',
    ),
    *("; DROP TABLE cards", "%", "_", "A%' OR '1'='1", "\\", "$1 ? %s :of {0}", "null", "None", "ß", "İ", "-1", "A"),
]
NO_NAMES: list[Any] = [
    *("", " ", " a", "a ", "x" * 65, "\U0001f600" * 65, "a\0", "\0", "a\nb", "\t", "\x1b[2J", "\u2028", "\u202e"),
    *("\ud800", "a\udfff", "x" * 10**6, None, 5, b"a", ("a",), True),
]


def serials(found: Iterable[Card]) -> list[str]:
    return [card.serial for card in found]


def kept(verifier: Verifier) -> list[tuple[str, str]]:
    with verifier._context.store.read() as db:
        return sorted((row.serial, row.owner) for row in db.execute(select(owners)))


def log_length(verifier: Verifier) -> int:
    return verifier.audit.check().entries


def test_a_card_has_as_many_owners_as_it_is_given_each_once(verifier: Verifier) -> None:
    assert verifier.card("A-1").owners == ()
    assert verifier.add_owner("A-1", "Bob").owners == ("Bob",)
    assert verifier.add_owner("A-1", "Ada").owners == ("Ada", "Bob")
    length = log_length(verifier)
    assert verifier.add_owner("A-1", "Bob").owners == ("Ada", "Bob")
    assert log_length(verifier) == length
    assert verifier.remove_owner("A-1", "Ada").owners == ("Bob",)
    assert verifier.card("A-1").owners == ("Bob",)
    assert kept(verifier) == [("A-1", "Bob")]


def test_who_is_no_owner_cannot_be_removed(verifier: Verifier) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, owners=("Bob",))
    verifier.add_owner("A-1", "Ada")
    length = log_length(verifier)
    for name in ("Bob", "ada", "Ada\u0308", "A%", "_da"):
        with pytest.raises(StateError, match=r"^card A-1: has no such owner$"):
            verifier.remove_owner("A-1", name)
    assert kept(verifier) == [("A-1", "Ada"), ("B-2", "Bob")]
    assert log_length(verifier) == length


def test_they_go_with_their_card(verifier: Verifier) -> None:
    verifier.add_owner("A-1", "Bob")
    verifier.remove("A-1")
    assert kept(verifier) == []
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.card("A-1").owners == ()


def test_a_retired_card_keeps_its_owners_until_its_serial_is_enrolled_again(verifier: Verifier) -> None:
    verifier.add_owner("A-1", "Bob")
    assert verifier.retire("A-1").owners == ("Bob",)
    assert serials(verifier.cards(owner="Bob")) == ["A-1"]
    with pytest.raises(StateError):
        verifier.add_owner("A-1", "Ada")
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    assert kept(verifier) == []


@pytest.mark.every_database
def test_a_name_is_kept_letter_by_letter(verifier: Verifier) -> None:
    for name in NAMES:
        assert verifier.add_owner("A-1", name).owners == (name,)
        assert serials(verifier.cards(owner=name)) == ["A-1"]
        assert json.loads(list(verifier.audit.entries())[-1].detail) == {"owner": name}
        assert verifier.remove_owner("A-1", name).owners == ()
        assert serials(verifier.cards(owner=name)) == []
    card = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, owners=(*NAMES, NAMES[0]))
    assert sorted(card.owners) == sorted(NAMES)
    assert verifier.audit.check().sound


def test_what_is_no_name_is_refused_and_nothing_changes(verifier: Verifier) -> None:
    length = log_length(verifier)
    for name in NO_NAMES:
        for call in (verifier.add_owner, verifier.remove_owner):
            with pytest.raises(InputError, match=r"^owner: must be a name of 1 to 64 characters"):
                call("A-1", name)
        with pytest.raises(InputError, match=r"^owner: "):
            verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, owners=("Bob", name))
    assert serials(verifier.cards()) == ["A-1"]
    assert (kept(verifier), log_length(verifier)) == ([], length)


def test_owners_at_enrollment_are_a_tuple(verifier: Verifier) -> None:
    names: Any
    for names in ("Bob", ["Bob"], None, {"Bob"}, 5):
        with pytest.raises(InputError, match=r"^owners: must be a tuple"):
            verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, owners=names)
    assert serials(verifier.cards()) == ["A-1"]


@pytest.fixture
def many(verifier: Verifier) -> Verifier:
    """Bob has every other card from C-00 to C-39, and Ada each card whose number ends in 0. Nobody has A-1."""
    verifier.enroll_all(
        Enrollment(f"C-{n:02}", KEY, SUITE, PIN, owners=("Ada",) * (n % 10 == 0) + ("Bob",) * (n % 2 == 0)) for n in range(40)
    )
    for number in range(0, 40, 4):
        verifier.suspend(f"C-{number:02}")
    for number in (4, 5):
        verifier.lost(f"C-{number:02}")
    verifier.retire("C-06")
    return verifier


@pytest.mark.every_database
def test_cards_are_listed_by_owner_and_by_state(many: Verifier) -> None:
    bobs = [f"C-{number:02}" for number in range(0, 40, 2)]
    suspended = [f"C-{number:02}" for number in range(0, 40, 4) if number != 4]
    assert serials(many.cards(owner="Bob")) == bobs
    assert serials(many.cards(owner="Ada")) == ["C-00", "C-10", "C-20", "C-30"]
    assert serials(many.cards(owner="Eve")) == []
    assert serials(many.cards(state=State.SUSPENDED)) == suspended
    assert serials(many.cards(state=State.LOST)) == ["C-04", "C-05"]
    assert serials(many.cards(state=State.RETIRED, owner="Bob")) == ["C-06"]
    assert serials(many.cards(state=State.SUSPENDED, owner="Ada")) == ["C-00", "C-20"]
    assert serials(many.cards(state=State.ACTIVE)) == []
    assert next(many.cards(owner="Ada")).owners == ("Ada", "Bob")


@pytest.mark.every_database
def test_pages_make_up_the_whole_list(many: Verifier) -> None:
    filters: list[dict[str, Any]] = [
        {},
        {"owner": "Bob"},
        {"owner": "Bob", "state": State.SUSPENDED},
        {"state": State.ENROLLED},
    ]
    for given, limit in product(filters, (3, 20, 41, 100)):
        pages: list[Card] = []
        after = ""
        while page := list(many.cards(after=after, limit=limit, **given)):
            assert len(page) <= limit
            assert page[0].serial > after
            pages += page
            after = page[-1].serial
        assert pages == list(many.cards(**given))


def test_a_list_goes_on_after_any_serial_there_or_not(many: Verifier) -> None:
    assert serials(many.cards(after="C-37")) == ["C-38", "C-39"]
    assert serials(many.cards(after="C-375")) == ["C-38", "C-39"]
    assert serials(many.cards(after="C-39")) == serials(many.cards(after="Z")) == []
    assert serials(many.cards(limit=2)) == ["A-1", "C-00"]
    assert serials(many.cards(limit=0)) == []


@pytest.mark.parametrize("limit", [None, 8, 9, 2**70])
def test_a_list_is_read_page_by_page_and_its_caller_may_write_meanwhile(
    many: Verifier, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    monkeypatch.setattr("dsc_host.verifier.card_lookup._PAGE", 4)
    wanted = ["C-00", "C-02", "C-04", "C-06", "C-12", "C-14", "C-16", "C-18", "C-20"]
    found = []
    for card in many.cards(owner="Bob", limit=limit):
        if card.serial == "C-02":
            # These two are on the next page, which is read when the caller gets there.
            many.remove("C-08")
            many.remove_owner("C-10", "Bob")
        found.append(card.serial)
    assert found[:9] == wanted[: min(limit or 9, 9)]
    assert len(found) == min(limit or 18, 18)


def test_a_list_that_cannot_be_is_refused_before_it_is_read(verifier: Verifier) -> None:
    with pytest.raises(InputError, match="limit: must be a whole number, 0 or more"):
        verifier.cards(limit=-1)


def plan(verifier: Verifier, work: Callable[[Connection], object]) -> list[str]:
    """Return the steps by which SQLite carries out the only statement of the work."""
    with verifier.context.store.write() as db, pytest.MonkeyPatch.context() as patched:
        ran: list[tuple[str, Any]] = []
        execute = db.dialect.do_execute

        def noted(cursor: Any, sql: str, values: Any, *more: Any) -> None:
            ran.append((sql, values))
            execute(cursor, sql, values, *more)

        patched.setattr(db.dialect, "do_execute", noted)
        work(db)
        ((sql, values),) = ran
        return [row[3] for row in db.connection.driver_connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({}, "sqlite_autoindex_cards_1 (serial>?)"),
        ({"state": "lost"}, "ix_cards_state (state=? AND serial>?)"),
        ({"owner": "Bob"}, "ix_owners_owner (owner=? AND serial>?)"),
        ({"owner": "Bob", "state": "lost"}, "ix_owners_owner (owner=? AND serial>?)"),
    ],
)
def test_a_page_is_found_in_an_index_and_not_sorted(verifier: Verifier, given: dict[str, str], index: str) -> None:
    wanted = {"owner": None, "state": None, **given}
    steps = plan(verifier, lambda db: rows.find_cards(db, **wanted, after="C-07", limit=5))
    assert steps[0].endswith(f"INDEX {index}")
    assert not any("ORDER BY" in step for step in steps)


def test_old_decoys_are_found_in_an_index_and_not_sorted(verifier: Verifier) -> None:
    steps = plan(verifier, lambda db: rows.forget_decoys(db, 0.0, 5))
    assert any("ix_cards_decoys (state_since<?)" in step for step in steps)
    assert not any("ORDER BY" in step for step in steps)


ODD: list[dict[str, Any]] = [
    *({name: value} for name in ("owner", "after", "state") for value in ("\ud800", "\0", "a\0", 5, b"a")),
    *({"limit": value} for value in (-1, "x", True, 1.5, "")),
    *({"after": None}, {"state": "decoy"}),
]


@pytest.mark.every_database
def test_a_list_of_what_cannot_be_is_refused_or_empty_and_never_an_error_of_the_database(verifier: Verifier) -> None:
    for given in ODD:
        with suppress(InputError):
            # A text that sorts below every serial lists all cards.
            assert serials(verifier.cards(**given)) == (["A-1"] if given.get("after") == "\0" else []), given
