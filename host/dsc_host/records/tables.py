"""The tables that every database of records has: its identity, the vault, the audit log and its end."""

from struct import pack, unpack

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
)

APPLICATION_ID = 0x44534350
"""`DSCP`, by which a database is known to be ours."""
ACTOR_LETTERS = 64
REASON_LETTERS = 200
VAULT_LETTERS = 64
DATABASE_LETTERS = 16
CARD_ROW_LETTERS = 40

_COUNTER_BYTES = 8
_TIME_BYTES = 8
_HASH_BYTES = 32


class Counter(TypeDecorator[int]):
    """A counter, 0 to 2**64 - 1: SQLite's integers are signed and end half-way. Big-endian bytes sort as numbers do."""

    impl = LargeBinary(_COUNTER_BYTES)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        return None if value is None else value.to_bytes(_COUNTER_BYTES, "big")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> int | None:
        return None if value is None else int.from_bytes(value, "big")


class Times(TypeDecorator[tuple[float, ...]]):
    """Any number of times, in Unix seconds, as big-endian doubles one after the other."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[float, ...] | None, dialect: Dialect) -> bytes | None:
        return None if value is None else pack(f">{len(value)}d", *value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> tuple[float, ...] | None:
        return None if value is None else unpack(f">{len(value) // _TIME_BYTES}d", value)


# With names, a migration can find a constraint again, and SQLite's way of changing a table does not lose one.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# In every other collation of PostgreSQL's, `A-1` may come after `A1`; in SQLite it never does.
_SERIAL = String(16).with_variant(String(16, collation="C"), "postgresql")

# Secrets that belong to no card, each under a name that says what it is: those of the login system. `logged` is the number
# that the log had come to when the secret was put here.
vault = Table(
    "vault",
    metadata,
    Column("name", String(VAULT_LETTERS), primary_key=True),
    Column("key_id", String(16), nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("logged", BigInteger, nullable=False),
)

# One row, made with the database: who it is, and the key of its seals, sealed under the master key.
identity = Table(
    "identity",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("database", String(DATABASE_LETTERS), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

# Not tied to `cards`: what happened to a card stays when the card goes. `detail` is a JSON object. `card_row` is the enrollment
# and the version that the card's row has after what the entry tells of; NULL if that changed no card's row.
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("actor", String(ACTOR_LETTERS), nullable=False),
    Column("action", String(32), nullable=False),
    Column("serial", _SERIAL, index=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(REASON_LETTERS), nullable=False),
    Column("detail", String, nullable=False),
    Column("card_row", String(CARD_ROW_LETTERS)),
    Column("hash", LargeBinary(_HASH_BYTES), nullable=False),
)

# One row: the end of the log, sealed with the master key, so that entries cut off the end are missed.
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
"""Of a log without entries, which nobody has sealed yet."""
