"""Version 9: longer serials of other makers, the dates of a card's validity, and the charges and transfers of an account."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_OLD, _NEW = (sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql") for length in (16, 33))
_OLD_OF_DEVICE, _NEW_OF_DEVICE = sa.String(16), sa.String(32)
_SERIALS: tuple[tuple[str, Any, Any, bool], ...] = (
    ("cards", _OLD, _NEW, False),
    ("challenges", _OLD, _NEW, False),
    ("owners", _OLD, _NEW, False),
    ("audit", _OLD, _NEW, True),
    ("devices", _OLD_OF_DEVICE, _NEW_OF_DEVICE, True),
)

_KEY = '"user":"'
_USER_OF = {
    "sqlite": f"CASE WHEN instr(detail, '{_KEY}') > 0 THEN substr(detail, instr(detail, '{_KEY}') + 8, "
    f"instr(substr(detail, instr(detail, '{_KEY}') + 8), '\"') - 1) END",
    "postgresql": f"split_part(split_part(detail, '{_KEY}', 2), '\"', 1)",
}
"""The user whom an entry of the log is about."""


def upgrade() -> None:
    """Remove the decoys, widen the serials, and add the dates.

    The old decoys must go, because their names can now be serials of cards. The next challenge for a serial adds a new decoy.
    """
    op.execute("DELETE FROM challenges WHERE serial IN (SELECT serial FROM cards WHERE state = 'decoy')")
    op.execute("DELETE FROM cards WHERE state = 'decoy'")
    for table, old, new, nullable in _SERIALS:
        with op.batch_alter_table(table) as batch:
            batch.alter_column("serial", existing_type=old, type_=new, existing_nullable=nullable)
    for name in ("valid_from", "valid_until"):
        op.add_column("cards", sa.Column(name, sa.Double))
    # No owner has been reminded of a coming change of a device yet.
    op.add_column("devices", sa.Column("told", sa.String(16), nullable=False, server_default=""))
    _add_money()
    # No device has a name yet, and the times of the last uses are unknown.
    op.add_column("uses", sa.Column("name", sa.String(32), nullable=False, server_default=""))
    op.add_column("uses", sa.Column("used_at", sa.Double))
    # The index finds the entries of the log that are about one user.
    op.execute(f"CREATE INDEX ix_audit_user ON audit ({_USER_OF[op.get_bind().dialect.name]}, number)")
    # From this version on, the state has the American spelling of the project.
    op.execute("UPDATE orders SET state = 'personalized' WHERE state = 'personalised'")


def _add_money() -> None:
    """Add charges without a request, the time at which money was released or kept, and the transfers into accounts."""
    op.add_column("holds", sa.Column("device_id", sa.String(32), nullable=False, server_default=""))
    op.add_column("holds", sa.Column("settled_at", sa.Double))
    op.create_index("ix_holds_device_id", "holds", ["device_id"])
    op.create_table(
        "fundings",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("cents", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_fundings"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_fundings_account_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_fundings_user_id", ondelete="CASCADE"),
    )
    op.create_index("ix_fundings_account_id", "fundings", ["account_id"])
