"""What every piece of the verifier's work has at hand: the store, the keys, the policy, the time, and who asks for it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection

from dsc_host.errors import DscError
from dsc_host.verifier import audit
from dsc_host.verifier.audit import Event
from dsc_host.verifier.keys import Keyring, Secret
from dsc_host.verifier.model import Policy
from dsc_host.verifier.records import CardRecord
from dsc_host.verifier.refusals import Refusals
from dsc_host.verifier.seals import Holder, Seals
from dsc_host.verifier.store import Store

LIBRARY = "library"
"""Who acts if nobody was named."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """What a transaction gives back that refuses and is kept all the same, because it logs the refusal."""

    error: DscError


@dataclass(frozen=True, slots=True)
class Office:
    """One verifier's, in the name of one actor."""

    store: Store
    keys: Keyring
    seals: Seals
    policy: Policy
    clock: Callable[[], float]
    draw: Callable[[int], str]
    actor: str = LIBRARY
    unjudged: Refusals = field(default_factory=Refusals, repr=False, compare=False)
    """Responses to challenges that nobody can answer any more."""
    refusals: Refusals = field(default_factory=Refusals, repr=False, compare=False)

    def now(self) -> float:
        """In Unix seconds. To be asked after a card is locked: time passes while others have it."""
        return float(self.clock())

    def change(self, work: Callable[[Connection], T | Refused]) -> T:
        """Do `work` in a transaction that may write, and return what it returns, or raise what it refuses with.

        It may be done again from its beginning, so it must change nothing else.
        """
        done = self.store.change(work)
        if isinstance(done, Refused):
            raise done.error
        return done

    def change_in_turn(self, work: Callable[[Connection], T | Refused]) -> T:
        """As `change`, for one of many in a row; afterwards, others have some time to themselves.

        SQLite does not queue those who wait: they look again and again, and without this might never find it free.
        """
        began = time.perf_counter()
        done = self.change(work)
        time.sleep((time.perf_counter() - began) / 4)
        return done

    def log(self, db: Connection, now: float, *events: Event) -> None:
        """To be the last thing that a transaction does."""
        audit.record(db, self.keys, self.seals, now, self.actor, events)

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
