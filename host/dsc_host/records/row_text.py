"""Rows as text: the values of columns are converted to JSON, and back. Bytes are in base64.

One promise: a value whose type is not the type of its column is refused, when it is written as text and when it is read.
"""

import base64
import binascii
import math
from functools import cache
from typing import Any

from sqlalchemy import Column, Double, LargeBinary

from dsc_host.records.tables import Counter, Times

_INTEGER_END = 2**63
"""A database stores integers from -2**63 to 2**63 - 1."""
_COUNTER_END = 2**64
"""A counter is below this limit."""


def encoded(column: Column[Any], value: Any) -> Any:
    """Return a stored value as a value of JSON. Raises `TypeError` if its type is not the type of the column."""
    if value is None:
        return None
    if type(value) is not _type_of(column):
        raise TypeError
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return list(value) if isinstance(value, tuple) else value


@cache
def _type_of(column: Column[Any]) -> type[Any]:
    """Return the type of the values that are read from a column."""
    kinds: dict[type, type] = {Times: tuple, Counter: int, LargeBinary: bytes, Double: float}
    return next((python for kind, python in kinds.items() if isinstance(column.type, kind)), column.type.python_type)


def decoded(column: Column[Any], value: Any) -> Any:
    """Return a value of JSON in the column's type. Raises `ValueError` or `OverflowError` for a wrong type or range."""
    if value is None:
        if not column.nullable:
            raise ValueError
        return None
    kind = column.type
    if isinstance(kind, LargeBinary):
        return _bytes(value)
    if isinstance(kind, Times):
        return tuple(_number(each) for each in _of(value, list))
    if isinstance(kind, Double):
        return _number(value)
    if isinstance(kind, Counter):
        return _in_range(_of(value, int), 0, _COUNTER_END)
    found = _of(value, kind.python_type)
    if type(found) is int:
        return _in_range(found, -_INTEGER_END, _INTEGER_END)
    if isinstance(found, str):
        # Half of a surrogate pair raises `UnicodeEncodeError`, a `ValueError`. JSON can express it, but databases refuse it.
        found.encode()
    return found


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(_of(value, str), validate=True)
    except binascii.Error:
        raise ValueError from None


def _number(value: Any) -> float:
    number = float(value if type(value) is int else _of(value, float))
    if math.isnan(number):
        # SQLite would store NULL.
        raise ValueError
    return number


def _in_range(number: int, first: int, end: int) -> int:
    if not first <= number < end:
        raise OverflowError
    return number


def _of(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError
    return value
