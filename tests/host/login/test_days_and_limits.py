"""Business days over weekends, holidays and changes of the clock; limits; PINs; and the codes of a card."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsc_host.errors import InputError
from dsc_host.login import Policy
from dsc_host.login.devices import codes
from dsc_host.login.devices.weak_pins import weak_pin
from dsc_host.login.policy.calendar import Calendar
from dsc_host.login.protection import limits

POLICY = Policy.default()
NEW_YORK = POLICY.business_days
MOMENTS = st.floats(datetime(2025, 1, 15, tzinfo=UTC).timestamp(), datetime(2027, 12, 1, tzinfo=UTC).timestamp())
CALENDARS = st.builds(
    Calendar,
    st.sampled_from([ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu"), ZoneInfo("Pacific/Kiritimati")]),
    st.frozensets(st.integers(1, 7), max_size=6),
    st.frozensets(st.dates(date(2025, 1, 1), date(2027, 12, 31)), max_size=20),
)


# ---- days ----


@pytest.mark.parametrize(
    ("given", "closed", "open_days"),
    [
        # The exchange has published these days, except the last day, which is years later.
        ({}, [date(2026, 4, 3), date(2026, 7, 3), date(2027, 6, 18), date(2041, 12, 25)], [date(2026, 12, 24)]),
        ({"holidays": [date(2026, 12, 24)]}, [date(2026, 12, 24), date(2026, 12, 25)], [date(2026, 12, 23)]),
        ({"exchange": "SIX"}, [date(2026, 4, 6), date(2026, 12, 25)], [date(2026, 11, 26)]),
        ({"exchange": ""}, [], [date(2026, 12, 25), date(2027, 1, 1)]),
    ],
)
def test_holidays_are_the_exchanges_in_any_year_and_those_of_the_policy(
    given: dict[str, Any], closed: list[date], open_days: list[date]
) -> None:
    calendar = Policy.of({"calendar": given}).business_days
    assert [day for day in closed if calendar.is_business(day)] == []
    assert all(calendar.is_business(day) for day in open_days)


@given(CALENDARS, MOMENTS, st.integers(1, 8))
def test_the_window_is_the_longest_with_so_many_business_days(calendar: Calendar, at: float, days: int) -> None:
    start = calendar.start_of_period(at, days)
    first, today = calendar.day(start), calendar.day(at)
    counted = [first + timedelta(days=each) for each in range((today - first).days + 1)]
    assert start <= at
    assert calendar.is_business(first - timedelta(days=1))
    assert sum(map(calendar.is_business, counted)) == days


@given(CALENDARS, MOMENTS)
def test_a_day_begins_where_the_one_before_ends(calendar: Calendar, at: float) -> None:
    start = calendar.start(calendar.day(at))
    assert start <= at
    assert calendar.day(start) == calendar.day(at)
    assert calendar.day(start - 0.001) == calendar.day(at) - timedelta(days=1)


@given(CALENDARS, st.dates(date(2025, 1, 1), date(2027, 1, 1)), st.integers(0, 12))
def test_adding_ends_at_a_business_day_with_so_many_before_it(calendar: Calendar, day: date, days: int) -> None:
    end = calendar.add(day, days)
    between = [day + timedelta(days=each) for each in range((end - day).days + 1)]
    business = [each for each in between if calendar.is_business(each)]
    assert business[-1] == end
    assert len(business) == max(days, 1) + (days > 0 and business[0] == day)


def test_midnight_is_new_yorks_in_summer_and_in_winter() -> None:
    assert NEW_YORK.start(date(2026, 7, 1)) == datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp()
    assert NEW_YORK.start(date(2026, 12, 1)) == datetime(2026, 12, 1, 5, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("weekend", [{1, 2, 3, 4, 5, 6, 7}, {0}, {8}])
def test_a_week_has_a_business_day(weekend: set[int]) -> None:
    with pytest.raises(ValueError, match="weekend"):
        Calendar(ZoneInfo("UTC"), weekend, frozenset())


# ---- limits ----

FRIDAY = datetime(2026, 11, 20, 17, tzinfo=UTC).timestamp()
SMS = POLICY.levels[POLICY.level("sms")]


def allowed(amount: str, *taken: tuple[float, int], now: float = FRIDAY) -> limits.Allowance:
    def spent(since: float) -> Decimal:
        return Decimal(sum(each for at, each in taken if at >= since))

    return limits.allowance(Decimal(amount), now, spent, SMS, NEW_YORK)


def test_a_day_and_five_days() -> None:
    assert allowed("200000")
    assert not allowed("200000.01")
    assert allowed("0.01", (FRIDAY, 199_999)).left_today == 1
    assert not allowed("1", (FRIDAY, 200_000))
    midnight = NEW_YORK.start(NEW_YORK.day(FRIDAY))
    assert not allowed("1", (midnight, 200_000))
    assert allowed("1", (midnight - 1, 200_000))
    # Three full days within five business days reach the limit. The sixth day is free again.
    days = [(FRIDAY - each * 86_400, 200_000) for each in (1, 2, 3)]
    assert allowed("1", *days).left_five_days == 0
    assert not allowed("1", *days)
    assert not allowed("1", *days, now=FRIDAY + 3 * 86_400)
    assert allowed("1", *days, now=FRIDAY + 6 * 86_400)


@pytest.mark.parametrize(
    "amount",
    # The product of the last two with 100 is rounded.
    [
        Decimal(0),
        Decimal(-1),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("0.001"),
        Decimal("1e15"),
        5,
        "5",
        Decimal("1E-9999999"),
        Decimal("100.0000000000000000000000000001"),
    ],
)
def test_what_is_no_amount(amount: Decimal) -> None:
    with pytest.raises(InputError, match=r"^amount: must"):
        limits.check_amount(amount)


def test_the_highest_level_counts() -> None:
    assert limits.level_of(["sms", "dsc_plus", "temporary_code"], POLICY).kind == "dsc_plus"
    assert limits.level_of([], POLICY).kind == "none"


# ---- PINs ----


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("0000", "repeated"), ("7777", "repeated"), ("1234", "run"), ("4321", "run"), ("7890", "run"), ("1987", "year"),
        ("2026", "year"), ("1705", "birth date"), ("0517", "birth date"), ("0580", "birth date"), ("8005", "birth date"),
        ("2580", "common"), ("8246", None), ("0815", None),
    ],
)  # fmt: skip
def test_weak_pins(pin: str, why: str | None) -> None:
    assert weak_pin(pin, date(1980, 5, 17), POLICY) == why


@pytest.mark.parametrize("pin", ["", "824", "82461", "82a6", " 824", "\u0668\u0662\u0664\u0666", "\uff18246", None, 8246])
def test_what_is_no_pin(pin: str) -> None:
    with pytest.raises(InputError, match=r"^PIN: must be 4 digits"):
        weak_pin(pin, None, POLICY)


# ---- codes ----

ROUNDS = st.tuples(st.integers(1, 30), st.integers(1, 5)).filter(lambda each: each[1] <= each[0])


@given(ROUNDS, st.randoms(use_true_random=False))
def test_no_index_is_asked_for_again_before_all_have_been(card: tuple[int, int], random: object) -> None:
    count, indexes = card
    asked, drawn = b"", []
    while len(drawn) < 4 * count:
        some, asked = codes.draw(asked, count, indexes, random.randrange)  # type: ignore[attr-defined]
        assert len(set(some)) == indexes
        drawn += some
    for start in range(0, 3 * count, count):
        assert set(drawn[start : start + count]) == set(range(1, count + 1))


def test_every_letter_is_as_likely_as_any_other() -> None:
    counted = Counter("".join(codes.codes(bytes(32), 10_000, 4)))
    expected = 40_000 / len(codes.ALPHABET)
    chi_squared = sum((counted[letter] - expected) ** 2 / expected for letter in codes.ALPHABET)
    assert set(counted) == set(codes.ALPHABET)
    assert chi_squared < 59.7, "beyond 99.9 % at 30 degrees of freedom"


def test_codes_match_however_they_are_spaced() -> None:
    first, second = codes.code(bytes(32), 7, 4), codes.code(bytes(32), 9, 4)
    for text in (first + second, f"{first} {second}", f"{first.lower()}-{second.lower()}", f" {first},\t{second}; "):
        assert codes.matches(bytes(32), (7, 9), text, 4)
    for text in (second + first, first, "", "\ud800", "x" * 1000, None, 7, first + second + "2", "\uff21" * 8):
        assert not codes.matches(bytes(32), (7, 9), text, 4)
