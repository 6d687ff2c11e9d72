"""Version 12: the log has checkpoints, and its old segments can be archived.

The log's indexes by serial now find the last entry about a card. No checkpoint is made here: `audit seal` makes them once it
has checked the entries.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_SERIAL = sa.String(33).with_variant(sa.String(33, collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables of the checkpoints and of the archive, and extend the indexes."""
    op.create_table(
        "audit_segments",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("first_entry", sa.BigInteger, nullable=False),
        sa.Column("last_entry", sa.BigInteger, nullable=False),
        sa.Column("start_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("end_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_segments"),
    )
    op.create_table(
        "audit_archive",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("kept_to", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("kept_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_archive"),
        sa.CheckConstraint("id = 1", name="ck_audit_archive_one"),
    )
    op.create_table(
        "audit_kept",
        sa.Column("generation", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("card_row", sa.String(40)),
        sa.Column("action", sa.String(32)),
        sa.PrimaryKeyConstraint("generation", "serial", name="pk_audit_kept"),
    )
    op.drop_index("ix_audit_serial", "audit")
    op.create_index("ix_audit_serial", "audit", ["serial", "number"])
    op.execute("CREATE INDEX ix_audit_cards ON audit (serial, number) WHERE action IN ('card.enroll', 'card.remove')")
