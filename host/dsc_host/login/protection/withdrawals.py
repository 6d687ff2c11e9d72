"""Withdrawals of money, within the limits of the device that opened the session.

Three promises:

1. A withdrawal is refused if the sum of the account's withdrawals, within a day or within five business days, would exceed the
   limits of the device that opened the session.
2. All earlier withdrawals from the account count, also those in sessions of other devices and users.
3. Parallel requests are judged one after another.
"""

from dataclasses import replace
from decimal import Decimal
from functools import partial

from sqlalchemy import Connection, func, select

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import money
from dsc_host.login.devices import registry
from dsc_host.login.policy.model import Level
from dsc_host.login.protection import form_ids, levels, limits
from dsc_host.login.protection.limits import Allowance
from dsc_host.login.rows import Session, User, Withdrawal
from dsc_host.login.transaction import LoginTransaction, account_of, found
from dsc_host.records import table_rows

_LEAST = Decimal("0.01")
_LATEST = 221_845_392_000
"""The year 9000 in Unix seconds. Python's calendar ends soon after it."""


def may_withdraw(tx: LoginTransaction, user: User, amount: Decimal, now: float | None = None) -> Allowance:
    """Decide whether the user may withdraw this amount of dollars if they log in with their most secure device.

    `now` is the Unix time of the decision, between the years 1970 and 9000; None means the current time. Raises `InputError`.
    """
    if now is not None and (type(now) not in (int, float) or not 0 <= now <= _LATEST):
        raise InputError("now", "must be a time in Unix seconds")
    return _decide(tx, user, amount, levels.level_of(tx, user), tx.now() if now is None else now)


def _decide(tx: LoginTransaction, user: User, amount: Decimal, level: Level, now: float) -> Allowance:
    limits.check_amount(amount)
    account = account_of(tx.db, user)
    if account.closed_at is not None:
        return Allowance(False, Decimal(0), Decimal(0))
    spent = partial(_spent, tx.db, account.id)
    return limits.allowance(amount, now, spent, level, tx.calendar)


def check(tx: LoginTransaction, session: Session, user: User, amount: Decimal) -> Allowance:
    """Return the decision that `withdraw` would make now, and log a refusal. Raises `InputError`."""
    allowance = _decide(tx, user, amount, _level_in(tx, session, user), tx.now())
    if not allowance:
        tx.log("withdraw", user, "refused", amount=str(amount))
    return allowance


def withdraw(tx: LoginTransaction, session: Session, user: User, amount: Decimal, entry_id: str = "") -> Allowance:
    """Record a withdrawal if the limits of the session's device allow it. Return the decision.

    `entry_id` is the id of the new entry, from `table_rows.new_id`. A second withdrawal with the same id is refused, so a form
    that is sent twice moves the money once. Raises `InputError`, `NotNow`, and `AlreadyDone` if an entry with this id exists.
    """
    # Lock the account, because all its users share the money.
    account = found(rows.accounts.locked(tx.db, user.account_id))
    if entry_id != "":
        form_ids.check_new(tx, rows.withdrawals, entry_id)
    allowance = _decide(tx, user, amount, _level_in(tx, session, user), tx.now())
    if allowance:
        cents = money.cents("amount", amount)
        rows.withdrawals.add(tx.db, Withdrawal(entry_id or table_rows.new_id(), account.id, user.id, tx.now(), cents))
    tx.log("withdraw", user, "done" if allowance else "refused", amount=str(amount))
    return allowance


def limit(tx: LoginTransaction, session: Session, user: User) -> tuple[Level, Allowance]:
    """Return the limits of the session's device, and how much the account may still withdraw within them."""
    level, spent = _level_in(tx, session, user), partial(_spent, tx.db, user.account_id)
    full_on = limits.full_on(tx.now(), spent, level, tx.calendar)
    return level, replace(_decide(tx, user, _LEAST, level, tx.now()), full_on=full_on)


def arrival(tx: LoginTransaction) -> str:
    """Return the latest day, such as 2026-12-31, on which the money of a withdrawal made now arrives at the bank."""
    return tx.calendar.add(tx.calendar.day(tx.now()), tx.policy.withdrawals.arrival_days).isoformat()


def _level_in(tx: LoginTransaction, session: Session, user: User) -> Level:
    """Return the level of the session's device, or the level `none` if the device is no longer valid."""
    live = [] if user.opted_out else registry.live_of(tx, user)
    return limits.level_of([device.kind for device, _ in live if device.id == session.device_id], tx.policy)


def _spent(db: Connection, account_id: str, since: float) -> Decimal:
    column = rows.withdrawals.c
    taken = select(func.coalesce(func.sum(column.cents), 0)).where(column.account_id == account_id, column.at >= since)
    return money.money(int(db.execute(taken).scalar_one()))
