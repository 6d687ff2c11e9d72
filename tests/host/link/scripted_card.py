"""A small card at the far end of a bad line. Only the port is fake, and it has its own clock: no test waits."""

from binascii import crc32
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from serial import SerialException

from dsc_host.link import CardClient, Profile

KEY = bytes(range(0xA0, 0xC0))
READ_TIME = 0.001


def checked(body: str) -> bytes:
    return f"{body}*{crc32(body.encode()):08x}".encode()


class FakePort:
    """A pyserial port on a clock that moves only while someone reads. Bytes arrive when they are due."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timeout: float | None = None
        self.write_timeout: float | None = None
        self.closed = False
        self.written = b""
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.due: list[tuple[float, bytes]] = []
        self.endless = b""
        self.error: Exception | None = None
        self.write_error: Exception | None = None
        self.reads = 0

    def clock(self) -> float:
        return self.now

    def deliver(self, data: bytes, after: float = 0.0) -> None:
        self.due.append((self.now + after, data))
        self.due.sort(key=lambda item: item[0])

    @property
    def in_waiting(self) -> int:
        self._check()
        return sum(len(data) for at, data in self.due if at <= self.now) or len(self.endless)

    def read(self, size: int = 1) -> bytes:
        self._check()
        self.reads += 1
        assert self.timeout is not None, "a read without a timeout can hang"
        if not self.in_waiting:
            arrival = self.due[0][0] if self.due else self.now + self.timeout
            self.now = min(arrival, self.now + self.timeout)
        data = self._take(size)
        self.now += READ_TIME
        return data

    def write(self, data: bytes) -> int:
        self._check()
        if self.write_error:
            assert self.write_timeout is not None, "a write without a timeout can hang"
            self.now += self.write_timeout
            raise self.write_error
        self.written += data
        self.on_write(data)
        return len(data)

    def close(self) -> None:
        self.closed = True

    def _check(self) -> None:
        if self.closed:
            raise SerialException("Attempting to use a port that is not open")
        if self.error:
            raise self.error

    def _take(self, size: int) -> bytes:
        if not self.due or self.due[0][0] > self.now:
            return self.endless[:size]
        at, data = self.due.pop(0)
        if data[size:]:
            self.due.insert(0, (at, data[size:]))
        return data[:size]


@dataclass
class Card:
    """A card that answers as docs/reference/protocol.md says and remembers its requests.

    Tests replace `line` to make the line bad.
    """

    port: FakePort
    answers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[int, str, str]] = field(default_factory=list)
    line: Callable[[bytes], None] = lambda data: None
    deaf: int = 0

    def __post_init__(self) -> None:
        self.port.on_write = self.hear
        self.line = self.port.deliver
        self.answers = {
            "hello": "ok nonce={nonce} protocol=1 firmware=0.1.0 serial=IB3000123 board=double state=off caps=keys",
            "info": "ok serial=IB3000123 suite=OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256 pin=ocra counter=7 tries=5 locked=0"
            " free=91000",
            "display": "ok text=CHALLNG>",
            "entropy": "ok bytes=" + "5a" * 32,
            "personalize": "ok serial=IB3000123",
            "selftest": "ok response=pass entropy=pass journal=pass",
        } | self.answers

    def hear(self, data: bytes) -> None:
        for line in filter(None, data.split(b"\n")):
            body, _, check = line.decode().partition("*")
            assert check == f"{crc32(body.encode()):08x}"
            number, word, *values = body[1:].split(" ")
            self.asked.append((int(number), word, " ".join(values)))
            if self.deaf:
                self.deaf -= 1
                continue
            self.line(self.reply(int(number), word, dict(value.split("=") for value in values)) + b"\r\n")

    def reply(self, number: int, word: str, values: dict[str, str]) -> bytes:
        return checked(f"<{number} " + self.answers.get(word, "ok").format(**values))

    def tell(self, number: int, event: str, after: float = 0.0) -> None:
        self.port.deliver(checked(f"!{number} {event}") + b"\r\n", after)

    @property
    def words(self) -> list[str]:
        return [word for _, word, _ in self.asked]


PROFILE = Profile(serial="IB3000123", key=KEY)
CALLS: dict[str, Callable[[CardClient], object]] = {
    "hello": CardClient.hello,
    "info": CardClient.info,
    "display": CardClient.display,
    "entropy": CardClient.entropy,
    "personalize": lambda client: client.personalize(PROFILE),
    "challenge": lambda client: client.challenge("482913"),
    "cancel": CardClient.cancel,
    "wipe": CardClient.wipe,
    "key": lambda client: client.key("OK"),
    "enter": lambda client: client.enter("1234"),
    "selftest": CardClient.selftest,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
