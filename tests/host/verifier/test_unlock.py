"""Unlock codes: how they are computed, which cards get them and how often, and that the unlock key is never revealed."""

from pathlib import Path

import pytest
from tests.host import databases, verifier_samples
from tests.host.records.database_file import sqlite, url
from tests.host.verifier_samples import MASTER, Clock, fail

from dsc_host.errors import InputError, NoUnlockKey, StoreError, TooManyUnlockCodes, UnknownCard, VerifierError
from dsc_host.ocra import Suite
from dsc_host.verifier import Policy, Verifier

KEY = b"the card's key for its responses"
UNLOCK_KEY = b"the one that unlocks it, leaking"
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
UNLOCK_SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
DAY = 86_400
verifier = databases.verifier


@pytest.fixture
def desk(verifier: Verifier) -> Verifier:
    """A verifier with `A-1`, whose PIN the verifier checks, and two cards that lock: `L-1`, and `N-1` without an unlock key."""
    verifier.enroll("L-1", key=KEY, suite=SUITE, unlock_key=UNLOCK_KEY)
    verifier.enroll("N-1", key=KEY, suite=SUITE)
    return verifier


@pytest.fixture
def locking(path: Path) -> Path:
    """A database with two cards that lock."""
    with Verifier.open(url(path), master_key=MASTER) as verifier:
        verifier.enroll("L-1", key=KEY, suite=SUITE, unlock_key=UNLOCK_KEY)
        verifier.enroll("L-2", key=KEY, suite=SUITE, unlock_key=bytes(32))
    return path


def test_a_code_is_the_cards_response_under_its_unlock_key(desk: Verifier) -> None:
    for challenge in ("482913", "000000", "000001", "999999"):
        assert desk.unlock_code("L-1", challenge) == UNLOCK_SUITE.response(UNLOCK_KEY, challenge)
    # HMAC-SHA-256 over the suite, NUL and 75E61 padded to 128 bytes, by Python's hmac alone, truncated as RFC 4226 does.
    assert desk.unlock_code("L-1", "482913") == "23431457"


def test_a_card_that_the_verifier_has_locked_is_given_codes_all_the_same(desk: Verifier) -> None:
    desk.lock("L-1")
    assert desk.unlock_code("L-1", "482913")


NO_CHALLENGES = ["", "48291", "4829130", "48291a", " 482913", "482913\n", "-48291", "\uff14\uff18\uff12\uff19\uff11\uff13"]


def test_a_challenge_is_exactly_six_digits(desk: Verifier) -> None:
    for challenge in (*NO_CHALLENGES, None, 482913, b"482913"):
        with pytest.raises(InputError, match=r"^challenge: "):
            desk.unlock_code("L-1", challenge)  # type: ignore[arg-type]
    assert desk.card("L-1").unlock_codes == 0


@pytest.mark.parametrize("serial", ["A-1", "N-1"])
def test_a_card_without_an_unlock_key_has_no_code(desk: Verifier, serial: str) -> None:
    with pytest.raises(NoUnlockKey, match=f"card {serial}: was enrolled without an unlock key") as caught:
        desk.unlock_code(serial, "482913")
    assert isinstance(caught.value, VerifierError)
    card = desk.card(serial)
    assert (card.has_unlock_key, card.unlock_codes, card.unlock_code_at) == (False, 0, None)


def test_an_unlock_key_is_32_bytes_of_its_own(desk: Verifier) -> None:
    for unlock_key in (b"", bytes(31), bytes(33), "0" * 32, bytearray(32), KEY):
        with pytest.raises(InputError, match=r"^unlock key: ") as caught:
            desk.enroll("B-2", key=KEY, suite=SUITE, unlock_key=unlock_key)  # type: ignore[arg-type]
        assert KEY.decode() not in str(caught.value)
    with pytest.raises(UnknownCard):
        desk.card("B-2")


