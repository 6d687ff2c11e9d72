"""The login of a user by RADIUS: name and password, a challenge, and the response.

The State of a challenge is the token of the login, sealed for one client and one user name. Five promises:

1. Nobody is accepted without the answer of a device that opens everything (`Scope.FULL`).
2. A State is used once. It opens nothing for another client, for another user name, or after its time.
3. A reply does not tell whether the name, the password or the response was wrong.
4. The limits are those of the login page.
5. No session is opened.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dsc_host.errors import StoreError, TooManyChallenges, VerifierError
from dsc_host.gateway.radius.clients import Client, plain_address
from dsc_host.gateway.radius.packets import MOST_VALUE, Attribute, Code, Packet, Type, password_of
from dsc_host.login import LoginError, LoginSystem, Scope, Status, TooManyAttempts
from dsc_host.records.keys import Secret

_REFUSED = "The login was refused."


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a request, before it is signed. `outcome` is a word for the log."""

    code: Code
    outcome: str
    attributes: tuple[Attribute, ...] = ()


def judge(system: LoginSystem, client: Client, packet: Packet, address: str) -> Reply:
    """Return the reply to an Access-Request from an address. Raises `StoreError` and `OutOfMemory`; then nothing was judged."""
    name = packet.one(Type.USER_NAME)
    text = password_of(packet, client.secret)
    if name is None or text is None:
        return _rejected("unsupported")
    acting = system.by(f"radius:{client.name}")
    try:
        if states := packet.all(Type.STATE):
            return _answer(acting, client, name, states, _decoded(text))
        return _ask(acting, client, name, _decoded(text), _origin(packet, address))
    except (TooManyAttempts, TooManyChallenges):
        return _rejected("limited")
    except StoreError:
        raise
    except (LoginError, VerifierError):
        return _rejected("refused")


def _ask(system: LoginSystem, client: Client, name: bytes, password: str, origin: str) -> Reply:
    step = system.gateway.ask(_decoded(name), password, origin)
    sealed = system.context.cards.keys.current.seal(step.token.encode(), _bound(client, name), Secret.VAULT)
    message = _message(step.offer.shows if step.offer else {})
    return Reply(Code.ACCESS_CHALLENGE, "challenge", (_text(message), (Type.STATE, sealed)))


def _answer(system: LoginSystem, client: Client, name: bytes, states: list[bytes], text: str) -> Reply:
    try:
        (sealed,) = states
        token = system.context.cards.keys.current.unseal(sealed, _bound(client, name), Secret.VAULT).decode()
    except (StoreError, ValueError):
        return _rejected("foreign state")
    answered = system.gateway.answer(token, text)
    step = answered.step
    if answered.status is not Status.ACCEPTED or step is None or step.scope is not Scope.FULL:
        return _rejected("refused")
    # Return the name as the records have it: the client may have sent it with capitals.
    return Reply(Code.ACCESS_ACCEPT, "accepted", ((Type.USER_NAME, step.user.encode()),))


def _message(shows: Mapping[str, str]) -> str:
    """Return the sentence that a client shows with the field for the response."""
    if "challenge" in shows:
        return f"Challenge: {shows['challenge']}. Enter the response of your device."
    if "indexes" in shows:
        return f"Enter the codes {shows['indexes']} of your code card."
    if "sent_to" in shows:
        return f"Enter the code that was sent to {shows['sent_to']}."
    return "Enter your code."


def _rejected(outcome: str) -> Reply:
    return Reply(Code.ACCESS_REJECT, outcome, (_text(_REFUSED),))


def _text(text: str) -> Attribute:
    return Type.REPLY_MESSAGE, text.encode()[:MOST_VALUE]


def _decoded(text: bytes) -> str:
    # A wrong secret gives random bytes. They are a wrong name or password, not an error.
    return text.decode("utf-8", "replace")


def _bound(client: Client, name: bytes) -> str:
    parts = (client.name.encode(), name)
    return f"radius-state:{hashlib.sha256(b''.join(hashlib.sha256(part).digest() for part in parts)).hexdigest()}"


def _origin(packet: Packet, address: str) -> str:
    """Return the address that the user comes from, for the limits: the client tells it, or else it is the client's own."""
    told = plain_address(_decoded(packet.one(Type.CALLING_STATION_ID) or b""))
    return str(told or address)
