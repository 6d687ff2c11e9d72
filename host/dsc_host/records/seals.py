"""The seals of a database. A seal shows any change of the data for which it was made.

Each database has an identity and a row key. Both are random, and never change. The row key is stored sealed under the master
key. Two promises:

1. A seal that was made for one database is not valid in another database, even under the same master key.
2. An attacker who can write the database but has no master key cannot make a valid seal.
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
    """The identity of one database, and its seals. Threads may share the object."""

    __slots__ = ("_key", "_name_signer", "_signer", "database")

    database: str
    """The identity: 16 random hex digits. It is not secret."""

    def __init__(self, database: str, key: bytes) -> None:
        """Use the identity of a database and its row key."""
        self.database = database
        self._key = key
        # Prepare the HMAC once and copy it for each use: the preparation takes several times as long as a short signature.
        self._signer = hmac.new(key, digestmod=hashlib.sha256)
        self._name_signer = hmac.new(hmac.digest(key, b"dscplus 1 name", "sha256"), digestmod=hashlib.sha256)

    @classmethod
    def new(cls) -> Self:
        """Return the identity and the row key of a new database."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_bytes(KEY_BYTES))

    @classmethod
    def load(cls, db: Connection, keys: Keyring) -> Self | None:
        """Return the seals of this database, or None if it has no identity yet.

        Raises `InputError` if the row key is sealed under a master key that is not in `keys`, and `StoreError` if the identity
        or the row key was tampered with.
        """
        row = db.execute(select(identity.c.database, identity.c.key_id, identity.c.sealed)).first()
        if row is None:
            return None
        master = keys.opener(row.key_id)
        try:
            return cls(row.database, master.unseal(row.sealed, row.database, Secret.ROW_KEY))
        except (StoreError, TypeError):
            raise StoreError(
                "the identity of the database does not match its seal: somebody has changed it; restore a backup"
            ) from None

    def store(self, db: Connection, master: MasterKey) -> None:
        """Store the identity and the row key, sealed under `master`, in place of the stored ones."""
        values = {
            "database": self.database,
            "key_id": master.id,
            "sealed": master.seal(self._key, self.database, Secret.ROW_KEY),
        }
        if not db.execute(update(identity).values(values)).rowcount:
            db.execute(insert(identity).values(id=1, **values))

    def of_text(self, text: str) -> bytes:
        """Return the seal of `text` under the row key: 32 bytes."""
        signer = self._signer.copy()
        signer.update(text.encode())
        return signer.digest()

    def pseudonym(self, text: str) -> str:
        """Return 64 hex digits that identify `text`. Without the row key, nobody can find out to which text they belong.

        A change of the master key does not change them.
        """
        signer = self._name_signer.copy()
        signer.update(text.encode("utf-8", "surrogatepass"))
        return signer.hexdigest()

    def bound_to(self, logged: int) -> str:
        """Return the text that binds a secret of the vault to this database and to `logged`, the number of a log entry."""
        return f"{self.database} vault {logged}"

    def end_of_log(self, number: int, digest: bytes) -> bytes:
        """Return the bytes to seal for the end of the log: the number and the hash of its last entry."""
        return self.database.encode() + number.to_bytes(8, "big") + digest

    def checkpoint(self, digest: bytes) -> bytes:
        """Return the bytes to seal for a checkpoint. They are longer than those for a log's end, so the two are never equal."""
        return self.database.encode() + b" segment " + digest

    def archive(self, mark: bytes) -> bytes:
        """Return the bytes to seal for the mark of the archived entries."""
        return self.database.encode() + b" archive " + mark

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.database}>"


def missing() -> StoreError:
    """Return the error to raise for a database that has records but no identity."""
    return StoreError("the identity of the database is missing: somebody has removed it; restore a backup")


def key_id(db: Connection) -> str:
    """Return the id of the master key that seals the row key, or empty text if there is none yet."""
    return str(db.execute(select(identity.c.key_id)).scalar_one_or_none() or "")
