"""Datagrams that get no reply, repeated datagrams, and many datagrams at once."""

import json
import logging

import pytest
from tests.host.gateway.radius_program import Program, fresh, request, unsigned
from tests.host.login.scenario import PASSWORD, Scenario

from dsc_host.errors import StoreError
from dsc_host.gateway.radius import logins, packets, responder
from dsc_host.gateway.radius.packets import Code, Type, parse
from dsc_host.gateway.radius.responder import Request
from dsc_host.server.logs import JsonLines


def entries(scenario: Scenario) -> int:
    return len(list(scenario.verifier.audit.entries()))


def asked(program: Program, *more: tuple[int, bytes]) -> bytes:
    return request(program.client.secret, b"anna", PASSWORD.encode(), *more)


def test_what_is_no_signed_request_of_a_client_reaches_no_record(program: Program) -> None:
    data, before = asked(program), entries(program.scenario)
    wrong = request(b"another secret", b"anna", PASSWORD.encode())
    changed = data[:-1] + bytes([data[-1] ^ 1])
    accounting = bytes([4]) + data[1:]
    for each in (wrong, changed, unsigned(data), b"", data[:-1], accounting, bytes(4096)):
        assert program.send(each) is None
    assert program.responder.take(data, ("192.0.2.8", 5000)) is None
    assert program.responder.take(data, ("no address", 5000)) is None
    assert program.responder.dropped == {
        "forged": 2, "unsigned": 1, "malformed": 3, "other code": 1, "unknown client": 2,
    }  # fmt: skip
    assert entries(program.scenario) == before


def test_an_old_device_need_not_sign_unless_there_is_a_proxy_state(scenario: Scenario) -> None:
    program = Program.of(scenario, "old", "192.0.2.7", signs=False)
    reply = program.send(unsigned(asked(program)))
    assert reply is not None
    assert reply.code == Code.ACCESS_CHALLENGE
    assert program.send(unsigned(asked(program, (Type.PROXY_STATE, b"x")))) is None
    assert program.send(request(b"another secret", b"anna", PASSWORD.encode())) is None
    assert program.responder.dropped == {"unsigned": 1, "forged": 1}


def test_a_repeated_request_gets_the_same_reply_and_is_judged_once(program: Program) -> None:
    state, response = program.challenged()
    data = request(program.client.secret, b"anna", response.encode(), (Type.STATE, state))
    first, logged = program.send(data), entries(program.scenario)
    assert first is not None
    assert first.code == Code.ACCESS_ACCEPT
    assert program.send(data) == first
    assert entries(program.scenario) == logged
    # From another port it is another request, and the State is used.
    other = program.send(data, port=5001)
    assert other is not None
    assert other.code == Code.ACCESS_REJECT


def test_a_request_that_is_repeated_while_it_is_judged_is_dropped(program: Program) -> None:
    data = asked(program)
    assert isinstance(program.responder.take(data, (program.address, 5000)), Request)
    assert program.send(data) is None
    assert program.responder.dropped == {"repeated": 1}


def test_replies_are_kept_for_some_time_and_up_to_a_number(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "MOST_REPLIES", 2)
    judged = [asked(program) for _ in range(3)]
    replies = [program.send(each) for each in judged]
    assert program.send(judged[2]) == replies[2]
    assert len(program.responder._replies) == 2
    assert program.send(judged[0]) != replies[0]
    program.scenario.clock.now += responder.KEPT_SECONDS
    assert program.send(judged[2]) != replies[2]
    assert len(program.responder._replies) == 1


def test_more_requests_than_can_be_judged_at_once_are_dropped(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "MOST_PENDING", 1)
    taken = program.responder.take(asked(program), (program.address, 5000))
    assert isinstance(taken, Request)
    assert program.send(asked(program)) is None
    assert program.responder.dropped == {"busy": 1}
    program.responder.finish(taken, program.responder.reply(taken))
    assert program.send(asked(program)) is not None


@pytest.mark.parametrize("trouble", [StoreError("the database is busy"), RuntimeError(PASSWORD)])
def test_a_request_that_fails_gets_no_reply_and_is_judged_when_it_is_repeated(
    program: Program, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trouble: Exception
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    caplog.set_level(logging.INFO)
    data = asked(program)
    with monkeypatch.context() as patched:
        patched.setattr(logins.UserLogins, "judge", fail)
        assert program.send(data) is None
    assert program.send(data) is not None
    program.responder.report()
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    assert [line["event"] for line in lines] == ["failed", "challenge", "dropped"]
    assert (lines[0]["error"], lines[2]["failed"]) == (type(trouble).__name__, 1)
    assert PASSWORD not in str(lines)
    assert "anna" not in str(lines)


def test_proxy_states_come_back_in_their_order(program: Program) -> None:
    states = [bytes([each]) * 248 for each in range(9)]
    reply = program.send(asked(program, *((Type.PROXY_STATE, each) for each in states)))
    assert reply is not None
    assert reply.all(Type.PROXY_STATE) == states


def test_a_request_whose_reply_would_be_too_long_is_not_judged(program: Program) -> None:
    fits = [(Type.PROXY_STATE, bytes(248))] * (responder.MOST_PROXY_BYTES // 250)
    assert program.send(asked(program, *fits)) is not None
    before, data = entries(program.scenario), asked(program, *fits, (Type.PROXY_STATE, b""))
    assert program.send(data) is None
    assert program.responder.dropped == {"too long": 1}
    assert entries(program.scenario) == before


@pytest.mark.parametrize("missing", [Type.USER_NAME, Type.USER_PASSWORD])
def test_a_request_without_name_or_password_is_rejected(program: Program, missing: Type) -> None:
    whole = parse(asked(program))
    kept = [(kind, value) for kind, value in whole.attributes if kind not in (missing, Type.MESSAGE_AUTHENTICATOR)]
    reply = program.send(packets.request(7, fresh(), kept, program.client.secret))
    assert reply is not None
    assert reply.code == Code.ACCESS_REJECT


def test_any_name_and_password_are_wrong_at_most(program: Program) -> None:
    for name, password in (
        (b"", b""),
        (b"\xff\x00" * 100, b"\xfe" * 128),
        (b"anna\x00", PASSWORD.encode()),
        (b"a" * 253, b"b"),
    ):
        reply = program.send(request(program.client.secret, name, password))
        assert reply is not None
        assert reply.code == Code.ACCESS_REJECT
