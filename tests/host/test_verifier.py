"""What the verifier asks and accepts, rule by rule, on both databases and a clock that stands still until it is moved."""

from collections import deque
from typing import Any

import pytest
from tests.host import databases
from tests.host.verifying import KEY, MASTER, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import StoreError, VerifierError
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


def test_a_challenge_says_what_it_is(verifier: Verifier, clock: Clock) -> None:
    first, second = verifier.challenge("A-1"), verifier.challenge("A-1")
    assert first.serial == "A-1"
    assert first.expires_at == clock.now + 300
    assert len(first.id) == 22
    assert first.id != second.id


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


def test_the_right_response_is_accepted_once_and_a_used_challenge_charges_nobody(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)) == Verdict(Reason.ACCEPTED)
    for response in (right(challenge), right(challenge, 1), *["00000000"] * 20):
        assert verifier.verify(challenge.id, response).reason is Reason.USED
    card = verifier.card("A-1")
    assert (card.counter, card.failures) == (1, 0)


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


def test_a_response_under_another_pin_or_key_is_wrong(verifier: Verifier) -> None:
    challenge, suite = verifier.challenge("A-1"), Suite.parse(SUITE)
    for key, pin in [(KEY, "1235"), (bytes(32), PIN)]:
        response = suite.response(key, challenge.question, counter=0, pin=pin)
        assert verifier.verify(challenge.id, response).reason is Reason.WRONG


def test_a_challenge_is_valid_up_to_its_last_moment_and_then_charges_nobody(verifier: Verifier, clock: Clock) -> None:
    early, late = verifier.challenge("A-1"), verifier.challenge("A-1")
    clock.advance(299.75)
    assert verifier.verify(early.id, right(early)).accepted
    clock.advance(0.25)
    assert clock.now == late.expires_at
    for response in (right(late, 1), wrong(late)):
        assert verifier.verify(late.id, response).reason is Reason.EXPIRED
    assert verifier.card("A-1").failures == 0


@pytest.mark.parametrize(("counter", "accepted"), [(99, False), (100, True), (120, True), (121, False)])
def test_a_counter_is_found_in_its_window_only(verifier: Verifier, counter: int, accepted: bool) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=100)
    challenge = verifier.challenge("B-2")
    assert verifier.verify(challenge.id, right(challenge, counter)).accepted is accepted
    assert verifier.card("B-2").counter == (counter + 1 if accepted else 100)


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
    # Four digits, so that two counters of one window soon give the same response.
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


def test_a_verdict_is_true_only_if_accepted() -> None:
    assert [reason for reason in Reason if Verdict(reason)] == [Reason.ACCEPTED]
    assert [reason for reason in Reason if Verdict(reason).accepted] == [Reason.ACCEPTED]


def test_nothing_shows_a_secret(verifier: Verifier) -> None:
    shown = repr([verifier, verifier.cards(), verifier.challenge("A-1"), MASTER])
    for secret in (KEY.decode(), KEY.hex(), bytes(range(32)).hex()):
        assert secret not in shown
    assert f"{PIN!r}" not in shown


def test_a_closed_verifier_says_so(verifier: Verifier) -> None:
    verifier.close()
    verifier.close()
    with pytest.raises(StoreError, match="closed"):
        verifier.cards()
