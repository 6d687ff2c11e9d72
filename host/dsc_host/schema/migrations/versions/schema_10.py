"""Version 10: lists of the cards in one state, and of one owner, that are read page by page."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add an index of the states, and add the serials to the index of the owners."""
    real = sa.text("state != 'decoy'")
    op.create_index("ix_cards_state", "cards", ["state", "serial"], sqlite_where=real, postgresql_where=real)
    op.drop_index("ix_owners_owner", "owners")
    op.create_index("ix_owners_owner", "owners", ["owner", "serial"])
