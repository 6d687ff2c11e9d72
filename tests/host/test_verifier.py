"""The verifier's rules, one by one, on a database in memory and a clock that stands still until it is moved."""

from collections import deque
from collections.abc import Iterator

import pytest

from dsc_host.errors import AlreadyEnrolled, InputError, StoreError, SuiteError, UnknownCard, VerifierError
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Challenge, MasterKey, Policy, Reason, Verdict, Verifier

MASTER = MasterKey(bytes(range(32)))
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
KEY = b"0123456789abcdef0123456789abcdef"
PIN = "1234"
LAST_COUNTER = 2**64 - 2


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.25

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def verifier(clock: Clock) -> Iterator[Verifier]:
    with Verifier.open("sqlite://", master_key=MASTER, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        yield verifier


def right(challenge: Challenge, counter: int = 0) -> str:
    """What the card answers; every test's card has the same key and PIN."""
    return Suite.parse(SUITE).response(KEY, challenge.question, counter=counter, pin=PIN)


def wrong(challenge: Challenge) -> str:
    """A response that no counter near 0 gives."""
    taken = {right(challenge, counter) for counter in range(50)}
    return next(text for text in ("00000000", "00000001") if text not in taken)


def fail(verifier: Verifier, serial: str, times: int) -> None:
    for _ in range(times):
        challenge = verifier.challenge(serial)
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.WRONG


# ---- enrolling ----


def test_a_card_is_as_it_was_enrolled(verifier: Verifier, clock: Clock) -> None:
    given = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=7)
    assert given == Card("B-2", SUITE, counter=7, failures=0, locked_until=None, enrolled_at=clock.now)
    assert verifier.card("B-2") == given
    assert [card.serial for card in verifier.cards()] == ["A-1", "B-2"]


def test_a_serial_is_enrolled_once(verifier: Verifier) -> None:
    with pytest.raises(AlreadyEnrolled, match="A-1"):
        verifier.enroll("A-1", key=bytes(16), suite=SUITE, pin="9999", counter=5)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).accepted


@pytest.mark.parametrize("serial", ["", "a", "A" * 17, "A B", "A\n", "Ä", "A_1", None, 5, b"A"])
def test_a_serial_is_of_the_lines_letters(verifier: Verifier, serial: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN)  # type: ignore[arg-type]
    assert caught.value.field == "serial"
    with pytest.raises(UnknownCard):
        verifier.card(serial)  # type: ignore[arg-type]
    with pytest.raises(UnknownCard):
        verifier.challenge(serial)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("suite", "reason"),
    [
        ("OCRA-1:HOTP-SHA256-8:C-QA06", "decimal digits"),
        ("OCRA-1:HOTP-SHA256-8:C-QH06", "decimal digits"),
        ("OCRA-1:HOTP-SHA256-8:C-QN06-S064", "session"),
        ("OCRA-1:HOTP-SHA256-8:QN06-T1M", "clock"),
        ("OCRA-1:HOTP-SHA256-0:C-QN06", "4 to 10 digits"),
    ],
)
def test_a_suite_whose_inputs_cannot_be_supplied_is_refused(verifier: Verifier, suite: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        verifier.enroll("B-2", key=KEY, suite=suite)
    assert caught.value.field == "suite"


def test_a_malformed_suite_is_refused(verifier: Verifier) -> None:
    with pytest.raises(SuiteError):
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-MD5-8:QN06")


@pytest.mark.parametrize("key", [b"", bytes(15), bytes(65), "0123456789abcdef", None])
def test_a_key_is_16_to_64_bytes(verifier: Verifier, key: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=key, suite=SUITE, pin=PIN)  # type: ignore[arg-type]
    assert caught.value.field == "key"


@pytest.mark.parametrize("length", [16, 64])
def test_the_shortest_and_the_longest_key_are_taken(verifier: Verifier, length: int) -> None:
    verifier.enroll("B-2", key=bytes(length), suite=SUITE, pin=PIN)


@pytest.mark.parametrize("pin", [None, "", "123", "12345", "12a4", "\uff11\uff12\uff13\uff14", "1234\n", 1234, b"1234"])
def test_a_suite_with_a_pin_wants_four_digits(verifier: Verifier, pin: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=pin)  # type: ignore[arg-type]
    assert caught.value.field == "pin"
    assert repr(pin) not in str(caught.value)


def test_a_suite_without_a_pin_wants_none(verifier: Verifier) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06", pin=PIN)
    assert caught.value.field == "pin"


@pytest.mark.parametrize("counter", [-1, 2**64 - 1, 2**64, True, 1.0, "1", None])
def test_a_counter_is_in_its_range(verifier: Verifier, counter: object) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=counter)  # type: ignore[arg-type]
    assert caught.value.field == "counter"


