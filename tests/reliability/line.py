"""A faulty line: a host, a simulated card, and between them a cable that does everything that a cable must not do.

The host promises: no call outlives its deadline; a call returns what the card answered to it; only the library's own errors are
raised; on a good line the next call works; and no key is revealed. Time is the cable's own and everything is chosen by a seed,
so nothing waits and every run is the same.
"""

import random
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from typing import Any

import serial
from serial import SerialTimeoutException
from tests.reliability.line_faults import LineFault, Lost, Piece, line_faults
from tests.reliability.report import Row, Scale

from dsc_host import CardClient, CardError, LinkClosed, LinkTimeout, ProtocolError, Suite
from dsc_host.link import Profile as HostProfile
from dsc_host.link.session import READ_SLICE
from dsc_simulator import Profile, SimulatedCard
from dsc_simulator.engines import available

TIMEOUT = 2.0
TICK = 0.001
SERIAL, KEY, PIN = "IB3000123", bytes(range(0xA0, 0xC0)), "1234"
SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256")
PROMISES = ("wrong replies", "hangs", "foreign errors", "not recovered", "keys leaked")
_ROUNDS = {Scale.TEST: {"cpython": 150}, Scale.FULL: {"cpython": 500, "micropython": 200}}


class Hang(BaseException):
    """A call has gone on so long that it would go on forever."""


class Cable:
    """Carries bytes between one card and any number of ports, as `fault` says. `now` moves only while someone reads."""

    def __init__(self, card: SimulatedCard, rng: random.Random) -> None:
        self.now = 0.0
        self.rng = rng
        self.fault: LineFault | None = None
        self.arrived = bytearray()
        self.lost: Exception | None = None
        self.silent = False
        self.said: list[bytes] = []
        self.displays: list[str] = [""]
        self.give_up_at = float("inf")
        self.pass_on: Callable[[bool], None] = lambda waited: None
        self._card = card
        self._far = serial.serial_for_url(card.url, timeout=0)
        self._under_way: list[tuple[float, int, bool, Piece]] = []
        self._last = [0.0, 0.0]
        self._count = 0

    def send(self, data: bytes, *, to_host: bool) -> None:
        for line in data.splitlines(keepends=True):
            for delay, piece in self.fault.carry(line, self.rng, to_host) if self.fault else [(0.0, line)]:
                at = self.now + delay
                if not (self.fault and self.fault.reorders):
                    at = self._last[to_host] = max(at, self._last[to_host])
                self._count += 1
                heappush(self._under_way, (at, self._count, to_host, piece))
        if not to_host and self.fault and self.fault.echo:
            self.send(data, to_host=True)
        self.pump()

    def pump(self) -> None:
        """Deliver what is due."""
        while self._under_way and self._under_way[0][0] <= self.now:
            _, _, to_host, piece = heappop(self._under_way)
            if isinstance(piece, Lost):
                self.lost, self.silent = piece.error, piece.error is None
            elif to_host:
                self.arrived += piece
            else:
                self._far.write(piece)
                self._hear()

    def _hear(self) -> None:
        """Send on what the card says now, and keep it as the truth."""
        self.displays.append(self._card.display)
        data = self._far.read(self._far.in_waiting)
        self.said += data.splitlines()
        self.send(data, to_host=True)

    def owner(self, *keys: str) -> str:
        """Press keys on the card as its owner."""
        shown = self._card.press(*keys)
        self._hear()
        return shown

    def wait(self, seconds: float) -> None:
        if self.now > self.give_up_at:
            raise Hang
        due = self._under_way[0][0] if self._under_way else self.now + seconds
        self.now = max(self.now, min(due, self.now + seconds))
        self.pump()

    def heal(self) -> None:
        """Make the line good from now on. Lines that were under way to the host still arrive, late."""
        # Pieces without a line end do not arrive: inside another line, such a piece would damage it.
        self._under_way = sorted(item for item in self._under_way if item[2] and self._ends(item[3]))
        self.fault = self.lost = None
        self.silent = False

    def _ends(self, piece: Piece) -> bool:
        return isinstance(piece, bytes) and piece.endswith(b"\n")


