"""The context of all work on cards: the records, the policy, and how questions are drawn."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dsc_host.records.context import Context
from dsc_host.records.keys import Secret
from dsc_host.records.refusals import Refusals
from dsc_host.verifier.card_seals import CardSeals, Holder
from dsc_host.verifier.model import Policy
from dsc_host.verifier.rows import CardRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Office(Context):
    """One verifier's, in the name of one actor."""

    seals: CardSeals
    policy: Policy
    draw: Callable[[int], str]
    unjudged: Refusals = field(default_factory=Refusals, repr=False, compare=False)
    """Responses to challenges that nobody can answer any more."""
    refusals: Refusals = field(default_factory=Refusals, repr=False, compare=False)

    def sealed(self, plain: str | bytes | None, holder: Holder, kind: Secret) -> bytes | None:
        """Seal a secret of a card under the master key that seals; return None for None."""
        if plain is None:
            return None
        secret = plain if isinstance(plain, bytes) else plain.encode("ascii")
        return self.keys.current.seal(secret, holder.serial, kind, self.seals.bound(holder))

    def changed(self, card: CardRecord, **changes: Any) -> CardRecord:
        """Return the row after these changes: its next version, sealed. To be written in the same transaction, and logged."""
        return self.seals.sealed(card._replace(version=card.version + 1, **changes))

    def opened(self, card: CardRecord, sealed: bytes, kind: Secret) -> bytes:
        """Raises `InputError` if the card is under another master key, `StoreError` if the secret was tampered with."""
        return self.keys.opener(card.key_id).unseal(sealed, card.serial, kind, self.seals.bound(Holder.of(card)))

    def opened_pin(self, card: CardRecord, sealed: bytes | None, kind: Secret) -> str | None:
        return None if sealed is None else self.opened(card, sealed, kind).decode("ascii")
