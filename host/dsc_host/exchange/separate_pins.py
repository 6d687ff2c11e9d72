"""PINs that are not in the packages of their card: `PINKeyId` may name a key anywhere in the PSKC file.

A card whose PIN is not in its own packages waits until the end of the file. Then the file is read again, and only the PINs of
waiting cards are kept. So memory grows only with the number of waiting cards, and of PINs without a card. Both numbers are
limited.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from dsc_host.errors import InputError
from dsc_host.exchange.packages import Package, Pin
from dsc_host.exchange.refusal import Placed, Refusal
from dsc_host.verifier import card_rules

MOST_WAITING = 20_000
"""The largest number of cards that wait for their PINs, and of PINs without a card."""


@dataclass(slots=True)
class SeparatePins:
    """The cards of one file that wait for their PINs, and the refusals of PINs without a card."""

    waiting: list[tuple[Placed, str]] = field(default_factory=list)
    """The cards, each with the id of its PIN."""
    strays: list[tuple[Refusal, str | None]] = field(default_factory=list)
    """The refusals of PINs that have no card's key beside them, each with the PIN's id."""

    def wait(self, card: Placed, pin_id: str) -> Iterator[Refusal]:
        """Let a card wait for its PIN. If too many cards wait, yield the card's refusal instead."""
        if len(self.waiting) < MOST_WAITING:
            self.waiting.append((card, pin_id))
        else:
            yield _refusal(
                card,
                f"is not beside its card, like the PINs of {MOST_WAITING} cards before it; split the file, and keep each "
                "PIN in the same file as its card",
            )

    def keep_stray(self, refusal: Refusal, pin: Pin) -> Iterator[Refusal]:
        """Keep the refusal of a PIN without a card until the end. If too many refusals are kept, yield this refusal now."""
        if len(self.strays) < MOST_WAITING:
            self.strays.append((refusal, pin.id))
        else:
            yield refusal

    def settled(self, packages: Iterable[Package]) -> Iterator[Placed | Refusal]:
        """Yield each waiting card with its PIN, or its refusal. Then yield the refusals of PINs that no card names.

        `packages` are all packages of the file, which is read again.
        """
        wanted = {pin_id for _, pin_id in self.waiting}
        found: dict[str, Pin] = {}
        # Keep only one PIN of each id: a hostile file may have any number of them.
        counts = Counter[str]()
        for package in packages if wanted else ():
            for key in package.keys:
                if isinstance(key, Pin) and key.id is not None and key.id in wanted:
                    found[key.id] = key
                    counts[key.id] += 1
        for card, pin_id in self.waiting:
            yield _with_pin(card, pin_id, found.get(pin_id), counts[pin_id])
        for refusal, stray_id in self.strays:
            if stray_id not in wanted:
                yield refusal


def _with_pin(card: Placed, pin_id: str, pin: Pin | None, count: int) -> Placed | Refusal:
    if pin is None or count > 1:
        shown = ascii(pin_id[:32])
        return _refusal(card, f"is missing: PINKeyId names {shown}, but the file has {count or 'no'} PINs with this Id")
    enrollment = replace(card.enrollment, pin=pin.text)
    try:
        card_rules.check(enrollment)
    except InputError as error:
        return Refusal(card.number, card.line, enrollment.serial, error)
    return replace(card, enrollment=enrollment)


def _refusal(card: Placed, problem: str) -> Refusal:
    serial = card.enrollment.serial
    return Refusal(card.number, card.line, serial if card_rules.is_serial(serial) else None, InputError("pin", problem))