class Port:
    """One host's end of a cable, as a pyserial port."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self.timeout: float | None = None
        self.write_timeout: float | None = None

    @property
    def in_waiting(self) -> int:
        self._check()
        return len(self._cable.arrived)

    def read(self, size: int = 1) -> bytes:
        self._cable.pass_on(False)
        self._check()
        if not self._cable.arrived and self.timeout is not None:
            self._cable.wait(self.timeout)
            self._cable.pass_on(True)
            self._check()
        data = bytes(self._cable.arrived[:size])
        del self._cable.arrived[:size]
        self._cable.now += TICK
        return b"" if self._cable.silent else data

    def write(self, data: bytes) -> int:
        self._cable.pass_on(False)
        self._check()
        if self._cable.fault and self._cable.fault.blocked:
            self._cable.now += self.write_timeout or 0
            raise SerialTimeoutException("Write timeout")
        if not self._cable.silent:
            self._cable.send(data, to_host=False)
        return len(data)

    def close(self) -> None:
        """Close the port. The cable stays for the next port."""

    def _check(self) -> None:
        self._cable.pump()
        if self._cable.lost:
            raise self._cable.lost


@dataclass
class Host:
    """One CardClient on a cable, and how often it broke each promise."""

    cable: Cable
    broken: dict[str, int]
    tried: int = 0
    slack: float = 3 * TICK
    transcript: list[bytes] = field(default_factory=list)
    asked: str = ""
    counter: int = 0

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        self.client = CardClient(
            Port(self.cable),
            timeout=TIMEOUT,
            clock=lambda: self.cable.now,
            transcript=lambda _, line: self.transcript.append(line),
        )
        self.client._session._next_seq = self.cable.rng.randrange(0x10000)

    def call(self, name: str, *values: object, limit: float = TIMEOUT) -> bool:
        """Make one call and check its result. Return whether it succeeded."""
        self.tried += 1
        began, said, shown = self.cable.now, len(self.cable.said), len(self.cable.displays) - 1
        self.cable.give_up_at = began + 10 * TIMEOUT
        good = True
        try:
            result = getattr(self.client, name)(*values)
            right = self._is_true(name, result, b"\n".join(self.cable.said[said:]).decode(), self.cable.displays[shown:])
        except CardError as error:
            good, right = False, any(b" err %s " % error.code.encode() in line for line in self.cable.said[said:])
        except (LinkTimeout, LinkClosed, ProtocolError):
            good, right = False, True
        except Hang:
            good, right = False, True
            self.broken["hangs"] += 1
        except Exception:
            good, right = False, True
            self.broken["foreign errors"] += 1
        self.broken["wrong replies"] += not right
        self.broken["hangs"] += self.cable.now - began > limit + self.slack
        return good

    def call_one_of(self, calls: Sequence[tuple[str, tuple[object, ...]]]) -> None:
        name, values = self.cable.rng.choice(calls)
        self.call(name, *values)

    def _is_true(self, name: str, result: Any, said: str, shown: list[str]) -> bool:
        """Return whether the card, given what it `said` and has `shown` since, would have given this result."""
        if name == "hello":
            greeting = (result.serial, result.board, result.caps)
            return greeting == (SERIAL, "simulator", {"keys"}) and f" state={result.state} " in said
        if name == "info":
            info = (result.serial, result.suite, result.counter)
            return info == (SERIAL, SUITE.text, self.counter)
        if name == "display":
            return str(result) in shown
        if name == "entropy":
            return f"bytes={result.hex()}*" in said
        if name == "wait_response":
            return str(result) == self.expected
        if name == "personalize":
            return f"ok serial={SERIAL}*" in said
        return " ok*" in said or " ok response=pass " in said

    @property
    def expected(self) -> str:
        return SUITE.response(KEY, self.asked, counter=self.counter - 1, pin=PIN)

    def login(self) -> bool:
        """Ask a question over the line, which the owner confirms if it arrives. Return whether the response came back."""
        self.cable.owner("PRESS") or self.cable.owner("PRESS")
        self.cable.owner(*PIN, "OK")
        self.asked = f"{self.cable.rng.randrange(10**6):06}"
        taken = self.call("challenge", self.asked)
        shown = self.cable.owner("OK")
        self.counter += shown.isdigit() and len(shown) == 8
        if not taken:
            return False
        self.broken["wrong replies"] += shown != self.expected
        return self.call("wait_response", 3.0, limit=3.0)

    def check_well(self, *, whole: bool) -> None:
        """Check that every call succeeds immediately on a good line."""
        good = all(self.call(*call) for call in (("key", "C"), ("display",), ("info",), ("hello",)))
        if whole:
            good = self.login() and good
        self.broken["not recovered"] += not good

    def check_secrets(self) -> None:
        told = b"\n".join(self.transcript + self.cable.said).lower()
        digits = KEY.hex().encode()
        self.broken["keys leaked"] += any(digits[at : at + 12] in told for at in range(0, len(digits) - 12, 4))


READING: list[tuple[str, tuple[object, ...]]] = [("hello", ()), ("display", ()), ("entropy", (16,)), ("selftest", ())]
CALLS = [*READING, ("info", ()), ("cancel", ()), ("key", ("PRESS",)), ("key", ("C",))]


def _host(card: SimulatedCard, rng: random.Random, slack: float = 3 * TICK) -> Host:
    return Host(Cable(card, rng), dict.fromkeys(PROMISES, 0), slack=slack)


def _holding(engine: str) -> SimulatedCard:
    return SimulatedCard(engine=engine, profile=Profile(serial=SERIAL, key=KEY), seed=1)


def use_card(fault: LineFault, engine: str, rounds: int, rng: random.Random) -> Host:
    """Make everyday calls: each once on the bad line, then on the good line."""
    with _holding(engine) as card:
        host = _host(card, rng)
        for number in range(rounds):
            host.cable.fault = fault
            fault.before(host.cable, host.client._session._next_seq)
            if number % 5 == 4:
                host.login()
            else:
                host.call_one_of(CALLS)
            host.cable.heal()
            if fault.reopens and number % 2:
                host.open()
            host.check_well(whole=number % 7 == 6)
        host.check_secrets()
    return host


def personalize(fault: LineFault, engine: str, rng: random.Random) -> Host:
    """Personalize a blank card on the bad line: wholly or not at all. If not at all, do it on the good line."""
    with SimulatedCard(engine=engine, seed=1) as card:
        host = _host(card, rng)
        host.cable.fault = fault
        profile = HostProfile(serial=SERIAL, key=KEY)
        host.call("personalize", profile)
        host.cable.heal()
        # It is refused only if the profile was written after all.
        host.broken["not recovered"] += not host.call("personalize", profile) and not host.call("info")
        host.broken["not recovered"] += not host.login()
        host.check_secrets()
    return host


def apply_fault(fault: LineFault, engine: str, rounds: int, rng: random.Random) -> list[Host]:
    """Apply one fault throughout a card's life."""
    return [use_card(fault, engine, rounds, rng), *(personalize(fault, engine, rng) for _ in range(rounds // 10))]


class Turns:
    """Two threads of which only one runs at a time. They switch where `rng` says, the same way each time."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._doors = (threading.Semaphore(0), threading.Semaphore(0))
        self._running = 0
        self._both = False

    def give_way(self, waited: bool) -> None:
        """Switch sometimes, and always after a wait, because the other thread runs while this one waits."""
        if self._both and (waited or self._rng.random() < 0.5):
            me = self._running
            self._open(1 - me)
            self._doors[me].acquire()

    def run(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Run both to their ends."""
        self._both = True
        threads = [threading.Thread(target=self._take_part, args=(at, job)) for at, job in enumerate((first, second))]
        for thread in threads:
            thread.start()
        self._open(0)
        for thread in threads:
            thread.join()

    def _open(self, door: int) -> None:
        self._running = door
        self._doors[door].release()

    def _take_part(self, me: int, job: Callable[[], None]) -> None:
        self._doors[me].acquire()
        try:
            job()
        finally:
            if self._both:
                self._both = False
                self._open(1 - me)


def share_port(engine: str, rounds: int, rng: random.Random) -> list[Host]:
    """Let two hosts read from one port, so that each takes the other's replies. Then let only one of them continue."""
    with _holding(engine) as card:
        first = _host(card, rng, 4 * READ_SLICE)
        second = Host(first.cable, dict.fromkeys(PROMISES, 0), slack=4 * READ_SLICE)
        turns = Turns(rng)
        first.cable.pass_on = turns.give_way

        def use() -> None:
            for number in range(rounds):
                first.login() if number % 5 == 4 else first.call_one_of(CALLS)

        def look_on() -> None:
            second.counter = first.counter
            for _ in range(rounds):
                second.call_one_of(READING)

        for _ in range(5):
            turns.run(use, look_on)
            first.check_well(whole=True)
    return [first, second]


def run(scale: Scale) -> Iterator[Row]:
    """Yield a row for each fault."""
    for fault in line_faults():
        yield _summary(fault.name, partial(apply_fault, fault), scale)
    yield _summary("two hosts on one port", lambda engine, rounds, rng: share_port(engine, rounds // 5, rng), scale)


def _summary(name: str, play: Callable[[str, int, random.Random], list[Host]], scale: Scale) -> Row:
    tried, broken = 0, dict.fromkeys(PROMISES, 0)
    for engine, rounds in _ROUNDS[scale].items():
        if not available(engine):
            continue
        for host in play(engine, rounds, random.Random(zlib.crc32(f"{name} {engine}".encode()))):
            tried += host.tried
            broken = {promise: broken[promise] + host.broken[promise] for promise in PROMISES}
    return Row(f"line: {name}", "host", tried, broken)
