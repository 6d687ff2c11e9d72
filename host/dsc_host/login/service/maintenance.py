"""What is to be done because time has passed: cards that activate by themselves, what has expired, what waits to be sent.

It may be run at any time, by any number of processes, and begun again: what was done is not done again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from dsc_host.login import rate_limits, rows
from dsc_host.login.cards import activation, requests
from dsc_host.login.context import Reception, found, locked_users
from dsc_host.login.devices import registry, waits
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import DeviceState, OrderState, ShareState
from dsc_host.login.signin import sessions
from dsc_host.login.support import wait_outcomes

_DRAFT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Done:
    """What was done."""

    activations: int
    expired: int
    sent: int


def run(at: Reception, senders: Mapping[str, Sender]) -> Done:
    """Do all that is due. Each piece is a transaction of its own."""
    for wait_id in at.read(lambda db: waits.to_end(at, db)):
        at.change(partial(_wait, at, wait_id))
    orders = at.read(lambda db: activation.to_be_activated(at, db))
    for order_id in orders:
        at.change(partial(_activate, at, order_id))
    expired = at.read(lambda db: _expired(at, db))
    for device_id in expired:
        at.change(partial(_end, at, device_id))
    at.change(lambda db: _tidy(at, db))
    _log_refusals(at)
    return Done(len(orders), len(expired), outbox.deliver(at, senders))


def _wait(at: Reception, wait_id: str, db: Connection) -> None:
    wait_outcomes.run_due(at, db, wait_id)


def _activate(at: Reception, order_id: str, db: Connection) -> None:
    activation.activate_due(at, db, order_id)


def _expired(at: Reception, db: Connection) -> list[str]:
    over = (rows.devices.c.state == DeviceState.ACTIVE) & (rows.devices.c.expires_at <= at.now())
    return [device.id for device in rows.devices.all(db, over, most=1000)]


def _end(at: Reception, device_id: str, db: Connection) -> None:
    device = found(rows.devices.find(db, device_id))
    users = locked_users(db, registry.users_of(db, device))
    device = found(rows.devices.locked(db, device_id))
    if device.state != DeviceState.ACTIVE or device.expires_at is None or at.now() < device.expires_at:
        return
    registry.move(at, db, device, DeviceState.ENDED)
    user = users[device.owner_id]
    outbox.tell(at, db, user, "expired", device=registry.label(device))
    at.log(db, "device.expire", user, "done", device.kind, device=device.id)


def _tidy(at: Reception, db: Connection) -> None:
    sessions.forget_old(at, db)
    rate_limits.forget_old(at, db)
    outbox.retry_stuck(at, db)
    outbox.forget_old(at, db)
    rows.pushes.remove(db, rows.pushes.c.expires_at < at.now() - _DRAFT_SECONDS)
    old_shares = (rows.shares.c.state.in_([ShareState.DRAFT, ShareState.PROVEN])) & (
        rows.shares.c.expires_at <= at.now()
    )  # fmt: skip
    rows.shares.remove(db, old_shares)
    old_drafts = (rows.orders.c.state == OrderState.DRAFT) & (rows.orders.c.at < at.now() - _DRAFT_SECONDS)
    for order in rows.orders.all(db, old_drafts, most=1000):
        requests.drop(db, order)


def _log_refusals(at: Reception) -> None:
    """Log how many refusals there were under limits that are over."""
    if counted := at.office.refusals.over(at.now()):
        at.change(lambda db: rate_limits.log_refusals(at, db, counted))
