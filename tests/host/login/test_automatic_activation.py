"""Devices that activate themselves, and the online card that lasts until they do, so that a user always has a device."""

import json
from collections.abc import Iterator

import pytest
from tests.host.login.card_orders import by_codes, days, made, shipped, with_online_card
from tests.host.login.scenario import (
    ANNA,
    CARL,
    CHEAP,
    DAY,
    PASSWORD,
    Scenario,
    copied_scenario,
    kept_scenario,
    looked_up,
    new_scenario,
)
from tests.host.verifier_samples import Clock

from dsc_host.login import DeviceState, Kind, LoginSystem, Loss, NotIn, Policy, Role, Scope
from dsc_host.login import rows as tables
from dsc_host.login.cards import activation
from dsc_host.login.messages import outbox
from dsc_host.login.transaction import LoginTransaction, found, user_named
from dsc_simulator import SimulatedCard


def live(scenario: Scenario, name: str = "anna") -> set[Kind]:
    """Return the kinds of device with which this user can log in now."""
    return {each.kind for each in scenario.system.begin(name, PASSWORD).choices}


def on(scenario: Scenario, began: float, day: float, name: str = "anna") -> set[Kind]:
    """Let the time come that is so many days after `began`, and run the maintenance. Return the kinds in use."""
    scenario.clock.now = began + day * DAY
    scenario.system.operator.run_due()
    return live(scenario, name)


# ---- security code cards ----


def test_a_code_card_activates_itself_three_weeks_after_it_was_issued(scenario: Scenario) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
    assert card.activates_at == scenario.clock() + 21 * DAY
    assert days(scenario, 20) == ["activation_near", "activation_imminent"]
    scenario.clock.advance(DAY - 1)
    assert days(scenario, 0) == []
    assert Kind.CODE_CARD not in live(scenario, "carl")
    scenario.clock.advance(1)
    assert days(scenario, 1) == ["activated"]
    assert days(scenario, 2) == []
    step = scenario.chosen("carl", Kind.CODE_CARD)
    assert scenario.system.visitor(scenario.answered(step.token, looked_up(codes, step.offer))).scope is Scope.FULL
    assert {each.activates_at for each in scenario.system.devices(scenario.session("carl"))} == {None}


def test_a_code_card_is_announced_before_it_activates_itself(scenario: Scenario) -> None:
    """Though no maintenance ran for weeks, its owner can still call support in time."""
    scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
    scenario.clock.advance(30 * DAY)
    assert days(scenario, 0) == ["activation_imminent"]
    (card,) = (each for each in scenario.system.devices(scenario.session("carl")) if each.kind is Kind.CODE_CARD)
    assert card.activates_at == scenario.clock() + DAY
    scenario.clock.advance(DAY - 1)
    assert days(scenario, 0) == []
    assert Kind.CODE_CARD not in live(scenario, "carl")
    scenario.clock.advance(1)
    assert days(scenario, 0) == ["activated"]


@pytest.mark.parametrize("end", ["activated by hand", "replaced", "stopped", "lost", "the account is closed"])
def test_a_code_card_that_came_or_is_gone_does_not_activate_itself(scenario: Scenario, end: str) -> None:
    card, codes = scenario.system.staff.issue_code_card(scenario.call("anna"))
    desk = scenario.call("anna")
    if end == "activated by hand":
        scenario.waited("anna")
        token = scenario.session("anna")
        assert scenario.system.activate(token, looked_up(codes, scenario.system.ask_to_activate(token, card.id)))
    elif end == "replaced":
        scenario.clock.advance(10 * DAY)
        scenario.system.staff.issue_code_card(scenario.call("anna"))
    elif end == "stopped":
        scenario.system.staff.stop_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)
    elif end == "lost":
        scenario.system.staff.report_loss(desk, card.id, Loss.LOST)
    else:
        scenario.system.close_account(scenario.session("anna"))
    assert card.activates_at is not None
    for left in (DAY / 2, 0):
        scenario.clock.now = card.activates_at - left
        scenario.system.operator.run_due()
    assert {"activation_near", "activation_imminent"}.isdisjoint(scenario.told("anna"))


def test_a_code_card_of_an_early_version_never_activates_itself(scenario: Scenario) -> None:
    card, _ = scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
    kept = scenario.system.context.read(lambda tx: tables.devices.find(tx.db, card.id))
    assert kept is not None
    early = json.dumps({name: value for name, value in json.loads(kept.data).items() if name != "activates_at"})
    scenario.system.change(lambda tx: tables.devices.change(tx.db, card.id, data=early))
    assert days(scenario, 23) == []


