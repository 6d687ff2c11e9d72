"""Meters that show the limits on withdrawals, and how much of each limit is left."""

from decimal import Decimal

from dsc_host.login import Allowance
from dsc_host.login.policy.model import Level
from dsc_host.portal.components import Meter
from dsc_host.portal.languages import Language


def limit_meters(_: Language, level: Level, left: Allowance) -> tuple[Meter, ...]:
    """Return a meter for each limit of a level. A level without limits has no meters."""
    if level.per_day is None or level.per_five_days is None or left.left_today is None or left.left_five_days is None:
        return ()
    # The limit for five days may leave less than the limit for today.
    today = min(left.left_today, left.left_five_days)
    return (
        _meter(_, _("Left today"), today, level.per_day),
        _meter(_, _("Left within five business days"), left.left_five_days, level.per_five_days),
    )


def _meter(_: Language, label: str, left: Decimal, limit: Decimal) -> Meter:
    words = _("{left} of {limit}", left=_.dollars(left), limit=_.dollars(limit))
    return Meter(label, words, float(left), max(1.0, float(limit)))
