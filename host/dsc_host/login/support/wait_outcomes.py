"""The outcomes of waits: a change takes effect, or it is stopped.

A change takes effect after some days, or when a second staff member confirms it. On a closed account it has no effect. If a
change is stopped, the users who were notified of the wait are notified of that too.
"""

from dataclasses import asdict

from dsc_host.client_address import client_network
from dsc_host.login import json_column, rate_limits, rows
from dsc_host.login.accounts import permissions
from dsc_host.login.cards import activation, deposits, losses, requests
from dsc_host.login.devices import registry, waits
from dsc_host.login.devices.waits import NewCard, NewNumber, OptOut
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, Identity, Loss, OrderState, WaitKind, WaitState
from dsc_host.login.phones import number_confirmation
from dsc_host.login.protection import opt_out
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.rows import Session, User, Wait
from dsc_host.login.signin import sessions
from dsc_host.login.support import calls, identities
from dsc_host.login.transaction import LoginTransaction, account_of, found, locked_user
from dsc_host.login.views import WaitView
from dsc_host.records.transaction import Refused

_TRIES, _TRIES_SECONDS = 30, 3600
_NOT_YET_ACTIVE = (DeviceState.SHIPPED, DeviceState.MISPLACED)


def run_due(tx: LoginTransaction, wait_id: str) -> None:
    """Let the change of a finished wait take effect. Do nothing if the change has already taken effect or was stopped."""
    wait = rows.waits.find(tx.db, wait_id)
    if wait is None:
        return
    user = locked_user(tx.db, wait.user_id)
    try:
        wait = waits.locked(tx.db, wait_id)
    except NotFound:
        return
    if wait.due_at is not None and wait.due_at <= tx.now():
        take_effect(tx, user, wait)


def take_effect(tx: LoginTransaction, user: User, wait: Wait, by: str = "") -> None:
    """Let a change take effect now. On a closed account, only end the wait. Lock the user's row before this call.

    `by` is the name of the staff member who confirmed the change, or empty if the wait has ended by itself.
    """
    waits.record(tx, wait, WaitState.DONE, by)
    change, account = waits.change_of(wait), account_of(tx.db, user)
    if account.closed_at is not None:
        return
    if isinstance(change, NewNumber):
        number_confirmation.add_number(tx, user, change.number, anew=bool(wait.asked_by), by=by or wait.asked_by)
        sessions.end_all(tx.db, user)
    elif isinstance(change, OptOut) and not user.opted_out:
        # Only the account's primary user can have begun this wait.
        opt_out.opt(tx, user, True, by or found(rows.users.find(tx.db, account.primary_user)).name)
        sessions.end_all(tx.db, user)
    elif isinstance(change, NewCard) and by:
        order = rows.orders.find(tx.db, change.card)
        for each in waits.told(tx.db, user, wait):
            notices.notify(tx, each, "card_wait_ended", what=order.address if order else change.label)
    tx.log("wait.count", user, "done", wait.kind, by=by, wait=wait.id)


def stop(tx: LoginTransaction, user: User, wait: Wait, by: str) -> None:
    """Stop a change permanently, and notify the users who were notified of the wait. Lock the row of `user` before this call.

    `by` is the name of the staff member who stopped the change, or empty if its code did.
    """
    waits.record(tx, wait, WaitState.STOPPED, by)
    change = waits.change_of(wait)
    if isinstance(change, NewCard):
        _stop_card(tx, user, change.card, by)
    for each in waits.told(tx.db, user, wait):
        notices.notify(tx, each, "wait_stopped")
    tx.log("wait.stop", user, "done", wait.kind, by=by, wait=wait.id)


def stop_by_code(tx: LoginTransaction, code: str, address: str) -> WaitView | Refused | None:
    """Stop the change that this code belongs to. Return this change, or None if there is none.

    Returns a refusal after too many attempts from the address.
    """
    limit = RateLimit("stop", client_network(address), _TRIES, _TRIES_SECONDS, _TRIES_SECONDS)
    if refusal := rate_limits.charge(tx, [limit]):
        return Refused(refusal)
    wait = waits.with_code(tx.db, code)
    if wait is None:
        tx.log("wait.stop", None, "refused", "unknown")
        return None
    user = locked_user(tx.db, wait.user_id)
    if (wait := waits.with_code(tx.db, code)) is None:
        return None
    stop(tx, user, wait, "")
    return waits.view(tx.db, wait)


def confirm(tx: LoginTransaction, session: Session, staff: User, wait_id: str) -> None:
    """Let a change of the identified caller take effect now.

    Raises `NotFound`, `NotNow` for a closed account, and the errors of `calls.caller` and `waits.check_may_confirm`.
    """
    user = calls.caller(tx, session)
    if account_of(tx.db, user).closed_at is not None:
        raise NotNow("the account is closed")
    wait = waits.locked(tx.db, wait_id, user)
    if wait.kind == WaitKind.IDENTITY:
        raise NotFound("no such change is waiting")
    waits.check_may_confirm(tx.context, wait, staff)
    take_effect(tx, user, wait, staff.name)


def stop_for_caller(tx: LoginTransaction, session: Session, staff: User, wait_id: str) -> None:
    """Stop a change of the identified caller. Raises `NotFound`, and the errors of `calls.caller`."""
    user = calls.caller(tx, session)
    stop(tx, user, waits.locked(tx.db, wait_id, user), staff.name)


def decide_correction(tx: LoginTransaction, staff: User, wait_id: str, agreed: bool, why: str = "") -> None:
    """Confirm or refuse the correction of an identity, and record the reason, `why`.

    The staff member who requested the correction may refuse it, but not confirm it.

    Raises `NotFound`, `NotAllowed`, `NotNow`.
    """
    asked = rows.waits.find(tx.db, wait_id)
    correction = waits.change_of(asked) if asked else None
    if asked is None or not isinstance(correction, Identity):
        raise NotFound("no such change is waiting")
    user = identities.locked_person(tx.db, found(rows.users.find(tx.db, asked.user_id)))
    wait = waits.locked(tx.db, wait_id)
    permissions.check_other(tx.db, staff, user, correction)
    decided = identities.DecidedIdentity(**asdict(correction), why=why)
    rows.waits.change(tx.db, wait.id, data=json_column.write(decided))
    if not agreed:
        stop(tx, user, wait, staff.name)
        return
    waits.check_may_confirm(tx.context, wait, staff)
    waits.record(tx, wait, WaitState.DONE, staff.name)
    identities.set_identity(tx, user, correction, staff)


def _stop_card(tx: LoginTransaction, user: User, card: str, by: str) -> None:
    """Cancel the request of a card whose wait was stopped, or take the card out of use if it was made. Release the deposit.

    A misplaced card is taken out too, because it could be found and activated. A card that is already in use stays so.
    """
    order = rows.orders.find(tx.db, card)
    if order is None:
        device = rows.devices.locked(tx.db, card)
        if device is not None and device.state in _NOT_YET_ACTIVE:
            registry.move(tx, device, DeviceState.ENDED)
            activation.set_online_card_end(tx, user)
        return
    if order.state in (OrderState.DRAFT, OrderState.REQUESTED):
        requests.cancel(tx, user, order.id, by=by)
    elif order.device_id:
        device = found(rows.devices.locked(tx.db, order.device_id))
        if device.state in _NOT_YET_ACTIVE:
            losses.take_out(tx, user, device, Loss.LOST)
            deposits.release(tx, order.id)
