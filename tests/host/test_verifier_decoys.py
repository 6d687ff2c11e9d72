"""Decoys: who asks for challenges in the name of a card that there is not learns nothing by it."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.host.databases import ENROLLED
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import TooManyChallenges, UnknownCard
from dsc_host.ocra import Suite
from dsc_host.verifier import Challenge, Policy, Reason, State, Verifier, records, schema
from dsc_host.verifier.keys import Secret

pytestmark = pytest.mark.every_database

POLICY = Policy(attempts=2, lock_after=5, lock_for=50, pause=8, challenges=8, challenges_within=30, validity=20)


@pytest.fixture
def verifier(database_kind: str, clock: Clock) -> Iterator[Verifier]:
    with (
        ENROLLED.copy(database_kind) as (database, _),
        Verifier.open(database.url, master_key=MASTER, policy=POLICY, clock=clock) as verifier,
    ):
        yield verifier


def row(verifier: Verifier, serial: str) -> Any:
    with verifier._office.store.read() as db:
        return records.find_card(db, serial)


def decoys(verifier: Verifier) -> int:
    with verifier._office.store.read() as db:
        return db.execute(select(func.count()).where(schema.cards.c.state == schema.DECOY)).scalar_one()


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
    for serial in ("", "a-1", "A" * 17, "A\0", "Ä", "A-1' OR 1=1", None, 5):
        with pytest.raises(UnknownCard):
            verifier.challenge(serial, conceal=True)  # type: ignore[arg-type]
    assert decoys(verifier) == 1


def test_not_even_the_response_that_its_own_key_gives_is_accepted(verifier: Verifier) -> None:
    challenge = verifier.challenge("NO-CARD", conceal=True)
    decoy = row(verifier, "NO-CARD")
    key = MASTER.unseal(decoy.sealed_key, "NO-CARD", Secret.KEY)
    pin = MASTER.unseal(decoy.sealed_pin, "NO-CARD", Secret.PIN).decode()
    response = Suite.parse(SUITE).response(key, challenge.question, counter=0, pin=pin)
    assert verifier.verify(challenge.id, response).reason is Reason.UNKNOWN
    assert row(verifier, "NO-CARD").failures == 1


def test_nothing_shows_it(verifier: Verifier) -> None:
    verifier.challenge("NO-CARD", conceal=True)
    assert [card.serial for card in verifier.cards()] == ["A-1"]
    assert [enrolment.serial for enrolment in verifier.disclose()] == ["A-1"]
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


def test_its_serial_may_be_enrolled_at_any_time(verifier: Verifier) -> None:
    before = verifier.challenge("B-2", conceal=True)
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.verify(before.id, right(before)).reason is Reason.UNKNOWN
    card = verifier.card("B-2")
    assert (card.state, card.failures) == (State.ENROLLED, 0)
    challenge = verifier.challenge("B-2", conceal=True)
    assert verifier.verify(challenge.id, right(challenge)).accepted


def test_they_go_when_nothing_of_them_can_be_seen_any_more(verifier: Verifier, clock: Clock) -> None:
    for number in range(40):
        verifier.challenge(f"NO-{number}", conceal=True)
    assert decoys(verifier) == 40
    verifier.challenge("NO-0", conceal=True)
    clock.advance(31)
    for number in range(4):
        verifier.challenge(f"OTHER-{number}", conceal=True)
    assert decoys(verifier) == 4, "each new one takes ten old ones with it"


def seen(verifier: Verifier, serial: str, story: list[str], clock: Clock) -> list[object]:
    """All that shows from outside of a story of challenges and wrong responses."""
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


@settings(max_examples=40, deadline=None)
@given(story=st.lists(st.sampled_from(["challenge", "wrong", "wrong", "malformed", "wait"]), max_size=40))
def test_a_story_of_wrong_responses_shows_the_same_of_a_card_and_of_none(story: list[str]) -> None:
    shown = []
    for serial in ("A-1", "NO-CARD"):
        clock = Clock()
        with Verifier.open("sqlite://", master_key=MASTER, policy=POLICY, clock=clock) as verifier:
            verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
            shown.append(seen(verifier, serial, story, clock))
    assert shown[0] == shown[1]
