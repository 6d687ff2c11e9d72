"""Serials by their series, written as people write them: IB3000xxx, with an x for each digit."""

import re
from collections.abc import Iterator, Sequence

_MOST_DIGITS = 9


def is_series(text: str) -> bool:
    """Whether it is one: 1 to 16 of A-Z, 0-9 and -, with 1 to 9 x at its end."""
    return re.fullmatch(f"(?=.{{1,16}}$)[A-Z0-9-]*x{{1,{_MOST_DIGITS}}}", text) is not None


def is_of(serial: str, series: Sequence[str]) -> bool:
    """Whether a serial belongs to one of them."""
    return any(re.fullmatch(each.replace("x", "[0-9]"), serial) for each in series)


def beginning(series: str) -> str:
    """What all its serials begin with."""
    return series.rstrip("x")


def serials(series: str) -> Iterator[str]:
    """All of one, in order. They are made as they are asked for."""
    digits = series.count("x")
    return (f"{beginning(series)}{number:0{digits}}" for number in range(10**digits))
