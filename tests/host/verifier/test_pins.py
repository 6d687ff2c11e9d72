"""The duress PIN, which lets its owner in and reports duress, and the change of a PIN by anybody who has the card."""

from dataclasses import replace
from typing import Any

import pytest
from tests.host import databases
from tests.host.verifier_samples import KEY, PIN, SUITE, Clock, fail, right

from dsc_host.errors import InputError
from dsc_host.ocra import Suite
from dsc_host.verifier import Card, Challenge, Reason, Verdict, Verifier
from dsc_host.verifier.transaction import CardContext

DURESS_PIN, NEW_PIN = "8642", "7391"
LOCALLY = "OCRA-1:HOTP-SHA256-8:C-QN06"
"""The suite of a card that checks its PIN itself."""
NO_PINS: list[Any] = [
    *("", "123", "12345", "12 4", "1234\n", "\uff11234", "\u0661234", "abcd", "-123", "\0" * 4, "\ud800" * 4, "1" * 10**6),
    *(1234, b"1234", ["1", "2", "3", "4"], True),
]
verifier = databases.verifier
FORCED = Verdict(Reason.ACCEPTED, duress=True)


def made_with(pin: str, challenge: Challenge, counter: int = 0) -> str:
    return Suite.parse(SUITE).response(KEY, challenge.question, counter=counter, pin=pin)


def answer(verifier: Verifier, pin: str, counter: int) -> Verdict:
    challenge = verifier.challenge("A-1")
    return verifier.verify(challenge.id, made_with(pin, challenge, counter))


def change(verifier: Verifier, new_pin: str, typed: str | None = None, counter: int = 0) -> Verdict:
    """Change the PIN with a response that was made with the new PIN, or with `typed`."""
    challenge = verifier.challenge("A-1")
    return verifier.change_pin(challenge.id, made_with(typed or new_pin, challenge, counter), new_pin)


def pins(verifier: Verifier) -> tuple[str | None, str | None]:
    (known,) = verifier.disclose(["A-1"])
    return known.pin, known.duress_pin


def last(verifier: Verifier) -> tuple[str, str, str, str]:
    """Return the last log entry that `pins` did not cause."""
    entry = [entry for entry in verifier.audit.entries() if entry.action != "cards.disclose"][-1]
    return entry.action, entry.serial or "", entry.outcome, entry.reason


@pytest.fixture
def forced(verifier: Verifier) -> Verifier:
    """A verifier whose card has a duress PIN."""
    assert verifier.set_duress_pin("A-1", DURESS_PIN).has_duress_pin
    return verifier


STORIES = {
    "a forced response is accepted and told, and ends the failures": (
        "fail 9, DURESS 0 duress, log verify accepted duress, failures 0, PIN 1 accepted, log verify accepted"
    ),
    "both PINs share one counter": (
        "DURESS 3 duress, PIN 3 wrong, DURESS 3 wrong, PIN 4 accepted, DURESS 4 wrong, DURESS 25 duress, DURESS 47 wrong, "
        "counter 26"
    ),
    "a duress PIN is replaced and removed": (
        "set OTHER, DURESS 0 wrong, OTHER 0 duress, set none, log card.duress-pin done removed, OTHER 1 wrong, PIN 1 accepted, "
        "set none, set OTHER, OTHER 2 duress"
    ),
    "a right response with the new PIN makes it the PIN": (
        "change NEW 2 accepted, log card.change-pin accepted, counter 3, PIN 3 wrong, NEW 2 wrong, NEW 3 accepted, "
        "DURESS 4 duress, change PIN 5 accepted, NEW 6 wrong, PIN 6 accepted"
    ),
    "the PIN wins as long as the duress PIN is equal to it": (
        "set PIN, PIN 0 accepted, change NEW 1 accepted, PIN 2 duress, NEW 3 accepted"
    ),
}
PINS = {"PIN": PIN, "DURESS": DURESS_PIN, "NEW": NEW_PIN, "OTHER": "4711", "none": None}
VERDICTS = {"accepted": Verdict(Reason.ACCEPTED), "duress": FORCED, "wrong": Verdict(Reason.WRONG)}


