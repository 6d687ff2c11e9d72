"""Version 6: a card's wrong responses of a day are counted, regardless of correct responses between them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the count of a card's wrong responses of a day."""
    op.add_column("cards", sa.Column("failures_in_day", sa.Integer, nullable=False, server_default="0"))
    op.add_column("cards", sa.Column("day_since", sa.Double, nullable=False, server_default="0"))
