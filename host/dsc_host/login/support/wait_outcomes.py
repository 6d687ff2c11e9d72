"""The outcomes of what waits: it counts, after its days or by a second identification; or it is stopped."""

from sqlalchemy import Connection

from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import contacts, users
from dsc_host.login.cards import losses, requests
from dsc_host.login.context import Reception, account_of, data_of, found, locked_user
from dsc_host.login.devices import lifecycle, registry, waits
from dsc_host.login.errors import NotFound
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, Kind, Loss, OrderState, WaitKind
from dsc_host.login.protection import opt_out
from dsc_host.login.rate_limits import Gate
from dsc_host.login.rows import Order, User, Wait
from dsc_host.login.signin import sessions
from dsc_host.login.support import identities
from dsc_host.records.context import Refused

_TRIES, _TRIES_SECONDS = 30, 3600


def run_due(at: Reception, db: Connection, wait_id: str) -> None:
    """Let something count that has waited long enough; it may have been stopped meanwhile."""
    wait = rows.waits.find(db, wait_id)
    if wait is None:
        return
    user = locked_user(db, wait.user_id)
    try:
        wait = waits.locked(db, wait_id)
    except NotFound:
        return
    if wait.due_at is not None and wait.due_at <= at.now():
        let_count(at, db, user, wait)


def let_count(at: Reception, db: Connection, user: User, wait: Wait, by: str = "") -> None:
    """Make it count now. The user is locked."""
    waits.done(at, db, wait, by)
    data, kind = data_of(wait), WaitKind(wait.kind)
    if account_of(db, user).closed_at is not None:
        return
    if kind is WaitKind.NUMBER:
        _add_number(at, db, user, data["number"])
    elif kind is WaitKind.OPT_OUT and not user.opted_out:
        opt_out.opt(at, db, user, user.id, True)
        sessions.end_all(db, user)
    at.log(db, "wait.count", user, "done", str(kind), by=by, wait=wait.id)


def _add_number(at: Reception, db: Connection, user: User, number: str) -> None:
    told = notices.tell(at, db, user, "phone_confirmed", phone=contacts.masked(number))
    contacts.add_phone(at, db, user, number, told=told)
    if any(device.kind == Kind.PHONE_APP for device, _ in registry.live_of(at, db, user)):
        users.settings_changed(db, user)
    else:
        lifecycle.enable_messages(at, db, user, number, told)
    sessions.end_all(db, user)


def stop(at: Reception, db: Connection, user: User, wait: Wait, by: str) -> None:
    """Stop it for good. The user is locked."""
    waits.stopped(at, db, wait, by)
    if wait.kind == WaitKind.CARD:
        _stop_card(at, db, user, data_of(wait)["card"])
    notices.tell(at, db, user, "wait_stopped")
    at.log(db, "wait.stop", user, "done", wait.kind, by=by, wait=wait.id)


def stop_by_code(at: Reception, code: str, address: str) -> bool:
    """Stop what this code stops, and return whether there was anything. Raises `TooManyAttempts`."""

    def stopped(db: Connection) -> bool | Refused:
        gate = Gate("stop", address if isinstance(address, str) else "", _TRIES, _TRIES_SECONDS, _TRIES_SECONDS)
        if refusal := rate_limits.charge(at, db, [gate]):
            return Refused(refusal)
        wait = waits.with_code(db, code)
        if wait is None:
            at.log(db, "wait.stop", None, "refused", "unknown")
            return False
        user = locked_user(db, wait.user_id)
        if (wait := waits.with_code(db, code)) is None:
            return False
        stop(at, db, user, wait, "")
        return True

    return at.change(stopped)


def decide_correction(at: Reception, db: Connection, staff: User, wait_id: str, agreed: bool) -> None:
    """Have a second person confirm or refuse a corrected identity. Raises `NotFound`, `NotAllowed`, `NotNow`."""
    asked = rows.waits.find(db, wait_id)
    if asked is None or asked.kind != WaitKind.IDENTITY:
        raise NotFound("nothing of that waits")
    user = identities.locked_person(db, found(rows.users.find(db, asked.user_id)))
    wait = waits.locked(db, wait_id)
    users.check_other(db, staff, user)
    if not agreed:
        stop(at, db, user, wait, staff.name)
        return
    waits.check_may_confirm(at, wait, staff)
    waits.done(at, db, wait, staff.name)
    identities.set_identity(at, db, user, data_of(wait), staff)


def _stop_card(at: Reception, db: Connection, user: User, card: str) -> None:
    """Neither the card nor its request comes to anything; money that is held for it is free."""
    order = rows.orders.find(db, card)
    if order is None:
        device = rows.devices.locked(db, card)
        if device is not None and device.state == DeviceState.SHIPPED:
            registry.move(at, db, device, DeviceState.ENDED)
        return
    if order.state in (OrderState.DRAFT, OrderState.REQUESTED):
        requests.cancel(at, db, user, order.id)
    elif order.state in (OrderState.PERSONALISED, OrderState.SHIPPED):
        _stop_made(at, db, user, order)


def _stop_made(at: Reception, db: Connection, user: User, order: Order) -> None:
    losses.take_out(at, db, user, found(rows.devices.locked(db, order.device_id)), Loss.LOST)
    requests.release(db, order.id)