@pytest.mark.parametrize("name", STORIES)
def test_what_follows_from_pins_and_their_changes(forced: Verifier, name: str) -> None:
    for step in STORIES[name].split(", "):
        match step.split():
            case ["fail", times]:
                fail(forced, "A-1", int(times))
            case ["set", pin]:
                assert forced.set_duress_pin("A-1", PINS[pin]).has_duress_pin is (pin != "none")
            case ["change", pin, counter, expected]:
                assert change(forced, PINS[pin] or "", counter=int(counter)) == VERDICTS[expected]
                assert pins(forced)[0] == PINS[pin]
            case ["log", *words]:
                assert " ".join(last(forced)).split() == [words[0], "A-1", *words[1:]]
            case ["failures" | "counter" as what, number]:
                assert getattr(forced.card("A-1"), what) == int(number)
            case [pin, counter, expected]:
                assert answer(forced, PINS[pin] or "", int(counter)) == VERDICTS[expected]
            case _:
                raise ValueError(step)


def test_no_alarm_is_told_of_what_is_not_accepted(forced: Verifier) -> None:
    challenge = forced.challenge("A-1")
    for stop, reason in ((forced.lock, Reason.LOCKED), (forced.suspend, Reason.SUSPENDED), (forced.lost, Reason.LOST)):
        stop("A-1")
        verdict = forced.verify(challenge.id, made_with(DURESS_PIN, challenge))
        assert (verdict.reason, verdict.duress, bool(verdict)) == (reason, False, False)
    assert last(forced) == ("verify", "A-1", "refused", "lost")


def test_a_pair_made_under_duress_catches_up_and_is_told(forced: Verifier) -> None:
    def pair(pins: tuple[str, str], counter: int) -> Verdict:
        one, two = forced.challenge("A-1"), forced.challenge("A-1")
        return forced.resync(one.id, made_with(pins[0], one, counter), two.id, made_with(pins[1], two, counter + 1))

    assert pair((DURESS_PIN, PIN), 500) == pair((PIN, DURESS_PIN), 500) == Verdict(Reason.WRONG)
    assert pair((DURESS_PIN, DURESS_PIN), 500) == FORCED
    assert last(forced) == ("resync", "A-1", "accepted", "duress")
    assert forced.card("A-1").counter == 502
    assert pair((PIN, PIN), 600) == Verdict(Reason.ACCEPTED)


def test_what_is_no_duress_pin_is_refused_and_the_old_one_stays(forced: Verifier) -> None:
    entries = forced.audit.check().entries
    for pin in NO_PINS:
        with pytest.raises(InputError, match=r"^duress pin: must be 4 digits, 0 to 9$"):
            forced.set_duress_pin("A-1", pin)
        with pytest.raises(InputError, match=r"^duress pin: must be "):
            forced.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, duress_pin=pin)
    assert (pins(forced), forced.audit.check().entries - entries) == ((PIN, DURESS_PIN), 1)
    assert answer(forced, DURESS_PIN, 0) == FORCED


def test_a_card_that_checks_its_pin_itself_has_no_duress_pin(verifier: Verifier) -> None:
    with pytest.raises(InputError, match=r"^duress pin: is only for a suite with a PIN"):
        verifier.enroll("N-1", key=KEY, suite=LOCALLY, duress_pin=DURESS_PIN)
    before = verifier.enroll("N-1", key=KEY, suite=LOCALLY)
    with pytest.raises(InputError, match=r"^duress pin: is only for a suite with a PIN"):
        verifier.set_duress_pin("N-1", DURESS_PIN)
    assert verifier.card("N-1") == before


def test_anything_else_is_a_failure_and_changes_nothing(forced: Verifier) -> None:
    for count, typed in enumerate((PIN, DURESS_PIN, "0000"), 1):
        assert change(forced, NEW_PIN, typed) == Verdict(Reason.WRONG)
        assert forced.card("A-1").failures == count
    challenge = forced.challenge("A-1")
    assert forced.change_pin(challenge.id, made_with(NEW_PIN, challenge, 21), NEW_PIN).reason is Reason.WRONG
    for response in ("", "1234567", "x" * 8, None, 5, "\ud800" * 8):
        other = forced.challenge("A-1")
        assert forced.change_pin(other.id, response, NEW_PIN).reason in (Reason.MALFORMED, Reason.LOCKED)  # type: ignore[arg-type]
    card = forced.card("A-1")
    assert (card.failures, card.counter, pins(forced)) == (10, 0, (PIN, DURESS_PIN))
    assert card.locked_until is not None
    assert last(forced) == ("card.change-pin", "A-1", "refused", "malformed")


