"""Requests for a card: the conditions, the address, the PIN and the deposit.

A request is a draft until it is confirmed. A new draft replaces an earlier draft. The vault keeps the PIN until the card is
personalized. A user has at most one open request.
"""

from datetime import date

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import field_checks, money, people, permissions
from dsc_host.login.cards import deposits
from dsc_host.login.cards.activation import activates_at, set_online_card_end
from dsc_host.login.devices import kinds, registry, waits, weak_pins
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, HoldState, OrderState
from dsc_host.login.rows import Account, Device, Order, Session, User
from dsc_host.login.transaction import LoginContext, LoginTransaction, account_of, found
from dsc_host.login.views import Request
from dsc_host.records import table_rows, vault

_OPEN = tuple(map(str, (OrderState.REQUESTED, OrderState.PERSONALIZED, OrderState.SHIPPED)))
_WEAK = {
    "repeated": "must not be the same digit four times",
    "run": "must not be a sequence such as 1234 or 4321",
    "year": "must not be a year, 1900 to 2099",
    "birth date": "must not be taken from your birth date",
    "common": "is too common; choose another one",
}


def draft(
    tx: LoginTransaction,
    session: Session,
    user: User,
    pin: str,
    *,
    address: str | None = None,
    account_id: str | None = None,
    for_user: str | None = None,
) -> Request:
    """Draft a request, in place of an earlier draft, and return it. Raises `InputError`, `NotAllowed`, `NotNow`, `NotFound`.

    The caller has locked `user`. `for_user` is the name of the user who gets the card, a user of the same account; None means
    `user`. `account_id` is the account that holds the deposit; None means the account of `user`.
    """
    _check_session(tx, session)
    owner = permissions.changeable_user(tx.db, user, for_user)
    replaces = _check_may(tx, owner)
    account = _account(tx.db, user, account_id)
    if address is None:
        address = found(rows.entities.find(tx.db, owner.entity_id)).address
    address = field_checks.check_line("address", address, 200)
    check_pin(tx, owner, pin)
    deposits.check_can_hold(tx, account)
    for earlier in rows.orders.all(tx.db, rows.orders.c.user_id == owner.id, rows.orders.c.state == OrderState.DRAFT):
        drop(tx.db, earlier)
    order = Order(
        table_rows.new_id(), owner.id, account.id, address, str(OrderState.DRAFT), tx.now(), _estimate(tx.context),
        None, "", "", replaces
    )  # fmt: skip
    rows.orders.add(tx.db, order)
    vault.put(tx.cards, secret(order.id), pin.encode("ascii"))
    return view(tx, order)


def confirm(tx: LoginTransaction, session: Session, user: User, order_id: str) -> Request:
    """Confirm a draft and hold its deposit. Raises `NotFound`, `NotAllowed`, `NotNow`."""
    _check_session(tx, session)
    permissions.check_primary(tx.db, user)
    order, owner = own(tx.db, user, order_id)
    if order.state != OrderState.DRAFT:
        raise NotNow("this request has already been sent")
    _check_may(tx, owner)
    deposits.hold(tx, order.account_id, order.id)
    rows.orders.change(tx.db, order.id, state=str(OrderState.REQUESTED), at=tx.now(), estimate=_estimate(tx.context))
    notices.notify(tx, owner, "requested", address=order.address, estimate=date.fromisoformat(_estimate(tx.context)))
    if waits.is_temporary(tx.db, session):
        waits.begin(tx, owner, waits.NewCard(order.id), order.address, session=session)
    tx.log("card.request", owner, "done", order=order.id, by=user.name)
    return view(tx, found(rows.orders.find(tx.db, order.id)))


def cancel(tx: LoginTransaction, user: User, order_id: str, *, by: str = "") -> None:
    """Cancel a request before its card is made. Raises `NotFound`, `NotNow`.

    `user` is the user who gets the card, or the account's primary user. `by` is the name of the person who cancels the request;
    if it is empty, `user` does.
    """
    order, owner = own(tx.db, user, order_id)
    if order.state == OrderState.DRAFT:
        drop(tx.db, order)
        return
    if order.state != OrderState.REQUESTED:
        raise NotNow("the card has already been made; return it when it arrives")
    rows.orders.change(tx.db, order.id, state=str(OrderState.CANCELLED))
    vault.forget(tx.db, secret(order.id))
    deposits.release(tx, order.id)
    waits.end_of_request(tx, owner, order.id)
    tx.log("card.request", owner, "cancelled", order=order.id, by=by or user.name)


def end_of_card(tx: LoginTransaction, user: User, device: Device) -> None:
    """End the open request of a card that was taken out of use, so that the user may request another card."""
    for order in rows.orders.all(tx.db, rows.orders.c.device_id == device.id, rows.orders.c.state.in_(_OPEN)):
        rows.orders.change(tx.db, order.id, state=str(OrderState.ENDED))
    set_online_card_end(tx, user)


def check_pin(tx: LoginTransaction, user: User, pin: str) -> None:
    """Raise an `InputError` that names the broken rule if `pin` is malformed or weak."""
    born = date.fromisoformat(people.identity_of(tx.db, user).birth_date)
    if weak := weak_pins.weak_pin(pin, born, tx.policy):
        raise InputError("PIN", _WEAK[weak])


def requests_of(tx: LoginTransaction, user: User) -> list[Request]:
    """Return the requests of all users whom `user` may see, the newest first."""
    mine = [each.id for each in permissions.visible_users(tx.db, user)]
    orders = rows.orders.all(tx.db, rows.orders.c.user_id.in_(mine), order=rows.orders.c.at)
    return [view(tx, order) for order in reversed(orders)]


