"""The seals of one database: what it holds, authenticated under a key that belongs to it alone.

Each database has an identity and a row key. Both are random, made with the database and kept for ever; the row key is stored
sealed under the master key. Two promises:

1. A text sealed for one database has no seal in another one, also under one master key.
2. Whoever can write the database, but has no master key, can seal nothing.
"""

import hashlib
import hmac
import secrets
from typing import Self

from sqlalchemy import Connection, insert, select, update

from dsc_host.errors import StoreError
from dsc_host.records.keys import KEY_BYTES, Keyring, MasterKey, Secret
from dsc_host.records.tables import identity

_ID_BYTES = 8


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

    @classmethod
    def new(cls) -> Self:
        """Return the identity and the row key of a new database."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES))

    @classmethod
    def load(cls, db: Connection, keys: Keyring) -> Self | None:
        """Return the seals of this database, None if it has no identity yet.

        Raises `InputError` if they are under a master key that is not among these, `StoreError` if they were tampered with.
        """
        row = db.execute(select(identity.c.database, identity.c.key_id, identity.c.sealed)).first()
        if row is None:
            return None
        master = keys.opener(row.key_id)
        try:
            return cls(row.database, master.unseal(row.sealed, row.database, Secret.ROW_KEY))
        except (StoreError, TypeError):
            raise StoreError(
                "the identity of the database is not as it was sealed: somebody has changed it; restore a backup"
            ) from None

    def store(self, db: Connection, master: MasterKey) -> None:
        """Keep the row key sealed under `master`, in place of what is kept."""
        values = {
            "database": self.database,
            "key_id": master.id,
            "sealed": master.seal(self._key, self.database, Secret.ROW_KEY),
        }
        if not db.execute(update(identity).values(values)).rowcount:
            db.execute(insert(identity).values(id=1, **values))

    def of_text(self, text: str) -> bytes:
        """Return the seal of a text: 32 bytes."""
        signer = self._signer.copy()
        signer.update(text.encode())
        return signer.digest()

    def bound_to(self, logged: int) -> str:
        """Return what a secret of the vault is bound to: this database, and how far the log was when it was put there."""
        return f"{self.database} vault {logged}"

    def end_of_log(self, number: int, digest: bytes) -> bytes:
        """Return what the seal of the log's end is made over."""
        return self.database.encode() + number.to_bytes(8, "big") + digest

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.database}>"


def missing() -> StoreError:
    """Return the error of a database that has records and no identity."""
    return StoreError("the identity of the database is missing: somebody has removed it; restore a backup")


def key_id(db: Connection) -> str:
    """Return the id of the master key that the row key is sealed under; empty if there is none yet."""
    return str(db.execute(select(identity.c.key_id)).scalar_one_or_none() or "")
