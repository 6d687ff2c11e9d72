"""The ways in which a write to the card's flash can fail, and a flash that lets one write fail in one of them."""

from dataclasses import dataclass
from enum import Enum

from tests.firmware.fakes import FaultyFlash
from tests.reliability.report import Scale

from dsc_firmware.journal import SIZE
from dsc_simulator import PowerCut

# The bytes of a slot that count the failures of PINs and of unlock codes, and those of its check.
_COUNTS, _CHECK = (11, 16), range(205, SIZE)
_STRIDE = {Scale.TEST: 104, Scale.FULL: 1}


class Fate(Enum):
    """The outcome of a write."""

    SUCCEEDS = "it is written"
    REFUSED = "an error, and nothing is written"
    WRITTEN = "an error, although it is written"
    LOST = "no error, and nothing is written"
    UNREADABLE = "it is written, and reading it back is an error"
    FLIPPED = "one bit of what is written is wrong"
    MISREAD = "it is written, and one bit is wrong when it is read back"
    TORN = "power is cut at a byte, and what comes after it is as it was"
    BLANKED = "power is cut at a byte, and what comes after it is erased"
    DRY = "it is not even tried, since the source of entropy gives nothing, or always the same"


CUTS = (Fate.TORN, Fate.BLANKED)
_ERASED = b"\xff" * SIZE


@dataclass(frozen=True)
class Fault:
    fate: Fate
    at: int = 0
    """The byte, for a fate that concerns one byte."""


DRIED = (Fault(Fate.DRY, 0), Fault(Fate.DRY, 1))


def faults(scale: Scale) -> list[Fault]:
    """Return every possible outcome of one write."""
    some = range(0, SIZE, _STRIDE[scale])
    flips, tears = sorted({*_COUNTS, *_CHECK, *some}), sorted({*_COUNTS, *some, SIZE})
    # The whole read-back is compared, so a few wrong bytes are enough at both scales. FLIPPED reads back wrong, too.
    at = {Fate.FLIPPED: flips, Fate.MISREAD: [*_COUNTS, *_CHECK], Fate.TORN: tears, Fate.BLANKED: tears, Fate.DRY: []}
    return [Fault(fate, byte) for fate in Fate for byte in at.get(fate, [0])]


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1 << at % 8,)) + data[at + 1 :]


def _left(fault: Fault, old: bytes, new: bytes) -> bytes:
    """Return what a slot holds after this happened to a write. At a cut, some bits of byte `at` are written."""
    fate, at = fault.fate, fault.at
    if fate in (Fate.REFUSED, Fate.LOST):
        return old
    if fate is Fate.FLIPPED:
        return _flipped(new, at)
    if fate not in CUTS:
        return new
    rest = (old if fate is Fate.TORN else _ERASED)[at:]
    return new[:at] + bytes(byte ^ (byte ^ new[at]) & 0x55 for byte in rest[:1]) + rest[1:]


class FatedFlash(FaultyFlash):
    """A flash that has a fate for one write. `held` says whether that write was made and left what it should."""

    held = False
    _misread: int | None = None

    def spoil(self, write: int, fault: Fault) -> None:
        """Give a fate to that write, counted from the next."""
        last = self.writes + write + 1

        def outcome(slot: int, old: bytes, new: bytes) -> tuple[bytes | None, BaseException | None]:
            if self.writes != last:
                return new, None
            left = _left(fault, old, new)
            self.held = left == new
            self._misread = fault.at if fault.fate is Fate.MISREAD else None
            self.unreadable = {slot} if fault.fate is Fate.UNREADABLE else set()
            if fault.fate in CUTS:
                return left, PowerCut()
            return left, OSError(5) if fault.fate in (Fate.REFUSED, Fate.WRITTEN) else None

        self.fault = outcome

    def repair(self) -> None:
        super().repair()
        self._misread = None

    def read(self, slot: int) -> bytes | None:
        data, at, self._misread = super().read(slot), self._misread, None
        return data if data is None or at is None else _flipped(data, at)
