"""The scope of a session depends on the device that it continues with, and costly requests are limited within a session."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from tests.host.login.card_orders import by_codes, online_card
from tests.host.login.town import DAY, PASSWORD, Town, looked_up, new_town
from tests.host.verifier_samples import Clock

from dsc_host.errors import TooManyChallenges
from dsc_host.login import Kind, Loss, NotAllowed, NotIn, Scope, Stage, TooManyAttempts, rows


def test_a_session_by_something_else_goes_on_while_the_card_is_sent_back(town: Town) -> None:
    _, token = town.bridged("anna")
    town.system.announce_return(token, town.device(token, Kind.DSC_PLUS), "1Z 999")
    assert town.system.visitor(token).scope is Scope.FULL


def test_an_online_card_and_its_sessions_end_at_one_moment(town: Town) -> None:
    _, codes = online_card(town)
    town.clock.advance(21 * DAY - 30)
    token = by_codes(town, codes)
    town.clock.advance(29)
    assert town.system.visitor(token).scope is Scope.FULL
    town.clock.advance(1)
    # The maintenance has not run yet.
    assert town.system.begin("anna", PASSWORD).choices == ()
    for call in (town.system.visitor, town.system.request_online_card):
        with pytest.raises(NotIn):
            call(token)
    town.system.operator.run_due()
    assert town.told("anna")[-1] == "expired"
    assert town.bridged("anna")


def test_who_activates_a_device_goes_on_by_it(town: Town) -> None:
    card, codes = town.system.staff.issue_code_card(town.lose("anna", "IB3000901", Loss.LOST))
    town.waited("anna")
    _, token = town.bridged("anna")
    much = Decimal(150_000)
    assert not town.system.withdraw(token, much)
    assert town.system.activate(token, looked_up(codes, town.system.ask_to_activate(token, card.id)))
    assert town.system.visitor(token).device == card.id
    assert town.system.withdraw(token, much)


def test_the_codes_of_a_card_on_its_way_are_for_sessions_that_may_do_everything(town: Town) -> None:
    desk = town.lose("anna", "IB3000901", Loss.LOST)
    code = town.system.staff.give_temporary_code(desk)
    posted, codes = town.system.staff.issue_code_card(desk)
    assert town.system.sheet(town.answered(town.chosen("anna", Kind.TEMPORARY_CODE).token, code), posted.id) == codes
    town.clock.advance(3 * DAY)
    late = town.answered(town.chosen("anna", Kind.TEMPORARY_CODE).token, code)
    with pytest.raises(NotAllowed):
        town.system.sheet(late, posted.id)
    # This session may see an online card. The holder of the printed one may activate it when its wait is over.
    assert town.system.sheet(late, town.system.request_online_card(late).id)
    town.waited("anna")
    assert town.system.activate(late, looked_up(codes, town.system.ask_to_activate(late, posted.id)))


# ---- limits on requests ----


def test_a_device_that_refuses_leaves_the_login_to_another_one(town: Town) -> None:
    town.system.staff.enable_messages(town.call("anna"), "+41790000001")
    town.waited("anna")
    for _ in range(town.verifier.policy.challenges):
        town.verifier.challenge("IB3000901")
    begun = town.system.begin("anna", PASSWORD)
    by_kind, before = {choice.kind: choice.id for choice in begun.choices}, sessions(town)
    for _ in range(2):
        with pytest.raises(TooManyChallenges):
            town.system.choose(begun.token, by_kind[Kind.DSC_PLUS])
    assert sessions(town) == before, "no login is left half-way"
    assert town.system.step(begun.token).stage is Stage.CHOOSING
    step = town.system.choose(begun.token, by_kind[Kind.SMS])
    assert town.answered(step.token, town.sent("sms"))


def sessions(town: Town) -> int:
    return town.system.context.read(lambda tx: rows.sessions.count(tx.db))


@pytest.fixture
def thrifty(clock: Clock) -> Iterator[Town]:
    """A town in which a user may ask for six challenges in five minutes."""
    with new_town(clock, login={"offers": 6}) as town:
        yield town


def test_what_is_asked_for_in_a_session_is_counted_as_at_the_login(thrifty: Town) -> None:
    town = thrifty
    card, _ = town.system.staff.issue_code_card(town.call("anna"))
    town.waited("anna")
    anna = town.enter("anna")
    used = 1  # for the login
    for _ in range(town.system.policy.login.offers - used):
        town.system.ask_to_activate(anna, card.id)
    with pytest.raises(TooManyAttempts):
        town.system.ask_to_activate(anna, card.id)
    with pytest.raises(TooManyAttempts):
        town.system.ask_to_change_pin(anna, town.device(anna, Kind.DSC_PLUS))
    with pytest.raises(TooManyAttempts):
        town.chosen("anna", Kind.DSC_PLUS)
    town.clock.advance(300)
    assert town.system.ask_to_activate(town.session("anna"), card.id)


def test_nobody_asks_through_anothers_card_of_codes_by_sharing(thrifty: Town) -> None:
    ben = thrifty.enter_by_sms("ben")
    for _ in range(thrifty.system.policy.login.offers - 1):
        thrifty.system.begin_share(ben, "anna", PASSWORD)
    with pytest.raises(TooManyAttempts):
        thrifty.system.begin_share(ben, "anna", PASSWORD)
    assert thrifty.enter("anna")
