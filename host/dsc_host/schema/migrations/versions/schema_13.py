"""Version 13: the time at which a process began to send a message."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the time. For a message that is being sent during the migration, the time stays NULL."""
    op.add_column("messages", sa.Column("claimed_at", sa.Double))
