"""The tables that `records` itself needs: identity, vault, and the audit log with its end, checkpoints and archive."""

from struct import pack, unpack
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

APPLICATION_ID = 0x44534350
"""The mark of dscplus databases: `DSCP` in ASCII."""
ACTOR_LETTERS = 64
REASON_LETTERS = 200
VAULT_LETTERS = 64
DATABASE_LETTERS = 16
CARD_ROW_LETTERS = 40

_COUNTER_BYTES = 8
_TIME_BYTES = 8
_HASH_BYTES = 32


class Counter(TypeDecorator[int]):
    """A counter from 0 to 2**64 - 1, stored as 8 big-endian bytes, because SQLite's integers end at 2**63 - 1.

    The stored bytes have the same order as the counters.
    """

    impl = LargeBinary(_COUNTER_BYTES)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        """Return the stored bytes of a counter."""
        return None if value is None else value.to_bytes(_COUNTER_BYTES, "big")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the counter from its stored bytes. Return any other value unchanged, for the check of the seal."""
        return int.from_bytes(value, "big") if isinstance(value, bytes) else value


class Times(TypeDecorator[tuple[float, ...]]):
    """Any number of times in Unix seconds, stored as consecutive big-endian doubles."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[float, ...] | None, dialect: Dialect) -> bytes | None:
        """Return the stored bytes of some times."""
        return None if value is None else pack(f">{len(value)}d", *value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the times from their stored bytes. Return any other value unchanged, for the check of the seal."""
        if not isinstance(value, bytes) or len(value) % _TIME_BYTES:
            return value
        return unpack(f">{len(value) // _TIME_BYTES}d", value)


# Name all constraints, so that a migration can find them and SQLite keeps them when it rebuilds a table.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

SERIAL_LETTERS = 32
# The serial of a decoy has one more character, which marks it. With this collation, PostgreSQL sorts `A-1` before `A1`,
# as SQLite does.
_SERIAL = String(SERIAL_LETTERS + 1).with_variant(String(SERIAL_LETTERS + 1, collation="C"), "postgresql")

# The secrets that belong to no card, by name. `logged` is the number that the log's last entry had when the secret was stored.
vault = Table(
    "vault",
    metadata,
    Column("name", String(VAULT_LETTERS), primary_key=True),
    Column("key_id", String(16), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("logged", BigInteger, nullable=False),
)

# One row: the identity of the database, and the key of its seals, sealed under the master key.
identity = Table(
    "identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("database", String(DATABASE_LETTERS), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# `serial` is not a foreign key, because the history of a card stays when the card is removed. `detail` is a JSON object.
# `card_row` is the enrollment and the version of the card's row after the event. It is NULL if the event changed no card's row.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", String(ACTOR_LETTERS), nullable=False),
    Column("action", String(32), nullable=False),
    Column("serial", _SERIAL),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(REASON_LETTERS), nullable=False),
    Column("detail", String, nullable=False),
    Column("card_row", String(CARD_ROW_LETTERS)),
    Column("hash", LargeBinary(_HASH_BYTES), nullable=False),
)
# The index includes the number, so that a query finds the last entry about a card without reading the card's other entries.
Index("ix_audit_serial", audit.c.serial, audit.c.number)

# One row: the number and the hash of the log's last entry, sealed so that a removal of the last entries is detected.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
    CheckConstraint("id = 1", name="one"),
)
EMPTY_HEAD = {"id": 1, "number": 0, "hash": bytes(_HASH_BYTES), "key_id": "", "seal": b""}
"""The end of a log without entries, which is not sealed yet."""

# The checkpoints, each at the end of a segment of the log: see `segments`. `digest` is computed from the columns that are
# listed before it, and from the digest of the previous checkpoint.
audit_segments = Table(
    "audit_segments",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("first_entry", BigInteger, nullable=False),
    Column("last_entry", BigInteger, nullable=False),
    Column("start_hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("end_hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("digest", LargeBinary(_HASH_BYTES), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
)

# If entries have been archived, one row: the number and the hash of the last archived entry. The valid rows of `audit_kept` are
# those of this `generation`. They take all entries up to `kept_to` into account, and have the hash `kept_hash`.
audit_archive = Table(
    "audit_archive",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("kept_to", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("kept_hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# The summary of the archived entries about each card: the last version of its row, and the last enrollment or removal.
audit_kept = Table(
    "audit_kept",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("serial", _SERIAL, primary_key=True),
    Column("card_row", String(CARD_ROW_LETTERS)),
    Column("action", String(32)),
)
