"""Deposits: the money that is held for a card, and later released or kept.

If a device has no deposit, a fee can be charged instead.
"""

from decimal import Decimal

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import money, people, permissions
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotNow
from dsc_host.login.model import DeviceState, HoldState
from dsc_host.login.rows import Account, Device, Hold, User
from dsc_host.login.transaction import LoginContext, LoginTransaction, found
from dsc_host.login.views import Deposit
from dsc_host.records import table_rows


def check_can_hold(tx: LoginTransaction, account: Account) -> None:
    """Raise `NotNow` unless the account is open, and its equity covers a new deposit and the deposits that are already held."""
    if account.closed_at is not None:
        raise NotNow("the account is closed")
    wanted = money.money(tx.policy.request.hold_cents)
    held = rows.holds.all(tx.db, rows.holds.c.account_id == account.id, rows.holds.c.state == HoldState.HELD)
    if equity_in_dollars(tx.context, account) < wanted + money.money(sum(each.cents for each in held)):
        words = "the account {account} has less than {amount} USD for the deposit; add money, or choose another account"
        raise NotNow(words, account=people.account_name(tx.db, account.id), amount=f"{wanted:.2f}")


def equity_in_dollars(context: LoginContext, account: Account) -> Decimal:
    """Return the equity of an account in US dollars. Raises `NotNow` if the policy has no rate for its currency."""
    rate = context.policy.request.rates.get(account.currency)
    if rate is None:
        raise NotNow("there is no exchange rate for {currency}; ask support", currency=account.currency)
    return money.money(account.equity) * rate


def hold(tx: LoginTransaction, account_id: str, order_id: str) -> None:
    """Hold the deposit for a request. Raises `NotNow` as `check_can_hold` does."""
    # Lock the account, so that two requests do not hold the same money.
    account = found(rows.accounts.locked(tx.db, account_id))
    check_can_hold(tx, account)
    cents = tx.policy.request.hold_cents
    rows.holds.add(tx.db, Hold(table_rows.new_id(), account.id, order_id, cents, str(HoldState.HELD), 0, tx.now()))


def release(tx: LoginTransaction, order_id: str) -> None:
    """Release the deposit of a request, because the card came back, or the request was cancelled or stopped."""
    for each in rows.holds.all(tx.db, rows.holds.c.order_id == order_id, rows.holds.c.state == HoldState.HELD):
        rows.holds.change(tx.db, each.id, state=str(HoldState.RELEASED), settled_at=tx.now())


def of_device(tx: LoginTransaction, device: Device) -> list[Hold]:
    """Return the deposits and charges of a device. At most one deposit or charge is held or kept."""
    orders = [order.id for order in rows.orders.all(tx.db, rows.orders.c.device_id == device.id)]
    return rows.holds.all(tx.db, (rows.holds.c.device_id == device.id) | rows.holds.c.order_id.in_(orders))


def keep(tx: LoginTransaction, user: User, device: Device, cents: int | None = None) -> int:
    """Keep a device's deposit as part of a fee of `cents`, or charge the fee if there is no deposit. Return the fee in cents.

    If `cents` is None, the fee is that of the policy for the kind, or the lowest fee if the kind has none.

    Raises `InputError`, `NotNow`.
    """
    wanted, held = cost(tx, device, cents)
    state, now = str(HoldState.KEPT), tx.now()
    if held is not None:
        rows.holds.change(tx.db, held.id, state=state, kept=wanted, settled_at=now)
    else:
        rows.holds.add(tx.db, Hold(table_rows.new_id(), user.account_id, "", 0, state, wanted, now, device.id, now))
    return wanted


def cost(tx: LoginTransaction, device: Device, cents: int | None = None) -> tuple[int, Hold | None]:
    """Return the amount in cents that `keep` would keep or charge, and the deposit that is held for the device, or None.

    Raises `InputError`, `NotNow`.
    """
    wanted = _fee(tx, device, cents)
    known = of_device(tx, device)
    held = next((each for each in known if each.state == HoldState.HELD), None)
    if held is None and known:
        raise NotNow("the deposit or the fee of this device was already settled")
    return wanted, held


def _fee(tx: LoginTransaction, device: Device, cents: int | None) -> int:
    limits = tx.policy.request.replacement_cents.get(device.kind)
    if limits is None:
        raise NotNow("nothing is charged for a device of this kind")
    least, most = limits
    wanted = tx.policy.request.fee_cents.get(device.kind, least) if cents is None else cents
    if type(wanted) is not int or not least <= wanted <= most:
        raise InputError(
            "amount", "must be {least} to {most} USD for this device", least=money.money(least), most=money.money(most)
        )
    return wanted


def statement(tx: LoginTransaction, user: User) -> list[Deposit]:
    """Return the deposits and charges that a user may see, the newest first.

    A primary user sees the deposits and charges of the account and of all its users' devices. Any other user sees only the
    deposits and charges of their own devices.
    """
    mine = [each.id for each in permissions.visible_users(tx.db, user)]
    orders = [order.id for order in rows.orders.all(tx.db, rows.orders.c.user_id.in_(mine))]
    devices = [device.id for device in rows.devices.all(tx.db, rows.devices.c.owner_id.in_(mine))]
    seen = rows.holds.c.order_id.in_(orders) | rows.holds.c.device_id.in_(devices)
    if permissions.is_primary(tx.db, user):
        seen |= rows.holds.c.account_id == user.account_id
    return [_view(tx, each) for each in reversed(rows.holds.all(tx.db, seen, order=rows.holds.c.at))]


def _view(tx: LoginTransaction, hold: Hold) -> Deposit:
    order = rows.orders.find(tx.db, hold.order_id) if hold.order_id else None
    device_id = order.device_id if order else hold.device_id
    device = rows.devices.find(tx.db, device_id) if device_id else None
    owner_id = order.user_id if order else found(device).owner_id
    parcel = rows.parcels.one(tx.db, rows.parcels.c.device_id == device.id) if device else None
    return Deposit(
        id=hold.id,
        user=found(rows.users.find(tx.db, owner_id)).name,
        device=registry.label(device) if device else "",
        account_name=people.account_name(tx.db, hold.account_id),
        amount=money.money(hold.cents),
        held_at=hold.at,
        state=HoldState(hold.state),
        kept=money.money(hold.kept),
        settled_at=hold.settled_at,
        kind=kinds.of(device).name if device else None,
        device_state=DeviceState(device.state) if device else None,
        device_since=device.since if device else None,
        received_at=parcel.received_at if parcel else None,
    )
