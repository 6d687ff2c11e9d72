"""RADIUS logins of card owners, without the login system: for programs that have their own users and passwords.

The user name is the owner's name in the records. The program sends it with any password, shows the challenge, and sends the
response. Three promises:

1. Nobody is accepted without the right response of a card that belongs to an owner of this name.
2. A State accepts one response. It is not valid for another client, for another name, or after the challenge has expired.
3. A reply does not reveal whether a name owns a card: a name without a card gets the challenges of a decoy.
"""

import hashlib
from dataclasses import dataclass

from dsc_host.errors import InputError, StoreError, TooManyChallenges, VerifierError
from dsc_host.gateway.radius import messages
from dsc_host.gateway.radius.attributes import CARD, NO_TABLE, PLACEHOLDERS, Table
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.packets import Code, Packet, Type, password_of
from dsc_host.gateway.radius.replies import ForeignState, Reply, decoded, opened_state, rejected, sealed_state
from dsc_host.ocra import fold_response
from dsc_host.verifier import Verifier
from dsc_host.verifier.model import Card, State

_MOST_CARDS = 50
"""The maximum number of cards that are read for one owner."""
_IN_USE = (State.ENROLLED, State.ACTIVE)


@dataclass(frozen=True, slots=True)
class CardLogins:
    """A judge that asks only the verifier. `table` has the attributes in replies to accepted owners."""

    verifier: Verifier
    table: Table = NO_TABLE

    def judge(self, client: Client, packet: Packet, address: str) -> Reply:
        """Return the reply to an Access-Request. The address is not used, because the verifier counts failures by card."""
        name, text = packet.one(Type.USER_NAME), password_of(packet, client.secret)
        if name is None or text is None or not client.options.challenges:
            return rejected("unsupported", client)
        acting = CardLogins(self.verifier.by(f"radius:{client.name}"), self.table)
        try:
            if states := packet.all(Type.STATE):
                return acting._answer(client, name, states, decoded(text))
            return acting._ask(client, name, decoded(text))
        except ForeignState:
            return rejected("foreign state", client)
        except TooManyChallenges:
            return rejected("limited", client)
        except StoreError:
            raise
        except VerifierError:
            return rejected("refused", client)

    def _ask(self, client: Client, name: bytes, text: str) -> Reply:
        challenge = self.verifier.challenge(self._serial(decoded(name), text.strip()), conceal=True)
        token = f"{challenge.id} {_fingerprint(challenge.serial)}"
        state = sealed_state(self.verifier.context.keys.current, token, client, name)
        shown = messages.challenge({"challenge": challenge.question}, client.options.language)
        return Reply(Code.ACCESS_CHALLENGE, "challenge", (*shown, state))

    def _answer(self, client: Client, name: bytes, states: list[bytes], text: str) -> Reply:
        challenge, _, card = opened_state(self.verifier.context.keys, states, client, name).partition(" ")
        if not self.verifier.verify(challenge, fold_response(text), once=True):
            return rejected("refused", client)
        user = decoded(name)
        # The card may have got another owner since the challenge.
        if card not in {_fingerprint(each.serial) for each in self._cards(user)}:
            return rejected("refused", client)
        values = {**dict.fromkeys(PLACEHOLDERS, ""), "user": user, "device": CARD}
        given = self.table.attributes(client.name, user, CARD, values)
        return Reply(Code.ACCESS_ACCEPT, "accepted", ((Type.USER_NAME, name), *given))

    def _serial(self, owner: str, wanted: str) -> str:
        """Return `wanted` if it is the serial of one of the owner's cards, otherwise the serial of the owner's first card.

        Cards in use come first.

        If the owner has no card, return a serial that no card has. The verifier then issues the challenge of a decoy. The same
        owner always gets the same serial.
        """
        cards = self._cards(owner)
        for card in cards:
            if card.serial.lower() == wanted.lower():
                return card.serial
        return cards[0].serial if cards else f"owner.{hashlib.sha256(owner.encode()).hexdigest()[:26]}"

    def _cards(self, owner: str) -> list[Card]:
        """Return the owner's cards. The cards in use come first."""
        try:
            found = list(self.verifier.cards(owner=owner, limit=_MOST_CARDS))
        except InputError:
            # The text cannot be an owner's name.
            return []
        return sorted(found, key=lambda card: card.state not in _IN_USE)


def _fingerprint(serial: str) -> str:
    """Return 16 hex digits that identify a serial. Their length does not reveal whether the serial is that of a card."""
    return hashlib.sha256(serial.encode()).hexdigest()[:16]
