"""The order in which transactions lock rows: no two of them wait for each other, and what is locked is locked in time.

These tests use PostgreSQL, where transactions write at the same time.
"""

from collections.abc import Callable, Iterator

import pytest
from tests.host.databases import POSTGRESQL
from tests.host.login.card_orders import online_card
from tests.host.login.meanwhile import Beside, after, before, before_locking, conflicts
from tests.host.login.scenario import ANNA, PASSWORD, Scenario, new_scenario
from tests.host.login.shares import proven
from tests.host.verifier_samples import Clock

from dsc_host.login import (
    Kind,
    Loss,
    OrderState,
    ShareState,
    Step,
    rows,
)
from dsc_host.login.accounts import users
from dsc_host.login.cards import returns
from dsc_host.login.devices import waits

PIN = "8246"


@pytest.fixture
def served(clock: Clock) -> Iterator[Scenario]:
    with new_scenario(clock, POSTGRESQL) as scenario:
        yield scenario


@pytest.mark.postgresql
@pytest.mark.parametrize("first", [0, 1])
def test_users_are_locked_before_their_sessions(served: Scenario, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
    seen, ben = conflicts(monkeypatch), served.enter_by_sms("ben")
    share, other = proven(served, ben), []
    calls: list[Callable[[], object]] = [
        lambda: served.system.ask_to_confirm_phone(ben, "+41790000009"),
        lambda: served.system.confirm_share(ben, share),
    ]

    def meanwhile() -> None:
        other.append(Beside(calls[1 - first]))
        assert other[0].waits(served)

    after(monkeypatch, type(rows.sessions), "locked", meanwhile, only=lambda table, *_: table is rows.sessions)
    assert {calls[first](), other[0].result()} == {"+41…09", ShareState.DONE}
    assert seen == []


def changes_the_pin(scenario: Scenario) -> None:
    scenario.change_pin(scenario.enter("anna"), PIN)


def has_lost_it(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.LOST)


def has_found_it(scenario: Scenario) -> None:
    scenario.lose("anna", "IB3000901", Loss.MISPLACED)
    _, anna = scenario.bridged("anna")
    offer = scenario.system.ask_to_activate(anna, scenario.device(anna, Kind.DSC_PLUS))
    assert scenario.system.activate(anna, scenario.respond("IB3000901", offer.shows["challenge"]))


def sends_it_back(scenario: Scenario) -> None:
    anna = scenario.enter("anna")
    scenario.system.announce_return(anna, scenario.device(anna, Kind.DSC_PLUS), "1Z 999")


@pytest.mark.postgresql
def test_of_two_new_primary_users_at_once_everybody_is_told(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    served.system.operator.add_user(served.accounts["anna"], "guest", PASSWORD, email="guest@example.com")

    def meanwhile() -> None:
        assert Beside(lambda: served.system.operator.set_primary(served.accounts["anna"], "guest")).result() is None

    before_locking(monkeypatch, rows.users, meanwhile)
    served.system.operator.set_primary(served.accounts["anna"], "ben")
    assert [each.name for each in served.system.operator.users() if each.primary] == ["ben", "carl", "sue"]
    assert served.told("guest") == ["primary_changed"] * 2
    assert served.told("anna") == served.told("ben") == ["primary_changed"]


@pytest.mark.postgresql
def test_no_user_is_added_while_the_account_is_closed(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    account, anna, others = served.accounts["anna"], served.enter("anna"), []

    def meanwhile(*_: object) -> None:
        add = served.system.operator.add_user
        others.append(Beside(lambda: add(account, "guest", PASSWORD, email="guest@example.com")))
        others[0].waits(served)

    before(monkeypatch, returns, "_end_all", meanwhile)
    served.system.close_account(anna)
    assert str(others[0].result()).startswith("account: is closed")
    assert "guest" not in [each.name for each in served.system.operator.users()]


def closes_the_account(scenario: Scenario) -> None:
    scenario.system.close_account(scenario.enter("anna"))


@pytest.mark.postgresql
@pytest.mark.parametrize("change", [changes_the_pin, has_lost_it, has_found_it, sends_it_back, closes_the_account])
def test_who_shares_a_card_is_locked_before_the_end_of_the_log(
    served: Scenario, monkeypatch: pytest.MonkeyPatch, change: Callable[[Scenario], None]
) -> None:
    """Carl logs in while his session is about to end because of the card."""
    served.correct("carl", ANNA)
    carl = served.enter_by_sms("carl")
    served.system.confirm_share(carl, proven(served, carl))
    carls, others = served.system.visitor(carl).user, []

    def meanwhile(*_: object) -> None:
        others.append(Beside(lambda: served.system.begin("carl", PASSWORD)))
        others[0].waits(served)

    before(monkeypatch, users, "invalidate_sessions", meanwhile, only=lambda _db, user, **_: user.id == carls)
    seen = conflicts(monkeypatch)
    change(served)
    assert isinstance(others[0].result(), Step)
    assert seen == []


@pytest.mark.postgresql
def test_a_notice_to_a_locked_user_waits_for_nobody(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ben's change is stopped, which anna is told, while anna requests a card for ben, which he is told."""
    anna, _ = online_card(served)
    served.system.opt_out(anna, "ben")
    draft, others = served.system.draft_request(anna, PIN, name="ben"), []
    served.system.deliver()
    code = next(letter.values["stop"] for letter in reversed(served.letters) if "stop" in letter.values)
    seen = conflicts(monkeypatch)

    def meanwhile(*_: object) -> None:
        others.append(Beside(lambda: served.system.confirm_request(anna, draft.id).state))
        assert not others[0].waits(served)

    before(monkeypatch, waits, "record", meanwhile)
    assert served.system.stop_change(code)
    assert others[0].result() is OrderState.REQUESTED
    assert seen == []
