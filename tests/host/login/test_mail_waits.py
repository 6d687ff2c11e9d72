"""Mail and logins do not wait for each other. Sent messages, pushes and failed messages are removed after some time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.host.login.scenario import DAY, PASSWORD, Scenario
from tests.pentest.target import Target

from dsc_host.login import Calling, Kind, Letter, LoginSystem, rows
from dsc_host.login.messages.outbox import PAUSES

ALARM = "security@localhost"


def sending(scenario: Scenario, send: Callable[[Letter], None]) -> LoginSystem:
    return replace(scenario.system, senders=dict.fromkeys(("email", "sms", "voice"), Calling(send)))


def broken(_letter: Letter) -> None:
    raise OSError("no line")


def waiting(scenario: Scenario) -> int:
    return scenario.system.context.read(lambda tx: rows.messages.count(tx.db, rows.messages.c.state == "queued"))


# ---- independence of logins and mail ----


def by_card(system: LoginSystem) -> None:
    begun = system.begin("anna", PASSWORD)
    system.choose(begun.token, begun.choices[0].id)


def by_sms(system: LoginSystem) -> None:
    begun = system.begin("ben", PASSWORD)
    system.choose(begun.token, next(each.id for each in begun.choices if each.kind is Kind.SMS))


def by_app(system: LoginSystem) -> None:
    system.phones.begin(" BEN ", PASSWORD)


@pytest.mark.parametrize(("login", "channels"), [(by_card, []), (by_sms, ["sms"]), (by_app, ["sms"])])
def test_a_login_sends_its_own_codes_and_nothing_else(
    scenario: Scenario, login: Callable[[LoginSystem], None], channels: list[str]
) -> None:
    for name in ("anna", "ben", "carl"):
        scenario.tell(name, "closed")
    # Somebody else's code waits, because its sender had no connection.
    held_up = sending(scenario, broken)
    begun = held_up.begin("carl", PASSWORD)
    held_up.choose(begun.token, next(each.id for each in begun.choices if each.kind is Kind.SMS))
    scenario.clock.advance(PAUSES[1])
    sent: list[Letter] = []
    login(sending(scenario, sent.append))
    assert [letter.channel for letter in sent] == channels
    assert waiting(scenario) == 4
    assert scenario.system.deliver() == 4


def test_a_number_that_is_to_be_confirmed_has_its_code_and_nothing_else_is_sent(scenario: Scenario) -> None:
    token = scenario.session("ben")
    scenario.tell("ben", "closed")
    sent: list[Letter] = []
    sending(scenario, sent.append).ask_to_confirm_phone(token, "+41791111111")
    assert [(letter.channel, letter.address) for letter in sent] == [("sms", "+41791111111")]


def test_what_others_do_uses_up_nobodys_tries(scenario: Scenario) -> None:
    """An alarm is retried after a pause, not at each login, while the mail server restarts."""
    scenario.verifier.set_duress_pin("IB3000901", "9182")
    scenario.enter("anna", pin="9182")
    down = sending(scenario, broken)
    for _ in range(10):
        by_sms(down)
        down.deliver()
    assert scenario.system.deliver() == 0
    scenario.clock.advance(PAUSES[1])
    scenario.system.operator.run_due()
    assert ALARM in {letter.address for letter in scenario.letters}


# ---- the removal of old rows ----


def test_pushes_and_messages_are_not_kept_for_ever(scenario: Scenario) -> None:
    Target(scenario, lambda: None).give(Kind.PHONE_APP)  # type: ignore[arg-type]
    scenario.chosen("anna", Kind.PHONE_APP)
    scenario.session("ben")
    by_sms(sending(scenario, broken))
    scenario.system.deliver()

    def kept() -> tuple[int, int, int]:
        scenario.system.operator.run_due()
        count = scenario.system.context.read
        return (
            count(lambda tx: rows.pushes.count(tx.db)),
            count(lambda tx: rows.messages.count(tx.db, rows.messages.c.state == "sent")) > 0,
            count(lambda tx: rows.messages.count(tx.db)) > 0,
        )

    assert kept() == (1, True, True)
    scenario.clock.advance(DAY)
    assert kept() == (1, True, True)
    scenario.clock.advance(2 * 60 + 1)
    assert kept() == (0, True, True)
    scenario.clock.advance(88 * DAY)
    assert kept() == (0, True, True)
    scenario.clock.advance(2 * DAY)
    assert kept() == (0, False, False)


def test_what_has_not_been_sent_yet_is_kept_however_old_it_is(scenario: Scenario) -> None:
    scenario.tell("anna", "closed")
    scenario.clock.advance(1000 * DAY)
    scenario.system.operator.run_due()
    assert "closed" in scenario.told("anna")
