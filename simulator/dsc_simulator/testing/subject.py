"""A simulated card under test, with a tape of its outputs."""

import re
from binascii import crc32
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import unquote

from dsc_simulator.board import Display, Entropy, Flash
from dsc_simulator.card import SimulatedCard
from dsc_simulator.errors import PowerCut
from dsc_simulator.testing.record import Record, read_record

Tape = list[str | Record]
Slots = Sequence[bytes | None]

# Slightly more than the longest step needs: the bytes of two records, and the instructions for a response and for a start.
_BYTES = 430
_INSTRUCTIONS = 3_500_000
_BOOT_INSTRUCTIONS = 26_000_000


def plain(entry: str | Record) -> str | Record:
    """Return one entry of a tape without the parts that the docs do not specify: the version, error texts, random bytes."""
    if isinstance(entry, Record):
        return entry
    if entry.startswith("< err "):
        return " ".join(entry.split(" ")[:3])
    entry = re.sub(r" firmware=\S*", "", entry)
    entry = re.sub(r"(?<= bytes=)[0-9a-f]*", lambda found: str(len(found[0]) // 2), entry)
    return unquote(entry, "latin-1")


class _Screen(Display):
    """A display that reports what it shows."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._tell = tell

    def show(self, cells: bytes | bytearray | memoryview) -> None:
        super().show(cells)
        self._tell(f"[{self.cells.decode('ascii').rstrip()}]")


class _TapedFlash(Flash):
    """A flash that reports when its record changes."""

    def __init__(self, slots: Slots, tell: Callable[[Record], None]) -> None:
        super().__init__((slots[0], slots[1]))
        self._tell = tell
        self.record = read_record(slots)

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        try:
            super().write(slot, data)
        finally:
            # Report the record even if the power fails during the write: all bytes may have been written.
            before, self.record = self.record, read_record(self.slots)
            if self.record != before:
                self._tell(self.record)


class Subject:
    """The card of one engine.

    `tape` has, in order, the outputs of the last step: displays (`[PIN>]`), lines (`! event`, `< reply`, without number and
    checksum) and stored records (`Record`). Every step raises AssertionError for a line that violates the protocol.
    """

    def __init__(self, engine: str, slots: Slots, seed: int) -> None:
        self.tape: Tape = []
        self._marks: list[tuple[int, str | Record]] = []
        self._events = self._number = 0
        self._card: SimulatedCard | None = None
        self.flash = _TapedFlash(slots, self._mark)
        self._card = self.card = SimulatedCard(engine=engine, flash=self.flash, seed=seed)
        self._wind()

    @property
    def record(self) -> Record:
        """The card's record, read by the firmware's own journal."""
        return self.flash.record

    def do(self, act: Callable[[SimulatedCard], object], number: int = 0, cut: float | None = None) -> bool:
        """Run one step. The card's replies must have this number. With `cut` (0 to 1), the power fails at a moment of the step.

        0 is the beginning of the step, and 1 is after the longest possible step. Return whether the power failed: a short step
        may end earlier.
        """
        self._number = number
        if cut is not None:
            self.card.cut_power(int(cut * self._longest(act)))
        try:
            act(self.card)
            self.card.cut_power(None)
        except PowerCut:
            if isinstance(self.card.board.display, _Screen):
                # Ignore this change of the display: the lack of power caused it, not the firmware.
                self._marks.pop()
            return True
        finally:
            self._wind()
        return False

    def _longest(self, act: Callable[[SimulatedCard], object]) -> int:
        if self.card.instructions is None:
            return _BYTES
        return _BOOT_INSTRUCTIONS if act is SimulatedCard.restart else _INSTRUCTIONS

    def become(self, slots: Slots, seed: int) -> None:
        """Restart the card with the flash contents `slots` and with the random numbers of `seed`."""
        self.flash.slots[:] = slots
        self.flash.record = read_record(slots)
        self.card.board.entropy = Entropy(seed)
        self.do(SimulatedCard.restart)

    def _mark(self, entry: str | Record) -> None:
        if self._card is not None:
            # The bytes on the line are read only at the end of the step. Their number at this moment tells the order.
            self._marks.append((self._card.waiting + len(self._card.board.line.outbox), entry))

    def _wind(self) -> None:
        sent = self.card.receive() + self.card.board.line.take()
        self.tape, at = [], 0
        for end, entry in self._marks:
            self.tape += [*self._lines(sent[at:end]), entry]
            at = end
        self.tape += self._lines(sent[at:])
        self._marks.clear()
        self._watch_board()

    def _watch_board(self) -> None:
        # A start gives the board a new display.
        board = self.card.board
        if not isinstance(board.display, _Screen):
            screen = _Screen(self._mark)
            screen.cells = board.display.cells
            board.display = screen

    def _lines(self, sent: bytes) -> Iterator[str]:
        for line in sent.splitlines():
            body, _, check = line.rpartition(b"*")
            assert check == b"%08x" % crc32(body), f"{line!r} has a wrong checksum"
            number, _, rest = body.decode("ascii").partition(" ")
            if rest.startswith("boot "):
                self._events = 0
            assert number == (f"!{self._events}" if number[0] == "!" else f"<{self._number}"), f"{line!r} has a wrong number"
            self._events = (self._events + (number[0] == "!")) & 0xFFFF
            assert not rest.startswith("err bad-arg") or re.match("err bad-arg [a-z]+: ", rest), f"{line!r} names no value"
            yield re.sub(" free=[0-9]*$", "", f"{number[0]} {rest}")
