"""Security code cards, printed and online: the page shows index numbers, by default two, and the user enters their codes.

A code is drawn again only after all other codes of the card were drawn. Once index numbers are drawn, every login asks for
these numbers. Other numbers are drawn only after a correct answer, or after the policy's number of wrong answers. So an
attacker who has seen some codes cannot restart the login until it asks for exactly these codes.

The codes are derived from a seed in the vault. Each card records the number and the length of its codes, so that printed cards
stay valid when the policy changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dsc_host.login import json_column, rows
from dsc_host.login.devices import codes
from dsc_host.login.devices.kinds.base import (
    ACCEPTED,
    REFUSED,
    STALE,
    Attempt,
    DeviceData,
    DeviceKind,
    Offered,
    Outcome,
    secret_of,
)
from dsc_host.login.model import DeviceState, Kind
from dsc_host.login.policy.model import Policy
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device
from dsc_host.records import vault


@dataclass(frozen=True, slots=True)
class OpenIndexes:
    """The index numbers for which all logins ask, until an answer was correct or too many answers were wrong."""

    indexes: tuple[int, ...]
    wrong: int
    """The number of wrong answers."""


@dataclass(frozen=True, slots=True)
class SheetData(DeviceData):
    """The values that are stored with a printed or online code card."""

    asked: str
    """The index numbers that were asked for, as `codes.draw` returns them, in hexadecimal."""
    label: str
    codes: int | None = None
    """The number of codes; None on the cards of early versions, for which the policy has the number."""
    letters: int | None = None
    """The length of a code; None on the cards of early versions, for which the policy has the length."""
    open: OpenIndexes | None = None
    activates_at: float | None = None
    """The Unix time at which the card is activated automatically; None on online cards and on the cards of early versions."""
    given_by: str = ""
    """The name of the support member who gave the temporary code with which an online card was requested; empty on others."""

    def size(self, policy: Policy) -> tuple[int, int]:
        """Return the number and the length of the codes."""
        return self.codes or policy.code_card.codes, self.letters or policy.code_card.code_letters


class _Sheet(DeviceKind):
    """The common base of printed and online code cards."""

    has_sheet = True

    def offer(self, attempt: Attempt, *, manual: bool = False) -> Offered:
        """Offer the open index numbers, or draw new index numbers."""
        data, wanted = SheetData.of(attempt.device), attempt.tx.policy.code_card.indexes
        count, _ = data.size(attempt.tx.policy)
        indexes = data.open.indexes if data.open else ()
        if len(indexes) != wanted or max(indexes) > count:
            # No indexes are open, or a change of the policy has made them useless.
            indexes, asked = codes.draw(bytes.fromhex(data.asked), count, wanted)
            _write(attempt, replace(data, asked=asked.hex(), open=OpenIndexes(indexes, 0)))
        return Offered({"indexes": " ".join(map(str, indexes))}, {"indexes": indexes})

    def check(self, attempt: Attempt, kept: Mapping[str, Any], answer: str) -> Outcome:
        """Check the codes at the open index numbers."""
        data, seed = SheetData.of(attempt.device), vault.get(attempt.tx.cards, secret_of(attempt.device))
        if seed is None or data.open is None or tuple(kept["indexes"]) != data.open.indexes:
            # The card has ended, or an answer in another login has closed these indexes, so this answer cannot count.
            return STALE
        _, letters = data.size(attempt.tx.policy)
        right = codes.matches(seed, data.open.indexes, answer, letters)
        wrong = data.open.wrong + 1
        over = right or wrong >= attempt.tx.policy.login.code_attempts
        _write(attempt, replace(data, open=None if over else replace(data.open, wrong=wrong)))
        return ACCEPTED if right else REFUSED

    def code_letters(self, policy: Policy, device: Device) -> int:
        """Return the number of characters of each code."""
        return SheetData.of(device).size(policy)[1]

    def label(self, device: Device) -> str:
        """Return the number of the card."""
        return SheetData.of(device).label


def _write(attempt: Attempt, data: SheetData) -> None:
    rows.devices.change(attempt.tx.db, attempt.device.id, data=json_column.write(data))


class CodeCard(_Sheet):
    """The kind of printed code cards."""

    name = Kind.CODE_CARD
    physical = True
    lasting = True

    def activates_at(self, device: Device) -> float | None:
        """Return the Unix time at which the card is activated automatically; None if it does not wait for its activation."""
        return SheetData.of(device).activates_at if device.state == DeviceState.SHIPPED else None

    def with_activation(self, device: Device, at: float) -> SheetData:
        """Return the values of a card that is to be activated automatically at the Unix time `at`."""
        return replace(SheetData.of(device), activates_at=at)


class OnlineCard(_Sheet):
    """The kind of online cards: code cards that a page shows, and that are valid for some weeks."""

    name = Kind.ONLINE_CARD
    temporary = True

    def given_by(self, device: Device) -> str:
        """Return the name of the support member who gave the temporary code with which the card was requested."""
        return SheetData.of(device).given_by

    def valid_until(self, policy: Policy, now: float) -> float:
        """Return the Unix time at which an online card that is activated at `now` expires."""
        return now + policy.online_card.valid_days * DAY
