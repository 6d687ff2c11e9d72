"""Devices that activate themselves, and the online card that lasts until they do: no day is without a device."""

import json
from collections.abc import Iterator

import pytest
from tests.host.login.card_orders import by_codes, days, made, with_online_card
from tests.host.login.town import ANNA, CARL, CHEAP, DAY, PASSWORD, Town, copied_town, kept_town, looked_up, new_town
from tests.host.verifier_samples import Clock

from dsc_host.login import DeviceState, Kind, LoginSystem, Loss, NotIn, Policy, Scope
from dsc_host.login import rows as tables
from dsc_host.login.cards import activation
from dsc_host.login.transaction import LoginTransaction, found, user_named
from dsc_simulator import SimulatedCard


def live(town: Town, name: str = "anna") -> set[Kind]:
    """Return the kinds of device with which this user can log in now."""
    return {each.kind for each in town.system.begin(name, PASSWORD).choices}


def on(town: Town, began: float, day: float, name: str = "anna") -> set[Kind]:
    """Let the time come that is so many days after `began`, and run the maintenance. Return the kinds in use."""
    town.clock.now = began + day * DAY
    town.system.operator.run_due()
    return live(town, name)


# ---- security code cards ----


def test_a_code_card_activates_itself_three_weeks_after_it_was_issued(town: Town) -> None:
    card, codes = town.system.staff.issue_code_card(town.call("carl", CARL))
    assert card.activates_at == town.clock() + 21 * DAY
    assert days(town, 20) == ["activation_near", "activation_imminent"]
    town.clock.advance(DAY - 1)
    assert days(town, 0) == []
    assert Kind.CODE_CARD not in live(town, "carl")
    town.clock.advance(1)
    assert days(town, 1) == ["activated"]
    assert days(town, 2) == []
    step = town.chosen("carl", Kind.CODE_CARD)
    assert town.system.visitor(town.answered(step.token, looked_up(codes, step.offer))).scope is Scope.FULL
    assert {each.activates_at for each in town.system.devices(town.session("carl"))} == {None}


def test_a_code_card_is_announced_before_it_activates_itself(town: Town) -> None:
    """Though no maintenance ran for weeks, its owner can still call support in time."""
    town.system.staff.issue_code_card(town.call("carl", CARL))
    town.clock.advance(30 * DAY)
    assert days(town, 0) == ["activation_imminent"]
    assert Kind.CODE_CARD not in live(town, "carl")
    assert days(town, 0) == ["activated"]


@pytest.mark.parametrize("end", ["activated by hand", "replaced", "stopped", "lost", "the account is closed"])
def test_a_code_card_that_came_or_is_gone_does_not_activate_itself(town: Town, end: str) -> None:
    card, codes = town.system.staff.issue_code_card(town.call("anna"))
    desk = town.call("anna")
    if end == "activated by hand":
        town.waited("anna")
        token = town.session("anna")
        assert town.system.activate(token, looked_up(codes, town.system.ask_to_activate(token, card.id)))
    elif end == "replaced":
        town.clock.advance(10 * DAY)
        town.system.staff.issue_code_card(town.call("anna"))
    elif end == "stopped":
        town.system.staff.stop_wait(desk, town.system.staff.caller_waits(desk)[0].id)
    elif end == "lost":
        town.system.staff.report_loss(desk, card.id, Loss.LOST)
    else:
        town.system.close_account(town.session("anna"))
    assert card.activates_at is not None
    for left in (DAY / 2, 0):
        town.clock.now = card.activates_at - left
        town.system.operator.run_due()
    assert {"activation_near", "activation_imminent"}.isdisjoint(town.told("anna"))


def test_a_code_card_of_an_early_version_never_activates_itself(town: Town) -> None:
    card, _ = town.system.staff.issue_code_card(town.call("carl", CARL))
    kept = town.system.context.read(lambda tx: tables.devices.find(tx.db, card.id))
    assert kept is not None
    early = json.dumps({name: value for name, value in json.loads(kept.data).items() if name != "activates_at"})
    town.system.change(lambda tx: tables.devices.change(tx.db, card.id, data=early))
    assert days(town, 23) == []


def test_a_code_card_waits_as_long_as_its_change_does(town: Town) -> None:
    system = LoginSystem.over(town.verifier, policy=Policy.of({**CHEAP, "protection": {"wait_days": 40}}))
    system.staff.issue_code_card(town.call("carl", CARL))
    for days_later in (39, 1):
        for _ in range(2):
            system.operator.run_due()
        assert Kind.CODE_CARD not in live(town, "carl")
        town.clock.advance(days_later * DAY)
    for _ in range(2):
        system.operator.run_due()
    assert Kind.CODE_CARD in live(town, "carl")


# ---- the online card meanwhile ----


def bridge(town: Town) -> tuple[str, str, tuple[str, ...], float]:
    """Give online cards to anna, who has lost her card, and to ben. Make anna's new card.

    Return the ids of its request and of its device, the codes of her online card, and the time.
    """
    town.lose("anna", "IB3000901", Loss.LOST)
    with_online_card(town, "ben", ANNA)
    token, codes = with_online_card(town, "anna", ANNA)
    with SimulatedCard() as card:
        request = made(town, token, card).id
    new = next(each for each in town.system.devices(token) if each.state is DeviceState.SHIPPED)
    return request, new.id, codes, town.clock()


_BRIDGED = kept_town(bridge)


