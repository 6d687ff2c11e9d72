"""The verifier's rules for challenges and responses, one by one, on a manual clock, and how it catches up with a card."""

from collections import deque
from typing import Any

import pytest
from tests.host import databases
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, fail, right, wrong

from dsc_host.errors import VerifierError
from dsc_host.ocra import Suite
from dsc_host.verifier import Policy, Reason, Verdict, Verifier

LAST_COUNTER = 2**64 - 2
verifier = databases.verifier


def test_a_question_has_as_many_digits_as_its_suite(verifier: Verifier) -> None:
    for digits in (4, 6, 64):
        verifier.enroll(f"B-{digits}", key=KEY, suite=f"OCRA-1:HOTP-SHA256-8:QN{digits:02}")
        questions = {verifier.challenge(f"B-{digits}").question for _ in range(5)}
        assert len(questions) == 5
        assert all(len(question) == digits and question.isdecimal() for question in questions)


def drawing(*questions: str, clock: Clock) -> Verifier:
    verifier = Verifier.open("sqlite://", master_key=MASTER, clock=clock, draw=lambda _: pile.popleft())
    pile = deque(questions)
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    return verifier


def test_an_open_question_is_not_drawn_again_nor_one_that_the_card_takes_for_it(clock: Clock) -> None:
    with drawing("482913", "482913", "482913", "000001", "000016", "000256", "000002", clock=clock) as verifier:
        assert [verifier.challenge("A-1").question for _ in range(3)] == ["482913", "000001", "000002"]


def test_a_used_or_expired_question_is_not_drawn_again(clock: Clock) -> None:
    with drawing("000001", "000016", "000002", "000256", "000003", clock=clock) as verifier:
        used = verifier.challenge("A-1")
        assert verifier.verify(used.id, right(used)).accepted
        assert verifier.challenge("A-1").question == "000002"
        clock.advance(10**6)
        assert verifier.challenge("A-1").question == "000003"


def test_another_card_may_be_asked_the_same(clock: Clock) -> None:
    with drawing("482913", "482913", clock=clock) as verifier:
        assert verifier.challenge("A-1").question == verifier.challenge("B-2").question


def test_when_no_question_is_left_it_says_so(clock: Clock) -> None:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock, draw=lambda _: "000001") as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        with pytest.raises(VerifierError, match="card A-1: nearly all its questions"):
            verifier.challenge("A-1")
        assert verifier.verify(challenge.id, right(challenge)).accepted


def test_without_a_counter_too_a_response_is_accepted_once(verifier: Verifier) -> None:
    suite = "OCRA-1:HOTP-SHA1-6:QN08"
    verifier.enroll("B-2", key=KEY, suite=suite)
    challenge = verifier.challenge("B-2")
    response = Suite.parse(suite).response(KEY, challenge.question)
    other = f"{(int(response) + 1) % 10**6:06}"
    assert verifier.verify(challenge.id, other).reason is Reason.WRONG
    assert verifier.verify(challenge.id, response).accepted
    assert verifier.verify(challenge.id, response).reason is Reason.USED
    assert verifier.card("B-2").counter == 0


@pytest.mark.parametrize("counter", [2**63 - 1, LAST_COUNTER - 1])
def test_a_counter_past_signed_integers_moves_on(verifier: Verifier, counter: int) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=counter)
    challenge = verifier.challenge("B-2")
    assert verifier.verify(challenge.id, right(challenge, counter)).accepted
    assert verifier.card("B-2").counter == counter + 1


def test_at_the_end_of_the_range_a_card_is_used_up(verifier: Verifier) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=LAST_COUNTER)
    last, after = verifier.challenge("B-2"), verifier.challenge("B-2")
    assert verifier.verify(after.id, right(after, LAST_COUNTER + 1)).reason is Reason.WRONG
    assert verifier.verify(last.id, right(last, LAST_COUNTER)).accepted
    assert verifier.card("B-2").counter == LAST_COUNTER + 1
    for counter in (0, LAST_COUNTER):
        assert verifier.verify(after.id, right(after, counter)).reason is Reason.WRONG


def test_of_two_counters_with_one_response_the_lower_is_taken(verifier: Verifier) -> None:
    # Use four digits, so that two counters in one window soon give the same response.
    suite = Suite.parse("OCRA-1:HOTP-SHA256-4:C-QN06")
    with Verifier.open("sqlite://", master_key=MASTER, policy=Policy(window=1000)) as wide:
        wide.enroll("B-2", key=KEY, suite=suite.text)
        challenge = wide.challenge("B-2")
        responses = [suite.response(KEY, challenge.question, counter=counter) for counter in range(1001)]
        double = next(response for response in responses if responses.count(response) > 1)
        assert wide.verify(challenge.id, double).accepted
        assert wide.card("B-2").counter == responses.index(double) + 1


DIGITS_OF_OTHERS = ["\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18", "\u0661" * 8, "\u00b2" * 8]
NO_RESPONSES = ["", " ", "1234567", "123456789", "abcdefgh", "-1234567", "1234 567", "1234567\n", "\0" * 8, "\ud800" * 8]
NO_TEXTS = [None, 12345678, b"12345678", True, float("nan"), [], {"response": "12345678"}, ValueError("true"), object()]
GARBAGE: list[Any] = [*DIGITS_OF_OTHERS, *NO_RESPONSES, "0" * 10_000, *NO_TEXTS]


def test_what_is_no_response_is_a_failure(verifier: Verifier) -> None:
    for counter, response in enumerate(GARBAGE):
        challenge = verifier.challenge("A-1")
        verdict = verifier.verify(challenge.id, response)
        assert (verdict.accepted, verdict.reason) == (False, Reason.MALFORMED), ascii(response)[:20]
        assert verifier.card("A-1").failures == 1
        assert verifier.verify(challenge.id, right(challenge, counter)).accepted
        assert not verifier.verify(challenge.id, response)
        verifier.unlock("A-1")


def test_a_right_response_with_anything_around_it_is_none(verifier: Verifier) -> None:
    for padding in ("{} ", " {}", "{}\n", "{}\0"):
        challenge = verifier.challenge("A-1")
        assert verifier.verify(challenge.id, padding.format(right(challenge))).reason is Reason.MALFORMED


def test_an_unknown_challenge_is_a_refusal(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    for challenge_id in (*GARBAGE, "x" * 22, "%", "' OR 1=1 --"):
        verdict = verifier.verify(challenge_id, right(challenge))
        assert (verdict.accepted, verdict.reason) == (False, Reason.UNKNOWN), ascii(challenge_id)[:20]
    assert verifier.card("A-1").failures == 0


def test_a_challenges_id_is_taken_exactly(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    while challenge.id.isdecimal():  # One in 31,000 has no letter whose case could be swapped.
        challenge = verifier.challenge("A-1")
    for near in (challenge.id.swapcase(), challenge.id + " ", challenge.id[:-1]):
        assert verifier.verify(near, right(challenge)).reason is Reason.UNKNOWN


def test_nothing_shows_a_secret(verifier: Verifier) -> None:
    shown = repr([verifier, list(verifier.cards()), verifier.challenge("A-1"), MASTER])
    for secret in (KEY.decode(), KEY.hex(), bytes(range(32)).hex()):
        assert secret not in shown
    assert f"{PIN!r}" not in shown


def resync(verifier: Verifier, first: int, second: int, serial: str = "A-1") -> Verdict:
    """Catch up by the responses to two new challenges that were made with these counters."""
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


def test_a_pair_of_which_one_is_no_response_is_a_failure(verifier: Verifier) -> None:
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
