"""Where a card stands in a file, and what is said of one that cannot be taken, while the others are."""

from dataclasses import dataclass

from dsc_host.errors import InputError
from dsc_host.verifier import Enrolment


@dataclass(frozen=True, slots=True)
class Refusal:
    """One `KeyPackage` of a PSKC file, or one row of a CSV, that was left out."""

    number: int
    """Which one of its kind in the file, from 1; a CSV's header is not counted."""
    line: int
    """Where in the file it begins, from 1."""
    serial: str | None
    """Its serial, if it has one that a card could have."""
    error: InputError
    """What is wrong with it. No message holds a PIN or a key."""

    def __str__(self) -> str:
        card = "" if self.serial is None else f", card {self.serial}"
        return f"line {self.line}{card}: {self.error}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A card that can be taken, with where it stands, in case that the records refuse it."""

    number: int
    line: int
    enrolment: Enrolment
