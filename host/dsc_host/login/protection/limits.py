"""The limits on withdrawals, within a day and within five business days. They depend on the level of protection."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from dsc_host.errors import InputError
from dsc_host.login.accounts import money
from dsc_host.login.policy.calendar import Calendar
from dsc_host.login.policy.model import Level, Policy

DAYS = 5
_DAY = timedelta(days=1)

Spent = Callable[[float], Decimal]
"""A function that returns the sum of the withdrawals since a Unix time."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The decision about a withdrawal, with the amounts that may still be withdrawn. None means that there is no limit."""

    allowed: bool
    left_today: Decimal | None
    left_five_days: Decimal | None
    full_on: date | None = None
    """The first later day on which the whole limit for a day is left, if nothing is withdrawn until then.

    Only `withdrawals.limit` sets it.
    """

    def __bool__(self) -> bool:
        return self.allowed


def level_of(kinds: Iterable[str], policy: Policy) -> Level:
    """Return the highest level that one of these kinds has; the level `none` if there are no kinds."""
    return policy.levels[min((policy.level(kind) for kind in kinds), default=policy.level("none"))]


def allowance(amount: Decimal, now: float, spent: Spent, level: Level, calendar: Calendar) -> Allowance:
    """Decide whether `amount` may be withdrawn now, in addition to earlier withdrawals. Raises `InputError`."""
    check_amount(amount)
    if level.per_day is None or level.per_five_days is None:
        return Allowance(True, None, None)
    today = level.per_day - spent(calendar.start(calendar.day(now)))
    five = level.per_five_days - spent(calendar.start_of_period(now, DAYS))
    left = max(today, Decimal(0)), max(five, Decimal(0))
    return Allowance(amount <= min(today, five), *left)


def full_on(now: float, spent: Spent, level: Level, calendar: Calendar) -> date | None:
    """Return the first later day on which the whole limit for a day is left, if nothing is withdrawn until then.

    Return None if the level has no limit.
    """
    if level.per_day is None or level.per_five_days is None:
        return None
    spare = max(level.per_five_days - level.per_day, Decimal(0))
    day = calendar.day(now) + _DAY
    while spent(calendar.start_of_period(calendar.start(day), DAYS)) > spare:
        day += _DAY
    return day


def check_amount(amount: Decimal) -> None:
    """Raise `InputError` if this is not a positive amount of money with at most two decimals."""
    if not isinstance(amount, Decimal) or not amount.is_finite() or amount <= 0:
        raise InputError("amount", "must be an amount of money, more than 0")
    money.cents("amount", amount)
