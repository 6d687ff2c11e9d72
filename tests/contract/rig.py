"""A card of any kind, driven only through a serial line and keys, as a real board is.

Tests control time on a simulated card only. On a board, a test that needs this is skipped.
"""

from types import TracebackType
from typing import Self

import pytest
import serial
from tests.firmware.fakes import frame

from dsc_host import CardClient, CardError, Profile
from dsc_host.link import open_port
from dsc_simulator import SimulatedCard

KEY = bytes(range(32))
PIN = "1234"
QUESTION = "482913"
_MARK = "CONTRACT"
_TIMEOUT = 5.0


def profile(**fields: object) -> Profile:
    """Return the profile of a card that the tests may wipe again, with the caller's `fields`."""
    return Profile(**{"serial": _MARK, "key": KEY, **fields})


class Rig:
    """A card that is blank at first, with its port and a client."""

    def __init__(self, url: str, card: SimulatedCard | None = None) -> None:
        self._card = card
        self.port: serial.Serial = open_port(url)
        self.client = CardClient(self.port, timeout=_TIMEOUT)

    def __enter__(self) -> Self:
        self._make_blank()
        self.caps = self.client.hello().caps
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        if self._card is not None:
            self._card.close()

    def _make_blank(self) -> None:
        serial_number = self.client.info().serial
        if not serial_number:
            return
        if not serial_number.startswith(_MARK):
            pytest.fail(f"the card holds a key that is not from these tests (serial {serial_number}): wipe it by hand first")
        self.client.cancel()
        self.client.wipe()
        self.press("OK")
        self.client.wait_event("wipe", _TIMEOUT)
        self.client.cancel()
        self.client.events()

    def press(self, *keys: str) -> str:
        """Press keys over the line and return the display. Skip the test on a board with physical keys."""
        try:
            self.client.press(*keys)
        except CardError as error:
            if error.code != "denied" or self._card is not None:
                raise
            pytest.skip("this board accepts no keys over the line, and nobody is there to press them")
        return self.client.display()

    def enter(self, digits: str) -> str:
        return self.press(*digits, "OK")

    def login(self, pin: str = PIN, question: str = QUESTION) -> str:
        """Log in from OFF. Return the response."""
        self.press("PRESS")
        self.enter(pin)
        return self.enter(question)

    def ask(self, body: str) -> str:
        """Send `>1 body`, checked, and return the card's reply without number and check."""
        replies = self.exchange(frame(f">1 {body}"))
        assert len(replies) == 1
        assert replies[0].startswith("<1 ")
        return replies[0].removeprefix("<1 ")

    def exchange(self, data: bytes) -> list[str]:
        """Send bytes unchanged. Return the replies, without their checks, up to the reply to a `hello` that follows."""
        self.port.write(data + b"\n" + frame(">65535 hello nonce=last"))
        self.port.timeout = _TIMEOUT
        replies = []
        while not (line := self.port.read_until(b"\n").decode()).startswith("<65535 ok nonce=last "):
            assert line.endswith("\n"), "the card did not answer the last request"
            if line.startswith("<"):
                replies.append(line.rpartition("*")[0])
        return replies

    def advance(self, seconds: float) -> None:
        if self._card is None:
            pytest.skip("this test moves time, which is impossible on a real board")
        self._card.advance(seconds)
