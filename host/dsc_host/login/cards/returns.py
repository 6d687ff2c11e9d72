"""Cards that come back, accounts that end, and the money that was held for a card.

Only cards whose serial the policy names are taken back; other devices are destroyed by whoever has them. When a card's
receipt is recorded, what was held for it is free.
"""

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, money, users
from dsc_host.login.cards import losses, requests
from dsc_host.login.context import Reception, account_of, found, locked_user, locked_users
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.model import DeviceState, HoldState, Kind, Loss, OrderState
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Device, Parcel, User
from dsc_host.login.signin import sessions
from dsc_host.records import table_rows
from dsc_host.verifier import lifecycle
from dsc_host.verifier.model import State

SENT, RECEIVED = "sent", "received"


def announce(at: Reception, db: Connection, user: User, device_id: str, tracking: str) -> Parcel:
    """A card is on its way back, and out of use from now on. Raises `NotFound`, `NotNow`, `InputError`."""
    device, _ = registry.held(db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("you have no device of your own by this name")
    parcel = _send(at, db, user, device, field_checks.line("tracking", tracking, 64))
    notices.tell(at, db, user, "out_of_use", device=registry.label(device))
    return parcel


def receive(at: Reception, db: Connection, serial: str, staff: User) -> Parcel:
    """A card has arrived, announced or not: its money is free, and its key is erased. Raises `NotFound`, `NotNow`."""
    device = _card(db, serial)
    if device is None:
        raise NotFound("there is no such card")
    user = locked_users(db, registry.users_of(db, device))[device.owner_id]
    users.check_other(db, staff, user)
    device = found(rows.devices.locked(db, device.id))
    parcel = rows.parcels.one(db, rows.parcels.c.device_id == device.id)
    if parcel and parcel.state == RECEIVED:
        raise NotNow("this card has been received already")
    if parcel is None:
        parcel = _send(at, db, user, device, "-")
    rows.parcels.change(db, parcel.id, state=RECEIVED, received_at=at.now())
    lifecycle.settle(at.office, db, serial, State.RETIRED, "returned")
    orders = rows.orders.all(db, rows.orders.c.device_id == device.id)
    for order in orders:
        requests.release(db, order.id)
    kept = rows.holds.count(
        db, rows.holds.c.order_id.in_([each.id for each in orders]), rows.holds.c.state == HoldState.KEPT
    )  # fmt: skip
    outbox.tell(at, db, user, "received_late" if kept else "received", device=serial)
    at.log(db, "card.receive", user, "done", by=staff.name, card=serial)
    return found(rows.parcels.find(db, parcel.id))


def _card(db: Connection, serial: str) -> Device | None:
    """The card of this serial, if somebody has or had it; whatever `serial` is."""
    mine = (rows.devices.c.serial == serial) & (rows.devices.c.kind == Kind.DSC_PLUS)
    return rows.devices.one(db, mine) if table_rows.is_key(serial) else None


def expected(at: Reception, parcel: Parcel) -> tuple[str, str]:
    """The business days between which a parcel's receipt is likely to be shown."""
    sent = at.calendar.day(parcel.sent_at)
    least, most = at.policy.request.receipt_days
    return at.calendar.add(sent, least).isoformat(), at.calendar.add(sent, most).isoformat()


def parcels_of(db: Connection, user: User) -> list[Parcel]:
    return rows.parcels.all(db, rows.parcels.c.user_id == user.id, order=rows.parcels.c.sent_at)


def settle(at: Reception, db: Connection, serial: str, cents: int | None, staff: User) -> int:
    """Keep what is held for a card that does not come back, and return how many cents. Raises `NotFound`, `NotNow`."""
    device = _card(db, serial)
    order = rows.orders.one(db, rows.orders.c.device_id == device.id) if device else None
    if device is None or order is None:
        raise NotFound("there is no such card that was asked for here")
    user = locked_user(db, device.owner_id)
    users.check_other(db, staff, user)
    gone = (DeviceState.LOST, DeviceState.STOLEN, DeviceState.DAMAGED, DeviceState.ENDED)
    if device.state not in gone and not _is_overdue(at, db, device):
        raise NotNow("this card is not lost, stolen or damaged, nor overdue on its way back, and its account is not closed")
    kept = requests.keep(at, db, order.id, cents)
    outbox.tell(at, db, user, "kept", device=serial, amount=f"{money.money(kept)}")
    at.log(db, "hold.keep", user, "done", by=staff.name, card=serial, cents=str(kept))
    return kept


def _is_overdue(at: Reception, db: Connection, device: Device) -> bool:
    """Whether a card was said to be on its way back, and ought to have arrived before today."""
    parcel = rows.parcels.one(db, rows.parcels.c.device_id == device.id, rows.parcels.c.state == SENT)
    return parcel is not None and expected(at, parcel)[1] < at.calendar.day(at.now()).isoformat()


# ---- closing ----


def concerned(db: Connection, user: User) -> list[str]:
    """Whom closing the account concerns, by their ids: its users, and those with whom they share a device."""
    return [each for one in _of_account(db, user) for each in sharing.concerned(db, one)]


def _of_account(db: Connection, user: User) -> list[User]:
    return rows.users.all(db, rows.users.c.account_id == user.account_id)


def close(at: Reception, db: Connection, user: User) -> None:
    """From now on, name and password open the account's statements, and nothing else. Raises `NotAllowed`, `NotNow`."""
    users.check_primary(db, user)
    account = account_of(db, user)
    if account.closed_at is not None:
        raise NotNow("the account is closed already")
    for one in locked_users(db, [each.id for each in _of_account(db, user)]).values():
        notices.tell(at, db, one, "closed")
        _end_all(at, db, one)
        sessions.end_all(db, one)
    rows.accounts.change(db, account.id, closed_at=at.now())
    at.log(db, "account.close", user, "done", account=account.id)


def _end_all(at: Reception, db: Connection, user: User) -> None:
    """Nothing of a user's opens a door any more; a card that comes back is still received."""
    for order in rows.orders.all(db, rows.orders.c.user_id == user.id):
        if order.state in (OrderState.DRAFT, OrderState.REQUESTED):
            requests.cancel(at, db, user, order.id)
    for device, use in registry.held_by(db, user):
        if device.owner_id != user.id:
            rows.uses.remove(db, rows.uses.c.id == use.id)
        elif device.state in (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED):
            _end(at, db, user, device)
    sharing.end_of_user(at, db, user)
    users.settings_changed(db, user)


def _end(at: Reception, db: Connection, user: User, device: Device) -> None:
    if device.kind in (Kind.DSC_PLUS, Kind.PHONE_APP):
        losses.take_out(at, db, user, device, Loss.LOST)
    registry.move(at, db, device, DeviceState.ENDED)


def _send(at: Reception, db: Connection, user: User, device: Device, tracking: str) -> Parcel:
    if not registry.is_returnable(at, device):
        taken = ", ".join(at.policy.request.returnable)
        raise NotNow("only cards of the series {series} are taken back; cut others up and throw them away", series=taken)
    if rows.parcels.count(db, rows.parcels.c.device_id == device.id):
        raise NotNow("this card is on its way back already")
    parcel = Parcel(table_rows.new_id(), user.id, device.id, tracking, SENT, at.now(), None)
    rows.parcels.add(db, parcel)
    serial = found(device.serial)
    lifecycle.settle(at.office, db, serial, State.SUSPENDED, "on its way back")
    registry.move(at, db, device, DeviceState.RETURNED)
    requests.end_of_card(db, device.id)
    sharing.end_of_device(at, db, device)
    at.log(db, "card.return", user, "done", card=serial)
    return parcel