def test_a_suite_without_a_counter_wants_none(verifier: Verifier) -> None:
    with pytest.raises(InputError) as caught:
        verifier.enroll("B-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:QN06", counter=1)
    assert caught.value.field == "counter"


def test_a_removed_card_is_gone_with_its_challenges(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    verifier.remove("A-1")
    assert verifier.cards() == []
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN
    for call in (verifier.card, verifier.challenge, verifier.remove):
        with pytest.raises(UnknownCard, match="A-1"):
            call("A-1")
    verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.UNKNOWN


# ---- challenges ----


@pytest.mark.parametrize("digits", [4, 6, 64])
def test_a_question_has_as_many_digits_as_its_suite(verifier: Verifier, digits: int) -> None:
    verifier.enroll("B-2", key=KEY, suite=f"OCRA-1:HOTP-SHA256-8:QN{digits:02}")
    questions = {verifier.challenge("B-2").question for _ in range(20)}
    assert len(questions) == 20
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


def test_an_open_question_is_not_drawn_again(clock: Clock) -> None:
    with drawing("482913", "482913", "482913", "111111", clock=clock) as verifier:
        assert [verifier.challenge("A-1").question for _ in range(2)] == ["482913", "111111"]


def test_questions_that_the_card_takes_for_one_are_one(clock: Clock) -> None:
    with drawing("000001", "000016", "000256", "000002", clock=clock) as verifier:
        assert [verifier.challenge("A-1").question for _ in range(2)] == ["000001", "000002"]


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


# ---- single use ----


def test_the_right_response_is_accepted_once(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)) == Verdict(Reason.ACCEPTED)
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.USED
    assert verifier.verify(challenge.id, right(challenge, 1)).reason is Reason.USED
    assert verifier.card("A-1").counter == 1


