"""The money for cards: held only where it is there, charged for every kind, and shown to its owner with the dates."""

from decimal import Decimal

import pytest
from tests.host.login.card_orders import PIN, online_card, ordered, shipped
from tests.host.login.phone_app import activated
from tests.host.login.town import DAY, PASSWORD, Town

from dsc_host.errors import InputError
from dsc_host.login import Deposit, HoldState, Loss, NotFound, NotNow
from dsc_simulator import SimulatedCard


def deposits(town: Town, name: str) -> list[Deposit]:
    return town.system.deposits(town.session(name))


def test_a_deposit_is_held_only_where_the_money_is_there(town: Town) -> None:
    token, _ = online_card(town)
    draft = town.system.draft_request(token, PIN)
    town.system.operator.set_equity(town.accounts["anna"], Decimal("19.99"))
    with pytest.raises(NotNow, match=r"less than 20\.00 USD to hold"):
        town.system.draft_request(token, PIN)
    with pytest.raises(NotNow, match=r"less than 20\.00 USD to hold"):
        town.system.confirm_request(token, draft.id)
    town.system.operator.set_equity(town.accounts["anna"], Decimal("20"))
    town.system.confirm_request(token, draft.id)


def test_money_that_is_held_is_not_held_again(town: Town) -> None:
    """Two users of one person hold the deposits of their cards on a third account, which has the money for one."""
    add_account, carl = town.system.operator.add_account, town.entities["carl"]
    town.accounts["carla"] = add_account(carl, Decimal(2_000_000))
    town.add("carla", "carla", phone="+4915112345670")
    third = add_account(carl, Decimal("39.99"))
    token = town.session("carl")
    town.system.confirm_request(token, town.system.draft_request(token, PIN, account=third).id)
    with pytest.raises(NotNow, match="to hold"):
        town.system.draft_request(town.session("carla"), PIN, account=third)


def test_an_account_that_was_closed_meanwhile_holds_nothing(town: Town) -> None:
    town.accounts["carla"] = town.system.operator.add_account(town.entities["carl"], Decimal(2_000_000))
    town.add("carla", "carla", phone="+4915112345670")
    token = town.session("carl")
    draft = town.system.draft_request(token, PIN, account=town.accounts["carla"])
    town.system.close_account(town.session("carla"))
    with pytest.raises(NotNow, match="the account is closed"):
        town.system.confirm_request(token, draft.id)
    assert deposits(town, "carl") == []


def test_a_released_deposit_is_on_the_statement_with_its_dates(town: Town, card: SimulatedCard) -> None:
    began = town.clock()
    request = shipped(town, town.session("carl"), card)
    (held,) = deposits(town, "carl")
    assert (held.device, held.user, held.account) == (request.serial, "carl", town.accounts["carl"])
    assert (held.amount, held.kept, held.state, held.held_at, held.settled_at) == (20, 0, HoldState.HELD, began, None)
    town.clock.advance(DAY)
    town.system.staff.receive(town.session("ivo"), request.serial)
    (free,) = deposits(town, "carl")
    assert (free.state, free.held_at, free.settled_at) == (HoldState.RELEASED, began, began + DAY)
    # Nobody else sees it.
    assert deposits(town, "anna") == []


def test_a_cancelled_request_is_on_the_statement(town: Town) -> None:
    token = town.session("carl")
    town.system.cancel_request(token, ordered(town, token).id)
    assert [(each.device, each.state) for each in deposits(town, "carl")] == [("", HoldState.RELEASED)]


def test_a_code_card_is_charged_by_its_number_and_owner(town: Town) -> None:
    town.with_codes("ben")
    label = next(each.label for each in town.system.devices(town.session("ben")) if each.kind == "code_card")
    issuer = town.session("ivo")
    with pytest.raises(NotNow, match="not lost"):
        town.system.staff.settle(issuer, label, owner="ben")
    town.lose("ben", label, Loss.LOST)
    issuer = town.session("ivo")
    for cents in (1_999, 15_001):
        with pytest.raises(InputError):
            town.system.staff.settle(issuer, label, cents, owner="ben")
    with pytest.raises(NotFound):
        town.system.staff.settle(issuer, label, owner="anna")
    assert town.system.staff.settle(issuer, label, 15_000, owner="ben") == 15_000
    with pytest.raises(NotNow, match="no longer a deposit"):
        town.system.staff.settle(issuer, label, owner="ben")
    # Anna is the primary user, and sees what the account pays.
    for name in ("ben", "anna"):
        (charge,) = deposits(town, name)
        assert (charge.device, charge.user, charge.amount, charge.kept) == (label, "ben", 0, 150)
        assert charge.held_at == charge.settled_at == town.clock()


def test_a_card_without_a_deposit_is_charged_once_it_is_lost(town: Town) -> None:
    town.lose("anna", "IB3000901", Loss.STOLEN)
    assert town.system.staff.settle(town.session("ivo"), "IB3000901") == 2_000
    # Ben uses the account, but is not its primary user.
    assert deposits(town, "ben") == []


def test_nothing_is_charged_for_an_app(town: Town) -> None:
    activated(town, "ben")
    label = town.system.begin("ben", PASSWORD).choices[0].label
    town.lose("ben", label, Loss.LOST)
    with pytest.raises(NotNow, match="nothing is charged"):
        town.system.staff.settle(town.session("ivo"), label, owner="ben")
