"""Unlock codes, and their limit. An unlock code unlocks a card that has locked itself after too many wrong PINs.

A code is the card's OCRA response (RFC 6287), under its unlock key, to a challenge that the locked card shows.
"""

import math
import re
from datetime import UTC, datetime

from dsc_host.errors import InputError, TooManyUnlockCodes
from dsc_host.ocra import Suite

SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
PERIOD = 24 * 60 * 60
"""The period, in seconds, in which a card's codes are counted."""


def check_challenge(challenge: str) -> None:
    """Raise `InputError` unless the value is 6 digits."""
    if not isinstance(challenge, str) or re.fullmatch("[0-9]{6}", challenge) is None:
        raise InputError("challenge", "must be the 6 digits that the locked card shows")


def with_one_more(serial: str, times: tuple[float, ...], now: float, most: int) -> tuple[float, ...]:
    """Return the times within the period, in order, with `now` as the last time.

    Times later than `now` count too: setting the clock back must not allow more codes. Raises `TooManyUnlockCodes` if the
    period already has `most` times.
    """
    counted = sorted(time for time in times if now < time + PERIOD)
    if len(counted) >= most:
        again_at = counted[-most] + PERIOD
        when = datetime.fromtimestamp(math.ceil(again_at), UTC).isoformat()
        raise TooManyUnlockCodes(
            f"card {serial}: has had {most} unlock codes within 24 hours; request the next one after {when}", again_at
        )
    return (*counted, now)
