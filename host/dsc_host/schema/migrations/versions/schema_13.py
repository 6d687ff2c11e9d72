"""Version 13: the time at which a process began to send a message."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the time. It is not known for messages that are being sent now."""
    op.add_column("messages", sa.Column("claimed_at", sa.Double))
