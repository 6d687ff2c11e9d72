"""Series of serials, written with an x for each digit that varies, for example IB3000xxx."""

import re
from collections.abc import Iterator, Sequence

_MOST_DIGITS = 9


def is_series(text: str) -> bool:
    """Return whether `text` is a series: at most 16 characters, of which the last 1 to 9 are x and the others A-Z, 0-9 or -."""
    return re.fullmatch(f"(?=.{{1,16}}$)[A-Z0-9-]*x{{1,{_MOST_DIGITS}}}", text) is not None


def is_of(serial: str, series: Sequence[str]) -> bool:
    """Return whether a serial belongs to one of these series."""
    return any(re.fullmatch(each.replace("x", "[0-9]"), serial) for each in series)


def beginning(series: str) -> str:
    """Return the common prefix of all serials of a series."""
    return series.rstrip("x")


def serials(series: str) -> Iterator[str]:
    """Yield all serials of a series in order."""
    digits = series.count("x")
    return (f"{beginning(series)}{number:0{digits}}" for number in range(10**digits))
