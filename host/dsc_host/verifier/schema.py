"""The tables, the same in SQLite and in PostgreSQL.

Three rules of the verifier are held here, whatever the code above does: a card is not asked a question that it is still
remembered to have been asked; a challenge goes when its card does; and no two entries of the log have one number.

Whoever changes a table also raises `VERSION`, and writes the migration that leads there: see `migrations`.
"""

from struct import pack, unpack

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

APPLICATION_ID = 0x44534350
"""`DSCP`, by which a database is known to be ours."""
VERSION = 8
"""Of the tables as they stand here."""
FIRST_WITH_LOG = 4
FIRST_WITH_SEALS = 7
"""The first whose rows are sealed, and whose secrets are bound to the database and the enrolment."""
OLDEST = 3
"""The oldest version that can be migrated: those before it were never released."""

DECOY = "decoy"
"""The state of a row that stands for a card that there is not, so that asking for it is like asking for any other."""
STATE_LETTERS = 9
OWNER_LETTERS = 64
ACTOR_LETTERS = 64
REASON_LETTERS = 200
VAULT_LETTERS = 64
ENROLMENT_LETTERS = 16
DATABASE_LETTERS = 16
CARD_ROW_LETTERS = 40

_COUNTER_BYTES = 8
_TIME_BYTES = 8
_HASH_BYTES = 32
NO_OWNERS = bytes(_HASH_BYTES)
"""The hash of the owners of a card that has none."""


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

# Times are Unix seconds. `key_id` names the master key that sealed the row's secrets. `unlock_codes` counts all that the
# card was ever given; `unlock_times` has the latest, among them all those that its limit still counts. `asked` counts
# all the challenges that it was ever given. A card that is retired has no secrets, and an empty `key_id`. `judged` counts
# all the responses: so that each of them, whatever becomes of it, changes the same rows, and takes the same time.
# `failures` counts the wrong ones in a row, `failures_in_day` those since `day_since`, whatever was right between them.
# `enrolment` is random; `version` counts the changes of the row; `owners_hash` is of the owners' names; `seal` is over all the
# other columns: see `seals`.
cards = Table(
    "cards",
    metadata,
    Column("serial", _SERIAL, primary_key=True),
    Column("suite", String(64), nullable=False),
    Column("counter", Counter, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Double),
    Column("enrolled_at", Double, nullable=False),
    Column("key_id", String(16), nullable=False, index=True),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("sealed_pin", LargeBinary),
    Column("sealed_unlock_key", LargeBinary),
    Column("unlock_codes", Integer, nullable=False),
    Column("unlock_times", Times, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("state", String(STATE_LETTERS), nullable=False),
    Column("state_since", Double, nullable=False),
    Column("state_reason", String(REASON_LETTERS), nullable=False),
    Column("sealed_duress_pin", LargeBinary),
    Column("judged", BigInteger, nullable=False),
    Column("failures_in_day", Integer, nullable=False, server_default="0"),
    Column("day_since", Double, nullable=False, server_default="0"),
    Column("enrolment", String(ENROLMENT_LETTERS), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("owners_hash", LargeBinary(_HASH_BYTES), nullable=False),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
    CheckConstraint(f"length(counter) = {_COUNTER_BYTES}", name="counter"),
    CheckConstraint(f"length(unlock_times) % {_TIME_BYTES} = 0", name="unlock_times"),
)

_is_decoy = cards.c.state == DECOY
# Of decoys alone, so that it takes no room where there are none.
Index("ix_cards_decoys", cards.c.state_since, sqlite_where=_is_decoy, postgresql_where=_is_decoy)

# A row outlives its challenge: it is the memory of what the card was asked. `number` counts from 1 for each card. The
# digest is of the question as it is encoded, because that is what the card answers to: 000001 and 000016 are one question.
challenges = Table(
    "challenges",
    metadata,
    Column("id", String(22), primary_key=True),
    Column("serial", _SERIAL, ForeignKey("cards.serial", ondelete="CASCADE"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("question", String(64), nullable=False),
    Column("question_digest", LargeBinary(32), nullable=False),
    Column("issued_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("used_at", Double),
    Column("judged", BigInteger, nullable=False),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
    UniqueConstraint("serial", "question_digest"),
    UniqueConstraint("serial", "number"),
)

owners = Table(
    "owners",
    metadata,
    Column("serial", _SERIAL, ForeignKey("cards.serial", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(OWNER_LETTERS), primary_key=True, index=True),
)

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

# Not tied to `cards`: what happened to a card stays when the card goes. `detail` is a JSON object. `card_row` is the enrolment
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

OWN = (identity, cards, challenges, owners, vault, audit, audit_head)
"""Those of the cards, in an order in which each comes after those that it points to."""
