"""Maintenance: the work that is due now, such as activating cards, ending expired devices and sending messages.

Any number of processes may run the maintenance at any time. An interrupted run can be repeated: nothing is done twice, except
that a message may be sent twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from dsc_host.login import rate_limits, rows
from dsc_host.login.cards import activation, requests
from dsc_host.login.devices import registry, sms_expiry, waits
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
    """The result of a run: the numbers of cards considered for activation, of expired devices, and of sent messages."""

    activations: int
    expired: int
    sent: int


def run(context: LoginContext, senders: Mapping[str, Sender]) -> Done:
    """Do the work that is due. The work on each wait, card, device and user is a separate transaction.

    If one of these transactions fails, all other work is still done. Then the first error is raised. A run sends at most 100
    messages, and ends at most 1000 waits and 1000 devices. The next run does the rest.
    """
    failures: list[Exception] = []
    do = partial(_do_each, context, failures)
    do(waits.to_end, wait_outcomes.run_due)
    activations = do(activation.to_be_activated, activation.activate_due)
    activations += do(activation.sheets_to_be_activated, activation.activate_sheet_due)
    do(sms_expiry.to_remind, sms_expiry.remind)
    expired = do(_find_expired, _end)
    do(_old_drafts, _drop)
    # Each of these is a separate transaction: in one transaction, they would lock rows in no fixed order.
    for tidy in (
        sessions.forget_old,
        rate_limits.forget_old,
        outbox.retry_stuck,
        outbox.forget_old,
        _forget_old_pushes,
        _forget_old_shares,
    ):
        context.change(tidy)
    _write_activity(context)
    _log_refusals(context)
    sent = outbox.deliver(context, senders)
    if failures:
        raise failures[0]
    return Done(activations, expired, sent)


def _do_each(
    context: LoginContext,
    failures: list[Exception],
    due: Callable[[LoginTransaction], list[str]],
    work: Callable[[LoginTransaction, str], None],
) -> int:
    """Do `work` for each id that `due` returns. Return the number of ids. Add the errors to `failures`."""
    found = context.read(due)
    for key in found:
        try:
            context.change(partial(_do, work, key))
        except Exception as error:  # An error in one record must not delay the work on the others.
            failures.append(error)
    return len(found)


def _do(work: Callable[[LoginTransaction, str], None], key: str, tx: LoginTransaction) -> None:
    work(tx, key)


def _find_expired(tx: LoginTransaction) -> list[str]:
    over = rows.devices.c.state.in_(_EXPIRING) & (rows.devices.c.expires_at <= tx.now())
    return [device.id for device in rows.devices.all(tx.db, over, most=1000)]


def _end(tx: LoginTransaction, device_id: str) -> None:
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
        context.activity.forget(context.change(lambda tx: sessions.write_activity(tx, used)))


def _old_drafts(tx: LoginTransaction) -> list[str]:
    old = (rows.orders.c.state == OrderState.DRAFT) & (rows.orders.c.at < tx.now() - _DRAFT_SECONDS)
    return [order.id for order in rows.orders.all(tx.db, old, most=1000)]


def _drop(tx: LoginTransaction, order_id: str) -> None:
    if order := rows.orders.find(tx.db, order_id):
        requests.drop(tx.db, order)


def _forget_old_pushes(tx: LoginTransaction) -> None:
    rows.pushes.remove_free(tx.db, rows.pushes.c.expires_at < tx.now() - _DRAFT_SECONDS)


def _forget_old_shares(tx: LoginTransaction) -> None:
    unused = rows.shares.c.state.in_([ShareState.DRAFT, ShareState.PROVEN])
    rows.shares.remove_free(tx.db, unused, rows.shares.c.expires_at <= tx.now())


def _log_refusals(context: LoginContext) -> None:
    """For each limit that is open again, log the number of attempts that it refused."""
    if counted := context.cards.refusals.take_ended(context.now()):
        context.change(lambda tx: rate_limits.log_refusals(tx, counted))
