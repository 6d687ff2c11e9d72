"""Decoys: a caller who asks for challenges for a card that does not exist learns nothing from them."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.host.databases import enrolled_verifier
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import TooManyChallenges, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.records.keys import MasterKey, Secret
from dsc_host.schema import card_tables
from dsc_host.verifier import Challenge, Enrollment, Policy, Reason, State, Verifier, card_rules, rows
from dsc_host.verifier import decoys as decoys_module
from dsc_host.verifier.decoys import name_of, serial_of

DAY = 86_400
POLICY = Policy(attempts=2, lock_after=5, lock_for=50, pause=8, challenges=8, challenges_within=30, validity=20)


@pytest.fixture
def verifier(database_kind: str, clock: Clock) -> Iterator[Verifier]:
    with enrolled_verifier(database_kind, POLICY, clock=clock) as verifier:
        yield verifier


def row(verifier: Verifier, serial: str) -> Any:
    with verifier._context.store.read() as db:
        return rows.find_card(db, name_of(serial))


def decoys(verifier: Verifier) -> int:
    with verifier._context.store.read() as db:
        return db.execute(select(func.count()).where(card_tables.cards.c.state == card_tables.DECOY)).scalar_one()


def test_its_challenge_looks_like_any_other(verifier: Verifier, clock: Clock) -> None:
    real, decoy = (verifier.challenge(serial, conceal=True) for serial in ("A-1", "NO-CARD"))
    for challenge in (real, decoy):
        assert len(challenge.id) == 22
        assert len(challenge.question) == 6
        assert challenge.expires_at == clock.now + POLICY.validity
    assert decoy.serial == "NO-CARD"


def test_without_conceal_and_for_what_is_no_serial_it_is_said(verifier: Verifier) -> None:
    with pytest.raises(UnknownCard, match="NO-CARD"):
        verifier.challenge("NO-CARD")
    verifier.challenge("NO-CARD", conceal=True)
    with pytest.raises(UnknownCard, match="NO-CARD"):
        verifier.challenge("NO-CARD")
    for serial in ("", ".", "a+1", "A" * 33, "A\0", "Ä", "A-1' OR 1=1", None, 5):
        with pytest.raises(UnknownCard):
            verifier.challenge(serial, conceal=True)  # type: ignore[arg-type]
    assert decoys(verifier) == 1


def test_not_even_the_response_that_its_own_key_gives_is_accepted(verifier: Verifier) -> None:
    challenge = verifier.challenge("NO-CARD", conceal=True)
    decoy = row(verifier, "NO-CARD")
    key = verifier.context.opened(decoy, decoy.sealed_key, Secret.KEY)
    pin = verifier.context.opened(decoy, decoy.sealed_pin, Secret.PIN).decode()
    response = Suite.parse(SUITE).response(key, challenge.question, counter=0, pin=pin)
    assert verifier.verify(challenge.id, response).reason is Reason.UNKNOWN
    assert row(verifier, "NO-CARD").failures == 1


def test_nothing_shows_it(verifier: Verifier) -> None:
    verifier.challenge("NO-CARD", conceal=True)
    assert [card.serial for card in verifier.cards()] == ["A-1"]
    assert [enrollment.serial for enrollment in verifier.disclose()] == ["A-1"]
    for call in (
        lambda: verifier.card("NO-CARD"),
        lambda: verifier.suspend("NO-CARD"),
        lambda: verifier.unlock("NO-CARD"),
        lambda: verifier.remove("NO-CARD"),
        lambda: verifier.add_owner("NO-CARD", "eve"),
        lambda: verifier.unlock_code("NO-CARD", "123456"),
        lambda: list(verifier.disclose(["NO-CARD"])),
    ):
        with pytest.raises(UnknownCard):
            call()
    logged = [entry for entry in verifier.audit.entries(serial="NO-CARD") if entry.action == "challenge"]
    assert [(entry.outcome, entry.reason) for entry in logged] == [("done", "decoy")], "the log tells the truth"


@pytest.mark.every_database
def test_its_serial_may_be_enrolled_at_any_time(verifier: Verifier) -> None:
    before = verifier.challenge("B-2", conceal=True)
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.verify(before.id, right(before)).reason is Reason.UNKNOWN
    card = verifier.card("B-2")
    assert (card.state, card.failures) == (State.ENROLLED, 0)
    challenge = verifier.challenge("B-2", conceal=True)
    assert verifier.verify(challenge.id, right(challenge)).accepted


@pytest.mark.every_database
def test_they_go_a_year_after_they_were_asked_for_the_last_time(verifier: Verifier, clock: Clock) -> None:
    for number in range(40):
        verifier.challenge(f"NO-{number}", conceal=True)
    assert decoys(verifier) == 40
    clock.advance(200 * DAY)
    verifier.challenge("NO-0", conceal=True)
    clock.advance(200 * DAY)
    for number in range(4):
        verifier.challenge(f"OTHER-{number}", conceal=True)
    assert decoys(verifier) == 1 + 4, "each new decoy removes ten old ones"


def test_no_name_of_a_decoy_is_a_serial() -> None:
    serials = ["A-1", "0", "-", "9" * 32, "z" * 32, "IB3000123", "-----", "a/b_c.d"]
    for serial in serials:
        assert card_rules.is_serial(serial)
        assert not card_rules.is_serial(name_of(serial))
        assert (serial_of(name_of(serial)), serial_of(serial)) == (serial, serial)
        assert name_of(serial) > max(serials)


OTHER_SUITE = "OCRA-1:HOTP-SHA512-10:C-QN08"


@pytest.fixture
def alone(clock: Clock) -> Iterator[Verifier]:
    """A verifier without cards, on SQLite, for tests that do not depend on the database."""
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        yield verifier


def lengths(verifier: Verifier, serials: list[str]) -> list[int]:
    return [len(verifier.challenge(serial, conceal=True).question) for serial in serials]


def test_its_questions_are_as_long_as_those_of_the_cards_around_it(alone: Verifier) -> None:
    """Three in four cards have one suite, and a fourth of them has the other."""
    alone.enroll_all(
        Enrollment(f"C-{number:04}", KEY, OTHER_SUITE if number % 4 == 0 else SUITE, None if number % 4 == 0 else PIN)
        for number in range(200)
    )
    found = lengths(alone, [f"C-{number:04}X" for number in range(200)])
    assert set(found) == {6, 8}
    assert 25 <= found.count(8) <= 75, found.count(8)


def test_its_suite_stays_however_often_it_is_drawn(alone: Verifier) -> None:
    alone.enroll_all(
        Enrollment(f"C-{number}", KEY, OTHER_SUITE if number % 2 else SUITE, None if number % 2 else PIN)
        for number in range(30)
    )
    names = [f"D-{number}" for number in range(100)]
    first = lengths(alone, names)
    with alone._context.store.write() as db:
        db.execute(card_tables.cards.delete().where(card_tables.cards.c.state == card_tables.DECOY))
    alone.enroll("E-1", key=KEY, suite=SUITE, pin=PIN)
    again = lengths(alone, names)
    # The new card is the nearest to 3 names on average, half of which change. A new draw would change 50.
    assert sum(one != other for one, other in zip(first, again, strict=True)) <= 20


def test_it_is_not_asked_the_same_again_however_long_it_was_left_alone(clock: Clock) -> None:
    """A card is not, within 1,000. So a decoy's memory must outlast the time over which challenges are counted."""
    questions = iter(["111111", "222222"] + ["111111"] * 3 + ["333333"])
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, draw=lambda _: next(questions)) as verifier:
        asked = []
        for _ in range(3):
            asked.append(verifier.challenge("NO-CARD", conceal=True).question)
            clock.advance(30 * DAY)
            # Other callers make the verifier forget old decoys.
            with verifier.context.writing() as tx:
                decoys_module.locked_decoy(tx, f"NO-{len(asked)}", clock.now)
    assert asked == ["111111", "222222", "333333"]