def own(db: Connection, user: User, order_id: str) -> tuple[Order, User]:
    """Lock a request. Return it with the user who gets the card.

    Raises `NotFound` unless `user` is this user or the account's primary user.
    """
    order = rows.orders.find(db, order_id) if isinstance(order_id, str) else None
    owner = next((each for each in permissions.visible_users(db, user) if order and each.id == order.user_id), None)
    order = rows.orders.locked(db, order_id) if owner else None
    if order is None or owner is None:
        raise NotFound("you have no such request")
    return order, owner


def accounts_of(db: Connection, user: User) -> dict[str, str]:
    """Return the accounts that can hold the deposit: their names by their ids, the user's own account first."""
    open_now = (rows.accounts.c.entity_id == user.entity_id) & rows.accounts.c.closed_at.is_(None)
    others = [each.id for each in rows.accounts.all(db, open_now) if each.id != user.account_id]
    return {each: people.account_name(db, each) for each in (user.account_id, *others)}


def view(tx: LoginTransaction, order: Order) -> Request:
    """Return a request as its user sees it."""
    device = rows.devices.find(tx.db, order.device_id) if order.device_id else None
    hold = rows.holds.one(tx.db, rows.holds.c.order_id == order.id)
    user = found(rows.users.find(tx.db, order.user_id))
    return Request(
        id=order.id,
        user=user.name,
        state=OrderState(order.state),
        address=order.address,
        at=order.at,
        estimate=order.estimate,
        shipped_at=order.shipped_at,
        activates_at=activates_at(tx, user, device, order.shipped_at) if device else None,
        hold=money.money(hold.kept or hold.cents if hold else tx.policy.request.hold_cents),
        held=HoldState(hold.state) if hold else None,
        account=order.account_id,
        account_name=people.account_name(tx.db, order.account_id),
        serial=(device.serial or "") if device else "",
    )


def secret(order_id: str) -> str:
    """Return the name under which the vault keeps the PIN of a request."""
    return f"order:{order_id}"


def candidates(tx: LoginTransaction, session: Session, user: User) -> list[str]:
    """Return the names of the users of the account who may have a card now, `user` first.

    Raises `NotAllowed`, and `NotNow` with the reason if no user may have a card, or if this session must not request one.
    """
    permissions.check_primary(tx.db, user)
    refusals: dict[str, NotNow] = {}
    users = permissions.visible_users(tx.db, user)
    for each in users:
        try:
            _check_may(tx, each)
        except NotNow as refusal:
            refusals[each.name] = refusal
    if len(refusals) == len(users):
        raise refusals[user.name]
    try:
        _check_session(tx, session)
    except NotNow as refusal:
        # If the user may not have a card in any session, give that reason: activating an online card would not help.
        raise refusals.get(user.name, refusal) from None
    return [each.name for each in users if each.name not in refusals]


def _check_session(tx: LoginTransaction, session: Session) -> None:
    """Raise `NotNow` if a temporary code opened the session. The user must first activate an online card and log in with it."""
    device = rows.devices.find(tx.db, session.device_id)
    if device is not None and device.kind == kinds.TEMPORARY_CODE.name:
        raise NotNow("activate an online security code card first, and then request the card with it")


def _check_may(tx: LoginTransaction, user: User) -> bool:
    """Return whether a new card would replace a misplaced, lost, stolen, damaged or returned card.

    Raises `NotNow` if the user may get no card.
    """
    registry.check_issued(tx, kinds.DSC_CARD)
    account = account_of(tx.db, user)
    if account.closed_at is not None:
        raise NotNow("the account is closed")
    if rows.orders.count(tx.db, rows.orders.c.user_id == user.id, rows.orders.c.state.in_(_OPEN)):
        raise NotNow("you have already requested a card")
    # A user with an active card of an older kind may request a new card, and then use both.
    of_cards = rows.devices.c.kind.in_([kind.name for kind in kinds.CARDS])
    cards = rows.devices.all(tx.db, rows.devices.c.owner_id == user.id, of_cards)
    if any(card.state == DeviceState.ACTIVE and card.kind == kinds.DSC_CARD.name for card in cards):
        raise NotNow("you have a card in use; if it is lost or damaged, call support")
    gone = (DeviceState.MISPLACED, DeviceState.LOST, DeviceState.STOLEN, DeviceState.DAMAGED, DeviceState.RETURNED)
    if any(card.state in gone for card in cards):
        return True
    least = tx.policy.request.equity
    if not deposits.equity_in_dollars(tx.context, account) > least:
        words = "a card requires an account with an equity of more than {least} USD, or the equivalent in another currency"
        raise NotNow(words, least=f"{least:,}")
    return False


def _account(db: Connection, user: User, account_id: str | None) -> Account:
    """Return the account that holds the deposit: the user's own account, or another account of the same person."""
    if account_id is None:
        return account_of(db, user)
    account = rows.accounts.find(db, account_id)
    if account is None or account.entity_id != user.entity_id or account.closed_at is not None:
        raise NotFound("you have no such account")
    return account


def _estimate(context: LoginContext) -> str:
    days = context.policy.request.delivery_days
    return context.calendar.add(context.calendar.day(context.now()), days).isoformat()


def drop(db: Connection, order: Order) -> None:
    """Remove a draft and its PIN. Do nothing if the draft was confirmed in the meantime."""
    if rows.orders.remove(db, rows.orders.c.id == order.id, rows.orders.c.state == OrderState.DRAFT):
        vault.forget(db, secret(order.id))
