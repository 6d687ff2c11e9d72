"""The tables of the cards, the same in SQLite and in PostgreSQL.

The constraints of the tables enforce three rules, whatever the code does. A question that is still stored for a card is not
asked again. If a card is deleted, its challenges are deleted too. And no two entries of the log have the same number.

When you change a table, raise `VERSION` and write the migration to the new version: see `migrations`.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    literal_column,
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
    audit_archive,
    audit_head,
    audit_kept,
    audit_segments,
    identity,
    metadata,
    vault,
)

DECOY = "decoy"
"""The state of a decoy. A decoy is a row for a serial that no card has."""
STATE_LETTERS = 9
OWNER_LETTERS = 64
ENROLMENT_LETTERS = 16
NO_OWNERS = bytes(_HASH_BYTES)
"""The hash of the owners of a card without owners."""

# Times are Unix seconds. The columns mean:
# - `key_id`: the master key that sealed the row's secrets. It is empty for a retired card, which has no secrets.
# - `unlock_codes`: the number of unlock codes that were made for the card so far.
# - `unlock_times`: the times of the latest unlock codes, for the limit on unlock codes.
# - `asked`: the number of challenges of the card so far.
# - `judged`: the number of responses so far. It is counted so that each response changes the same rows and takes the same time.
# - `failures`: the number of successive wrong responses.
# - `failures_in_day`: the number of wrong responses since `day_since`, even if there were right responses between them.
# - `enrolment`: random text that identifies the enrollment.
# - `version`: the number of the row's version.
# - `owners_hash`: the hash of the owners' names.
# - `valid_from`, `valid_until`: responses are accepted from the first time until the second. NULL means no limit.
# - `seal`: the seal of all other columns (see `card_seals`).
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
    Column("valid_from", Double),
    Column("valid_until", Double),
    Column("seal", LargeBinary(_HASH_BYTES), nullable=False),
    CheckConstraint(f"length(counter) = {_COUNTER_BYTES}", name="counter"),
    CheckConstraint(f"length(unlock_times) % {_TIME_BYTES} = 0", name="unlock_times"),
)

# The state is a literal in the statements. With a parameter, the database could not know whether an index below has the rows.
_DECOY: ColumnElement[str] = literal_column(f"'{DECOY}'")
IS_DECOY = cards.c.state == _DECOY
IS_REAL = cards.c.state != _DECOY
# This index gives the cards of one state page by page, in the order of their serials. A login does not change the index. It has
# no decoys, so that a search for decoys uses the index below.
Index("ix_cards_state", cards.c.state, cards.c.serial, sqlite_where=IS_REAL, postgresql_where=IS_REAL)
# This index has only decoys, so it takes no space if there are none.
Index("ix_cards_decoys", cards.c.state_since, sqlite_where=IS_DECOY, postgresql_where=IS_DECOY)

# A row is kept after its challenge has expired, because it records the question. `number` counts from 1 for each card. The
# digest is made of the encoded question, because 000001 and 000016 have the same encoding, and so the same response.
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
    Column("owner", String(OWNER_LETTERS), primary_key=True),
)
Index("ix_owners_owner", owners.c.owner, owners.c.serial)

CARD_ACTIONS = frozenset(("card.enroll", "card.remove"))
"""The actions in the log that begin or end a card's enrollment."""
# The actions are literals in the statements too, so that the database knows that it can use the small index below.
_ACTIONS: list[ColumnElement[str]] = [literal_column(f"'{action}'") for action in sorted(CARD_ACTIONS)]
BEGINS_OR_ENDS = audit.c.action.in_(_ACTIONS)
"""The condition that an entry of the log begins or ends a card's enrollment."""
Index("ix_audit_cards", audit.c.serial, audit.c.number, sqlite_where=BEGINS_OR_ENDS, postgresql_where=BEGINS_OR_ENDS)

OWN = (identity, cards, challenges, owners, vault, audit, audit_head, audit_segments, audit_archive, audit_kept)
"""The tables of the cards. Each table comes after the tables that it refers to."""

_OF_REAL = select(cards.c.serial).where(IS_REAL)
KEPT = {
    "cards": select(cards).where(IS_REAL),
    "challenges": select(challenges).where(challenges.c.serial.in_(_OF_REAL)),
    "owners": select(owners).where(owners.c.serial.in_(_OF_REAL)),
}
"""The rows of these tables that a backup keeps: all rows except those of decoys."""
