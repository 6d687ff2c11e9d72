"""A card's record, as something that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc_firmware import journal as storage
from dsc_simulator.board import Flash


@dataclass(frozen=True)
class Record:
    """What outlives the battery; without a key the card is blank.

    `asked` is the unlock challenge that waits for its code, plus 1; 0 means none. `counter` is the next to be used. An
    `unlock_key` that is empty: the card can't be unlocked.
    """

    serial: str = ""
    suite: str = ""
    key: bytes = b""
    checks_pin: bool = False
    tries: int = 5
    failures: int = 0
    unlock_key: bytes = b""
    unlock_failures: int = 0
    asked: int = 0
    counter: int = 0

    @property
    def locked(self) -> bool:
        return self.checks_pin and self.failures >= self.tries

    @property
    def unlocks(self) -> int:
        """How many unlock codes the card still takes."""
        return 10 - self.unlock_failures if self.unlock_key else 0


DAMAGED = Record(serial="(damaged)")
"""What there never is on a card, whatever its power does."""


def read_record(slots: Sequence[bytes | None]) -> Record:
    """What the firmware's own journal finds in a flash with these slots; DAMAGED if it finds that."""
    # Of a copy: the journal mends what it reads.
    journal = storage.Journal(Flash((slots[0], slots[1])))
    if journal.load() == storage.BROKEN:
        return DAMAGED
    found = journal.record
    return Record(
        serial=str(found.serial, "ascii"),
        suite=str(found.suite, "ascii"),
        key=bytes(found.key),
        checks_pin=found.checks_pin,
        tries=found.tries,
        failures=found.failures,
        unlock_key=bytes(found.unlock_key) if found.can_unlock else b"",
        unlock_failures=found.unlock_failures,
        asked=found.asked,
        counter=found.counter,
    )
