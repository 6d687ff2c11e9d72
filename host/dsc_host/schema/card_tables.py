"""The tables, the same in SQLite and in PostgreSQL.

Three rules of the verifier are held here, whatever the code above does: a card is not asked a question that it is still
remembered to have been asked; a challenge goes when its card does; and no two entries of the log have one number.

Whoever changes a table also raises `VERSION`, and writes the migration that leads there: see `migrations`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    select,
)

from dsc_host.records.tables import (
    _COUNTER_BYTES,
    _HASH_BYTES,
    _SERIAL,
    _TIME_BYTES,
    REASON_LETTERS,
    Counter,
    Times,
    audit,
    audit_head,
    identity,
    metadata,
    vault,
)

DECOY = "decoy"
"""The state of a row that stands for a card that there is not, so that asking for it is like asking for any other."""
STATE_LETTERS = 9
OWNER_LETTERS = 64
ENROLMENT_LETTERS = 16
NO_OWNERS = bytes(_HASH_BYTES)
"""The hash of the owners of a card that has none."""

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

OWN = (identity, cards, challenges, owners, vault, audit, audit_head)
"""Those of the cards, in an order in which each comes after those that it points to."""

_REAL = cards.c.state != DECOY
_OF_REAL = select(cards.c.serial).where(_REAL)
KEPT = {
    "cards": select(cards).where(_REAL),
    "challenges": select(challenges).where(challenges.c.serial.in_(_OF_REAL)),
    "owners": select(owners).where(owners.c.serial.in_(_OF_REAL)),
}
"""The rows that a backup keeps: those of decoys are not."""
