"""Where statements and tax forms come from: a provider that the issuer plugs in.

The login system only says who may see them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

PROVIDERS = "dscplus.statements"
"""The entry-point group of providers. An entry is a function without arguments that returns a `StatementProvider`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement or a tax form of an account."""

    id: str
    """The provider's own name for it, of at most 64 characters."""
    title: str
    day: str
    """Its date in the form 2026-12-31."""
    tax: bool = False
    """Whether it is a tax form."""


class StatementProvider(Protocol):
    """A source of statements. Both calls may come from several threads at once, and run in no transaction."""

    def statements(self, account: str) -> Sequence[Statement]:
        """Return the statements and tax forms of the account with this id, the newest first."""

    def pdf(self, account: str, statement: str) -> bytes:
        """Return one of them as a PDF. `statement` is the id of one that `statements` has just returned."""


def installed_provider() -> StatementProvider | None:
    """Return the provider that an installed package names, or None if there is none."""
    for entry in entry_points(group=PROVIDERS):
        make: Callable[[], StatementProvider] = entry.load()
        return make()
    return None
