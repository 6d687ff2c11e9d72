"""Business days: which days count, where each begins in its time zone, and how far back so many of them reach."""

from collections.abc import Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days of one place. `weekend` has the days of the week, Monday is 1; `ValueError` if there is no other one."""

    zone: ZoneInfo
    weekend: Set[int]
    holidays: Set[date]

    def __post_init__(self) -> None:
        if not set(self.weekend) < set(range(1, _WEEK + 1)):
            raise ValueError("weekend")

    def day(self, at: float) -> date:
        """The day that it is there at this Unix time."""
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).date()

    def is_business(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and day not in self.holidays

    def add(self, day: date, business_days: int) -> date:
        """The business day that comes so many after this day; with 0, this day or the first after it."""
        if not self.is_business(day):
            day = self._next(day)
            business_days = max(business_days - 1, 0)
        for _ in range(business_days):
            day = self._next(day)
        return day

    def start(self, day: date) -> float:
        """The Unix time at which a day begins there."""
        return datetime.combine(day, time(), self.zone).timestamp()

    def window(self, at: float, days: int) -> float:
        """The Unix time at which the longest time began that has only so many business days in it, and ends now.

        So the days between, after and before them are in it too: no time with so many business days is ever left out.
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
