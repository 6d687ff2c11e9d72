"""The policy: all settings of the login system, read from one file and checked before use.

The default values are in `policy.toml` beside this module. A file may override some of them.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, get_type_hints
from zoneinfo import ZoneInfo

from dsc_host.errors import InputError
from dsc_host.login.policy.calendar import Calendar, Holidays
from dsc_host.login.policy.checks import check, refuse
from dsc_host.login.policy.contexts import AuthenticationContext
from dsc_host.login.policy.field_values import MOST_SECONDS, Range, merged, table_of, value_of
from dsc_host.login.policy.offices import ContactPolicy

_MOST_BYTES = 64 * 1024


# In fields of the types `int` and `Days`, 0 means "never", "none" or "no days".
Positive = Annotated[int, Range(1)]
Seconds = Annotated[int, Range(1, MOST_SECONDS)]
Days = Annotated[int, Range(0, 3650)]
PositiveDays = Annotated[int, Range(1, 3650)]


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """The table `login`: limits on attempts, codes and messages."""

    failures: Positive
    failures_within: Seconds
    lock_for: Seconds
    pause_after: int
    pause: Annotated[int, Range(0, MOST_SECONDS)]
    failures_by_name: Positive
    failures_by_address: Positive
    successes_by_address: Positive
    address_within: Seconds
    step_validity: Seconds
    offers: Positive
    code_attempts: Positive
    code_validity: Seconds
    code_digits: Annotated[int, Range(1, 32)]
    code_again: Seconds
    factor_failures: Positive
    factor_failures_in_a_day: Positive
    factor_lock_for: Seconds
    messages_to_user: Positive
    messages_to_number: Positive
    messages_to_country: Positive
    alarm_address: str


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """The table `sessions`: how long a session lasts, in seconds."""

    idle: Seconds
    longest: Seconds
    pin: Seconds
    biometrics: Seconds
    biometrics_longest: Seconds


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """The table `passwords`: the length of a password and the cost of its hash."""

    shortest: Positive
    longest: Annotated[int, Range(0, 1_024)]
    memory_kib: Annotated[int, Range(0, 4_194_304)]
    iterations: Annotated[int, Range(1, 1_000)]
    lanes: Annotated[int, Range(1, 64)]


@dataclass(frozen=True, slots=True)
class CodeCardPolicy:
    """The table `code_card`: the codes on a printed sheet."""

    codes: Positive
    indexes: Positive
    code_letters: Positive


@dataclass(frozen=True, slots=True)
class OnlineCardPolicy:
    """The table `online_card`: the days that an online card is valid."""

    valid_days: PositiveDays


@dataclass(frozen=True, slots=True)
class TemporaryPolicy:
    """The table `temporary`: the validity and the length of a temporary code."""

    full_days: PositiveDays
    account_days: Days
    letters: Annotated[int, Range(1, 32)]


@dataclass(frozen=True, slots=True)
class PhonePolicy:
    """The table `phone`: the pushes to the app, and the activation of the app."""

    push_validity: Seconds
    pushes: Positive
    number_digits: Annotated[int, Range(1, 8)]
    token_letters: Annotated[int, Range(1, 32)]
    removes: tuple[str, ...]
    new_numbers: bool


@dataclass(frozen=True, slots=True)
class SmsPolicy:
    """The table `sms`: for how many days SMS and call-back give full access, and the days of the reminders."""

    days: Days
    near_days: Days
    imminent_days: Days


@dataclass(frozen=True, slots=True)
class RequestPolicy:
    """The table `request`: the conditions for a card, its deposit, serials, fees and exchange rates."""

    equity: int
    hold_cents: Positive
    delivery: str
    delivery_days: Days
    series: tuple[str, ...]
    returnable: tuple[str, ...]
    receipt_days: tuple[int, ...]
    fee_cents: Mapping[str, int]
    replacement_cents: Mapping[str, tuple[int, int]]
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """The table `pins`: PINs that are refused because they are too common."""

    common: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActivationPolicy:
    """The table `activation`: the days until a card is activated automatically, and the days of the reminders."""

    automatic_days: Days
    near_days: int
    imminent_days: int


@dataclass(frozen=True, slots=True)
class SharingPolicy:
    """The table `sharing`: the cases in which compliance decides."""

    compliance: str


@dataclass(frozen=True, slots=True)
class ProtectionPolicy:
    """The table `protection`: the validity of a step-up, and the waiting times of changes."""

    proof_seconds: Seconds
    wait_days: Days
    corrected_seconds: Annotated[int, Range(0, MOST_SECONDS)]


@dataclass(frozen=True, slots=True)
class WithdrawalPolicy:
    """The table `withdrawals`: the business days until the money arrives."""

    arrival_days: Days


@dataclass(frozen=True, slots=True)
class RestrictionPolicy:
    """The table `restrictions`: the services that are not available after opting out, and the limit on transfers then."""

    lost: tuple[str, ...]
    funding_beyond_cents: int


@dataclass(frozen=True, slots=True)
class AuditPolicy:
    """The table `audit`: how long entries of the audit log stay in the records."""

    archive_after_days: Annotated[int, Range(1, 36_500)]


@dataclass(frozen=True, slots=True)
class CalendarPolicy:
    """The table `calendar`: the time zone, weekend and holidays."""

    zone: str
    weekend: tuple[int, ...]
    exchange: str
    holidays: tuple[date, ...]


@dataclass(frozen=True, slots=True)
class OpenIdPolicy:
    """The table `openid`: the validity of codes and tokens in seconds, and the authentication contexts of logins."""

    code_validity: Annotated[int, Range(1, 600)]
    token_validity: Annotated[int, Range(1, 3_600)]
    contexts: tuple[AuthenticationContext, ...]

    def context(self, kind: str) -> AuthenticationContext:
        """Return the context of a login with a device of this kind, or `none`."""
        return next(each for each in self.contexts if kind in each.kinds)

    def is_known(self, value: str) -> bool:
        """Return whether there is a context with this value."""
        return any(value == each.value for each in self.contexts)

    def met(self, kind: str, wanted: Iterable[str]) -> str | None:
        """Return the first of the wanted values that a login with a device of this kind meets; None if there is none."""
        ranks = {each.value: rank for rank, each in enumerate(self.contexts)}
        reached = ranks[self.context(kind).value]
        return next((value for value in wanted if value in ranks and ranks[value] >= reached), None)


@dataclass(frozen=True, slots=True)
class Level:
    """A row of the table of levels. Limits are in US dollars; None means that there is no limit.

    If a kind is not `issued`, nobody gets a new device of this kind. Users who hold such a device keep it.
    """

    kind: str
    issued: bool = True
    shareable: bool = False
    per_day: Decimal | None = None
    per_five_days: Decimal | None = None


@dataclass(frozen=True)
class Policy:
    """The whole policy, with a field for each table of the file."""

    login: LoginPolicy
    sessions: SessionPolicy
    passwords: PasswordPolicy
    code_card: CodeCardPolicy
    online_card: OnlineCardPolicy
    temporary: TemporaryPolicy
    phone: PhonePolicy
    sms: SmsPolicy
    request: RequestPolicy
    contact: ContactPolicy
    pins: PinPolicy
    activation: ActivationPolicy
    sharing: SharingPolicy
    protection: ProtectionPolicy
    withdrawals: WithdrawalPolicy
    restrictions: RestrictionPolicy
    audit: AuditPolicy
    calendar: CalendarPolicy
    openid: OpenIdPolicy
    levels: tuple[Level, ...]

    @classmethod
    def default(cls) -> "Policy":
        """Return the policy with the default values."""
        return cls.of({})

    @classmethod
    def load(cls, path: str | Path) -> "Policy":
        """Return the defaults, overridden by a TOML file as in `of`.

        Raises an `InputError` that names the file, and the key if one is wrong.
        """
        try:
            with Path(path).open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except OSError as error:
            refuse(f"{path} cannot be read: {error.strerror}")
        if len(text) > _MOST_BYTES:
            refuse(f"{path} is too large to be a policy")
        try:
            given = tomllib.loads(text.decode("utf-8"))
        except UnicodeDecodeError:
            refuse(f"{path} is not UTF-8")
        except (ValueError, RecursionError) as error:  # ValueError also for a number with thousands of digits.
            refuse(f"{path} is not TOML: {error}")
        try:
            return cls.of(given)
        except InputError as error:
            refuse(f"{path}: {error.problem}")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Policy":
        """Return the defaults, overridden by the given tables. Raises an `InputError` that names the key.

        The rows of `levels` replace all default rows. In other tables, the keys that are not given keep their defaults.
        """
        tables = tomllib.loads(files("dsc_host.login.policy").joinpath("policy.toml").read_text("utf-8"))
        kinds = get_type_hints(cls)
        for name, table in given.items():
            if name not in kinds:
                refuse(f"[{name}]: there is no such table")
            if name == "levels":
                tables[name] = table
            elif not isinstance(table, dict):
                refuse(f"{name}: must be a table")
            else:
                tables[name] = merged(name, tables[name], table)
        parts = {name: table_of(name, kind, tables[name]) for name, kind in kinds.items() if name != "levels"}
        policy = cls(**parts, levels=_levels(tables["levels"]))
        check(policy)
        return policy

    @cached_property
    def business_days(self) -> Calendar:
        """The calendar that the table `calendar` describes. It is built at the first access."""
        known = Holidays(self.calendar.exchange, frozenset(self.calendar.holidays))
        return Calendar(ZoneInfo(self.calendar.zone), frozenset(self.calendar.weekend), known)

    def level(self, kind: str) -> int:
        """Return the position of a kind in the table of levels: 0 is the highest."""
        return [level.kind for level in self.levels].index(kind)


def _levels(rows: Any) -> tuple[Level, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        refuse("[[levels]]: must be tables")
    hints: dict[str, Any] = {"kind": str, "issued": bool, "shareable": bool}
    hints |= {"per_day": Decimal, "per_five_days": Decimal}
    levels = []
    for row in rows:
        for key in row:
            if key not in hints:
                refuse(f"[[levels]] {key}: there is no such key")
        if "kind" not in row:
            refuse("[[levels]] kind: is missing")
        levels.append(Level(**{key: value_of(f"[[levels]] {row['kind']} {key}", hints[key], row[key]) for key in row}))
    return tuple(levels)
