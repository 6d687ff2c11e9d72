"""Events between two steps of another transaction, placed there by the tests: no decision uses outdated values.

These tests use PostgreSQL, where transactions write at the same time. SQLite has one writer, so only events between two
transactions matter there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.host.databases import POSTGRESQL
from tests.host.login.meanwhile import Beside, after, before, before_locking
from tests.host.login.scenario import CHEAP, DAY, PASSWORD, Scenario, looked_up, new_scenario
from tests.host.login.shares import proven
from tests.host.verifier_samples import Clock

from dsc_host.errors import InputError
from dsc_host.login import (
    Kind,
    LoginSystem,
    Loss,
    NotIn,
    NotNow,
    OrderState,
    Policy,
    Scope,
    Status,
    Step,
    WrongCredentials,
    rows,
)
from dsc_host.login.cards import requests
from dsc_host.login.devices import registry
from dsc_host.login.passwords import Passwords
from dsc_host.login.signin import password_check, sessions

PIN = "8246"


@pytest.fixture
def served(clock: Clock) -> Iterator[Scenario]:
    with new_scenario(clock, POSTGRESQL) as scenario:
        yield scenario


# ---- logging in ----


def tried_wrongly(scenario: Scenario) -> None:
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", "a wrong one, surely", "192.0.2.9")


@pytest.mark.postgresql
def test_of_two_right_logins_at_once_both_come_in(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    tried_wrongly(served)
    inner: list[Step] = []
    before_locking(monkeypatch, rows.attempts, lambda: inner.append(served.system.begin("anna", PASSWORD, "192.0.2.9")))
    assert served.system.begin("anna", PASSWORD, "192.0.2.9").choices == inner[0].choices != ()


@pytest.mark.postgresql
def test_a_count_that_is_tidied_away_meanwhile_keeps_nobody_out(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    tried_wrongly(served)
    served.clock.advance(10 * DAY)
    before_locking(monkeypatch, rows.attempts, lambda: served.system.operator.run_due() and None)
    assert served.system.begin("anna", PASSWORD, "192.0.2.9").choices


def test_a_right_password_is_right_while_another_login_has_its_hash_made_anew(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    dearer = Policy.of({**CHEAP, "passwords": {"memory_kib": 16, "iterations": 1}})
    system = LoginSystem.over(scenario.verifier, policy=dearer)
    before(monkeypatch, Passwords, "is_outdated", lambda *_: system.begin("anna", PASSWORD, "192.0.2.8") and None)
    assert system.begin("anna", PASSWORD, "192.0.2.9").choices


def test_a_password_that_is_changed_while_it_is_compared_is_the_new_one(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = scenario.enter("anna")
    before(
        monkeypatch, Passwords, "is_outdated", lambda *_: scenario.system.change_password(token, PASSWORD, "another harbour")
    )
    with pytest.raises(WrongCredentials):
        scenario.system.begin("anna", PASSWORD, "192.0.2.9")


@pytest.mark.parametrize("entrance", ["login", "app", "share", "password"])
def test_a_password_that_is_changed_after_it_was_compared_begins_nothing(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, entrance: str
) -> None:
    anna, ben = scenario.session("anna"), scenario.session("ben")
    calls: dict[str, tuple[str, Callable[[], object]]] = {
        "login": ("anna", lambda: scenario.system.begin("anna", PASSWORD)),
        "app": ("ben", lambda: scenario.system.phones.begin("ben", PASSWORD)),
        "share": ("anna", lambda: scenario.system.begin_share(ben, "anna", PASSWORD)),
        "password": ("anna", lambda: scenario.system.change_password(anna, PASSWORD, "a third harbour at noon")),
    }
    name, call = calls[entrance]
    after(monkeypatch, password_check, "check_password", lambda: scenario.system.operator.set_password(name, "another harbour"))
    with pytest.raises((WrongCredentials, NotIn)):
        call()
    assert scenario.system.begin(name, "another harbour").choices


@pytest.mark.postgresql
def test_a_lock_that_is_set_meanwhile_counts(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who wants to share the card gives the tenth wrong answer while its owner is about to answer correctly."""
    scenario = served
    codes = scenario.with_codes("anna")
    scenario.lose("anna", "IB3000901", Loss.DAMAGED)
    for _ in range(scenario.system.policy.login.factor_failures - 1):
        assert scenario.system.answer(scenario.chosen("anna", Kind.CODE_CARD).token, "2222 2222").status is Status.REFUSED
    step, ben = scenario.chosen("anna", Kind.CODE_CARD), scenario.enter_by_sms("ben")
    share, _ = scenario.system.begin_share(ben, "anna", PASSWORD)
    guessed: list[bool] = []
    before_locking(
        monkeypatch, rows.devices, lambda: guessed.append(scenario.system.answer_share(ben, share.id, "2222 2222"))
    )  # fmt: skip
    assert scenario.system.answer(step.token, looked_up(codes, step.offer)).status is Status.REFUSED
    assert guessed == [False]


