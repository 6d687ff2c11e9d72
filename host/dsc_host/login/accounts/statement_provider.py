"""The interface to a provider of statements and tax forms, which the issuer installs as a package.

The login system only decides who may see the documents.
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
    """The provider's id of the document, at most 64 characters."""
    title: str
    day: str
    """The date of the document in the form 2026-12-31."""
    tax: bool = False
    """Whether the document is a tax form."""
    period: str = ""
    """The month or the year that the document covers, in the form 2026-12 or 2026.

    Pages then show a title in the visitor's language instead of `title`.
    """
    languages: tuple[str, ...] = ()
    """The codes of the languages in which the document is available, for example de. Empty means that they are not known.

    If the visitor's language is missing, the page says that the document is in the first of these languages.
    """


class StatementProvider(Protocol):
    """A source of statements. Several threads may call its methods at the same time. No transaction is open during a call."""

    def statements(self, account: str) -> Sequence[Statement]:
        """Return the statements and tax forms of the account with this id, the newest first."""

    def pdf(self, account: str, statement: str) -> bytes:
        """Return a document as a PDF. `statement` is an id that `statements` has just returned."""


def installed_provider() -> StatementProvider | None:
    """Return the provider that an installed package registers; None if there is none."""
    for entry in entry_points(group=PROVIDERS):
        make: Callable[[], StatementProvider] = entry.load()
        return make()
    return None
