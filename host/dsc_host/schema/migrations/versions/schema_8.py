"""Version 8: changes that take effect later."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the table of waiting changes."""
    op.create_table(
        "waits",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("stop", sa.String(64), nullable=False),
        sa.Column("asked_by", sa.String(32), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double),
        sa.Column("decided_by", sa.String(32), nullable=False),
        sa.Column("decided_at", sa.Double),
        sa.Column("data", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_waits"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_waits_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_waits_state_due_at", "waits", ["state", "due_at"])
    op.create_index("ix_waits_stop", "waits", ["stop"])
    op.create_index("ix_waits_user_id", "waits", ["user_id"])
