"""The OpenID clients: programs that log their users in at the portal.

The vault keeps each client as one record, sealed under the master key. `dscplus rekey` and backups include the clients. An
attacker who can write to the database, but has no master key, cannot invent the addresses of a client. But such an attacker
can put an earlier record of the same client back. Three promises:

1. A secret is random, has 256 bits, and is stored only as a hash.
2. An address must match a registered address exactly: patterns, prefixes and other ports do not match.
3. A client without a secret and without a key is public. It must use PKCE.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import delete

from dsc_host.errors import InputError
from dsc_host.login import Scope, json_column
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault
from dsc_host.schema import login_tables

_PREFIX = "openid-client:"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}", re.ASCII)
_URL = re.compile(r"[!#-&(-;=?-\[\]_a-z~]{1,500}", re.ASCII)
"""An address: characters of a URL, without quotes, backslashes and angle brackets."""
_OWN_SCHEME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:/[^/#][^#]*", re.ASCII)
"""An address of an app on a phone or a desktop, in the form of RFC 8252, section 7.1."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST_ADDRESSES = 20
_MOST_TITLE = 60
_SECRET_BYTES = 32


class Method(StrEnum):
    """The ways in which a client authenticates at the token endpoint."""

    SECRET = "secret"  # noqa: S105 - the name of a method
    KEY = "key"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """An OpenID client."""

    name: str = ""
    """The client's id in the protocol. It is the name of the record in the vault, and not a part of the record."""
    title: str
    """The name that the consent page shows."""
    redirects: tuple[str, ...]
    """The addresses to which a login may redirect the browser."""
    logout_redirects: tuple[str, ...] = ()
    """The addresses to which a logout may redirect the browser."""
    backchannel: str = ""
    """The address to notify when a session ends, or empty text if the client is not notified."""
    own: bool = False
    """Whether the client belongs to the company, so that users are not asked for consent."""
    admits: tuple[str, ...] = (str(Scope.FULL),)
    """The session scopes that suffice for a login at the client. See `dsc_host.login.Scope`."""
    digest: str = ""
    """The SHA-256 of the client's secret, or empty text if it has none."""
    keys: str = ""
    """The client's public keys as a JSON Web Key Set, or empty text if it has none."""

    @property
    def method(self) -> Method:
        """The way in which the client authenticates."""
        return Method.KEY if self.keys else Method.SECRET if self.digest else Method.NONE

    def has_secret(self, secret: str) -> bool:
        """Return whether this is the client's secret."""
        return bool(self.digest) and hmac.compare_digest(self.digest, _hashed(secret))


def add(tx: LoginTransaction, client: Client, *, secret: bool) -> tuple[Client, str]:
    """Add a client, with a new secret if `secret` is set. Return the client and the secret, which is stored only as a hash.

    Raises `InputError`.
    """
    drawn = secrets.token_urlsafe(_SECRET_BYTES) if secret else ""
    made = replace(client, digest=_hashed(drawn) if drawn else "")
    _check(made)
    if find(tx, made.name) is not None:
        raise InputError("name", "there is a client of this name; remove it first")
    vault.put(tx.cards, _PREFIX + client.name, json_column.write(replace(made, name="")).encode())
    tx.log("openid.client", None, "done", "added", client=client.name)
    return made, drawn


def remove(tx: LoginTransaction, name: str) -> None:
    """Remove the client of this name, and its grants. Raises `InputError` if there is no such client."""
    found(tx, name)
    vault.forget(tx.db, _PREFIX + name)
    tx.db.execute(delete(login_tables.grants).where(login_tables.grants.c.client == name))
    tx.log("openid.client", None, "done", "removed", client=name)


def find(tx: LoginTransaction, name: str) -> Client | None:
    """Return the client of this name, or None. `name` may be any text. Raises `StoreError` if the record was tampered with."""
    kept = vault.get(tx.cards, _PREFIX + name) if _NAME.fullmatch(name) else None
    return None if kept is None else _client(name, kept)


def found(tx: LoginTransaction, name: str) -> Client:
    """Return the client of this name. Raises `InputError` if there is no such client."""
    client = find(tx, name)
    if client is None:
        raise InputError("name", "there is no client of this name; see the list of clients")
    return client


def load(tx: LoginTransaction) -> list[Client]:
    """Return all clients, sorted by name."""
    return [_client(name.removeprefix(_PREFIX), kept) for name, kept in vault.load(tx.cards, _PREFIX).items()]


def check_issuer(issuer: str) -> None:
    """Raise `InputError` unless this can be the provider's address, which clients know as the issuer."""
    parts = urlsplit(issuer) if _is_web(issuer) else None
    if parts is None or parts.path or parts.query or issuer.endswith(("?", "/")):
        raise InputError("issuer", "must be the portal's address without a path, for example https://login.example.com")


def _client(name: str, record: bytes) -> Client:
    return replace(json_column.read(Client, record.decode()), name=name)


def _check(client: Client) -> None:
    if not _NAME.fullmatch(client.name):
        raise InputError(
            "name", "must have 1 to 32 lower-case letters, digits, dots or hyphens, and begin with a letter or digit"
        )
    if not 0 < len(client.title) <= _MOST_TITLE or not client.title.isprintable():
        raise InputError("title", "must be one line of 1 to {most} characters", most=_MOST_TITLE)
    if not 1 <= len(client.redirects) <= _MOST_ADDRESSES:
        raise InputError("redirect", "must be 1 to {most} addresses", most=_MOST_ADDRESSES)
    if len(client.logout_redirects) > _MOST_ADDRESSES:
        raise InputError("logout-redirect", "must be at most {most} addresses", most=_MOST_ADDRESSES)
    for field, urls in (("redirect", client.redirects), ("logout-redirect", client.logout_redirects)):
        for url in urls:
            if not _is_web(url) and not (client.method is Method.NONE and _OWN_SCHEME.fullmatch(url) and _URL.fullmatch(url)):
                raise InputError(field, _ADDRESS + "; for a public client also an address such as com.example.app:/login")
    if client.backchannel and not _is_web(client.backchannel):
        raise InputError("backchannel", _ADDRESS)
    if not client.admits or set(client.admits) - set(Scope):
        raise InputError("admit", "must be one of {scopes}", scopes=", ".join(Scope))


_ADDRESS = "must be an https address without a fragment, for example https://wiki.example.com/login; http only on this machine"


def _is_web(url: str) -> bool:
    """Return whether this is an https address, or an http address of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not _URL.fullmatch(url) or not host or "@" in parts.netloc or "#" in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def _hashed(secret: str) -> str:
    # A random secret of 256 bits cannot be guessed from its hash, however fast the hash is.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