def test_a_used_challenge_charges_nobody(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    verifier.verify(challenge.id, right(challenge))
    for _ in range(20):
        assert verifier.verify(challenge.id, "00000000").reason is Reason.USED
    assert verifier.card("A-1").failures == 0


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


def test_two_open_challenges_are_answered_in_either_order(verifier: Verifier) -> None:
    first, second = verifier.challenge("A-1"), verifier.challenge("A-1")
    assert verifier.verify(second.id, right(second, 0)).accepted
    assert verifier.verify(first.id, right(first, 1)).accepted


def test_a_response_is_only_for_its_own_challenge(verifier: Verifier) -> None:
    first, second = verifier.challenge("A-1"), verifier.challenge("A-1")
    assert verifier.verify(second.id, right(first)).reason is Reason.WRONG


def test_a_response_under_another_pin_or_key_is_wrong(verifier: Verifier) -> None:
    challenge, suite = verifier.challenge("A-1"), Suite.parse(SUITE)
    for key, pin in [(KEY, "1235"), (bytes(32), PIN)]:
        response = suite.response(key, challenge.question, counter=0, pin=pin)
        assert verifier.verify(challenge.id, response).reason is Reason.WRONG


# ---- time ----


def test_a_challenge_is_valid_up_to_its_last_moment(verifier: Verifier, clock: Clock) -> None:
    early, late = verifier.challenge("A-1"), verifier.challenge("A-1")
    clock.advance(299.75)
    assert verifier.verify(early.id, right(early)).accepted
    clock.advance(0.25)
    assert clock.now == late.expires_at
    assert verifier.verify(late.id, right(late, 1)).reason is Reason.EXPIRED


def test_an_expired_challenge_charges_nobody(verifier: Verifier, clock: Clock) -> None:
    challenge = verifier.challenge("A-1")
    clock.advance(300)
    assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.EXPIRED
    assert verifier.card("A-1").failures == 0


# ---- attempts and locks ----


def test_three_wrong_responses_use_up_a_challenge(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    for _ in range(3):
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.WRONG
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.EXHAUSTED
    assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.EXHAUSTED
    assert verifier.card("A-1").failures == 3


def test_the_last_attempt_counts(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    for _ in range(2):
        verifier.verify(challenge.id, wrong(challenge))
    assert verifier.verify(challenge.id, right(challenge)).accepted


def test_a_right_response_ends_the_row_of_failures(verifier: Verifier) -> None:
    fail(verifier, "A-1", 9)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).accepted
    assert verifier.card("A-1").failures == 0
    fail(verifier, "A-1", 9)
    assert verifier.card("A-1").locked_until is None


def test_the_tenth_failure_in_a_row_locks(verifier: Verifier, clock: Clock) -> None:
    challenge = verifier.challenge("A-1")
    fail(verifier, "A-1", 10)
    card = verifier.card("A-1")
    assert (card.failures, card.locked_until) == (10, clock.now + 86_400)
    assert verifier.cards() == [card]
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.LOCKED


def test_a_locked_card_is_not_charged_and_its_lock_does_not_grow(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    before = verifier.card("A-1")
    clock.advance(100)
    challenge = verifier.challenge("A-1")
    for _ in range(5):
        assert verifier.verify(challenge.id, wrong(challenge)).reason is Reason.LOCKED
    assert verifier.card("A-1") == before


def test_a_lock_ends_by_itself_and_the_count_starts_anew(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    clock.advance(86_399.75)
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, right(challenge)).reason is Reason.LOCKED
    clock.advance(0.25)
    card = verifier.card("A-1")
    assert (card.failures, card.locked_until) == (0, None)
    assert verifier.cards() == [card]
    fail(verifier, "A-1", 9)
    # The lock did not use the challenge up.
    assert verifier.verify(challenge.id, right(challenge)).accepted


def test_after_a_lock_ten_more_failures_lock_again(verifier: Verifier, clock: Clock) -> None:
    fail(verifier, "A-1", 10)
    clock.advance(86_400)
    fail(verifier, "A-1", 9)
    assert verifier.card("A-1").locked_until is None
    fail(verifier, "A-1", 1)
    assert verifier.card("A-1").locked_until == clock.now + 86_400


def test_failures_charge_only_the_card_that_owns_the_challenge(verifier: Verifier) -> None:
    other = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN)
    theirs = verifier.challenge("B-2")
    fail(verifier, "A-1", 10)
    assert verifier.card("B-2") == other
    assert verifier.verify(theirs.id, right(theirs)).accepted
    assert verifier.card("A-1").failures == 10


def test_the_policy_decides(clock: Clock) -> None:
    policy = Policy(validity=10, attempts=1, lock_after=2, lock_for=5, window=0)
    with Verifier.open("sqlite://", master_key=MASTER, policy=policy, clock=clock) as verifier:
        verifier.enroll("A-1", key=KEY, suite=SUITE, pin=PIN)
        challenge = verifier.challenge("A-1")
        assert challenge.expires_at == clock.now + 10
        assert verifier.verify(challenge.id, right(challenge, 1)).reason is Reason.WRONG
        assert verifier.verify(challenge.id, right(challenge)).reason is Reason.EXHAUSTED
        fail(verifier, "A-1", 1)
        assert verifier.card("A-1").locked_until == clock.now + 5


@pytest.mark.parametrize(
    "given",
    [
        {"validity": 0},
        {"validity": float("nan")},
        {"validity": float("inf")},
        {"validity": "300"},
        {"attempts": 0},
        {"attempts": True},
        {"lock_after": 0},
        {"lock_after": 2.0},
        {"lock_for": -1},
        {"window": -1},
        {"window": 1001},
    ],
)
def test_a_policy_out_of_range_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        Policy(**given)  # type: ignore[arg-type]
    assert [caught.value.field] == list(given)


# ---- the counter ----


@pytest.mark.parametrize(("counter", "accepted"), [(99, False), (100, True), (120, True), (121, False)])
def test_a_counter_is_found_in_its_window_only(verifier: Verifier, counter: int, accepted: bool) -> None:
    verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, counter=100)
    challenge = verifier.challenge("B-2")
    assert verifier.verify(challenge.id, right(challenge, counter)).accepted is accepted
    assert verifier.card("B-2").counter == (counter + 1 if accepted else 100)


def test_a_counter_never_goes_back(verifier: Verifier) -> None:
    first, second, third = (verifier.challenge("A-1") for _ in range(3))
    assert verifier.verify(first.id, right(first, 5)).accepted
    for counter in (4, 5):
        assert verifier.verify(second.id, right(second, counter)).reason is Reason.WRONG
    assert verifier.card("A-1").counter == 6
    assert verifier.verify(third.id, right(third, 6)).accepted


@pytest.mark.parametrize("counter", [2**63 - 1, 2**63, LAST_COUNTER - 1])
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


# ---- whatever may be given ----

GARBAGE = [
    "",
    " ",
    "1234567",
    "123456789",
    "abcdefgh",
    "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18",
    "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2\u00b2",
    "-1234567",
    "1234 567",
    "1234567\n",
    "\0" * 8,
    "\ud800" * 8,
    "0" * 1_000_000,
    None,
    12345678,
    b"12345678",
    True,
    float("nan"),
    [],
    {"response": "12345678"},
    ValueError("an exception, which is true"),
    object(),
]


@pytest.mark.parametrize("response", GARBAGE, ids=lambda value: ascii(value)[:20])
def test_what_is_no_response_is_a_failure(verifier: Verifier, response: object) -> None:
    challenge = verifier.challenge("A-1")
    verdict = verifier.verify(challenge.id, response)  # type: ignore[arg-type]
    assert verdict.accepted is False
    assert verdict.reason is Reason.MALFORMED
    assert verifier.card("A-1").failures == 1
    assert verifier.verify(challenge.id, right(challenge)).accepted
    assert not verifier.verify(challenge.id, response)  # type: ignore[arg-type]


@pytest.mark.parametrize("padding", ["{} ", " {}", "{}\n", "{}\0"])
def test_a_right_response_with_anything_around_it_is_none(verifier: Verifier, padding: str) -> None:
    challenge = verifier.challenge("A-1")
    assert verifier.verify(challenge.id, padding.format(right(challenge))).reason is Reason.MALFORMED


@pytest.mark.parametrize("challenge_id", [*GARBAGE, "x" * 22, "%", "' OR 1=1 --"], ids=lambda value: ascii(value)[:20])
def test_an_unknown_challenge_is_a_refusal(verifier: Verifier, challenge_id: object) -> None:
    challenge = verifier.challenge("A-1")
    verdict = verifier.verify(challenge_id, right(challenge))  # type: ignore[arg-type]
    assert verdict.reason is Reason.UNKNOWN
    assert verdict.accepted is False
    assert verifier.card("A-1").failures == 0


def test_a_challenges_id_is_taken_exactly(verifier: Verifier) -> None:
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
