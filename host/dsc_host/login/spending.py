"""Opting out and back in, and what may be taken out of an account: what protection is worth.

Three promises: what an account took out within a day, and within five business days, never exceeds the limits of the device
that opened the session; it counts on, whatever device comes after; and of requests at once, one is judged after the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, func, select

from dsc_host.errors import InputError
from dsc_host.login import devices, limits, notices, people, records, rows, waits
from dsc_host.login.errors import NotNow
from dsc_host.login.limits import Allowance
from dsc_host.login.model import WaitKind
from dsc_host.login.policy import Level
from dsc_host.login.reception import Reception, account_of, found, locked_user
from dsc_host.login.records import Session, User, Withdrawal

_LATEST = 221_845_392_000
"""The year 9000: calendars end somewhere."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What a user has by being protected, or would not have."""

    opted_out: bool
    level: Level
    with_protection: Level
    without: Level
    restrictions: tuple[str, ...]
    """What is lost by opting out: keys of the policy's."""


def level_of(at: Reception, db: Connection, user: User) -> Level:
    """Of the highest of what opens this user's door; after opting out, of nothing."""
    return limits.level_of(() if user.opted_out else devices.kinds_of(at, db, user), at.policy)


def protection(at: Reception, db: Connection, user: User) -> Protection:
    return Protection(
        opted_out=user.opted_out,
        level=level_of(at, db, user),
        with_protection=limits.level_of(devices.kinds_of(at, db, user), at.policy),
        without=limits.level_of((), at.policy),
        restrictions=at.policy.restrictions.lost,
    )


def opt(at: Reception, db: Connection, primary: User, user_id: str, out: bool) -> None:
    """From now on, a device is not needed for trading, and no more is worth than without; or it is needed again.

    For the primary user, locked, or another one of the account. Raises `NotNow`.
    """
    user = primary if user_id == primary.id else locked_user(db, user_id)
    if user.opted_out == out:
        raise NotNow("{name} has opted out already" if out else "{name} has not opted out", name=user.name)
    notices.tell(at, db, user, "opted_out" if out else "opted_in")
    people.settings_changed(db, user, opted_out=out)
    at.log(db, "opt-out" if out else "opt-in", user, "done", by=primary.name)


def opt_out_later(at: Reception, db: Connection, primary: User, user_id: str) -> None:
    """Like `opt`, begun by a temporary device: it waits. Raises `NotNow`."""
    user = primary if user_id == primary.id else locked_user(db, user_id)
    if user.opted_out:
        raise NotNow("{name} has opted out already", name=user.name)
    waits.begin(at, db, user, WaitKind.OPT_OUT, {}, user.name, also=[primary] if user.id != primary.id else [])
    at.log(db, "opt-out", user, "waits", by=primary.name)


def may_withdraw(at: Reception, db: Connection, user: User, amount: Decimal, now: float | None = None) -> Allowance:
    """Whether this user may take so many dollars out now, logged in with their highest device. Raises `InputError`.

    `now`: another time, in Unix seconds, from 1970 to 9000.
    """
    if now is not None and (type(now) not in (int, float) or not 0 <= now <= _LATEST):
        raise InputError("now", "must be a time in Unix seconds")
    return _judged(at, db, user, amount, level_of(at, db, user), at.now() if now is None else now)


def _judged(at: Reception, db: Connection, user: User, amount: Decimal, level: Level, now: float) -> Allowance:
    limits.check_amount(amount)
    account = account_of(db, user)
    if account.closed_at is not None:
        return Allowance(False, Decimal(0), Decimal(0))
    spent = _spent(db, account.id)
    return limits.allowance(amount, now, spent, level, at.calendar)


def withdraw(at: Reception, db: Connection, session: Session, user: User, amount: Decimal) -> Allowance:
    """Whether as much may be taken out in this session; if so, it is recorded. Its device's own limits count."""
    # By the account, because all its users spend the same money.
    account = found(records.accounts.locked(db, user.account_id))
    allowance = _judged(at, db, user, amount, _level_in(at, db, session, user), at.now())
    if allowance:
        records.withdrawals.add(
            db, Withdrawal(rows.new_id(), account.id, user.id, at.now(), people.cents("amount", amount))
        )  # fmt: skip
    at.log(db, "withdraw", user, "done" if allowance else "refused", amount=str(amount))
    return allowance


def _level_in(at: Reception, db: Connection, session: Session, user: User) -> Level:
    """What the session's device is worth, as long as it opens the door."""
    live = [] if user.opted_out else devices.live_of(at, db, user)
    return limits.level_of([device.kind for device, _ in live if device.id == session.device_id], at.policy)


def _spent(db: Connection, account_id: str) -> Callable[[float], Decimal]:
    column = records.withdrawals.c

    def since(moment: float) -> Decimal:
        taken = select(func.coalesce(func.sum(column.cents), 0)).where(column.account_id == account_id, column.at >= moment)
        return people.money(int(db.execute(taken).scalar_one()))

    return since
