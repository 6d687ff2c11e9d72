"""Version 3: cards with their secrets and counters, and their challenges. This is the oldest version that can be migrated."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = None

_SERIAL = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of cards and challenges."""
    op.create_table(
        "cards",
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("suite", sa.String(64), nullable=False),
        sa.Column("counter", sa.LargeBinary(8), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.Double),
        sa.Column("enrolled_at", sa.Double, nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_pin", sa.LargeBinary),
        sa.Column("sealed_unlock_key", sa.LargeBinary),
        sa.Column("unlock_codes", sa.Integer, nullable=False),
        sa.Column("unlock_times", sa.LargeBinary, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("serial", name="pk_cards"),
        sa.CheckConstraint("length(counter) = 8", name="ck_cards_counter"),
        sa.CheckConstraint("length(unlock_times) % 8 = 0", name="ck_cards_unlock_times"),
    )
    op.create_index("ix_cards_key_id", "cards", ["key_id"])
    op.create_table(
        "challenges",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("question", sa.String(64), nullable=False),
        sa.Column("question_digest", sa.LargeBinary(32), nullable=False),
        sa.Column("issued_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_challenges"),
        sa.ForeignKeyConstraint(["serial"], ["cards.serial"], name="fk_challenges_serial", ondelete="CASCADE"),
        sa.UniqueConstraint("serial", "question_digest", name="uq_challenges_serial_question_digest"),
        sa.UniqueConstraint("serial", "number", name="uq_challenges_serial_number"),
    )
