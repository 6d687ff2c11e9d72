"""The calendar of business days. It adds business days to a date, and finds the beginning of the last few business days."""

from collections.abc import Container, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = 7
_DEFAULT = "NYSE"


@lru_cache(maxsize=256)
def _holidays_in(exchange: str, year: int) -> frozenset[date]:
    import holidays

    return frozenset(holidays.financial_holidays(exchange, years=year))


def is_exchange(name: str) -> bool:
    """Return whether the `holidays` library knows this exchange. The empty name is valid too."""
    # Loading the library takes a tenth of a second. Commands that need no holidays should not wait for it.
    if name in ("", _DEFAULT):
        return True
    import holidays

    return name in holidays.list_supported_financial()


@dataclass(frozen=True, slots=True)
class Holidays:
    """The holidays of an exchange, and the days in `others`. If `exchange` is empty, only the days in `others` are holidays."""

    exchange: str
    others: Set[date]

    def __contains__(self, day: object) -> bool:
        """Return whether this day is a holiday."""
        if day in self.others:
            return True
        return bool(self.exchange) and isinstance(day, date) and day in _holidays_in(self.exchange, day.year)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The business days of one place.

    `weekend` has days of the week: Monday is 1. Raises `ValueError` if `weekend` has all seven days, or a number that
    is not 1 to 7.
    """

    zone: ZoneInfo
    weekend: Set[int]
    holidays: Container[date]

    def __post_init__(self) -> None:
        if not set(self.weekend) < set(range(1, _WEEK + 1)):
            raise ValueError("weekend")

    def day(self, at: float) -> date:
        """Return the date in the calendar's time zone at this Unix time."""
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).date()

    def is_business(self, day: date) -> bool:
        """Return whether a day is a business day."""
        return day.isoweekday() not in self.weekend and day not in self.holidays

    def add(self, day: date, business_days: int) -> date:
        """Return the date that is `business_days` business days after `day`.

        With 0, return `day` if it is a business day, and otherwise the next business day.
        """
        if not self.is_business(day):
            day = self._next(day)
            business_days = max(business_days - 1, 0)
        for _ in range(business_days):
            day = self._next(day)
        return day

    def start(self, day: date) -> float:
        """Return the Unix time at which a day begins in the calendar's time zone."""
        return datetime.combine(day, time(), self.zone).timestamp()

    def start_of_period(self, at: float, days: int) -> float:
        """Return the Unix time at which the period of the last `days` business days begins. The period ends at `at`.

        Weekends and holidays directly before the first of these business days belong to the period too.
        """
        day = self.day(at)
        left = days - self.is_business(day)
        while left or not self.is_business(day - _DAY):
            day -= _DAY
            left -= self.is_business(day)
        return self.start(day)

    def _next(self, day: date) -> date:
        day += _DAY
        while not self.is_business(day):
            day += _DAY
        return day
