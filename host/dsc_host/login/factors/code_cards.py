"""Security code cards, printed and online ones: two index numbers, and the two codes that stand there.

No code is asked for again before all have been. The codes come from a seed that lies in the vault. How many there are and how
long is known of each card, so that those that are printed stay good when the policy wants other ones.
"""

import binascii
from collections.abc import Mapping
from typing import Any

from dsc_host.login import codes, devices
from dsc_host.login.factors.protocol import ACCEPTED, REFUSED, Desk, Offered, Outcome
from dsc_host.login.reception import data_of, found
from dsc_host.verifier import vault


class CodeCardFactor:
    COUNTS_ITSELF = False

    def offer(self, desk: Desk, *, manual: bool = False) -> Offered:
        card, data = desk.at.policy.code_card, data_of(desk.device)
        asked = binascii.unhexlify(data["asked"])
        indexes, asked = codes.draw(asked, data.get("codes", card.codes), card.indexes)
        devices.with_data(desk.db, desk.device, asked=asked.hex())
        return Offered({"indexes": " ".join(map(str, indexes))}, {"indexes": list(indexes)})

    def check(self, desk: Desk, kept: Mapping[str, Any], answer: str) -> Outcome:
        seed = found(vault.get(desk.at.office, desk.db, devices.secret(desk.device.id)))
        letters = data_of(desk.device).get("letters", desk.at.policy.code_card.code_letters)
        return ACCEPTED if codes.matches(seed, tuple(kept["indexes"]), answer, letters) else REFUSED
