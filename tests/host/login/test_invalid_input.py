"""All public calls with all kinds of invalid input: each is refused with a message, and nothing changes.

A `StoreError` means that the database failed, so no call may raise it here. Rate limits are off, so that all code is reached.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from tests.host.login.letters import newest_code
from tests.host.login.scenario import ANNA, PASSWORD, Scenario, new_scenario
from tests.host.verifier_samples import Clock
from tests.pentest.target import APP_KEYS, Target

from dsc_host.errors import DscError, StoreError
from dsc_host.login import FundingMethod, Identity, Kind, Loss, Proof
from dsc_host.login.support import calls
from dsc_host.schema import login_tables

ANYTHING: tuple[Any, ...] = (
    None, b"x", 5, 5.5, -1, True, float("nan"), Decimal("NaN"), Decimal("sNaN"), Decimal("1E+400"), [], {}, ("a",), object(),
    "\ud800", "\x00", "a\x00b", "x" * 100_000, "x\r\nBcc: y",
)  # fmt: skip
WORDS = ("", "\xe9", "{0}", "%s", "' OR 1=1")
"""Arguments, such as an address, that some calls accept and all others refuse."""
PATIENT = 10**9
PIN = "8246"
FREE: dict[str, object] = {
    "login": {
        "failures": PATIENT, "pause_after": 0, "failures_by_name": PATIENT, "failures_by_address": PATIENT, "offers": PATIENT,
        "code_attempts": PATIENT, "factor_failures": PATIENT, "successes_by_address": PATIENT, "messages_to_user": PATIENT,
        "messages_to_number": PATIENT, "messages_to_country": PATIENT,
    },
    "phone": {"pushes": PATIENT},
}  # fmt: skip
_PASSING = (login_tables.sessions, login_tables.attempts, login_tables.messages, login_tables.pushes)
"""Tables in which valid calls leave something, because the tests begin with them."""

Door = Callable[[Any], object]


pytestmark = pytest.mark.every_database


@pytest.fixture
def scenario(database_kind: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scenario]:
    monkeypatch.setattr(calls, "_TRIES", PATIENT)
    with new_scenario(clock, database_kind, **FREE) as scenario:
        yield scenario


def kept(scenario: Scenario) -> Mapping[str, list[Any]]:
    """Return all rows except the counts of failures."""
    counted = ("failures", "locked_until", "asked", "data")

    def read(tx: Any) -> Mapping[str, list[Any]]:
        shown = [table for table in login_tables.ALL if table not in _PASSING]
        return {
            table.name: tx.db.execute(
                select(*(column for column in table.c if column.name not in counted)).order_by(*table.primary_key)
            ).all()
            for table in shown
        }

    return scenario.system.context.read(read)


def tried(scenario: Scenario, doors: Mapping[str, Door], *given: object) -> list[str]:
    """Make the calls with invalid input. Return the results that are not allowed."""
    before, wrong = kept(scenario), []
    for name, door in doors.items():
        for each in given:
            shown = f"{name} {each!r:.30}"
            try:
                door(each)
            except StoreError as error:
                wrong.append(f"{shown}: StoreError: {error}"[:160])
            except DscError:
                pass
            except Exception as error:
                wrong.append(f"{shown}: {error!r}"[:160])
        if (now := kept(scenario)) != before:
            wrong.append(f"{name}: changed {[table for table in now if now[table] != before[table]]}")
            before = now
    return wrong


def half_way(scenario: Scenario, name: str = "ben") -> tuple[str, str]:
    """Begin a login that waits for a device. Return its token and the id of a device."""
    step = scenario.system.begin(name, PASSWORD)
    return step.token, next(each for each in step.choices if each.kind is Kind.SMS).id


def test_coming_in(scenario: Scenario) -> None:
    system = scenario.system
    (token, device), (answering, sms) = half_way(scenario), half_way(scenario)
    answering = system.choose(answering, sms).token
    doors: dict[str, Door] = {
        "begin name": lambda x: system.begin(x, PASSWORD),
        "begin password": lambda x: system.begin("anna", x),
        "begin address": lambda x: system.begin("anna", PASSWORD, x),
        "choose token": lambda x: system.choose(x, device),
        "choose device": lambda x: system.choose(token, x),
        "answer token": lambda x: system.answer(x, "x"),
        "answer": lambda x: system.answer(answering, x),
        **{name: getattr(system, name) for name in ("skip", "step", "visitor", "rotate", "leave")},
        "deliver": system.deliver,
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    assert system.step(answering).offer is not None


def test_an_address_that_is_none_goes_as_far_as_the_phone(scenario: Scenario) -> None:
    Target(scenario, lambda: None).activated("ben")  # type: ignore[arg-type]
    for address in ANYTHING:
        step = scenario.system.begin("ben", PASSWORD, address)
        assert scenario.system.choose(step.token, step.choices[0].id).offer is not None


WITH_A_TOKEN = (
    "devices", "protection", "check_primary", "account_users", "opt_out", "opt_in", "close_account", "requests",
    "deposit_accounts", "address", "request_online_card", "phone_numbers", "parcels", "profile", "shares",
)  # fmt: skip


def test_ones_own(scenario: Scenario) -> None:
    system, anna, ben = scenario.system, scenario.session("anna"), scenario.session("ben")
    doors: dict[str, Door] = {
        **{name: getattr(system, name) for name in WITH_A_TOKEN},
        "old password": lambda x: system.change_password(anna, x, "another quiet harbour"),
        "new password": lambda x: system.change_password(anna, PASSWORD, x),
        "opt out whom": lambda x: None if x is None else system.opt_out(anna, x),
        "opt in whom": lambda x: None if x is None else system.opt_in(anna, x),
        "may withdraw who": lambda x: system.may_withdraw(x, Decimal(1)),
        "may withdraw what": lambda x: system.may_withdraw("ben", x),
        "may withdraw when": lambda x: system.may_withdraw("ben", Decimal(1), x),
        "withdraw": lambda x: system.withdraw(ben, x),
        "check withdrawal": lambda x: system.check_withdrawal(ben, x),
        "check funding how much": lambda x: system.check_funding(ben, x, FundingMethod.ACH),
        "check funding how": lambda x: system.check_funding(ben, Decimal(1), x),
        "withdraw by id": lambda x: None if x == "" else system.withdraw(ben, Decimal(1), x),
        "forget phone": lambda x: system.forget_phone(ben, x),
        "ask to confirm phone": lambda x: system.ask_to_confirm_phone(ben, x),
        "IBAN": lambda x: system.change_bank(anna, iban=x),
        "routing number": lambda x: system.change_bank(anna, routing=x, account_number="12345678"),
        "account number": lambda x: system.change_bank(anna, routing="111000025", account_number=x),
        "ask to change email": lambda x: system.ask_to_change_email(ben, x),
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    assert tried(scenario, {"change address": lambda x: system.change_address(anna, x)}, *ANYTHING, "", "  ") == []
    system.ask_to_confirm_phone(ben, "+41791111111")
    assert tried(scenario, {"confirm phone": lambda x: system.confirm_phone(ben, x)}, *ANYTHING, *WORDS) == []
    assert system.confirm_phone(ben, scenario.sent("sms"))
    system.ask_to_change_email(anna, "anna@new.example")
    assert tried(scenario, {"confirm email": lambda x: system.confirm_email(anna, x)}, *ANYTHING, *WORDS) == []
    assert system.confirm_email(anna, scenario.sent("email"))


def test_a_cards_life(scenario: Scenario) -> None:
    system, anna, carl = scenario.system, scenario.session("anna"), scenario.session("carl")
    card = scenario.device(anna, Kind.DSC_PLUS)
    sheet, _ = system.staff.issue_code_card(scenario.call("anna"))
    scenario.waited("anna")
    system.ask_to_activate(anna, sheet.id)
    doors: dict[str, Door] = {
        "draft PIN": lambda x: system.draft_request(carl, x),
        "draft account": lambda x: None if x is None else system.draft_request(carl, PIN, account=x),
        "draft whose": lambda x: None if x is None else system.draft_request(carl, PIN, name=x),
        "confirm request": lambda x: system.confirm_request(carl, x),
        "cancel request": lambda x: system.cancel_request(carl, x),
        "sheet": lambda x: system.sheet(anna, x),
        "ask to activate": lambda x: system.ask_to_activate(anna, x),
        "activate": lambda x: system.activate(anna, x),
        "ask to change PIN": lambda x: system.ask_to_change_pin(anna, x),
        "return device": lambda x: system.announce_return(anna, x, "1Z 999"),
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    doors = {
        "draft address": lambda x: None if x is None else system.draft_request(carl, PIN, address=x),
        "return tracking": lambda x: system.announce_return(anna, card, x),
    }
    assert tried(scenario, doors, *ANYTHING, "", "  ") == []
    system.ask_to_change_pin(anna, card)
    doors = {
        "change PIN answer": lambda x: system.change_pin(anna, x, PIN),
        "change PIN": lambda x: system.change_pin(anna, "12345678", x),
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    assert system.visitor(anna).name == "anna"


def test_sharing(scenario: Scenario) -> None:
    system, ben, cleo = scenario.system, scenario.session("ben"), scenario.session("cleo")
    share, _ = system.begin_share(ben, "anna", PASSWORD)
    doors: dict[str, Door] = {
        "begin whose": lambda x: system.begin_share(ben, x, PASSWORD),
        "begin password": lambda x: system.begin_share(ben, "anna", x),
        "begin device": lambda x: None if x == "" else system.begin_share(ben, "anna", PASSWORD, x),
        "answer which": lambda x: system.answer_share(ben, x, "12345678"),
        "answer": lambda x: system.answer_share(ben, share.id, x),
        "confirm": lambda x: system.confirm_share(ben, x),
        "cancel": lambda x: system.cancel_share(ben, x),
        "decide": lambda x: system.staff.decide_share(cleo, x, True),
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []


def test_support_and_the_issuer(scenario: Scenario) -> None:
    staff, desk, sue, ivo = scenario.system.staff, scenario.call("anna"), scenario.session("sue"), scenario.session("ivo")
    card = staff.caller_devices(desk)[1][0].id
    doors: dict[str, Door] = {
        "identify whom": lambda x: staff.identify(sue, x, ANNA),
        "identify": lambda x: staff.identify(sue, "anna", x),
        "identify by": lambda x: staff.identify(sue, "anna", replace(ANNA, citizenship=x)),
        "loss of": lambda x: staff.report_loss(desk, x, Loss.LOST),
        "loss": lambda x: staff.report_loss(desk, card, x),
        "sheet": lambda x: staff.sheet(desk, x),
        "enable messages": lambda x: staff.enable_messages(desk, x),
        "email": lambda x: staff.set_email(desk, x),
        "address": lambda x: staff.set_address(desk, x),
        "bank": lambda x: staff.set_bank(desk, iban=x),
        "correct whom": lambda x: staff.correct_identity(sue, x, ANNA),
        "correct": lambda x: staff.correct_identity(sue, "anna", x),
        **{f"correct {name}": corrected(scenario, sue, name) for name in Identity.__slots__},
        "ship": lambda x: staff.ship(ivo, x),
        "receive": lambda x: staff.receive(ivo, x),
        "settle": lambda x: staff.settle(ivo, x),
        "settle for": lambda x: staff.settle(ivo, "IB3000901", x),
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    assert staff.caller_devices(desk)[0] == "anna"


def corrected(scenario: Scenario, token: str, field: str) -> Door:
    return lambda x: scenario.system.staff.correct_identity(token, "anna", replace(ANNA, **{field: x}))


def test_whoever_runs_the_system(scenario: Scenario) -> None:
    operator, anna = scenario.system.operator, scenario.accounts["anna"]
    new: dict[str, Any] = {"account": anna, "name": "zora", "password": PASSWORD, "email": "zora@example.com"}

    def added(field: str) -> Door:
        # The call is valid without a phone, and for the account's owner.
        return lambda x: None if x is None and field in ("phone", "entity") else operator.add_user(**{**new, field: x})

    doors: dict[str, Door] = {
        "person": lambda x: operator.add_entity("Zora", x, "1 Quay"),
        "account of": lambda x: operator.add_account(x, Decimal(1)),
        "account with": lambda x: operator.add_account(scenario.entities["anna"], x),
        "account in": lambda x: operator.add_account(scenario.entities["anna"], Decimal(1), x),
        **{f"user {field}": added(field) for field in (*new, "phone", "language", "role", "entity")},
        "user": operator.user,
        "password of": lambda x: operator.set_password(x, PASSWORD),
        "email of": lambda x: operator.set_email(x, "zora@example.com"),
        "email": lambda x: operator.set_email("anna", x),
        "language of": lambda x: operator.set_language(x, "de"),
        "language": lambda x: operator.set_language("anna", x),
        "primary of": lambda x: operator.set_primary(x, "ben"),
        "primary": lambda x: operator.set_primary(anna, x),
        "persons": operator.persons,
        "users": operator.users,
        "enroll for": lambda x: operator.enroll_card(x, "IB3000901"),
        "enroll": lambda x: operator.enroll_card("anna", x),
        "enroll as": lambda x: operator.enroll_card("anna", "IB3000901", x),
        "equity of": lambda x: operator.set_equity(x, Decimal(1)),
        "equity": lambda x: operator.set_equity(anna, x),
        "review of": operator.set_under_review,
        "review": lambda x: None if x is True else operator.set_under_review(scenario.entities["anna"], x),
        "ship": operator.ship,
    }
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    doors = {
        "person named": lambda x: operator.add_entity(x, ANNA, "1 Quay"),
        "person at": lambda x: operator.add_entity("Zora", ANNA, x),
    }
    assert tried(scenario, doors, *ANYTHING, "") == []


def test_apps_on_phones(scenario: Scenario) -> None:
    phones, keys = scenario.system.phones, (APP_KEYS["pin"], APP_KEYS["biometrics"])
    known = Target(scenario, lambda: None).activated("carl").known  # type: ignore[arg-type]
    step = scenario.system.begin("carl", PASSWORD)
    scenario.system.choose(step.token, step.choices[0].id)
    app = known.device, known.device_token
    push, ticket = phones.pushes(*app)[0].id, phones.begin("ben", PASSWORD).ticket
    token = newest_code(scenario.letters)
    doors: dict[str, Door] = {
        "begin name": lambda x: phones.begin(x, PASSWORD),
        "begin password": lambda x: phones.begin("ben", x),
        "begin address": lambda x: phones.begin("ben", PASSWORD, x),
        "begin phone": lambda x: phones.begin("ben", PASSWORD, "", x),
        "activate ticket": lambda x: phones.activate(x, token, *keys),
        "activate token": lambda x: phones.activate(ticket, x, *keys),
        "activate PIN": lambda x: phones.activate(ticket, token, x, keys[1]),
        "activate finger": lambda x: None if x is None else phones.activate(ticket, token, keys[0], x),
        "activate proof": lambda x: None if x is None else phones.activate(ticket, token, *keys, x),
        "activate proven": lambda x: phones.activate(ticket, token, *keys, Proof(x, x)),
        "approve which": lambda x: phones.approve(*app, x, "pin", "12345678"),
        "approve how": lambda x: phones.approve(*app, push, x, "12345678"),
        "approve by": lambda x: phones.approve(*app, push, "pin", x),
        "deny": lambda x: phones.deny(*app, x),
    }
    for name in ("challenge", "pushes", "remove"):
        doors |= {f"{name} of": app_of(getattr(phones, name), app[1]), f"{name} by": app_by(getattr(phones, name), app[0])}
    assert tried(scenario, doors, *ANYTHING, *WORDS) == []
    assert phones.activate(ticket, token, *keys).user == "ben"


def app_of(call: Callable[[Any, str], object], token: str) -> Door:
    return lambda x: call(x, token)


def app_by(call: Callable[[str, Any], object], device: str) -> Door:
    return lambda x: call(device, x)
