"""Tickets: cookies of a parent domain that tell web servers who the visitor is. A ticket opens no page of the portal.

Three promises:

1. A ticket is the id of a session, sealed under the master key. Nobody can log in with it, and it ends with the session.
2. A login redirects only to https addresses, and only to hosts below the domain.
3. Anything that is not a valid ticket or address is refused, and raises no unexpected error.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dsc_host.errors import InputError, StoreError
from dsc_host.login import LoginSystem, NotIn, Visitor
from dsc_host.records.keys import Secret

COOKIE = "__Secure-ticket"
_PURPOSE = "forward-auth-ticket"
_MOST_LETTERS = 1000
_DOMAIN = re.compile(r"(?=.{4,200}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+", re.ASCII)
_URL = re.compile(r"https://(?P<host>[a-z0-9][a-z0-9.-]*)(:[0-9]{1,5})?(/[!-\[\]-~]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tickets:
    """The tickets for the hosts below a domain."""

    system: LoginSystem
    domain: str
    host: str = ""
    """The host name of the portal within the domain, or empty text if the portal has none there."""

    @classmethod
    def of(cls, system: LoginSystem, domain: str, hosts: Iterable[str] = ()) -> "Tickets":
        """Return the tickets for a domain such as `example.com`. `hosts` are the portal's host names. Raises `InputError`."""
        check_domain(domain)
        within = (host for host in hosts if host == domain or host.endswith(f".{domain}"))
        return cls(system, domain, next(within, ""))

    def allows(self, url: str) -> bool:
        """Return whether a login may redirect to this address."""
        found = _URL.fullmatch(url) if len(url) <= _MOST_LETTERS else None
        return found is not None and found["host"].endswith(f".{self.domain}")

    def seal(self, session: str) -> str:
        """Return the ticket for a session. `session` is the id of its row."""
        return base64.urlsafe_b64encode(
            self.system.context.cards.keys.current.seal(session.encode(), _PURPOSE, Secret.VAULT)
        ).decode()

    def visitor(self, ticket: str) -> tuple[Visitor, str]:
        """Return the user to whom the ticket belongs, and the kind of the device that opened the session. Raises `NotIn`."""
        try:
            sealed = base64.urlsafe_b64decode(ticket[:_MOST_LETTERS].encode())
            session = self.system.context.cards.keys.unseal(sealed, _PURPOSE, Secret.VAULT).decode()
        except (StoreError, ValueError, binascii.Error):
            raise NotIn from None
        return self.system.gateway.visitor(session)


def check_domain(domain: str) -> None:
    """Raise `InputError` unless `domain` is a domain in lower case with at least one dot."""
    if not _DOMAIN.fullmatch(domain):
        raise InputError("ticket-domain", "must be a domain in lower case with a dot in it, for example example.com")
