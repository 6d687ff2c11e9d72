"""Version 6: the wrong responses of a card within a day are counted, even if there are right responses between them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the count of a card's wrong responses of a day."""
    op.add_column("cards", sa.Column("failures_in_day", sa.Integer, nullable=False, server_default="0"))
    op.add_column("cards", sa.Column("day_since", sa.Double, nullable=False, server_default="0"))
