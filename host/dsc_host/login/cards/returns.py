"""Returned cards, their deposits, and the closing of accounts.

The issuer takes back only cards of the series in the policy's `request.returnable`. Owners destroy other cards themselves. The
receipt of a card releases its deposit, unless the issuer has already kept it.
"""

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, money, people, permissions, users
from dsc_host.login.cards import deposits, losses, requests
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.model import DeviceState, HoldState, Loss, OrderState
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Device, Parcel, Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginContext, LoginTransaction, account_of, find_user, found, locked_user, locked_users
from dsc_host.login.views import Return, Settlement
from dsc_host.records import table_rows
from dsc_host.verifier import lifecycle
from dsc_host.verifier.model import State

SENT, RECEIVED = "sent", "received"
_MOST_ANNOUNCED, _MOST_RECEIVED = 50, 5
"""The maximum numbers of announced cards and of received cards that the issuer sees."""


def announce(tx: LoginTransaction, session: Session, user: User, device_id: str, tracking: str) -> Parcel:
    """Announce that a card is on its way back, and take it out of use. Raises `NotFound`, `NotNow`, `InputError`."""
    device, _ = registry.held(tx.db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("you do not own such a device")
    parcel = _send(tx, user, device, field_checks.check_line("tracking", tracking, 64))
    notices.notify(tx, user, "out_of_use", device=registry.label(device))
    # End this session too if the device that opened it is no longer active. That device may be the returned card, or an online
    # card that was valid only until the activation of the returned card.
    opened_by = rows.devices.find(tx.db, session.device_id)
    ends = opened_by is not None and opened_by.state != DeviceState.ACTIVE
    sessions.end_all(tx.db, user, except_id="" if ends else session.id)
    return parcel


def receive(tx: LoginTransaction, serial: str, staff: User) -> Parcel:
    """Record the arrival of a card, even if its return was not announced.

    Release a deposit that is still held, and erase the card's key. Raises `NotFound`, `NotNow`.
    """
    device = _card(tx.db, serial)
    if device is None:
        raise NotFound("there is no such card")
    user = locked_users(tx.db, registry.users_of(tx.db, device))[device.owner_id]
    permissions.check_other(tx.db, staff, user)
    device = found(rows.devices.locked(tx.db, device.id))
    parcel = rows.parcels.one(tx.db, rows.parcels.c.device_id == device.id)
    if parcel and parcel.state == RECEIVED:
        raise NotNow("this card has already been received")
    if parcel is None:
        parcel = _send(tx, user, device, "-", by=staff.name)
    rows.parcels.change(tx.db, parcel.id, state=RECEIVED, received_at=tx.now())
    lifecycle.move_if_possible(tx.cards, serial, State.RETIRED, "returned")
    orders = rows.orders.all(tx.db, rows.orders.c.device_id == device.id)
    for order in orders:
        deposits.release(tx, order.id)
    states = {each.state for each in deposits.of_device(tx, device)}
    late = HoldState.KEPT in states
    outbox.add(
        tx, user, "received_late" if late else "received" if states else "received_no_deposit", device=serial
    )  # fmt: skip
    tx.log("card.receive", user, "done", by=staff.name, card=serial)
    return found(rows.parcels.find(tx.db, parcel.id))


def _card(db: Connection, serial: str) -> Device | None:
    """Return the card with this serial, in any state; None if no user ever had it. `serial` may be any text."""
    mine = (rows.devices.c.serial == serial) & rows.devices.c.kind.in_([kind.name for kind in kinds.CARDS])
    return rows.devices.one(db, mine) if table_rows.is_key(serial) else None


def expected(context: LoginContext, parcel: Parcel) -> tuple[str, str]:
    """Return the first and the last business day on which the receipt of a parcel is expected."""
    sent = context.calendar.day(parcel.sent_at)
    least, most = context.policy.request.receipt_days
    return context.calendar.add(sent, least).isoformat(), context.calendar.add(sent, most).isoformat()


def expected_parcels(tx: LoginTransaction, user: User) -> list[tuple[Parcel, tuple[str, str]]]:
    """Return the parcels of a user, the oldest first, each with the first and the last day on which its receipt is expected."""
    parcels = rows.parcels.all(tx.db, rows.parcels.c.user_id == user.id, order=rows.parcels.c.sent_at)
    return [(parcel, expected(tx.context, parcel)) for parcel in parcels]


def newest(tx: LoginTransaction) -> list[Return]:
    """Return the cards on their way back, the earliest announced first, and then the most recently received cards."""
    c = rows.parcels.c
    announced = rows.parcels.all(tx.db, c.state == SENT, order=c.sent_at, most=_MOST_ANNOUNCED)
    received = rows.parcels.all(tx.db, c.state == RECEIVED, order=c.received_at.desc(), most=_MOST_RECEIVED)
    return [_view(tx, parcel) for parcel in (*announced, *received)]


def _view(tx: LoginTransaction, parcel: Parcel) -> Return:
    device, user = found(rows.devices.find(tx.db, parcel.device_id)), found(rows.users.find(tx.db, parcel.user_id))
    days = expected(tx.context, parcel)
    return Return(device.serial or "", user.name, parcel.tracking, parcel.sent_at, days, parcel.received_at)


def settle(tx: LoginTransaction, serial: str, cents: int | None, staff: User, owner: str | None = None) -> int:
    """Keep the deposit of a device that was not returned, or charge a fee if there is no deposit. Return the amount in cents.

    If `cents` is None, the amount is the policy's fee for the kind. For a device without a serial, `owner` is the user name of
    its owner, and `serial` is its label. Raises `NotFound`, `NotNow`, `InputError`.
    """
    user, device = _to_settle(tx, serial, staff, owner)
    kept = deposits.keep(tx, user, device, cents)
    label = registry.label(device)
    outbox.add(tx, user, "kept", device=label, amount=f"{money.money(kept)}")
    tx.log("hold.keep", user, "done", by=staff.name, card=label, cents=str(kept))
    return kept


def settlement(tx: LoginTransaction, serial: str, cents: int | None, staff: User, owner: str | None = None) -> Settlement:
    """Return what `settle` would do with these values, and change nothing. Raises as `settle` does."""
    user, device = _to_settle(tx, serial, staff, owner)
    amount, held = deposits.cost(tx, device, cents)
    return Settlement(
        user=user.name,
        account_name=people.account_name(tx.db, held.account_id if held else user.account_id),
        device=registry.label(device),
        state=DeviceState(device.state),
        amount=money.money(amount),
    )


def _to_settle(tx: LoginTransaction, serial: str, staff: User, owner: str | None) -> tuple[User, Device]:
    """Lock and return the owner, and the device for which the issuer may keep money. Raises `NotFound`, `NotNow`."""
    device = _card(tx.db, serial) if owner is None else _labelled(tx.db, owner, serial)
    if device is None:
        raise NotFound("there is no such card")
    user = locked_user(tx.db, device.owner_id)
    permissions.check_other(tx.db, staff, user)
    device = found(rows.devices.locked(tx.db, device.id))
    if not _is_gone(tx, device):
        raise NotNow("nothing can be charged for this card: it is in use, was received, or is on its way back in time")
    return user, device


def _labelled(db: Connection, owner: str, label: str) -> Device | None:
    """Return the newest device with this label of the user called `owner`; None if there is none."""
    user = find_user(db, owner)
    own = rows.devices.all(db, rows.devices.c.owner_id == user.id, order=rows.devices.c.made_at) if user else []
    return next((device for device in reversed(own) if registry.label(device) == label), None)


def _is_gone(tx: LoginTransaction, device: Device) -> bool:
    """Return whether a device that the issuer has not received is lost, stolen, damaged or overdue, or ended and returnable."""
    lost = device.state in (DeviceState.LOST, DeviceState.STOLEN, DeviceState.DAMAGED)
    ended = device.state == DeviceState.ENDED and kinds.of(device).is_returnable(tx.policy, device)
    return ((lost or ended) and not is_received(tx.db, device)) or _is_overdue(tx, device)


def is_received(db: Connection, device: Device) -> bool:
    """Return whether the issuer has received a card back."""
    return rows.parcels.count(db, rows.parcels.c.device_id == device.id, rows.parcels.c.state == RECEIVED) > 0


def _is_overdue(tx: LoginTransaction, device: Device) -> bool:
    """Return whether a card on its way back is overdue: it was expected before today, and has not arrived."""
    parcel = rows.parcels.one(tx.db, rows.parcels.c.device_id == device.id, rows.parcels.c.state == SENT)
    return parcel is not None and expected(tx.context, parcel)[1] < tx.calendar.day(tx.now()).isoformat()


# ---- closing ----


def concerned(db: Connection, user: User) -> list[str]:
    """Return the ids of the account's users, and of all users who share a device with them. The closing concerns them all."""
    return [each for one in _of_account(db, user) for each in sharing.concerned(db, one)]


def _of_account(db: Connection, user: User) -> list[User]:
    return rows.users.all(db, rows.users.c.account_id == user.account_id)


def outstanding(tx: LoginTransaction, user: User) -> list[str]:
    """Return the serials of the account's cards that must still come back, and are not charged for."""
    owners = [each.id for each in _of_account(tx.db, user)]
    left = (rows.devices.c.owner_id.in_(owners)) & rows.devices.c.state.in_([DeviceState.ENDED, DeviceState.RETURNED])
    return [
        registry.label(device)
        for device in rows.devices.all(tx.db, left)
        if kinds.of(device).is_returnable(tx.policy, device)
        and _is_with_owner(tx.db, device)
        and not is_received(tx.db, device)
        and not any(each.state == HoldState.KEPT for each in deposits.of_device(tx, device))
    ]


def _is_with_owner(db: Connection, device: Device) -> bool:
    """Return whether a card was sent to its owner. A card without a request counts as sent."""
    unsent = (rows.orders.c.device_id == device.id) & rows.orders.c.shipped_at.is_(None)
    return rows.orders.count(db, unsent) == 0


def check_settled(tx: LoginTransaction, user: User) -> None:
    """Raise `NotNow` if a closed account has a card that must come back and was neither received nor charged for."""
    if account_of(tx.db, user).closed_at is not None and (cards := outstanding(tx, user)):
        words = "the statements become available once your card {card} has been received or its fee has been charged"
        raise NotNow(words, card=", ".join(cards))


def close(tx: LoginTransaction, user: User) -> None:
    """Close the account of `user`. From then on, its users can only see its statements, with name and password.

    Raises `NotAllowed`, `NotNow`.
    """
    permissions.check_primary(tx.db, user)
    # Lock the account, so that no user is added before it is closed.
    account = found(rows.accounts.locked(tx.db, user.account_id))
    if account.closed_at is not None:
        raise NotNow("the account is already closed")
    rows.accounts.change(tx.db, account.id, closed_at=tx.now())
    for one in locked_users(tx.db, [each.id for each in _of_account(tx.db, user)]).values():
        notices.notify(tx, one, "closed")
        _end_all(tx, one, user.name)
        sessions.end_all(tx.db, one)
    tx.log("account.close", user, "done", account=account.id)


def _end_all(tx: LoginTransaction, user: User, by: str) -> None:
    """End all devices and requests of a user. The issuer can still receive a card that comes back later.

    `by` is the name of the user who closes the account.
    """
    for order in rows.orders.all(tx.db, rows.orders.c.user_id == user.id):
        if order.state == OrderState.DRAFT:
            # The maintenance may be removing an old draft.
            requests.drop(tx.db, order)
        elif order.state == OrderState.REQUESTED:
            requests.cancel(tx, user, order.id, by=by)
    for device, use in registry.held_by(tx.db, user):
        if device.owner_id != user.id:
            rows.uses.remove(tx.db, rows.uses.c.id == use.id)
        elif device.state in (DeviceState.ACTIVE, DeviceState.SHIPPED, DeviceState.MISPLACED):
            _end(tx, user, device)
    sharing.end_of_user(tx, user)
    users.invalidate_sessions(tx.db, user)


def _end(tx: LoginTransaction, user: User, device: Device) -> None:
    if kinds.of(device).enrolled:
        losses.take_out(tx, user, device, Loss.LOST)
    registry.move(tx, device, DeviceState.ENDED)


def _send(tx: LoginTransaction, user: User, device: Device, tracking: str, by: str = "") -> Parcel:
    if not kinds.of(device).is_returnable(tx.policy, device):
        taken = ", ".join(tx.policy.request.returnable)
        raise NotNow("only cards of the series {series} are taken back; cut up and discard other cards", series=taken)
    if rows.parcels.count(tx.db, rows.parcels.c.device_id == device.id):
        raise NotNow("the return of this card was announced before")
    parcel = Parcel(table_rows.new_id(), user.id, device.id, tracking, SENT, tx.now(), None)
    rows.parcels.add(tx.db, parcel)
    serial = found(device.serial)
    lifecycle.move_if_possible(tx.cards, serial, State.SUSPENDED, "on its way back")
    registry.move(tx, device, DeviceState.RETURNED)
    requests.end_of_card(tx, user, device)
    sharing.end_of_device(tx, device)
    tx.log("card.return", user, "done", card=serial, by=by)
    return parcel
