"""Fake ports that can fail and that record their calls, and the other end of the serial line."""

from binascii import crc32
from collections.abc import Callable

import pytest

from dsc_firmware.link import Receiver
from dsc_simulator import ENGINES, Flash, SimulatedCard
from dsc_simulator.board import Display
from dsc_simulator.engines import available

KEY = bytes(range(0x40, 0x60))
INTERPRETERS = [
    name if available(name) else pytest.param(name, marks=pytest.mark.skip(reason="its packages are not installed"))
    for name in ENGINES
]
needs_micropython = pytest.mark.skipif(not available("micropython"), reason="its packages are not installed")
CLEAR_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06"
Served = tuple[int, str, bool, dict[str, bytes]]


class PowerCut(BaseException):
    """The power is cut: nothing after this instruction happens."""


class FaultyFlash(Flash):
    """Two slots of flash. `fault(slot, old, new)` returns what a write leaves behind, and the error that it then raises.

    `tape` gets ("write", slot) and ("read", slot). Slots in `unreadable` raise OSError when they are read.
    """

    def __init__(self, slots: tuple[bytes | None, bytes | None] = (None, None), tape: list[tuple[str, object]] | None = None):
        super().__init__(slots)
        self.tape = [] if tape is None else tape
        self.fault: Callable[[int, bytes, bytes], tuple[bytes | None, BaseException | None]] | None = None
        self.unreadable: set[int] = set()

    @property
    def writes(self) -> int:
        return sum(name == "write" for name, _ in self.tape)

    def read(self, slot: int) -> bytes | None:
        self.tape.append(("read", slot))
        if slot in self.unreadable:
            raise OSError(5)
        return super().read(slot)

    def write(self, slot: int, data: bytes | bytearray | memoryview) -> None:
        self.tape.append(("write", slot))
        if self.fault is None:
            super().write(slot, data)
            return
        self.slots[slot], error = self.fault(slot, self.slots[slot] or b"", bytes(data))
        if error is not None:
            raise error

    def repair(self) -> None:
        self.fault = None
        self.unreadable = set()


def cut_at(write: int, size: int, erased: bool = False) -> Callable[[int, bytes, bytes], tuple[bytes, BaseException | None]]:
    """Return a fault: power fails in write number `write` (from 0), after `size` bytes. The rest is unchanged, or erased."""
    done = 0

    def fault(slot: int, old: bytes, new: bytes) -> tuple[bytes, BaseException | None]:
        nonlocal done
        done += 1
        if done <= write:
            return new, None
        rest = b"\xff" * (len(new) - size) if erased else old[size:]
        return new[:size] + rest, PowerCut()

    return fault


def lost(slot: int, old: bytes, new: bytes) -> tuple[bytes | None, None]:
    """A fault: the write reports success and does nothing."""
    return old or None, None


def refused(slot: int, old: bytes, new: bytes) -> tuple[bytes | None, OSError]:
    """A fault: the write does nothing and raises OSError."""
    return old or None, OSError(5)


class TapedDisplay(Display):
    """A display that records ("show", text) on the same tape as the flash."""

    def __init__(self, tape: list[tuple[str, object]]):
        super().__init__()
        self.tape = tape

    def show(self, cells: bytes | bytearray | memoryview) -> None:
        super().show(cells)
        self.tape.append(("show", self.cells.decode().rstrip()))


class Listener:
    """A receiver, with copies of the requests that it has served."""

    def __init__(self) -> None:
        self.served: list[Served] = []
        self.receiver = Receiver(self._serve)

    def _serve(self, request) -> None:  # type: ignore[no-untyped-def]
        fields = {bytes(request.name(i)).decode(): bytes(request.value(i)) for i in range(len(request))}
        self.served.append((request.number, request.word, request.checked, fields))

    def hear(self, data: bytes | memoryview) -> list[Served]:
        self.receiver.feed(data)
        return self.served


def frame(text: str | bytes) -> bytes:
    """Return a line with its check and its end."""
    data = text.encode() if isinstance(text, str) else text
    return data + b"*%08x\n" % crc32(data)


def lines(data: bytes) -> list[str]:
    """Return the lines that the card sent, without their checks, each of which must be valid."""
    assert data == b"" or data.endswith(b"\n")
    texts = []
    for line in data.split(b"\n")[:-1]:
        text, star, check = line.rpartition(b"*")
        assert len(line) <= 240
        assert (star, check) == (b"*", b"%08x" % crc32(text))
        assert all(0x20 <= c <= 0x7E for c in text)
        texts.append(text.decode())
    return texts


def values(line: str) -> dict[str, str]:
    """Return the values of one line, still percent-encoded."""
    return dict(part.split("=") for part in line.split(" ")[2:])


def ask(card: SimulatedCard, text: str) -> str:
    """Return the reply to a request, without its sigil and number. Skip the events before it."""
    card.receive()
    card.send(frame(">7 " + text))
    replies = [line for line in lines(card.receive()) if line.startswith("<")]
    assert len(replies) == 1
    assert replies[0].startswith("<7 ")
    return replies[0].removeprefix("<7 ")


def told(card: SimulatedCard, text: str) -> dict[str, str]:
    """Return the values of the reply to a request that must succeed."""
    reply = ask(card, text)
    assert reply.startswith("ok")
    return values("< " + reply)


def events(card: SimulatedCard) -> list[str]:
    """Return the events that the card has sent since the last call, without their sigils and numbers."""
    return [line.partition(" ")[2] for line in lines(card.receive()) if line.startswith("!")]
