"""Codes by SMS and by call serve for a short time, if the policy sets one: then they open the account, for another device."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, ordered
from tests.host.login.town import DAY, PASSWORD, PHONE, Town, new_town
from tests.host.verifier_samples import Clock

from dsc_host.login import Kind, NotAllowed, NotFound, Scope, rows

DAYS, LATER = 30, "+41790000002"


@pytest.fixture
def town(clock: Clock) -> Iterator[Town]:
    """A town in which SMS serves for thirty days."""
    with new_town(clock, sms={"days": DAYS}) as town:
        yield town


def ended(town: Town) -> None:
    """Let the days of SMS pass, with the maintenance on each day."""
    for _ in range(DAYS):
        town.clock.advance(DAY)
        town.system.operator.run_due()


def reminders(town: Town, name: str) -> int:
    return town.told(name).count("sms_ends")


def test_the_owner_is_reminded_twice_and_then_logs_in_to_the_account_only(town: Town) -> None:
    told = []
    for _ in range(DAYS - 1):
        town.clock.advance(DAY)
        town.system.operator.run_due()
        told.append(reminders(town, "carl"))
    assert told == [0] * 22 + [1] * 6 + [2]
    token = town.enter_by_sms("carl")
    assert town.system.visitor(token).scope is Scope.FULL
    town.clock.advance(DAY)
    assert town.system.visitor(town.enter_by_sms("carl")).scope is Scope.ACCOUNT
    step = town.chosen("carl", Kind.VOICE)
    assert town.system.visitor(town.answered(step.token, town.sent("voice"))).scope is Scope.ACCOUNT
    assert reminders(town, "carl") == 2


def test_a_session_ends_with_the_full_access_of_its_device(town: Town) -> None:
    ended(town)
    town.clock.advance(-60)
    visitor = town.system.visitor(town.enter_by_sms("carl"))
    assert visitor.scope is Scope.FULL
    assert visitor.until == town.clock.now + 60


def test_after_the_days_a_card_is_requested_and_nothing_is_taken_out(town: Town) -> None:
    ended(town)
    token = town.enter_by_sms("carl")
    assert ordered(town, token, PIN).user == "carl"
    for call in (lambda: town.system.withdraw(token, Decimal(1)), lambda: town.system.opt_out(token)):
        with pytest.raises(NotAllowed):
            call()
    # Without a device, an account has these limits.
    assert town.system.may_withdraw("carl", Decimal(50_000))
    assert not town.system.may_withdraw("carl", Decimal(50_001))


def test_another_number_does_not_begin_the_days_anew(town: Town) -> None:
    town.clock.advance(20 * DAY)
    town.confirm(town.enter_by_sms("carl"), LATER)
    town.clock.advance(5 * DAY)
    town.system.operator.run_due()
    assert reminders(town, "carl") == 1
    town.confirm(town.enter_by_sms("carl"), "+41790000003")
    town.clock.advance(5 * DAY)
    town.system.operator.run_due()
    town.clock.advance(2 * DAY)
    assert town.system.visitor(town.enter_by_sms("carl")).scope is Scope.ACCOUNT


def test_who_has_had_sms_for_years_is_reminded_a_week_before(clock: Clock) -> None:
    with new_town(clock) as town:
        clock.advance(800 * DAY)
        town.system.operator.run_due()
        assert reminders(town, "carl") == 0
        assert town.system.visitor(town.enter_by_sms("carl")).scope is Scope.FULL
    with new_town(clock, sms={"days": DAYS}) as town:
        town.system.operator.run_due()
        assert reminders(town, "carl") == 1
        clock.advance(7 * DAY - 60)
        town.system.operator.run_due()
        assert reminders(town, "carl") == 2
        assert town.system.visitor(town.enter_by_sms("carl")).scope is Scope.FULL
        clock.advance(60)
        assert town.system.visitor(town.enter_by_sms("carl")).scope is Scope.ACCOUNT


def test_codes_that_open_the_account_prove_nothing_in_a_session_that_opens_all(town: Town) -> None:
    assert town.system.staff.enable_messages(town.call("ben"), PHONE)
    town.give_card("ben", "IB3000555")
    ended(town)
    token = town.enter("ben")
    assert [each.kind for each in town.system.proofs.choices(token)] == [Kind.DSC_PLUS]
    with pytest.raises(NotFound):
        town.system.proofs.ask(token, town.device(token, Kind.SMS))
    assert {each.kind for each in town.system.begin("ben", PASSWORD).choices} > {Kind.SMS}


def test_the_app_is_still_activated(town: Town) -> None:
    ended(town)
    begun = town.system.phones.begin("carl", PASSWORD)
    assert begun.phones
    town.system.deliver()
    assert town.letters[-1].template == "phone_token"
    assert not town.system.context.read(lambda tx: rows.devices.count(tx.db, rows.devices.c.kind == "phone_app"))
