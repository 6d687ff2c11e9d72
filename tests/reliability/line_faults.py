"""The faults of a cable. Each fault takes one line and returns the pieces that come out, each after a delay."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from serial import SerialException
from tests.firmware.fakes import frame


@dataclass(frozen=True)
class Lost:
    """A sign that from here on the port raises `error`. If `error` is None, the port accepts everything and stays silent."""

    error: Exception | None


Piece = bytes | Lost
Pieces = Sequence[tuple[float, Piece]]
Carry = Callable[[bytes, random.Random, bool], Pieces]


class Wire(Protocol):
    """The operations that an fault may do on a cable before a call."""

    arrived: bytearray


@dataclass(frozen=True)
class LineFault:
    """`carry(line, rng, to_host)` is applied to each line, `before(cable, number)` before a call with this number.

    `reorders`: a late line comes after what was sent later. `echo`: what the host sends also comes back. `blocked`: the port
    accepts nothing. `reopens`: every other time, the line is good again only after the port is reopened.
    """

    name: str
    carry: Carry
    before: Callable[[Wire, int], None] = lambda cable, number: None
    reorders: bool = False
    echo: bool = False
    blocked: bool = False
    reopens: bool = False


BANNER = b'\r\nMicroPython v1.27.0 on 2025-12-09; Board with a chip\r\nType "help()" for more information.\r\n>>> '
_GONE = (
    SerialException("device reports readiness to read but returned no data (device disconnected?)"),
    OSError(5, "Input/output error"),
    OSError(6, "Device not configured"),
    SerialException(),
)


def _whole(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.0, line)]


def _dropped(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    """Lose one to all of a line's bytes, sometimes only its end. Sometimes the line arrives whole."""
    kind = rng.randrange(4)
    if kind == 0:
        return [(0.0, line.rstrip(b"\r\n"))]
    return [(0.0, bytes(c for c in line if kind == 1 or rng.random() > (0.02, 0.3)[kind - 2]))]


def _doubled_bytes(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.0, b"".join(bytes([c]) * (2 if rng.random() < 0.02 else 1) for c in line))]


def _doubled_lines(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.0, line)] * rng.randint(1, 3) + ([(rng.random(), line)] if to_host and rng.random() < 0.3 else [])


