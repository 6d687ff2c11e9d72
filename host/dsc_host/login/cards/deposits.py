"""Deposits: the money that is held for a card, and released or kept."""

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import money
from dsc_host.login.devices import kinds
from dsc_host.login.errors import NotNow
from dsc_host.login.model import HoldState
from dsc_host.login.transaction import LoginTransaction


def release(db: Connection, order_id: str) -> None:
    """Release the deposit of a request."""
    for hold in rows.holds.all(db, rows.holds.c.order_id == order_id, rows.holds.c.state == HoldState.HELD):
        rows.holds.change(db, hold.id, state=str(HoldState.RELEASED))


def keep(tx: LoginTransaction, order_id: str, cents: int | None = None) -> int:
    """Keep the deposit of a card that does not come back. Return the amount in cents. Raises `InputError`, `NotNow`."""
    least, most = tx.policy.request.replacement_cents[kinds.DSC_CARD.name]
    wanted = tx.policy.request.fee_cents[kinds.DSC_CARD.name] if cents is None else cents
    if type(wanted) is not int or not least <= wanted <= most:
        raise InputError(
            "amount", "must be {least} to {most} USD for this device", least=money.money(least), most=money.money(most)
        )
    held = rows.holds.all(tx.db, rows.holds.c.order_id == order_id, rows.holds.c.state == HoldState.HELD)
    if not held:
        raise NotNow("there is no longer a deposit for this card")
    rows.holds.change(tx.db, held[0].id, state=str(HoldState.KEPT), kept=wanted)
    return wanted