def test_a_code_card_waits_as_long_as_its_change_does(scenario: Scenario) -> None:
    system = LoginSystem.over(scenario.verifier, policy=Policy.of({**CHEAP, "protection": {"wait_days": 40}}))
    system.staff.issue_code_card(scenario.call("carl", CARL))
    for days_later in (39, 1):
        for _ in range(2):
            system.operator.run_due()
        assert Kind.CODE_CARD not in live(scenario, "carl")
        scenario.clock.advance(days_later * DAY)
    for _ in range(2):
        system.operator.run_due()
    assert Kind.CODE_CARD in live(scenario, "carl")


def test_a_card_is_not_activated_before_the_announced_time_if_its_wait_is_confirmed(clock: Clock) -> None:
    with new_scenario(clock, protection={"wait_days": 40}) as scenario:
        scenario.system.staff.issue_code_card(scenario.call("anna"))
        began = scenario.clock()
        on(scenario, began, 39)
        scenario.add("sam", "carl", role=Role.SUPPORT)
        scenario.give_card("sam", "IB3000905")
        desk = scenario.enter("sam")
        assert scenario.system.staff.identify(desk, "anna", ANNA)
        scenario.system.staff.confirm_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)
        assert Kind.CODE_CARD not in on(scenario, began, 39.99)
        assert Kind.CODE_CARD in on(scenario, began, 40)


def test_a_card_is_announced_for_the_end_of_a_longer_wait(clock: Clock, card: SimulatedCard) -> None:
    """Every notice names the day on which the card is activated, and both come before that day."""
    with new_scenario(clock, protection={"wait_days": 40}) as scenario:
        token, _ = with_online_card(scenario, "carl", CARL)
        began, sent = scenario.clock(), shipped(scenario, token, card)
        assert (sent.activates_at, sent.shipped_at) == (began + 40 * DAY, began)
        assert days(scenario, 41) == ["activation_near", "activation_replaces", "activated"]
        named = {letter.values["activates"] for letter in scenario.letters if "activates" in letter.values}
        assert named == {outbox._format_date(scenario.system.context.calendar.day(began + 40 * DAY), "en")}


def test_a_code_card_shows_the_end_of_a_longer_wait(clock: Clock) -> None:
    with new_scenario(clock, protection={"wait_days": 40}) as scenario:
        card, _ = scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
        assert card.activates_at == card.waits_until == scenario.clock() + 40 * DAY


# ---- the online card meanwhile ----


def bridge(scenario: Scenario) -> tuple[str, str, tuple[str, ...], float]:
    """Give online cards to anna, who has lost her card, and to ben. Make anna's new card.

    Return the ids of its request and of its device, the codes of her online card, and the time.
    """
    scenario.lose("anna", "IB3000901", Loss.LOST)
    with_online_card(scenario, "ben", ANNA)
    token, codes = with_online_card(scenario, "anna", ANNA)
    with SimulatedCard() as card:
        request = made(scenario, token, card).id
    new = next(each for each in scenario.system.devices(token) if each.state is DeviceState.SHIPPED)
    return request, new.id, codes, scenario.clock()


_BRIDGED = kept_scenario(bridge)


@pytest.fixture
def bridged(database_kind: str, clock: Clock) -> Iterator[tuple[Scenario, str, str, float]]:
    """Yield a scenario in which `bridge` was done, the ids of the request and of the device, and the time."""
    with copied_scenario(_BRIDGED, clock, database_kind) as (scenario, (request, new, _, began)):
        yield scenario, request, new, began


def test_only_who_has_a_temporary_device_is_told_that_it_ends(bridged: tuple[Scenario, str, str, float]) -> None:
    scenario, request, _, began = bridged
    scenario.system.staff.ship(scenario.session("ivo"), request)
    scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
    on(scenario, began, 20)
    assert ("activation_replaces" in scenario.told("anna"), "activation_imminent" in scenario.told("anna")) == (True, False)
    assert ("activation_replaces" in scenario.told("carl"), "activation_imminent" in scenario.told("carl")) == (False, True)


@pytest.mark.parametrize("sent", [0, 3, 20])
def test_an_online_card_lasts_until_its_replacement_activates_itself(
    bridged: tuple[Scenario, str, str, float], sent: int
) -> None:
    scenario, request, _, began = bridged
    on(scenario, began, sent)
    scenario.system.staff.ship(scenario.session("ivo"), request)
    for day in sorted({*filter(lambda day: day < sent + 21, (21, 22, 23)), sent + 20, sent + 20.99}):
        assert on(scenario, began, day) == {Kind.ONLINE_CARD}, day
        assert (Kind.ONLINE_CARD in live(scenario, "ben")) == (day < 21), "it is not ben's card that is on its way"
    assert on(scenario, began, sent + 21) == {Kind.DSC_PLUS}


@pytest.mark.parametrize("late", [20.5, 21, 21.9])
def test_an_online_card_lasts_until_an_activation_that_is_announced_late(
    bridged: tuple[Scenario, str, str, float], late: float
) -> None:
    scenario, request, _, began = bridged
    scenario.system.staff.ship(scenario.session("ivo"), request)
    for day in (late, late + 0.99):
        assert on(scenario, began, day) == {Kind.ONLINE_CARD}, day
    assert on(scenario, began, late + 1.01) == {Kind.DSC_PLUS}


