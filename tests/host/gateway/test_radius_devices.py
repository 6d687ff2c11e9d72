"""Logins with RADIUS of users with several devices, in their languages, and with a static code behind the password."""

import pytest
from tests.host.gateway.radius_program import Program, shown
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.gateway.radius import messages
from dsc_host.gateway.radius.packets import MOST_VALUE, Code, Packet, Type
from dsc_host.login import Kind
from dsc_host.portal import languages, wording


def state(reply: Packet | None) -> bytes:
    assert reply is not None
    assert reply.code == Code.ACCESS_CHALLENGE
    (found,) = reply.all(Type.STATE)
    return found


def code(reply: Packet | None) -> int:
    assert reply is not None
    return reply.code


def choose(program: Program, before: bytes, number: str, name: str = "anna") -> Packet | None:
    return program.ask(name, number, (Type.STATE, before))


def test_another_device_is_chosen_by_its_number(program: Program) -> None:
    first = program.ask("ben")
    assert shown(first)[1] == " For another device, enter its number: 2 Code by phone call (+41…67)."
    second = choose(program, state(first), "2", "ben")
    assert shown(second)[1] == " For another device, enter its number: 1 Code by SMS (+41…67)."
    spoken = program.scenario.sent("voice").replace(" ", "")
    assert code(program.ask("ben", spoken, (Type.STATE, state(first)))) == Code.ACCESS_REJECT, "a choice uses the State up"
    assert program.answer(state(second), spoken, "ben") == Code.ACCESS_ACCEPT


@pytest.mark.parametrize("number", ["2", "9", "0"])
def test_no_other_number_is_a_device(program: Program, number: str) -> None:
    before, response = program.challenged()
    assert code(choose(program, before, number)) == Code.ACCESS_REJECT
    assert program.answer(before, response) == Code.ACCESS_REJECT


def test_choices_count_as_challenges_do_at_the_login_page(program: Program) -> None:
    reply, chosen = program.ask("ben"), 0
    while code(reply) == Code.ACCESS_CHALLENGE:
        reply, chosen = choose(program, state(reply), "21"[chosen % 2], "ben"), chosen + 1
    assert chosen == program.scenario.system.policy.login.offers


def test_a_device_that_is_locked_gives_way_to_another_one(program: Program) -> None:
    for _ in range(program.scenario.system.policy.login.factor_failures):
        program.answer(state(program.ask("ben")), "000000", "ben")
    reply = program.ask("ben")
    assert "sent to" in shown(reply)[0]
    assert shown(reply)[1].endswith("1 Code by SMS (+41…67).")


@pytest.mark.parametrize(("language", "begins"), [("de", "Prüfzahl: "), ("ru", "Код запроса: ")])
def test_users_read_their_language_and_refusals_have_the_programs(scenario: Scenario, language: str, begins: str) -> None:
    program = Program.of(scenario, "vpn", "192.0.2.7", language="de")
    scenario.system.operator.set_language("anna", language)
    assert shown(program.ask())[0].startswith(begins)
    refusals = [program.ask("anna", "a wrong one"), program.ask("nobody", "a wrong one")]
    assert [shown(reply) for reply in refusals] == [["Die Anmeldung wurde abgelehnt."]] * 2


def test_every_message_is_in_every_language_and_devices_have_the_names_of_the_pages() -> None:
    assert {frozenset(words) for words in messages._all().values()} == {frozenset(languages.NAMES)}
    for name, language in languages.load().items():
        assert [messages._words(kind, name) for kind in Kind] == [language(wording.KINDS[kind]) for kind in Kind]


def test_a_long_message_is_several_attributes_that_end_between_characters() -> None:
    parts = messages._parts("я" * 300)
    assert [len(value) for _, value in parts] == [MOST_VALUE - 1, MOST_VALUE - 1, 96]
    assert "".join(value.decode() for _, value in parts) == "я" * 300


def test_a_static_code_is_typed_behind_the_password_where_no_challenge_is_shown(scenario: Scenario) -> None:
    program = Program.of(scenario, "door", "192.0.2.7", challenges=False)
    temporary, _ = scenario.bridged("anna")
    wrong = temporary[:-1] + ("2" if temporary[-1] != "2" else "3")
    texts = (PASSWORD + temporary, PASSWORD + wrong, PASSWORD, temporary, "", "x" + temporary)
    replies = [code(program.ask("anna", text)) for text in texts]
    assert replies == [Code.ACCESS_ACCEPT, *[Code.ACCESS_REJECT] * 5]
    assert code(program.ask("sue", PASSWORD + temporary)) == Code.ACCESS_REJECT, "it is anna's"
    before = Program.beside(program, "vpn", "192.0.2.8").ask()
    answer = program.ask("anna", scenario.respond(SERIALS["anna"], "123456"), (Type.STATE, state(before)))
    assert code(answer) == Code.ACCESS_REJECT
