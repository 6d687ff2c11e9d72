"""Logins with RADIUS: a challenge, the response of the card, and everything else, which is refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.host.gateway.radius_program import Program, question, request, shown
from tests.host.login.scenario import PASSWORD, SERIALS, Scenario
from tests.host.login.wrong_passwords import WRONG

from dsc_host.errors import TooManyChallenges, UnknownCard, VerifierError
from dsc_host.gateway.radius.packets import Code, Type, parse
from dsc_host.gateway.radius.responder import Request
from dsc_host.login import Scope, rows
from dsc_host.login.devices.kinds import Outcome, challenge_card
from dsc_host.records.transaction import Refused


def sessions(scenario: Scenario) -> int:
    return scenario.system.context.read(lambda tx: len(rows.sessions.all(tx.db, rows.sessions.c.id != "")))


def test_a_card_logs_in(program: Program) -> None:
    reply = program.ask("ANNA")
    assert reply is not None
    assert reply.code == Code.ACCESS_CHALLENGE
    response = program.scenario.respond(SERIALS["anna"], question(reply))
    accepted = program.ask("ANNA", response, (Type.STATE, reply.one(Type.STATE) or b""))
    assert accepted is not None
    assert (accepted.code, accepted.one(Type.USER_NAME)) == (Code.ACCESS_ACCEPT, b"anna")
    assert sessions(program.scenario) == 0, "no session stays open"
    assert [entry.actor for entry in program.scenario.verifier.audit.entries()][-1] == "radius:vpn"


def test_a_sent_code_logs_in(program: Program) -> None:
    reply = program.ask("ben")
    assert reply is not None
    assert "sent to +41…67" in shown(reply)[0]
    assert program.answer(reply.one(Type.STATE) or b"", program.scenario.sent("sms"), "ben") == Code.ACCESS_ACCEPT


def test_a_wrong_response_uses_the_challenge_up(program: Program) -> None:
    state, response = program.challenged()
    assert program.answer(state, "00000000") == Code.ACCESS_REJECT
    assert program.answer(state, response) == Code.ACCESS_REJECT
    assert sessions(program.scenario) == 0
    assert program.answer(*program.challenged()) == Code.ACCESS_ACCEPT


def test_a_state_is_used_once(program: Program) -> None:
    state, response = program.challenged()
    assert program.answer(state, response) == Code.ACCESS_ACCEPT
    assert program.answer(state, response) == Code.ACCESS_REJECT


def test_a_state_that_is_sent_many_times_at_once_is_used_once(program: Program) -> None:
    state, response = program.challenged()
    data = [request(program.client.secret, b"anna", response.encode(), (Type.STATE, state)) for _ in range(4)]
    taken = [program.responder.take(each, (program.address, 5000)) for each in data]
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(program.responder.reply, [each for each in taken if isinstance(each, Request)]))
    assert sorted(parse(reply).code for reply in replies if reply) == [Code.ACCESS_ACCEPT, *[Code.ACCESS_REJECT] * 3]


def test_a_state_opens_nothing_for_another_user(program: Program) -> None:
    """The owner of a card must not become somebody else at the program."""
    state, response = program.challenged("sue")
    assert program.answer(state, response, "anna") == Code.ACCESS_REJECT
    assert program.answer(state, response, "sue") == Code.ACCESS_ACCEPT


def test_a_state_opens_nothing_for_another_client(program: Program) -> None:
    state, response = program.challenged()
    assert program.beside("wiki", "192.0.2.8").answer(state, response) == Code.ACCESS_REJECT
    assert program.answer(state, response) == Code.ACCESS_ACCEPT


def test_a_state_ends_with_its_time(program: Program) -> None:
    state, response = program.challenged()
    program.scenario.clock.now += program.scenario.system.policy.login.step_validity
    assert program.answer(state, response) == Code.ACCESS_REJECT


@pytest.mark.parametrize("forged", [b"", b"x", bytes(71), bytes(253)])
def test_a_forged_state_is_refused(program: Program, forged: bytes) -> None:
    assert program.answer(forged, "12345678") == Code.ACCESS_REJECT


def test_two_states_are_refused(program: Program) -> None:
    state, response = program.challenged()
    reply = program.ask("anna", response, (Type.STATE, state), (Type.STATE, state))
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT


def test_a_locked_card_does_not_log_in(program: Program) -> None:
    program.scenario.verifier.lock(SERIALS["anna"])
    assert program.answer(*program.challenged()) == Code.ACCESS_REJECT


def test_all_refusals_look_the_same(program: Program) -> None:
    state, _ = program.challenged("sue")
    replies = [
        program.ask("anna", WRONG),
        program.ask("nobody", WRONG),
        program.ask("sue", "00000000", (Type.STATE, state)),
        program.ask("sue", "00000000", (Type.STATE, state)),
    ]
    assert {reply.code for reply in replies if reply} == {Code.ACCESS_REJECT}
    assert len({reply.attributes[1:] for reply in replies if reply}) == 1


def test_a_closed_account_and_an_opted_out_user_need_a_device(program: Program) -> None:
    scenario = program.scenario
    scenario.system.opt_out(scenario.session("anna"))
    reply = program.ask("anna")
    assert reply is not None
    assert reply.code == Code.ACCESS_CHALLENGE
    closed = rows.accounts.c.id == scenario.accounts["carl"]
    scenario.system.change(
        lambda tx: [rows.accounts.change(tx.db, a.id, closed_at=1.0) for a in rows.accounts.all(tx.db, closed)]
    )
    reply = program.ask("carl")
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    assert ("login.enter", "done", "statements") not in scenario.events()


def test_the_limits_are_those_of_the_login_page(program: Program) -> None:
    here, elsewhere = (Type.CALLING_STATION_ID, b"198.51.100.1"), (Type.CALLING_STATION_ID, b"2001:db8::1")
    for _ in range(program.scenario.system.policy.login.pause_after):
        program.ask("anna", WRONG, here)
    limited, other = program.ask("anna", PASSWORD, here), program.ask("anna", PASSWORD, elsewhere)
    assert limited is not None
    assert other is not None
    assert (limited.code, other.code) == (Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE)


@pytest.mark.parametrize("error", [TooManyChallenges("too many", 60), UnknownCard("there is none")])
def test_a_card_that_gets_no_challenge_is_rejected(
    program: Program, monkeypatch: pytest.MonkeyPatch, error: VerifierError
) -> None:
    monkeypatch.setattr(challenge_card.challenges, "issue", lambda *_, **__: Refused(error))
    reply = program.ask("anna")
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT
    assert sessions(program.scenario) == 0


def test_a_device_that_opens_less_than_everything_opens_nothing(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    state, response = program.challenged()
    monkeypatch.setattr(challenge_card, "Outcome", lambda status, **_: Outcome(status, Scope.ACCOUNT))
    assert program.answer(state, response) == Code.ACCESS_REJECT
    assert sessions(program.scenario) == 0