def test_an_online_card_ends_with_the_activation_of_its_replacement(bridged: tuple[Scenario, str, str, float]) -> None:
    scenario, request, new, began = bridged
    on(scenario, began, 6)
    scenario.system.staff.ship(scenario.session("ivo"), request)
    (shown,) = scenario.system.begin("anna", PASSWORD).choices
    assert shown.expires_at == began + 28 * DAY

    def activate(tx: LoginTransaction) -> None:
        activation.activate(tx, user_named(tx.db, "anna"), found(tables.devices.find(tx.db, new)), "by its response")

    scenario.system.change(activate)
    assert live(scenario) == {Kind.DSC_PLUS}


def test_an_online_card_without_a_replacement_on_its_way_ends_after_its_days(bridged: tuple[Scenario, str, str, float]) -> None:
    scenario, *_, began = bridged
    assert on(scenario, began, 20.99) == {Kind.ONLINE_CARD}
    assert on(scenario, began, 21) == set()


@pytest.mark.parametrize("first", [Kind.ONLINE_CARD, Kind.CODE_CARD])
@pytest.mark.parametrize(("table", "figures"), [("activation", {"automatic_days": 30}), ("protection", {"wait_days": 30})])
def test_an_online_card_lasts_until_a_code_card_activates_itself(
    clock: Clock, first: Kind, table: str, figures: dict[str, int]
) -> None:
    """Whichever of the two came first, and also if the code card must wait."""
    with new_scenario(clock, **{table: figures}) as scenario:
        scenario.lose("anna", "IB3000901", Loss.LOST)
        began = scenario.clock()
        for kind in (first, *({Kind.ONLINE_CARD, Kind.CODE_CARD} - {first})):
            if kind is Kind.ONLINE_CARD:
                with_online_card(scenario, "anna", ANNA)
            else:
                scenario.system.staff.issue_code_card(scenario.call("anna"))
        for day in (29, 29.99):
            assert on(scenario, began, day) == {Kind.ONLINE_CARD}
        on(scenario, began, 30)
        assert on(scenario, began, 30.01) == {Kind.CODE_CARD}


def test_a_temporary_code_lasts_no_longer(scenario: Scenario) -> None:
    scenario.bridged("carl", CARL)
    began = scenario.clock()
    scenario.system.staff.issue_code_card(scenario.call("carl", CARL))
    assert Kind.TEMPORARY_CODE in on(scenario, began, 11.99, "carl")
    assert Kind.TEMPORARY_CODE not in on(scenario, began, 12, "carl")


@pytest.mark.parametrize("end", ["stopped", "lost"])
def test_an_online_card_lasts_its_days_again_once_its_replacement_is_gone(
    bridged: tuple[Scenario, str, str, float], end: str
) -> None:
    """A caller who deceives support gains no days by a request that the owner stops."""
    scenario, request, new, began = bridged
    on(scenario, began, 3)
    scenario.system.staff.ship(scenario.session("ivo"), request)
    desk = scenario.call("anna")
    if end == "lost":
        scenario.system.staff.report_loss(desk, new, Loss.LOST)
    else:
        scenario.system.staff.stop_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)
    assert on(scenario, began, 20.99) == {Kind.ONLINE_CARD}
    assert on(scenario, began, 21) == set()


def test_an_online_card_beyond_its_days_ends_with_its_replacement(bridged: tuple[Scenario, str, str, float]) -> None:
    scenario, request, new, began = bridged
    on(scenario, began, 3)
    scenario.system.staff.ship(scenario.session("ivo"), request)
    on(scenario, began, 22)
    # The maintenance has not run since.
    scenario.system.staff.report_loss(scenario.call("anna"), new, Loss.LOST)
    assert live(scenario) == set()


def test_a_session_ends_with_the_online_card_when_the_replacement_is_sent_back(clock: Clock) -> None:
    with copied_scenario(_BRIDGED, clock) as (scenario, (request, new, codes, began)):
        on(scenario, began, 3)
        scenario.system.staff.ship(scenario.session("ivo"), request)
        on(scenario, began, 22)
        token = by_codes(scenario, codes)
        scenario.system.announce_return(token, new, "1Z 999")
        with pytest.raises(NotIn):
            scenario.system.visitor(token)
        assert live(scenario) == set()


def test_an_online_card_lasts_its_days_again_once_a_code_card_is_stopped(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)
    began = scenario.clock()
    with_online_card(scenario, "anna", ANNA)
    on(scenario, began, 3)
    desk = scenario.call("anna")
    scenario.system.staff.issue_code_card(desk)
    scenario.system.staff.stop_wait(desk, scenario.system.staff.caller_waits(desk)[0].id)
    assert on(scenario, began, 21) == set()
