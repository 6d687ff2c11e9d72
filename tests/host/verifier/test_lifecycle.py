"""A card's life: what each call does in each state, what is refused, and how a right response is judged afterwards."""

import math
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.host import databases
from tests.host.databases import Database
from tests.host.verifier_samples import KEY, MASTER, NO_PAUSE, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.errors import InputError, StateError, StoreError, UnknownCard
from dsc_host.schema.card_tables import cards
from dsc_host.verifier import Card, Reason, State, Verdict, Verifier

UNLOCK_KEY = bytes(range(100, 132))
LOCALLY = "OCRA-1:HOTP-SHA256-8:C-QN06"
"""The suite of a card that checks its PIN itself."""
verifier = databases.verifier
database = databases.database

E, A, S, L, R = State.ENROLLED, State.ACTIVE, State.SUSPENDED, State.LOST, State.RETIRED


def bring(verifier: Verifier, serial: str, state: State) -> Card:
    """Bring a newly enrolled card into a state."""
    if state is State.ACTIVE:
        verifier.suspend(serial)
        verifier.resume(serial, "came back")
    elif state is not State.ENROLLED:
        {S: verifier.suspend, L: verifier.lost, R: verifier.retire}[state](serial, "before")
    card = verifier.card(serial)
    assert card.state is state
    return card


def log_length(verifier: Verifier) -> int:
    return verifier.audit.check().entries


CALLS: dict[str, tuple[tuple[Any, ...], dict[State, State]]] = {
    "suspend": (("why",), {E: S, A: S}),
    "lost": (("why",), {E: L, A: L, S: L}),
    "resume": (("why",), {S: A, L: A}),
    "retire": (("why",), {E: R, A: R, S: R, L: R}),
    "lock": (("why",), {E: E, A: A, S: S, L: L}),
    "unlock": (("why",), {E: E, A: A, S: S, L: L}),
    "add_owner": (("Eve",), {E: E, A: A, S: S, L: L}),
    "remove_owner": (("Bob",), {E: E, A: A, S: S, L: L, R: R}),
    "set_duress_pin": ((None,), {E: E, A: A, S: S, L: L}),
    "unlock_code": (("123456",), {E: E, A: A, S: S, L: L}),
    "challenge": ((), {E: E, A: A, S: S, L: L, R: R}),
}
"""The arguments of each call after the serial, the states that it may start from, and the one it leads to. Others refuse it."""


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_done_where_it_can_be_and_refused_elsewhere(verifier: Verifier, clock: Clock, name: str) -> None:
    for state in State:
        check_call(verifier, clock, name, state)


def check_call(verifier: Verifier, clock: Clock, name: str, state: State) -> None:
    more, leads_to = CALLS[name]
    serial = state.upper()
    verifier.enroll(serial, key=KEY, suite=LOCALLY, unlock_key=UNLOCK_KEY, owners=("Bob",))
    before = bring(verifier, serial, state)
    others, length = verifier.card("A-1"), log_length(verifier)
    clock.advance(10)
    if state in leads_to:
        getattr(verifier, name)(serial, *more)
        after = verifier.card(serial)
        moved = after.state is not state
        assert after.state is leads_to[state]
        assert after.state_since == (clock.now if moved else before.state_since)
        assert after.state_reason == ("why" if moved else before.state_reason)
        assert log_length(verifier) == length + 1
    else:
        with pytest.raises(StateError, match=f"^card {serial}: "):
            getattr(verifier, name)(serial, *more)
        assert verifier.card(serial) == before
        assert log_length(verifier) == length
    assert verifier.card("A-1") == others


def test_of_a_card_that_there_is_not_nothing_can_be_done(verifier: Verifier) -> None:
    before = list(verifier.cards())
    for name, (more, _) in CALLS.items():
        for serial in ("X-9", "", "a-1", "a+1", "A-1\0", "\ud800", "A" * 10**6, None, b"A-1"):
            with pytest.raises(UnknownCard, match=r"^card"):
                getattr(verifier, name)(serial, *more)
    assert list(verifier.cards()) == before


REASONS = {E: Reason.ACCEPTED, A: Reason.ACCEPTED, S: Reason.SUSPENDED, L: Reason.LOST, R: Reason.RETIRED}


@pytest.mark.parametrize("state", State)
def test_a_right_response_gets_what_the_state_says(verifier: Verifier, clock: Clock, state: State) -> None:
    early = verifier.challenge("A-1")
    before = bring(verifier, "A-1", state)
    clock.advance(10)
    for challenge in (early, verifier.challenge("A-1")):
        counter = verifier.card("A-1").counter
        assert verifier.verify(challenge.id, right(challenge, counter)) == Verdict(REASONS[state])
    after = verifier.card("A-1")
    if REASONS[state] is Reason.ACCEPTED:
        assert (after.state, after.counter) == (State.ACTIVE, 2)
        assert after.state_since == (clock.now if state is E else before.state_since)
    else:
        assert after == before


