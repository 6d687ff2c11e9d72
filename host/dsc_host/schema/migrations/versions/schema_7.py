"""Version 7: a database has an identity, and the rows of cards and challenges have seals.

`dsc_host.verifier.upgrade` fills the new columns afterwards, because the seals need the master key.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine[Any], str], ...] = (
    ("cards", "enrolment", sa.String(16), ""),
    ("cards", "version", sa.BigInteger(), "0"),
    ("cards", "owners_hash", sa.LargeBinary(32), ""),
    ("cards", "seal", sa.LargeBinary(32), ""),
    ("challenges", "seal", sa.LargeBinary(32), ""),
    ("vault", "logged", sa.BigInteger(), "0"),
)


def upgrade() -> None:
    """Add the identity of the database and the seals of rows."""
    op.create_table(
        "identity",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("database", sa.String(16), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_identity"),
        sa.CheckConstraint("id = 1", name="ck_identity_one"),
    )
    op.add_column("audit", sa.Column("card_row", sa.String(40)))
    for table, name, kind, filler in _COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=filler))
    # Drop the defaults, which only the existing rows needed.
    for table in ("cards", "challenges", "vault"):
        with op.batch_alter_table(table) as batch:
            for _, name, kind, _ in (column for column in _COLUMNS if column[0] == table):
                batch.alter_column(name, existing_type=kind, existing_nullable=False, server_default=None)