def test_the_same_statements_are_executed_and_rows_read_for_a_card_and_for_none(
    alone: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds for the first time and later, for asking and answering, and for every suite."""
    alone.enroll_all(
        [Enrollment("A-1", KEY, SUITE, PIN), Enrollment("B-2", KEY, SUITE, PIN), Enrollment("Z-9", KEY, SUITE, PIN)]
    )
    alone.challenge("B-2", conceal=True)  # The very first one makes the secret.
    done: list[str] = []
    connection: Any = alone._context.store._backend.engine.raw_connection()
    connection.driver_connection.set_trace_callback(lambda sql: done.append(" ".join(sql.split()[:3])))
    connection.close()
    shorten = Suite._shorten
    monkeypatch.setattr(Suite, "_shorten", lambda suite, mac: done.append("MAC") or shorten(suite, mac))  # type: ignore[func-returns-value]
    made = rows._card
    monkeypatch.setattr(rows, "_card", lambda row: done.append(f"{row and 'a'} row") or made(row))  # type: ignore[func-returns-value]
    told = {}
    for serial in ("A-1", "M-5"):
        told[serial] = []
        for _ in range(3):
            challenge = alone.challenge(serial, conceal=True)
            alone.verify(challenge.id, "00000000")
            told[serial].append(tuple(done))
            done.clear()
    assert told["A-1"] == told["M-5"]
    assert len(told["A-1"][1]) > 42 + 10, "the work is recorded"


def seen(verifier: Verifier, serial: str, story: list[str], clock: Clock) -> list[object]:
    """Return everything that a caller sees of a story of challenges and wrong responses."""
    shown: list[object] = []
    challenges: list[Challenge] = []
    chance = random.Random(len(story))
    for step in story:
        if step == "wait":
            clock.advance(chance.choice([1, 7, 8, 19, 21, 31, 50]))
        elif step == "challenge":
            try:
                challenges.append(verifier.challenge(serial, conceal=True))
                shown.append(challenges[-1].expires_at)
            except TooManyChallenges as error:
                shown.append(error.retry_after)
        elif challenges:
            challenge = challenges[-1 - chance.randrange(len(challenges))]
            response = wrong(challenge) if step == "wrong" else "malformed"
            verdict = verifier.verify(challenge.id, response)
            shown.append((verdict.accepted, verdict.duress, verdict.retry_after))
    return shown


def check_story(story: list[str]) -> None:
    shown = []
    for serial in ("A-1", "NO-CARD"):
        clock = Clock()
        with Verifier.open("sqlite://", master_key=MASTER, policy=POLICY, clock=clock) as verifier:
            verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
            shown.append(seen(verifier, serial, story, clock))
    assert shown[0] == shown[1]


STORIES = st.lists(st.sampled_from(["challenge", "wrong", "wrong", "malformed", "wait"]), max_size=40)


@pytest.mark.parametrize("examples", [8, pytest.param(100, marks=pytest.mark.long)])
def test_a_story_of_wrong_responses_shows_the_same_of_a_card_and_of_none(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(given(STORIES)(check_story))()


def test_a_new_decoy_seals_as_much_whether_its_suite_has_a_pin_or_none(
    alone: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card's decoy may have another suite than the card, and the caller sees the card's question."""
    alone.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    alone.enroll("Z-9", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN08")
    alone.challenge("A-1", conceal=True)  # The very first one makes the secret.
    sealed: list[Secret] = []
    seal = MasterKey.seal

    def counted(key: MasterKey, plain: bytes, serial: str, kind: Secret, bound: str = "") -> bytes:
        sealed.append(kind)
        return seal(key, plain, serial, kind, bound)

    monkeypatch.setattr(MasterKey, "seal", counted)
    suites, work = set(), set()
    for number in range(20):
        sealed.clear()
        alone.challenge(f"M-{number}", conceal=True)
        suites.add(row(alone, f"M-{number}").suite)
        work.add(tuple(sealed))
    assert len(suites) == 2, "both kinds of suite occur"
    assert len(work) == 1
