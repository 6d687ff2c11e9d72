"""Security code cards, printed and online ones: two index numbers, and the two codes that stand there.

No code is asked for again before all have been, and no others are asked for before these were answered: rightly, or wrongly
three times, which is counted. So nobody who has seen some of the codes can ask until they are the ones.

The codes come from a seed that lies in the vault. How many there are and how long is known of each card, so that those that
are printed stay good when the policy wants other ones.
"""

import binascii
from collections.abc import Mapping
from typing import Any

from dsc_host.login.devices import codes, registry
from dsc_host.login.devices.kinds.base import ACCEPTED, REFUSED, STALE, Attempt, Offered, Outcome
from dsc_host.login.transaction import data_of, found
from dsc_host.records import vault

_OPEN = "open"
"""In a device's data: the index numbers that wait for their answer, and how often it was wrong."""
_NONE: Mapping[str, Any] = {"indexes": [], "wrong": 0}


class CodeCardFactor:
    COUNTS_ITSELF = False

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered:
        card, data = attempt.tx.policy.code_card, data_of(attempt.device)
        count = data.get("codes", card.codes)
        indexes = list((data.get(_OPEN) or _NONE)["indexes"])
        if len(indexes) != card.indexes or max(indexes) > count:
            # There are none, or the policy has changed meanwhile.
            drawn, asked = codes.draw(binascii.unhexlify(data["asked"]), count, card.indexes)
            indexes = list(drawn)
            registry.with_data(attempt.tx.db, attempt.device, asked=asked.hex(), **{_OPEN: {"indexes": indexes, "wrong": 0}})
        return Offered({"indexes": " ".join(map(str, indexes))}, {"indexes": indexes})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        data = data_of(attempt.device)
        is_open = data.get(_OPEN) or _NONE
        if kept["indexes"] != is_open["indexes"]:
            # They were answered in another login meanwhile: what was typed there is good for nothing here.
            return STALE
        seed = found(vault.get(attempt.tx.cards, registry.secret(attempt.device.id)))
        letters = data.get("letters", attempt.tx.policy.code_card.code_letters)
        right = codes.matches(seed, tuple(kept["indexes"]), answer, letters)
        wrong = is_open["wrong"] + 1
        over = right or wrong >= attempt.tx.policy.login.code_attempts
        registry.with_data(attempt.tx.db, attempt.device, **{_OPEN: None if over else {**is_open, "wrong": wrong}})
        return ACCEPTED if right else REFUSED
