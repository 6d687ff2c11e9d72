"""The place of a card in a file, and the refusal of a single card."""

from dataclasses import dataclass

from dsc_host.errors import InputError
from dsc_host.verifier import Enrollment


@dataclass(frozen=True, slots=True)
class Refusal:
    """A `KeyPackage` of a PSKC file, or a row of a CSV, that was left out."""

    number: int
    """The number of the package or row in the file, from 1. The header of a CSV is not counted."""
    line: int
    """The line on which the package or row begins, from 1."""
    serial: str | None
    """The serial, or None if it is missing or invalid."""
    error: InputError
    """The reason. No message holds a PIN or a key."""

    def __str__(self) -> str:
        card = "" if self.serial is None else f", card {self.serial}"
        return f"line {self.line}{card}: {self.error}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A card that was read, with its place in the file. If the records refuse the card, the refusal names this place."""

    number: int
    line: int
    enrollment: Enrollment
