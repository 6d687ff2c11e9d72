"""The RADIUS clients: programs and devices that send logins here, each with an address and a shared secret.

The vault keeps each client as one secret, sealed under the master key. `dscplus rekey` and backups include them.
"""

import json
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from dsc_host.errors import InputError
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault

Network = IPv4Network | IPv6Network
_PREFIX = "radius:"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
# A secret of letters and digits can be typed into every program, and no command takes it for an option.
_LETTERS = string.ascii_letters + string.digits
_SECRET_LETTERS = 32


@dataclass(frozen=True, slots=True)
class Client:
    """A RADIUS client."""

    name: str
    network: Network
    """The address, or the addresses, that its packets come from."""
    secret: bytes = field(repr=False)
    signs: bool = True
    """Whether a request without a Message-Authenticator is dropped."""


def add(tx: LoginTransaction, name: str, address: str, *, signs: bool = True) -> Client:
    """Add a client with a new secret. Raises `InputError` if its name or its network is taken or malformed."""
    network = _network(address)
    if not _NAME.fullmatch(name):
        raise InputError(
            "name", "must have 1 to 32 lower-case letters, digits, dots or hyphens, and begin with no dot or hyphen"
        )
    for other in load(tx):
        if other.name == name:
            raise InputError("name", "there is a client of this name; remove it first")
        if other.network == network:
            raise InputError("address", f"belongs to the client {other.name}; remove it first")
    client = Client(name, network, "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS)).encode(), signs)
    kept = {"network": str(network), "secret": client.secret.decode(), "signs": signs}
    vault.put(tx.cards, _PREFIX + name, json.dumps(kept).encode())
    tx.log("radius.client", None, "done", "added", client=name, network=str(network))
    return client


def remove(tx: LoginTransaction, name: str) -> None:
    """Remove a client. Raises `InputError` if there is none of this name."""
    named(tx, name)
    vault.forget(tx.db, _PREFIX + name)
    tx.log("radius.client", None, "done", "removed", client=name)


def named(tx: LoginTransaction, name: str) -> Client:
    """Return the client of a name. Raises `InputError` if there is none."""
    for client in load(tx):
        if client.name == name:
            return client
    raise InputError("name", "there is no client of this name; see the list of clients")


def load(tx: LoginTransaction) -> list[Client]:
    """Return all clients in the order of their names. Raises `StoreError` if one was changed without the program."""
    return [_read(tx, name) for name in vault.names(tx.db, _PREFIX)]


def find(clients: Iterable[Client], address: str) -> Client | None:
    """Return the client that an address belongs to: the one with the smallest network. None if there is none."""
    known = plain_address(address)
    found = [each for each in clients if known is not None and known in each.network]
    return max(found, key=lambda each: each.network.prefixlen, default=None)


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address without its zone, an IPv4-mapped one as IPv4; None if the text is no address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _read(tx: LoginTransaction, name: str) -> Client:
    kept = json.loads(vault.get(tx.cards, name) or b"{}")
    return Client(name.removeprefix(_PREFIX), ip_network(kept["network"]), kept["secret"].encode(), kept["signs"])


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip())
    except ValueError:
        raise InputError("address", "must be an IP address or network, for example 192.0.2.7 or 2001:db8::/64") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise InputError("address", "must be written as IPv4, for example 192.0.2.7")
    return network