def test_the_pin_of_a_card_not_in_use_stays_and_no_duress_pin_is_told(forced: Verifier, clock: Clock) -> None:
    verifier = forced
    for stop, reason in ((verifier.lock, Reason.LOCKED), (verifier.suspend, Reason.SUSPENDED), (verifier.lost, Reason.LOST)):
        stop("A-1")
        before = verifier.card("A-1")
        challenge = verifier.challenge("A-1")
        for pin in (NEW_PIN, DURESS_PIN):
            assert verifier.change_pin(challenge.id, made_with(pin, challenge), pin).reason is reason
            assert (verifier.card("A-1"), pins(verifier)) == (before, (PIN, DURESS_PIN))
            assert last(verifier) == ("card.change-pin", "A-1", "refused", str(reason))
    verifier.resume("A-1")
    verifier.unlock("A-1")
    challenge = verifier.challenge("A-1")
    clock.advance(300)
    assert verifier.change_pin(challenge.id, made_with(NEW_PIN, challenge), NEW_PIN).reason is Reason.EXPIRED
    challenge = verifier.challenge("A-1")
    verifier.retire("A-1")
    assert verifier.change_pin(challenge.id, made_with(NEW_PIN, challenge), NEW_PIN).reason is Reason.RETIRED
    assert not list(verifier.disclose())


def test_what_is_no_pin_is_refused_and_nothing_is_counted(verifier: Verifier) -> None:
    challenge = verifier.challenge("A-1")
    before, entries = verifier.card("A-1"), verifier.audit.check().entries
    for pin in [*NO_PINS, None]:
        with pytest.raises(InputError, match=r"^pin: must be 4 digits, 0 to 9$"):
            verifier.change_pin(challenge.id, right(challenge), pin)
        with pytest.raises(InputError):
            verifier.change_pin("0" * 22, right(challenge), pin)
    assert (verifier.card("A-1"), verifier.audit.check().entries) == (before, entries)
    assert verifier.verify(challenge.id, right(challenge)).accepted


@pytest.mark.parametrize("pin", [PIN, "9753"])
def test_setting_a_duress_pin_does_not_tell_whether_it_is_the_pin(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch, pin: str
) -> None:
    """The answer and the log entry are the same, and nothing is opened or compared that could take longer."""
    opened: list[object] = []
    monkeypatch.setattr(CardContext, "opened", lambda *_: opened.append(1))
    card = verifier.set_duress_pin("A-1", pin)
    assert card == replace(verifier.card("A-1"), has_duress_pin=True)
    (entry,) = [entry for entry in verifier.audit.entries(serial="A-1") if entry.action == "card.duress-pin"]
    assert (entry.outcome, entry.reason, entry.detail) == ("done", "set", "{}")
    assert opened == []


def test_an_enrollment_does_not_tell_either(verifier: Verifier) -> None:
    """One system discloses it, and another system enrolls it."""
    card = verifier.enroll("B-2", key=KEY, suite=SUITE, pin=PIN, duress_pin=PIN)
    assert card.has_duress_pin
    (known,) = verifier.disclose(["B-2"])
    verifier.remove("B-2")
    assert verifier.enroll_all([known]) == 1


def test_change_pin_is_no_oracle_for_the_duress_pin(forced: Verifier) -> None:
    """A new PIN that equals the duress PIN is revealed neither by a wrong nor by a right response."""

    def attempt(pin: str, typed: str) -> tuple[Verdict, Card, tuple[str, str, str, str]]:
        verdict = change(forced, pin, typed)
        seen = verdict, forced.card("A-1"), last(forced)
        forced.unlock("A-1")
        return seen

    usual = attempt(NEW_PIN, "0000")
    assert usual[0] == Verdict(Reason.WRONG)
    assert attempt(DURESS_PIN, "0000") == usual
    assert attempt(DURESS_PIN, PIN) == usual
    assert pins(forced) == (PIN, DURESS_PIN)
    for counter, pin in enumerate((NEW_PIN, DURESS_PIN)):
        assert change(forced, pin, counter=counter) == Verdict(Reason.ACCEPTED)
        assert last(forced) == ("card.change-pin", "A-1", "accepted", "")
        assert pins(forced) == (pin, DURESS_PIN)
    assert answer(forced, DURESS_PIN, 2) == Verdict(Reason.ACCEPTED), "the PIN wins"


def test_change_pin_of_a_card_without_pin_is_refused_and_not_counted(verifier: Verifier) -> None:
    before = verifier.enroll("N-1", key=KEY, suite=LOCALLY)
    challenge = verifier.challenge("N-1")
    for response in ("12345678", "x", "", None):
        with pytest.raises(InputError, match=r"^pin: is not part of this card's suite"):
            verifier.change_pin(challenge.id, response, NEW_PIN)  # type: ignore[arg-type]
    assert verifier.card("N-1") == before
    right_one = Suite.parse(LOCALLY).response(KEY, challenge.question, counter=0)
    assert verifier.verify(challenge.id, right_one).accepted
