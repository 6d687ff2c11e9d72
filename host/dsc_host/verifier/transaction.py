"""Transactions on cards, and the context of a transaction: the records, the policy, and the function that draws questions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from dsc_host.errors import StoreError
from dsc_host.records.audit_writer import PendingEntries
from dsc_host.records.keys import Keyring, MasterKey, Secret
from dsc_host.records.refusals import Refusals
from dsc_host.records.transaction import Context, Repeated, Transaction
from dsc_host.verifier.card_seals import CardSeals, Holder
from dsc_host.verifier.model import Policy
from dsc_host.verifier.row_writes import CollectedWrites, DirectWrites, RowWrites
from dsc_host.verifier.rows import CardRecord


class HasKeys(Protocol):
    """An object with the master keys and the seals of cards: a transaction or a context."""

    @property
    def keys(self) -> Keyring:
        """Return the master keys."""

    @property
    def seals(self) -> CardSeals:
        """Return the seals of cards and challenges."""


class _CardSecrets:
    """The sealing and opening of the secrets and rows of cards."""

    __slots__ = ()

    def sealed(self: HasKeys, plain: str | bytes | None, holder: Holder, kind: Secret) -> bytes | None:
        """Seal a secret of a new card under the current master key. Return None for None."""
        return None if plain is None else _sealed(plain, holder, kind, self.keys.current, self.seals)

    def resealed(self: HasKeys, plain: str | None, card: CardRecord, kind: Secret) -> bytes | None:
        """Seal a new PIN of an enrolled card under the master key that seals all its secrets. Return None for None.

        During a change of the master key, this may not be the current key. Raises `InputError` if the keyring does not have it.
        """
        return None if plain is None else _sealed(plain, Holder.of(card), kind, self.keys.opener(card.key_id), self.seals)

    def changed(self: HasKeys, card: CardRecord, **changes: Any) -> CardRecord:
        """Return the next version of the row, with these changes and a new seal.

        The caller must write the row, and log the change with the row, in this transaction.
        """
        return self.seals.sealed(card._replace(version=card.version + 1, **changes))

    def opened(self: HasKeys, card: CardRecord, sealed: bytes, kind: Secret) -> bytes:
        """Open a secret of a card.

        Raises `InputError` if the card is under another master key, and `StoreError` if the secret was tampered with.
        """
        key, bound = self.keys.opener(card.key_id), self.seals.bound(Holder.of(card))
        try:
            return key.unseal(sealed, card.serial, kind, bound)
        except StoreError:
            # Version 0.1.0 sealed a new PIN under the current key, even if the card was under another key.
            return self.keys.unseal(sealed, card.serial, kind, bound)

    def opened_pin(self: HasKeys, card: CardRecord, sealed: bytes | None, kind: Secret) -> str | None:
        """Open a PIN of a card. Return None for None. Raises as `opened` does."""
        return None if sealed is None else _CardSecrets.opened(self, card, sealed, kind).decode("ascii")


def _sealed(plain: str | bytes, holder: Holder, kind: Secret, key: MasterKey, seals: CardSeals) -> bytes:
    secret = plain if isinstance(plain, bytes) else plain.encode("ascii")
    return key.seal(secret, holder.serial, kind, seals.bound(holder))


@dataclass(frozen=True, slots=True)
class CardTransaction(Transaction, _CardSecrets):
    """A transaction on cards."""

    context: "CardContext"
    collected: CollectedWrites | None = None
    """The object that collects the changes of rows. None if each change is written immediately."""

    @property
    def writes(self) -> RowWrites:
        """Return the object that writes the rows that a login changes."""
        return DirectWrites(self.db) if self.collected is None else self.collected

    @property
    def seals(self) -> CardSeals:
        """Return the seals of cards and challenges."""
        return self.context.seals

    @property
    def policy(self) -> Policy:
        """Return the policy by which challenges and responses are judged."""
        return self.context.policy

    @property
    def draw(self) -> Callable[[int], str]:
        """Return the function that draws a question with a given number of digits."""
        return self.context.draw


@dataclass(frozen=True, slots=True, kw_only=True)
class CardContext(Context[CardTransaction], _CardSecrets):
    """The context of transactions on cards, which act in the name of one actor."""

    seals: CardSeals
    policy: Policy
    draw: Callable[[int], str]
    unjudged: Refusals = field(default_factory=Refusals, repr=False, compare=False)
    """The responses to closed or unknown challenges that were only counted, and are not logged yet."""
    refusals: Refusals = field(default_factory=Refusals, repr=False, compare=False)
    """The attempts that a rate limit of the login system has refused, and that are not logged yet."""

    def transaction(
        self, db: Connection, entries: PendingEntries | None = None, repeated: Repeated | None = None
    ) -> CardTransaction:
        """Return a transaction on the connection `db`. It adds its log entries to `entries`. See `Context`."""
        return CardTransaction(self, db, entries, {} if repeated is None else repeated)
