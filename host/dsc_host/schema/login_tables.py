"""The tables of the login system. They are in the same database as those of the cards, and have the same version.

Times are in Unix seconds, and amounts in whole cents. `data` holds a JSON object. Secrets are in the vault, or only their hash
is stored: Argon2id for a password, and SHA-256 for the value of a session's cookie. This hash is the id of the session. Any
other id is 16 or 32 random hex digits.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    update,
)

from dsc_host.records.tables import SERIAL_LETTERS, audit, metadata
from dsc_host.schema.log_index import user_of

ID_LETTERS = 32
NAME_LETTERS = 32
TEXT_LETTERS = 200


def _id(name: str = "id", *more: object, **options: bool | str) -> Column[str]:
    return Column(name, String(ID_LETTERS), *more, **options)  # type: ignore[arg-type]


def _text(name: str, letters: int = TEXT_LETTERS, **options: bool) -> Column[str]:
    return Column(name, String(letters), nullable=False, **options)  # type: ignore[arg-type]


def _to(column: str) -> ForeignKey:
    return ForeignKey(column, ondelete="CASCADE")


# People and companies. Two entities with the same birth date, citizenship, residence and document are the same person.
entities = Table(
    "entities",
    metadata,
    _id(primary_key=True),
    _text("name"),
    _text("birth_date", 10),
    _text("citizenship", 2),
    _text("residence", 2),
    _text("document_type", 16),
    _text("document_number", 32),
    _text("address"),
    Column("under_review", Boolean, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    _id(primary_key=True),
    _id("entity_id", _to("entities.id"), nullable=False, index=True),
    _id("primary_user", nullable=False),
    Column("equity", BigInteger, nullable=False),
    _text("currency", 3),
    Column("closed_at", Double),
)

# `settings` is the number of changes so far that have made earlier sessions invalid.
users = Table(
    "users",
    metadata,
    _id(primary_key=True),
    _text("name", NAME_LETTERS, unique=True),
    _id("entity_id", _to("entities.id"), nullable=False, index=True),
    _id("account_id", _to("accounts.id"), nullable=False, index=True),
    _text("password"),
    _text("email"),
    _text("language", 2),
    _text("role", 16),
    Column("opted_out", Boolean, nullable=False),
    Column("settings", Integer, nullable=False),
    Column("made_at", Double, nullable=False),
)

phones = Table(
    "phones",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False),
    _text("number", 16),
    Column("confirmed_at", Double),
    UniqueConstraint("user_id", "number"),
)

# `serial` is the serial in the cards' records, for cards that answer challenges. For an app, it is the beginning of the serials
# of its keys.
devices = Table(
    "devices",
    metadata,
    _id(primary_key=True),
    _text("kind", 16),
    _id("owner_id", _to("users.id"), nullable=False, index=True),
    Column("serial", String(SERIAL_LETTERS), index=True),
    _text("state", 16),
    Column("since", Double, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("data", String, nullable=False),
    _text("told", 16),
)

# The users of a device: its owner, and the users with whom it is shared. Each user of a device has a separate name for the
# device, a separate time of the last use, a separate count of wrong answers and a separate lock. For cards that answer
# challenges, and for apps, the count and the lock are not used: the verifier counts wrong answers, for all users together.
uses = Table(
    "uses",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False),
    _id("device_id", _to("devices.id"), nullable=False, index=True),
    _text("state", 16),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Double),
    _text("name", NAME_LETTERS),
    Column("used_at", Double),
    UniqueConstraint("user_id", "device_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(64), primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _text("stage", 16),
    _text("scope", 16),
    _id("device_id", nullable=False),
    Column("settings", Integer, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("data", String, nullable=False),
)

# Counts of attempts. `name` is a keyed hash of the kind of attempt and of the user, address, device or number.
attempts = Table(
    "attempts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False, index=True),
)

pushes = Table(
    "pushes",
    metadata,
    _id(primary_key=True),
    _id("device_id", _to("devices.id"), nullable=False, index=True),
    _text("pin_challenge", 22),
    _text("finger_challenge", 22),
    _text("question", 64),
    _text("number", 8),
    _text("state", 16),
    _text("method", 16),
    Column("asked_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    _text("asked_from"),
)

# The index finds the oldest message in a state. Older messages are sent first.
messages = Table(
    "messages",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _text("channel", 16),
    _text("address"),
    _text("template", 32),
    _text("language", 2),
    _text("state", 16),
    Column("at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    _text("trouble"),
    Column("claimed_at", Double),
    Index(None, "state", "at"),
)

orders = Table(
    "orders",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _id("account_id", _to("accounts.id"), nullable=False),
    _text("address"),
    _text("state", 16),
    Column("at", Double, nullable=False),
    _text("estimate", 10),
    Column("shipped_at", Double),
    _id("device_id", nullable=False),
    _text("told", 16),
    Column("replaces", Boolean, nullable=False),
    Index(None, "state", "at"),
)

# If the money is held for a request, `device_id` is empty, because the row of the request (in `orders`) names the device.
holds = Table(
    "holds",
    metadata,
    _id(primary_key=True),
    _id("account_id", _to("accounts.id"), nullable=False, index=True),
    _id("order_id", nullable=False, index=True),
    Column("cents", BigInteger, nullable=False),
    _text("state", 16),
    Column("kept", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    _id("device_id", nullable=False, index=True, server_default=""),
    Column("settled_at", Double),
)

parcels = Table(
    "parcels",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _id("device_id", _to("devices.id"), nullable=False, unique=True),
    _text("tracking", 64),
    _text("state", 16),
    Column("sent_at", Double, nullable=False),
    Column("received_at", Double),
)

shares = Table(
    "shares",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _id("owner_id", _to("users.id"), nullable=False, index=True),
    _id("device_id", _to("devices.id"), nullable=False, index=True),
    _text("state", 16),
    Column("at", Double, nullable=False),
    Column("expires_at", Double),
    _text("decided_by", NAME_LETTERS),
    Column("data", String, nullable=False),
)

# ACH and EFT transfers into an account.
fundings = Table(
    "fundings",
    metadata,
    _id(primary_key=True),
    _id("account_id", _to("accounts.id"), nullable=False, index=True),
    _id("user_id", _to("users.id"), nullable=False),
    _text("method", 16),
    Column("at", Double, nullable=False),
    Column("cents", BigInteger, nullable=False),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    _id(primary_key=True),
    _id("account_id", _to("accounts.id"), nullable=False),
    _id("user_id", _to("users.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("cents", BigInteger, nullable=False),
    Index(None, "account_id", "at"),
)

# Changes that take effect later. `stop` is the hash of the code with which the owner stops the change.
waits = Table(
    "waits",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _text("kind", 16),
    _text("state", 16),
    _text("stop", 64, index=True),
    _text("asked_by", NAME_LETTERS),
    Column("at", Double, nullable=False),
    Column("due_at", Double),
    _text("decided_by", NAME_LETTERS),
    Column("decided_at", Double),
    Column("data", String, nullable=False),
    Index(None, "state", "due_at"),
)

# Logins to other programs with OpenID Connect. `session` is an id of the session that stays the same when the session's token
# changes. `sid` is the name of the session at the program. `generation` counts the uses of the code and of refresh tokens. At
# `due_at`, the program is notified that the login has ended.
grants = Table(
    "grants",
    metadata,
    _id(primary_key=True),
    _id("user_id", _to("users.id"), nullable=False, index=True),
    _text("client", NAME_LETTERS, index=True),
    _text("session", 64),
    _text("sid", ID_LETTERS, index=True),
    _text("state", 16),
    Column("generation", Integer, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("due_at", Double, index=True),
    Column("tries", Integer, nullable=False),
    Column("data", String, nullable=False),
)

# The index finds the entries of the log that are about one user.
Index("ix_audit_user", user_of, audit.c.number)

ALL = (
    entities, accounts, users, phones, devices, uses, sessions, attempts, pushes, messages, orders, holds, parcels, shares,
    withdrawals, fundings, waits, grants,
)  # fmt: skip
"""The tables of the login system. Each table comes after the tables that it refers to."""

KEPT = {"sessions": None, "grants": None}
"""The rows that a backup keeps of some tables; None means none. The other tables are kept whole.

A restored backup has no sessions, and no logins at other programs, because those end with their sessions.
"""


def end_pushes(db: Connection, now: float) -> None:
    """End the pushes that are open in a restored backup, because they may have been answered since the backup."""
    db.execute(update(pushes).where(pushes.c.expires_at > now).values(expires_at=now))