@pytest.mark.parametrize("state", [S, L, R])
def test_of_a_card_not_in_use_nothing_is_counted(verifier: Verifier, clock: Clock, state: State) -> None:
    fail(verifier, "A-1", 2)
    challenge, other = verifier.challenge("A-1"), verifier.challenge("A-1")
    before = bring(verifier, "A-1", state)
    for respond in (wrong, lambda _: "", lambda _: "x", right, lambda each: right(each, 5)):
        another = verifier.challenge("A-1")
        assert verifier.verify(another.id, respond(another)).reason is REASONS[state]
    pair = (challenge.id, right(challenge), other.id, right(other, 1))
    assert verifier.resync(*pair).reason is REASONS[state]
    assert verifier.change_pin(challenge.id, right(challenge), PIN).reason is REASONS[state]
    assert verifier.card("A-1") == before
    assert (before.failures, before.locked_until) == (2, None)
    if state is not R:
        verifier.resume("A-1")
        assert verifier.verify(challenge.id, right(challenge)).accepted


@pytest.mark.parametrize("state", [S, L])
def test_a_lock_outlasts_a_suspension(verifier: Verifier, clock: Clock, state: State) -> None:
    fail(verifier, "A-1", 10)
    bring(verifier, "A-1", state)
    assert verifier.resume("A-1").locked_until == clock.now + 86_400
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)) == Verdict(Reason.LOCKED, retry_after=86_400)


def test_what_became_of_a_challenge_comes_before_the_state(verifier: Verifier, clock: Clock) -> None:
    used = verifier.challenge("A-1")
    assert verifier.verify(used.id, right(used)).accepted
    verifier.lost("A-1")
    late = verifier.challenge("A-1")
    clock.advance(300)
    assert verifier.verify(used.id, right(used)).reason is Reason.USED
    assert verifier.verify(late.id, right(late, 1)).reason is Reason.EXPIRED


def test_the_reason_of_a_suspension_stays_until_somebody_gives_another(verifier: Verifier) -> None:
    verifier.suspend("A-1", "on holiday")
    assert verifier.lost("A-1").state_reason == ""
    assert verifier.resume("A-1", "found").state_reason == "found"


GOOD_REASONS = ["", "x" * 200, "\U0001f600" * 200, "'; DROP TABLE cards; --", '"\\%s{}$1?', " "]
BAD_REASONS: list[Any] = [
    *("x" * 201, "\U0001f600" * 201, "\0", "a\nb", "a\r", "\t", "\x1b[2J", "\x7f", "\u0085", "\u2028", "\u202e"),
    *("\ud800", "\ud83d\ude00", "x" * 10**6, None, 5, b"why", ["why"]),
]


def test_a_reason_is_kept_as_it_is(verifier: Verifier) -> None:
    for reason in GOOD_REASONS:
        for name in ("suspend", "lost", "resume"):
            assert getattr(verifier, name)("A-1", reason).state_reason == reason
            assert verifier.card("A-1").state_reason == reason
        verifier.lock("A-1", reason)
        verifier.unlock("A-1", reason)
        assert [entry.reason for entry in verifier.audit.entries()][-5:] == [reason] * 5
    assert verifier.retire("A-1", GOOD_REASONS[-2]).state_reason == GOOD_REASONS[-2]
    assert verifier.audit.check().sound


def test_what_is_no_reason_is_refused_and_nothing_changes(verifier: Verifier) -> None:
    verifier.suspend("A-1", "before")
    before, length = verifier.card("A-1"), log_length(verifier)
    for name in ("suspend", "lost", "resume", "retire", "lock", "unlock"):
        for reason in BAD_REASONS:
            with pytest.raises(InputError, match=r"^reason: must be text in one line, at most 200 characters$"):
                getattr(verifier, name)("A-1", reason)
    assert verifier.card("A-1") == before
    assert log_length(verifier) == length


def test_retiring_erases_every_secret(database: Database) -> None:
    sealed = [cards.c.key_id, cards.c.sealed_key, cards.c.sealed_pin, cards.c.sealed_unlock_key, cards.c.sealed_duress_pin]
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, duress_pin="4711")
        verifier.enroll("N-1", key=KEY, suite=LOCALLY, unlock_key=UNLOCK_KEY)
        verifier.enroll("O-1", key=KEY, suite=SUITE, pin=PIN)
        with database.raw() as db:
            before = [bytes(value) for row in db.execute(select(*sealed[1:])) for value in row if value is not None]
            other = db.execute(select(*sealed).where(cards.c.serial == "O-1")).one()
        assert len(before) == 3 + 2 + 2
        verifier.retire("A-1")
        verifier.lost("N-1")
        verifier.retire("N-1")
        with database.raw() as db:
            for serial in ("A-1", "N-1"):
                assert tuple(db.execute(select(*sealed).where(cards.c.serial == serial)).one()) == ("", b"", None, None, None)
            assert db.execute(select(*sealed).where(cards.c.serial == "O-1")).one() == other
        assert not verifier.card("N-1").has_unlock_key
        assert [one.serial for one in verifier.disclose()] == ["O-1"]


