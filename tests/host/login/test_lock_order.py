"""The order in which transactions lock rows: no two of them wait for each other, and what is locked is locked in time.

These tests use PostgreSQL, where transactions write at the same time.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.host.databases import POSTGRESQL
from tests.host.login.card_orders import online_card
from tests.host.login.meanwhile import Beside, after, before, before_locking, conflicts
from tests.host.login.scenario import ANNA, DAY, PASSWORD, Scenario, new_scenario
from tests.host.login.shares import proven
from tests.host.login.wrong_passwords import tried
from tests.host.verifier_samples import Clock

from dsc_host.login import (
    Kind,
    Loss,
    OrderState,
    ShareState,
    Step,
    rate_limits,
    rows,
)
from dsc_host.login.accounts import users
from dsc_host.login.cards import returns
from dsc_host.login.devices import waits
from dsc_host.login.service.maintenance import Done
from dsc_host.records import vault
from dsc_host.records.group_commit import GroupCommit
from dsc_host.records.table_rows import Rows

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


# ---- the maintenance ----


@pytest.fixture
def aged(served: Scenario) -> Scenario:
    """A scenario with an expired session of ben, old attempts, and an old draft of ben's request."""
    served.session("ben")
    assert tried(served, "anna", "192.0.2.9")
    anna = served.session("anna")
    served.system.draft_request(anna, PIN, name="ben")
    served.system.leave(anna)
    served.clock.advance(2 * DAY)
    return served


@pytest.mark.postgresql
def test_an_account_is_closed_while_sessions_are_tidied_away(aged: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, others, seen = aged.session("anna"), [], conflicts(monkeypatch)
    # As if each had found a row locked before: alone, a transaction waits.
    monkeypatch.setattr(GroupCommit, "do", GroupCommit.do_alone)

    def meanwhile(*_: object) -> None:
        others.append(Beside(lambda: aged.system.close_account(anna)))
        others[0].waits(aged)

    before(monkeypatch, rate_limits, "forget_old", meanwhile)
    aged.system.operator.run_due()
    assert others[0].result() is None
    assert seen == []


@pytest.mark.postgresql
def test_an_account_is_closed_while_a_draft_is_tidied_away(aged: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, others = aged.session("anna"), []

    def meanwhile(*_: object) -> None:
        others.append(Beside(lambda: aged.system.close_account(anna)))
        assert others[0].waits(aged)

    before(monkeypatch, vault, "forget", meanwhile)
    aged.system.operator.run_due()
    assert others[0].result() is None


@pytest.mark.postgresql
def test_the_maintenance_waits_for_no_row(aged: Scenario) -> None:
    """The next run does the work on locked rows: a wait for one of several rows could be a deadlock."""
    expired = [each.id for each in all_of(aged, rows.sessions)]
    used = aged.system.visitor(aged.session("anna")).session
    aged.clock.advance(60)
    aged.system.context.activity.record(used, aged.clock.now)
    old = [each.name for each in all_of(aged, rows.attempts)]
    with aged.system.context.cards.writing() as tx:
        for session in (*expired, used):
            assert rows.sessions.locked(tx.db, session)
        for name in old:
            assert rows.attempts.locked(tx.db, name)
        assert isinstance(Beside(aged.system.operator.run_due).result(), Done)
        assert set(old) == {each.name for each in all_of(aged, rows.attempts)}
        assert {each.id: each.seen_at for each in all_of(aged, rows.sessions)} != {used: aged.clock.now}
    aged.system.operator.run_due()
    assert all_of(aged, rows.attempts) == []
    assert {each.id: each.seen_at for each in all_of(aged, rows.sessions)} == {used: aged.clock.now}


def all_of(scenario: Scenario, table: Rows[Any]) -> list[Any]:
    return scenario.system.context.read(lambda tx: table.all(tx.db))
