"""Maintenance: scheduled work, such as activating cards, expiring devices and sending messages.

Any number of processes may run it at any time. An interrupted run can be repeated: nothing is done twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from dsc_host.login import rate_limits, rows
from dsc_host.login.cards import activation, requests
from dsc_host.login.devices import registry, sms_days, waits
from dsc_host.login.messages import outbox
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import DeviceState, OrderState, ShareState
from dsc_host.login.signin import sessions
from dsc_host.login.support import wait_outcomes
from dsc_host.login.transaction import LoginContext, LoginTransaction, found, locked_users

_EXPIRING = (DeviceState.ACTIVE, DeviceState.SHIPPED)
"""The states in which a device can expire: in use, or not activated yet."""
_DRAFT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a run: the numbers of cards considered for activation, devices expired, and messages sent."""

    activations: int
    expired: int
    sent: int


def run(context: LoginContext, senders: Mapping[str, Sender]) -> Done:
    """Do all work that is due. Each piece is a transaction of its own."""
    for wait_id in context.read(waits.to_end):
        context.change(partial(_wait, wait_id))
    orders = context.read(activation.to_be_activated)
    for order_id in orders:
        context.change(partial(_activate, order_id))
    sheets = context.read(activation.sheets_to_be_activated)
    for device_id in sheets:
        context.change(partial(_activate_sheet, device_id))
    for user_id in context.read(sms_days.to_remind):
        context.change(partial(_remind, user_id))
    expired = context.read(_find_expired)
    for device_id in expired:
        context.change(partial(_end, device_id))
    context.change(_tidy)
    _write_activity(context)
    _log_refusals(context)
    return Done(len(orders) + len(sheets), len(expired), outbox.deliver(context, senders))


def _wait(wait_id: str, tx: LoginTransaction) -> None:
    wait_outcomes.run_due(tx, wait_id)


def _remind(user_id: str, tx: LoginTransaction) -> None:
    sms_days.remind(tx, user_id)


def _activate(order_id: str, tx: LoginTransaction) -> None:
    activation.activate_due(tx, order_id)


def _activate_sheet(device_id: str, tx: LoginTransaction) -> None:
    activation.activate_sheet_due(tx, device_id)


def _find_expired(tx: LoginTransaction) -> list[str]:
    over = rows.devices.c.state.in_(_EXPIRING) & (rows.devices.c.expires_at <= tx.now())
    return [device.id for device in rows.devices.all(tx.db, over, most=1000)]


def _end(device_id: str, tx: LoginTransaction) -> None:
    device = found(rows.devices.find(tx.db, device_id))
    users = locked_users(tx.db, registry.users_of(tx.db, device))
    device = found(rows.devices.locked(tx.db, device_id))
    if device.state not in _EXPIRING or device.expires_at is None or tx.now() < device.expires_at:
        return
    registry.move(tx, device, DeviceState.ENDED)
    user = users[device.owner_id]
    outbox.add(tx, user, "expired", device=registry.label(device))
    tx.log("device.expire", user, "done", device.kind, device=device.id)


def _write_activity(context: LoginContext) -> None:
    if used := context.activity.pending():
        context.change(lambda tx: sessions.write_activity(tx, used))
        context.activity.forget(used)


def _tidy(tx: LoginTransaction) -> None:
    sessions.forget_old(tx)
    rate_limits.forget_old(tx)
    outbox.retry_stuck(tx)
    outbox.forget_old(tx)
    rows.pushes.remove(tx.db, rows.pushes.c.expires_at < tx.now() - _DRAFT_SECONDS)
    old_shares = (rows.shares.c.state.in_([ShareState.DRAFT, ShareState.PROVEN])) & (
        rows.shares.c.expires_at <= tx.now()
    )  # fmt: skip
    rows.shares.remove(tx.db, old_shares)
    old_drafts = (rows.orders.c.state == OrderState.DRAFT) & (rows.orders.c.at < tx.now() - _DRAFT_SECONDS)
    for order in rows.orders.all(tx.db, old_drafts, most=1000):
        requests.drop(tx.db, order)


def _log_refusals(context: LoginContext) -> None:
    """For each limit that is open again, log the number of attempts that it refused."""
    if counted := context.cards.refusals.over(context.now()):
        context.change(lambda tx: rate_limits.log_refusals(tx, counted))
