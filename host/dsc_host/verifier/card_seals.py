"""The seals of rows, which authenticate cards and challenges under a key that belongs to one database.

Four promises:

1. If a row of a card or a challenge was tampered with, in any column, the row is refused: no secret in it is opened, and no
   response is accepted with it.
2. A row that was moved to another serial, or that comes from another database, is refused, even under the same master key.
3. A sealed secret opens only in its database, for one enrollment of one card, with the suite that the card was enrolled with.
   A decoy's secret never opens as a card's.
4. Each change of a card gives its row a new version number, which the log entry about the change has too: see
   `records.audit_writer`. A change of the master key seals the row again, and keeps the version number.
"""

import hmac
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from dsc_host.errors import StoreError
from dsc_host.records.seals import Seals
from dsc_host.schema.card_tables import DECOY
from dsc_host.verifier.rows import CardRecord, ChallengeRecord

_ENROLMENT_BYTES = 8
_STATE, _REASON, _VALIDITY = (CardRecord._fields.index(name) for name in ("state", "state_reason", "valid_from"))
_ALWAYS_VALID = (None, None)


class Holder(NamedTuple):
    """One enrollment of one card or decoy. The secrets of a row are bound to its holder, and to the database."""

    serial: str
    enrolment: str
    suite: str
    decoy: bool = False

    @classmethod
    def of(cls, card: CardRecord) -> "Holder":
        """Return the holder that the secrets of this row must be bound to."""
        return cls(card.serial, card.enrolment, card.suite, card.state == DECOY)


class CardSeals(Seals):
    """The seals of the cards and challenges of one database. Threads may share the object."""

    __slots__ = ()

    def sealed(self, card: CardRecord) -> CardRecord:
        """Return the row with the seal of its content."""
        return card._replace(seal=self.of_text(_card_text(card)))

    def sealed_challenge(self, challenge: ChallengeRecord) -> ChallengeRecord:
        """Return the challenge with the seal of its content."""
        return challenge._replace(seal=self.of_text(_challenge_text(challenge)))

    def is_sealed(self, card: CardRecord) -> bool:
        """Return whether the row has a valid seal. A valid seal shows that only this program has changed the row."""
        return self._is_right(_card_text, card)

    def check(self, card: CardRecord) -> CardRecord:
        """Return the row. Raises `StoreError` if it was tampered with."""
        if not self._is_right(_card_text, card):
            raise StoreError(
                f"card {card.serial}: its row in the database does not match its seal: it was changed, or is another card's; "
                "run dscplus audit verify; then restore the database from a backup, or remove the card and enroll it again"
            )
        return card

    def check_challenge(self, challenge: ChallengeRecord) -> ChallengeRecord:
        """Return the challenge. Raises `StoreError` if it was tampered with."""
        if not self._is_right(_challenge_text, challenge):
            raise StoreError(
                f"card {challenge.serial}: one of its challenges in the database does not match its seal: it was changed; "
                "run dscplus audit verify; then restore the database from a backup, or remove the card and enroll it again"
            )
        return challenge

    def bound(self, holder: Holder) -> str:
        """Return the text that a card's secrets are bound to, for `MasterKey.seal`."""
        return f"{self.database} {'decoy' if holder.decoy else 'card'} {holder.enrolment} {holder.suite}"

    def _is_right(self, text: Callable[[Any], str], row: CardRecord | ChallengeRecord) -> bool:
        try:
            return hmac.compare_digest(self.of_text(text(row)), row.seal)
        except (AttributeError, TypeError, ValueError):
            # SQLite accepts values of any type in a column.
            return False


# A seal is computed from the `repr` of the columns. `repr` shows where each column ends and which type it has, and takes half
# the time of JSON. Free text is encoded as bytes first, because versions of Python differ in the letters that `repr` escapes.
# The dates of validity are left out if both are None, so that a row that is older than these two columns keeps its seal.


def _card_text(row: CardRecord) -> str:
    end = _VALIDITY if row[_VALIDITY:-1] == _ALWAYS_VALID else -1
    return f"card {(*row[:_STATE], str(row.state), row.state_since, row.state_reason.encode(), *row[_REASON + 1 : end])!r}"


def _challenge_text(row: ChallengeRecord) -> str:
    return f"challenge {row[:-1]!r}"


def new_enrollment() -> str:
    """Return a random id for an enrollment: 16 hex digits."""
    return secrets.token_hex(_ENROLMENT_BYTES)
