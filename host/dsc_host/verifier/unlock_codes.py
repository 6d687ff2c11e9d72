"""Unlock codes, and their limit. An unlock code unlocks a card that has locked its keypad after too many wrong PINs.

A code is the OCRA response (RFC 6287) under the card's unlock key to a challenge that the locked card shows.
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
    """Raise `InputError` unless the value is a text of 6 digits, as an unlock challenge is."""
    if not isinstance(challenge, str) or re.fullmatch("[0-9]{6}", challenge) is None:
        raise InputError("challenge", "must be the 6 digits that the locked card shows")


def with_one_more(serial: str, times: tuple[float, ...], now: float, most: int) -> tuple[float, ...]:
    """Return those of `times` that still count, sorted, and then `now`. All times are in Unix seconds.

    A time counts for 24 hours. A time later than `now` counts too: more codes must not be possible after the clock was set
    back. Raises `TooManyUnlockCodes` if `most` times count already. `serial` is for the message.
    """
    counted = sorted(time for time in times if now < time + PERIOD)
    if len(counted) >= most:
        again_at = counted[-most] + PERIOD
        when = datetime.fromtimestamp(math.ceil(again_at), UTC).isoformat()
        raise TooManyUnlockCodes(
            f"card {serial}: has had {most} unlock codes within 24 hours; request the next one after {when}", again_at
        )
    return (*counted, now)
