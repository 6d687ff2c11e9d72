"""The seals of rows: what a card's row and a challenge hold, authenticated under a key that belongs to one database.

Each database has an identity and a row key, both random, made with it and kept for ever; the row key is stored sealed under
the master key. Four promises:

1. A card's row or a challenge that somebody has changed in the database, whichever column, is refused, not used.
2. A row that was moved to another serial, or that comes from another database, is refused, also under one master key.
3. A sealed secret opens only in its database, for the one enrolment of one card, with the suite that it was enrolled with, and
   never as a card's if it was a decoy's.
4. Each change of a card's row has a number, which the entry of the log that tells of it holds too: see `audit`.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, update

from dsc_host.errors import StoreError
from dsc_host.verifier.keys import KEY_BYTES, Keyring, MasterKey, Secret
from dsc_host.verifier.records import CardRecord, ChallengeRecord
from dsc_host.verifier.schema import DECOY, identity

_ID_BYTES = 8
_ENROLMENT_BYTES = 8
_STATE, _REASON = (CardRecord._fields.index(name) for name in ("state", "state_reason"))


class Holder(NamedTuple):
    """What a card's secrets are bound to, beside the database."""

    serial: str
    enrolment: str
    suite: str
    decoy: bool = False

    @classmethod
    def of(cls, card: CardRecord) -> "Holder":
        """Return what the secrets of this row must be bound to."""
        return cls(card.serial, card.enrolment, card.suite, card.state == DECOY)


class Seals:
    """The identity of one database, and the seals that only it has. Threads may share it."""

    __slots__ = ("_key", "_signer", "database")

    database: str
    """The identity: 16 hex digits, random, no secret."""

    def __init__(self, database: str, key: bytes) -> None:
        """From an identity and the row key that belongs to it."""
        self.database = database
        self._key = key
        # Begun here, and copied for each use: to begin takes several times as long as all the rest of it.
        self._signer = hmac.new(key, digestmod=hashlib.sha256)

    def sealed(self, card: CardRecord) -> CardRecord:
        """Return the row with the seal that belongs to its content."""
        return card._replace(seal=self._of(_card_text(card)))

    def sealed_challenge(self, challenge: ChallengeRecord) -> ChallengeRecord:
        """Return the challenge with the seal that belongs to its content."""
        return challenge._replace(seal=self._of(_challenge_text(challenge)))

    def is_sealed(self, card: CardRecord) -> bool:
        """Tell whether the row is as it was written."""
        return self._is_right(_card_text, card)

    def check(self, card: CardRecord) -> CardRecord:
        """Return the row if it is as it was written; raise `StoreError` if somebody has changed it."""
        if not self._is_right(_card_text, card):
            raise StoreError(
                f"card {card.serial}: its row in the database is not as it was sealed: it was changed, or is another's; "
                "see audit verify; restore the database from a backup, or remove the card and enroll it again"
            )
        return card

    def check_challenge(self, challenge: ChallengeRecord) -> ChallengeRecord:
        """Return the challenge if it is as it was written; raise `StoreError` if somebody has changed it."""
        if not self._is_right(_challenge_text, challenge):
            raise StoreError(
                f"card {challenge.serial}: a challenge of it in the database is not as it was sealed: it was changed; "
                "see audit verify; restore the database from a backup, or remove the card and enroll it again"
            )
        return challenge

    def bound(self, holder: Holder) -> str:
        """Return what a card's secrets are bound to, as `MasterKey.seal` wants it."""
        return f"{self.database} {'decoy' if holder.decoy else 'card'} {holder.enrolment} {holder.suite}"

    def bound_to(self, logged: int) -> str:
        """Return what a secret of the vault is bound to: this database, and how far the log was when it was put there."""
        return f"{self.database} vault {logged}"

    def end_of_log(self, number: int, digest: bytes) -> bytes:
        """Return what the seal of the log's end is made over."""
        return self.database.encode() + number.to_bytes(8, "big") + digest

    def store(self, db: Connection, master: MasterKey) -> None:
        """Keep the row key sealed under `master`, in place of what is kept."""
        values = {
            "database": self.database,
            "key_id": master.id,
            "sealed": master.seal(self._key, self.database, Secret.ROW_KEY),
        }
        if not db.execute(update(identity).values(values)).rowcount:
            db.execute(insert(identity).values(id=1, **values))

    def _of(self, text: str) -> bytes:
        signer = self._signer.copy()
        signer.update(text.encode())
        return signer.digest()

    def _is_right(self, text: Callable[[Any], str], row: CardRecord | ChallengeRecord) -> bool:
        try:
            return hmac.compare_digest(self._of(text(row)), row.seal)
        except (AttributeError, TypeError, ValueError):
            # SQLite keeps whatever was put into a column.
            return False

    def __repr__(self) -> str:
        return f"<Seals {self.database}>"


# What the seals are over: the columns as Python writes them, which keeps apart what stands side by side, and what is of another
# type, and takes half the time of JSON. Of text that may be in any letters, the bytes: which letters it writes as they are,
# Python decides anew with each edition of Unicode.


def _card_text(row: CardRecord) -> str:
    return f"card {(*row[:_STATE], str(row.state), row.state_since, row.state_reason.encode(), *row[_REASON + 1 : -1])!r}"


def _challenge_text(row: ChallengeRecord) -> str:
    return f"challenge {row[:-1]!r}"


def new_enrolment() -> str:
    """Return 16 hex digits that no other enrolment has."""
    return secrets.token_hex(_ENROLMENT_BYTES)


def new_seals() -> Seals:
    """Return the identity and the row key of a new database."""
    return Seals(secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES))


def load(db: Connection, keys: Keyring) -> Seals | None:
    """Return the seals of this database, None if it has no identity yet.

    Raises `InputError` if they are under a master key that is not among these, `StoreError` if they were tampered with.
    """
    row = db.execute(select(identity.c.database, identity.c.key_id, identity.c.sealed)).first()
    if row is None:
        return None
    master = keys.opener(row.key_id)
    try:
        return Seals(row.database, master.unseal(row.sealed, row.database, Secret.ROW_KEY))
    except (StoreError, TypeError):
        raise StoreError(
            "the identity of the database is not as it was sealed: somebody has changed it; restore a backup"
        ) from None


def missing() -> StoreError:
    """Return the error of a database that has records and no identity."""
    return StoreError("the identity of the database is missing: somebody has removed it; restore a backup")


def key_id(db: Connection) -> str:
    """Return the id of the master key that the row key is sealed under; empty if there is none yet."""
    return str(db.execute(select(identity.c.key_id)).scalar_one_or_none() or "")
