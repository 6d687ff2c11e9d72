"""Mail and logins do not wait for each other. Sent messages, pushes and failed messages are removed after some time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.host.login.town import DAY, PASSWORD, Town
from tests.pentest.target import Target

from dsc_host.login import Calling, Kind, Letter, LoginSystem, rows
from dsc_host.login.messages.outbox import PAUSES

ALARM = "security@localhost"


def sending(town: Town, send: Callable[[Letter], None]) -> LoginSystem:
    return replace(town.system, senders=dict.fromkeys(("email", "sms", "voice"), Calling(send)))


def broken(_letter: Letter) -> None:
    raise OSError("no line")


def waiting(town: Town) -> int:
    return town.system.context.read(lambda tx: rows.messages.count(tx.db, rows.messages.c.state == "queued"))


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
    town: Town, login: Callable[[LoginSystem], None], channels: list[str]
) -> None:
    for name in ("anna", "ben", "carl"):
        town.tell(name, "closed")
    # Somebody else's code waits, because its sender had no connection.
    held_up = sending(town, broken)
    begun = held_up.begin("carl", PASSWORD)
    held_up.choose(begun.token, next(each.id for each in begun.choices if each.kind is Kind.SMS))
    town.clock.advance(PAUSES[1])
    sent: list[Letter] = []
    login(sending(town, sent.append))
    assert [letter.channel for letter in sent] == channels
    assert waiting(town) == 4
    assert town.system.deliver() == 4


def test_a_number_that_is_to_be_confirmed_has_its_code_and_nothing_else_is_sent(town: Town) -> None:
    token = town.session("ben")
    town.tell("ben", "closed")
    sent: list[Letter] = []
    sending(town, sent.append).ask_to_confirm_phone(token, "+41791111111")
    assert [(letter.channel, letter.address) for letter in sent] == [("sms", "+41791111111")]


def test_what_others_do_uses_up_nobodys_tries(town: Town) -> None:
    """An alarm is retried after a pause, not at each login, while the mail server restarts."""
    town.verifier.set_duress_pin("IB3000901", "9182")
    town.enter("anna", pin="9182")
    down = sending(town, broken)
    for _ in range(10):
        by_sms(down)
        down.deliver()
    assert town.system.deliver() == 0
    town.clock.advance(PAUSES[1])
    town.system.operator.run_due()
    assert ALARM in {letter.address for letter in town.letters}


# ---- the removal of old rows ----


def test_pushes_and_messages_are_not_kept_for_ever(town: Town) -> None:
    Target(town, lambda: None).give(Kind.PHONE_APP)  # type: ignore[arg-type]
    town.chosen("anna", Kind.PHONE_APP)
    town.session("ben")
    by_sms(sending(town, broken))
    town.system.deliver()

    def kept() -> tuple[int, int, int]:
        town.system.operator.run_due()
        count = town.system.context.read
        return (
            count(lambda tx: rows.pushes.count(tx.db)),
            count(lambda tx: rows.messages.count(tx.db, rows.messages.c.state == "sent")) > 0,
            count(lambda tx: rows.messages.count(tx.db)) > 0,
        )

    assert kept() == (1, True, True)
    town.clock.advance(DAY)
    assert kept() == (1, True, True)
    town.clock.advance(2 * 60 + 1)
    assert kept() == (0, True, True)
    town.clock.advance(88 * DAY)
    assert kept() == (0, True, True)
    town.clock.advance(2 * DAY)
    assert kept() == (0, False, False)


def test_what_has_not_been_sent_yet_is_kept_however_old_it_is(town: Town) -> None:
    town.tell("anna", "closed")
    town.clock.advance(1000 * DAY)
    town.system.operator.run_due()
    assert "closed" in town.told("anna")
