"""The enrollment of one or many cards: which cards are accepted, what is reported about others, and what `disclose` returns."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.host import databases
from tests.host.databases import new_database
from tests.host.verifier_samples import KEY, PIN, SUITE, Clock, right

from dsc_host.errors import AlreadyEnrolled, DscError, InputError, SuiteError, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.records.group_commit import GroupCommit
from dsc_host.verifier import Card, Enrollment, MasterKey, Reason, Verifier, anchors, enrollment

verifier = databases.verifier
BATCH = 20
MANY = 2 * BATCH + 8


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrollment, "BATCH", BATCH)
    monkeypatch.setattr(anchors, "_PAGE", BATCH)


def serial(number: int) -> str:
    return f"C-{number:05}"


def some(number: int) -> Iterator[Enrollment]:
    return (Enrollment(serial(index), KEY, SUITE, PIN, owners=("anna", "anna")) for index in range(number))


class Told:
    """The refusals and counts that `enroll_all` reported."""

    def __init__(self) -> None:
        self.refused: list[tuple[int, str, type[DscError]]] = []
        self.enrolled: list[int] = []

    def refuse(self, position: int, serial: str, error: DscError) -> None:
        self.refused.append((position, serial, type(error)))


def with_bad_ones() -> Iterator[Enrollment]:
    """Yield good cards, but bad ones at 3, 7, 9 (a serial of this bulk again), 11, and 44, which is a batch later."""
    bad = {
        3: Enrollment("sm all", KEY, SUITE, PIN),
        7: Enrollment(serial(7), KEY, SUITE, "12345"),
        9: Enrollment(serial(2), KEY, SUITE, PIN),
        11: Enrollment("A-1", KEY, SUITE, PIN),
        44: Enrollment(serial(15), KEY, SUITE, PIN),
    }
    return (bad.get(number, good) for number, good in enumerate(some(MANY)))


BAD = [
    (3, "sm all", InputError),
    (7, serial(7), InputError),
    (9, serial(2), AlreadyEnrolled),
    (11, "A-1", AlreadyEnrolled),
    (44, serial(15), AlreadyEnrolled),
]


@pytest.mark.every_database
def test_those_that_are_wrong_are_told_and_the_others_go_in(verifier: Verifier) -> None:
    told = Told()
    assert verifier.enroll_all(with_bad_ones(), refused=told.refuse, enrolled=told.enrolled.append) == MANY - len(BAD)
    assert told.refused == BAD
    assert told.enrolled == [BATCH - 4, 2 * BATCH - 4, MANY - 5]
    cards = list(verifier.cards())
    assert len(cards) == 1 + MANY - len(BAD)
    assert cards[-1].owners == ("anna",)
    logged = [entry.serial for entry in verifier.audit.entries(after=2)]
    assert sorted(logged) == sorted(card.serial for card in cards[1:])  # type: ignore[type-var]
    assert verifier.audit.check().sound
    challenge = verifier.challenge(serial(MANY - 1))
    assert verifier.verify(challenge.id, right(challenge))


@pytest.mark.every_database
def test_atomic_one_that_is_wrong_keeps_all_out(verifier: Verifier) -> None:
    told = Told()
    before = verifier.audit.check()
    assert verifier.enroll_all(with_bad_ones(), atomic=True, refused=told.refuse) == 0
    assert told.refused == BAD, "all are reported, so that they can be corrected at once"
    assert [card.serial for card in verifier.cards()] == ["A-1"]
    assert verifier.audit.check() == before
    assert verifier.enroll_all(some(MANY), atomic=True) == MANY


@pytest.mark.parametrize("atomic", [False, True])
def test_what_gives_the_cards_may_fail_half_way(verifier: Verifier, atomic: bool) -> None:
    def broken() -> Iterator[Enrollment]:
        yield from some(BATCH + 10)
        raise RuntimeError("the file ends here")

    with pytest.raises(RuntimeError, match="the file ends here"):
        verifier.enroll_all(broken(), atomic=atomic)
    assert len(list(verifier.cards())) == 1 + (0 if atomic else BATCH)
    assert verifier.audit.check().sound
    told = Told()
    assert verifier.enroll_all(some(BATCH + 10), refused=told.refuse) == (BATCH + 10 if atomic else 10)


def test_none_is_none(verifier: Verifier) -> None:
    assert verifier.enroll_all([]) == 0
    assert verifier.enroll_all([], atomic=True) == 0
    assert verifier.audit.check().entries == 2


@pytest.mark.every_database
@pytest.mark.parametrize("there_kind", databases.parameters())
def test_all_that_is_known_comes_out_and_into_another_database(
    verifier: Verifier, clock: Clock, tmp_path: Path, there_kind: str
) -> None:
    verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", unlock_key=bytes(32), counter=7, owners=("Zoë", "bo"))
    verifier.set_duress_pin("A-1", "4321")
    verifier.enroll_all(some(BATCH + 1))
    verifier.enroll("Z-9", key=KEY, suite=SUITE, pin=PIN)
    verifier.retire("Z-9")
    known = list(verifier.disclose())
    assert len(known) == BATCH + 3
    assert known[0] == Enrollment("A-1", KEY, SUITE, PIN, duress_pin="4321")
    assert known[1] == Enrollment(
        "B-2", KEY, "OCRA-1:HOTP-SHA256-8:C-QN06", counter=7, unlock_key=bytes(32), owners=("Zoë", "bo")
    )
    assert KEY.hex() not in repr(known[0])
    assert PIN not in repr(known[0]).replace(SUITE, "")
    (tmp_path / "there").mkdir()
    with (
        new_database(there_kind, tmp_path / "there") as database,
        Verifier.open(database.url, master_key=MasterKey.generate(), clock=clock) as there,
    ):
        assert there.enroll_all(known) == len(known)
        assert list(there.disclose()) == known
        assert [entry.reason for entry in there.audit.entries() if entry.action == "cards.disclose"] == ["all"]


def test_chosen_ones_come_out_in_their_order_and_an_unknown_one_is_said(verifier: Verifier) -> None:
    verifier.enroll_all(some(3))
    chosen = [serial(2), "A-1", serial(0)]
    assert [enrollment.serial for enrollment in verifier.disclose(chosen)] == chosen
    with pytest.raises(UnknownCard, match="X-1"):
        list(verifier.disclose(["A-1", "X-1"]))
    last = list(verifier.audit.entries())[-1]
    assert (last.action, last.outcome, last.reason) == ("cards.disclose", "done", "chosen"), (
        "the log entry comes before the first card"
    )


def test_a_card_is_as_it_was_enrolled(verifier: Verifier, clock: Clock) -> None:
    given = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=7)
    assert given == Card("B-2", SUITE, counter=7, failures=0, locked_until=None, enrolled_at=clock.now, state_since=clock.now)
    assert verifier.card("B-2") == given
    assert [card.serial for card in verifier.cards()] == ["A-1", "B-2"]


SERIALS = ["", "a+", "A" * 33, "A B", "A\n", "Ä", "..", None, 5, b"A"]
HASHED = "OCRA-1:HOTP-SHA256-8"
REFUSED: list[tuple[str, str, list[dict[str, Any]]]] = [
    ("serial", "", [{"serial": serial} for serial in SERIALS]),
    ("suite", "session", [{"suite": f"{HASHED}:C-QN06-S064"}, {"suite": f"{HASHED}:QA10-S010-T1M"}]),
    ("suite", "4 to 10 digits", [{"suite": "OCRA-1:HOTP-SHA256-0:C-QN06"}]),
    ("key", "", [{"key": key} for key in (b"", bytes(15), bytes(65), "0123456789abcdef", None)]),
    ("pin", "", [{"pin": pin} for pin in (None, "", "123", "12345", "12a4", "\uff11" * 4, "1234\n", 1234, b"1234")]),
    ("pin", "", [{"suite": f"{HASHED}:C-QN06"}]),
    ("counter", "", [{"counter": counter} for counter in (-1, 2**64 - 1, 2**64, True, 1.0, "1", None)]),
    ("counter", "", [{"suite": f"{HASHED}:QN06", "pin": None, "counter": 1}]),
]


def test_what_no_card_has_is_refused(verifier: Verifier) -> None:
    for field, reason, all_changes in REFUSED:
        for changes in all_changes:
            given = {"serial": "B-2", "key": KEY, "suite": SUITE, "pin": PIN if field != "suite" else None, **changes}
            with pytest.raises(InputError, match=f"^{field}: .*{reason}") as caught:
                verifier.enroll(**given)
            assert caught.value.field == field, changes
            assert field != "pin" or repr(given["pin"]) not in str(caught.value)
    assert [card.serial for card in verifier.cards()] == ["A-1"]
    with pytest.raises(SuiteError):
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-MD5-8:QN06")


@pytest.mark.parametrize("length", [16, 64])
def test_the_shortest_and_the_longest_key_are_taken(verifier: Verifier, length: int) -> None:
    key = bytes(range(length))
    verifier.enroll("B-2", key=key, suite=SUITE, pin=PIN)
    challenge = verifier.challenge("B-2")
    response = Suite.parse(SUITE).response(key, challenge.question, counter=0, pin=PIN)
    assert verifier.verify(challenge.id, response).accepted


def test_a_removed_card_is_gone_with_its_challenges(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    verifier.remove("A-1")
    assert list(verifier.cards()) == []
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN
    for call in (verifier.card, verifier.challenge, verifier.remove):
        with pytest.raises(UnknownCard, match="A-1"):
            call("A-1")
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN


def test_an_enrolled_card_is_returned_even_if_others_remove_it_at_once(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = GroupCommit.do

    def then_remove(commits: GroupCommit, work: Any) -> Any:
        done = change(commits, work)
        monkeypatch.undo()
        verifier.remove("B-2")
        return done

    monkeypatch.setattr(GroupCommit, "do", then_remove)
    card = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, owners=("ben", "anna", "anna"))
    assert (card.serial, card.owners, card.counter) == ("B-2", ("anna", "ben"), 0)
    with pytest.raises(UnknownCard):
        verifier.card("B-2")
