"""Version 4: cards have a state, owners and optionally a duress PIN; events are logged in a chain.

The migration makes a card with a recorded correct response active. The others wait for their first response.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SERIAL = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")


def upgrade() -> None:
    """Add the state, owners and duress PIN of cards, and the log."""
    for name, kind in (("state", sa.String(9)), ("state_since", sa.Double), ("state_reason", sa.String(200))):
        op.add_column("cards", sa.Column(name, kind))
    op.add_column("cards", sa.Column("sealed_duress_pin", sa.LargeBinary))
    op.add_column("cards", sa.Column("judged", sa.BigInteger))
    op.add_column("challenges", sa.Column("judged", sa.BigInteger))
    op.execute("UPDATE cards SET state_since = enrolled_at, state_reason = '', state = 'enrolled', judged = 0")
    op.execute("UPDATE challenges SET judged = 0")
    op.execute("UPDATE cards SET state = 'active' WHERE serial IN (SELECT serial FROM challenges WHERE used_at IS NOT NULL)")
    with op.batch_alter_table("cards") as cards:
        for name, kind in (("state", sa.String(9)), ("state_since", sa.Double), ("state_reason", sa.String(200))):
            cards.alter_column(name, existing_type=kind, nullable=False)
        cards.alter_column("judged", existing_type=sa.BigInteger, nullable=False)
    with op.batch_alter_table("challenges") as challenges:
        challenges.alter_column("judged", existing_type=sa.BigInteger, nullable=False)
    decoys = sa.text("state = 'decoy'")
    op.create_index("ix_cards_decoys", "cards", ["state_since"], sqlite_where=decoys, postgresql_where=decoys)
    op.create_table(
        "owners",
        sa.Column("serial", _SERIAL, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("serial", "owner", name="pk_owners"),
        sa.ForeignKeyConstraint(["serial"], ["cards.serial"], name="fk_owners_serial", ondelete="CASCADE"),
    )
    op.create_index("ix_owners_owner", "owners", ["owner"])
    _add_log()


def _add_log() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("serial", _SERIAL),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("detail", sa.String, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_serial", "audit", ["serial"])
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("seal", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
        sa.CheckConstraint("id = 1", name="ck_audit_head_one"),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": bytes(32), "key_id": "", "seal": b""}])
