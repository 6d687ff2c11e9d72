"""A card's record in a form that can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from dsc_firmware import journal as storage
from dsc_simulator.board import Flash


@dataclass(frozen=True)
class Record:
    """The data that a card keeps without power. A card without a key is blank.

    `asked` is the open unlock challenge plus 1, or 0 if no challenge is open. `counter` is the counter of the next response. If
    `unlock_key` is empty, the card cannot be unlocked.
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
        """Whether the card is locked."""
        return self.checks_pin and self.failures >= self.tries

    @property
    def unlocks(self) -> int:
        """The number of unlock codes that the card still accepts."""
        return 10 - self.unlock_failures if self.unlock_key else 0


DAMAGED = Record(serial="(damaged)")
"""The result of `read_record` for a damaged record. A power failure must never damage a record."""


def read_record(slots: Sequence[bytes | None]) -> Record:
    """Return the record that the firmware's own journal reads from these slots, or DAMAGED if the journal reports damage."""
    # Give the journal a copy, because it repairs the slots that it reads.
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
