"""Security code cards, printed and online: the page shows two index numbers, and the user enters the two codes.

No code is asked for again before all others have been. No other codes are asked for until these were answered, correctly or
three times wrongly; wrong answers are counted. Somebody who has seen some of the codes can therefore not ask again and again
until the page asks for those.

The codes are derived from a seed in the vault. Each card records the number and the length of its codes, so that printed cards
stay valid when the policy changes.
"""

import binascii
from collections.abc import Mapping
from typing import Any

from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import (
    ACCEPTED,
    REFUSED,
    STALE,
    Attempt,
    DeviceKind,
    Offered,
    Outcome,
    change_data,
    secret_of,
)
from dsc_host.login.model import Kind
from dsc_host.login.policy.model import Policy
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device
from dsc_host.login.transaction import data_of, found
from dsc_host.records import vault

_OPEN = "open"
"""The key, in the data of a device, of the open index numbers with their number of wrong answers."""
_NONE: Mapping[str, Any] = {"indexes": [], "wrong": 0}


class _Sheet(DeviceKind):
    """The common base of printed and online code cards."""

    has_sheet = True

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered:
        """Offer the open index numbers, or draw new ones."""
        card, data = attempt.tx.policy.code_card, data_of(attempt.device)
        count = data.get("codes", card.codes)
        indexes = list((data.get(_OPEN) or _NONE)["indexes"])
        if len(indexes) != card.indexes or max(indexes) > count:
            # No indexes are open, or the policy has changed since.
            drawn, asked = codes.draw(binascii.unhexlify(data["asked"]), count, card.indexes)
            indexes = list(drawn)
            change_data(attempt.tx.db, attempt.device, asked=asked.hex(), **{_OPEN: {"indexes": indexes, "wrong": 0}})
        return Offered({"indexes": " ".join(map(str, indexes))}, {"indexes": indexes})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check the codes at the open index numbers."""
        data = data_of(attempt.device)
        is_open = data.get(_OPEN) or _NONE
        if kept["indexes"] != is_open["indexes"]:
            # The indexes were answered in another login meanwhile, so this answer cannot count.
            return STALE
        seed = found(vault.get(attempt.tx.cards, secret_of(attempt.device)))
        letters = data.get("letters", attempt.tx.policy.code_card.code_letters)
        right = codes.matches(seed, tuple(kept["indexes"]), answer, letters)
        wrong = is_open["wrong"] + 1
        over = right or wrong >= attempt.tx.policy.login.code_attempts
        change_data(attempt.tx.db, attempt.device, **{_OPEN: None if over else {**is_open, "wrong": wrong}})
        return ACCEPTED if right else REFUSED

    def label(self, device: Device) -> str:
        """Return the number of the card."""
        return str(data_of(device)["label"])


class CodeCard(_Sheet):
    """The kind of printed code cards."""

    name = Kind.CODE_CARD
    physical = True
    lasting = True


class OnlineCard(_Sheet):
    """The kind of online cards: code cards on a page, for some weeks."""

    name = Kind.ONLINE_CARD
    temporary = True

    def valid_until(self, policy: Policy, now: float) -> float | None:
        """Return the end of the weeks after the activation."""
        return now + policy.online_card.valid_days * DAY
