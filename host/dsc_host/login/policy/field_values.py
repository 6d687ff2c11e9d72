"""The values in a policy's file. They override the defaults, and each value must fit the type and the range of its field."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from dsc_host.login.policy.checks import refuse

MOST = 10**12
MOST_SECONDS = 10**10
"""The longest duration: about three hundred years. With a longer one, a page could not show when it ends."""


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a field may have."""

    least: int
    most: int = MOST
    """The largest value. A larger value would break the calendar, make a computation too long, or be useless to people."""


def merged(where: str, before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return the table `before`, overridden by `given`. Raises `InputError` for an unknown key."""
    # The tables in `request` may have any keys. The keys are currencies, or kinds of device, which are checked later.
    free = where.startswith("request.")
    if (unknown := sorted(set(given) - set(before))) and not free:
        refuse(f"[{where}] {unknown[0]}: there is no such key")
    whole = dict(before)
    for key, value in given.items():
        nested = isinstance(before.get(key), dict)
        if nested and not isinstance(value, dict):
            refuse(f"[{where}.{key}]: must be a table")
        whole[key] = merged(f"{where}.{key}", before[key], value) if nested else value
    return whole


def table_of(name: str, kind: Any, given: Mapping[str, Any]) -> Any:
    """Return the table `name` as the dataclass `kind`. Raises `InputError` if a value does not fit its field."""
    hints = get_type_hints(kind, include_extras=True)
    return kind(
        **{field.name: value_of(f"[{name}] {field.name}", hints[field.name], given[field.name]) for field in fields(kind)}
    )


def value_of(where: str, kind: Any, value: Any) -> Any:
    """Check a value against the type and the range of its field, and return it in that type."""
    if get_origin(kind) is Annotated:
        return _in_range(where, get_args(kind)[1], value_of(where, get_args(kind)[0], value))
    if kind is int:
        if type(value) is not int or not 0 <= value <= MOST:
            refuse(f"{where}: must be a whole number, 0 or more")
        return value
    if kind is bool or kind is str or kind is date:
        if type(value) is not kind:
            refuse(f"{where}: must be {'a text' if kind is str else 'a day' if kind is date else 'true or false'}")
        return value
    if kind is Decimal:
        return _amount(where, value)
    if is_dataclass(kind):
        return _record(where, kind, value)
    inner: tuple[Any, ...] = get_args(kind)
    if get_origin(kind) is tuple:
        return _list(where, inner, value)
    if not isinstance(value, dict):
        refuse(f"{where}: must be a table")
    return {key: value_of(f"{where} {key}", inner[1], each) for key, each in value.items()}


def _record(where: str, kind: Any, value: Any) -> Any:
    """Check a table in a list of tables, and return it as a record of this kind."""
    if not isinstance(value, dict):
        refuse(f"{where}: must be tables")
    hints, known = get_type_hints(kind), {field.name: field for field in fields(kind)}
    if unknown := sorted(set(value) - set(known)):
        refuse(f"{where} {unknown[0]}: there is no such key")
    if missing := [name for name, field in known.items() if field.default is MISSING and name not in value]:
        refuse(f"{where} {missing[0]}: is missing")
    return kind(**{name: value_of(f"{where} {name}", hints[name], each) for name, each in value.items()})


def _in_range(where: str, allowed: Range, value: int) -> int:
    if value < allowed.least:
        refuse(f"{where}: must be more than {allowed.least - 1}")
    if value > allowed.most:
        refuse(f"{where}: must be at most {allowed.most}")
    return value


def _list(where: str, inner: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        refuse(f"{where}: must be a list")
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        refuse(f"{where}: must be a list of {len(inner)}")
    return tuple(value_of(where, inner[0], each) for each in value)


def _amount(where: str, value: Any) -> Decimal:
    if type(value) not in (int, str):
        refuse(f"{where}: must be a whole number, or a decimal in quotes")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 < amount <= MOST:
        refuse(f"{where}: must be a number, more than 0")
    return amount
