"""Replies before they are signed, and the States that they carry.

A State is the token of a login, sealed for one client and one user name. It is not valid for another client or another name.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from dsc_host.errors import StoreError
from dsc_host.gateway.radius import messages
from dsc_host.gateway.radius.clients import Client
from dsc_host.gateway.radius.packets import Attribute, Code, Packet, Type
from dsc_host.records.keys import Keyring, MasterKey, Secret


@dataclass(frozen=True, slots=True)
class Reply:
    """The reply to a request, before it is signed. `outcome` is a word for the log."""

    code: Code
    outcome: str
    attributes: tuple[Attribute, ...] = ()


class Judge(Protocol):
    """The judge of Access-Requests: the login system, or only the verifier."""

    def judge(self, client: Client, packet: Packet, address: str) -> Reply:
        """Return the reply to a request from an address.

        Raises `StoreError` or `OutOfMemory` if the request could not be judged.
        """


class ForeignState(Exception):
    """The State of a request was not made for this client and this user name."""


def rejected(outcome: str, client: Client) -> Reply:
    """Return a rejection, whose message does not reveal the reason."""
    return Reply(Code.ACCESS_REJECT, outcome, tuple(messages.refused(client.options.language)))


def sealed_state(key: MasterKey, token: str, client: Client, name: bytes) -> Attribute:
    """Return the State of a login for a client and a user name."""
    return Type.STATE, key.seal(token.encode(), _bound(client, name), Secret.VAULT)


def opened_state(keys: Keyring, states: list[bytes], client: Client, name: bytes) -> str:
    """Return the token in the only State of a request. Raises `ForeignState`."""
    try:
        (sealed,) = states
        return keys.unseal(sealed, _bound(client, name), Secret.VAULT).decode()
    except (StoreError, ValueError):
        raise ForeignState from None


def decoded(text: bytes) -> str:
    """Return a name or a password as text. Replace bytes that are not UTF-8, which a wrong secret causes."""
    return text.decode("utf-8", "replace")


def _bound(client: Client, name: bytes) -> str:
    parts = (client.name.encode(), name)
    return f"radius-state:{hashlib.sha256(b''.join(hashlib.sha256(part).digest() for part in parts)).hexdigest()}"
