"""Checks of a policy beyond the types and ranges of its fields. The login system can work with each policy that passes them."""

import re
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

from dsc_host.errors import InputError
from dsc_host.login.model import Kind
from dsc_host.login.policy import contexts, offices
from dsc_host.login.policy.calendar import Calendar, is_exchange
from dsc_host.login.policy.serials import is_series

if TYPE_CHECKING:
    from dsc_host.login.policy.model import Policy

_REPLACEABLE = frozenset(Kind) - {Kind.PHONE_APP}
"""The kinds that the phone app can replace."""
# One address, without characters that a mail server could read as a separator of several addresses.
_ADDRESS = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,128}"
_MOST_CONTACT = 200
_LONGEST_ANSWER = 64


def refuse(problem: str) -> NoReturn:
    """Raise an `InputError` about the policy."""
    raise InputError("policy", problem)


def check(policy: "Policy") -> None:
    """Raise `InputError` if a policy breaks a rule. The types and ranges of its fields have been checked before."""
    if not re.fullmatch(_ADDRESS, policy.login.alarm_address):
        refuse("[login] alarm_address: must be an email address, for example security@example.com")
    _check_levels(policy)
    if wrong := contexts.mistake(policy.openid.contexts):
        refuse(f"[[openid.contexts]] {wrong}")
    _check_pairs(policy)
    _check_contact(policy)
    for name in ("series", "returnable"):
        for each in getattr(policy.request, name):
            if not is_series(each):
                refuse(f"[request] {name}: must be A-Z, 0-9 and -, followed by an x for each digit, for example IB3000xxx")
    if not policy.request.series:
        refuse("[request] series: must have at least one series")
    try:
        Calendar(ZoneInfo(policy.calendar.zone), frozenset(policy.calendar.weekend), frozenset())
    except (ValueError, OSError, KeyError):
        refuse("[calendar]: zone must be a time zone such as Europe/Zurich, and weekend some of the days 1 to 7, but not all")
    if not is_exchange(policy.calendar.exchange):
        refuse("[calendar] exchange: must be empty or an exchange with known holidays, for example NYSE, XLON or SIX")


def _check_contact(policy: "Policy") -> None:
    texts = {"[contact] support": policy.contact.support, "[contact] returns": policy.contact.returns}
    for name, text in {**texts, "[request] delivery": policy.request.delivery}.items():
        if len(text) > _MOST_CONTACT or not text.isprintable():
            refuse(f"{name}: must be one line of at most {_MOST_CONTACT} characters")
    if policy.contact.offices and (policy.contact.support or policy.contact.returns):
        refuse("[contact]: support and returns describe the only office; leave them out if there are contact.offices")
    if wrong := offices.mistake(policy.contact.offices):
        refuse(f"[[contact.offices]] {wrong}")


def _check_levels(policy: "Policy") -> None:
    kinds = [level.kind for level in policy.levels]
    if len(kinds) != len(set(kinds)):
        refuse("[[levels]]: must not have a kind twice")
    if missing := [kind for kind in (*Kind, "none") if kind not in kinds]:
        refuse(f"[[levels]]: {missing[0]} is missing")
    if unknown := [kind for kind in kinds if kind not in (*Kind, "none")]:
        refuse(f"[[levels]] {unknown[0]}: must be one of {', '.join(Kind)}, none")
    if kinds[-1] != "none":
        refuse("[[levels]]: the kind none must be in the last row, with the lowest level")
    for level in policy.levels:
        if (level.per_day is None) != (level.per_five_days is None):
            refuse(f"[[levels]] {level.kind}: must have both limits, or neither")
        if level.per_day is not None and level.per_five_days is not None and level.per_day > level.per_five_days:
            refuse(f"[[levels]] {level.kind}: per_day must not be more than per_five_days")


def _check_pairs(policy: "Policy") -> None:
    activation, card = policy.activation, policy.code_card
    if not activation.imminent_days < activation.near_days < activation.automatic_days:
        refuse("[activation]: imminent_days must be less than near_days, and near_days less than automatic_days")
    if policy.sms.days and not policy.sms.imminent_days < policy.sms.near_days < policy.sms.days:
        refuse("[sms]: imminent_days must be less than near_days, and near_days less than days; days may be 0 for no end")
    if unknown := [kind for kind in policy.phone.removes if kind not in _REPLACEABLE]:
        refuse(f"[phone] removes: {unknown[0]} is not another kind of device")
    if not card.indexes <= card.codes <= 10_000 or card.indexes * (card.code_letters + 1) > _LONGEST_ANSWER:
        longest = f"answers of at most {_LONGEST_ANSWER} characters"
        refuse(f"[code_card]: at most 10000 codes, at most as many indexes as codes, and {longest}")
    if policy.passwords.shortest > policy.passwords.longest or policy.passwords.memory_kib < 8 * policy.passwords.lanes:
        refuse("[passwords]: shortest must not be more than longest, and memory_kib must be at least 8 for each lane")
    days = policy.request.receipt_days
    if len(days) != 2 or not days[0] <= days[1] <= 3650:
        refuse("[request] receipt_days: must be the minimum and the maximum, at most 3650 days")
    _check_fees(policy)
    if policy.sharing.compliance not in ("never", "always", "reviewed"):
        refuse("[sharing] compliance: must be never, always or reviewed")


def _check_fees(policy: "Policy") -> None:
    ranges, fees = policy.request.replacement_cents, policy.request.fee_cents
    if unknown := [kind for kind in ranges if kind not in tuple(Kind)]:
        refuse(f"[request.replacement_cents] {unknown[0]}: must be one of {', '.join(Kind)}")
    if unknown := [kind for kind in fees if kind not in ranges]:
        refuse(f"[request.fee_cents] {unknown[0]}: has no range in request.replacement_cents")
    for kind, (least, most) in ranges.items():
        if not least <= fees.get(kind, least) <= most:
            refuse(f"[request.fee_cents] {kind}: must be within the range in request.replacement_cents")