def test_a_retired_cards_serial_may_be_enrolled_again_and_all_is_fresh(clock: Clock) -> None:
    draws = iter(["111111", "222222", "111111", "333333"])
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, draw=lambda _: next(draws), policy=NO_PAUSE) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN, owners=("Bob",), duress_pin="4711", counter=40)
        old = verifier.challenge("A-1")
        assert verifier.verify(old.id, right(old, 42)).accepted
        open_still = verifier.challenge("A-1")
        verifier.lock("A-1", "a call")
        verifier.retire("A-1", "worn out")
        clock.advance(100)
        card = verifier.enroll("A-1", key=bytes(32), suite=SUITE, pin="9999")
        assert card == Card("A-1", SUITE, 0, 0, None, clock.now, state_since=clock.now)
        assert verifier.verify(open_still.id, right(open_still, 43)).reason is Reason.UNKNOWN
        again = verifier.challenge("A-1")
        assert again.question == "111111"
        assert verifier.verify(again.id, right(again)).reason is Reason.WRONG
        assert [entry.action for entry in verifier.audit.entries(serial="A-1")].count("card.enroll") == 2


def test_a_retired_cards_unlock_codes_and_owners_are_forgotten(verifier: Verifier) -> None:
    verifier.enroll("N-1", key=KEY, suite=LOCALLY, unlock_key=UNLOCK_KEY, owners=("Bob",))
    verifier.unlock_code("N-1", "123456")
    verifier.retire("N-1")
    (kept,) = verifier.disclose()
    assert kept.serial == "A-1"
    verifier.enroll("N-1", key=KEY, suite=LOCALLY, unlock_key=UNLOCK_KEY)
    card = verifier.card("N-1")
    assert (card.owners, card.unlock_codes, card.unlock_code_at, card.has_unlock_key) == ((), 0, None, True)


def test_a_secret_that_was_put_back_into_a_retired_card_opens_nothing(database: Database) -> None:
    with Verifier.open(database.url, master_key=MASTER) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        with database.raw() as db:
            kept = db.execute(select(cards.c.key_id, cards.c.sealed_key, cards.c.sealed_pin)).one()._asdict()
        verifier.retire("A-1")
        with database.raw() as db:
            db.execute(update(cards).values(kept))
        with pytest.raises(StoreError, match="does not match its seal"):
            verifier.challenge("A-1")


@pytest.mark.parametrize("seconds", [None, 0.5, 10**9])
def test_a_lock_by_hand_is_a_lock(verifier: Verifier, clock: Clock, seconds: float | None) -> None:
    lasts = 86_400 if seconds is None else seconds
    challenge = verifier.challenge("A-1")
    card = verifier.lock("A-1", "a call", seconds)
    assert (card.failures, card.locked_until) == (10, clock.now + lasts)
    assert verifier.verify(challenge.id, right(challenge)) == Verdict(Reason.LOCKED, retry_after=lasts)
    assert verifier.card("A-1") == card
    clock.advance(lasts)
    after = verifier.challenge("A-1")
    assert verifier.card("A-1").failures == 0
    assert verifier.verify(after.id, right(after)).accepted


BAD_SECONDS: list[Any] = [math.nan, math.inf, -math.inf, 0, -0.0, -1, -1e-9, 10**400, -(10**400), True, False, "60", b"60", 1j]


def test_what_is_no_time_is_refused(verifier: Verifier) -> None:
    before, length = verifier.card("A-1"), log_length(verifier)
    for seconds in BAD_SECONDS:
        with pytest.raises(InputError, match=r"^seconds: "):
            verifier.lock("A-1", "", seconds)
    assert (verifier.card("A-1"), log_length(verifier)) == (before, length)


@pytest.mark.parametrize("seconds", [1e15, 1e300, 1.7976931348623157e308])
def test_a_lock_of_any_length_is_kept_and_can_be_ended_or_is_refused(verifier: Verifier, seconds: float) -> None:
    try:
        locked = verifier.lock("A-1", "", seconds)
    except InputError:
        assert verifier.card("A-1").locked_until is None
        return
    assert verifier.card("A-1") == locked
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.LOCKED
    verifier.unlock("A-1")
    assert verifier.verify(challenge.id, right(challenge)).accepted
