"""Catching up with a card that is far ahead: by two responses in a row, and by nothing less."""

from tests.host import databases
from tests.host.verifying import KEY, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.ocra import Suite
from dsc_host.verifier import Reason, Verdict, Verifier

LAST_COUNTER = 2**64 - 2
verifier = databases.verifier


def resync(verifier: Verifier, first: int, second: int, serial: str = "A-1") -> Verdict:
    """By the responses that two new challenges get with these counters."""
    one, two = verifier.challenge(serial), verifier.challenge(serial)
    return verifier.resync(one.id, right(one, first), two.id, right(two, second))


def test_two_responses_in_a_row_and_nothing_else_move_the_counter_and_never_back(verifier: Verifier) -> None:
    for failures, (first, second) in enumerate([(1001, 1002), (500, 502), (500, 500), (501, 500), (500, 5), (5, 6000)], 1):
        assert resync(verifier, first, second).reason is Reason.WRONG
        assert (verifier.card("A-1").counter, verifier.card("A-1").failures) == (0, failures)
    for counter in (0, 21 + 2, 1000 + 25):
        assert resync(verifier, counter, counter + 1) == Verdict(Reason.ACCEPTED)
        assert (verifier.card("A-1").counter, verifier.card("A-1").failures) == (counter + 2, 0)
    for counter in (1024, 1025, 1026):
        assert resync(verifier, counter, counter + 1).reason is Reason.WRONG
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge, 1027)).accepted


def test_at_the_end_of_the_range_the_last_two_are_taken(verifier: Verifier) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=LAST_COUNTER - 50)
    assert resync(verifier, LAST_COUNTER, LAST_COUNTER + 1, "B-2").reason is Reason.WRONG
    assert resync(verifier, LAST_COUNTER - 1, LAST_COUNTER, "B-2").accepted
    assert verifier.card("B-2").counter == LAST_COUNTER + 1
    assert resync(verifier, LAST_COUNTER, LAST_COUNTER + 1, "B-2").reason is Reason.WRONG


def test_both_challenges_are_used_up(verifier: Verifier) -> None:
    one, two = verifier.challenge("A-1"), verifier.challenge("A-1")
    answers = (one.id, right(one, 300), two.id, right(two, 301))
    assert verifier.resync(*answers).accepted
    assert verifier.resync(*answers).reason is Reason.USED
    assert verifier.verify(one.id, right(one, 302)).reason is Reason.USED
    assert verifier.verify(two.id, right(two, 302)).reason is Reason.USED


def test_a_wrong_pair_is_one_failure_of_the_card_and_one_of_each_challenge(verifier: Verifier) -> None:
    one, two = verifier.challenge("A-1"), verifier.challenge("A-1")
    for failures in (1, 2, 3):
        assert verifier.resync(one.id, right(one, 300), two.id, wrong(two)).reason is Reason.WRONG
        assert verifier.card("A-1").failures == failures
    for challenge in (one, two):
        assert verifier.verify(challenge.id, right(challenge)).reason is Reason.EXHAUSTED
    assert verifier.resync(one.id, right(one, 300), two.id, right(two, 301)).reason is Reason.EXHAUSTED


def test_what_is_no_response_is_a_failure(verifier: Verifier) -> None:
    for response in ("", "1234567", None, 12345678, "\uff11" * 8):
        one, two = verifier.challenge("A-1"), verifier.challenge("A-1")
        for answers in ((one.id, response, two.id, right(two, 1)), (one.id, right(one), two.id, response)):
            assert verifier.resync(*answers).reason is Reason.MALFORMED  # type: ignore[arg-type]
        assert verifier.card("A-1").failures == 2
        verifier.unlock("A-1")


def test_two_challenges_of_one_card_it_must_be(verifier: Verifier) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    ours, theirs = verifier.challenge("A-1"), verifier.challenge("B-2")
    answer, other = (ours.id, right(ours, 5)), (theirs.id, right(theirs, 6))
    for answers in ((*answer, *answer), (*answer, *other), (*answer, "0" * 22, right(ours, 6)), (*answer, None, None)):
        assert verifier.resync(*answers).reason is Reason.UNKNOWN  # type: ignore[arg-type]
    assert [card.failures for card in verifier.cards()] == [0, 0]


def test_an_expired_challenge_or_a_locked_card_charges_nobody(verifier: Verifier, clock: Clock) -> None:
    one = verifier.challenge("A-1")
    clock.advance(200)
    two = verifier.challenge("A-1")
    clock.advance(100)
    assert verifier.resync(one.id, right(one, 300), two.id, right(two, 301)).reason is Reason.EXPIRED
    assert verifier.resync(two.id, right(two, 300), one.id, right(one, 301)).reason is Reason.EXPIRED
    assert verifier.card("A-1").failures == 0
    fail(verifier, "A-1", 10)
    assert resync(verifier, 300, 301).reason is Reason.LOCKED
    assert verifier.card("A-1").counter == 0


def test_without_a_counter_both_must_be_right(verifier: Verifier) -> None:
    suite = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
    verifier.enroll("B-2", key=KEY, suite=suite.text)
    one, two = verifier.challenge("B-2"), verifier.challenge("B-2")
    first, second = (suite.response(KEY, challenge.question) for challenge in (one, two))
    assert verifier.resync(one.id, second, two.id, first).reason is Reason.WRONG
    assert verifier.resync(one.id, first, two.id, second).accepted
    assert verifier.card("B-2").counter == 0