def test_only_a_card_that_checks_its_pin_has_an_unlock_key_and_nothing_shows_it(desk: Verifier) -> None:
    with pytest.raises(InputError, match=r"^unlock key: .*only for a card that checks its PIN itself") as caught:
        desk.enroll("B-2", key=KEY, suite=verifier_samples.SUITE, pin="1234", unlock_key=UNLOCK_KEY)
    shown = repr([desk, desk.card("L-1"), list(desk.cards()), caught.value])
    assert UNLOCK_KEY.decode() not in shown
    assert UNLOCK_KEY.hex() not in shown


def test_it_does_not_change_what_the_card_answers(desk: Verifier) -> None:
    challenge = desk.challenge("L-1")
    assert desk.verify(challenge.id, Suite.parse(SUITE).response(KEY, challenge.question, counter=0)).accepted


def test_every_code_is_recorded(desk: Verifier, clock: Clock) -> None:
    assert desk.card("L-1").has_unlock_key
    for count in (1, 2):
        clock.advance(1000)
        desk.unlock_code("L-1", "482913")
        card = desk.card("L-1")
        assert (card.unlock_codes, card.unlock_code_at) == (count, clock.now)
        assert card in desk.cards()


def ask(desk: Verifier, times: int, serial: str = "L-1") -> None:
    for number in range(times):
        desk.unlock_code(serial, f"{number:06}")


def test_what_is_refused_for_other_reasons_does_not_count(desk: Verifier) -> None:
    for _ in range(20):
        with pytest.raises(InputError):
            desk.unlock_code("L-1", "48291")
    fail(desk, "A-1", 3)
    ask(desk, 10)


def test_a_clock_that_is_set_back_makes_no_room(desk: Verifier, clock: Clock) -> None:
    ask(desk, 5)
    clock.advance(-10 * DAY)
    ask(desk, 5)
    assert desk.card("L-1").unlock_code_at == clock.now, "the time of the last code, even if the clock went back"
    with pytest.raises(TooManyUnlockCodes) as caught:
        ask(desk, 1)
    assert caught.value.again_at == clock.now + DAY
    clock.advance(DAY)
    ask(desk, 5)
    with pytest.raises(TooManyUnlockCodes):
        ask(desk, 1)


def test_a_policy_with_a_lower_limit_counts_what_was_given(locking: Path, clock: Clock) -> None:
    with Verifier.open(url(locking), master_key=MASTER, clock=clock) as desk:
        for _ in range(5):
            ask(desk, 1)
            clock.advance(100)
    with Verifier.open(url(locking), master_key=MASTER, policy=Policy(unlock_codes=2), clock=clock) as desk:
        with pytest.raises(TooManyUnlockCodes, match="has had 2 unlock codes") as caught:
            ask(desk, 1)
        clock.now = caught.value.again_at
        ask(desk, 1)
        with pytest.raises(TooManyUnlockCodes):
            ask(desk, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "sealed_unlock_key = (SELECT sealed_unlock_key FROM cards WHERE serial = 'L-2')",
        "sealed_unlock_key = x''",
        "sealed_key = (SELECT sealed_key FROM cards WHERE serial = 'L-2')",
        "sealed_key = sealed_unlock_key, sealed_unlock_key = sealed_key",
        "key_id = '0000000000000000'",
    ],
)
def test_an_unlock_key_that_was_exchanged_or_changed_is_not_used(locking: Path, statement: str) -> None:
    with Verifier.open(url(locking), master_key=MASTER) as verifier:
        with sqlite(locking) as db:
            assert db.execute(f"UPDATE cards SET {statement} WHERE serial = 'L-1'").rowcount == 1
        with pytest.raises(StoreError, match=r"card L-1: its row .* does not match its seal"):
            verifier.unlock_code("L-1", "482913")
        assert verifier.unlock_code("L-2", "482913") == UNLOCK_SUITE.response(bytes(32), "482913")