def _flipped(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    altered = bytearray(line)
    for _ in range(rng.choice((0, 1, 1, 3)) if to_host else rng.randrange(2)):
        altered[rng.randrange(len(line))] ^= 1 << rng.randrange(8)
    return [(0.0, bytes(altered))]


def _split() -> Carry:
    """Split each line in two, at the next place each time: in the end, at every place."""
    places = count()

    def carry(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
        at = next(places) % len(line)
        return [(0.0, line[:at]), (rng.choice((0.0, 0.003, 0.1)), line[at:])]

    return carry


def _byte_by_byte(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.001 * at, line[at : at + 1]) for at in range(len(line))]


def _late(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(rng.choice((0.0, 0.65, 1.3, 1.99, 2.0, 2.5)) if to_host else 0.1, line)]


def _swapped(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(rng.choice((0.0, 0.05, 0.4)) if to_host else 0.0, line)]


def _noise(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    kinds = (bytes(300), b"\xff" * 300, b"x" * 5000, b"\r\n\r\n", b"<", b"<1 ok", b"*" * 9, rng.randbytes(40))
    end = rng.choice((b"", b"\n"))
    return [(0.0, rng.choice(kinds) + end), (0.0, line), (0.0, rng.choice(kinds) + b"\n")]


def _wrong_check(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    """Add similar lines with another line's check or with none, before the line or instead of it."""
    body, _, check = line.rstrip(b"\r\n").rpartition(b"*")
    other = b"%08x" % (int(check or b"0", 16) ^ 1 << rng.randrange(32))
    head = body.partition(b" ")[0]
    lies = [
        body + b"*" + other,
        head + b" ok*" + check,
        head + b" ok text=WRONG*" + check,
        head + b" ok",
        body + b"*" + check.upper(),
    ]
    return [(0.0, lie + b"\n") for lie in rng.sample(lies, 3)] + [(0.0, line)] * (rng.random() < 0.7)


def _earlier() -> Carry:
    """Repeat earlier replies, with their numbers."""
    kept: deque[bytes] = deque(maxlen=50)

    def carry(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
        again = [(0.0, old) for old in rng.sample(list(kept), min(len(kept), 3))] if to_host else []
        if to_host and line.startswith(b"<"):
            kept.append(line)
        return again + [(0.0, line)] * (not to_host or rng.random() < 0.7)

    return carry


def _lose_half(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.0, line)] if rng.random() < 0.5 else []


def _earlier_run(cable: Wire, number: int) -> None:
    """Leave answers to an earlier program on the line, with the same numbers that this program now uses."""
    for following in range(number, number + 4):
        for said in (
            b"ok",
            b"ok text=WRONG",
            b"err state WRONG",
            b"ok serial=WRONG suite= pin= counter=0 tries= locked=0 free=",
        ):
            cable.arrived += frame(b"<%d %s" % (following & 0xFFFF, said))


def _interrupted(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    at = rng.randrange(len(line) + 1)
    return [(0.0, line[:at] + rng.choice((b"", b"\x03", b"\x03\x03", b"\r\x03", b"\x04")) + line[at:])]


def _banner(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    at = rng.choice((0, len(line), rng.randrange(len(line)))) if to_host else 0
    return [(0.0, line[:at] + BANNER * to_host + line[at:])]


def _unplugged(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    if not to_host:
        return [(0.0, line)]
    return [(0.0, line[: rng.randrange(len(line))]), (rng.choice((0.0, 0.01)), Lost(rng.choice(_GONE)))]


def _dead(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return [(0.0, line[: rng.randrange(len(line))]), (0.0, Lost(None))] if to_host else [(0.0, line)]


def _nothing(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    return []


def _in_pieces(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
    """Return an echo that is broken into lines of a few bytes."""
    if not to_host or line.startswith((b"<", b"!")):
        return [(0.0, line)]
    step = rng.randint(1, 20)
    return [(0.0, line[at : at + step] + b"\n") for at in range(0, len(line), step)]


def _mixture() -> Carry:
    kinds = (_whole, _dropped, _doubled_lines, _flipped, _split(), _late, _swapped, _noise, _wrong_check, _earlier(), _banner)

    def carry(line: bytes, rng: random.Random, to_host: bool) -> Pieces:
        return rng.choice(kinds)(line, rng, to_host)

    return carry


def line_faults() -> list[LineFault]:
    """Return all line_faults, newly made: some remember what they have carried."""
    return [
        LineFault("bytes dropped", _dropped),
        LineFault("bytes doubled", _doubled_bytes),
        LineFault("lines doubled", _doubled_lines, reorders=True),
        LineFault("bits flipped", _flipped),
        LineFault("split at every place", _split()),
        LineFault("byte by byte", _byte_by_byte),
        LineFault("lines late", _late, reorders=True),
        LineFault("lines swapped", _swapped, reorders=True),
        LineFault("noise between lines", _noise),
        LineFault("wrong checks", _wrong_check),
        LineFault("earlier replies", _earlier()),
        LineFault("an earlier run's replies", _lose_half, before=_earlier_run),
        LineFault("Ctrl-C and Ctrl-D", _interrupted),
        LineFault("a REPL's banner", _banner),
        LineFault("an echo", _whole, echo=True),
        LineFault("an echo in pieces", _in_pieces, echo=True),
        LineFault("unplugged in a reply", _unplugged, reopens=True),
        LineFault("gone without a word", _dead, reopens=True),
        LineFault("a card that never answers", _nothing),
        LineFault("a port that takes nothing", _whole, blocked=True),
        LineFault("all at once", _mixture(), reorders=True),
    ]
