"""RADIUS logins of the login system's users: name and password, a challenge, and the response.

Five promises:

1. Nobody is accepted without the right answer of a device whose session would have the scope `full`.
2. A State can be used once. It is not valid for another client, for another user name, or after the login has expired.
3. A reply does not reveal whether the name, the password or the response was wrong.
4. The limits are those of the login page.
5. No session is opened.
"""

import re
from dataclasses import dataclass

from dsc_host.errors import StoreError, TooManyChallenges, VerifierError
from dsc_host.gateway.radius import messages
from dsc_host.gateway.radius.attributes import NO_TABLE, Table
from dsc_host.gateway.radius.clients import Client, plain_address
from dsc_host.gateway.radius.packets import Code, Packet, Type, password_of
from dsc_host.gateway.radius.replies import ForeignState, Reply, decoded, opened_state, rejected, sealed_state
from dsc_host.login import LoginError, LoginSystem, Scope, TooManyAttempts
from dsc_host.login.service.gateway_calls import AcceptedLogin, OfferedChallenge
from dsc_host.records.keys import Keyring

_CHOICE = re.compile("[1-9]", re.ASCII)
"""A single digit, which chooses another device by its number. Every response is longer."""


@dataclass(frozen=True, slots=True)
class UserLogins:
    """A judge that asks the login system. `table` has the attributes in replies to accepted users."""

    system: LoginSystem
    table: Table = NO_TABLE

    def judge(self, client: Client, packet: Packet, address: str) -> Reply:
        """Return the reply to an Access-Request from an address. Raises `StoreError` and `OutOfMemory`."""
        name, password = packet.one(Type.USER_NAME), password_of(packet, client.secret)
        if name is None or password is None:
            return rejected("unsupported", client)
        attempt = _Attempt(self.system.by(f"radius:{client.name}"), self.table, client, name, decoded(password))
        try:
            if states := packet.all(Type.STATE):
                return attempt.answer(states)
            return attempt.begin(_origin(packet, address))
        except ForeignState:
            return rejected("foreign state", client)
        except (TooManyAttempts, TooManyChallenges):
            return rejected("limited", client)
        except StoreError:
            raise
        except (LoginError, VerifierError):
            return rejected("refused", client)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One request of a client: the user name, and the text that the user typed. `system` logs the client as the actor."""

    system: LoginSystem
    table: Table
    client: Client
    name: bytes
    text: str

    def begin(self, origin: str) -> Reply:
        """Check name and password. Return a challenge, or the outcome if the program cannot show a challenge."""
        gateway, name = self.system.gateway, decoded(self.name)
        if self.client.options.challenges:
            return self._challenge(gateway.ask(name, self.text, origin))
        letters = self.system.policy.temporary.letters
        return self._accept(gateway.enter(name, self.text[:-letters], self.text[-letters:], origin))

    def answer(self, states: list[bytes]) -> Reply:
        """Judge a response, or show the challenge of another device."""
        token = opened_state(self._keys, states, self.client, self.name)
        if _CHOICE.fullmatch(self.text):
            return self._challenge(self.system.gateway.choose(token, int(self.text)))
        return self._accept(self.system.gateway.answer(token, self.text))

    def _challenge(self, asked: OfferedChallenge) -> Reply:
        state = sealed_state(self._keys.current, asked.token, self.client, self.name)
        shown = messages.challenge(asked.offer.shows, asked.language) + messages.others(asked.others, asked.language)
        return Reply(Code.ACCESS_CHALLENGE, "challenge", (*shown, state))

    def _accept(self, entered: AcceptedLogin | None) -> Reply:
        if entered is None or entered.scope is not Scope.FULL:
            return rejected("refused", self.client)
        given = self.table.attributes(self.client.name, entered.user, entered.kind, self._values(entered))
        # Return the name from the records, because the client may have sent it with capital letters.
        return Reply(Code.ACCESS_ACCEPT, "accepted", ((Type.USER_NAME, entered.user.encode()), *given))

    def _values(self, entered: AcceptedLogin) -> dict[str, str]:
        level = self.system.policy.levels[entered.level]
        limits = {"per_day": level.per_day, "per_five_days": level.per_five_days}
        unlimited = {name: "unlimited" if most is None else str(most) for name, most in limits.items()}
        return {"user": entered.user, "device": entered.kind, "level": str(entered.level), **unlimited}

    @property
    def _keys(self) -> Keyring:
        return self.system.context.cards.keys


def _origin(packet: Packet, address: str) -> str:
    """Return the address for the rate limits: the user's, if the Calling-Station-Id has it, otherwise the client's."""
    reported = plain_address(decoded(packet.one(Type.CALLING_STATION_ID) or b""))
    return str(reported or address)
