"""The RADIUS clients: programs and devices that send logins to the server, each with an address and a secret or a certificate.

The vault keeps each client as one secret, sealed under the master key. `dscplus rekey` and backups include the clients.
"""

import json
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from dsc_host.errors import InputError
from dsc_host.login.accounts import field_checks
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault

Network = IPv4Network | IPv6Network
_PREFIX = "radius:"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
# A secret of letters and digits can be typed anywhere, and no command takes it for an option.
_LETTERS = string.ascii_letters + string.digits
_SECRET_LETTERS = 32
_TLS_SECRET = b"radsec"
"""The secret of all clients that use TLS. It need not be secret, because TLS protects the packets (RFC 6614, section 2.3)."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a client."""

    signs: bool = True
    """Whether a request without a Message-Authenticator is dropped."""
    challenges: bool = True
    """Whether the program can show a challenge. If not, its users type the password and a temporary code into one field."""
    language: str = "en"
    """The language of the messages to a person whose language is not known yet."""
    certificate: str = ""
    """The certificate of a client that uses TLS, as PEM, or empty text for UDP."""


@dataclass(frozen=True, slots=True)
class Client:
    """A RADIUS client."""

    name: str
    network: Network
    """The addresses from which the client's packets come."""
    secret: bytes = field(repr=False)
    options: Options = field(default=Options())

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 hash of the client's certificate, or `b""` for UDP."""
        return _fingerprint(self.options.certificate)

    @property
    def der(self) -> bytes:
        """The client's certificate as DER, or `b""` for UDP."""
        return _loaded(self.options.certificate).public_bytes(Encoding.DER) if self.options.certificate else b""


def add(tx: LoginTransaction, name: str, address: str, options: Options | None = None) -> Client:
    """Add a client with a new secret. Raises `InputError`, for example if another client has the same name or network."""
    network, chosen = _network(address), options or Options()
    field_checks.check_language(chosen.language)
    if not _NAME.fullmatch(name):
        raise InputError(
            "name", "must have 1 to 32 lower-case letters, digits, dots or hyphens, and begin with a letter or digit"
        )
    secret = "".join(secrets.choice(_LETTERS) for _ in range(_SECRET_LETTERS)).encode()
    client = Client(name, network, _TLS_SECRET if chosen.certificate else secret, chosen)
    for other in load(tx):
        if other.name == name:
            raise InputError("name", "there is a client of this name; remove it first")
        if (other.network, other.fingerprint) == (network, client.fingerprint):
            raise InputError("address", f"belongs to the client {other.name}; remove it first")
    kept = {"network": str(network), "secret": client.secret.decode(), **asdict(chosen)}
    vault.put(tx.cards, _PREFIX + name, json.dumps(kept).encode())
    tx.log("radius.client", None, "done", "added", client=name, network=str(network))
    return client


def remove(tx: LoginTransaction, name: str) -> None:
    """Remove the client of this name. Raises `InputError` if there is no such client."""
    named(tx, name)
    vault.forget(tx.db, _PREFIX + name)
    tx.log("radius.client", None, "done", "removed", client=name)


def named(tx: LoginTransaction, name: str) -> Client:
    """Return the client of this name. Raises `InputError` if there is no such client."""
    for client in load(tx):
        if client.name == name:
            return client
    raise InputError("name", "there is no client of this name; see the list of clients")


def load(tx: LoginTransaction) -> list[Client]:
    """Return all clients, sorted by name. Raises `StoreError` if a client was tampered with."""
    return [_client(name.removeprefix(_PREFIX), kept) for name, kept in vault.load(tx.cards, _PREFIX).items()]


def find(clients: Iterable[Client], address: str, fingerprint: bytes = b"") -> Client | None:
    """Return the client that an address belongs to, or None. If several networks contain the address, the smallest decides.

    `fingerprint` is the SHA-256 hash of the certificate with which the client has authenticated. It is `b""` for UDP.
    """
    known = plain_address(address)
    found = [
        each for each in clients if known is not None and known in each.network and each.fingerprint == fingerprint
    ]  # fmt: skip
    return max(found, key=lambda each: each.network.prefixlen, default=None)


def plain_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address without its zone. Return an IPv4-mapped address as IPv4, and None if the text is not an address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def check_certificate(pem: str) -> None:
    """Raise `InputError` unless this is a certificate as PEM."""
    try:
        _fingerprint(pem)
    except ValueError:
        raise InputError("certificate", "must be a file with one certificate as PEM, as `openssl x509` prints it") from None


@cache
def _fingerprint(pem: str) -> bytes:
    return _loaded(pem).fingerprint(SHA256()) if pem else b""


def _loaded(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _client(name: str, record: bytes) -> Client:
    kept = json.loads(record)
    options = Options(**{each.name: kept[each.name] for each in fields(Options) if each.name in kept})
    return Client(name, ip_network(kept["network"]), kept["secret"].encode(), options)


def _network(text: str) -> Network:
    try:
        network = ip_network(text.strip())
    except ValueError as error:
        if "host bits" in str(error):
            whole = ip_network(text.strip(), strict=False)
            raise InputError(
                "address", f"is one address of the network {whole}; give the network, or the address alone"
            ) from None
        raise InputError("address", "must be an IP address or network, for example 192.0.2.7 or 2001:db8::/64") from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped:
        raise InputError("address", "must be written as IPv4, for example 192.0.2.7")
    return network
