"""The policy of the login system: every number that it goes by, read from one file and checked before anything goes by it.

The defaults are `policy.toml` beside this module, with the published values. A file of one's own may hold some of the keys.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from dsc_host.errors import InputError
from dsc_host.login.business_days import Calendar
from dsc_host.login.model import Kind
from dsc_host.login.series import is_series

_MOST = 10**12
_MOST_BYTES = 64 * 1024
_MOST_CODE, _MOST_NUMBER = 32, 8
"""Letters or digits of a code, and of the number beside a push."""


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    failures: int
    failures_within: int
    lock_for: int
    pause_after: int
    pause: int
    failures_by_name: int
    failures_by_address: int
    address_within: int
    step_validity: int
    offers: int
    code_attempts: int
    code_validity: int
    code_digits: int
    factor_failures: int
    factor_lock_for: int
    alarm_address: str


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    idle: int
    longest: int
    pin: int
    biometrics: int


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    shortest: int
    longest: int
    memory_kib: int
    iterations: int
    lanes: int


@dataclass(frozen=True, slots=True)
class CodeCardPolicy:
    codes: int
    indexes: int
    code_letters: int


@dataclass(frozen=True, slots=True)
class OnlineCardPolicy:
    valid_days: int


@dataclass(frozen=True, slots=True)
class TemporaryPolicy:
    full_days: int
    account_days: int
    letters: int


@dataclass(frozen=True, slots=True)
class PhonePolicy:
    pin_shortest: int
    pin_longest: int
    push_validity: int
    pushes: int
    number_digits: int
    token_letters: int
    removes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    equity: int
    hold_cents: int
    delivery_days: int
    series: tuple[str, ...]
    returnable: tuple[str, ...]
    receipt_days: tuple[int, ...]
    fee_cents: Mapping[str, int]
    replacement_cents: Mapping[str, tuple[int, int]]
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class PinPolicy:
    common: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActivationPolicy:
    automatic_days: int
    near_days: int
    imminent_days: int


@dataclass(frozen=True, slots=True)
class SharingPolicy:
    compliance: str


@dataclass(frozen=True, slots=True)
class RestrictionPolicy:
    lost: tuple[str, ...]
    funding_beyond_cents: int


@dataclass(frozen=True, slots=True)
class CalendarPolicy:
    zone: str
    weekend: tuple[int, ...]
    holidays: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Level:
    """One row of the table of levels. None is any amount; amounts are in USD."""

    kind: str
    issued: bool = True
    temporary: bool = False
    shareable: bool = False
    per_day: Decimal | None = None
    per_five_days: Decimal | None = None


@dataclass(frozen=True)
class Policy:
    """All of it, as the tables of the file."""

    login: LoginPolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    code_card: CodeCardPolicy
    online_card: OnlineCardPolicy
    temporary: TemporaryPolicy
    phone: PhonePolicy
    request: RequestPolicy
    pins: PinPolicy
    activation: ActivationPolicy
    sharing: SharingPolicy
    restrictions: RestrictionPolicy
    calendar: CalendarPolicy
    levels: tuple[Level, ...]

    @classmethod
    def default(cls) -> "Policy":
        """With the published values."""
        return cls.of({})

    @classmethod
    def load(cls, path: str | Path) -> "Policy":
        """The defaults, and what this TOML file says instead. Raises `InputError` that names the file and the key."""
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
            if len(text) > _MOST_BYTES:
                _refuse(f"{path} is too large to be a policy")
            given = tomllib.loads(text.decode("utf-8"))
        except OSError as error:
            _refuse(f"{path} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            _refuse(f"{path} is not UTF-8")
        except tomllib.TOMLDecodeError as error:
            _refuse(f"{path} is not TOML: {error}")
        try:
            return cls.of(given)
        except InputError as error:
            _refuse(f"{path}: {error.problem}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Policy":
        """The defaults, and what is given instead, table by table. Raises `InputError` that names the key."""
        tables = tomllib.loads(files("dsc_host.login").joinpath("policy.toml").read_text("utf-8"))
        kinds = get_type_hints(cls)
        for name, table in given.items():
            if name not in kinds:
                _refuse(f"[{name}]: there is no such table")
            if name == "levels":
                tables[name] = table
            elif not isinstance(table, dict):
                _refuse(f"{name}: must be a table")
            else:
                tables[name] = _merged(name, tables[name], table)
        parts = {name: _table(name, kind, tables[name]) for name, kind in kinds.items() if name != "levels"}
        policy = cls(**parts, levels=_levels(tables["levels"]))
        _check(policy)
        return policy

    @cached_property
    def business_days(self) -> Calendar:
        """The calendar that the table `calendar` describes."""
        return Calendar(ZoneInfo(self.calendar.zone), frozenset(self.calendar.weekend), frozenset(self.calendar.holidays))

    def level(self, kind: str) -> int:
        """Where a kind stands in the table of levels: 0 is the highest."""
        return [level.kind for level in self.levels].index(kind)


def _merged(where: str, before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    free = where.startswith("request.")  # Kinds and currencies may be added.
    if (unknown := sorted(set(given) - set(before))) and not free:
        _refuse(f"[{where}] {unknown[0]}: there is no such key")
    whole = dict(before)
    for key, value in given.items():
        nested = isinstance(before.get(key), dict)
        if nested and not isinstance(value, dict):
            _refuse(f"[{where}.{key}]: must be a table")
        whole[key] = _merged(f"{where}.{key}", before[key], value) if nested else value
    return whole


def _table(name: str, kind: Any, table: Mapping[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(
        **{field.name: _value(f"[{name}] {field.name}", hints[field.name], table[field.name]) for field in fields(kind)}
    )


def _value(where: str, kind: Any, value: Any) -> Any:
    """The value as its field wants it."""
    if kind is int:
        if type(value) is not int or not 0 <= value <= _MOST:
            _refuse(f"{where}: must be a whole number, 0 or more")
        return value
    if kind is bool or kind is str or kind is date:
        if type(value) is not kind:
            _refuse(f"{where}: must be {'a text' if kind is str else 'a day' if kind is date else 'true or false'}")
        return value
    if kind is Decimal:
        return _amount(where, value)
    inner: tuple[Any, ...] = get_args(kind)
    if get_origin(kind) is tuple:
        return _list(where, inner, value)
    if not isinstance(value, dict):
        _refuse(f"{where}: must be a table")
    return {key: _value(f"{where} {key}", inner[1], each) for key, each in value.items()}


def _list(where: str, inner: tuple[Any, ...], value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list):
        _refuse(f"{where}: must be a list")
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        _refuse(f"{where}: must be a list of {len(inner)}")
    return tuple(_value(where, inner[0], each) for each in value)


def _amount(where: str, value: Any) -> Decimal:
    if type(value) not in (int, str):
        _refuse(f"{where}: must be a whole number, or a decimal in quotes")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 < amount <= _MOST:
        _refuse(f"{where}: must be a number, more than 0")
    return amount


def _levels(rows: Any) -> tuple[Level, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        _refuse("[[levels]]: must be tables")
    hints: dict[str, Any] = {"kind": str, "issued": bool, "temporary": bool, "shareable": bool}
    hints |= {"per_day": Decimal, "per_five_days": Decimal}
    levels = []
    for row in rows:
        for key in row:
            if key not in hints:
                _refuse(f"[[levels]] {key}: there is no such key")
        if "kind" not in row:
            _refuse("[[levels]] kind: is missing")
        levels.append(Level(**{key: _value(f"[[levels]] {row['kind']} {key}", hints[key], row[key]) for key in row}))
    return tuple(levels)


# What must be more than 0; elsewhere, 0 means "not at all".
_POSITIVE = {
    "login": (
        "failures", "failures_within", "lock_for", "failures_by_name", "failures_by_address", "address_within",
        "step_validity", "offers", "code_attempts", "code_validity", "code_digits", "factor_failures", "factor_lock_for",
    ),
    "sessions": ("idle", "longest", "pin", "biometrics"),
    "passwords": ("shortest", "iterations", "lanes"),
    "code_card": ("codes", "indexes", "code_letters"),
    "online_card": ("valid_days",),
    "temporary": ("full_days", "letters"),
    "phone": ("push_validity", "pushes", "number_digits", "token_letters"),
    "request": ("hold_cents",),
}  # fmt: skip


def _check(policy: Policy) -> None:
    """What no single value shows. Raises `InputError`."""
    for name, keys in _POSITIVE.items():
        for key in keys:
            if not getattr(getattr(policy, name), key):
                _refuse(f"[{name}] {key}: must be more than 0")
    _check_levels(policy)
    _check_pairs(policy)
    for name in ("series", "returnable"):
        for each in getattr(policy.request, name):
            if not is_series(each):
                _refuse(f"[request] {name}: must be of A-Z, 0-9 and -, and then an x for each digit, as IB3000xxx")
    if not policy.request.series:
        _refuse("[request] series: must have one at least")
    try:
        Calendar(ZoneInfo(policy.calendar.zone), frozenset(policy.calendar.weekend), frozenset())
    except (ValueError, OSError, KeyError):
        _refuse("[calendar] zone: must be a time zone's name, as Europe/Zurich; weekend: days from 1 to 7, not all of them")


def _check_levels(policy: Policy) -> None:
    kinds = [level.kind for level in policy.levels]
    if len(kinds) != len(set(kinds)):
        _refuse("[[levels]]: has a kind twice")
    if missing := [kind for kind in (*Kind, "none") if kind not in kinds]:
        _refuse(f"[[levels]]: {missing[0]} is missing")
    if kinds[-1] != "none":
        _refuse("[[levels]]: none must be the lowest")
    for level in policy.levels:
        if (level.per_day is None) != (level.per_five_days is None):
            _refuse(f"[[levels]] {level.kind}: must have both limits, or neither")
        if level.per_day is not None and level.per_five_days is not None and level.per_day > level.per_five_days:
            _refuse(f"[[levels]] {level.kind}: per_day must not be more than per_five_days")


def _check_pairs(policy: Policy) -> None:
    activation, phone, card = policy.activation, policy.phone, policy.code_card
    if not activation.imminent_days < activation.near_days < activation.automatic_days:
        _refuse("[activation]: imminent_days must be less than near_days, and these less than automatic_days")
    if not 4 <= phone.pin_shortest <= phone.pin_longest <= 32:
        _refuse("[phone]: pin_shortest must be 4 or more, and not more than pin_longest")
    if unknown := [kind for kind in phone.removes if kind not in set(Kind)]:
        _refuse(f"[phone] removes: {unknown[0]} is no kind of device")
    for where, letters, most in (
        ("[phone] number_digits", phone.number_digits, _MOST_NUMBER),
        ("[phone] token_letters", phone.token_letters, _MOST_CODE),
        ("[login] code_digits", policy.login.code_digits, _MOST_CODE),
        ("[temporary] letters", policy.temporary.letters, _MOST_CODE),
    ):
        if letters > most:
            _refuse(f"{where}: must be at most {most}")
    if not card.indexes <= card.codes <= 10_000 or card.code_letters > 16:
        _refuse("[code_card]: codes must be at least as many as indexes; at most 10000; code_letters at most 16")
    if policy.passwords.shortest > policy.passwords.longest or policy.passwords.memory_kib < 8 * policy.passwords.lanes:
        _refuse("[passwords]: shortest must not be more than longest, memory_kib at least 8 for each lane")
    if len(policy.request.receipt_days) != 2 or policy.request.receipt_days[0] > policy.request.receipt_days[1]:
        _refuse("[request] receipt_days: must be the least and the most")
    for kind, (least, most) in policy.request.replacement_cents.items():
        if not least <= policy.request.fee_cents.get(kind, least) <= most:
            _refuse(f"[request.fee_cents] {kind}: must lie in what request.replacement_cents says")
    if policy.sharing.compliance not in ("never", "always", "reviewed"):
        _refuse("[sharing] compliance: must be never, always or reviewed")


def _refuse(problem: str) -> NoReturn:
    raise InputError("policy", problem)
