"""The outcomes of what waits: it counts, after its days or by a second identification; or it is stopped."""

from sqlalchemy import Connection

from dsc_host.login import desk, devices, notices, ordering, people, records, sessions, spending, throttle, waits
from dsc_host.login.errors import NotFound
from dsc_host.login.model import DeviceState, Kind, Loss, OrderState, WaitKind
from dsc_host.login.reception import Reception, account_of, data_of, found, locked_user
from dsc_host.login.records import Order, User, Wait
from dsc_host.login.throttle import Gate
from dsc_host.verifier.office import Refused

_TRIES, _TRIES_SECONDS = 30, 3600


def run_due(at: Reception, db: Connection, wait_id: str) -> None:
    """Let something count that has waited long enough; it may have been stopped meanwhile."""
    wait = records.waits.find(db, wait_id)
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
        spending.opt(at, db, user, user.id, True)
        sessions.end_all(db, user)
    at.log(db, "wait.count", user, "done", str(kind), by=by, wait=wait.id)


def _add_number(at: Reception, db: Connection, user: User, number: str) -> None:
    told = notices.tell(at, db, user, "phone_confirmed", phone=people.masked(number))
    people.add_phone(at, db, user, number, told=told)
    if any(device.kind == Kind.PHONE_APP for device, _ in devices.live_of(at, db, user)):
        people.settings_changed(db, user)
    else:
        desk.enable_messages(at, db, user, number, told)
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
        if refusal := throttle.charge(at, db, [gate]):
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
    asked = records.waits.find(db, wait_id)
    if asked is None or asked.kind != WaitKind.IDENTITY:
        raise NotFound("nothing of that waits")
    user = desk.locked_person(db, found(records.users.find(db, asked.user_id)))
    wait = waits.locked(db, wait_id)
    people.check_other(db, staff, user)
    if not agreed:
        stop(at, db, user, wait, staff.name)
        return
    waits.check_may_confirm(at, wait, staff)
    waits.done(at, db, wait, staff.name)
    desk.set_identity(at, db, user, data_of(wait), staff)


def _stop_card(at: Reception, db: Connection, user: User, card: str) -> None:
    """Neither the card nor its request comes to anything; money that is held for it is free."""
    order = records.orders.find(db, card)
    if order is None:
        device = records.devices.locked(db, card)
        if device is not None and device.state == DeviceState.SHIPPED:
            devices.move(at, db, device, DeviceState.ENDED)
        return
    if order.state in (OrderState.DRAFT, OrderState.REQUESTED):
        ordering.cancel(at, db, user, order.id)
    elif order.state in (OrderState.PERSONALISED, OrderState.SHIPPED):
        _stop_made(at, db, user, order)


def _stop_made(at: Reception, db: Connection, user: User, order: Order) -> None:
    desk.take_out(at, db, user, found(records.devices.locked(db, order.device_id)), Loss.LOST)
    ordering.release(db, order.id)
