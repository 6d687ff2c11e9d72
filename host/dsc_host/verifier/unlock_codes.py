"""The codes that unlock a card which has locked itself after too many wrong PINs: how they are made, and how often.

A code is the card's OCRA response (RFC 6287), under its unlock key, to a challenge that the locked card shows.
"""

import math
import re
from datetime import UTC, datetime

from dsc_host.errors import InputError, TooManyUnlockCodes
from dsc_host.ocra import Suite

SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
PERIOD = 24 * 60 * 60
"""The seconds over which a card's codes are counted."""


def check_challenge(challenge: str) -> None:
    if not isinstance(challenge, str) or re.fullmatch("[0-9]{6}", challenge) is None:
        raise InputError("challenge", "must be the 6 digits that the locked card shows")


def with_one_more(serial: str, times: tuple[float, ...], now: float, most: int) -> tuple[float, ...]:
    """The times that still count, in order, and `now` among them. Raises TooManyUnlockCodes if `most` of them do already.

    Times later than `now` count too: a clock that was set back must not make room.
    """
    counted = sorted(time for time in times if now < time + PERIOD)
    if len(counted) >= most:
        again_at = counted[-most] + PERIOD
        when = datetime.fromtimestamp(math.ceil(again_at), UTC).isoformat()
        raise TooManyUnlockCodes(
            f"card {serial}: was given {most} unlock codes within 24 hours; it may have the next one from {when} on", again_at
        )
    return (*counted, now)
