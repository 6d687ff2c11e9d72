"""The tables, and the marks by which a database file is known to be one of ours.

Two rules of the verifier are held here, whatever the code above does: a card is never asked the same question twice,
and a challenge goes when its card does.
"""

from struct import pack, unpack

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Dialect,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
)

APPLICATION_ID = 0x44534350
"""`DSCP`: SQLite keeps it in the file's header, where `file` and others find it."""
VERSION = 2

_COUNTER_BYTES = 8
_TIME_BYTES = 8


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


_metadata = MetaData()

# Times are Unix seconds. `key_id` names the master key that sealed the row's secrets. `unlock_codes` counts all that the
# card was ever given; `unlock_times` has the latest, among them all those that its limit still counts.
cards = Table(
    "cards",
    _metadata,
    Column("serial", String(16), primary_key=True),
    Column("suite", String(64), nullable=False),
    Column("counter", Counter, CheckConstraint(f"length(counter) = {_COUNTER_BYTES}"), nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Double),
    Column("enrolled_at", Double, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("sealed_key", LargeBinary, nullable=False),
    Column("sealed_pin", LargeBinary),
    Column("sealed_unlock_key", LargeBinary),
    Column("unlock_codes", Integer, nullable=False),
    Column("unlock_times", Times, CheckConstraint(f"length(unlock_times) % {_TIME_BYTES} = 0"), nullable=False),
)

# A row outlives its challenge: it is the memory of what the card was asked. The digest is of the question as it is
# encoded, because that is what the card answers to: 000001 and 000016 are one question.
challenges = Table(
    "challenges",
    _metadata,
    Column("id", String(22), primary_key=True),
    Column("serial", ForeignKey("cards.serial", ondelete="CASCADE"), nullable=False),
    Column("question", String(64), nullable=False),
    Column("question_digest", LargeBinary(32), nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("used_at", Double),
    UniqueConstraint("serial", "question_digest"),
)


def identity(db: Connection) -> tuple[int, int, int]:
    """The file's application id, its schema's version, and how many tables and the like it has: all 0 in a new one."""
    return (
        db.exec_driver_sql("PRAGMA application_id").scalar_one(),
        db.exec_driver_sql("PRAGMA user_version").scalar_one(),
        db.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one(),
    )


def create(db: Connection) -> None:
    """Make the tables in an empty database, and mark it as ours, in the transaction that is open."""
    _metadata.create_all(db, checkfirst=False)
    db.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    db.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