@pytest.fixture
def bridged(database_kind: str, clock: Clock) -> Iterator[tuple[Town, str, str, float]]:
    """Yield a town in which `bridge` was done, the ids of the request and of the device, and the time."""
    with copied_town(_BRIDGED, clock, database_kind) as (town, (request, new, _, began)):
        yield town, request, new, began


@pytest.mark.parametrize("sent", [0, 3, 20])
def test_an_online_card_lasts_until_its_replacement_activates_itself(bridged: tuple[Town, str, str, float], sent: int) -> None:
    town, request, _, began = bridged
    on(town, began, sent)
    town.system.staff.ship(town.session("ivo"), request)
    for day in sorted({*filter(lambda day: day < sent + 21, (21, 22, 23)), sent + 20, sent + 20.99}):
        assert on(town, began, day) == {Kind.ONLINE_CARD}, day
        assert (Kind.ONLINE_CARD in live(town, "ben")) == (day < 21), "it is not ben's card that is on its way"
    assert on(town, began, sent + 21) == {Kind.DSC_PLUS}


def test_an_online_card_ends_with_the_activation_of_its_replacement(bridged: tuple[Town, str, str, float]) -> None:
    town, request, new, began = bridged
    on(town, began, 6)
    town.system.staff.ship(town.session("ivo"), request)
    (shown,) = town.system.begin("anna", PASSWORD).choices
    assert shown.expires_at == began + 28 * DAY

    def activate(tx: LoginTransaction) -> None:
        activation.activate(tx, user_named(tx.db, "anna"), found(tables.devices.find(tx.db, new)), "by its response")

    town.system.change(activate)
    assert live(town) == {Kind.DSC_PLUS}


def test_an_online_card_without_a_replacement_on_its_way_ends_after_its_days(bridged: tuple[Town, str, str, float]) -> None:
    town, *_, began = bridged
    assert on(town, began, 20.99) == {Kind.ONLINE_CARD}
    assert on(town, began, 21) == set()


@pytest.mark.parametrize("first", [Kind.ONLINE_CARD, Kind.CODE_CARD])
@pytest.mark.parametrize(("table", "figures"), [("activation", {"automatic_days": 30}), ("protection", {"wait_days": 30})])
def test_an_online_card_lasts_until_a_code_card_activates_itself(
    clock: Clock, first: Kind, table: str, figures: dict[str, int]
) -> None:
    """Whichever of the two came first, and also if the code card must wait."""
    with new_town(clock, **{table: figures}) as town:
        town.lose("anna", "IB3000901", Loss.LOST)
        began = town.clock()
        for kind in (first, *({Kind.ONLINE_CARD, Kind.CODE_CARD} - {first})):
            if kind is Kind.ONLINE_CARD:
                with_online_card(town, "anna", ANNA)
            else:
                town.system.staff.issue_code_card(town.call("anna"))
        assert on(town, began, 29.99) == {Kind.ONLINE_CARD}
        on(town, began, 30)
        assert on(town, began, 30.01) == {Kind.CODE_CARD}


def test_a_temporary_code_lasts_no_longer(town: Town) -> None:
    town.bridged("carl", CARL)
    began = town.clock()
    town.system.staff.issue_code_card(town.call("carl", CARL))
    assert Kind.TEMPORARY_CODE in on(town, began, 11.99, "carl")
    assert Kind.TEMPORARY_CODE not in on(town, began, 12, "carl")


@pytest.mark.parametrize("end", ["stopped", "lost"])
def test_an_online_card_lasts_its_days_again_once_its_replacement_is_gone(
    bridged: tuple[Town, str, str, float], end: str
) -> None:
    """Whoever deceives support gains no days by a request that the owner stops."""
    town, request, new, began = bridged
    on(town, began, 3)
    town.system.staff.ship(town.session("ivo"), request)
    desk = town.call("anna")
    if end == "lost":
        town.system.staff.report_loss(desk, new, Loss.LOST)
    else:
        town.system.staff.stop_wait(desk, town.system.staff.caller_waits(desk)[0].id)
    assert on(town, began, 20.99) == {Kind.ONLINE_CARD}
    assert on(town, began, 21) == set()


def test_an_online_card_beyond_its_days_ends_with_its_replacement(bridged: tuple[Town, str, str, float]) -> None:
    town, request, new, began = bridged
    on(town, began, 3)
    town.system.staff.ship(town.session("ivo"), request)
    on(town, began, 22)
    # The maintenance has not run since.
    town.system.staff.report_loss(town.call("anna"), new, Loss.LOST)
    assert live(town) == set()


def test_a_session_ends_with_the_online_card_when_the_replacement_is_sent_back(clock: Clock) -> None:
    with copied_town(_BRIDGED, clock) as (town, (request, new, codes, began)):
        on(town, began, 3)
        town.system.staff.ship(town.session("ivo"), request)
        on(town, began, 22)
        token = by_codes(town, codes)
        town.system.announce_return(token, new, "1Z 999")
        with pytest.raises(NotIn):
            town.system.visitor(token)
        assert live(town) == set()


def test_an_online_card_lasts_its_days_again_once_a_code_card_is_stopped(town: Town) -> None:
    town.lose("anna", "IB3000901", Loss.LOST)
    began = town.clock()
    with_online_card(town, "anna", ANNA)
    on(town, began, 3)
    desk = town.call("anna")
    town.system.staff.issue_code_card(desk)
    town.system.staff.stop_wait(desk, town.system.staff.caller_waits(desk)[0].id)
    assert on(town, began, 21) == set()