# ---- sessions that end meanwhile ----


def between_looking_and_locking(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do `work` after the session was read and before anything is locked."""
    after(monkeypatch, sessions, "find", lambda: Beside(work).result())


@pytest.mark.postgresql
def test_a_session_that_ends_between_looking_and_locking_shares_nothing(
    served: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    ben = served.enter_by_sms("ben")
    share, desk = proven(served, ben), served.call("ben")
    phone = next(each.id for each in served.system.staff.caller_devices(desk)[1] if each.kind is Kind.VOICE)
    between_looking_and_locking(monkeypatch, lambda: served.system.staff.report_loss(desk, phone, Loss.LOST))
    with pytest.raises(NotIn):
        served.system.confirm_share(ben, share)
    for call in (served.system.visitor, served.system.devices):
        with pytest.raises(NotIn):
            call(ben)


@pytest.mark.postgresql
def test_a_session_that_ends_between_looking_and_locking_closes_no_account(
    served: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    thief, mine = served.enter("anna"), served.enter("anna")
    between_looking_and_locking(monkeypatch, lambda: served.system.change_password(mine, PASSWORD, "another harbour at dusk"))
    with pytest.raises(NotIn):
        served.system.close_account(thief)
    assert served.system.begin("anna", "another harbour at dusk").scope is not Scope.STATEMENTS


# ---- removed drafts and assigned cards ----


@pytest.mark.postgresql
def test_a_draft_that_is_confirmed_while_it_is_tidied_away_stays(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = served.system.draft_request(served.enter_by_sms("carl"), PIN)
    served.clock.advance(DAY + 60)
    token = served.enter_by_sms("carl")
    confirmed: list[object] = []

    def meanwhile(*_: object) -> None:
        confirmed.append(Beside(lambda: served.system.confirm_request(token, draft.id).state).result())

    before(monkeypatch, requests, "drop", meanwhile)
    served.system.operator.run_due()
    assert confirmed == [OrderState.REQUESTED]
    (request,) = served.system.requests(token)
    assert (request.id, request.state, request.held) == (draft.id, OrderState.REQUESTED, "held")
    # The issuer can still read its PIN.
    assert served.system.context.read(lambda tx: ordering_secret(tx.db, draft.id)) == 1


def ordering_secret(db: Any, order: str) -> int:
    return int(db.exec_driver_sql("SELECT count(*) FROM vault WHERE name = %s", (requests.secret(order),)).scalar_one())


@pytest.mark.postgresql
def test_a_card_that_is_assigned_to_two_at_once_is_ones(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    served.verifier.enroll("IB3000555", key=bytes(range(32)), pin=PIN)
    other: list[Beside] = []

    def meanwhile(*_: object) -> None:
        other.append(Beside(lambda: served.system.operator.enroll_card("carl", "IB3000555")))
        other[0].waits(served)

    before(monkeypatch, registry, "add", meanwhile)
    assert served.system.operator.enroll_card("anna", "IB3000555")
    refusal = other[0].result()
    assert isinstance(refusal, InputError)
    assert str(refusal) == "serial: IB3000555 already belongs to somebody"


@pytest.mark.postgresql
def test_a_code_by_email_that_is_entered_twice_at_once_is_good_once(served: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    ben, other = served.enter_by_sms("ben"), []
    served.system.ask_to_change_email(ben, "ben@new.example")
    code = served.sent("email")

    def meanwhile() -> None:
        other.append(Beside(lambda: served.system.confirm_email(ben, code)))
        assert other[0].waits(served)

    after(monkeypatch, type(rows.sessions), "locked", meanwhile, only=lambda table, *_: table is rows.sessions)
    assert served.system.confirm_email(ben, code)
    assert isinstance(other[0].result(), NotNow)
    assert served.told("ben").count("email_changed") == 1
