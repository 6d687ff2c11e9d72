"""A program that logs users in with RADIUS, without a network: its packets go straight to a responder."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from tests.host.login.scenario import PASSWORD, SERIALS, Scenario

from dsc_host.gateway.radius import clients, packets
from dsc_host.gateway.radius.attributes import NO_TABLE, Table
from dsc_host.gateway.radius.clients import Client, Options
from dsc_host.gateway.radius.logins import UserLogins
from dsc_host.gateway.radius.packets import Attribute, Code, Packet, Type, parse
from dsc_host.gateway.radius.responder import Request, Responder

_NUMBERS = count(1)


def fresh() -> bytes:
    """Return an authenticator that no other request has."""
    return next(_NUMBERS).to_bytes(16, "big")


def request(secret: bytes, name: bytes, password: bytes, *more: Attribute) -> bytes:
    """Return a signed request."""
    nonce = fresh()
    hidden = packets.hide_password(password, nonce, secret)
    return packets.request(7, nonce, [(Type.USER_NAME, name), (Type.USER_PASSWORD, hidden), *more], secret)


def unsigned(data: bytes) -> bytes:
    """Return a request without its signature, which comes first."""
    return data[:2] + (len(data) - 18).to_bytes(2, "big") + data[4:20] + data[38:]


@dataclass(frozen=True)
class Program:
    """A RADIUS client of a scenario."""

    scenario: Scenario
    responder: Responder
    client: Client
    address: str
    others: Sequence[Client] = field(default=())

    @classmethod
    def of(cls, scenario: Scenario, name: str, address: str, table: Table = NO_TABLE, **options: Any) -> "Program":
        client = scenario.system.change(lambda tx: clients.add(tx, name, address, Options(**options)))
        judge = UserLogins(scenario.system, table)
        return cls(scenario, Responder(judge, [client], clock=scenario.clock), client, address)

    def beside(self, name: str, address: str) -> "Program":
        """Return another client of the same server."""
        other = self.scenario.system.change(lambda tx: clients.add(tx, name, address))
        return replace(
            self, responder=Responder(UserLogins(self.scenario.system), [self.client, other]), client=other, address=address
        )

    def send(self, data: bytes, port: int = 5000) -> Packet | None:
        """Send a packet. Return the reply, whose signature is checked; None if there is none."""
        taken = self.responder.take(data, (self.address, port))
        reply: bytes | None
        if isinstance(taken, Request):
            reply = self.responder.reply(taken)
            self.responder.finish(taken, reply)
        else:
            reply = taken
        if reply is None:
            return None
        assert packets.is_reply(reply, data, self.client.secret)
        return parse(reply)

    def ask(self, name: str = "anna", password: str = PASSWORD, *more: Attribute) -> Packet | None:
        return self.send(request(self.client.secret, name.encode(), password.encode(), *more))

    def challenged(self, name: str = "anna") -> tuple[bytes, str]:
        """Send name and password. Return the State and the correct response of the user's card."""
        reply = self.ask(name)
        assert reply is not None
        assert reply.code == Code.ACCESS_CHALLENGE
        state = reply.one(Type.STATE)
        assert state is not None
        return state, self.scenario.respond(SERIALS[name], question(reply))

    def answer(self, state: bytes, response: str, name: str = "anna") -> int:
        """Send a response. Return the code of the reply."""
        reply = self.ask(name, response, (Type.STATE, state))
        assert reply is not None
        return reply.code


def question(reply: Packet) -> str:
    """Return the challenge in a reply's message."""
    message = shown(reply)[0]
    return "".join(filter(str.isdigit, message))


def shown(reply: Packet | None) -> list[str]:
    """Return the parts of a reply's message."""
    assert reply is not None
    return [each.decode() for each in reply.all(Type.REPLY_MESSAGE)]
