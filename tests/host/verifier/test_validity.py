"""Cards that await their PIN, and cards with dates: no response counts before the PIN is set, or outside of the dates."""

import pytest
from tests.host import databases
from tests.host.verifier_samples import KEY, PIN, SUITE, Clock, right, wrong

from dsc_host.errors import InputError, StateError
from dsc_host.verifier import Enrollment, Reason, Verifier

pytestmark = pytest.mark.every_database

verifier = databases.verifier


def enrolled(verifier: Verifier, **more: object) -> None:
    assert verifier.enroll_all([Enrollment("W-1", KEY, SUITE, **more)]) == 1  # type: ignore[arg-type]


def answer(verifier: Verifier, counter: int = 0) -> Reason:
    challenge = verifier.challenge("W-1")
    return verifier.verify(challenge.id, right(challenge, counter)).reason


def test_a_card_is_in_use_once_its_pin_is_set(verifier: Verifier) -> None:
    enrolled(verifier, awaits_pin=True)
    for _ in range(12):
        assert answer(verifier) is Reason.AWAITING_PIN
    assert (verifier.card("W-1").awaits_pin, verifier.card("W-1").failures) == (True, 0)
    assert not verifier.set_pin("W-1", PIN).awaits_pin
    assert answer(verifier) is Reason.ACCEPTED
    with pytest.raises(StateError, match="awaits no PIN"):
        verifier.set_pin("W-1", "4321")
    assert next(iter(verifier.disclose(["W-1"]))).pin == PIN
    assert [entry.action for entry in verifier.audit.entries() if entry.action == "card.set-pin"] == ["card.set-pin"]


def test_its_owner_may_set_the_pin_with_a_response(verifier: Verifier) -> None:
    enrolled(verifier, awaits_pin=True)
    challenge = verifier.challenge("W-1")
    assert not verifier.change_pin(challenge.id, wrong(challenge), PIN)
    assert verifier.change_pin(challenge.id, right(challenge), PIN)
    assert answer(verifier, 1) is Reason.ACCEPTED


def test_it_moves_to_another_system_as_it_is(verifier: Verifier) -> None:
    enrolled(verifier, awaits_pin=True, valid_until=2e9)
    assert list(verifier.disclose(["W-1"])) == [Enrollment("W-1", KEY, SUITE, awaits_pin=True, valid_until=2e9)]


def test_neither_a_pin_nor_a_card_without_one_is_awaited_by_default(verifier: Verifier) -> None:
    with pytest.raises(InputError, match="pin"):
        verifier.enroll("W-1", key=KEY, suite=SUITE)
    verifier.enroll("W-2", key=KEY, suite="OCRA-1:HOTP-SHA256-8:C-QN06")
    assert not verifier.card("W-2").awaits_pin
    with pytest.raises(StateError, match="awaits no PIN"):
        verifier.set_pin("W-2", PIN)


def test_a_card_is_valid_between_its_dates(verifier: Verifier, clock: Clock) -> None:
    begin, end = clock.now + 1000, clock.now + 2000
    enrolled(verifier, pin=PIN, valid_from=begin, valid_until=end)
    assert (verifier.card("W-1").valid_from, verifier.card("W-1").valid_until) == (begin, end)
    assert answer(verifier) is Reason.NOT_YET_VALID
    clock.now = begin
    assert answer(verifier) is Reason.ACCEPTED
    clock.now = end - 1
    assert answer(verifier, 1) is Reason.ACCEPTED
    clock.now = end
    assert answer(verifier, 2) is Reason.NO_LONGER_VALID
    assert verifier.card("W-1").failures == 0


@pytest.mark.parametrize(
    ("begin", "end"), [(5.0, 5.0), (6.0, 5.0), (-1.0, None), (None, 1e11), (float("nan"), None), (True, None)]
)
def test_dates_that_cannot_be_are_refused(verifier: Verifier, begin: float | None, end: float | None) -> None:
    told: list[str] = []
    card = Enrollment("W-1", KEY, SUITE, PIN, valid_from=begin, valid_until=end)
    assert verifier.enroll_all([card], refused=lambda _, __, error: told.append(str(error).split(":")[0])) == 0
    assert told == ["validity"]


def test_a_date_that_somebody_removed_in_the_database_is_found(verifier: Verifier) -> None:
    enrolled(verifier, pin=PIN, valid_until=2e9)
    with verifier.context.store.write() as db:
        db.exec_driver_sql("UPDATE cards SET valid_until = NULL WHERE serial = 'W-1'")
    with pytest.raises(Exception, match="does not match its seal"):
        verifier.card("W-1")
