"""Logins with RADIUS with the verifier alone: the user name is the owner of a card."""

from dataclasses import replace

import pytest
from tests.host.gateway.radius_program import Program, question, shown
from tests.host.login.scenario import SERIALS, Scenario

from dsc_host.gateway.radius.card_logins import CardLogins
from dsc_host.gateway.radius.packets import Code, Packet, Type
from dsc_host.gateway.radius.responder import Responder


@pytest.fixture
def program(scenario: Scenario) -> Program:
    program = Program.of(scenario, "vpn", "192.0.2.7")
    return replace(program, responder=Responder(CardLogins(scenario.verifier), [program.client], clock=scenario.clock))


def asked(program: Program, name: str = "anna", text: str = "") -> tuple[bytes, Packet]:
    reply = program.ask(name, text)
    assert reply is not None
    assert reply.code == Code.ACCESS_CHALLENGE
    return reply.one(Type.STATE) or b"", reply


def test_an_owner_logs_in_by_the_card_alone(program: Program) -> None:
    state, reply = asked(program)
    response = program.scenario.respond(SERIALS["anna"], question(reply))
    assert program.answer(state, response, "sue") == Code.ACCESS_REJECT
    assert program.answer(state, f" {response[:4]} {response[4:]}") == Code.ACCESS_ACCEPT
    assert program.answer(state, response) == Code.ACCESS_REJECT
    assert {entry.actor for entry in program.scenario.verifier.audit.entries()} >= {"radius:vpn"}


def test_a_wrong_response_uses_the_state_up(program: Program) -> None:
    state, reply = asked(program)
    assert program.answer(state, "00000000") == Code.ACCESS_REJECT
    assert program.answer(state, program.scenario.respond(SERIALS["anna"], question(reply))) == Code.ACCESS_REJECT


def test_a_name_without_a_card_looks_like_one_with_a_card(program: Program) -> None:
    for name in ("nobody", "x" * 100, "\x00", ""):
        state, reply = asked(program, name)
        again = asked(program, name)[1]
        known = asked(program)[1]
        assert len(question(reply)) == len(question(known)) == len(question(again))
        assert [kind for kind, _ in reply.attributes] == [kind for kind, _ in known.attributes]
        assert program.answer(state, "12345678", name) == Code.ACCESS_REJECT
    assert program.scenario.verifier.policy.challenges == 30
    replies = [program.ask("somebody", "") for _ in range(31)]
    assert [reply.code for reply in replies if reply][-2:] == [Code.ACCESS_CHALLENGE, Code.ACCESS_REJECT]


def test_an_owner_of_several_cards_names_one_or_gets_one_in_use(program: Program) -> None:
    scenario = program.scenario
    scenario.verifier.add_owner(SERIALS["sue"], "anna")
    for text, serial in (("", SERIALS["anna"]), (SERIALS["sue"].lower(), SERIALS["sue"])):
        state, reply = asked(program, text=text)
        assert program.answer(state, scenario.respond(serial, question(reply))) == Code.ACCESS_ACCEPT
    scenario.verifier.lost(SERIALS["anna"])
    state, reply = asked(program)
    assert program.answer(state, scenario.respond(SERIALS["sue"], question(reply))) == Code.ACCESS_ACCEPT


def test_an_owner_who_gives_the_card_away_meanwhile_is_rejected(program: Program) -> None:
    scenario = program.scenario
    state, reply = asked(program)
    scenario.verifier.remove_owner(SERIALS["anna"], "anna")
    scenario.verifier.add_owner(SERIALS["sue"], "anna")
    assert program.answer(state, scenario.respond(SERIALS["anna"], question(reply))) == Code.ACCESS_REJECT
    nobody, _ = asked(program, "nobody")
    assert len(state) == len(nobody), "a State does not tell who has a card"


def test_a_locked_card_and_a_program_without_challenges_are_rejected(program: Program, scenario: Scenario) -> None:
    scenario.verifier.lock(SERIALS["anna"])
    state, reply = asked(program)
    assert program.answer(state, scenario.respond(SERIALS["anna"], question(reply))) == Code.ACCESS_REJECT
    door = Program.of(scenario, "door", "192.0.2.8", challenges=False)
    door = replace(door, responder=Responder(CardLogins(scenario.verifier), [door.client]))
    refused = door.ask("sue", "12345678")
    assert shown(refused) == ["The login was refused."]
